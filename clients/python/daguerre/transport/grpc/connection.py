"""Connection to one server over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message

from daguerre.transport.grpc.errors import encodable, expect_answer, metadata_dict, translated
from daguerre.types.common import Failure, Payload
from daguerre.version import check as check_version

SERVICE = "/daguerre_proto.v1.Daguerre/"
PAGE = 1000  # entries of a list that are asked for at once
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


class GrpcConnection:
    """One server over gRPC. The channel opens with the first call, in that call's event loop."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"url: {url!r} is no address; write {parts.scheme}://host:{PORTS[parts.scheme]}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._url = url
        self._target = f"{host}:{parts.port or PORTS[parts.scheme]}"
        self._secure = parts.scheme == "grpcs"
        self._timeout = timeout
        self._metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._channel: grpc.aio.Channel | None = None
        self._version: str | None = None

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _call(
        self, method: str, request: Message | AsyncIterator[bytes], kind: type[Any]
    ) -> tuple[Any, str | None]:
        with encodable():
            message = request.SerializeToString() if isinstance(request, Message) else request
        answer, trailer = await self._send(SERVICE + method, message)
        self._version = self._version or check_version(trailer.get("daguerre-version"), self._url)
        with expect_answer(self._url):
            return kind.FromString(answer), trailer.get("x-request-id")

    def _failures(self, data: Sequence[Any], items: Sequence[Payload]) -> dict[int, Failure]:
        with expect_answer(self._url):
            if len(data) != len(items):
                raise ValueError(f"{len(data)} results for {len(items)} items")
        failed = ((i, entry.error) for i, entry in enumerate(data) if entry.HasField("error"))
        return {i: Failure(error.code, error.message) for i, error in failed}

    async def _send(self, path: str, message: bytes | AsyncIterator[bytes]) -> tuple[bytes, dict[str, str]]:
        """Bytes, or a stream of messages, there, bytes back, and the trailer.

        Messages are made here, where what is wrong with them is not logged and lost as it is inside of gRPC.
        """
        if self._channel is None:
            self._channel = (
                grpc.aio.secure_channel(self._target, grpc.ssl_channel_credentials(), options=OPTIONS)
                if self._secure
                else grpc.aio.insecure_channel(self._target, options=OPTIONS)
            )
        try:
            if isinstance(message, bytes):
                method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
                call: Any = method(message, timeout=self._timeout, metadata=self._metadata)
            else:
                streamed: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(path)
                call = streamed(metadata=self._metadata)  # of any length, so it may take any time
                await _written(call, message)
            return await call, metadata_dict(await call.trailing_metadata())
        except grpc.aio.AioRpcError as exc:
            said = metadata_dict(exc.trailing_metadata()).get("daguerre-version")
            if said:
                self._version = check_version(said, self._url)
            raise translated(exc, self._url, self._timeout, ours=bool(self._version)) from exc
        except grpc.aio.UsageError as exc:
            raise RuntimeError("this connection is closed; make another client") from exc


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
