"""Metrics with sample weights and 95 % bootstrap intervals, and the baseline beside each.

Weights are inverse inclusion probabilities where a sample was drawn by design: the figures are then the corpus's, not
the sample's. Intervals are percentiles of a bootstrap over items, over whole groups where there are groups (Cameron,
Gelbach & Miller 2008, Rev. Econ. Stat. 90:414, on why clusters are drawn whole). A resample is a set of weights, each
item's own times how often it was drawn: nothing is sorted or copied again, and 1,000 of them take seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float

Measure = Callable[[Float], dict[str, float]]  # weights (n,), 0 for items that were not drawn → figures
BINS = 10  # of the reliability curve


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with its 95 % interval.

    NaN where it is not defined (an area with one class only); resamples where it is not are left out.
    """

    value: float
    low: float
    high: float


def measured(
    measure: Measure,
    weights: Float,
    *,
    groups: NDArray[np.intp] | None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Figure]:
    """The figures of `measure` on all items, with bootstrap intervals."""
    point = measure(weights)
    rng = np.random.default_rng(seed)
    unit = np.arange(len(weights)) if groups is None else np.unique(groups, return_inverse=True)[1]
    n = int(unit.max()) + 1
    drawn: dict[str, list[float]] = {name: [] for name in point}
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, n, n), minlength=n)
        for name, value in measure(weights * times[unit]).items():
            drawn[name].append(value)
    found = {}
    for name, value in point.items():
        known = [x for x in drawn[name] if not np.isnan(x)]
        low, high = np.percentile(known, [2.5, 97.5]) if known else (np.nan, np.nan)
        found[name] = Figure(value=float(value), low=float(low), high=float(high))
    return found


def of_classes(y: NDArray[np.intp], probabilities: Float, chosen: NDArray[np.intp], labels: tuple[str, ...]) -> Measure:
    """Accuracy, precision, recall and F1 by class and macro, ROC-AUC, PR-AUC, Brier score, log loss.

    The recall of a class that no item has is not defined, nor is its F1 unless it was predicted; means over classes
    leave out what is not defined. Precision is 0 for a class that was never predicted. The Brier score is the mean
    squared error of the positive class's probability, of more than two classes the sum over them. Areas are those of
    the positive class; of more than two, by class against the rest, and their mean.

    Parameters
    ----------
    y, chosen : (n,) index of the true and of the predicted class.
    probabilities : (n, c) out-of-fold, or of held-out items.
    """
    k = len(labels)
    cell = y * k + chosen
    squares = ((probabilities - np.eye(k)[y]) ** 2).sum(axis=1) / (2 if k == 2 else 1)
    surprise = -np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-15))
    areas = {c: _area(y == c, probabilities[:, c]) for c in ([1] if k == 2 else range(k))}

    def measure(weights: Float) -> dict[str, float]:
        table: Float = np.bincount(cell, weights, k * k).astype(np.float64).reshape(k, k)
        total, true, guessed, hits = table.sum(), table.sum(axis=1), table.sum(axis=0), table.diagonal()
        recall = _ratio(hits, true, np.nan)
        precision = _ratio(hits, guessed, 0.0)
        f1 = _ratio(2 * hits, true + guessed, np.nan)
        at_all = true + guessed > 0
        found = {
            "accuracy": float(hits.sum() / total),
            "balanced_accuracy": _mean(recall),
            "precision_macro": _mean(np.where(at_all, precision, np.nan)),
            "recall_macro": _mean(np.where(at_all & (true == 0), 0.0, recall)),
            "f1_macro": _mean(f1),
            "brier": float(weights @ squares / total),
            "log_loss": float(weights @ surprise / total),
        }
        for i, name in enumerate(labels):
            found |= {f"precision[{name}]": float(precision[i]), f"recall[{name}]": float(recall[i])}
            found |= {f"f1[{name}]": float(f1[i])}
        both = {c: area(weights) for c, area in areas.items()}
        for place, kind in enumerate(("roc_auc", "pr_auc")):
            found[kind] = _mean(np.array([pair[place] for pair in both.values()]))
            if k > 2:
                found |= {f"{kind}[{labels[c]}]": pair[place] for c, pair in both.items()}
        return found

    return measure


