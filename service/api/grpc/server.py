"""The gRPC server, started and stopped by the entry service in its event loop.

Methods are registered as stream readers, which callers cannot distinguish, so that a call's key is checked when its
headers arrive, before its message is read into memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from service.api.connections import grpc_connections
from service.api.grpc import messages
from service.api.grpc.arrivals import Arrivals
from service.api.grpc.calls import CallContext, CallScope, address
from service.api.grpc.health import SERVICE, Health
from service.api.grpc.methods.analyses import AnalysisMethods
from service.api.grpc.methods.annotation import AnnotationMethods
from service.api.grpc.methods.captions import CaptionMethods
from service.api.grpc.methods.classifiers import ClassifierMethods
from service.api.grpc.methods.cluster_grids import ClusterGridMethods
from service.api.grpc.methods.clusters import ClusterMethods
from service.api.grpc.methods.collections import CollectionMethods
from service.api.grpc.methods.estimates import EstimateMethods
from service.api.grpc.methods.evaluations import EvaluationMethods
from service.api.grpc.methods.face_comparison import FaceComparisonMethods
from service.api.grpc.methods.files import FileMethods
from service.api.grpc.methods.images import ImageMethods
from service.api.grpc.methods.items import ItemMethods
from service.api.grpc.methods.jobs import JobMethods
from service.api.grpc.methods.labels import LabelMethods
from service.api.grpc.methods.multiverses import MultiverseMethods
from service.api.grpc.methods.pages import PageMethods
from service.api.grpc.methods.representations import RepresentationMethods
from service.api.grpc.methods.search import SearchMethods
from service.api.grpc.methods.timeline import TimelineMethods
from service.api.grpc.methods.validations import ValidationMethods
from service.api.grpc.stream import EmbedStream
from service.api.grpc.wire import SMALL
from service.auth import Auth
from service.context import Context
from service.errors import BadRequest, TimedOut
from service.settings import Settings

logger = logging.getLogger("daguerre.grpc")
T = TypeVar("T")
M = TypeVar("M", bound=Message)
UNCOMPRESSED = 1  # the bit of gRPC's "identity" among the encodings that a server takes
IDLE = 30  # seconds without a call after which a connection makes place for others
STREAMS = 256  # calls of one connection at once
DRAIN = 30.0  # seconds that running calls have when the service stops, as over HTTP


class GrpcServer:
    """The server, its methods and its health service."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._context = context
        self._scope = CallScope(Auth(settings), host=settings.host)
        self._stopping = asyncio.Event()
        self._stopped: asyncio.Future[None] | None = None
        self._arrivals = Arrivals(settings, context.budget)
        self._server = grpc.aio.server(options=_options(settings))
        self._files = FileMethods(context)
        features = (
            ItemMethods(context),
            AnalysisMethods(context),
            CaptionMethods(context),
            ClassifierMethods(context),
            ClusterMethods(context),
            RepresentationMethods(context),
            ClusterGridMethods(context),
            AnnotationMethods(context),
            ImageMethods(context),
            SearchMethods(context),
            CollectionMethods(context),
            TimelineMethods(context),
            PageMethods(context),
            ValidationMethods(context),
            EstimateMethods(context),
            MultiverseMethods(context),
            EvaluationMethods(context),
            LabelMethods(context),
            FaceComparisonMethods(context),
            self._files,
            JobMethods(context),
        )
        methods = {
            "EmbedStream": grpc.stream_stream_rpc_method_handler(self._embed_stream),
            "UploadFile": grpc.stream_unary_rpc_method_handler(self._upload),
            **{
                name: self._unary(operation, kind, answer)
                for feature in features
                for name, operation, kind, answer in feature.methods()
            },
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        health_pb2_grpc.add_HealthServicer_to_server(Health(self._ready, self._stopping), self._server)
        reflection.enable_server_reflection(
            (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME),
            self._server,
        )

    async def start(self) -> None:
        """Listen. Raises RuntimeError if the port is in use."""
        host, port = self._context.settings.host, self._context.settings.grpc_address
        self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await self._server.start()
        logger.info("gRPC on %s, port %d", host, port)

    def begin_stop(self) -> "asyncio.Future[None]":
        """Accept no more calls, and let running ones finish; the future is done when they are."""
        if self._stopped is None:
            self._stopping.set()
            self._stopped = asyncio.ensure_future(self._server.stop(DRAIN))
        return self._stopped

    async def stop(self) -> None:
        """Wait until the running calls have finished, having accepted no more."""
        await self.begin_stop()

    def _ready(self) -> bool:
        return not self._stopping.is_set() and self._context.engine().ready

    def _unary(
        self, operation: str, kind: type[M], answer: Callable[[M, str | None], Awaitable[Message]]
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """A handler for one request message, called with the message and its owner."""

        async def handle(requests: AsyncIterator[bytes], context: CallContext) -> bytes:
            async with self._scope.call(context, operation) as owner:
                caller = owner or address(context)
                raw = await self._arrivals.next(context, caller)
                if raw is None:
                    raise BadRequest("the call has no message; send one")
                with self._arrivals.hold(raw, caller):
                    request = self._parsed(kind, raw)
                    del raw  # it is not needed any more once it is parsed
                    return (await self._in_time(answer(await request, owner))).SerializeToString()
            raise AssertionError("CallScope ends every failed call")

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _parsed(self, kind: type[M], raw: bytes) -> M:
        """A message; a large one is parsed in a thread."""
        max_items = self._context.settings.max_items
        if len(raw) <= SMALL:
            return messages.parse(kind, raw, max_items=max_items)
        parsing = self._context.parsing
        return await parsing.compute(lambda check: messages.parse(kind, raw, max_items=max_items))

    async def _in_time(self, work: Awaitable[T]) -> T:
        """Apply the server's time limit; a caller's deadline cancels the call by itself."""
        limit = self._context.settings.request_timeout
        try:
            return await asyncio.wait_for(work, limit)
        except TimeoutError as exc:
            raise TimedOut.after(limit) from exc

    async def _embed_stream(self, requests: AsyncIterator[bytes], context: CallContext) -> None:
        async with self._scope.call(context, "embeddings_stream") as owner:
            stream = EmbedStream(
                self._context, self._arrivals, owner or address(context), self._in_time, self._stopping
            )
            await stream.run(context)

    async def _upload(self, requests: AsyncIterator[bytes], context: CallContext) -> bytes:
        async with self._scope.call(context, "files") as owner:
            chunks = self._chunks(context, owner)
            return (await self._files.upload(chunks, owner)).SerializeToString()
        raise AssertionError("CallScope ends every failed call")

    async def _chunks(self, context: CallContext, owner: str | None) -> AsyncIterator[bytes]:
        """The messages of a stream, each counted while it arrives and while it is used."""
        caller = owner or address(context)
        while (raw := await self._arrivals.next(context, caller)) is not None:
            with self._arrivals.hold(raw, caller):
                yield raw


def _options(settings: Settings) -> list[tuple[str, int]]:
    # gRPC's own error for large messages names no way out, so its limit is above ours
    most = min(2 * settings.max_body_bytes + 2**20, 2**31 - 1)
    return [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", -1),
        ("grpc.compression_enabled_algorithms_bitset", UNCOMPRESSED),  # memory is limited by the bytes that arrive
        ("grpc.so_reuseport", int(settings.entry_workers > 1)),
        ("grpc.max_allowed_incoming_connections", grpc_connections(settings)),
        ("grpc.max_concurrent_streams", STREAMS),
        ("grpc.server_handshake_timeout_ms", 10_000),  # for a connection that sends nothing, or something else
        ("grpc.max_connection_idle_ms", IDLE * 1000),  # clients connect again by themselves
        ("grpc.keepalive_time_ms", 60_000),  # for callers that are gone without having closed the connection
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # a client may keep an idle connection alive
        ("grpc.keepalive_permit_without_calls", 1),
    ]
