"""HTTP route of the timeline of a video."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import page_response, while_connected
from service.context import Context
from service.pipelines import timeline as pipeline
from service.schemas.clusters import PageMode
from service.schemas.timeline import AnswerWithVideo

Index = Annotated[
    int | None, Query(description="Position of the video in `data`, if the answer has several.", examples=[0])
]
Title = Annotated[
    str | None, Query(max_length=1024, description="Name of the video on the page; its id where left out.")
]
Pictures = Annotated[
    PageMode, Query(description="Form of the thumbnails: with blurred faces, wholly blurred, as they are, or none.")
]


def add(app: FastAPI, context: Context) -> None:
    """Add the route of the timeline."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/timeline",
        tags=["videos"],
        summary="The timeline of a video as a page",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(400, 401, 413, 415, 422, 429, 504)},
        openapi_extra=openapi.answer("ZeroShotAnswer", "EmbeddingsAnswer", "PredictAnswer"),
    )
    async def timeline(
        request: Request, index: Index = None, title: Title = None, pictures: Pictures = "blurred"
    ) -> Response:
        """Thumbnails and results along time, from the unchanged answer of a request with a video."""
        request.state.operation = "timeline"
        with bodies.hold(request):
            answer = await bodies.only_json(request, AnswerWithVideo)
            work = pipeline.timeline(
                context.engine(), lambda check: answer, index=index, title=title, pictures=pictures
            )
            return page_response(await while_connected(request, context.settings.request_timeout, work))
