"""Every kind of bad input gets its status, its code and words that help, and nothing internal."""

import re
import socket
from importlib.util import find_spec

import httpx
import pytest

from tests.e2e.bad_input_table import EMBEDDINGS, TABLE, Row
from tests.e2e.harness import Server, assert_error

# refused before any row runs; the parity tests send every row in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
_INTERNAL = re.compile(
    r"Traceback|site-packages|\.py\b|File \"|line \d+, in|object at 0x|\b[A-Z]\w*(Error|Exception)\b"
    r"|(?i:pydantic|starlette|fastapi|bentoml|uvicorn|pillow\b|\bPIL\b|numpy|onnx|/home/|/usr/|/tmp/|/root/)"
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_bad_input_gets_its_status_code_and_message(strict: httpx.Client, row: Row) -> None:
    if "HEIC" in row.name and find_spec("pillow_heif"):
        pytest.skip("the extra is installed")
    answer = row.send(strict)
    if row.code is None:
        assert answer.status_code == row.status, answer.text[:1000]
        assert "error" not in answer.json()
        return
    error = assert_error(answer, row.status, row.code)
    assert re.search(row.message, error["message"], re.DOTALL), error["message"]
    said = [error["message"], *(item["message"] for item in error["items"])]
    assert not _INTERNAL.search(" ".join(said)), said
    assert all(len(words) < 1000 for words in said)


def test_a_long_text_is_cut_and_listed(strict: httpx.Client) -> None:
    answer = strict.post(EMBEDDINGS, json={"input": ["short", "word " * 900]})
    assert answer.status_code == 200
    assert answer.json()["truncated"] == [1]


def test_the_fault_is_named_by_field(strict: httpx.Client) -> None:
    """`param` says where, for a program."""
    where = {
        "model": {"input": "a", "model": 5},
        "modle": {"input": "a", "modle": "x"},
        "input[1].txt": {"input": ["a", {"txt": "b"}]},
        "dimensions": {"input": "a", "dimensions": 7},
        "input": {"input": []},
    }
    for param, body in where.items():
        assert strict.post(EMBEDDINGS, json=body).json()["error"]["param"] == param


@pytest.mark.parametrize(
    "name",
    [
        "encoding_format",
        "on_error",
        "model",
    ],
)
def test_a_long_value_is_not_echoed_whole(strict: httpx.Client, name: str) -> None:
    answer = strict.post(EMBEDDINGS, json={"input": "a", name: "m" * 100_000})
    assert answer.status_code in (404, 422)
    assert len(answer.text) < 1000


def _speak(server: Server, request: bytes) -> bytes:
    """What a server says to bytes that no HTTP client would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        heard = b""
        while chunk := connection.recv(65536):
            heard += chunk
    return heard


_HEAD = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
_BODY = b'{"input": "a cat"}'
_LENGTH = b"Content-Length: %d\r\n" % len(_BODY)


@pytest.mark.parametrize(
    ("request_bytes", "statuses"),
    [
        pytest.param(_HEAD + b"Content-Length: -1\r\n\r\n", (400,), id="a negative length"),
        pytest.param(_HEAD + b"Content-Length: many\r\n\r\n", (400,), id="a length that is no number"),
        pytest.param(_HEAD + _LENGTH + b"Content-Length: 3\r\n\r\n" + _BODY, (400,), id="two lengths"),
        pytest.param(_HEAD + _LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + _BODY, (400,), id="length and chunks"),
        pytest.param(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400,), id="a broken chunk"),
        pytest.param(_HEAD + _LENGTH + b"no colon here\r\n\r\n" + _BODY, (400,), id="a header without a colon"),
        pytest.param(_HEAD + _LENGTH + b"X-Request-ID: a\r\nX-Request-ID: b\r\n\r\n" + _BODY, (200,), id="two ids"),
        pytest.param(
            _HEAD + _LENGTH + b"Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n" + _BODY,
            (200, 415),
            id="two content types",
        ),
        pytest.param(b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (400, 404, 414), id="a long path"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400,), id="a TLS hello"),
    ],
)
def test_odd_headers_are_refused_and_harm_nobody(
    strict_server: Server, strict: httpx.Client, request_bytes: bytes, statuses: tuple[int, ...]
) -> None:
    heard = _speak(strict_server, request_bytes)
    assert int(heard.split(b" ", 2)[1]) in statuses, heard[:300]
    if not heard.startswith(b"HTTP/1.1 200"):
        assert not _INTERNAL.search(heard.partition(b"\r\n\r\n")[2].decode("latin-1"))
    assert strict.post(EMBEDDINGS, json={"input": "a cat"}).status_code == 200


def test_a_request_id_that_is_no_id_is_replaced(strict: httpx.Client) -> None:
    """An id goes into the log: nobody writes lines of their own there."""
    for odd in ("a b", "x" * 129, "<script>", "é".encode("latin-1")):
        answer = strict.get("/v1/models", headers={"x-request-id": odd})
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
