"""Vectors in place of items: the answer is that of the items, whichever way the vectors are sent."""

import io
import json
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from daguerre_proto.v1 import classifiers_pb2, zero_shot_pb2
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server, assert_error, base64_of, embed, image, jpeg

PATH = "/v1/zero-shot"
LABELS = ["a cat", "a cup of coffee", "a rocket launch"]
BYTES = {"content-type": "application/octet-stream"}
NAMES = ("chelsea", "coffee", "rocket", "motorcycle_left")
OPTIONS: dict[str, dict[str, Any]] = {
    "labels": {},
    "templates": {"templates": ["{}", "a picture of {}"]},
    "multi_label": {"multi_label": True},
    "none by text": {"none_of_these": {"text": "something else"}},
    "none by cosine": {"none_of_these": {"min_cosine": 0.28}},
}
Sent = Callable[[httpx.Client, dict[str, Any], NDArray[np.float32]], httpx.Response]


@pytest.fixture
def receipt(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/v1/embeddings", json={"input": "a"})
    return dict(answer.json()["receipt"])


def items() -> list[dict[str, str]]:
    return [image(jpeg(name, width=200), name) for name in NAMES]


def npy(rows: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, rows)
    return out.getvalue()


def header(receipt: dict[str, Any], rows: NDArray[Any], **changes: Any) -> dict[str, Any]:
    names = {"modality": "image", "model": receipt["model"], "fingerprint": receipt["fingerprint"]}
    return {**names, "dimension": rows.shape[1], **changes}


def as_json(client: httpx.Client, body: dict[str, Any], rows: NDArray[np.float32]) -> httpx.Response:
    data = base64_of(rows.astype("<f4").tobytes())
    return client.post(PATH, json={**body, "vectors": [{**body["vectors"][0], "data": data}]})


def as_part(client: httpx.Client, body: dict[str, Any], rows: NDArray[np.float32]) -> httpx.Response:
    """A form with the JSON in its part `request`, as for /v1/clusters."""
    return client.post(PATH, data={"request": json.dumps(body)}, files={"image_vectors": ("v.npy", npy(rows))})


def as_fields(client: httpx.Client, body: dict[str, Any], rows: NDArray[np.float32]) -> httpx.Response:
    """A form with a part for each field, as for items."""
    data = {
        name: value if name in ("labels", "templates", "ids") else json.dumps(value) for name, value in body.items()
    }
    return client.post(PATH, data=data, files={"image_vectors": ("v.npy", npy(rows))})


def as_file(client: httpx.Client, body: dict[str, Any], rows: NDArray[np.float32]) -> httpx.Response:
    sent = client.post("/v1/files", content=npy(rows), headers=BYTES)
    assert sent.status_code == 201, sent.text
    try:
        return client.post(PATH, json={**body, "vectors": [{**body["vectors"][0], "file": sent.json()["id"]}]})
    finally:
        client.delete(f"/v1/files/{sent.json()['id']}")


WAYS: dict[str, Sent] = {"JSON": as_json, "part": as_part, "fields": as_fields, "file": as_file}


def columns(answer: httpx.Response) -> tuple[NDArray[np.float64], list[str | None]]:
    assert answer.status_code == 200, answer.text[:2000]
    data = answer.json()["data"]
    return np.array([each["scores"] for each in data]), [each["label"] for each in data]


@pytest.mark.parametrize(("name", "way"), [(name, "JSON") for name in OPTIONS] + [("labels", way) for way in WAYS])
def test_vectors_get_the_answer_of_the_items(
    client: httpx.Client, receipt: dict[str, Any], name: str, way: str
) -> None:
    rows = embed(client, items()).astype(np.float32)
    body = {"labels": LABELS, **OPTIONS[name]}
    expected = client.post(PATH, json={**body, "input": items()})
    found = WAYS[way](client, {**body, "vectors": [header(receipt, rows)], "ids": list(NAMES)}, rows)
    scores, best = columns(found)
    wanted, labels = columns(expected)
    np.testing.assert_allclose(scores, wanted, atol=1e-6)
    assert best == labels
    assert [each["id"] for each in found.json()["data"]] == list(NAMES)
    for field in ("templates", "negatives", "logit_scale", "receipt", "model", "calibrated"):
        assert found.json()[field] == expected.json()[field]


def test_vectors_of_texts_get_the_answer_of_the_texts(client: httpx.Client, receipt: dict[str, Any]) -> None:
    texts = ["a kitten", "an espresso", "a spaceship"]
    rows = embed(client, texts).astype(np.float32)
    expected = client.post(PATH, json={"input": texts, "labels": LABELS})
    found = as_json(client, {"labels": LABELS, "vectors": [header(receipt, rows, modality="text")]}, rows)
    np.testing.assert_allclose(columns(found)[0], columns(expected)[0], atol=1e-6)
    assert "id" not in found.json()["data"][0] or found.json()["data"][0]["id"] is None


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_rows_of_another_precision_are_taken(client: httpx.Client, receipt: dict[str, Any], kind: Any) -> None:
    rows = embed(client, items())
    expected, _ = columns(client.post(PATH, json={"input": items(), "labels": LABELS}))
    found = as_part(client, {"labels": LABELS, "vectors": [header(receipt, rows)]}, rows.astype(kind))
    np.testing.assert_allclose(columns(found)[0], expected, atol=1e-6 if kind is np.float64 else 1e-2)


def test_an_item_without_a_vector_fails_alone(client: httpx.Client, receipt: dict[str, Any]) -> None:
    rows = embed(client, items()).astype(np.float32)
    rows[1] = np.nan
    body = {"labels": LABELS, "vectors": [header(receipt, rows)], "ids": list(NAMES)}
    refused = assert_error(as_json(client, body, rows), 422, "invalid_items")
    assert [(each["index"], each["id"], each["code"]) for each in refused["items"]] == [(1, "coffee", "no_vector")]
    skipped = as_json(client, {**body, "on_error": "skip"}, rows).json()["data"]
    assert skipped[1]["error"]["code"] == "no_vector"
    assert skipped[1]["id"] == "coffee"
    assert [each.get("label") for each in skipped] == ["a cat", None, "a rocket launch", skipped[3]["label"]]


def wrong(rows: NDArray[np.float32], row: int, value: float) -> NDArray[np.float32]:
    changed = rows.copy()
    changed[row, slice(None) if value == 0 else 3] = value
    return changed


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Any], Any], int, str, str]] = {
    "another fingerprint": ({"fingerprint": "f"}, {}, lambda x: x, 422, "fingerprint_mismatch", "no running model"),
    "another dimension": ({}, {}, lambda x: x[:, :64], 422, "invalid_request", "have 64 numbers"),
    "no such modality": ({"modality": "sound"}, {}, lambda x: x, 422, "invalid_request", "modality"),
    "no rows": ({}, {}, lambda x: x[:0], 422, "invalid_request", "0 rows"),
    "NaN in a row": ({}, {}, lambda x: wrong(x, 2, np.nan), 422, "invalid_request", "row 2 has numbers"),
    "infinity": ({}, {}, lambda x: wrong(x, 3, np.inf), 422, "invalid_request", "row 3 has numbers"),
    "zeros": ({}, {}, lambda x: wrong(x, 1, 0), 422, "invalid_request", "row 1 has zeros"),
    "another model": ({}, {"model": "other"}, lambda x: x, 404, "unknown_model", "other"),
    "decode": ({}, {"decode": "exact"}, lambda x: x, 422, "invalid_request", "decode: is for input"),
    "ids of another number": ({}, {"ids": ["a"]}, lambda x: x, 422, "lengths_differ", "1 for 4 items"),
    "a job": ({}, {"mode": "job"}, lambda x: x, 422, "invalid_request", "a job is for videos"),
    "both": ({}, {"input": "a cat"}, lambda x: x, 422, "invalid_request", "either input or vectors"),
}


