"""Outlines: a few coordinates of each unit vector whose products are upper bounds of the cosines.

A vector is written in principal axes of the corpus. Its outline is its first k coordinates and the length of the rest.
By the Cauchy-Schwarz inequality the product of two outlines is at least the cosine, so that pairs below a threshold are
refused at a fraction of the cost of a whole product.
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

LEAST = 8192  # rows from which outlines pay
SAMPLE = 1024  # rows by which outlines are tried
AXES_FROM = 4096  # rows from which the axes are computed
SIZES = (16, 32, 48, 64, 96, 128, 160, 192, 256, 384)
EXACT = 80_000.0  # multiplications that take as long as one exact cosine, its reading included
SLACK = 1e-5  # added to the squared length of the rest: more than its rounding error


def outline(unit: Float32, least: float) -> Float32 | None:
    """The outlines (n, k + 1) of unit vectors (n, d) that refuse the most pairs below `least` at the lowest cost.

    None where whole products cost less: few rows, a low threshold, or many pairs above it.
    """
    n, d = unit.shape
    if n < LEAST:
        return None
    axes_from = np.arange(0, n, max(1, n // AXES_FROM))
    some = unit[axes_from]
    _, axes = np.linalg.eigh((some.T @ some).astype(np.float64))
    axes = np.ascontiguousarray(axes[:, ::-1], np.float32)  # (d, d), the largest first
    others = np.setdiff1d(np.arange(n), axes_from)  # rows to which the axes were not fitted
    tried = unit[others[:: max(1, len(others) // SAMPLE)]]
    best, size = float(d), 0
    for k in (k for k in SIZES if k < d // 2):
        short = _outlines(tried, axes[:, :k])
        passed = float((short @ short.T >= least).mean()) - 1 / len(tried)
        cost = k + 1 + max(passed, 0.0) * EXACT
        if cost < best:
            best, size = cost, k
    return _outlines(unit, axes[:, :size]) if size else None


def _outlines(unit: Float32, axes: Float32) -> Float32:
    n, k = len(unit), axes.shape[1]
    found = np.empty((n, k + 1), np.float32)
    np.matmul(unit, axes, out=found[:, :k])
    squares = np.einsum("ij,ij->i", found[:, :k], found[:, :k], dtype=np.float64)
    found[:, k] = np.sqrt(np.maximum(0.0, 1 - squares) + SLACK)
    return found
