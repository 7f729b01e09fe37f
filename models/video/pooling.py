"""Pooling of the scores or vectors of frames over shots or videos."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

PoolingMethod = Literal["mean", "max", "top_k"]


@dataclass(frozen=True)
class Pooled:
    """One row a group.

    Attributes
    ----------
    groups : (g,) the groups, ascending.
    counts : (g,) frames in each.
    values : (g,) or (g, d), as what was given; float64.
    """

    groups: NDArray[Any]
    counts: NDArray[np.int64]
    values: NDArray[np.float64]


def pool(
    values: ArrayLike,
    how: PoolingMethod,
    groups: ArrayLike | None = None,
    *,
    k: int = 3,
    weights: ArrayLike | None = None,
) -> Pooled:
    """Pool over the frames of each group.

    Parameters
    ----------
    values : (n,) scores or (n, d) vectors of n frames; each column is pooled by itself. A mean of unit vectors is
        shorter than 1: normalise it again where cosines are to follow.
    how : "mean"; "max" (does it occur at all?); "top_k": the mean of the k largest, of all where a group has fewer
        (does it occur, one wrong frame aside?).
    weights : (n,) above 0, of each frame in a mean: how long it is on the screen. None: all are equal.
    groups : (n,) the group of each frame: its shot, its video, or one number for both. None: all are one group, 0.

    Raises
    ------
    ValueError
        Shapes do not fit, there are no frames, a value is NaN, a weight is not above 0, or k is below 1.
    """
    rows = np.asarray(values, np.float64)
    if rows.ndim not in (1, 2) or not len(rows):
        raise ValueError(f"values: shape {rows.shape}, must be (n,) or (n, d) with at least one frame")
    if np.isnan(rows).any():
        raise ValueError("values: holds NaN: leave those frames out, or say what stands for them")
    if how not in get_args(PoolingMethod):
        raise ValueError(f"how: got {how!r}, must be one of {', '.join(get_args(PoolingMethod))}")
    if k < 1:
        raise ValueError(f"k: got {k}, must be at least 1")
    labels = np.zeros(len(rows), np.int64) if groups is None else np.asarray(groups)
    if labels.shape != (len(rows),):
        raise ValueError(f"groups: shape {labels.shape}, must be ({len(rows)},): one group for each frame")
    names, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(member, kind="stable")
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    if how == "max":
        pooled = np.maximum.reduceat(rows[order], starts)
    elif how == "mean":
        parts = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
        if parts.shape != (len(rows),) or not (parts > 0).all():
            raise ValueError(f"weights: must be {len(rows)} numbers above 0, one for each frame")
        sums = np.add.reduceat((rows * _column(parts, rows.ndim))[order], starts)
        pooled = sums / _column(np.add.reduceat(parts[order], starts), rows.ndim)
    else:
        ends = np.cumsum(counts)
        pooled = np.stack([_top(rows[order[a:b]], k) for a, b in zip(starts, ends, strict=True)])
    return Pooled(names, counts.astype(np.int64), np.asarray(pooled, np.float64))


def _top(rows: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    if len(rows) > k:
        rows = np.partition(rows, len(rows) - k, axis=0)[-k:]
    return np.asarray(rows.mean(axis=0))


def _column(counts: NDArray[np.float64], ndim: int) -> NDArray[np.float64]:
    return counts if ndim == 1 else counts[:, None]
