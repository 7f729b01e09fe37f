"""gRPC: the same requests and answers as over HTTP, as messages."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

import numpy as np

from daguerre import version
from daguerre.arrays import spread
from daguerre.errors import (
    APIError,
    ConnectError,
    IncompatibleServerError,
    ItemError,
    OverloadedError,
    ServerTimeoutError,
    TooLargeError,
    UnavailableError,
    of_status,
)
from daguerre.wire import (
    EmbedAnswer,
    EmbedOptions,
    Failure,
    Float,
    ModelCard,
    Payload,
    Ping,
    Receipt,
    ZeroShotAnswer,
    ZeroShotOptions,
)

try:
    import grpc
    from google.protobuf.message import DecodeError, Message
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    from daguerre_proto.v1 import common_pb2, embeddings_pb2, models_pb2, zero_shot_pb2
except ModuleNotFoundError as exc:
    raise ModuleNotFoundError(
        f"grpc:// addresses need more packages ({exc.name} is missing); pip install 'daguerre[grpc]'", name=exc.name
    ) from exc

SERVICE = "/daguerre_proto.v1.Daguerre/"
PORTS = {"grpc": 3001, "grpcs": 443}
OPTIONS = [
    ("grpc.max_receive_message_length", -1),  # what comes back is a few kB for each item that we sent
    ("grpc.max_send_message_length", -1),  # the server says what is too much
    ("grpc.keepalive_time_ms", 30_000),  # a server that vanished without a word is noticed within a minute
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.enable_retries", 0),  # core.py's business
]
_DECODE = {"exact": common_pb2.DECODE_EXACT, "scaled": common_pb2.DECODE_SCALED}
_HTTP: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
}


class GrpcTransport:
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
        request = embeddings_pb2.EmbedRequest(
            options=embeddings_pb2.EmbedOptions(
                model_options=_model_options(options.model, options.decode), dimensions=options.dimensions
            ),
            items=_items(items),
        )
        said, request_id = await self._call("Embed", request, embeddings_pb2.EmbedResponse)
        failures = _failures(said.data)
        packed = [entry.vector for entry in said.data if entry.vector]
        vectors = np.frombuffer(b"".join(packed), "<f4").reshape(len(packed), said.dimension)
        return EmbedAnswer(
            vectors=spread(vectors.astype(np.float32, copy=False), len(said.data), failures),
            receipt=_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            tokens=said.prompt_tokens,
            request_id=request_id,
        )

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer:
        request = zero_shot_pb2.ZeroShotRequest(
            model_options=_model_options(options.model, options.decode),
            items=_items(items),
            labels=options.labels,
            templates=_texts(options.templates),
            multi_label=options.multi_label,
            negatives=_texts(options.negatives),
            none_of_these=_none_of_these(options),
        )
        said, request_id = await self._call("ZeroShot", request, zero_shot_pb2.ZeroShotResponse)
        failures = _failures(said.data)
        good = [entry for entry in said.data if not entry.HasField("error")]
        n, k = len(said.data), len(said.labels)

        def array(rows: Sequence[Sequence[float]], width: int) -> Float:
            return spread(np.array(rows, np.float32).reshape(len(good), width), n, failures)

        none = None
        if options.none_of_these is not None:
            none = array([[entry.none_score] for entry in good], 1)[:, 0]
        return ZeroShotAnswer(
            labels=list(said.labels),
            best=[entry.label if entry.HasField("label") else None for entry in said.data],
            scores=array([entry.scores for entry in good], k),
            cosines=array([entry.cosines for entry in good], k),
            none_scores=none,
            templates=list(said.templates),
            negatives=list(said.negatives.values) if said.HasField("negatives") else None,
            logit_scale=said.logit_scale,
            receipt=_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            request_id=request_id,
        )

    async def models(self) -> Sequence[ModelCard]:
        said, _ = await self._call("ListModels", models_pb2.ListModelsRequest(), models_pb2.ListModelsResponse)
        return [_card(model) for model in said.models]

    async def ping(self) -> Ping:
        started = time.perf_counter()
        try:
            await self._call("ListModels", models_pb2.ListModelsRequest(), models_pb2.ListModelsResponse)
            ready = True
        except UnavailableError:
            ready = False  # it is loading, and says its version all the same
        return Ping(version=self._version or "unknown", ready=ready, seconds=time.perf_counter() - started)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _call(self, method: str, request: Message, kind: type[Any]) -> tuple[Any, str | None]:
        if self._channel is None:
            credentials = grpc.ssl_channel_credentials() if self._secure else None
            self._channel = (
                grpc.aio.secure_channel(self._target, credentials, options=OPTIONS)
                if credentials
                else grpc.aio.insecure_channel(self._target, options=OPTIONS)
            )
        asked = self._channel.unary_unary(
            SERVICE + method, request_serializer=type(request).SerializeToString, response_deserializer=kind.FromString
        )
        call = asked(request, timeout=self._timeout, metadata=self._metadata)
        try:
            said = await call
            trailer = _plain(await call.trailing_metadata())
        except grpc.aio.AioRpcError as exc:
            self._refuse(exc)
        self._version = self._version or version.check(trailer.get("daguerre-version"), self._url)
        return said, trailer.get("x-request-id")

    def _refuse(self, exc: grpc.aio.AioRpcError) -> NoReturn:
        """What the server, or gRPC itself, said no with, as one of ours."""
        trailer = _plain(exc.trailing_metadata())
        if trailer.get("daguerre-version"):
            self._version = version.check(trailer["daguerre-version"], self._url)
        if (refusal := _refusal(exc)) is not None:
            raise refusal from exc
        code, said = exc.code(), exc.details() or ""
        options: dict[str, Any] = {"request_id": trailer.get("x-request-id")}
        if code == grpc.StatusCode.UNAVAILABLE:
            raise ConnectError(
                f"{self._url} cannot be reached: {said}; is the service running, and this its gRPC port (HTTP's + 1)?",
                code="unreachable",
            ) from exc
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise ServerTimeoutError(
                f"{self._url} did not answer within {self._timeout:g} s; send fewer items at once, or raise `timeout`",
                code="timeout",
                status=504,
                **options,
            ) from exc
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in said:
            raise TooLargeError(said, code="body_too_large", status=413, **options) from exc
        if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise OverloadedError(said, code="overloaded", status=429, **options) from exc
        if code == grpc.StatusCode.CANCELLED:
            raise UnavailableError(f"{self._url} broke off: {said}", code="unavailable", status=503, **options) from exc
        if code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNKNOWN):
            raise IncompatibleServerError(
                f"{self._url} speaks gRPC, but does not look like a Daguerre server ({said}); is it the right address?",
                code="not_daguerre",
            ) from exc
        status = _HTTP.get(code, 500)
        raise of_status(status)(f"{self._url}: {code.name}: {said}", code="grpc", status=status, **options) from exc


def _refusal(exc: grpc.aio.AioRpcError) -> APIError | None:
    """The error in the status's details; None where gRPC itself, or something in between, made the status."""
    details = dict(exc.trailing_metadata() or ()).get("grpc-status-details-bin")
    if not isinstance(details, bytes):
        return None
    error, retry = common_pb2.Error(), RetryInfo()
    retry_after = None
    try:
        status = Status.FromString(details)
        if not any(detail.Unpack(error) for detail in status.details):
            return None
        if any(detail.Unpack(retry) for detail in status.details):
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    except DecodeError:
        return None
    return of_status(error.http_status)(
        error.message,
        code=error.code,
        status=error.http_status,
        request_id=error.request_id,
        param=error.param if error.HasField("param") else None,
        items=[
            ItemError(item.index, item.id if item.HasField("id") else str(item.index), item.code, item.message)
            for item in error.items
        ],
        retry_after=retry_after,
    )


