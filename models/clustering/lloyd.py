"""k-means over blocks: Lloyd's algorithm from a start, with the rules of scikit-learn for its end."""

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.clustering.choose_k import KMeansFit, kmeans, without_gaps
from models.clustering.options import Options
from models.clustering.seeding import Seeding
from models.clustering.silhouettes import ReportProgress
from models.clustering.vectors import sums_of_block

ITERATIONS = 300  # at most
TOLERANCE = 1e-4  # of the mean variance: a smaller sum of the squared movements of all centres ends it
STARTED_ON = 20_000  # rows on which k-means++ chooses its start, where `start` is "sample"

Float = NDArray[np.float64]


def kmeans_of_all(
    x: Data,
    k: int,
    options: Options,
    *,
    seed: int,
    weights: Float | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> KMeansFit:
    """k-means of all rows (n, d): from k-means++ on all of them in memory, or on a sample of them, over blocks.

    `options` have their defaults filled in for this size. A sample is drawn once, and with several restarts k-means++
    begins on it with other seeds; the best inertia is kept.
    """
    x = View.of(x)
    if options.start != "sample":
        return kmeans(x.array(), k, seed=seed, restarts=options.starts, weights=weights)
    n = len(x)
    some = np.arange(n)
    if n > STARTED_ON:
        some = np.sort(np.random.default_rng(seed).choice(n, STARTED_ON, replace=False))
    sample = x[some]
    few = None if weights is None else weights[some]
    best: KMeansFit | None = None
    begun = 0

    def progress(part: float, stage: str) -> None:
        report((begun + part) / options.starts, stage)

    for begun in range(options.starts):
        start = sample[Seeding(sample, seed=(seed + begun) % 2**32, weights=few).start(min(k, len(sample)))]
        fitted = kmeans_from(x, start, weights=weights, report=progress)
        if best is None or fitted.inertia < best.inertia:
            best = fitted
    assert best is not None
    return best


def kmeans_from(
    x: Data,
    start: Rows,
    *,
    weights: Float | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> KMeansFit:
    """k-means of the rows (n, d) from the centres `start` (k, d), over blocks.

    Sums are in float64. A centre that loses all of its rows stays where it is, where scikit-learn moves it to the row
    that is farthest from its own.
    """
    x = View.of(x)
    k, n = len(start), len(x)
    total, square, weight = np.zeros(x.shape[1]), 0.0, 0.0
    for block_total, block_square, block_weight in x.map(_moments, along=(weights,)):
        total, square, weight = total + block_total, square + block_square, weight + block_weight
    mean = total / weight
    variance = max(square / weight - float(mean @ mean), 0.0) / x.shape[1]
    centres = start.astype(np.float64)
    before: NDArray[np.int32] | None = None
    for i in range(ITERATIONS):
        report(i / (i + 20), f"k-means with K = {k}, iteration {i + 1}")
        labels = np.empty(n, np.int32)
        sums, counts = np.zeros(centres.shape), np.zeros(k)
        for places, (own, block_sums, block_counts) in x.blocks(_step, *_compared(centres, mean), along=(weights,)):
            labels[places] = own
            sums += block_sums
            counts += block_counts
        moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1e-300)[:, None], centres)
        movement = float(np.square(moved - centres).sum())
        centres = moved
        if movement <= TOLERANCE * variance or (before is not None and np.array_equal(labels, before)):
            break
        before = labels
    inertia = 0.0
    for places, (own, block_inertia) in x.blocks(_assigned, *_compared(centres, mean), mean, along=(weights,)):
        labels[places] = own
        inertia += block_inertia
    return without_gaps(labels, inertia)


def nearest(x: Data, means: Rows) -> NDArray[np.intp]:
    """The nearest of the means (k, d) to each row, (n,)."""
    return View.of(x).each(_nearest, *_compared(means.astype(np.float64), np.zeros(means.shape[1])), dtype=np.intp)


def _compared(centres: Float, mean: Float) -> tuple[Rows, NDArray[np.float32]]:
    """The centres (d, k), and a number for each: a row is nearest to the one with the highest product less the number.

    Both are of centres less the mean of all rows, which is the same for all centres and makes rounding errors smaller.
    """
    away = centres - mean
    halves = away @ mean + np.square(away).sum(axis=1) / 2
    return np.ascontiguousarray(away.T, np.float32), halves.astype(np.float32)


def _nearest(x: Rows, centres: Rows, halves: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.asarray(np.argmax(x @ centres - halves, axis=1), np.intp)


def _step(
    x: Rows, centres: Rows, halves: NDArray[np.float32], weights: Float | None
) -> tuple[NDArray[np.intp], Float, Float]:
    labels, k = _nearest(x, centres, halves), len(halves)
    return labels, sums_of_block(x, k, labels, weights), np.bincount(labels, weights, minlength=k).astype(np.float64)


def _assigned(
    x: Rows, centres: Rows, halves: NDArray[np.float32], mean: Float, weights: Float | None
) -> tuple[NDArray[np.intp], float]:
    labels = _nearest(x, centres, halves)
    away = (x - mean).astype(np.float32) - centres.T[labels]
    squares = np.einsum("ij,ij->i", away, away).astype(np.float64)
    return labels, float(squares.sum() if weights is None else squares @ weights)


def _moments(x: Rows, weights: Float | None) -> tuple[Float, float, float]:
    """Weighted sum of the rows of a block, of their squared lengths, and of the weights."""
    if weights is None:
        return x.sum(axis=0, dtype=np.float64), float(np.square(x, dtype=np.float64).sum()), float(len(x))
    squares = np.einsum("ij,ij->i", x, x).astype(np.float64)
    return weights @ x, float(squares @ weights), float(weights.sum())
