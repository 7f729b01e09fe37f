"""Convex polygons on a grid of pixels, row by row: means and areas without a mask for each polygon."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_TOLERANCE = 1e-6  # a pixel whose centre is on an edge is inside


def spans(polygon: Floats, height: int, width: int) -> tuple[Ints, Ints, Ints]:
    """Pixels of a grid whose centres are inside a convex polygon (k, 2): rows, first columns, columns behind the last.

    Corners are x, y in units of pixels, where the centre of the first pixel is at (0, 0).
    """
    low, high = polygon[:, 1].min() - _TOLERANCE, polygon[:, 1].max() + _TOLERANCE
    rows = np.arange(max(0, int(np.ceil(low))), min(height - 1, int(np.floor(high))) + 1)
    left, right = np.full(len(rows), np.inf), np.full(len(rows), -np.inf)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        meets = (rows >= min(y0, y1) - _TOLERANCE) & (rows <= max(y0, y1) + _TOLERANCE)
        flat = abs(y1 - y0) < _TOLERANCE
        at = np.clip((rows[meets] - y0) / (1.0 if flat else y1 - y0), 0, 1)
        for x in (np.full(len(at), x0), np.full(len(at), x1)) if flat else (x0 + at * (x1 - x0),):
            left[meets] = np.minimum(left[meets], x)
            right[meets] = np.maximum(right[meets], x)
    known = left <= right
    rows, left, right = rows[known], left[known], right[known]
    first = np.clip(np.ceil(left - _TOLERANCE), 0, width).astype(np.int64)
    behind = np.clip(np.floor(right + _TOLERANCE) + 1, 0, width).astype(np.int64)
    filled = first < behind
    return rows[filled], first[filled], behind[filled]


def means(values: NDArray[np.float32], polygons: Iterable[Floats]) -> list[float]:
    """Mean of an array (h, w) over the pixels inside each polygon; 0 where there are none."""
    height, width = values.shape
    sums = np.zeros((height, width + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=sums[:, 1:])
    result = []
    for polygon in polygons:
        rows, first, behind = spans(polygon, height, width)
        count = int((behind - first).sum())
        result.append(float((sums[rows, behind] - sums[rows, first]).sum() / count) if count else 0.0)
    return result


def share(polygons: Iterable[Floats], width: int, height: int, cells: int = 1024) -> float:
    """Share of a picture that convex polygons cover together, 0 to 1, on a grid of at most `cells` squared cells.

    Corners are in pixels of the picture, where its upper left corner is at (0, 0).
    """
    columns, rows = min(width, cells), min(height, cells)
    steps = np.zeros((rows, columns + 1), np.int32)  # +1 where a polygon begins in a row, -1 where it ends
    for polygon in polygons:
        row, first, behind = spans(polygon * (columns / width, rows / height) - 0.5, rows, columns)
        np.add.at(steps, (row, first), 1)
        np.add.at(steps, (row, behind), -1)
    return float((steps.cumsum(1)[:, :-1] > 0).mean())
