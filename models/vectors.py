"""Functions on rows of vectors that several layers use; arrays may be memory-mapped, and are read block by block."""

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
BLOCK = 2**22  # numbers of a block: 16 MiB
_IN_CACHE = 2**17  # numbers that are squared at once, in float64: 1 MiB


def l2(x: NDArray[Any]) -> NDArray[Any]:
    """Scale the rows of `x` (…, d) to Euclidean length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)  # type: ignore[no-any-return]


def single(part: NDArray[Any]) -> Float32:
    """Rows (b, d) as float32 in C order, a view where they are that already; infinite outside its range."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(part, np.float32)


def blocks(
    rows: NDArray[Any], check: Callable[[], None], *, numbers: int = BLOCK, keep: bool = True
) -> Iterator[tuple[int, Float32]]:
    """Go through rows (n, d) in blocks of float32, with the index of the first row of each.

    Parameters
    ----------
    check : called before each block; what it raises ends the iteration.
    numbers : numbers of a block.
    keep : whether the pages of a memory-mapped array may stay with this process after they were read.
    """
    step = max(1, numbers // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        check()
        yield start, single(rows[start : start + step])
        if not keep:
            forget(rows)


def forget(rows: NDArray[Any]) -> None:
    """Release the memory of the pages of a memory-mapped array; they can be read again."""
    mapped = getattr(rows, "_mmap", None)
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def row_lengths(rows: NDArray[Any], check: Callable[[], None]) -> Float64:
    """Euclidean lengths of rows (n, d) as float32, in float64, (n,).

    A length is 0 for a row of zeros alone, and not finite for a row with NaN or infinity alone: the squares of float32
    numbers neither overflow nor vanish in float64.
    """
    found = np.empty(len(rows))
    step = max(1, _IN_CACHE // max(1, rows.shape[1]))
    for start, block in blocks(rows, check):
        for at in range(0, len(block), step):
            part = block[at : at + step].astype(np.float64)  # einsum's own casting changes the order of summation
            found[start + at : start + at + len(part)] = np.sqrt(np.einsum("ij,ij->i", part, part))
    return found
