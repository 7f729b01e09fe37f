"""Requests that the server cuts off have an answer in the one shape of errors."""

import asyncio
import json
from contextlib import nullcontext

import pytest

from service.api.http.middleware import RequestMiddleware
from service.api.http.origins import OriginCheck
from service.auth import Auth
from service.settings import Settings


def answers_when_cancelled(*, begun: bool) -> list[dict]:
    """The answer to a request that uvicorn cancels at the end of a stop, before or after the answer has begun."""
    sent = []

    async def endless(scope, receive, send):
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    async def main():
        app = RequestMiddleware(endless, Auth(Settings()), origins=OriginCheck(Settings()), timeout=60)
        scope = {"type": "http", "method": "POST", "path": "/v1/x", "headers": [], "server": ("127.0.0.1", 1)}
        task = asyncio.ensure_future(app(scope, receive, send))
        await asyncio.sleep(0.05)
        task.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
        await asyncio.wait([task])
        assert task.cancelled() == begun

    asyncio.run(main())
    return sent


def test_a_request_that_outlasts_the_stop_is_told_to_come_back():
    start, body = answers_when_cancelled(begun=False)
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert json.loads(body["body"])["error"]["code"] == "unavailable"


def test_an_answer_that_has_begun_ends_without_another():
    (start,) = answers_when_cancelled(begun=True)
    assert start["status"] == 200


@pytest.mark.parametrize("whole", [True, False])
def test_an_error_after_a_whole_answer_leaves_the_connection_open(whole):
    """uvicorn closes the connection where an exception leaves the app: after a whole answer none does."""
    sent = []

    async def failing(scope, receive, send):
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": not whole})
        raise ZeroDivisionError

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    app = RequestMiddleware(failing, Auth(Settings()), origins=OriginCheck(Settings()), timeout=60)
    scope = {"type": "http", "method": "POST", "path": "/v1/x", "headers": [], "server": ("127.0.0.1", 1)}
    with nullcontext() if whole else pytest.raises(ZeroDivisionError):
        asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
