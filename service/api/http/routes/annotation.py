"""HTTP routes of annotation: samples, pairs, agreement, comparisons of clusterings."""

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import read_vectors
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import annotation
from service.pipelines.answers import to_json
from service.schemas import annotation as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of annotation."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/samples",
        tags=["corpus"],
        summary="Draw items for coding",
        response_model=schema.SampleAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.message("SampleRequest"),
    )
    async def sample(request: Request) -> Response:
        """Draw a sample with inclusion probabilities, by which estimates can correct for the design."""
        request.state.operation = "samples"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.SampleRequest)
            if files.inputs:
                raise Unprocessable("the form has images or texts, which this route does not take; send vectors")
            vectors = await read_vectors(context, body.vectors, files, request.state.owner)
            return await _answer(request, body, partial(annotation.draw_sample, vectors=vectors))

    @app.post(
        "/v1/pairs",
        tags=["corpus"],
        summary="Draw pairs for coding",
        response_model=schema.PairsAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("PairsRequest", files=False),
    )
    async def pairs(request: Request) -> Response:
        """Draw pairs of items within and between clusters, for coders to judge whether they belong together."""
        return await _computed(request, "pairs", schema.PairsRequest, annotation.draw_pairs)

    @app.post(
        "/v1/agreement",
        tags=["corpus"],
        summary="Measure agreement of coders",
        response_model=schema.AgreementAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("AgreementRequest", files=False),
    )
    async def agreement(request: Request) -> Response:
        """Percent agreement, Cohen's kappa, Krippendorff's alpha, with bootstrap intervals."""
        return await _computed(request, "agreement", schema.AgreementRequest, annotation.measure_agreement)

    @app.post(
        "/v1/comparisons",
        tags=["corpus"],
        summary="Judge clusterings by coded pairs",
        response_model=schema.ComparisonAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("ComparisonRequest", files=False),
    )
    async def comparison(request: Request) -> Response:
        """Weighted pair precision, recall and F1; the best clustering, scored on pairs not used to choose it."""
        return await _computed(request, "comparisons", schema.ComparisonRequest, annotation.compare_clusterings)

    async def _computed(
        request: Request, operation: str, kind: type[BaseModel], compute: Callable[..., BaseModel]
    ) -> Response:
        request.state.operation = operation
        with bodies.hold(request):
            body, files = await bodies.message(request, kind)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            return await _answer(request, body, compute)

    async def _answer(request: Request, body: BaseModel, compute: Callable[..., BaseModel]) -> Response:
        work = context.engine().compute(lambda check: to_json(compute(body, check).model_dump()))
        answer = await while_connected(request, context.settings.request_timeout, work)
        return Response(answer, media_type="application/json")
