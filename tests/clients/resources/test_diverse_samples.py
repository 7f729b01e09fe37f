"""Diverse samples, from Python and over plain HTTP, by the same server: `diversity` with vectors."""

import base64
import io

import httpx
import numpy as np
import pytest

from daguerre import Client, DaguerreWarning, InvalidRequestError, TooLargeError
from daguerre.dispatch import vectors as sending
from tests.clients.conftest import kinds
from tests.clients.pretended import SAMPLE, made, server

ROWS = np.random.default_rng(0).standard_normal((400, 16)).astype(np.float32)
ROWS[20:70] = ROWS[20]
SCORES = np.random.default_rng(1).random(400)
SCORES[20:70] = 2.0
BLOCK = {"modality": "image", "model": "mine", "fingerprint": "mine", "dimension": 16}


def body(**changes):
    vectors = [{**BLOCK, "data": base64.b64encode(ROWS.tobytes()).decode()}]
    drawn = {"design": "purposive", "size": 50, "scores": SCORES.tolist(), "vectors": vectors, "diversity": 0.5}
    return {name: value for name, value in (drawn | changes).items() if value is not None}


def test_fifty_copies_of_the_best_match_are_drawn_once(client: Client):
    plain = client.sample(50, scores=SCORES)
    assert sorted(plain.indexes.tolist()) == list(range(20, 70))
    drawn = client.sample(50, scores=SCORES, vectors=ROWS, diversity=0.5)
    assert len(set(drawn.ids)) == 50
    assert ((drawn.indexes >= 20) & (drawn.indexes < 70)).sum() == 1
    assert (drawn.copies, drawn.candidates, drawn.inclusion_prob) == (49, 141, None)
    units = ROWS[drawn.indexes] / np.linalg.norm(ROWS[drawn.indexes], axis=1)[:, None]
    assert drawn.smallest_distance == pytest.approx(1 - (units @ units.T - 2 * np.eye(50)).max(), abs=1e-6)
    assert not drawn.fit_for_inference
    lowest = f"{np.sort(SCORES)[-141]:.4g}"
    stated = f"the 141 of 400 items with the highest scores (the lowest is {lowest}) were candidates"
    assert any(stated in remark for remark in drawn.remarks)
    assert plain.candidates is plain.copies is plain.smallest_distance is None


def test_the_order_of_the_items_does_not_matter(client: Client):
    ids = [f"{i:03}" for i in range(400)]
    order = np.random.default_rng(2).permutation(400)
    for options in ({"scores": True}, {"scores": False, "seed": 5}):
        given = {"scores": SCORES} if options.pop("scores") else {}
        first = client.sample(30, vectors=ROWS, diversity=0.4, ids=ids, **given, **options)
        given = {name: values[order] for name, values in given.items()}
        shuffled = [ids[i] for i in order]
        again = client.sample(30, vectors=ROWS[order], diversity=0.4, ids=shuffled, **given, **options)
        assert first.ids == again.ids


def test_the_items_of_embeddings_near_to_a_text(client: Client, embedded):
    near = client.sample(12, near="a cat", embeddings=embedded)
    assert set(kinds(near.ids[:10])) == {"chelsea"}
    every = client.sample(12, near="a cat", embeddings=embedded, diversity=1)
    assert every.candidates == 32
    assert set(kinds(every.ids[:3])) == {"chelsea", "coffee", "rocket"}
    assert every.ids[0] == near.ids[0]
    assert not any("broken" in id for id in every.ids)
    alone = client.sample(31, embeddings=embedded, diversity=1)  # a file and its copy are one
    assert len([id for id in alone.ids if id.endswith(("rocket0.jpg", "rocket_copy.jpg"))]) == 1


def test_items_without_a_vector_are_not_drawn_and_counted(client: Client):
    rows = ROWS[:40].copy()
    rows[3], rows[7, 2], rows[9] = np.nan, np.inf, 0
    with pytest.warns(DaguerreWarning, match="3 of 40 items have no vector, or one of zeros, and are not drawn"):
        drawn = client.sample(19, vectors=rows, diversity=1)
    assert not {3, 7, 9} & set(drawn.indexes.tolist())
    assert drawn.n == 37


def test_large_vectors_are_uploaded_first_and_deleted(client: Client, monkeypatch):
    whole = client.sample(50, scores=SCORES, vectors=ROWS, diversity=0.5)
    before = {file["id"] for file in client.files()}
    monkeypatch.setattr(sending, "AHEAD", 1000)
    assert client.sample(50, scores=SCORES, vectors=ROWS, diversity=0.5).ids == whole.ids
    assert {file["id"] for file in client.files()} == before


