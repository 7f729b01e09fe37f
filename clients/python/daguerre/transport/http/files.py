"""Files over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from daguerre.inputs.pieces import Sendable, pieces, size_of
from daguerre.transport.http.connection import HttpConnection


class FileCalls(HttpConnection):
    """Files on the server."""

    async def upload(self, given: Sendable, name: str) -> Mapping[str, Any]:
        headers = {"content-type": "application/octet-stream", "content-length": str(size_of(given))}
        said, _ = await self._ask("POST", "/v1/files", params={"name": name}, content=pieces(given), headers=headers)
        return said

    async def files(self) -> Sequence[Mapping[str, Any]]:
        return await self._every("/v1/files")

    async def delete_file(self, id: str) -> Mapping[str, Any]:
        return (await self._ask("DELETE", f"/v1/files/{quote(id, safe='')}"))[0]
