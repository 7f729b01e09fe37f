"""HTTP routes of analyses: what is in pictures and videos."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, operation_response
from service.context import Context
from service.pipelines import analyses
from service.pipelines.operation import Call
from service.schemas.analyses import AnalyserList, AnalysesAnswer, AnalysesOptions, AnalysesRequest


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of analysers and analyses."""
    bodies = Bodies.of(context)

    @app.get("/v1/analysers", tags=["analyses"], summary="List analysers", response_model=AnalyserList)
    async def list_analysers(request: Request) -> Response:
        """The analysers of this server, the default of each kind first, and the presets of zero-shot."""
        request.state.operation = "analysers"
        return json_response(analyses.listed(context.engine()).model_dump())

    @app.post(
        "/v1/analyses",
        tags=["analyses"],
        summary="Find out what is in pictures and videos",
        response_model=AnalysesAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.body(AnalysesRequest, AnalysesOptions),
    )
    async def analyse(request: Request) -> Response:
        """Text, objects, classes and visual features of pictures, and of the frames of videos.

        A picture is decoded once for all analysers. Boxes are in pixels of the upright picture.
        """
        request.state.operation = "analyses"
        with bodies.hold(request):
            options, items, _ = await bodies.read(request, AnalysesRequest, AnalysesOptions)
            call = Call(engine=context.engine(), classifiers=context.classifiers, options=options, items=items)
            return await operation_response(request, context, analyses.OPERATION, call)
