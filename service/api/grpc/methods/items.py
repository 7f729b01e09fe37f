"""gRPC methods that run a model on items: models, embeddings, zero-shot."""

from collections.abc import Iterator, Sequence

from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import common_pb2, embeddings_pb2, jobs_pb2, models_pb2, zero_shot_pb2
from service.api.grpc import answers as grpc_answers
from service.api.grpc import inputs, messages
from service.api.grpc.messages import job
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import answers, video_jobs
from service.pipelines import jobs as jobs_pipeline
from service.pipelines.embeddings import embed
from service.pipelines.items import Item
from service.pipelines.models import card, cards
from service.pipelines.prompts import ZeroShotQuery
from service.pipelines.zero_shot import zero_shot
from service.schemas import items as schemas


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
        engine, given = self._context.engine(), request.options.model_options
        options, items = messages.embed_options(request.options), self._items(request.items, given, owner)
        if options.mode == "job":
            return embeddings_pb2.EmbedResponse(job=await self._job("embeddings", options, items, owner))
        model = engine.model(options.model)
        decode = options.decode or self._context.settings.decode
        encoded = await embed(
            engine, model, items, dimensions=options.dimensions, decode=decode, on_error=options.on_error
        )
        if encoded.videos:
            options = options.model_copy(update={"encoding_format": "base64"})
            ids = [item.id for item in items]
            answer = answers.embeddings(model, decode, options, ids, encoded)
            return await engine.in_thread(lambda: grpc_answers.embeddings(answer))
        return messages.embed_response(model, decode, items, encoded)

    def _items(
        self, given: Sequence[common_pb2.Item], options: common_pb2.ModelOptions, owner: str | None
    ) -> list[Item]:
        return inputs.items(given, schemas.Item, inputs.sampling(options), self._context.files, owner)

    async def _job(
        self, operation: video_jobs.Operation, options: BaseModel, items: Sequence[Item], owner: str | None
    ) -> jobs_pb2.Job:
        begun = await video_jobs.submit(
            self._context.engine(),
            self._context.classifiers,
            self._context.jobs,
            operation,
            options,
            items,
            owner=owner,
        )
        return job(jobs_pipeline.job_record(begun))

    async def _zero_shot(self, request: zero_shot_pb2.ZeroShotRequest, owner: str | None) -> Message:
        engine = self._context.engine()
        options = messages.zero_shot_options(request)
        items = self._items(request.items, request.model_options, owner)
        if options.mode == "job":
            return zero_shot_pb2.ZeroShotResponse(job=await self._job("zero_shot", options, items, owner))
        model = engine.model(options.model)
        decode = options.decode or self._context.settings.decode
        found = await zero_shot(
            engine, model, items, ZeroShotQuery.of(options), decode=decode, on_error=options.on_error
        )
        answer = answers.zero_shot(model, decode, options, [item.id for item in items], found)
        return await engine.in_thread(lambda: grpc_answers.zero_shot(answer))

    async def _list_models(self, request: models_pb2.ListModelsRequest, owner: str | None) -> Message:
        return models_pb2.ListModelsResponse(models=[messages.card(found) for found in cards(self._context.engine())])

    async def _get_model(self, request: models_pb2.GetModelRequest, owner: str | None) -> Message:
        return messages.card(card(self._context.engine(), request.name))
