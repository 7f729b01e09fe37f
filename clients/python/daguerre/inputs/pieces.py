"""Files and arrays in pieces, so that no second copy of them is made while they are uploaded."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from daguerre.types.common import Rows


class Pieces(Protocol):
    """A source that yields its pieces from the beginning each time it is called."""

    @property
    def size(self) -> int:
        """Number of bytes of all pieces."""

    def __call__(self) -> AsyncIterator[bytes]: ...


Sendable: TypeAlias = "str | os.PathLike[str] | Rows | Pieces"
PIECE = 2**20  # bytes


def rows_of(given: Any) -> Rows:
    """An array of vectors as contiguous floats, (n, d). Raises ValueError."""
    array = np.asarray(given)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise ValueError(f"vectors: got an array of {array.dtype} {array.shape}; give floats, (items, dimension)")
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def size_of(given: Sendable) -> int:
    """Bytes of the file."""
    if isinstance(given, np.ndarray):
        return len(_head(given)) + given.nbytes
    return os.stat(given).st_size if isinstance(given, str | os.PathLike) else given.size


async def pieces(given: Sendable) -> AsyncIterator[bytes]:
    """Yield the pieces of a file, or of an array of `rows_of` as a .npy file."""
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
