"""Choice of the number of clusters: k-means for K = k_min, k_min + step, … until the score no longer improves."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Rows
from models.clustering.options import KRule, Options
from models.clustering.seeding import Seeding
from models.clustering.silhouettes import ReportProgress, silhouettes

STARTS = 3  # of k-means for the numbers next to the best one
COPIED = 2**28  # bytes; k-means centres a larger array in place and restores it afterwards


@dataclass(frozen=True, kw_only=True)
class KTrial:
    """A K and its score: mean silhouette or inertia. `average`: of the scores in the window that ends here, if full."""

    k: int
    score: float
    average: float | None

    def to_json(self) -> dict[str, Any]:
        return {"k": self.k, "score": _finite(self.score), "average": _finite(self.average)}


@dataclass(frozen=True, kw_only=True)
class KChoice:
    """The chosen K and the search for it.

    Attributes
    ----------
    edge : K is the first at which a search can stop, or the last one tried.
    pieces : number of pieces of which the clusters were merged; `k` for clusters of k-means with gaps around them all,
        None for other ones.
    """

    k: int
    rule: KRule
    edge: str | None
    tried: tuple[KTrial, ...]
    pieces: int | None = None


@dataclass(frozen=True, kw_only=True)
class KMeansFit:
    """Result of k-means. Labels are 0 to k-1, each used; `k` is lower than requested if too few rows are distinct."""

    labels: NDArray[np.intp]  # (n,)
    k: int
    inertia: float


def kmeans(
    x: Rows,
    k: int,
    *,
    seed: int,
    restarts: int = 1,
    weights: NDArray[np.float64] | None = None,
    seeding: Seeding | None = None,
) -> KMeansFit:
    """Run scikit-learn's k-means on `x`, (n, d) float32: Lloyd's algorithm from k-means++ starts.

    `seeding` holds the starts for the same `x`, `seed` and `weights`, where several K share them.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    k = min(k, len(x))
    init: Any = "k-means++"
    if restarts == 1:
        init = x[(seeding or Seeding(x, seed=seed, weights=weights)).start(k)]
    model = KMeans(k, init=init, n_init=restarts, random_state=seed, copy_x=x.nbytes <= COPIED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than k: see `KMeansFit.k`
        model.fit(x, sample_weight=weights)
    return without_gaps(model.labels_, float(model.inertia_))


def without_gaps(labels: NDArray[np.integer], inertia: float) -> KMeansFit:
    """The result of k-means whose labels (n,) may leave out numbers."""
    used = np.flatnonzero(np.bincount(labels))
    return KMeansFit(labels=np.searchsorted(used, labels).astype(np.intp), k=len(used), inertia=inertia)


def choose_k(
    x: Rows,
    options: Options,
    *,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> KChoice:
    """Choose K for a sample `x`, (n, d) float32 with n >= 3; `options` have their defaults filled in.

    The search stops when the moving average of `window` scores is no better than the previous one, when K would
    reach n (silhouettes need K < n), or beyond k_max.
    """
    assert options.k_min is not None
    assert options.k_rule is not None
    assert options.min_improvement is not None
    last = min(len(x) - 1, options.k_max or len(x) - 1)
    tried: list[KTrial] = []
    scores: list[float] = []
    stopped = False
    seeding = Seeding(x, seed=seed, weights=weights)

    def score(k: int, starts: Sequence[Seeding] = (seeding,)) -> float:
        report(min(0.9, len(tried) / 20), f"trying K = {k}")
        fits = [kmeans(x, k, seed=seed, restarts=options.starts, weights=weights, seeding=each) for each in starts]
        fitted = min(fits, key=lambda fit: fit.inertia)
        if options.fit == "inertia":
            return fitted.inertia
        return mean_silhouette(x, fitted.labels, options, weights)

    if options.k_rule == "gaps":  # the smallest numbers, which the steps leave out
        tried += [KTrial(k=k, score=score(k), average=None) for k in range(2, min(options.k_min, last))]
    for k in range(min(options.k_min, last), last + 1, options.step):
        scores.append(score(k))
        recent = scores[-options.window :]
        average = float(np.mean(recent)) if len(recent) == options.window else None
        before = tried[-1].average if tried else None
        tried.append(KTrial(k=k, score=scores[-1], average=average))
        if average is not None and before is not None and not _improves(average, before, options):
            stopped = True
            break
    best = len(tried) - 1 if options.k_rule == "stop" else _best(tried, options)
    if options.k_rule == "gaps" and options.step > 1:  # the numbers next to the best, between the steps
        middle, known = tried[best].k, {trial.k for trial in tried}
        starts = [seeding, *(Seeding(x, seed=(seed + i) % 2**32, weights=weights) for i in range(1, STARTS))]
        near = range(max(2, middle - options.step + 1), min(last, middle + options.step - 1) + 1)
        tried += [KTrial(k=k, score=score(k, starts), average=None) for k in near if k not in known]
        tried.sort(key=lambda trial: trial.k)
        best = _best(tried, options)
    edge = None
    if len(tried) == 1:
        edge = "only"
    elif options.k_rule == "stop":
        edge = ("low" if len(tried) == options.window + 1 else None) if stopped else "high"
    elif best in (0, len(tried) - 1):
        edge = "high" if best else "low" if options.k_rule == "best" else None
    return KChoice(k=tried[best].k, rule=options.k_rule, edge=edge, tried=tuple(tried))


def _best(tried: Sequence[KTrial], options: Options) -> int:
    values = [trial.score for trial in tried]
    return int(np.argmin(values) if options.fit == "inertia" else np.argmax(values))


def mean_silhouette(
    x: Rows, labels: NDArray[np.intp], options: Options, weights: NDArray[np.float64] | None = None
) -> float:
    """The mean silhouette of the rows, by which clusterings are compared: 0 for label -1, -1 for a single cluster."""
    if labels.max() < 1:
        return -1.0
    return float(np.average(np.nan_to_num(silhouettes(x, labels, metric=options.metric)), weights=weights))


def _improves(average: float, before: float, options: Options) -> bool:
    assert options.min_improvement is not None
    if options.fit == "inertia":
        return before - average > options.min_improvement * before
    return average - before > options.min_improvement


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
