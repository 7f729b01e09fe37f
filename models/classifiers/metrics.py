"""Metrics with sample weights and 95 % bootstrap intervals.

Weights are inverse inclusion probabilities where a sample was drawn by design: the figures then describe the corpus.
Intervals are percentiles of a bootstrap over items, or over whole groups (Cameron, Gelbach & Miller 2008, Rev. Econ.
Stat. 90:414). A resample is a vector of weights, each item's own times how often it was drawn, so that nothing is
sorted or copied again and 1,000 resamples take seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.intervals import Figure, percentile_figure, ratio

Measure = Callable[[Float], dict[str, float]]  # weights (n,), 0 for items that were not drawn → figures
BINS = 10  # bins of the reliability curve


def bootstrap_figures(
    measure: Measure,
    weights: Float,
    *,
    groups: NDArray[np.intp] | None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Figure]:
    """The figures of `measure` on all items, with bootstrap intervals.

    Parameters
    ----------
    weights : (n,) positive.
    groups : (n,) group of each item; whole groups are drawn. None: items are drawn.
    """
    point = measure(weights)
    rng = np.random.default_rng(seed)
    unit = np.arange(len(weights)) if groups is None else np.unique(groups, return_inverse=True)[1]
    n = int(unit.max()) + 1
    drawn: dict[str, list[float]] = {name: [] for name in point}
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, n, n), minlength=n)
        for name, value in measure(weights * times[unit]).items():
            drawn[name].append(value)
    return {name: percentile_figure(value, drawn[name]) for name, value in point.items()}


def class_metrics(
    y: NDArray[np.intp], probabilities: Float, chosen: NDArray[np.intp], labels: tuple[str, ...]
) -> Measure:
    """Accuracy, precision, recall and F1 by class and macro, ROC-AUC, PR-AUC, Brier score, log loss.

    Recall of a class without items is undefined, and so is its F1 unless the class was predicted; means over classes
    leave out undefined values. Precision is 0 for a class that was never predicted. The Brier score is the mean squared
    error of the positive class's probability; for more than two classes it is summed over classes. ROC-AUC and PR-AUC
    are those of the positive class; for more than two classes, of each class against the rest, and their mean.

    Parameters
    ----------
    y, chosen : (n,) indices of the true and of the predicted classes.
    probabilities : (n, labels).
    """
    k = len(labels)
    cell = y * k + chosen
    squares = ((probabilities - np.eye(k)[y]) ** 2).sum(axis=1) / (2 if k == 2 else 1)
    surprise = -np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-15))
    areas = {c: _area(y == c, probabilities[:, c]) for c in ([1] if k == 2 else range(k))}

    def measure(weights: Float) -> dict[str, float]:
        table: Float = np.bincount(cell, weights, k * k).astype(np.float64).reshape(k, k)
        total, true, predicted, hits = table.sum(), table.sum(axis=1), table.sum(axis=0), table.diagonal()
        recall = ratio(hits, true, np.nan)
        precision = ratio(hits, predicted, 0.0)
        f1 = ratio(2 * hits, true + predicted, np.nan)
        present = true + predicted > 0
        figures = {
            "accuracy": float(hits.sum() / total),
            "balanced_accuracy": _mean(recall),
            "precision_macro": _mean(np.where(present, precision, np.nan)),
            "recall_macro": _mean(np.where(present & (true == 0), 0.0, recall)),
            "f1_macro": _mean(f1),
            "brier": float(weights @ squares / total),
            "log_loss": float(weights @ surprise / total),
        }
        for i, name in enumerate(labels):
            figures |= {f"precision[{name}]": float(precision[i]), f"recall[{name}]": float(recall[i])}
            figures |= {f"f1[{name}]": float(f1[i])}
        pairs = {c: area(weights) for c, area in areas.items()}
        for place, kind in enumerate(("roc_auc", "pr_auc")):
            figures[kind] = _mean(np.array([pair[place] for pair in pairs.values()]))
            if k > 2:
                figures |= {f"{kind}[{labels[c]}]": pair[place] for c, pair in pairs.items()}
        return figures

    return measure


def _mean(values: Float) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _area(positive: NDArray[np.bool_], score: Float) -> Callable[[Float], tuple[float, float]]:
    """ROC-AUC and average precision as a function of weights; scores are sorted once."""
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
        return float(roc), float((step * ratio(true, above, 0.0)).sum() / positives)

    return area


def value_metrics(y: Float, predicted: Float) -> Measure:
    """MAE, RMSE, R² and Spearman's correlation of weighted ranks; y and predicted are (n,)."""
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
    """Weighted mid-ranks (the share of weight below, plus half of that of equal values); values are sorted once."""
    _, place = np.unique(values, return_inverse=True)

    def ranks(share: Float) -> Float:
        equal = np.bincount(place, share)
        return np.asarray((np.cumsum(equal) - equal / 2)[place])

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
    observed: float  # weighted share of items of the class
    n: int


def reliability(y: NDArray[np.bool_], p: Float, weights: Float, bins: int = BINS) -> tuple[Bin, ...]:
    """The observed share of a class by its predicted probability, in bins of equal width; empty bins are left out."""
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
    """The confusion matrix (k, k), true classes in rows: counts, or sums of weights."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(y, chosen, labels=np.arange(k), sample_weight=weights), np.float64)


def majority(y: NDArray[np.intp], weights: Float, k: int) -> tuple[NDArray[np.intp], Float]:
    """The baseline: the most frequent class for every item, with the shares of classes as probabilities."""
    shares = np.bincount(y, weights, k) / weights.sum()
    return np.full(len(y), shares.argmax()), np.tile(shares, (len(y), 1))
