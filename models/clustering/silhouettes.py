"""Silhouettes (Rousseeuw 1987), exact: s = (b - a) / max(a, b).

a is a point's mean distance to the others of its cluster, b that to the nearest other cluster; s is 0 in a cluster of
one. With cosine distance on unit vectors the mean distance to a cluster is 1 - x·mean(cluster), so that n points and k
clusters of dimension d cost O(n k d), not O(n² d). Euclidean distances have no such identity: all are computed, in
blocks, each once.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.clustering.options import Metric
from models.clustering.vectors import are_units, lengths_of, sums, sums_of_units
from models.errors import ClusteringError

Float = NDArray[np.float32]
ReportProgress = Callable[[float, str], None]
ZERO = 1e-6  # smaller cosine distances are rounding errors of float32 between equal points
SIDE = 2048  # rows and columns of a block of Euclidean distances


def silhouettes(
    x: Data,
    labels: NDArray[np.intp],
    *,
    metric: Metric = "cosine",
    report: ReportProgress = lambda progress, stage: None,
) -> Float:
    """Silhouette of each row, (n,) float32; NaN for label -1, and for all rows of fewer than two clusters.

    Parameters
    ----------
    x : (n, d) float32; under cosine, no row of zeros.
    labels : (n,) 0 to k-1, each used; -1 for rows in no cluster, which do not count as neighbours either.
    """
    k = int(labels.max(initial=-1)) + 1
    counts = np.bincount(labels[labels >= 0], minlength=k)
    if not counts.all():
        raise ClusteringError(
            "labels: a number from 0 to the highest label is not used; number clusters without gaps",
            "invalid_labels",
        )
    if k < 2:
        return np.full(len(x), np.nan, np.float32)
    x = View.of(x)
    return _cosine(x, labels, counts) if metric == "cosine" else _euclidean(x.array(), labels, counts, report)


def mean_by_cluster(
    values: NDArray[np.floating], labels: NDArray[np.intp], k: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Mean of `values` (n,) over the rows of each cluster, (k,), weighted by `weights` (n,); -1 is in no cluster."""
    kept = labels >= 0
    row_weights = (np.ones(len(labels)) if weights is None else weights)[kept]
    total = np.bincount(labels[kept], weights=values[kept] * row_weights, minlength=k)
    return np.asarray(total / np.bincount(labels[kept], weights=row_weights, minlength=k))


def _cosine(x: View, labels: NDArray[np.intp], counts: NDArray[np.intp]) -> Float:
    k, unit = len(counts), are_units(x)
    means = sums(x, labels, k) if unit else sums_of_units(x, labels, k)
    centres = np.ascontiguousarray((means / counts[:, None]).T, np.float32)  # (d, k)
    return x.each(_cosine_of_block, centres, counts, unit, dtype=np.float32, along=(labels,))


def _cosine_of_block(x: Rows, centres: Float, counts: NDArray[np.intp], unit: bool, own: NDArray[np.intp]) -> Float:
    """Silhouettes of a block; NaN for label -1."""
    away = 1 - (x @ centres) / (1 if unit else lengths_of(x)[:, None])
    places = np.flatnonzero(own >= 0)
    chosen = own[places]
    size = counts[chosen]
    a = away[places, chosen] * (size / np.maximum(size - 1, 1))  # without the distance of 0 to itself
    away[places, chosen] = np.inf
    b = away[places].min(axis=1) if len(places) < len(own) else away.min(axis=1)
    values = np.full(len(x), np.nan, np.float32)
    values[places] = _score(np.where(a < ZERO, 0, a), np.where(b < ZERO, 0, b), size)
    return values


def _score(a: NDArray[np.floating], b: NDArray[np.floating], size: NDArray[np.intp]) -> Float:
    most = np.maximum(a, b)
    return np.where((size > 1) & (most > 0), (b - a) / np.where(most > 0, most, 1), 0).astype(np.float32)


def _euclidean(x: Rows, labels: NDArray[np.intp], counts: NDArray[np.intp], report: ReportProgress) -> Float:
    """Silhouettes by all distances. Rows are sorted by cluster, so that a block's sums by cluster are sums of runs."""
    order = np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]
    own, k, n = labels[order], len(counts), len(order)
    total = np.zeros((n, k))  # sum of the distances of each row to each cluster
    centre = x[order[:: max(1, n // 10_000)]].mean(axis=0, dtype=np.float64)
    blocks = [slice(start, min(start + SIDE, n)) for start in range(0, n, SIDE)]

    def rows(part: slice) -> NDArray[np.float64]:
        return np.asarray(x[order[part]] - centre, np.float64)

    def add(of: slice, to: slice, distances: NDArray[np.float64]) -> None:
        clusters = own[to]
        starts = np.flatnonzero(np.r_[True, clusters[1:] != clusters[:-1]])
        total[of, clusters[starts]] += np.add.reduceat(distances, starts, axis=1)

    for i, first in enumerate(blocks):
        report(i / len(blocks), "silhouettes")
        left = rows(first)
        left_square = np.einsum("ij,ij->i", left, left)
        for second in blocks[i:]:
            right = left if second is first else rows(second)
            square = np.einsum("ij,ij->i", right, right)
            distances = np.sqrt(np.maximum(left_square[:, None] + square - 2 * (left @ right.T), 0))
            if second is first:
                np.fill_diagonal(distances, 0)
            add(first, second, distances)
            if second is not first:
                add(second, first, distances.T)
    size = counts[own]
    a = total[np.arange(n), own] / np.maximum(size - 1, 1)
    means = total / counts
    means[np.arange(n), own] = np.inf
    values = np.full(len(x), np.nan, np.float32)
    values[order] = _score(a, means.min(axis=1), size)
    return values
