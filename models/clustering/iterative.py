"""Iterative k-means: cluster, keep the cohesive clusters, and repeat with the remaining items.

For corpora with clusters of very unequal size and an unknown number of clusters: large cohesive clusters are found
first, smaller ones among the items that remain. options.NOTES states our reading of each parameter in the source.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, View
from models.clustering.choose_k import KChoice, choose_k
from models.clustering.gaps import find_groups
from models.clustering.hierarchy import Hierarchy
from models.clustering.lloyd import kmeans_of_all
from models.clustering.options import Options
from models.clustering.silhouettes import ReportProgress, mean_by_cluster, silhouettes

Ended = Literal["stop_size", "patience", "all_taken", "too_few"]
SWEPT = tuple(round(0.02 * i, 2) for i in range(1, 9))


@dataclass(frozen=True, kw_only=True)
class PassCluster:
    """A cluster of one pass; `cluster` is its number in the final clustering, None where it was not cohesive."""

    size: int
    silhouette: float
    cluster: int | None


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of the algorithm."""

    number: int  # from 1
    n: int
    sample: int
    seed: int
    choice: KChoice
    clusters: tuple[PassCluster, ...]
    taken: int

    def to_json(self) -> dict[str, Any]:
        return {
            "pass": self.number,
            "n": self.n,
            "sample": self.sample,
            "seed": self.seed,
            "tried": [trial.to_json() for trial in self.choice.tried],
            "k": self.choice.k,
            "rule": self.choice.rule,
            "edge": self.choice.edge,
            "pieces": self.choice.pieces,
            "clusters": [
                {"size": c.size, "silhouette": c.silhouette, "cohesive": c.cluster is not None, "cluster": c.cluster}
                for c in self.clusters
            ],
            "taken": self.taken,
            "left": self.n - self.taken,
        }


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """Result of a clustering method; labels and silhouettes are in the order of the input rows.

    Attributes
    ----------
    labels : (n,), -1 for rows in no cluster.
    silhouettes : (n,) at extraction: among the rows that remained in the pass that extracted the row; NaN for -1.
    passes : (k,) number of the pass that extracted each cluster, from 1.
    thresholds : clusters and items that other thresholds would have extracted in the first pass, as (threshold,
        clusters, items).
    hierarchy : of the rows, for agglomerative clustering.
    """

    labels: NDArray[np.intp]
    silhouettes: NDArray[np.float32]
    passes: tuple[int, ...] = ()
    trace: tuple[Pass, ...] = ()
    ended: str = "one_pass"
    thresholds: tuple[tuple[float, int, int], ...] = ()
    remarks: tuple[str, ...] = field(default=())
    hierarchy: Hierarchy | None = None


def iterative(
    x: Data,
    options: Options,
    *,
    weights: NDArray[np.float64] | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> MethodResult:
    """Cluster `x`, (n, d) float32. `options` have their defaults filled in, for this size."""
    assert options.threshold is not None
    assert options.gap_threshold is not None
    assert options.min_cluster_size is not None
    x, n, rng = View.of(x), len(x), np.random.default_rng(options.seed)
    order = np.arange(n)  # the rows that are left
    rest = x
    labels, scores = np.full(n, -1, np.intp), np.full(n, np.nan, np.float32)
    passes: list[int] = []
    trace: list[Pass] = []
    thresholds: tuple[tuple[float, int, int], ...] = ()
    left, in_vain, same = n, 0, False
    ended: Ended = "too_few"

    def progress(part: float, stage: str) -> None:
        """Report a rough estimate: the number of passes is not known in advance."""
        done = 1 - (max(left - options.stop_size, 0) / n) * (1 - 0.5 * (in_vain + part) / options.patience)
        report(min(done, 0.99), f"pass {len(trace) + 1}, {left:,} of {n:,} left: {stage}")

    while True:
        if left <= options.stop_size or left < 3:
            ended = "all_taken" if left == 0 else "stop_size" if left <= options.stop_size else "too_few"
            break
        if in_vain == options.patience:
            ended = "patience"
            break
        seed = int(rng.integers(2**31))
        rest_weights = None if weights is None else weights[order]
        drawn = np.sort(rng.choice(left, options.sample_size, replace=False)) if left > options.sample_size else None
        if options.k_rule == "gaps":
            fitted, choice = find_groups(
                rest,
                drawn,
                options,
                seed=seed,
                weights=rest_weights,
                report=lambda part, stage: progress(0.8 * part, stage),
            )
        else:
            choice = choose_k(
                rest.array() if drawn is None else rest[drawn],
                options,
                seed=seed,
                weights=rest_weights if rest_weights is None or drawn is None else rest_weights[drawn],
                report=lambda part, stage: progress(0.4 * part, stage),
            )
            progress(0.4, f"k-means with K = {choice.k}")
            fitted = kmeans_of_all(
                rest,
                choice.k,
                options,
                seed=seed,
                weights=rest_weights,
                report=lambda part, stage: progress(0.4 + 0.4 * part, stage),
            )
        progress(0.8, "silhouettes")
        values = silhouettes(rest, fitted.labels, metric=options.metric, report=lambda part, s: progress(0.8, s))
        if fitted.k < 2:  # all remaining rows are identical: there is no other cluster to compare with
            values = np.zeros(left, np.float32)
            same = True
        size = np.bincount(fitted.labels)
        mean = mean_by_cluster(values, fitted.labels, fitted.k, rest_weights)
        if not trace:
            thresholds = tuple((t, *_taken(mean, size, options.min_cluster_size, t)) for t in SWEPT)
        threshold = options.threshold if choice.pieces is None else options.gap_threshold
        cohesive = (mean > threshold) & (size >= options.min_cluster_size)
        if options.k_rule == "gaps" and np.average(values, weights=rest_weights) <= threshold:
            cohesive[:] = False  # a few clusters of many exceed the threshold by chance where there are no groups
        take = cohesive[fitted.labels]
        if options.cohesion == "image":
            take &= values > threshold
            kept = np.bincount(fitted.labels[take], minlength=fitted.k)
            cohesive &= kept >= options.min_cluster_size
            take &= cohesive[fitted.labels]
        numbers = np.full(fitted.k, -1)
        biggest = np.flatnonzero(cohesive)[np.argsort(-size[cohesive], kind="stable")]
        numbers[biggest] = len(passes) + np.arange(len(biggest))
        labels[order[take]] = numbers[fitted.labels[take]]
        scores[order[take]] = values[take]
        passes += [len(trace) + 1] * len(biggest)
        trace.append(
            Pass(
                number=len(trace) + 1,
                n=left,
                sample=min(left, options.sample_size),
                seed=seed,
                choice=choice,
                clusters=tuple(
                    PassCluster(
                        size=int(size[c]), silhouette=float(mean[c]), cluster=int(numbers[c]) if cohesive[c] else None
                    )
                    for c in np.argsort(-size, kind="stable")
                ),
                taken=int(take.sum()),
            )
        )
        in_vain = 0 if take.any() else in_vain + 1
        if take.any():
            order = order[~take]
            rest = x.only(order)
            left = len(order)
    return MethodResult(
        labels=labels,
        silhouettes=scores,
        passes=tuple(passes),
        trace=tuple(trace),
        ended=ended,
        thresholds=thresholds,
        remarks=("All items that remained at the end are identical, so they form no clusters.",) if same else (),
    )


def _taken(mean: Any, size: NDArray[np.intp], least: int, threshold: float) -> tuple[int, int]:
    """Number of cohesive clusters, and of the items in them."""
    cohesive = (mean > threshold) & (size >= least)
    return int(cohesive.sum()), int(size[cohesive].sum())
