"""HTTP routes that run a model on items: models, embeddings, zero-shot."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import vectors_or_collection
from service.api.http.responses import json_response, operation_response
from service.context import Context
from service.pipelines import embeddings as embed
from service.pipelines import zero_shot
from service.pipelines.items import Item, VectorInput
from service.pipelines.models import card, cards
from service.pipelines.operation import Call
from service.schemas import models
from service.schemas.common import ModelOptions
from service.schemas.embeddings import EmbeddingsAnswer, EmbeddingsOptions, EmbeddingsRequest
from service.schemas.zero_shot import ZeroShotAnswer, ZeroShotForm, ZeroShotRequest


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

    def call(
        options: ModelOptions, items: Sequence[Item] | None, vectors: Sequence[VectorInput] | None = None
    ) -> Call[Any]:
        return Call(
            engine=context.engine(),
            classifiers=context.classifiers,
            options=options,
            items=items,
            vectors=vectors,
        )

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
            options, items, _ = await bodies.read(request, EmbeddingsRequest, EmbeddingsOptions)
            return await operation_response(request, context, embed.OPERATION, call(options, items))

    @app.post(
        "/v1/zero-shot",
        tags=["zero-shot"],
        summary="Score items for your own labels",
        response_model=ZeroShotAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.body(ZeroShotRequest, ZeroShotForm),
    )
    async def label(request: Request) -> Response:
        """Zero-shot scores of items, or of their vectors, for your own labels.

        They are not calibrated: validate them against human codes.
        """
        request.state.operation = "zero_shot"
        with bodies.hold(request):
            options, items, files = await bodies.read(request, ZeroShotRequest, ZeroShotForm)
            options, vectors = await vectors_or_collection(context, options, files, request.state.owner)
            given = items if items or getattr(options, "input", None) is not None else None
            return await operation_response(request, context, zero_shot.OPERATION, call(options, given, vectors))
