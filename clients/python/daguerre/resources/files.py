"""Methods of the client for files on the server."""

import os
from collections.abc import Mapping
from typing import Any

from daguerre.dispatch.retry import retried
from daguerre.inputs.pieces import rows_of
from daguerre.results.embeddings import Embeddings
from daguerre.session import Session
from daguerre.transport.operations import DELETE_FILE, FILES
from daguerre.types.common import Rows


class FileMethods(Session):
    """Files on the server."""

    async def upload(
        self, given: "str | os.PathLike[str] | Rows | Embeddings", name: str | None = None
    ) -> Mapping[str, Any]:
        """Upload vectors as a stream of any size: a .npy file, an array (n, d) of floats, or embeddings.

        Other methods upload large embeddings automatically. The server deletes files after some days.

        Returns
        -------
        Mapping : id, name, bytes, shape, dtype, created, expires.

        Examples
        --------
        >>> client.upload("vectors.npy")["id"]
        """
        if isinstance(given, str | os.PathLike):
            source: Any = given
            name = os.path.basename(os.fspath(given)) if name is None else name
        else:
            source = rows_of(given.vectors if isinstance(given, Embeddings) else given)
        return await retried(
            lambda: self.transport.upload(source, name or "vectors.npy"), retry_for=self.limits.retry_for
        )

    async def files(self) -> list[Mapping[str, Any]]:
        """List your files on the server, the newest first: id, name, bytes, shape, expires, …"""
        return await self.entries(FILES)

    async def delete_file(self, id: str) -> Mapping[str, Any]:
        """Delete a file. Jobs that have started to use it continue. Raises NotFoundError."""
        return await self.transport.call(DELETE_FILE, {"id": id})
