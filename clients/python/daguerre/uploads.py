"""Vectors and videos that are sent ahead, in pieces: no second copy of them is ever made."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from daguerre.core import retried
from daguerre.errors import DaguerreError, TooLargeError
from daguerre.types.common import Rows
from daguerre.types.embeddings import VectorBlock

if TYPE_CHECKING:
    from daguerre.training import Training


T = TypeVar("T")


class Pieces(Protocol):
    """What comes in pieces, from the beginning each time that it is asked for them."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""

    def __call__(self) -> AsyncIterator[bytes]: ...


Sendable: TypeAlias = "str | os.PathLike[str] | Rows | Pieces"
PIECE = 2**20  # bytes
AHEAD = 64 * 2**20  # bytes of rows from which they are sent ahead, not in the request


def rows_of(given: Any) -> Rows:
    """An array as the server takes it: (n, d) floats, row by row. Raises ValueError."""
    array = np.asarray(given)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise ValueError(f"vectors: an array of {array.dtype} {array.shape}; they are floats, (items, dimension)")
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def size_of(given: Sendable) -> int:
    """Bytes of the file."""
    if isinstance(given, np.ndarray):
        return len(_head(given)) + given.nbytes
    return os.stat(given).st_size if isinstance(given, str | os.PathLike) else given.size


async def pieces(given: Sendable) -> AsyncIterator[bytes]:
    """A file, or an array of `rows_of` as one."""
    if not isinstance(given, str | os.PathLike | np.ndarray):
        async for piece in given():
            yield piece
        return
    if isinstance(given, np.ndarray):
        yield _head(given)
        flat = given.reshape(-1).view(np.uint8)
        for start in range(0, len(flat), PIECE):
            yield flat[start : start + PIECE].tobytes()
        return
    file = await asyncio.to_thread(open, given, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


def _head(array: Rows) -> bytes:
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(held, np.lib.format.header_data_from_array_1_0(array))
    return held.getvalue()


async def carried(
    client: "Training", blocks: Sequence[VectorBlock], ask: Callable[[Sequence[VectorBlock]], Awaitable[T]]
) -> T:
    """What `ask` gives, with large blocks sent ahead as files, which are deleted afterwards: a job has linked them.

    Where the server finds the request too large, all of them are sent ahead.
    """
    made: list[str] = []
    try:
        sent = [await _ahead(client, each, made) if each.rows.nbytes > AHEAD else each for each in blocks]
        try:
            return await ask(sent)
        except TooLargeError as exc:
            if exc.code != "body_too_large" or len(made) == len(sent):
                raise
        return await ask([await _ahead(client, each, made) if each.file is None else each for each in sent])
    finally:
        for id in made:
            with suppress(DaguerreError):  # then it expires by itself
                await client.transport.delete_file(id)


async def _ahead(client: "Training", block: VectorBlock, made: list[str]) -> VectorBlock:
    rows = rows_of(block.rows)
    name = f"{block.modality}.npy"
    said = await retried(lambda: client.transport.upload(rows, name), retry_for=client.limits.retry_for)
    made.append(said["id"])
    return replace(block, file=said["id"])
