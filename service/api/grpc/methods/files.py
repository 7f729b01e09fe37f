"""gRPC methods of files. The server registers uploads separately, as a stream."""

from collections.abc import AsyncIterator, Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import corpus_pb2
from service.api.grpc.messages import filled, limit, parse
from service.api.grpc.methods.base import Method
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.files import card

MOST_FIELDS = 100  # of a message; it has two


class FileMethods:
    """Methods for uploaded files."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "ListFiles", "files", corpus_pb2.ListFilesRequest, self._list_files
        yield "GetFile", "files", corpus_pb2.GetFileRequest, self._get_file
        yield "DeleteFile", "files", corpus_pb2.DeleteFileRequest, self._delete_file

    async def upload(self, requests: AsyncIterator[bytes], owner: str | None) -> Message:
        """Receive a file in chunks."""
        first = await anext(requests, None)
        if first is None:
            raise Unprocessable("the call has no message; send the file's bytes", code="invalid_file")
        begun = parse(corpus_pb2.UploadFileRequest, first, most=MOST_FIELDS)

        async def chunks() -> AsyncIterator[bytes]:
            yield begun.data
            async for raw in requests:
                yield parse(corpus_pb2.UploadFileRequest, raw, most=MOST_FIELDS).data

        return filled(
            corpus_pb2.File,
            card(await self._context.files.receive(chunks(), name=begun.name, owner=owner)).model_dump(),
        )

    async def _list_files(self, request: corpus_pb2.ListFilesRequest, owner: str | None) -> Message:
        cursor = request.cursor if request.HasField("cursor") else None
        most = limit(request.limit)
        engine = self._context.engine()
        found, following = await engine.in_thread(lambda: self._context.files.list(owner, limit=most, cursor=cursor))
        return corpus_pb2.ListFilesResponse(
            data=[filled(corpus_pb2.File, card(each).model_dump()) for each in found], next_cursor=following
        )

    async def _get_file(self, request: corpus_pb2.GetFileRequest, owner: str | None) -> Message:
        found = await self._context.engine().in_thread(lambda: self._context.files.get(request.id, owner))
        return filled(corpus_pb2.File, card(found).model_dump())

    async def _delete_file(self, request: corpus_pb2.DeleteFileRequest, owner: str | None) -> Message:
        found = await self._context.engine().in_thread(lambda: self._context.files.delete(request.id, owner))
        return filled(corpus_pb2.File, card(found).model_dump())
