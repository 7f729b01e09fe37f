"""Arrays of answers, joined; rows of items without a result are NaN."""

from collections.abc import Container, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from daguerre.types.common import Float


def spread(rows: Float, n: int, failures: Container[int]) -> Float:
    """`rows` (m, d) of the items that are not in `failures` as (n, d), NaN for the others."""
    if len(rows) == n:
        return rows
    every = np.full((n, rows.shape[1]), np.nan, np.float32)
    every[[i for i in range(n) if i not in failures]] = rows
    return every


def stack(parts: Sequence[Float]) -> Float:
    """Parts (n_i, d) below one another; one of width 0 comes from an answer in which every item has failed."""
    width = max(part.shape[1] for part in parts)
    whole = [part if part.shape[1] == width else np.full((len(part), width), np.nan, np.float32) for part in parts]
    return np.concatenate(whole)


def single(values: Iterable[float | None]) -> list[float | None]:
    """Numbers of single precision, as gRPC has them, so that both transports give the same; None for NaN."""
    found: NDArray[np.float32] = np.array([np.nan if value is None else value for value in values], np.float32)
    return [None if value != value else value for value in found.tolist()]
