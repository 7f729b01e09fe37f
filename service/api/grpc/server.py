"""The gRPC server: decode, call one pipeline, encode. Started and stopped by the entry service, in its event loop.

Methods are registered as readers of a stream, which is the same on the wire: so a call's key is checked when its
headers are there, before its message is read into memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import BaseModel

from daguerre_proto.v1 import common_pb2, embeddings_pb2, jobs_pb2, models_pb2, zero_shot_pb2
from service.api.grpc import answers as grpc_answers
from service.api.grpc import inputs, messages
from service.api.grpc.calls import CallContext, Door
from service.api.grpc.health import SERVICE, Health
from service.api.grpc.messages import job as job_message
from service.api.grpc.methods.classifiers import ClassifierCalls
from service.api.grpc.methods.clusters import CorpusCalls
from service.api.grpc.methods.jobs import JobCalls
from service.api.grpc.stream import EmbedStream
from service.auth import Auth
from service.body_budget import Room
from service.errors import BadRequest, TimedOut
from service.inference.engine import Engine
from service.jobs import Jobs
from service.pipelines import answers, video_jobs
from service.pipelines import jobs as jobs_pipeline
from service.pipelines.embeddings import embed
from service.pipelines.items import Post
from service.pipelines.models import card, cards
from service.pipelines.prompts import Question
from service.pipelines.zero_shot import zero_shot
from service.settings import Settings
from service.stores.classifiers import Classifiers
from service.stores.files import FileStore

logger = logging.getLogger("daguerre.grpc")
T = TypeVar("T")
M = TypeVar("M", bound=Message)
DRAIN = 30.0  # seconds that calls under way have when the service stops, as over HTTP


class GrpcServer:
    """Calls over gRPC. `engine` gives the engine once there is one."""

    def __init__(
        self,
        settings: Settings,
        engine: Callable[[], Engine],
        room: Room,
        classifiers: Classifiers,
        jobs: Jobs,
        store: FileStore,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._room = room
        self._door = Door(Auth(settings), host=settings.host)
        self._stopping = asyncio.Event()
        self._server = grpc.aio.server(options=_options(settings))
        self._classifiers, self._jobs, self._store = classifiers, jobs, store
        self._corpus = CorpusCalls(engine, jobs, store)
        methods = {
            "Embed": self._owned("embeddings", embeddings_pb2.EmbedRequest, self._embed),
            "EmbedStream": grpc.stream_stream_rpc_method_handler(self._embed_stream),
            "ZeroShot": self._owned("zero_shot", zero_shot_pb2.ZeroShotRequest, self._zero_shot),
            "ListModels": self._unary("models", models_pb2.ListModelsRequest, self._list_models),
            "GetModel": self._unary("models", models_pb2.GetModelRequest, self._get_model),
            "UploadFile": grpc.stream_unary_rpc_method_handler(self._upload),
            **{
                name: self._owned(operation, kind, answer)
                for calls in (ClassifierCalls(engine, classifiers, jobs, store), self._corpus, JobCalls(jobs))
                for name, operation, kind, answer in calls.methods()
            },
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        health_pb2_grpc.add_HealthServicer_to_server(Health(self._ready, self._stopping), self._server)
        reflection.enable_server_reflection(
            (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME),
            self._server,
        )

    async def start(self) -> None:
        """Listen. Raises RuntimeError where the port is taken."""
        host, port = self._settings.host, self._settings.grpc_address
        self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await self._server.start()
        logger.info("gRPC on %s, port %d", host, port)

    async def stop(self) -> None:
        """Take no more calls, and let those under way end."""
        self._stopping.set()
        await self._server.stop(DRAIN)

    def _ready(self) -> bool:
        return not self._stopping.is_set() and self._engine().ready

    def _unary(
        self, operation: str, kind: type[M], answer: Callable[[M], Awaitable[Message]]
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._owned(operation, kind, lambda request, owner: answer(request))

    def _owned(
        self, operation: str, kind: type[M], answer: Callable[[M, str | None], Awaitable[Message]]
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """A method that hears who calls."""

        async def handle(requests: AsyncIterator[bytes], context: CallContext) -> bytes:
            async with self._door.call(context, operation) as owner:
                raw = await anext(requests, None)
                if raw is None:
                    raise BadRequest("the call has no message; send one")
                with self._room.hold(len(raw), "message"):
                    request = messages.parse(kind, raw)
                    return (await self._in_time(answer(request, owner))).SerializeToString()
            raise AssertionError("the door lets nothing out but results and aborts")

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _in_time(self, work: Awaitable[T]) -> T:
        """The server's own limit; a caller's deadline cancels by itself."""
        limit = self._settings.request_timeout
        try:
            return await asyncio.wait_for(work, limit)
        except TimeoutError as exc:
            raise TimedOut.after(limit) from exc

    async def _embed(self, request: embeddings_pb2.EmbedRequest, owner: str | None) -> Message:
        engine, given = self._engine(), request.options.model_options
        options, items = messages.embed_options(request.options), self._items(request.items, given, owner)
        if options.mode == "job":
            return embeddings_pb2.EmbedResponse(job=await self._job("embeddings", options, items, owner))
        model = engine.model(options.model)
        decode = options.decode or self._settings.decode
        encoded = await embed(
            engine, model, items, dimensions=options.dimensions, decode=decode, on_error=options.on_error
        )
        if encoded.films:
            options = options.model_copy(update={"encoding_format": "base64"})
            ids = [item.id for item in items]
            answer = answers.embeddings(model, decode, options, ids, encoded)
            return await engine.in_thread(lambda: grpc_answers.embeddings(answer))
        return messages.embed_response(model, decode, items, encoded)

    def _items(
        self, given: Sequence[common_pb2.Item], options: common_pb2.ModelOptions, owner: str | None
    ) -> list[Post]:
        return inputs.items_of(given, options, self._store, owner)

    async def _job(
        self, operation: video_jobs.Operation, options: BaseModel, items: Sequence[Post], owner: str | None
    ) -> jobs_pb2.Job:
        begun = await video_jobs.begin(
            self._engine(), self._classifiers, self._jobs, operation, options, items, owner=owner
        )
        return job_message(jobs_pipeline.said(begun))

    async def _embed_stream(self, requests: AsyncIterator[bytes], context: CallContext) -> None:
        async with self._door.call(context, "embeddings_stream"):
            stream = EmbedStream(self._engine(), self._room, self._in_time, self._stopping)
            await stream.run(requests, context)

    async def _upload(self, requests: AsyncIterator[bytes], context: CallContext) -> bytes:
        async with self._door.call(context, "files") as owner:
            return (await self._corpus.upload(requests, owner)).SerializeToString()
        raise AssertionError("the door lets nothing out but results and aborts")

    async def _zero_shot(self, request: zero_shot_pb2.ZeroShotRequest, owner: str | None) -> Message:
        engine = self._engine()
        options = messages.zero_shot_options(request)
        items = self._items(request.items, request.model_options, owner)
        if options.mode == "job":
            return zero_shot_pb2.ZeroShotResponse(job=await self._job("zero_shot", options, items, owner))
        model = engine.model(options.model)
        decode = options.decode or self._settings.decode
        found = await zero_shot(engine, model, items, Question.of(options), decode=decode, on_error=options.on_error)
        answer = answers.zero_shot(model, decode, options, [item.id for item in items], found)
        return await engine.in_thread(lambda: grpc_answers.zero_shot(answer))

    async def _list_models(self, request: models_pb2.ListModelsRequest) -> Message:
        return models_pb2.ListModelsResponse(models=[messages.card(found) for found in cards(self._engine())])

    async def _get_model(self, request: models_pb2.GetModelRequest) -> Message:
        return messages.card(card(self._engine(), request.name))


def _options(settings: Settings) -> list[tuple[str, int]]:
    # the core refuses in words of its own, so its limit lies beyond ours, whose words say what to do
    most = min(2 * settings.max_body_bytes + 2**20, 2**31 - 1)
    return [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", int(settings.entry_workers > 1)),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # a client may keep an idle connection alive
        ("grpc.keepalive_permit_without_calls", 1),
    ]
