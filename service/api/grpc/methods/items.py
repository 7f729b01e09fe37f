"""gRPC methods that run a model on items: models, embeddings, zero-shot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message

from daguerre_proto.v1 import common_pb2, embeddings_pb2, models_pb2, zero_shot_pb2
from service.api.grpc import inputs, messages
from service.api.grpc.answers import operation_response
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import embeddings, zero_shot
from service.pipelines.items import VectorInput
from service.pipelines.models import card, cards
from service.pipelines.operation import Call
from service.schemas import items as schemas
from service.schemas.common import ModelOptions


class ItemMethods:
    """Methods for models, embeddings and zero-shot labelling."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Embed", "embeddings", embeddings_pb2.EmbedRequest, self._embed
        yield "ZeroShot", "zero_shot", zero_shot_pb2.ZeroShotRequest, self._zero_shot
        yield "ListModels", "models", models_pb2.ListModelsRequest, self._list_models
        yield "GetModel", "models", models_pb2.GetModelRequest, self._get_model

    async def _embed(self, request: embeddings_pb2.EmbedRequest, owner: str | None) -> Message:
        options = messages.embed_options(request.options)
        call = self._call(options, request.items, request.options.model_options, owner)
        del request  # whose images have been copied
        response = await operation_response(self._context, embeddings.OPERATION, call, owner)
        if isinstance(response, embeddings_pb2.EmbedResponse) and not response.HasField("job"):
            response.dimension = embeddings.dimension(call)
        return response

    async def _zero_shot(self, request: zero_shot_pb2.ZeroShotRequest, owner: str | None) -> Message:
        options = messages.zero_shot_options(request, inputs.reference_fields(request))
        options, vectors = await inputs.vectors_or_collection(self._context, options, request.vectors, owner)
        call = self._call(options, request.items, request.model_options, owner, vectors)
        if not request.items:
            call = replace(call, items=None)
        del request  # whose images have been copied
        return await operation_response(self._context, zero_shot.OPERATION, call, owner)

    def _call(
        self,
        options: ModelOptions,
        items: Sequence[common_pb2.Item],
        general: common_pb2.ModelOptions,
        owner: str | None,
        vectors: Sequence[VectorInput] | None = None,
    ) -> Call[Any]:
        return Call(
            engine=self._context.engine(),
            classifiers=self._context.classifiers,
            options=options,
            items=inputs.items(items, schemas.Item, inputs.sampling(general), self._context.files, owner),
            vectors=vectors,
        )

    async def _list_models(self, request: models_pb2.ListModelsRequest, owner: str | None) -> Message:
        return models_pb2.ListModelsResponse(models=[messages.card(found) for found in cards(self._context.engine())])

    async def _get_model(self, request: models_pb2.GetModelRequest, owner: str | None) -> Message:
        return messages.card(card(self._context.engine(), request.name))
