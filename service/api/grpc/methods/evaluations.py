"""gRPC method of the evaluation of findings against human codes."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import evaluations_pb2
from service.api.grpc.inputs import read
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import evaluations
from service.pipelines.answers import to_json
from service.schemas.evaluations import EvaluationRequest


class EvaluationMethods:
    """The method for evaluations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The method of this feature."""
        yield "EvaluateFindings", "evaluations", evaluations_pb2.EvaluationRequest, self._evaluate

    async def _evaluate(self, request: evaluations_pb2.EvaluationRequest, owner: str | None) -> Message:
        checked = await read(self._context, EvaluationRequest, request)
        answer = await self._context.engine().compute(
            lambda check: to_json(evaluations.evaluated(checked, check).model_dump())
        )
        return evaluations_pb2.EvaluationResponse(answer_json=answer.decode())
