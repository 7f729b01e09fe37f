"""gRPC method of estimates for a corpus."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import estimates_pb2
from service.api.grpc.inputs import read
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import estimates
from service.pipelines.answers import to_json
from service.schemas.estimates import EstimateCorpusRequest


class EstimateMethods:
    """The method for estimates."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The method of this feature."""
        yield "EstimateCorpus", "estimates", estimates_pb2.EstimateCorpusRequest, self._estimate

    async def _estimate(self, request: estimates_pb2.EstimateCorpusRequest, owner: str | None) -> Message:
        checked = await read(self._context, EstimateCorpusRequest, request)
        classifiers = self._context.classifiers
        answer = await self._context.engine().compute(
            lambda check: to_json(
                estimates.estimated(checked, check, classifiers=classifiers, owner=owner).model_dump()
            )
        )
        return estimates_pb2.EstimateCorpusResponse(answer_json=answer.decode())
