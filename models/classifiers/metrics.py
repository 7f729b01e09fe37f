"""Metrics with sample weights and 95 % bootstrap intervals; shares.py has the intervals of shares.

Weights are inverse inclusion probabilities where a sample was drawn by design: the figures then describe the corpus.
Intervals are percentiles of a bootstrap over items, or over whole groups (Cameron, Gelbach & Miller 2008, Rev. Econ.
Stat. 90:414). A resample is a row of weights, each item's own times how often it was drawn, so that nothing is sorted
again, and a table of such rows is measured at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.intervals import Figure, percentile_figure, ratio, share_figure
from models.stopping import checkpoint

Measure = Callable[[Float], dict[str, Float]]  # weights (…, n), 0 for items that were not drawn → figures, (…) each
BINS = 10  # bins of the reliability curve
AT_ONCE = 2**17  # largest number of weights of one step: a megabyte, which stays in the processor's cache


def bootstrap_figures(
    measure: Measure,
    weights: Float,
    *,
    groups: NDArray[np.intp] | None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Figure]:
    """The figures of `measure` on all items, with bootstrap intervals.

    Resamples are measured many at once, in steps of less than a second, between which the computation may be stopped.

    Parameters
    ----------
    weights : (n,) positive.
    groups : (n,) group of each item; whole groups are drawn. None: items are drawn.
    """
    point = {name: float(value) for name, value in measure(weights).items()}
    rng = np.random.default_rng(seed)
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    n = len(weights) if unit is None else int(unit.max()) + 1
    drawn: dict[str, list[Float]] = {name: [] for name in point}
    step = max(1, AT_ONCE // len(weights))
    for start in range(0, resamples, step):
        checkpoint()
        rows = min(step, resamples - start)
        times = sums(np.ones((rows, n)), rng.integers(0, n, (rows, n)), n)
        for name, values in measure(weights * (times if unit is None else times[:, unit])).items():
            drawn[name].append(values)
    return {
        name: percentile_figure(value, np.concatenate(drawn[name]) if drawn[name] else ())
        for name, value in point.items()
    }


def sums(weights: Float, place: NDArray[np.intp], k: int) -> Float:
    """The sums of weights (…, n) at each of `k` places, (…, k); `place` is (n,), or (…, n)."""
    if not weights.size:
        return np.zeros((*weights.shape[:-1], k))
    table = weights.reshape(-1, weights.shape[-1])
    where = place.reshape(-1, place.shape[-1]) + k * np.arange(len(table))[:, None]
    summed: Float = np.bincount(where.ravel(), table.ravel(), k * len(table)).astype(np.float64, copy=False)
    return summed.reshape(*weights.shape[:-1], k)


def averaged(measures: Sequence[Measure]) -> Measure:
    """The mean of the same figures of several sets of predictions, for the repeats of a cross-validation."""
    if len(measures) == 1:
        return measures[0]

    def measure(weights: Float) -> dict[str, Float]:
        each = [one(weights) for one in measures]
        return {name: np.mean([figures[name] for figures in each], axis=0) for name in each[0]}

    return measure


def class_metrics(
    y: NDArray[np.intp],
    probabilities: Float,
    chosen: NDArray[np.intp],
    labels: tuple[str, ...],
    averaged: NDArray[np.bool_] | None = None,
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
    averaged : (labels,) the classes over which macro figures are means; None: all that have items or predictions.
    """
    k = len(labels)
    counted = np.ones(k, bool) if averaged is None else averaged
    right = (y == chosen).astype(np.float64)
    squares = ((probabilities - np.eye(k)[y]) ** 2).sum(axis=1) / (2 if k == 2 else 1)
    surprise = -np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-15))
    areas = {c: _area(y == c, probabilities[:, c]) for c in ([1] if k == 2 else range(k))}

    def measure(weights: Float) -> dict[str, Float]:
        true, predicted, hits = sums(weights, y, k), sums(weights, chosen, k), sums(weights * right, y, k)
        total = true.sum(axis=-1)
        recall = ratio(hits, true, np.nan)
        precision = ratio(hits, predicted, 0.0)
        f1 = ratio(2 * hits, true + predicted, np.nan)
        present = (true + predicted > 0) & counted
        figures = {
            "accuracy": hits.sum(axis=-1) / total,
            "balanced_accuracy": _mean(recall),
            "precision_macro": _mean(np.where(present, precision, np.nan)),
            "recall_macro": _mean(np.where(present & (true == 0), 0.0, np.where(counted, recall, np.nan))),
            "f1_macro": _mean(np.where(counted, f1, np.nan)),
            "brier": weights @ squares / total,
            "log_loss": weights @ surprise / total,
        }
        for i, name in enumerate(labels):
            figures |= {f"precision[{name}]": precision[..., i], f"recall[{name}]": recall[..., i]}
            figures |= {f"f1[{name}]": f1[..., i]}
        pairs = {}
        for c, area in areas.items():
            checkpoint()
            pairs[c] = area(weights)
        for place, kind in enumerate(("roc_auc", "pr_auc")):
            figures[kind] = _mean(np.stack([pair[place] for pair in pairs.values()], axis=-1))
            if k > 2:
                figures |= {f"{kind}[{labels[c]}]": pair[place] for c, pair in pairs.items()}
        return figures

    return measure


