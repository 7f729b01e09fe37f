"""gRPC method of multiverses."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import estimates_pb2
from service.api.grpc.inputs import read
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines.answers import to_json
from service.pipelines.multiverses import multiverse_of
from service.schemas.multiverses import MultiverseRequest


class MultiverseMethods:
    """The method for multiverses."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The method of this feature."""
        yield "EstimateMultiverse", "multiverses", estimates_pb2.MultiverseRequest, self._estimate

    async def _estimate(self, request: estimates_pb2.MultiverseRequest, owner: str | None) -> Message:
        checked = await read(self._context, MultiverseRequest, request)
        answer = await self._context.engine().compute(lambda check: to_json(multiverse_of(checked, check).model_dump()))
        return estimates_pb2.MultiverseResponse(answer_json=answer.decode())
