"""Arrays in the .npy files of callers: the header is checked before memory or disk is used by it."""

import io
import math
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

LONGEST = 4096  # bytes of a header; numpy.save writes 128
MAGIC = b"\x93NUMPY"
_SHORT, _WIDE = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
_READERS = {(1, 0): _SHORT, (2, 0): _WIDE, (3, 0): _WIDE}  # 3.0 differs from 2.0 only in the names of fields
_MOST = 2**63 - 1  # elements along an axis


class InvalidArray(Exception):
    """A file that is no .npy file."""


@dataclass(frozen=True)
class Header:
    """The header of a .npy file.

    Attributes
    ----------
    start : number of bytes before the numbers.
    """

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    fortran: bool
    start: int

    @property
    def size(self) -> int:
        """The number of bytes of the whole file."""
        return self.start + self.dtype.itemsize * math.prod(self.shape)


def read_header(file: BinaryIO) -> Header:
    """Read and check a header. Raises InvalidArray."""
    head = file.read(LONGEST + 12)
    version = (head[6], head[7]) if head.startswith(MAGIC) and len(head) > 12 else None
    if version not in _READERS:
        raise InvalidArray
    if int.from_bytes(head[8:10] if version == (1, 0) else head[8:12], "little") > LONGEST:
        raise InvalidArray
    stream = io.BytesIO(head)
    try:
        np.lib.format.read_magic(stream)
        shape, fortran, dtype = _READERS[version](stream)
    except Exception as exc:  # numpy evaluates the header as Python, which fails in many ways
        raise InvalidArray from exc
    if not all(type(n) is int and 0 <= n <= _MOST for n in shape):
        raise InvalidArray
    return Header(shape=shape, dtype=dtype, fortran=bool(fortran), start=stream.tell())


def read_array(data: bytes) -> NDArray[Any]:
    """The array of a whole file, which shares the memory of `data`. Raises InvalidArray."""
    header = read_header(io.BytesIO(data))
    if header.dtype.hasobject or header.size != len(data) or header.dtype.itemsize == 0:
        raise InvalidArray
    flat = np.frombuffer(data, header.dtype, offset=header.start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")
