"""HTTP routes that run a model on items: models, embeddings, zero-shot."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import job_response, json_response, while_connected
from service.context import Context
from service.pipelines import answers, video_jobs
from service.pipelines.embeddings import embed
from service.pipelines.items import Item
from service.pipelines.models import card, cards
from service.pipelines.prompts import ZeroShotQuery
from service.pipelines.zero_shot import zero_shot
from service.schemas import common, models
from service.schemas.embeddings import EmbeddingsAnswer, EmbeddingsOptions, EmbeddingsRequest
from service.schemas.zero_shot import ZeroShotAnswer, ZeroShotOptions, ZeroShotRequest


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of models, embeddings and zero-shot."""
    bodies = Bodies.of(context)

    @app.get("/v1/models", tags=["models"], summary="List models", response_model=models.ModelList)
    async def list_models(request: Request) -> Response:
        """The available models, the default first."""
        request.state.operation = "models"
        return json_response(models.ModelList(data=list(cards(context.engine()))).model_dump())

    @app.get(
        "/v1/models/{name}",
        tags=["models"],
        summary="Describe a model",
        response_model=models.ModelCard,
        responses=openapi.errors(404),
    )
    async def get_model(
        request: Request, name: Annotated[str, Path(description="Name in GET /v1/models.", examples=["embedded"])]
    ) -> Response:
        """One model: licence, dimension, revision, hashes of its weights, precision, provider."""
        request.state.operation = "models"
        return json_response(card(context.engine(), name).model_dump())

    async def as_job(
        operation: video_jobs.Operation, options: common.ModelOptions, items: Sequence[Item], owner: str | None
    ) -> Response:
        job = await video_jobs.submit(
            context.engine(), context.classifiers, context.jobs, operation, options, items, owner=owner
        )
        return job_response(job)

    @app.post(
        "/v1/embeddings",
        tags=["embeddings"],
        summary="Embed texts, images and videos",
        response_model=EmbeddingsAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.body(EmbeddingsRequest, EmbeddingsOptions),
    )
    async def embeddings(request: Request) -> Response:
        """Unit vectors of texts and images, in a shared space if the model has one."""
        request.state.operation = "embeddings"
        with bodies.hold(request):
            options, items = await bodies.read(request, EmbeddingsRequest, EmbeddingsOptions)
            if options.mode == "job":
                return await as_job("embeddings", options, items, request.state.owner)
            model = context.engine().model(options.model)
            decode = options.decode or context.settings.decode
            encoded = await while_connected(
                request,
                context.settings.request_timeout,
                embed(
                    context.engine(),
                    model,
                    items,
                    dimensions=options.dimensions,
                    decode=decode,
                    on_error=options.on_error,
                ),
            )
        ids = [item.id for item in items]
        return json_response(answers.embeddings(model, decode, options, ids, encoded))

    @app.post(
        "/v1/zero-shot",
        tags=["zero-shot"],
        summary="Score items for your own labels",
        response_model=ZeroShotAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.body(ZeroShotRequest, ZeroShotOptions),
    )
    async def label(request: Request) -> Response:
        """Zero-shot scores of items for your own labels. Uncalibrated: validate them against human codes."""
        request.state.operation = "zero_shot"
        with bodies.hold(request):
            options, items = await bodies.read(request, ZeroShotRequest, ZeroShotOptions)
            if options.mode == "job":
                return await as_job("zero_shot", options, items, request.state.owner)
            model = context.engine().model(options.model)
            decode = options.decode or context.settings.decode
            question = ZeroShotQuery.of(options)
            found = await while_connected(
                request,
                context.settings.request_timeout,
                zero_shot(context.engine(), model, items, question, decode=decode, on_error=options.on_error),
            )
        ids = [item.id for item in items]
        return json_response(answers.zero_shot(model, decode, options, ids, found))
