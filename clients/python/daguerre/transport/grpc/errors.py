"""Errors of the SDK for calls over gRPC that failed: from Daguerre's details, or else from gRPC's status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError, EncodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from daguerre.errors import (
    APIError,
    ConnectError,
    DaguerreError,
    IncompatibleServerError,
    InvalidRequestError,
    ItemError,
    OverloadedError,
    ServerTimeoutError,
    TooLargeError,
    UnavailableError,
    of_status,
)
from daguerre.transport.addresses import proxy_note
from daguerre.transport.base import Transport
from daguerre_proto.v1 import common_pb2

Code = grpc.StatusCode
_HTTP: Mapping[grpc.StatusCode, int] = {
    Code.INVALID_ARGUMENT: 422,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
}
_NO_GRPC = ("failed parsing http/2", "http1.x")  # what gRPC says of a server that speaks another protocol


def translated(exc: grpc.aio.AioRpcError, transport: Transport, timeout: float, *, ours: bool) -> DaguerreError:
    """The error for a call that failed. `ours`: it is known that a Daguerre server answers at its address."""
    return _refusal(exc) or _failure(exc, transport, timeout, ours=ours)


@contextmanager
def encodable() -> Iterator[None]:
    """Raise TooLargeError for content that exceeds the size of a message, which HTTP servers would reject."""
    try:
        yield
    except EncodeError as exc:
        raise TooLargeError(
            "a message has less than 2 GiB; send fewer or smaller items at once", code="body_too_large", status=413
        ) from exc
    except (TypeError, ValueError) as exc:
        raise InvalidRequestError(
            f"this cannot be sent: {exc} (labels and templates are texts, and numbers have their ranges)",
            code="invalid_request",
            status=422,
        ) from exc


def metadata_dict(metadata: Any) -> dict[str, str]:
    """Metadata without its binary entries."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}


def _refusal(exc: grpc.aio.AioRpcError) -> APIError | None:
    """The error in the status's details; None where gRPC itself, or something in between, made the status."""
    details = next((value for key, value in exc.trailing_metadata() or () if key == "grpc-status-details-bin"), None)
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
        return None  # not from a Daguerre: the status itself has to do
    return of_status(error.http_status)(
        error.message,
        code=error.code,
        status=error.http_status,
        request_id=error.request_id or None,
        param=error.param if error.HasField("param") else None,
        items=[
            ItemError(item.index, item.id if item.HasField("id") else str(item.index), item.code, item.message)
            for item in error.items
        ],
        retry_after=retry_after,
    )


def _failure(exc: grpc.aio.AioRpcError, transport: Transport, timeout: float, *, ours: bool) -> DaguerreError:
    url = transport.url
    code, details = exc.code(), exc.details() or ""
    request_id = metadata_dict(exc.trailing_metadata()).get("x-request-id")
    if code == Code.UNAVAILABLE and any(sign in details.lower() for sign in _NO_GRPC):
        return IncompatibleServerError(
            f"{url} answers, but not in gRPC ({details}); a Daguerre server's gRPC port is its HTTP port + 1"
            f"{proxy_note(url)}",
            code="not_daguerre",
        )
    if code == Code.UNAVAILABLE and "CERTIFICATE_VERIFY_FAILED" in details:
        return ConnectError(
            f"{url} is not trusted: {details}; where its certificate is from an authority of your own, set "
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to that authority's PEM file",
            code="unreachable",
        )
    if code == Code.UNAVAILABLE:
        nobody = transport.nobody_note("connection refused" in details.lower())
        way = nobody or f"is the service running, and this its gRPC port (HTTP's + 1)?{proxy_note(url)}"
        return ConnectError(
            f"{url} cannot be reached: {details}; {way}",
            code="unreachable",
            nobody=bool(nobody) and not transport.patient,
        )
    if code == Code.DEADLINE_EXCEEDED:
        return ServerTimeoutError(
            f"{url} did not answer within {timeout:g} s; send fewer items at once, or raise `timeout`{proxy_note(url)}",
            code="timeout",
            status=504,
            request_id=request_id,
        )
    if code == Code.RESOURCE_EXHAUSTED and "larger than max" in details:
        return TooLargeError(
            f"{url}: {details}; send fewer items at once", code="body_too_large", status=413, request_id=request_id
        )
    if code == Code.RESOURCE_EXHAUSTED:
        return OverloadedError(f"{url}: {details}", code="overloaded", status=429, request_id=request_id)
    if code == Code.CANCELLED:
        return UnavailableError(f"{url} broke off: {details}", code="unavailable", status=503, request_id=request_id)
    if code == Code.UNIMPLEMENTED or (code == Code.UNKNOWN and not ours):
        return IncompatibleServerError(
            f"{url} speaks gRPC, but does not look like a Daguerre server ({details}); is it the right address?"
            f"{proxy_note(url)}",
            code="not_daguerre",
        )
    status = _HTTP.get(code, 500)
    return of_status(status)(
        f"{url}: {code.name}: {details}", code=code.name.lower(), status=status, request_id=request_id
    )