def _ratio(above: Float, below: Float, empty: float) -> Float:
    found: Float = np.divide(above, below, out=np.full(len(below), empty), where=below > 0)
    return found


def _mean(values: Float) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _area(positive: NDArray[np.bool_], score: Float) -> Callable[[Float], tuple[float, float]]:
    """ROC-AUC and average precision, sorted once."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # last of each run of equal scores
    hit = positive[order].astype(np.float64)

    def area(weights: Float) -> tuple[float, float]:
        w = weights[order]
        above = np.cumsum(w)[ends]  # weight at or above each threshold
        true = np.cumsum(w * hit)[ends]
        positives, negatives = true[-1], above[-1] - true[-1]
        if positives <= 0 or negatives <= 1e-12 * above[-1]:
            return float("nan"), float("nan")
        step = np.diff(true, prepend=0.0)
        roc = (np.diff(above - true, prepend=0.0) * (true - step / 2)).sum() / (positives * negatives)
        return float(roc), float((step * _ratio(true, above, 0.0)).sum() / positives)

    return area


def of_numbers(y: Float, predicted: Float) -> Measure:
    """MAE, RMSE, R² and Spearman's correlation, that of weighted ranks."""
    error = y - predicted
    ranks = [_ranks(y), _ranks(predicted)]

    def measure(weights: Float) -> dict[str, float]:
        share = weights / weights.sum()
        squared = float(share @ error**2)
        spread = float(share @ (y - share @ y) ** 2)
        return {
            "mae": float(share @ np.abs(error)),
            "rmse": float(np.sqrt(squared)),
            "r2": 1 - squared / spread if spread > 0 else float("nan"),
            "spearman": _correlation(ranks[0](share), ranks[1](share), share),
        }

    return measure


def _ranks(values: Float) -> Callable[[Float], Float]:
    """Weighted mid-ranks: the share of weight below, and half of that beside. Sorted once."""
    _, place = np.unique(values, return_inverse=True)

    def ranks(share: Float) -> Float:
        beside = np.bincount(place, share)
        return np.asarray((np.cumsum(beside) - beside / 2)[place])

    return ranks


def _correlation(a: Float, b: Float, share: Float) -> float:
    a, b = a - share @ a, b - share @ b
    below = float(np.sqrt((share @ a**2) * (share @ b**2)))
    return float(share @ (a * b)) / below if below > 1e-12 else float("nan")


@dataclass(frozen=True, kw_only=True)
class Bin:
    """One point of a reliability curve."""

    low: float
    high: float
    predicted: float  # mean probability
    observed: float  # share of the class, weighted
    n: int


def reliability(y: NDArray[np.bool_], p: Float, weights: Float, bins: int = BINS) -> tuple[Bin, ...]:
    """How often the class is there where it was given a probability; bins of equal width, empty ones left out."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(p, edges[1:-1]), 0, bins - 1)
    return tuple(
        Bin(
            low=float(edges[b]),
            high=float(edges[b + 1]),
            predicted=float(np.average(p[place == b], weights=weights[place == b])),
            observed=float(np.average(y[place == b], weights=weights[place == b])),
            n=int((place == b).sum()),
        )
        for b in range(bins)
        if (place == b).any()
    )


def confusion(y: NDArray[np.intp], chosen: NDArray[np.intp], k: int, weights: Float | None = None) -> Float:
    """(k, k), true classes in rows: counts, or sums of weights."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(y, chosen, labels=np.arange(k), sample_weight=weights), np.float64)


def majority(y: NDArray[np.intp], weights: Float, k: int) -> tuple[NDArray[np.intp], Float]:
    """The baseline: the most frequent class for everybody, with the classes' shares as probabilities."""
    shares = np.bincount(y, weights, k) / weights.sum()
    return np.full(len(y), shares.argmax()), np.tile(shares, (len(y), 1))
