"""HTTP routes of coders, who have the token of an assignment in place of a key."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Concatenate, ParamSpec

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import BaseModel

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import Limit, json_response
from service.api.http.routes.studies import Blurred, Offset, Size, picture_response
from service.auth import CODING
from service.context import Context
from service.pipelines import coding
from service.pipelines.coding import Desk
from service.schemas import coding as schema

P = ParamSpec("P")
Key = Annotated[str, Path(description="Key of the item or pair.", examples=["0123456789abcdef"])]
Picture = Annotated[str, Path(description="Key of the picture.", examples=["0123456789abcdef"])]
TOKEN: dict[str, Any] = {"security": [{"coder": []}]}


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of coders."""
    bodies = Bodies.of(context)

    async def answered(request: Request, work: Callable[[], BaseModel]) -> Response:
        request.state.operation = "coding"
        return json_response((await asyncio.to_thread(work)).model_dump())

    async def asked(
        request: Request, work: Callable[Concatenate[Desk, P], BaseModel], *args: P.args, **options: P.kwargs
    ) -> Response:
        def run() -> BaseModel:
            return work(coding.enter(context.studies, request.state.token), *args, **options)

        return await answered(request, run)

    @app.get(
        CODING,
        tags=["coding"],
        summary="A coder's assignment",
        response_model=schema.CodingAnswer,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def assignment(request: Request) -> Response:
        """The assignment of the token: the codebook, and the coder's own progress."""
        return await asked(request, coding.about)

    @app.get(
        f"{CODING}/next",
        tags=["coding"],
        summary="Items to be coded next",
        response_model=schema.UnitList,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def following(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of items.")] = 3,
    ) -> Response:
        """The items that the coder codes next, so that their pictures can be fetched ahead."""
        return await asked(request, coding.following, limit)

    @app.get(
        f"{CODING}/units",
        tags=["coding"],
        summary="All items of a coder",
        response_model=schema.UnitList,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def units(request: Request, limit: Limit = 100, offset: Offset = 0) -> Response:
        """The coder's items in the coder's own order, with the coder's codes.

        An adjudicator's are those on which coders differ, decided or not.
        """
        return await asked(request, coding.every_unit, limit, offset)

    @app.get(
        f"{CODING}/units/{{key}}",
        tags=["coding"],
        summary="An item of a coder",
        response_model=schema.Unit,
        responses=openapi.errors(401, 404),
        openapi_extra=TOKEN,
    )
    async def unit(request: Request, key: Key) -> Response:
        """One item with the coder's own codes."""
        return await asked(request, coding.one_unit, key)

    @app.put(
        f"{CODING}/units/{{key}}/codes",
        tags=["coding"],
        summary="Save codes",
        response_model=schema.SavedCodes,
        responses=openapi.errors(400, 401, 404, 409, 413, 415, 422),
        openapi_extra={**openapi.json_body("CodesRequest"), **TOKEN},
    )
    async def save(request: Request, key: Key) -> Response:
        """Save codes of an item; they are on disk before the answer, which has the items that come next."""
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.CodesRequest)
        return await answered(request, partial(coding.save, context.studies, request.state.token, key, body))

    @app.post(
        f"{CODING}/undo",
        tags=["coding"],
        summary="Take back the last codes",
        response_model=schema.UndoneCodes,
        responses=openapi.errors(401),
        openapi_extra=TOKEN,
    )
    async def undo(request: Request) -> Response:
        """Take back the codes that the coder has saved last; again, those before."""
        return await answered(request, partial(coding.undo, context.studies, request.state.token))

    @app.get(
        f"{CODING}/pictures/{{key}}",
        tags=["coding"],
        summary="A picture for a coder",
        response_class=Response,
        responses={**openapi.picture(), **openapi.errors(401, 404, 413, 415)},
        openapi_extra=TOKEN,
    )
    async def picture(request: Request, key: Picture, size: Size = "1024", blur: Blurred = "none") -> Response:
        """The picture of one of the coder's items, or of an example, without metadata."""
        request.state.operation = "coding"
        desk = await asyncio.to_thread(coding.enter, context.studies, request.state.token)
        item = await asyncio.to_thread(coding.picture_of, desk, key)
        return await picture_response(request, context, desk.study, item, size, blur)
