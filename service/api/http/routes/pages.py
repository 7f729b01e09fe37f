"""HTTP route of pages of answers."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video
from service.api.http.responses import json_response, while_connected
from service.context import Context
from service.pipelines import pages
from service.schemas import pages as schema

Kind = Annotated[
    str,
    Path(
        description="Operation whose answer is shown.",
        examples=["duplicates"],
        json_schema_extra={"enum": list(pages.KINDS)},
    ),
]


def add(app: FastAPI, context: Context) -> None:
    """Add the route of pages."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/pages/{kind}",
        tags=["pages"],
        summary="An answer as a page",
        response_model=schema.AnswerPage,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("AnswerPageRequest"),
    )
    async def page(request: Request, kind: Kind) -> Response:
        """One HTML file from the unchanged answer of an operation, with small versions of the images in `input`.

        To send no image in vain, ask first without `input`: `shown` of that answer lists the items that appear.
        """
        request.state.operation = "pages"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.AnswerPageRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner)
            work = pages.page(context.engine(), kind, body, items)
            made = await while_connected(request, context.settings.request_timeout, work)
            return json_response(made.model_dump())
