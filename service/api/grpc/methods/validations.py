"""gRPC method of the validation of predictions against human codes."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import validations_pb2
from service.api.grpc.inputs import read
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import validations
from service.pipelines.answers import to_json
from service.schemas.validations import ValidationRequest


class ValidationMethods:
    """The method for validations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The method of this feature."""
        yield "ValidatePredictions", "validations", validations_pb2.ValidationRequest, self._validate

    async def _validate(self, request: validations_pb2.ValidationRequest, owner: str | None) -> Message:
        checked = await read(self._context, ValidationRequest, request)
        classifiers = self._context.classifiers
        answer = await self._context.engine().compute(
            lambda check: to_json(
                validations.validated(checked, check, classifiers=classifiers, owner=owner).model_dump()
            )
        )
        return validations_pb2.ValidationResponse(answer_json=answer.decode())
