"""gRPC method of captions."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import captions_pb2
from service.api.grpc import inputs
from service.api.grpc.answers import operation_response
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import captions
from service.pipelines.operation import Call
from service.schemas.captions import CaptionsOptions
from service.schemas.items import Item
from service.schemas.video import Sampling


class CaptionMethods:
    """Methods for captions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Caption", "captions", captions_pb2.CaptionRequest, self._caption

    async def _caption(self, request: captions_pb2.CaptionRequest, owner: str | None) -> Message:
        options = await inputs.read(self._context, CaptionsOptions, request)
        items = inputs.items(request.input, Item, options.sampling or Sampling(), self._context.files, owner)
        del request  # whose images have been copied
        call = Call(engine=self._context.engine(), classifiers=self._context.classifiers, options=options, items=items)
        return await operation_response(self._context, captions.OPERATION, call, owner)
