"""gRPC: the same requests and answers as over HTTP, as messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from daguerre import version
from daguerre.errors import APIError
from daguerre.types.arrays import spread
from daguerre.types.common import Failure, Float, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions

try:
    import grpc
    from google.protobuf.message import Message

    from daguerre.grpc_clips import Watched
    from daguerre.grpc_errors import plain, sayable, translated, understood
    from daguerre.grpc_messages import made_receipt, model_options, zero_shot_request
    from daguerre_proto.v1 import common_pb2, embeddings_pb2, models_pb2, zero_shot_pb2
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError(
        f"grpc:// addresses need more packages ({exc.name} is missing); pip install 'daguerre[grpc]'", name=exc.name
    ) from exc

SERVICE = "/daguerre_proto.v1.Daguerre/"
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
    # core.py decides when to try again; gRPC's own pauses, up to two minutes, would let its tries fail unsent
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),  # a connection, and its pauses, for each client
]


class GrpcTransport(Watched):
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

    async def embed(self, items: Sequence[Payload], options: EmbedOptions) -> EmbedAnswer:
        with sayable():
            request = embeddings_pb2.EmbedRequest(
                options=embeddings_pb2.EmbedOptions(
                    model_options=model_options(options.model, options.decode), dimensions=options.dimensions
                ),
                items=_items(items),
            )
        said, request_id = await self._call("Embed", request, embeddings_pb2.EmbedResponse)
        failures = self._failures(said.data, items)
        packed = [entry.vector for entry in said.data if not entry.HasField("error")]
        with understood(self._url):
            flat = np.frombuffer(b"".join(packed), "<f4").astype(np.float32, copy=False)
            vectors = spread(flat.reshape(len(packed), said.dimension), len(said.data), failures)
        return EmbedAnswer(
            vectors=vectors,
            receipt=made_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            tokens=said.prompt_tokens,
            request_id=request_id,
        )

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer:
        with sayable():
            request = zero_shot_request(options, _items(items))
        said, request_id = await self._call("ZeroShot", request, zero_shot_pb2.ZeroShotResponse)
        failures = self._failures(said.data, items)
        good = [entry for entry in said.data if not entry.HasField("error")]

        def array(rows: Sequence[Sequence[float]], width: int) -> Float:
            with understood(self._url):
                return spread(np.array(rows, np.float32).reshape(len(good), width), len(said.data), failures)

        none = None
        if options.none_of_these is not None:
            none = array([[entry.none_score] for entry in good], 1)[:, 0]
        return ZeroShotAnswer(
            labels=list(said.labels),
            best=[entry.label if entry.HasField("label") else None for entry in said.data],
            scores=array([entry.scores for entry in good], len(said.labels)),
            cosines=array([entry.cosines for entry in good], len(said.labels)),
            none_scores=none,
            templates=list(said.templates),
            negatives=list(said.negatives.values) if said.HasField("negatives") else None,
            logit_scale=said.logit_scale,
            receipt=made_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            request_id=request_id,
        )

    async def models(self) -> Sequence[ModelCard]:
        said, _ = await self._call("ListModels", models_pb2.ListModelsRequest(), models_pb2.ListModelsResponse)
        return [_card(model) for model in said.models]

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer, _ = await self._send(HEALTH, b"")
        seconds = time.perf_counter() - started
        if self._version is None:
            try:
                await self.models()
            except APIError:  # loading, or a wrong key, which /readyz does not ask for either
                if self._version is None:  # otherwise the refusal has said it
                    raise
        return Ping(version=version.check(self._version, self._url), ready=answer == SERVING, seconds=seconds)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _call(
        self, method: str, request: Message | AsyncIterator[bytes], kind: type[Any]
    ) -> tuple[Any, str | None]:
        with sayable():
            message = request.SerializeToString() if isinstance(request, Message) else request
        answer, trailer = await self._send(SERVICE + method, message)
        self._version = self._version or version.check(trailer.get("daguerre-version"), self._url)
        with understood(self._url):
            return kind.FromString(answer), trailer.get("x-request-id")

    def _failures(self, data: Sequence[Any], items: Sequence[Payload]) -> dict[int, Failure]:
        with understood(self._url):
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
            return await call, plain(await call.trailing_metadata())
        except grpc.aio.AioRpcError as exc:
            said = plain(exc.trailing_metadata()).get("daguerre-version")
            if said:
                self._version = version.check(said, self._url)
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


def _items(items: Sequence[Payload]) -> list[common_pb2.Item]:
    return [
        common_pb2.Item(image=item.image) if item.image is not None else common_pb2.Item(text=item.text or "")
        for item in items
    ]


def _card(model: models_pb2.Model) -> ModelCard:
    fields = {name: getattr(model, name) for name in ModelCard.__dataclass_fields__}
    for name in ("fingerprint_scaled", "max_tokens", "notice"):
        if not model.HasField(name):
            fields[name] = None
    for name in ("weights", "parity"):
        fields[name] = dict(fields[name])
    fields["modalities"] = list(model.modalities)
    fields["templates"] = list(model.templates) or None
    return ModelCard(**fields)
