"""gRPC methods of analyses of pictures."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import analyses_pb2
from service.api.grpc import inputs
from service.api.grpc.answers import operation_response
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import analyses
from service.pipelines.operation import Call
from service.schemas.analyses import AnalysesOptions
from service.schemas.items import Item
from service.schemas.video import Sampling


class AnalysisMethods:
    """Methods for analyses."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Analyse", "analyses", analyses_pb2.AnalyseRequest, self._analyse
        yield "ListAnalysers", "analysers", analyses_pb2.ListAnalysersRequest, self._list

    async def _analyse(self, request: analyses_pb2.AnalyseRequest, owner: str | None) -> Message:
        options = await inputs.read(self._context, AnalysesOptions, request)
        items = inputs.items(request.input, Item, options.sampling or Sampling(), self._context.files, owner)
        del request  # whose images have been copied
        call = Call(engine=self._context.engine(), classifiers=self._context.classifiers, options=options, items=items)
        return await operation_response(self._context, analyses.OPERATION, call, owner)

    async def _list(self, request: analyses_pb2.ListAnalysersRequest, owner: str | None) -> Message:
        found = analyses.listed(self._context.engine())
        return analyses_pb2.ListAnalysersResponse(answer_json=found.model_dump_json())
