"""The transport over gRPC: one server, one channel."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from daguerre.errors import APIError
from daguerre.inputs.kinds import HEAD, kind_of
from daguerre.inputs.pieces import Sendable, pieces
from daguerre.transport.addresses import is_loopback, without_password
from daguerre.transport.base import Request, Transport, expect_answer
from daguerre.transport.grpc.errors import encodable, metadata_dict, translated
from daguerre.transport.grpc.messages import answer_content, fill
from daguerre.transport.loops import ByLoop
from daguerre.transport.operations import MODELS, UPLOAD, Operation
from daguerre.types.common import Content, Payload
from daguerre.types.models import Ping
from daguerre.version import check as check_version
from daguerre_proto.v1 import daguerre_pb2

SERVICE = daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"]
HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"  # HealthCheckResponse(status=SERVING), by hand: its package would pin a protobuf for one field
PORTS = {"grpc": 3001, "grpcs": 443}
OPTIONS = [
    ("grpc.max_receive_message_length", -1),  # what comes back is a few kB for each item that we sent
    ("grpc.max_send_message_length", -1),  # the server says what is too much
    # a server that vanished or froze without a word is noticed within a minute, however long its calls take: a ping
    # each 20 s (a server takes one each 10 s), and time enough for the answer of one that queues behind uploads
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 35_000),
    ("grpc.http2.ping_timeout_ms", 35_000),  # what versions of gRPC go by that do not know the line above
    ("grpc.http2.max_pings_without_data", 0),  # no end of pings while one long call is waited for
    # dispatch/retry decides when to try again; gRPC's own pauses, up to two minutes, would let its tries fail unsent
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),  # a connection, and its pauses, for each client
]


CLOSED = "this connection is closed; make another client"


class GrpcTransport(Transport):
    """One server over gRPC. The channel opens with the first call, in that call's event loop."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"url: {url!r} is no address; write {parts.scheme}://host:{PORTS[parts.scheme]}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        super().__init__(without_password(url))
        local = [("grpc.enable_http_proxy", 0)] if is_loopback(parts.hostname) else []
        self._options = [*OPTIONS, *local]
        self._target = f"{host}:{parts.port or PORTS[parts.scheme]}"
        self._secure = parts.scheme == "grpcs"
        self._timeout = timeout
        self._metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._channels = ByLoop(self._connect, lambda channel: channel.close())
        self._is_closed = False
        self._version: str | None = None

    def _connect(self) -> grpc.aio.Channel:
        if self._secure:
            return grpc.aio.secure_channel(self._target, grpc.ssl_channel_credentials(), options=self._options)
        return grpc.aio.insecure_channel(self._target, options=self._options)

    async def close(self) -> None:
        self._is_closed = True
        await self._channels.close()

    async def upload(self, source: Sendable, name: str) -> Content:
        request = _message_types(UPLOAD.rpc)[0]

        async def messages() -> AsyncIterator[bytes]:
            with encodable():
                yield request(name=name).SerializeToString()
            async for piece in pieces(source):
                yield request(data=piece).SerializeToString()

        answer, _ = await self._answer(UPLOAD, messages())
        with expect_answer(self.url):
            return UPLOAD.read(self._content(UPLOAD, answer), None)

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer, _ = await self._send(HEALTH, b"")
        seconds = time.perf_counter() - started
        if self._version is None:
            try:
                await self.call(MODELS)
            except APIError:  # loading, or a wrong key, which /readyz does not ask for either
                if self._version is None:  # otherwise the refusal had it
                    raise
        return Ping(version=check_version(self._version, self.url), ready=answer == SERVING, seconds=seconds)

    async def _send_request(self, request: Request) -> tuple[bytes, str | None]:
        if not request.operation.rpc:
            raise ValueError(
                f"{self.url}: {request.operation.path} is served over HTTP alone; give the client the server's "
                "address that begins with http:// or https://"
            )
        with encodable():
            message: Any = _message_types(request.operation.rpc)[0]()
            fill(message, request.fields)
            if request.items:
                _add_items(message, request.items)
            if request.vectors:
                blocks = [{**block.fields(), "data": block.packed()} for block in request.vectors]
                fill(message, {"vectors": blocks} if hasattr(message, "vectors") else {"corpus": blocks[0]})
            packed = message.SerializeToString()
        return await self._answer(request.operation, packed)

    def _content(self, operation: Operation[Any], answer: bytes) -> Content:
        try:
            return answer_content(_message_types(operation.rpc)[1].FromString(answer))
        except DecodeError as exc:
            raise ValueError(str(exc)) from exc

    async def _answer(
        self, operation: Operation[Any], message: bytes | AsyncIterator[bytes]
    ) -> tuple[bytes, str | None]:
        answer, trailer = await self._send(f"/{SERVICE.full_name}/{operation.rpc}", message)
        self._version = self._version or check_version(trailer.get("daguerre-version"), self.url)
        return answer, trailer.get("x-request-id")

    async def _send(self, path: str, message: bytes | AsyncIterator[bytes]) -> tuple[bytes, dict[str, str]]:
        """Bytes, or a stream of messages, there, bytes back, and the trailer.

        Messages are made here, where what is wrong with them is not logged and lost as it is inside of gRPC.
        """
        if self._is_closed:
            raise RuntimeError(CLOSED)
        channel = self._channels.current()
        try:
            if isinstance(message, bytes):
                method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
                call: Any = method(message, timeout=self._timeout, metadata=self._metadata)
            else:
                streamed: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(path)
                call = streamed(metadata=self._metadata)  # of any length, so it may take any time
                await _written(call, message)
            answer = await call
            self.answered = True
            return answer, metadata_dict(await call.trailing_metadata())
        except grpc.aio.AioRpcError as exc:
            version = metadata_dict(exc.trailing_metadata()).get("daguerre-version")
            if version:
                self.answered = True
                self._version = check_version(version, self.url)
            raise translated(exc, self, self._timeout, ours=bool(self._version)) from exc
        except grpc.aio.UsageError as exc:
            raise RuntimeError(CLOSED) from exc


async def _written(call: Any, messages: AsyncIterator[bytes]) -> None:
    """Messages down a stream, as fast as it takes them; what their making raises ends the call, and is raised."""
    try:
        async for message in messages:
            await call.write(message)
        await call.done_writing()
    except asyncio.InvalidStateError:
        pass  # the server has ended the call, and says why where its answer is taken
    except BaseException:
        call.cancel()
        raise


@functools.cache
def _message_types(rpc: str) -> tuple[type[Message], type[Message]]:
    """The types of a method's request and of its response."""
    method = SERVICE.methods_by_name[rpc]
    return GetMessageClass(method.input_type), GetMessageClass(method.output_type)


def _add_items(request: Any, items: Sequence[Payload]) -> None:
    add = (request.items if "items" in request.DESCRIPTOR.fields_by_name else request.input).add
    for item in items:
        if item.image is None:
            add(text=item.text)
        elif item.crop is not None:
            add(text=item.text, image=item.image, crop=asdict(item.crop))
        elif item.text is None and kind_of(item.image[:HEAD]) == "video":  # as a form of HTTP recognises it
            add().video.data = item.image
        elif item.text is None:
            add(image=item.image)
        else:
            add(text=item.text, image=item.image)
