"""Arrays of answers, joined; rows of items without a result are NaN."""

from base64 import b64decode
from collections.abc import Container, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def spread(rows: NDArray[np.float32], n: int, failures: Container[int]) -> NDArray[np.float32]:
    """`rows` (m, d) of the items that are not in `failures` as (n, d), NaN for the others."""
    if len(rows) == n:
        return rows
    every = np.full((n, rows.shape[1]), np.nan, np.float32)
    every[[i for i in range(n) if i not in failures]] = rows
    return every


def joined(parts: Sequence[Any]) -> Any:
    """Parts below one another, of lists or of arrays; None where one of them is None.

    An array of width 0 comes from an answer in which every item has failed: its rows become NaN.
    """
    if any(part is None for part in parts):
        return None
    if not isinstance(parts[0], np.ndarray):
        return [entry for part in parts for entry in part]
    if parts[0].ndim == 1:
        return np.concatenate(parts)
    width = max(part.shape[1] for part in parts)
    padded = [part if part.shape[1] == width else np.full((len(part), width), np.nan, part.dtype) for part in parts]
    return np.concatenate(padded)


def single(values: Iterable[float | None]) -> list[float | None]:
    """Numbers of single precision, as gRPC has them, so that both transports give the same; None for NaN."""
    numbers: NDArray[np.float32] = np.array([np.nan if value is None else value for value in values], np.float32)
    return [None if number != number else number for number in numbers.tolist()]


def unpacked(value: str | bytes) -> bytes:
    """Bytes in an answer: over HTTP in base64, over gRPC as they are."""
    return b64decode(value) if isinstance(value, str) else value
