"""HTTP routes of annotation: samples, pairs, agreement, comparisons, groups of coders, crowds, scales."""

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import vectors_or_collection
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import annotation, coders, scales
from service.pipelines.answers import to_json
from service.schemas import annotation as schema
from service.schemas import coders as groups_schema
from service.schemas import scales as scales_schema


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
                raise Unprocessable(
                    "the form has images or texts, which this route does not take; send vectors, or a collection"
                )
            body, vectors = await vectors_or_collection(context, body, files, request.state.owner)
            draw = partial(annotation.draw_sample, vectors=vectors, classifiers=context.classifiers)
            return await _answer(request, body, draw)

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

    @app.post(
        "/v1/coder-groups",
        tags=["corpus"],
        summary="Compare groups of coders",
        response_model=groups_schema.CoderGroupsAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("CoderGroupsRequest", files=False),
    )
    async def coder_groups(request: Request) -> Response:
        """Differences in annotation between groups of coders, overall and by item, and agreement within and between."""
        kind = groups_schema.CoderGroupsRequest
        return await _computed(request, "coder_groups", kind, coders.compare_groups)

    @app.post(
        "/v1/crowds",
        tags=["corpus"],
        summary="Reconcile codes of a crowd",
        response_model=groups_schema.CrowdAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("CrowdRequest", files=False),
    )
    async def crowd(request: Request) -> Response:
        """Majority and the labels of Dawid and Skene's model, with the confusion matrix of each coder."""
        return await _computed(request, "crowds", groups_schema.CrowdRequest, coders.reconcile_crowd)

    @app.post(
        "/v1/comparison-pairs",
        tags=["corpus"],
        summary="Draw pairs to compare",
        response_model=scales_schema.ComparisonPairsAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("ComparisonPairsRequest", files=False),
    )
    async def comparison_pairs(request: Request) -> Response:
        """Draw pairs of items for people to judge which has more of something; all items are connected."""
        return await _computed(request, "comparison_pairs", scales_schema.ComparisonPairsRequest, scales.draw_pairs)

    @app.post(
        "/v1/scales",
        tags=["corpus"],
        summary="Scale items by pairwise comparisons",
        response_model=scales_schema.ScaleAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("ScaleRequest", files=False),
    )
    async def scale(request: Request) -> Response:
        """Scores by the model of Bradley and Terry, with standard errors and intervals."""
        return await _computed(request, "scales", scales_schema.ScaleRequest, scales.scale)

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
