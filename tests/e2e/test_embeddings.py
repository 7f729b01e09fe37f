"""POST /v1/embeddings: every way in and out, and that no vector depends on its company."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from daguerre_proto.v1 import embeddings_pb2
from daguerre_proto.v1.common_pb2 import Item
from tests.e2e.grpc_calls import stub
from tests.e2e.harness import (
    FILES,
    Server,
    base64_of,
    cosines,
    embed,
    image,
    jpeg,
    photo_file,
    vectors,
)
from tests.models.image_samples import ordinary

PATH = "/v1/embeddings"
SAME = 0.999999
TEXTS = [
    "cat",
    "a cat asleep on a sofa",
    "a rocket on its launch pad, minutes before it leaves the ground for the first time",
    "Ein Café voller Leute 🎉",
    "police and protesters face each other in front of the parliament " * 6,
    "word " * 240,
]


def test_a_text_is_a_unit_vector(client: httpx.Client) -> None:
    answer = client.post(PATH, json={"input": "a cat"})
    body = answer.json()
    assert body["object"] == "list"
    assert body["model"] == "embedded"
    assert [entry["index"] for entry in body["data"]] == [0]
    assert body["data"][0]["object"] == "embedding"
    assert vectors(answer).shape == (1, 1280)
    assert np.linalg.norm(vectors(answer)[0]) == pytest.approx(1, abs=1e-6)
    assert body["usage"] == {"prompt_tokens": 4, "total_tokens": 4}  # [CLS] a cat [SEP]
    assert body["truncated"] == []


def test_the_receipt_is_that_of_the_model(client: httpx.Client) -> None:
    receipt = client.post(PATH, json={"input": "a cat"}).json()["receipt"]
    card = client.get("/v1/models/embedded").json()
    assert receipt["fingerprint"] == card["fingerprint"]
    assert receipt["revision"] == card["revision"]
    assert receipt["precision"] == "fp32"
    assert receipt["provider"] == "CPUExecutionProvider"
    assert receipt["demonstration"] is True
    assert "validate" in receipt["notice"]


def test_every_form_of_text_is_the_same_vector(client: httpx.Client) -> None:
    forms: list[Any] = ["a cat", ["a cat"], {"text": "a cat"}, [{"text": "a cat", "id": "x"}]]
    made = np.concatenate([embed(client, form) for form in forms])
    np.testing.assert_array_equal(made, np.repeat(made[:1], len(forms), axis=0))


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_way_to_send_a_photo_is_the_same_vector(client: httpx.Client, name: str) -> None:
    data = photo_file(name)
    uri = f"data:image/png;base64,{base64_of(data)}"
    lines = base64.encodebytes(data).decode()
    made = [embed(client, [{"image": form}]) for form in (base64_of(data), uri, lines)]
    made.append(vectors(client.post(PATH, files=[("input", (FILES[name], data))])))
    made.append(vectors(client.post(PATH, files=[("input", ("wrong.txt", data, "text/plain"))])))
    for vector in made:
        assert vector.shape == (1, 1280)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
        np.testing.assert_array_equal(vector, made[0])


def test_photos_differ(client: httpx.Client) -> None:
    made = embed(client, [image(photo_file(name)) for name in FILES])
    between = made @ made.T
    assert (between[~np.eye(len(FILES), dtype=bool)] < 0.9).all()


def test_mixed_items_keep_their_order_and_ids(client: httpx.Client) -> None:
    items = [
        image(photo_file("chelsea"), "photo-1"),
        "a cat",
        {"text": "a cup of coffee", "id": "post-2"},
        image(photo_file("coffee")),
        {"text": "a cat", "id": "photo-1"},
    ]
    answer = client.post(PATH, json={"input": items, "model": "embedded"})
    data = answer.json()["data"]
    assert [entry["index"] for entry in data] == [0, 1, 2, 3, 4]
    assert [entry.get("id") for entry in data] == ["photo-1", None, "post-2", None, "photo-1"]
    alone = np.concatenate([embed(client, [item]) for item in items])
    assert (cosines(vectors(answer), alone) > SAME).all()


def test_a_form_of_files_and_texts_equals_json(client: httpx.Client) -> None:
    photos = [jpeg(name, width=320) for name in FILES]
    parts: list[tuple[str, Any]] = []
    for i, photo in enumerate(photos):
        parts += [("input", (f"{i}.jpg", photo)), ("input", (None, f"text {i}"))]
    answer = client.post(PATH, files=parts, data={"encoding_format": "float", "on_error": "fail"})
    items: list[Any] = []
    for i, photo in enumerate(photos):
        items += [image(photo), f"text {i}"]
    assert (cosines(vectors(answer), embed(client, items)) > SAME).all()
    ids = [entry.get("id") for entry in answer.json()["data"]]
    assert ids == [name for i in range(len(photos)) for name in (f"{i}.jpg", None)]


def test_base64_answers_hold_the_same_float32(client: httpx.Client) -> None:
    items = [image(photo_file("rocket")), "a rocket"]
    floats = embed(client, items)
    packed = client.post(PATH, json={"input": items, "encoding_format": "base64"}).json()["data"]
    unpacked = np.stack([np.frombuffer(base64.b64decode(entry["embedding"]), "<f4") for entry in packed])
    assert unpacked.shape == (2, 1280)
    np.testing.assert_array_equal(unpacked, floats.astype(np.float32))


@pytest.fixture
def company(server: Server) -> Iterator[None]:
    """Callers with photos and texts of their own, as long as the test runs."""
    end = threading.Event()
    items = [[image(jpeg(name, width=200)), name] for name in ("astronaut", "hubble_deep_field", "retina")]

    def call(mine: list[Any]) -> int:
        done = 0
        with server.client() as client:
            while not end.is_set() or not done:
                assert client.post(PATH, json={"input": mine * 2}).status_code == 200
                done += 1
        return done

    with ThreadPoolExecutor(len(items)) as threads:
        calls = [threads.submit(call, mine) for mine in items]
        try:
            yield
        finally:
            end.set()
        assert all(each.result(timeout=60) for each in calls)


def _neighbours() -> list[dict[str, str]]:
    return [image(jpeg(list(FILES)[i % len(FILES)], width=120 + 10 * i)) for i in range(31)]


@pytest.mark.usefixtures("company")
def test_an_image_is_the_same_alone_and_among_others(client: httpx.Client) -> None:
    subject = image(photo_file("chelsea"))
    others = _neighbours()
    alone = embed(client, [subject])
    for size in (2, 8, 32):
        for place in (0, size // 2, size - 1):
            items = [*others[: size - 1][:place], subject, *others[: size - 1][place:]]
            assert cosines(embed(client, items)[place : place + 1], alone) > SAME, (size, place)


@pytest.mark.usefixtures("company")
def test_a_text_is_the_same_alone_and_among_others(client: httpx.Client) -> None:
    alone = np.concatenate([embed(client, text) for text in TEXTS])
    for size in (2, 8, 32):
        items = [TEXTS[i % len(TEXTS)] for i in range(size)]
        expected = np.stack([alone[i % len(TEXTS)] for i in range(size)])
        assert (cosines(embed(client, items), expected) > SAME).all(), size


def test_transparent_pixels_are_white(client: httpx.Client) -> None:
    photo = Image.open(io.BytesIO(photo_file("chelsea"))).convert("RGB")
    mask = np.zeros((photo.height, photo.width), np.uint8)
    mask[50:250, 100:350] = 255
    flat = np.array(photo)
    flat[mask == 0] = 255
    photo.putalpha(Image.fromarray(mask))
    sent = []
    for picture in (photo, Image.fromarray(flat)):
        out = io.BytesIO()
        picture.save(out, "PNG")
        sent.append(image(out.getvalue()))
    made = embed(client, sent)
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)
    assert cosines(made[:1], embed(client, [image(photo_file("chelsea"))])) < 0.999


def test_every_format_that_is_read_has_a_vector(client: httpx.Client) -> None:
    files = ordinary()
    made = embed(client, [image(data, name) for name, data in files.items()])
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-6)
    of_png = made[list(files).index("png")][None]
    lossless = [i for i, name in enumerate(files) if name in ("bmp", "tiff", "tiff-lzw", "tiff-pages")]
    assert (cosines(made[lossless], of_png) > SAME).all()


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket", "motorcycle_left"])
def test_scaled_decoding_is_near_exact_and_says_so(client: httpx.Client, name: str) -> None:
    item = image(jpeg(name, width=4000))
    exact = client.post(PATH, json={"input": [item], "decode": "exact"})
    scaled = client.post(PATH, json={"input": [item], "decode": "scaled"})
    assert cosines(vectors(exact), vectors(scaled)) >= 0.999
    assert not np.array_equal(vectors(exact), vectors(scaled))  # it did something
    card = client.get("/v1/models/embedded").json()
    assert exact.json()["receipt"]["fingerprint"] == card["fingerprint"]
    assert scaled.json()["receipt"]["fingerprint"] == card["fingerprint_scaled"] != card["fingerprint"]
    assert [answer.json()["receipt"]["decode"] for answer in (exact, scaled)] == ["exact", "scaled"]


def test_a_skipped_item_carries_its_error_and_the_others_their_vectors(client: httpx.Client) -> None:
    items = ["a cat", image(b"not an image", "bad-1"), image(photo_file("chelsea"), "good-2"), {"text": "", "id": "3"}]
    answer = client.post(PATH, json={"input": items, "on_error": "skip"})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert [entry["index"] for entry in data] == [0, 1, 2, 3]
    assert [entry.get("id") for entry in data] == [None, "bad-1", "good-2", "3"]
    assert [entry.get("error", {}).get("code") for entry in data] == [None, "unsupported_image", None, "invalid_text"]
    assert ["embedding" in entry for entry in data] == [True, False, True, False]
    good = np.array([data[0]["embedding"], data[2]["embedding"]])
    assert (cosines(good, embed(client, [items[0], items[2]])) > SAME).all()


def test_the_native_dimension_may_be_named(client: httpx.Client) -> None:
    np.testing.assert_array_equal(embed(client, "a cat", dimensions=1280), embed(client, "a cat"))


def test_openai_user_is_taken_and_ignored(client: httpx.Client) -> None:
    np.testing.assert_array_equal(embed(client, "a cat", user="somebody"), embed(client, "a cat"))


@pytest.fixture
def openai_client(server: Server) -> Iterator[openai.OpenAI]:
    transport = httpx.Client(timeout=60, trust_env=False)
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="unused", timeout=60, max_retries=0, http_client=transport
    ) as client:
        yield client


def test_the_openai_client_works(openai_client: openai.OpenAI, client: httpx.Client) -> None:
    texts = ["a cat", "a cup of coffee"]
    expected = embed(client, texts)
    by_default = openai_client.embeddings.create(model="embedded", input=texts)  # asks for base64, and unpacks it
    as_floats = openai_client.embeddings.create(model="embedded", input=texts, encoding_format="float", user="me")
    for answer in (by_default, as_floats):
        assert [entry.index for entry in answer.data] == [0, 1]
        np.testing.assert_allclose([entry.embedding for entry in answer.data], expected, atol=1e-7)
        assert answer.usage.prompt_tokens > 0
    assert [model.id for model in openai_client.models.list()] == ["embedded"]
    assert openai_client.models.retrieve("embedded").id == "embedded"


def test_the_openai_client_understands_our_errors(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-5") as missing:
        openai_client.embeddings.create(model="gpt-5", input="a cat")
    assert missing.value.code == "unknown_model"
    assert missing.value.param == "model"
    assert missing.value.request_id
    with pytest.raises(openai.UnprocessableEntityError, match="token arrays"):
        openai_client.embeddings.create(model="embedded", input=[1, 2, 3])
    with pytest.raises(openai.UnprocessableEntityError, match="1280"):
        openai_client.embeddings.create(model="embedded", input="a cat", dimensions=256)


# --- remarks and odd requests ---------------------------------------------------------------------------------------

UNKNOWN = ["\U0001f600", "a cat", "\u732b", "\u200b", "\U0001f600 cat"]


def test_texts_of_which_the_model_knows_no_token_are_remarked(client: httpx.Client, server: Server) -> None:
    answer = client.post(PATH, json={"input": UNKNOWN}).json()
    assert (answer["unknown"], answer["truncated"]) == ([0, 2, 3], [])
    rows = np.array([entry["embedding"] for entry in answer["data"]])
    assert np.abs(rows[0] - rows[2]).max() < 1e-6  # which is why
    scored = client.post("/v1/zero-shot", json={"input": UNKNOWN, "labels": ["a cat", "a dog"]}).json()
    assert scored["unknown"] == [0, 2, 3]
    items = [Item(text=text) for text in UNKNOWN]
    stream = [embeddings_pb2.EmbedStreamRequest(items=items[i : i + 2]) for i in (0, 2, 4)]
    with stub(server) as calls:
        assert list(calls.Embed(embeddings_pb2.EmbedRequest(items=items)).unknown) == [0, 2, 3]
        assert [i for each in calls.EmbedStream(iter(stream)) for i in each.unknown] == [0, 2, 3]


def test_texts_that_the_model_cannot_tell_apart_are_left_out_of_duplicates(client: httpx.Client) -> None:
    posts = [{"text": text} for text in (*UNKNOWN, "a cat")]
    said = client.post("/v1/duplicates", json={"kind": "semantic", "input": posts}).json()
    assert [group["members"] for group in said["groups"]] == [[1, 4, 5]]
    assert [(each["index"], each["error"]["code"]) for each in said["unusable"]] == [
        (i, "unknown_text") for i in (0, 2, 3)
    ]
    none = client.post("/v1/duplicates", json={"kind": "semantic", "input": [posts[0], posts[2]]})
    assert none.status_code == 422
    assert "none of 2 items can be compared; the first: text has no token" in none.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (PATH, {}),
        ("/v1/zero-shot", {"labels": ["a cat", "a dog"]}),
        ("/v1/clusters", {"method": "kmeans", "k": 2}),
        ("/v1/duplicates", {"kind": "semantic"}),
    ],
)
def test_half_of_a_surrogate_pair_fails_alone(client: httpx.Client, path: str, more: dict[str, Any]) -> None:
    items = [{"text": text} for text in ("a cat", "cut \ud83d", "a dog", "rain")]
    body = json.dumps({"input": items, "on_error": "skip", **more})
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    failed = [each for each in answer.json().get("unusable", answer.json().get("data", ())) if "error" in each]
    assert [(each["index"], each["error"]["code"]) for each in failed] == [(1, "invalid_text")]
    assert "half of a surrogate pair at character 4" in failed[0]["error"]["message"]
    body = body.replace('"skip"', '"fail"')
    refused = client.post(path, content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 422
    assert [item["index"] for item in refused.json()["error"]["items"]] == [1]


def test_nulls_are_fields_that_are_left_out(client: httpx.Client) -> None:
    """As LiteLLM and others fill in all fields."""
    names = ("encoding_format", "dimensions", "user", "on_error", "decode", "sampling", "mode", "model")
    answer = client.post(PATH, json={"input": ["a cat"], **dict.fromkeys(names)})
    assert answer.status_code == 200
    np.testing.assert_allclose(vectors(answer), embed(client, ["a cat"]), atol=1e-6)


def test_an_upload_may_have_a_name_of_rfc_5987_or_none(client: httpx.Client) -> None:
    head = b"Content-Disposition: form-data; name=\"input\"; filename*=UTF-8''%C3%BC.jpg\r\n\r\n"
    bare = b'Content-Disposition: form-data; name="input"\r\nContent-Type: image/jpeg\r\n\r\n'
    photo = jpeg("coffee", width=64)
    body = b"--B\r\n" + head + photo + b"\r\n--B\r\n" + bare + photo + b"\r\n--B--\r\n"
    answer = client.post(PATH, content=body, headers={"content-type": "multipart/form-data; boundary=B"})
    first, second = answer.json()["data"]
    assert (first["id"], second.get("id")) == ("\u00fc.jpg", None)
    assert first["embedding"] == pytest.approx(second["embedding"], abs=1e-6)
