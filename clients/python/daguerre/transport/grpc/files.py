"""Files over gRPC."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from daguerre.inputs.pieces import Sendable, pieces
from daguerre.transport.grpc.connection import PAGE, GrpcConnection
from daguerre.transport.grpc.errors import encodable
from daguerre.transport.grpc.messages import facts
from daguerre_proto.v1 import corpus_pb2 as pb


class FileCalls(GrpcConnection):
    """Files on the server."""

    async def upload(self, given: Sendable, name: str) -> Mapping[str, Any]:
        async def messages() -> AsyncIterator[bytes]:
            with encodable():
                yield pb.UploadFileRequest(name=name).SerializeToString()
            async for piece in pieces(given):
                yield pb.UploadFileRequest(data=piece).SerializeToString()

        return _file((await self._call("UploadFile", messages(), pb.File))[0])

    async def files(self) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            request = pb.ListFilesRequest(limit=PAGE, cursor=cursor)
            said, _ = await self._call("ListFiles", request, pb.ListFilesResponse)
            found += [_file(each) for each in said.data]
            if not said.HasField("next_cursor"):
                return found
            cursor = said.next_cursor

    async def delete_file(self, id: str) -> Mapping[str, Any]:
        with encodable():
            request = pb.DeleteFileRequest(id=id)
        return _file((await self._call("DeleteFile", request, pb.File))[0])


def _file(said: pb.File) -> dict[str, Any]:
    names = ("id", "name", "bytes", "dtype", "created", "expires")
    made = {**{name: getattr(said, name) for name in names}, "object": "file", "shape": list(said.shape)}
    if said.HasField("video"):
        return {**made, "shape": None, "dtype": None, "video": facts(said.video)}
    return {**made, "video": None}
