"""The actors of a run: each reads files, asks a server about them, and hands tables on, packed as bytes.

Ray gets one row for each batch, with the number of its items and its tables as Arrow streams: so types, missing values
and metadata are those of the SDK, whatever Ray does with columns.
"""

import asyncio
import hashlib
import json
import os
import stat
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from daguerre.async_client import AsyncClient
from daguerre.corpus.plan import LOCAL
from daguerre.errors import DaguerreWarning, FingerprintMismatchError
from daguerre.ray.folder import IDENTITY
from daguerre.ray.operations import Item, Operation, Tables
from daguerre.ray.places import is_local, place
from daguerre.ray.service import StartedService
from daguerre.storage.parquet import arrow

BATCH = 64  # items of a batch, of which an actor has up to four at once
READERS = 16  # threads of an actor that read files
IN_FLIGHT = 2  # requests of a batch at once

Options = Mapping[str, Any]  # of AsyncClient


class Actor:
    """An actor; Ray makes it on a node, and gives it batches.

    Parameters
    ----------
    operation : the operation.
    servers : addresses; None: a service of this node is started.
    options : of the client.
    facts : those of the folder, which the servers have to agree with; None in a new folder whose servers are started.
    settings : environment variables of a service that is started.
    filesystem : of the files; None: by their schemes.
    """

    def __init__(
        self,
        operation: Operation,
        servers: Sequence[str] | None,
        options: Options,
        facts: Mapping[str, Any] | None,
        settings: Mapping[str, str],
        filesystem: Any,
    ) -> None:
        warnings.simplefilter("ignore", DaguerreWarning)  # remarks are counted, and said once at the end
        self._operation, self._filesystem = operation, filesystem
        self._service = None if servers is not None else StartedService(settings)
        self._servers = servers if self._service is None else [self._service.url]
        self._options = options
        self._facts = describe(operation, self._servers or (), options)
        if facts is not None:
            require_equal(facts, self._facts)
        self._client = open_client(self._servers or (), options)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="daguerre-read")

    async def __call__(self, batch: Any) -> AsyncIterator[Any]:
        """A row for each batch: `rows`, `facts` (JSON), and a column of bytes for each kind of table."""
        pa = arrow()
        loop = asyncio.get_running_loop()
        pairs = zip(batch["id"].to_pylist(), batch["path"].to_pylist(), strict=True)
        reading = [
            loop.run_in_executor(self._readers, read_item, id, os.fsdecode(path), self._filesystem)
            for id, path in pairs
        ]
        items = await asyncio.gather(*reading)
        tables = await self._operation.ask(self._client, items, self._facts)
        yield pa.table(
            {
                "rows": pa.array([len(items)], pa.int64()),
                "facts": pa.array([json.dumps(self._facts)], pa.string()),
                **{f"table {kind}": pa.array([packed(table)], pa.large_binary()) for kind, table in tables.items()},
            }
        )


def open_client(servers: Sequence[str], options: Options) -> AsyncClient:
    """A client of one server, or of several."""
    urls: Any = servers[0] if len(servers) == 1 else list(servers)
    return AsyncClient(urls, in_flight=IN_FLIGHT, progress=False, **options)


def describe(operation: Operation, servers: Sequence[str], options: Options) -> dict[str, Any]:
    """The facts of an operation, as servers have them. Raises what a request raises."""

    async def ask() -> dict[str, Any]:
        async with open_client(servers, options) as client:
            return await operation.describe(client)

    return asyncio.run(ask())


def require_equal(facts: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Raise FingerprintMismatchError where servers would make other results than those of a run."""
    for name in IDENTITY:
        if facts.get(name) != others.get(name):
            raise FingerprintMismatchError(
                f"servers: {name} of the run is {json.dumps(facts.get(name))}, and a server of it has "
                f"{json.dumps(others.get(name))}; give servers with one model and one setting of decode",
                code="fingerprint_mismatch",
            )


def packed(table: Any) -> bytes:
    """A table as an Arrow stream."""
    pa = arrow()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def unpacked(streams: Sequence[Any]) -> Any:
    """The rows of several Arrow streams as one table; columns that one of them lacks are null there."""
    pa = arrow()
    tables = [pa.ipc.open_stream(pa.py_buffer(each)).read_all() for each in streams]
    metadata = tables[-1].schema.metadata
    whole = pa.concat_tables([each.replace_schema_metadata(None) for each in tables], promote_options="default")
    return whole.combine_chunks().replace_schema_metadata(metadata)


def read_item(id: str, path: str, filesystem: Any = None) -> Item:
    """A file of a corpus with its SHA-256, or why it cannot be read."""
    try:
        where, inside = place(path, filesystem)
        data, mtime_ns = _read_local(inside) if is_local(where) else _read_remote(where, inside)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        return Item(id, error_code=LOCAL, error_message=f"cannot be read: {reason}; check the path")
    return Item(id, data, hashlib.sha256(data).hexdigest(), len(data), mtime_ns)


def _read_local(path: str) -> tuple[bytes, int]:
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for, perhaps for ever
        raise OSError("it is no regular file")
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        return file.read(), status.st_mtime_ns


def _read_remote(where: Any, path: str) -> tuple[bytes, int | None]:
    info = where.get_file_info(path)
    if not info.is_file:
        raise OSError("there is no such file")
    with where.open_input_stream(path, compression=None) as file:
        return bytes(file.read()), info.mtime_ns


__all__ = ["BATCH", "Actor", "Tables", "describe", "packed", "read_item", "require_equal", "unpacked"]
