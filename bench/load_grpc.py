"""The load generator's gRPC side: one channel per client, messages made beforehand and sent as bytes."""

from collections.abc import Sequence

import grpc

from daguerre_proto.v1.common_pb2 import Item, ModelOptions
from daguerre_proto.v1.embeddings_pb2 import EmbedOptions, EmbedRequest, EmbedResponse

METHOD = "/daguerre_proto.v1.Daguerre/Embed"
OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own, as over HTTP
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


class GrpcConnection:
    """One connection with one call under way; the same interface as that of HTTP."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
        self._call = self._channel.unary_unary(METHOD)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a message; a status (HTTP's number for what went well) and the answer."""
        try:
            return 200, await self._call(request)
        except grpc.aio.AioRpcError as exc:
            return int(exc.code().value[0]), b""

    async def close(self) -> None:
        await self._channel.close()


def message(model: str, photos: Sequence[bytes]) -> bytes:
    """An EmbedRequest."""
    options = EmbedOptions(model_options=ModelOptions(model=model))
    return EmbedRequest(options=options, items=[Item(image=photo) for photo in photos]).SerializeToString()


def vectors(body: bytes) -> int:
    """Number of vectors in an answer."""
    return sum(bool(entry.vector) for entry in EmbedResponse.FromString(body).data)