def _plain(metadata: Any) -> dict[str, str]:
    return {key: value for key, value in metadata or () if isinstance(value, str)}


def _model_options(model: str | None, decode: str | None) -> common_pb2.ModelOptions:
    return common_pb2.ModelOptions(
        model=model, on_error=common_pb2.ON_ERROR_SKIP, decode=_DECODE[decode] if decode else None
    )


def _items(items: Sequence[Payload]) -> list[common_pb2.Item]:
    return [
        common_pb2.Item(image=item.image) if item.image is not None else common_pb2.Item(text=item.text or "")
        for item in items
    ]


def _texts(texts: Sequence[str] | None) -> zero_shot_pb2.Texts | None:
    return None if texts is None else zero_shot_pb2.Texts(values=texts)


def _none_of_these(options: ZeroShotOptions) -> zero_shot_pb2.NoneOfThese | None:
    if options.none_of_these is not None:
        return zero_shot_pb2.NoneOfThese(text=options.none_of_these)
    if options.none_min_cosine is not None:
        return zero_shot_pb2.NoneOfThese(min_cosine=options.none_min_cosine)
    return None


def _failures(data: Sequence[Any]) -> dict[int, Failure]:
    failed = ((i, entry.error) for i, entry in enumerate(data) if entry.HasField("error"))
    return {i: Failure(error.code, error.message) for i, error in failed}


def _receipt(said: common_pb2.Receipt) -> Receipt:
    return Receipt(
        model=said.model,
        revision=said.revision,
        fingerprint=said.fingerprint,
        precision=said.precision,
        provider=said.provider,
        decode=said.decode,
        demonstration=said.demonstration,
        notice=said.notice if said.HasField("notice") else None,
        made_with=dict(said.made_with),
    )


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