def _mean(values: Float) -> Float:
    """The mean over the last axis of the values that are not NaN; NaN where there is none."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _area(positive: NDArray[np.bool_], score: Float) -> Callable[[Float], tuple[Float, Float]]:
    """ROC-AUC and average precision as a function of weights; scores are sorted once."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))  # first of each run of equal scores
    ends = np.append(starts[1:], len(order)) - 1
    hit = np.flatnonzero(positive[order])
    run = np.searchsorted(starts, hit, "right") - 1
    runs, place = np.unique(run, return_inverse=True)  # runs with positive items: others add nothing to either area

    def area(weights: Float) -> tuple[Float, Float]:
        w = weights[..., order]
        above = np.cumsum(w, axis=-1)  # weight at or above each place
        total, before = above[..., -1], np.where(starts[runs] > 0, above[..., starts[runs] - 1], 0.0)
        step = sums(w[..., hit], place, len(runs))  # positive weight of each run
        true, above = np.cumsum(step, axis=-1), above[..., ends[runs]]
        positives = step.sum(axis=-1)
        negatives = total - positives
        fall = np.maximum(above - before - step, 0.0)  # negative weight of each run
        below = negatives[..., None] - (above - true) + fall / 2
        defined = (positives > 0) & (negatives > 1e-12 * total)
        roc = ratio((step * below).sum(axis=-1), np.where(defined, positives * negatives, 0.0))
        average = ratio((step * ratio(true, above, 0.0)).sum(axis=-1), np.where(defined, positives, 0.0))
        return roc, average

    return area


def value_metrics(y: Float, predicted: Float) -> Measure:
    """MAE, RMSE, R² and Spearman's correlation of weighted ranks; y and predicted are (n,)."""
    error = y - predicted
    ranks = [_ranks(y), _ranks(predicted)]

    def measure(weights: Float) -> dict[str, Float]:
        share = weights / weights.sum(axis=-1, keepdims=True)
        squared = share @ error**2
        spread = (share * (y - (share @ y)[..., None]) ** 2).sum(axis=-1)
        return {
            "mae": share @ np.abs(error),
            "rmse": np.sqrt(squared),
            "r2": 1 - ratio(squared, spread),
            "spearman": _correlation(ranks[0](share), ranks[1](share), share),
        }

    return measure


def _ranks(values: Float) -> Callable[[Float], Float]:
    """Weighted mid-ranks (the share of weight below, plus half of that of equal values); values are sorted once."""
    distinct, place = np.unique(values, return_inverse=True)

    def ranks(share: Float) -> Float:
        equal = sums(share, place, len(distinct))
        return np.asarray((np.cumsum(equal, axis=-1) - equal / 2)[..., place])

    return ranks


def _correlation(a: Float, b: Float, share: Float) -> Float:
    a, b = (each - (share * each).sum(axis=-1, keepdims=True) for each in (a, b))
    below = np.sqrt((share * a**2).sum(axis=-1) * (share * b**2).sum(axis=-1))
    return ratio((share * a * b).sum(axis=-1), np.where(below > 1e-12, below, 0.0))


@dataclass(frozen=True, kw_only=True)
class Bin:
    """One point of a reliability curve."""

    low: float
    high: float
    predicted: float  # mean probability
    observed: float  # weighted share of items of the class
    n: int
    observed_low: float | None = None  # 95 % interval of the share; None in reports of earlier versions
    observed_high: float | None = None


def reliability(
    y: NDArray[np.bool_], p: Float, weights: Float, bins: int = BINS, *, groups: NDArray[np.intp] | None = None
) -> tuple[Bin, ...]:
    """The observed share of a class by its predicted probability, in bins of equal width; empty bins are left out."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(p, edges[1:-1]), 0, bins - 1)
    curve = []
    for b in range(bins):
        inside = place == b
        if not inside.any():
            continue
        observed = share_figure(y[inside], weights[inside], None if groups is None else groups[inside])
        curve.append(
            Bin(
                low=float(edges[b]),
                high=float(edges[b + 1]),
                predicted=float(np.average(p[inside], weights=weights[inside])),
                observed=observed.value,
                n=int(inside.sum()),
                observed_low=observed.low,
                observed_high=observed.high,
            )
        )
    return tuple(curve)


def confusion(y: NDArray[np.intp], chosen: NDArray[np.intp], k: int, weights: Float | None = None) -> Float:
    """The confusion matrix (k, k), true classes in rows: counts, or sums of weights."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(y, chosen, labels=np.arange(k), sample_weight=weights), np.float64)


def majority(y: NDArray[np.intp], weights: Float, k: int) -> tuple[NDArray[np.intp], Float]:
    """The baseline: the most frequent class for every item, with the shares of classes as probabilities."""
    shares = np.bincount(y, weights, k) / weights.sum()
    return np.full(len(y), shares.argmax()), np.tile(shares, (len(y), 1))
