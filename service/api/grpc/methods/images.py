"""gRPC methods of image descriptions, which need no model."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import common_pb2, corpus_pb2
from service.api.grpc.inputs import items_without_video, read
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines.answers import crop_entry
from service.pipelines.images import describe
from service.schemas.images import ImagesRequest


class ImageMethods:
    """Methods for image descriptions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "DescribeImages", "images", corpus_pb2.DescribeImagesRequest, self._images

    async def _images(self, request: corpus_pb2.DescribeImagesRequest, owner: str | None) -> Message:
        checked = await read(self._context, ImagesRequest, request)
        items = items_without_video(request.input)
        found, failures = await describe(self._context.engine(), items, checked)
        first = [i for i, each in sorted(found.items()) if each.first_of_many]
        response = corpus_pb2.DescribeImagesResponse(first_of_many=first)
        for i, item in enumerate(items):
            if i in failures:
                error = common_pb2.ItemError(code=failures[i].code, message=failures[i].message)
                response.data.add(index=i, id=item.id, error=error, **crop_entry(item))
            else:
                raw = {"thumbnail": found[i].thumbnail, "picture": found[i].picture}
                response.data.add(index=i, id=item.id, **crop_entry(item), **{**found[i].to_json(), **raw})
        return response
