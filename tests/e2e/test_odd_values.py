"""Values at the edges: charsets, broken arrays, numbers of any size. Each gets an answer in words, and never a 500."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from daguerre_proto.v1 import classifiers_pb2, corpus_pb2
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server, assert_error
from tests.service.stores.test_npy import BROKEN

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # the same in both
NO_CHARSETS = ("undefined", "punycode", "idna", "utf-16", "utf-16-le", "utf-32", "utf-7", "hex", "base64", "rot13")
NO_CHARSETS += ("zlib", "unicode_escape", "raw_unicode_escape", "mbcs", "nothing", "x" * 300, "'", "a b")
CHARSETS = {"utf-8": "é".encode(), "UTF8": "é".encode(), "latin-1": b"\xe9", "windows-1252": b"\xe9", "ascii": b"e"}
CHARSETS |= {"shift_jis": "カ".encode("shift_jis"), "big5": "中".encode("big5")}
HUGE = ("1e308", "-1e308", "5e-324", "1e150", "9223372036854775808", "18446744073709551616", "1" + "0" * 400)


def form(
    client: httpx.Client, *, body: str = "", part: str = "", name: str = 'name="input"', text: bytes = b"a cat"
) -> httpx.Response:
    head = f"--edge\r\nContent-Disposition: form-data; {name}\r\n".encode("latin-1")
    head += f"Content-Type: text/plain{part}\r\n".encode("latin-1")
    headers = {"content-type": f"multipart/form-data; boundary=edge{body}"}
    return client.post("/v1/embeddings", content=head + b"\r\n" + text + b"\r\n--edge--\r\n", headers=headers)


@pytest.mark.parametrize("charset", [*NO_CHARSETS, '"a\0b"', "\xff"])
def test_a_charset_that_is_none_is_refused_in_words(client: httpx.Client, charset: str) -> None:
    sent = [form(client, part=f"; charset={charset}")]
    if "\0" not in charset and charset.isascii():  # which the client does not send in a header
        sent.append(form(client, body=f"; charset={charset}"))
    if charset.isidentifier() or "-" in charset:
        sent.append(form(client, name=f"name*={charset}''input"))
        sent.append(form(client, name=f"name=\"input\"; filename*={charset}''a.jpg"))
    for answer in sent:
        said = assert_error(answer, 400, "malformed_request")
        assert "send UTF-8" in said["message"] or "cannot be read" in said["message"]
        assert len(said["message"]) < 300


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_text_in_its_own_charset_is_that_text(client: httpx.Client, charset: str) -> None:
    def vector(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]["embedding"]

    text = b"a picture of " + CHARSETS[charset]
    expected = vector(client.post("/v1/embeddings", json={"input": text.decode(charset)}))
    assert vector(form(client, body=f"; charset={charset}", text=text)) == expected
    assert vector(form(client, part=f"; charset={charset}", text=text)) == expected


@pytest.mark.parametrize("name", [name for name in BROKEN if BROKEN[name]])
def test_a_broken_array_is_422(server: Server, client: httpx.Client, name: str) -> None:
    raw = BROKEN[name]
    headers = {"content-type": "application/octet-stream"}
    if raw.startswith(b"\x93NUMPY"):
        assert_error(client.post("/v1/files", content=raw, headers=headers), 422, "invalid_file")
    for modality in ("image", "text"):
        block = {"modality": modality, "model": "m", "fingerprint": "f", "dimension": 3}
        request = json.dumps({"vectors": [block], "method": "kmeans", "k": 2})
        parts = {"request": (None, request), f"{modality}_vectors": ("a.npy", raw)}
        assert_error(client.post("/v1/clusters", files=parts), 422, "invalid_request")
    with stub(server) as calling, pytest.raises(grpc.RpcError) as caught:
        calling.UploadFile(iter([corpus_pb2.UploadFileRequest(data=raw)]))
    assert error(caught.value)["status"] in (415, 422)


METADATA: dict[str, dict[str, Any]] = {
    "negative shape": {"shape": [-2, -3]},
    "huge shape": {"shape": [2**64, 3]},
    "one axis": {"shape": [3]},
    "no time": {"created": None},
    "time without end": {"expires": 1e300, "created": 1e300},
    "time before 1970": {"created": -1e15},
    "negative size": {"bytes": -1},
    "huge size": {"bytes": 2**65},
    "a name of another kind": {"name": [1]},
    "half a character": {"name": "\ud800"},
    "another id": {"id": "file_00"},
    "no video": {"video": {"duration": "x"}},
    "an unknown field": {"more": 1},
}


@pytest.fixture
def stored(server: Server, client: httpx.Client) -> Iterator[Path]:
    rows = io.BytesIO()
    np.save(rows, np.eye(3, dtype=np.float32))
    headers = {"content-type": "application/octet-stream"}
    id = client.post("/v1/files", content=rows.getvalue(), headers=headers).json()["id"]
    yield server.home / "files" / id
    client.delete(f"/v1/files/{id}")


@pytest.mark.parametrize("name", METADATA)
def test_bad_metadata_of_one_file_does_not_break_the_list(
    server: Server, client: httpx.Client, stored: Path, name: str
) -> None:
    meta = json.loads((stored / "meta.json").read_text())
    (stored / "meta.json").write_text(json.dumps({**meta, **METADATA[name]}))
    assert client.get("/v1/files", params={"limit": 1000}).status_code == 200
    assert client.get(f"/v1/files/{stored.name}").status_code == (200 if name == "an unknown field" else 404)
    with stub(server) as calling:
        calling.ListFiles(corpus_pb2.ListFilesRequest(limit=1000))


@pytest.fixture(scope="module")
def classifiers(server: Server) -> dict[str, int]:
    """Two classifiers, each with the number of its moments."""
    quick = {"folds": 2, "inner_folds": 2, "resamples": 5, "strengths": [1.0]}
    items = [{"text": f"{'good' if i % 2 else 'bad'} text {i}"} for i in range(20)]
    with server.client() as client:
        for name, fields in (
            ("edge-labels", {"targets": ["a" if i % 2 else "b" for i in range(20)]}),
            ("edge-numbers", {"targets": [*map(float, range(20))], "task": "continuous"}),
        ):
            answer = client.post("/v1/classifiers", json={"name": name, "input": items, **quick, **fields})
            assert answer.status_code == 200, answer.text
    return {"edge-labels": 2, "edge-numbers": 1}


def test_estimates_of_numbers_of_any_size_are_finite_or_refused(
    server: Server, client: httpx.Client, classifiers: dict[str, int]
) -> None:
    statuses = set()
    for name, columns in classifiers.items():
        for mean in ("0.5", *HUGE):
            for variance in ("0.1", "1.7e308", *HUGE):
                for n in ("100", "2", "9007199254740993", *HUGE[4:]):
                    moments = f'"mean": [{",".join([mean] * columns)}], "variance": [{",".join([variance] * columns)}]'
                    body = f'{{"corpus": {{"n": {n}, {moments}}}}}'
                    headers = {"content-type": "application/json"}
                    answer = client.post(f"/v1/classifiers/{name}/estimate", content=body, headers=headers)
                    assert answer.status_code in (200, 400, 422), f"{body}: {answer.text}"
                    statuses.add(answer.status_code)
                    if answer.status_code == 200:
                        (one, *_) = answer.json()["estimates"].values()
                        assert None not in (one["value"], one["low"], one["high"], *one["classical"])
        with stub(server) as calling:
            for given in (1e308, 1.7e308, 5e-324, float("inf"), float("nan"), -1e308):
                request = classifiers_pb2.EstimateRequest(
                    classifier=name, n=100, mean=[given] * columns, variance=[abs(given)] * columns
                )
                try:
                    answer = calling.Estimate(request)
                except grpc.RpcError as exc:
                    statuses.add(error(exc)["status"])
                else:
                    assert all(np.isfinite([each.value, each.low, each.high]).all() for each in answer.estimates)
    assert {200, 422} <= statuses <= {200, 400, 422}


NUMBERS: dict[str, tuple[str, str]] = {
    "weights of training": ("/v1/classifiers", '"sample_weight": [%s]'),
    "probabilities of training": ("/v1/classifiers", '"inclusion_prob": [%s]'),
    "codes of training": ("/v1/classifiers", '"targets": [%s], "task": "continuous"'),
    "codes without a task": ("/v1/classifiers", '"targets": [%s]'),
    "bounds": ("/v1/classifiers", '"bounds": [%s]'),
    "strengths": ("/v1/classifiers", '"strengths": [%s]'),
    "seed": ("/v1/classifiers", '"seed": %s'),
    "folds": ("/v1/classifiers", '"folds": %s'),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", ["1e308", "5e-324", "9223372036854775808", HUGE[-1], "-1"])
def test_numbers_of_any_size_in_training_are_used_or_refused(client: httpx.Client, name: str, number: str) -> None:
    path, fields = NUMBERS[name]
    each = ",".join([number, "1", "2"] * 4) if name != "bounds" else f"0, {number}"
    targets = "" if "targets" in fields else ', "targets": ["a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b"]'
    if name == "bounds":
        targets = ', "task": "continuous", "targets": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]'
    value = number if name in ("seed", "folds") else each
    items = ",".join(f'{{"text": "text {i}"}}' for i in range(12))
    quick = '"resamples": 2, "inner_folds": 2' + ("" if name == "folds" else ', "folds": 2')
    quick += "" if name == "strengths" else ', "strengths": [1]'
    body = f'{{"name": "edge", "input": [{items}], {quick}, {fields % value}{targets}}}'
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422), f"{body}: {answer.status_code} {answer.text[:500]}"