def test_http_takes_vectors_as_json_in_a_form_and_as_a_file(inline):
    written = io.BytesIO()
    np.save(written, ROWS)
    bare = [BLOCK]
    with httpx.Client(base_url=inline.url) as http:
        answer = http.post("/v1/samples", json=body()).json()
        assert len(set(answer["indexes"])) == 50
        assert (answer["copies"], answer["design"], answer["inclusion_prob"]) == (49, "purposive", None)
        form = {"request": (None, httpx.Response(200, json=body(vectors=bare)).content, "application/json")}
        parts = http.post("/v1/samples", files={**form, "image_vectors": ("x.npy", written.getvalue())})
        assert parts.json() == answer
        file = http.post("/v1/files", params={"name": "x.npy"}, content=written.getvalue()).json()["id"]
        assert http.post("/v1/samples", json=body(vectors=[{**BLOCK, "file": file}])).json() == answer
        assert http.delete(f"/v1/files/{file}").status_code == 200
        named = [f"{i:03}" for i in range(400)]
        assert http.post("/v1/samples", json=body(ids=named)).json()["ids"] == [named[i] for i in answer["indexes"]]
        alone = http.post("/v1/samples", json=body(scores=None)).json()
        assert any("were candidates" in remark for remark in alone["remarks"])


def spoiled(value):
    rows = ROWS.copy()
    rows[13, 2] = value
    return [{**BLOCK, "data": base64.b64encode(rows.tobytes()).decode()}]


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"vectors": None}, 422, "diversity: got 0.5 without vectors, by which items differ; send vectors, or leave"),
        ({"diversity": None}, 422, "vectors: are not used without diversity; set diversity (0 to 1), or leave"),
        ({"diversity": 1.5}, 422, "diversity: got 1.5"),
        ({"diversity": -0.1}, 422, "diversity: got -0.1"),
        ({"diversity": "much"}, 422, "diversity: got 'much'"),
        ({"scores": [1.0] * 399}, 422, "vectors: 400 for 399 scores; give one of each item"),
        ({"ids": ["a"] * 399}, 422, "ids: 399 for 400 items; give one for each"),
        ({"size": 401}, 422, "size: got 401, and there are 400 items to draw from; give a size from 1 to 400"),
        ({"size": 10_001}, 413, "size: got 10,001 items with diversity to draw, at most 10,000"),
        ({"vectors": []}, 422, "vectors"),
        ({"vectors": [BLOCK]}, 422, "send image vectors as data, a file, a folder, or the part"),
        ({"vectors": spoiled(np.nan)}, 422, "vectors: the vector of item 13 has NaN or infinity; leave the item out"),
        ({"vectors": [{**BLOCK, "file": "file_0123456789abcdef"}]}, 404, "file_0123456789abcdef"),
        ({"design": "simple", "n": 400, "scores": None}, 422, "diversity: is not used with design simple"),
        ({"design": "stratified", "strata": [1] * 400, "scores": None}, 422, "is not used with design stratified"),
    ],
    ids=lambda value: str(list(value.items()))[:40] if isinstance(value, dict) else "",
)
def test_wrong_requests_are_refused_with_a_way_out(inline, changes, status, says):
    refused = httpx.post(f"{inline.url}/v1/samples", json=body(**changes))
    assert refused.status_code == status
    assert says in refused.json()["error"]["message"]


def test_wrong_arguments_are_refused_with_a_way_out(client: Client):
    for wrong, why in (
        ({"scores": SCORES, "diversity": 0.5}, "diversity: got 0.5, and it needs embeddings, or vectors"),
        ({"scores": SCORES, "vectors": ROWS}, "vectors are for diversity"),
        ({"scores": SCORES[:9], "vectors": ROWS, "diversity": 0.5}, "9 and 400 items"),
        ({"strata": [1] * 400, "vectors": ROWS, "diversity": 0.5}, "design 'stratified'; it is for purposive samples"),
        (
            {"n": 400, "design": "simple", "vectors": ROWS, "diversity": 0.5},
            "design 'simple'; it is for purposive samples",
        ),
        ({"vectors": ROWS[0], "diversity": 0.5}, r"shape \(16,\)"),
    ):
        with pytest.raises(ValueError, match=why):
            client.sample(3, **wrong)
    with pytest.raises(InvalidRequestError, match="diversity: got 2"):
        client.sample(3, vectors=ROWS, diversity=2)
    with pytest.raises(TooLargeError, match="at most 10,000"):
        client.sample(10_001, vectors=np.ones((10_001, 2), np.float32), diversity=0.5)


def test_an_older_servers_answer_is_read():
    there = server(samples=SAMPLE)
    with there.client() as client:
        drawn = client.sample(2, embeddings=made(), diversity=0)
    assert there.fields("/v1/samples")["diversity"] == 0
    assert drawn.candidates is None