@pytest.mark.parametrize("name", BAD)
def test_vectors_that_do_not_fit_are_refused(client: httpx.Client, receipt: dict[str, Any], name: str) -> None:
    changes, options, change, status, code, message = BAD[name]
    rows = change(embed(client, items()).astype(np.float32))
    body = {"labels": LABELS, "vectors": [header(receipt, rows, **changes)], **options}
    assert message in assert_error(as_json(client, body, rows), status, code)["message"]


def test_vectors_need_one_block_and_a_request_has_items_or_vectors(
    client: httpx.Client, receipt: dict[str, Any]
) -> None:
    rows = embed(client, items()).astype(np.float32)
    block = {**header(receipt, rows), "data": base64_of(rows.tobytes())}
    two = [block, {**block, "modality": "text"}]
    assert_error(client.post(PATH, json={"labels": LABELS, "vectors": two}), 422, "invalid_request")
    assert_error(client.post(PATH, json={"labels": LABELS, "vectors": []}), 422, "invalid_request")
    nothing = assert_error(client.post(PATH, json={"labels": LABELS}), 422, "invalid_request")
    assert "either input or vectors" in nothing["message"]


def test_grpc_gives_the_same_answer_and_errors(server: Server, client: httpx.Client, receipt: dict[str, Any]) -> None:
    rows = embed(client, items()).astype(np.float32)
    expected, best = columns(client.post(PATH, json={"input": items(), "labels": LABELS}))
    names = header(receipt, rows)
    sent = client.post("/v1/files", content=npy(rows), headers=BYTES).json()["id"]
    with stub(server) as daguerre:
        for content in ({"data": rows.tobytes()}, {"file": sent}):
            block = classifiers_pb2.Vectors(**names, **content)
            found = daguerre.ZeroShot(
                zero_shot_pb2.ZeroShotRequest(labels=LABELS, vectors=[block], ids=list(NAMES)), timeout=60
            )
            np.testing.assert_allclose([each.scores for each in found.data], expected, atol=1e-6)
            assert [each.label for each in found.data] == best
            assert [each.id for each in found.data] == list(NAMES)
            assert found.receipt.fingerprint == receipt["fingerprint"]
        bad = classifiers_pb2.Vectors(**{**names, "fingerprint": "f"}, data=rows.tobytes())
        for request, code in (
            ({"vectors": [bad]}, "fingerprint_mismatch"),
            ({"vectors": [block, block]}, "invalid_request"),
            ({}, "invalid_request"),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                daguerre.ZeroShot(zero_shot_pb2.ZeroShotRequest(labels=LABELS, **request), timeout=60)
            assert error(refused.value)["code"] == code
    client.delete(f"/v1/files/{sent}")
