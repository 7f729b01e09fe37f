"""Vectors that are sent as lists of numbers, for programs that have no base64 at hand."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np


def packed(rows: Sequence[Any]) -> tuple[int, str]:
    """Rows of numbers as base64 of little-endian float32, and their length.

    Parameters
    ----------
    rows : lists of numbers of one length; None is a row of NaN. Or numbers: a single row.

    Raises
    ------
    ValueError : rows of different lengths, or of anything else than numbers that float32 can hold.
    """
    if rows and all(_is_number(value) for value in rows):
        rows = [rows]
    width = next((len(row) for row in rows if isinstance(row, list)), 0)
    if not width:
        raise ValueError("data: has no numbers; send a list of numbers for each item, or base64")
    for i, row in enumerate(rows):
        if row is None:
            continue
        if not isinstance(row, list):
            raise ValueError(f"data[{i}]: is no list; each item has a list of numbers, or null where it has no vector")
        if len(row) != width:
            raise ValueError(f"data[{i}]: has {len(row)} numbers, and rows before have {width}; they are of one length")
        if not all(map(_is_number, row)):
            raise ValueError(f"data[{i}]: has something else than numbers; an item without a vector is null as a whole")
    with np.errstate(over="ignore"):
        array = np.array([[np.nan] * width if row is None else row for row in rows], np.float64).astype("<f4")
    if np.isinf(array).any():
        i = int(np.argmax(np.isinf(array).any(1)))
        raise ValueError(f"data[{i}]: has a number that is no finite float32; scale the vector to length 1")
    return width, b64encode(array.tobytes()).decode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
