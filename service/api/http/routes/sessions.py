"""HTTP routes of sessions: a browser's cookie in place of an API key or of a coder's token."""

import asyncio
import time

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.browser_sessions import (
    CODER_COOKIE,
    CODER_SECONDS,
    SESSION_COOKIE,
    SESSION_SECONDS,
    session_of,
    set_cookie,
    tag_of,
)
from service.api.http.responses import json_response
from service.api.http.routes.coding import TOKEN
from service.auth import CODING
from service.context import Context
from service.pipelines import coding
from service.pipelines.jobs import time_of
from service.schemas import sessions as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of sessions."""
    keys = context.settings.keys()

    @app.post(
        "/v1/session",
        tags=["sessions"],
        summary="Begin a session of a browser",
        response_model=schema.SessionCard,
        responses=openapi.errors(401),
    )
    async def begin(request: Request) -> Response:
        """Set a cookie that scripts cannot read in place of the key of this request, for 30 days."""
        request.state.operation = "sessions"
        key = request.headers.get("authorization", "").partition(" ")[2].strip().encode("latin-1", "replace")
        if not keys or not key:  # a session that is there already goes on
            return json_response(schema.SessionCard(keys=bool(keys)).model_dump())
        expires = int(time.time()) + SESSION_SECONDS
        card = schema.SessionCard(keys=True, expires=time_of(expires))
        cookie = set_cookie(
            SESSION_COOKIE, session_of(key, expires), path="/", seconds=SESSION_SECONDS, secure=_is_https(request)
        )
        return json_response(card.model_dump(), headers={"set-cookie": cookie})

    @app.get(
        "/v1/session",
        tags=["sessions"],
        summary="Check a session",
        response_model=schema.SessionCard,
        responses=openapi.errors(401),
    )
    async def check(request: Request) -> Response:
        """Whether keys are needed; status 401 without a valid key or session."""
        request.state.operation = "sessions"
        return json_response(schema.SessionCard(keys=bool(keys)).model_dump())

    @app.delete(
        "/v1/session",
        tags=["sessions"],
        summary="End the session of a browser",
        response_model=schema.EndedSession,
        responses=openapi.errors(401),
    )
    async def end(request: Request) -> Response:
        """Remove the cookie from the browser."""
        request.state.operation = "sessions"
        cookie = set_cookie(SESSION_COOKIE, "", path="/", seconds=0, secure=_is_https(request))
        return json_response(schema.EndedSession().model_dump(), headers={"set-cookie": cookie})

    @app.post(
        f"{CODING}/session",
        tags=["sessions"],
        summary="Begin a coder's session",
        response_model=schema.CoderSession,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def begin_coding(request: Request) -> Response:
        """Set a cookie that scripts cannot read in place of the coder's token of this request, for 180 days."""
        request.state.operation = "sessions"
        token: str = request.state.token
        await asyncio.to_thread(coding.enter, context.studies, token)
        tag = tag_of(token)
        cookie = _coder_cookie(request, tag, token, CODER_SECONDS)
        return json_response(schema.CoderSession(tag=tag).model_dump(), headers={"set-cookie": cookie})

    @app.delete(
        f"{CODING}/session",
        tags=["sessions"],
        summary="End a coder's session",
        response_model=schema.EndedSession,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def end_coding(request: Request) -> Response:
        """Remove the coder's cookie from the browser. The token stays valid."""
        request.state.operation = "sessions"
        cookie = _coder_cookie(request, tag_of(request.state.token), "", 0)
        return json_response(schema.EndedSession().model_dump(), headers={"set-cookie": cookie})


def _coder_cookie(request: Request, tag: str, value: str, seconds: int) -> str:
    # all paths, since a proxy may serve them below a prefix that is not known here; nothing but coding takes the cookie
    return set_cookie(CODER_COOKIE + tag, value, path="/", seconds=seconds, secure=_is_https(request))


def _is_https(request: Request) -> bool:
    """Whether the browser has reached the service, or the proxy before it, over https."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").lower())
