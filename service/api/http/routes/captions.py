"""HTTP route of captions: a text about each picture."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import operation_response
from service.context import Context
from service.pipelines import captions
from service.pipelines.operation import Call
from service.schemas.captions import CaptionsAnswer, CaptionsOptions, CaptionsRequest


def add(app: FastAPI, context: Context) -> None:
    """Add the route of captions."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/captions",
        tags=["analyses"],
        summary="Write captions of pictures and videos",
        response_model=CaptionsAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.body(CaptionsRequest, CaptionsOptions),
    )
    async def caption(request: Request) -> Response:
        """A caption of each picture, and of each sampled frame of a video, by an analyser that was imported.

        The same picture, options and analyser give the same caption. Equal pictures of a request are captioned once.
        """
        request.state.operation = "captions"
        with bodies.hold(request):
            options, items, _ = await bodies.read(request, CaptionsRequest, CaptionsOptions)
            call = Call(engine=context.engine(), classifiers=context.classifiers, options=options, items=items)
            return await operation_response(request, context, captions.OPERATION, call)
