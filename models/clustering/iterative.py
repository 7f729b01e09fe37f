"""Iterative k-means: cluster, keep the cohesive clusters, go on with the rest.

It finds big cohesive clusters first and the smaller ones in what they leave, in badly unbalanced corpora with an
unknown number of clusters. What each parameter reads into the source is said in options.NOTES.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering.choose_k import Choice, choose_k, kmeans
from models.clustering.options import Options
from models.clustering.silhouettes import Tell, silhouettes
from models.clustering.vectors import Rows, keep_first, reorder

Ended = Literal["stop_size", "patience", "all_taken", "too_few"]
SWEPT = tuple(round(0.02 * i, 2) for i in range(1, 9))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A cluster of one pass; `cluster` is its number in the answer, where it was cohesive."""

    size: int
    silhouette: float
    cluster: int | None


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One turn of the algorithm."""

    number: int  # from 1
    n: int
    sample: int
    seed: int
    choice: Choice
    clusters: tuple[Seen, ...]
    taken: int

    def said(self) -> dict[str, Any]:
        return {
            "pass": self.number,
            "n": self.n,
            "sample": self.sample,
            "seed": self.seed,
            "tried": [each.said() for each in self.choice.tried],
            "k": self.choice.k,
            "rule": self.choice.rule,
            "edge": self.choice.edge,
            "clusters": [
                {"size": c.size, "silhouette": c.silhouette, "cohesive": c.cluster is not None, "cluster": c.cluster}
                for c in self.clusters
            ],
            "taken": self.taken,
            "left": self.n - self.taken,
        }


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a method gives: labels and silhouettes in the order of the rows that were given.

    Attributes
    ----------
    labels : (n,), -1 for what is in no cluster.
    silhouettes : (n,) within the clustering that took the row, against what was left then; NaN for -1.
    passes : clusters' passes, by cluster; all 1 where there is one.
    thresholds : what other thresholds would have taken in the first pass: (threshold, clusters, items).
    """

    labels: NDArray[np.intp]
    silhouettes: NDArray[np.float32]
    passes: tuple[int, ...] = ()
    trace: tuple[Pass, ...] = ()
    ended: str = "one_pass"
    thresholds: tuple[tuple[float, int, int], ...] = ()
    remarks: tuple[str, ...] = field(default=())


def iterative(
    x: Rows,
    options: Options,
    *,
    weights: NDArray[np.float64] | None = None,
    tell: Tell = lambda progress, stage: None,
) -> Found:
    """Cluster `x`, (n, d) float32, whose rows are moved about meanwhile and afterwards are where they were.

    `options` are settled.
    """
    assert options.threshold is not None
    assert options.min_cluster_size is not None
    n, rng = len(x), np.random.default_rng(options.seed)
    order = np.arange(n)  # row i of x is row order[i] of what was given
    labels, scores = np.full(n, -1, np.intp), np.full(n, np.nan, np.float32)
    passes: list[int] = []
    trace: list[Pass] = []
    thresholds: tuple[tuple[float, int, int], ...] = ()
    left, in_vain, same = n, 0, False
    ended: Ended = "too_few"

    def progress(part: float, stage: str) -> None:
        """A pass that takes a tenth of what is left is as likely as one that takes half: nobody knows the end."""
        done = 1 - (max(left - options.stop_size, 0) / n) * (1 - 0.5 * (in_vain + part) / options.patience)
        tell(min(done, 0.99), f"pass {len(trace) + 1}, {left:,} of {n:,} left: {stage}")

    while True:
        if left <= options.stop_size or left < 3:
            ended = "all_taken" if left == 0 else "stop_size" if left <= options.stop_size else "too_few"
            break
        if in_vain == options.patience:
            ended = "patience"
            break
        seed = int(rng.integers(2**31))
        rest = x[:left]
        owed = None if weights is None else weights[order[:left]]
        drawn = np.sort(rng.choice(left, options.sample_size, replace=False)) if left > options.sample_size else None
        choice = choose_k(
            rest if drawn is None else rest[drawn],
            options,
            seed=seed,
            weights=owed if owed is None or drawn is None else owed[drawn],
            tell=lambda part, stage: progress(0.4 * part, stage),
        )
        progress(0.4, f"k-means with K = {choice.k}")
        fitted = kmeans(rest, choice.k, seed=seed, restarts=options.restarts, weights=owed)
        progress(0.8, "silhouettes")
        each = silhouettes(rest, fitted.labels, metric=options.metric, tell=lambda part, s: progress(0.8, s))
        if fitted.k < 2:  # all that is left is the same: nothing to compare it with
            each = np.zeros(left, np.float32)
            same = True
        size = np.bincount(fitted.labels)
        mean = _means(each, fitted.labels, owed)
        if not trace:
            thresholds = tuple((t, *_taken(mean, size, options.min_cluster_size, t)) for t in SWEPT)
        cohesive = (mean > options.threshold) & (size >= options.min_cluster_size)
        take = cohesive[fitted.labels]
        if options.cohesion == "image":
            take &= each > options.threshold
            kept = np.bincount(fitted.labels[take], minlength=fitted.k)
            cohesive &= kept >= options.min_cluster_size
            take &= cohesive[fitted.labels]
        numbers = np.full(fitted.k, -1)
        biggest = np.flatnonzero(cohesive)[np.argsort(-size[cohesive], kind="stable")]
        numbers[biggest] = len(passes) + np.arange(len(biggest))
        labels[order[:left][take]] = numbers[fitted.labels[take]]
        scores[order[:left][take]] = each[take]
        passes += [len(trace) + 1] * len(biggest)
        trace.append(
            Pass(
                number=len(trace) + 1,
                n=left,
                sample=min(left, options.sample_size),
                seed=seed,
                choice=choice,
                clusters=tuple(
                    Seen(size=int(size[c]), silhouette=float(mean[c]), cluster=int(numbers[c]) if cohesive[c] else None)
                    for c in np.argsort(-size, kind="stable")
                ),
                taken=int(take.sum()),
            )
        )
        in_vain = 0 if take.any() else in_vain + 1
        if take.any():
            keep_first(rest, ~take)
            order[:left] = np.concatenate([order[:left][~take], order[:left][take]])
            left -= int(take.sum())
    reorder(x, np.argsort(order))
    return Found(
        labels=labels,
        silhouettes=scores,
        passes=tuple(passes),
        trace=tuple(trace),
        ended=ended,
        thresholds=thresholds,
        remarks=("What was left in the end is all the same: there is nothing to tell clusters by.",) if same else (),
    )


def _means(each: NDArray[np.float32], labels: NDArray[np.intp], weights: NDArray[np.float64] | None) -> Any:
    """Mean silhouette of each cluster, (k,)."""
    total = np.bincount(labels, weights=each if weights is None else each * weights)
    return total / np.bincount(labels, weights=weights)


def _taken(mean: Any, size: NDArray[np.intp], least: int, threshold: float) -> tuple[int, int]:
    """Clusters, and items in them."""
    cohesive = (mean > threshold) & (size >= least)
    return int(cohesive.sum()), int(size[cohesive].sum())
