"""One scope for every gRPC call: request id, authentication, metrics, errors as statuses."""

import asyncio
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import unquote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from models.errors import ModelsError
from service import __version__
from service.api.grpc.messages import error
from service.auth import Auth
from service.errors import CallerGone, ServiceError, translate
from service.inference import tracing
from service.inference.fair_threads import one_caller
from service.metrics import IN_FLIGHT, REQUEST_SECONDS, REQUESTS
from service.stores.vectors import OWNER

logger = logging.getLogger("daguerre.grpc")
CallContext = grpc.aio.ServicerContext[bytes, bytes]
GONE = (grpc.aio.InternalError, grpc.aio.UsageError)  # raised when sending to a disconnected caller
_SANE_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_CODES: Mapping[int, grpc.StatusCode] = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
LONGEST_MESSAGE = 1500  # bytes of a status message, which the trailer holds twice, once percent-encoded


def code_of(exc: ServiceError) -> grpc.StatusCode:
    """The gRPC status of an error. Other 4xx, including 413, are INVALID_ARGUMENT: a retry would fail again."""
    return _CODES.get(exc.status, grpc.StatusCode.INVALID_ARGUMENT if exc.status < 500 else grpc.StatusCode.INTERNAL)


class CallScope:
    """Authentication, metrics and error handling for gRPC calls."""

    def __init__(self, auth: Auth, *, host: str) -> None:
        self._auth = auth
        self._host = host  # the listening address: gRPC does not report the local address of a call

    @asynccontextmanager
    async def call(self, context: CallContext, operation: str) -> AsyncIterator[str | None]:
        """The scope of one call, yielding its owner; exceptions raised inside become its status."""
        metadata = dict(context.invocation_metadata() or ())
        given = str(metadata.get("x-request-id", ""))
        request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        trailer = (("x-request-id", request_id), ("daguerre-version", __version__))
        context.set_trailing_metadata(trailer)
        started, status = time.perf_counter(), 500
        span = tracing.begin(str(metadata.get("traceparent", "")))
        IN_FLIGHT.labels("grpc").inc()
        try:
            try:
                owner = self._auth.check(_text(metadata.get("authorization")), reached_at=self._host)
                one_caller(owner or address(context))
                OWNER.set(owner)
                yield owner
                status = 200
            except (ModelsError, OSError, sqlite3.Error) as exc:
                raise translate(exc) from exc
        except CallerGone as exc:
            status = exc.status
            raise asyncio.CancelledError from exc
        except ServiceError as exc:
            status = exc.status
            await _abort(context, exc, request_id, trailer)
        except asyncio.CancelledError:
            status = 499  # the caller disconnected, or its deadline has passed
            raise
        except Exception:
            logger.exception("request %s failed", request_id)
            unforeseen = ServiceError("something went wrong here; the server's log knows this id")
            await _abort(context, unforeseen, request_id, trailer)
        finally:
            IN_FLIGHT.labels("grpc").dec()
            tracing.end(span, operation=operation, transport="grpc", status=status)
            REQUESTS.labels(operation, "grpc", str(status)).inc()
            REQUEST_SECONDS.labels(operation, "grpc").observe(time.perf_counter() - started)
            if status >= 400:
                logger.info("request %s: %s answered %d", request_id, operation, status)


def address(context: CallContext) -> str:
    """The caller's address without its port, as HTTP has it."""
    return unquote(context.peer()).partition(":")[2].rpartition(":")[0].strip("[]")


def _text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value


async def _abort(
    context: CallContext, exc: ServiceError, request_id: str, trailer: tuple[tuple[str, str], ...]
) -> None:
    detail = error(exc, request_id)
    message = exc.message if len(exc.message.encode()) <= LONGEST_MESSAGE else exc.message[: LONGEST_MESSAGE // 4] + "…"
    detail.message = message
    status = Status(code=code_of(exc).value[0], message=message)
    status.details.append(_any(detail))
    if exc.retry_after is not None:
        status.details.append(_any(RetryInfo(retry_delay=Duration(seconds=exc.retry_after))))
    details = ("grpc-status-details-bin", status.SerializeToString())
    try:
        await context.abort(code_of(exc), message, trailing_metadata=(*trailer, details))
    except GONE as gone:
        raise asyncio.CancelledError from gone


def _any(message: object) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)  # type: ignore[arg-type]
    return packed
