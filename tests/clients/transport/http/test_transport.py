"""HTTP: what is sent, and what becomes of every kind of answer."""

import asyncio
import json
import re
import time
from email.utils import formatdate

import httpx
import pytest

from daguerre import Client, errors, version
from daguerre.transport.http.body import form as _form
from daguerre.transport.http.transport import HttpTransport, _seconds
from daguerre.transport.operations import EMBED, ZERO_SHOT
from daguerre.types.common import Payload
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.zero_shot import ZeroShotOptions

OURS = {"daguerre-version": "0.1.0", "x-request-id": "r1"}


def transport(answer) -> HttpTransport:
    """One whose server is `answer`, a function of the request."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return HttpTransport("http://server", api_key="secret", timeout=5, concurrency=2, client=client)


def embed(answer):
    return asyncio.run(transport(answer).call(EMBED, EmbedOptions().fields(), items=[Payload(text="a")]))


def refused(answer) -> errors.DaguerreError:
    with pytest.raises(errors.DaguerreError) as caught:
        embed(answer)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (405, errors.InvalidRequestError),
        (413, errors.TooLargeError),
        (415, errors.InvalidRequestError),
        (422, errors.InvalidRequestError),
        (429, errors.OverloadedError),
        (500, errors.ServerError),
        (502, errors.UnavailableError),
        (503, errors.UnavailableError),
        (504, errors.ServerTimeoutError),
        (599, errors.ServerError),
    ],
)
def test_each_status_has_its_class(status, kind):
    items = [{"index": 2, "id": None, "code": "invalid_text", "message": "no"}]
    body = {"error": {"code": "c", "message": "m", "param": "p", "request_id": "r", "items": items}}
    exc = refused(lambda request: httpx.Response(status, json=body, headers={"retry-after": "7"}))
    assert type(exc) is kind
    assert (exc.status, exc.code, exc.message, exc.param, exc.request_id) == (status, "c", "m", "p", "r")
    assert exc.items == [errors.ItemError(2, "2", "invalid_text", "no")]
    assert exc.retry_after == 7.0
    assert str(exc) == "m (request r)"


def test_a_proxys_page_is_quoted_and_keeps_its_class():
    page = "<html><h1>502 Bad Gateway</h1>" + "x" * 5000
    exc = refused(lambda request: httpx.Response(502, text=page))
    assert isinstance(exc, errors.UnavailableError)
    assert "Bad Gateway" in exc.message
    assert len(exc.message) < 400
    assert "http://server" in exc.message


def test_redirects_are_not_followed():
    exc = refused(lambda request: httpx.Response(301, headers={"location": "https://elsewhere/"}))
    assert "https://elsewhere/" in exc.message


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "not_daguerre"), ({"daguerre-version": "0.0.9"}, "server_too_old"),
     ({"daguerre-version": "1.0.0"}, "server_too_new"), ({"daguerre-version": "new"}, "unknown_version")],
)  # fmt: skip
def test_a_server_that_we_do_not_know_is_said(headers, code):
    exc = refused(lambda request: httpx.Response(200, json={"data": []}, headers=headers))
    assert isinstance(exc, errors.IncompatibleServerError)
    assert exc.code == code


def test_versions_within_the_range_are_fine():
    for known in ("0.1.0", "0.1.99", "0.9.0.dev1", "0.10.2"):
        assert version.check(known, "http://x") == known


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"data": [{"embedding": 3}]}', b'{"data": 3}', b'{"data": []}']
)
def test_an_answer_of_another_shape_is_the_servers_error(body):
    exc = refused(lambda request: httpx.Response(200, content=body, headers=OURS))
    assert isinstance(exc, errors.IncompatibleServerError)


@pytest.mark.parametrize("exc",
    [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.RemoteProtocolError("x"),
                                 httpx.ReadTimeout("late"), httpx.PoolTimeout("full")])  # fmt: skip
def test_nothing_of_httpx_leaks(exc):
    def fail(request):
        raise exc

    found = refused(fail)
    assert isinstance(found, errors.ConnectError)
    assert "http://server" in found.message
    assert found.__cause__ is exc


def test_the_key_and_nothing_of_this_machine_is_sent():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(500)

    refused(answer)
    (request,) = seen
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["user-agent"] == f"daguerre-python/{version.__version__}"
    assert json.loads(request.content) == {"on_error": "skip", "encoding_format": "base64", "input": [{"text": "a"}]}


def test_forms_hold_the_bytes_as_they_are_and_no_names():
    from python_multipart.multipart import parse_options_header
    from starlette.formparsers import MultiPartParser

    image = bytes(range(256)) * 3 + b"\r\n--daguerre-\r\n"
    fields = {"labels": ["ä", "b\r\nc"], "multi_label": True, "none_of_these": {"min_cosine": 0.5}, "model": "m"}
    content, kind = _form(fields, [Payload(image=image), Payload(text="Ünï")])
    boundary = parse_options_header(kind)[1][b"boundary"]
    assert re.fullmatch(rb"daguerre-[0-9a-f]{32}", boundary)

    async def parse():
        async def body():
            yield content

        from starlette.datastructures import Headers

        form = await MultiPartParser(Headers({"content-type": kind}), body()).parse()
        found = [(name, value if isinstance(value, str) else (value.filename, await value.read()))
                 for name, value in form.multi_items()]  # fmt: skip
        await form.close()
        return found

    assert asyncio.run(parse()) == [
        ("labels", "ä"),
        ("labels", "b\r\nc"),
        ("multi_label", "true"),
        ("none_of_these", '{"min_cosine": 0.5}'),
        ("model", "m"),
        ("input", ("0", image)),
        ("input", "Ünï"),
    ]


def test_options_that_are_left_out_are_not_sent():
    seen = []

    def answer(request):
        seen.append(json.loads(request.content))
        return httpx.Response(500)

    with pytest.raises(errors.ServerError):
        asyncio.run(
            transport(answer).call(ZERO_SHOT, ZeroShotOptions(labels=["x", "y"]).fields(), items=[Payload(text="a")])
        )
    assert seen == [{"on_error": "skip", "labels": ["x", "y"], "multi_label": False, "input": [{"text": "a"}]}]


def test_retry_after_is_seconds_or_a_date():
    assert _seconds("3") == 3.0
    assert _seconds("-3") == 0.0
    assert _seconds(formatdate(time.time() + 100, usegmt=True)) == pytest.approx(100, abs=3)
    assert _seconds(formatdate(time.time() - 100, usegmt=True)) == 0.0
    assert _seconds("soon") is None
    assert _seconds(None) is None


def test_a_client_of_your_own_is_used_with_your_headers_and_ours_and_closed_in_the_end():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={"data": []}, headers=OURS)

    own = httpx.AsyncClient(transport=httpx.MockTransport(answer), headers={"x-team": "7"}, timeout=1)
    with Client("http://server", api_key="secret", http_client=own) as client:
        assert client.models() == []
        assert not own.is_closed
    (request,) = seen
    assert own.is_closed
    assert (request.headers["x-team"], request.headers["authorization"]) == ("7", "Bearer secret")
    assert request.headers["user-agent"] == f"daguerre-python/{version.__version__}"
    assert request.extensions["timeout"]["read"] == 300.0


def test_a_client_of_your_own_has_to_fit():
    with pytest.raises(TypeError, match=r"http_client: got Client; give an httpx\.AsyncClient"):
        Client("http://server", http_client=httpx.Client())
    with pytest.raises(ValueError, match=r"http_client: is for http:// and https:// addresses \(got 'grpc://server'\)"):
        Client("grpc://server", http_client=httpx.AsyncClient())
