"""Requests that the server cuts off have an answer in the one shape of errors."""

import asyncio
import json

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
