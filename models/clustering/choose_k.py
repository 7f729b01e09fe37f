"""How many clusters: k-means for K = k_min, k_min + step, … on a sample, until the score no longer improves."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.options import KRule, Options
from models.clustering.seeding import Seeding
from models.clustering.silhouettes import Tell, silhouettes
from models.clustering.vectors import Rows

COPIED = 2**28  # bytes; a larger array is centred in place by k-means, and put back


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One K. `score` is the mean silhouette, or the inertia; `average` is over the window that ends here, if full."""

    k: int
    score: float
    average: float | None

    def said(self) -> dict[str, Any]:
        return {"k": self.k, "score": _finite(self.score), "average": _finite(self.average)}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A K and how it was come by. `edge`: it is the first K at which a search can stop, or the last one tried."""

    k: int
    rule: KRule
    edge: str | None
    tried: tuple[Tried, ...]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A k-means. Labels are 0 to k-1, each used: identical rows may leave fewer than were asked for."""

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
) -> Fitted:
    """scikit-learn's: Lloyd's algorithm from a k-means++ start, in float32.

    `seeding`: of `x`, `seed` and `weights`, where several K's share one.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    k = min(k, len(x))
    init: Any = "k-means++"
    if restarts == 1:
        init = x[(seeding or Seeding(x, seed=seed, weights=weights)).start(k)]
    model = KMeans(k, init=init, n_init=restarts, random_state=seed, copy_x=x.nbytes <= COPIED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than k: told by `k`
        model.fit(x, sample_weight=weights)
    used, labels = np.unique(model.labels_, return_inverse=True)
    return Fitted(labels=labels.astype(np.intp), k=len(used), inertia=float(model.inertia_))


def choose_k(
    x: Rows,
    options: Options,
    *,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    tell: Tell = lambda progress, stage: None,
) -> Choice:
    """The K for `x`, a sample, (n, d) float32 with n >= 3.

    The search stops when the moving average over `window` K's is no better than the one that ended one K before, when
    K would be n or more (silhouettes need a K below n), or beyond k_max.
    """
    assert options.k_min is not None
    assert options.min_improvement is not None
    last = min(len(x) - 1, options.k_max or len(x) - 1)
    tried: list[Tried] = []
    scores: list[float] = []
    stopped = False
    seeding = Seeding(x, seed=seed, weights=weights)
    for k in range(min(options.k_min, last), last + 1, options.step):
        tell(min(0.9, len(tried) / 20), f"trying K = {k}")
        fitted = kmeans(x, k, seed=seed, restarts=options.restarts, weights=weights, seeding=seeding)
        if options.fit == "inertia":
            scores.append(fitted.inertia)
        else:
            each = silhouettes(x, fitted.labels, metric=options.metric)
            scores.append(float(np.average(each, weights=weights)) if fitted.k > 1 else -1.0)
        recent = scores[-options.window :]
        average = float(np.mean(recent)) if len(recent) == options.window else None
        before = tried[-1].average if tried else None
        tried.append(Tried(k=k, score=scores[-1], average=average))
        if average is not None and before is not None and not _improves(average, before, options):
            stopped = True
            break
    if options.k_rule == "best":
        best = int(np.argmin(scores) if options.fit == "inertia" else np.argmax(scores))
    else:
        best = len(tried) - 1
    edge = None
    if len(tried) == 1:
        edge = "only"
    elif options.k_rule == "stop":
        edge = ("low" if len(tried) == options.window + 1 else None) if stopped else "high"
    elif best in (0, len(tried) - 1):
        edge = "low" if best == 0 else "high"
    return Choice(k=tried[best].k, rule=options.k_rule, edge=edge, tried=tuple(tried))


def _improves(average: float, before: float, options: Options) -> bool:
    assert options.min_improvement is not None
    if options.fit == "inertia":
        return before - average > options.min_improvement * before
    return average - before > options.min_improvement


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
