"""ASGI middleware for every HTTP request: request id, authentication, metrics, final error handler."""

import asyncio
import logging
import re
import time
import uuid
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import quoted
from service import __version__
from service.api.http.browser_sessions import coder_cookie, key_of_session, session_cookie
from service.api.http.origins import OriginCheck
from service.auth import Auth, is_coding, is_open
from service.errors import NotFound, ServiceError, TimedOut, Unauthorized, Unavailable
from service.inference import tracing
from service.inference.fair_threads import one_caller
from service.metrics import IN_FLIGHT, REQUEST_SECONDS, REQUESTS
from service.stores.vectors import OWNER

logger = logging.getLogger("daguerre.http")
_VERSION = (b"daguerre-version", __version__.encode())
LATER = 2.0  # seconds, so that a route which keeps the limit itself answers first
_SANE_ID = re.compile(rb"[\w.:-]{1,128}")


class WithoutTimeout:
    """In place of BentoML's middleware for timeouts, whose answer is not ours and which ends slow uploads."""

    def __init__(self, app: ASGIApp, timeout: float) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class RequestMiddleware:
    """ASGI middleware that stores `request_id`, `owner` and `caller`, the owner or else the address, in the state."""

    def __init__(self, app: ASGIApp, auth: Auth, *, origins: OriginCheck, timeout: float) -> None:
        self._app = app
        self._auth = auth
        self._origins = origins
        self._timeout = timeout  # seconds from the end of the body to the beginning of the answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started, status = time.perf_counter(), 500
        span = tracing.begin(headers.get(b"traceparent", b"").decode("latin-1"))
        begun = ended = False
        limit = asyncio.timeout(None)

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                reschedule(self._timeout + LATER)
            return message

        def reschedule(seconds: float | None) -> None:
            with suppress(RuntimeError):  # it is over
                limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

        async def stamp(message: Message) -> None:
            nonlocal status, begun, ended
            if message["type"] == "http.response.start":
                reschedule(None)
                status, begun = message["status"], True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode()), _VERSION]
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            # which no pattern of a route matches, nor that of BentoML's own 404
            if "\n" in scope["path"] or not scope["path"].startswith("/"):
                raise NotFound(f"{scope['method']} {quoted(scope['path'])}: there is no such path")
            state["owner"] = None if is_open(scope["path"]) else self._check(scope, headers, state)
            self._origins.check(scope)
            state["caller"] = state["owner"] or (scope["client"][0] if scope.get("client") else None)
            one_caller(state["caller"])
            OWNER.set(state["owner"])
            IN_FLIGHT.labels("http").inc()
            try:
                async with limit:
                    if scope["method"] in ("GET", "HEAD", "DELETE"):
                        reschedule(self._timeout + LATER)
                    await self._app(scope, received, stamp)
            finally:
                IN_FLIGHT.labels("http").dec()
        except ServiceError as exc:
            await send_error(exc, request_id, stamp)
        except TimeoutError:
            if not limit.expired():
                raise
            await send_error(TimedOut.after(self._timeout), request_id, stamp)
        except asyncio.CancelledError:  # the service stops, and its last requests have had their time
            if begun:
                raise
            await send_error(
                Unavailable(
                    "the service is stopping, and the request did not end in time; send it again", retry_after=5
                ),
                request_id,
                stamp,
            )
        except Exception:
            logger.exception("request %s failed", request_id)
            if begun and not ended:
                raise
            if not begun:  # after a whole answer the connection stays open for the next request
                await send_error(
                    ServiceError("something went wrong here; the server's log knows this id"), request_id, stamp
                )
        operation = state.get("operation")
        tracing.end(span, operation=operation or "other", transport="http", status=status)
        if status >= 400 and not is_open(scope["path"]):  # the path is the caller's data and is not logged
            logger.info("request %s: %s %s answered %d", request_id, scope["method"], operation or "other", status)
        if operation:
            REQUESTS.labels(operation, "http", str(status)).inc()
            REQUEST_SECONDS.labels(operation, "http").observe(time.perf_counter() - started)

    def _check(self, scope: Scope, headers: dict[bytes, bytes], state: dict[str, Any]) -> str | None:
        """The owner of what the call creates; on a path of coders, the state gets the `token` and there is no owner."""
        server = scope.get("server")
        header = headers.get(b"authorization", b"").decode("latin-1") or None
        reached_at = server[0] if server else None
        if is_coding(scope["path"]):
            if header is None and (token := coder_cookie(headers)) is not None:
                header = f"Bearer {token}"
            state["token"] = self._auth.coder_token(header, reached_at=reached_at)
            return None
        if header is None and self._auth.keys and (session := session_cookie(headers, scope["method"])) is not None:
            header = f"Bearer {key_of_session(self._auth.keys, session).decode('latin-1')}"
        return self._auth.check(header, reached_at=reached_at)


async def send_error(exc: ServiceError, request_id: str, send: Send) -> None:
    """Send an error response."""
    body = orjson.dumps(exc.body(request_id))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if exc.retry_after is not None:
        headers.append((b"retry-after", str(exc.retry_after).encode()))
    if exc.allow is not None:
        headers.append((b"allow", exc.allow.encode()))
    if isinstance(exc, Unauthorized):
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": exc.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
