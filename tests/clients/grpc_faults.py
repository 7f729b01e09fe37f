"""gRPC servers that answer what a real one never does, and a transport to ask them with."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
import pytest

from daguerre import errors
from daguerre.transport.grpc.transport import HEALTH, GrpcTransport
from daguerre.transport.operations import EMBED
from daguerre.types.common import Payload
from daguerre.types.embeddings import EmbedOptions
from daguerre_proto.v1 import embeddings_pb2

T = TypeVar("T")
Answer = Callable[[bytes, grpc.ServicerContext], bytes]
OURS = (("daguerre-version", "0.1.0"), ("x-request-id", "r1"))
VECTOR = embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")])  # one item's


def asked(url: str, what: Callable[[GrpcTransport], Awaitable[T]], *, key: str | None = None, timeout: float = 60) -> T:
    """What a transport of its own answers."""

    async def ask() -> T:
        transport = GrpcTransport(url, api_key=key, timeout=timeout)
        try:
            return await what(transport)
        finally:
            await transport.close()

    return asyncio.run(ask())


def embed(transport: GrpcTransport) -> Awaitable[Any]:
    return transport.call(EMBED, EmbedOptions().fields(), items=[Payload(text="a")])


def refused(url: str, what: Callable[[GrpcTransport], Awaitable[Any]] = embed, **options: Any) -> errors.DaguerreError:
    with pytest.raises(errors.DaguerreError) as caught:
        asked(url, what, **options)
    return caught.value


class Methods(grpc.GenericRpcHandler):
    """Every method but the health check has one answer; None: the server lacks it."""

    def __init__(self, answer: Answer | None, healthy: bytes | None) -> None:
        self._answer, self._healthy = answer, healthy

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != HEALTH:
            return self._answer and grpc.unary_unary_rpc_method_handler(self._answer)
        healthy = self._healthy
        return None if healthy is None else grpc.unary_unary_rpc_method_handler(lambda request, context: healthy)


@contextmanager
def faulty(answer: Answer | None, *, healthy: bytes | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a gRPC server in this process, for what a real one never answers."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Methods(answer, healthy),))
    port = server.add_insecure_port(f"{host}:0")
    server.start()
    try:
        yield f"grpc://{host}:{port}"
    finally:
        server.stop(0).wait()


def says(message: Any, trailer: Sequence[tuple[str, str]] = OURS) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(tuple(trailer))
        return message if isinstance(message, bytes) else message.SerializeToString()

    return answer


def fails(code: grpc.StatusCode, details: str = "no", trailer: Sequence[tuple[str, Any]] = OURS) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(tuple(trailer))
        context.abort(code, details)
        raise AssertionError

    return answer
