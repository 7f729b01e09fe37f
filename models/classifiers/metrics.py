"""Metrics with sample weights and 95 % bootstrap intervals, and the baseline beside each.

Weights are inverse inclusion probabilities where a sample was drawn by design: the figures are then the corpus's, not
the sample's. Intervals are percentiles of a bootstrap over items, over whole groups where there are groups (Cameron,
Gelbach & Miller 2008, Rev. Econ. Stat. 90:414, on why clusters are drawn whole).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from models.classifiers.head import Float

Measure = Callable[[NDArray[np.intp], Float], dict[str, float]]  # rows and their weights → figures
BINS = 10  # of the reliability curve


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with its 95 % interval; NaN where a resample cannot have it (a class that is not there)."""

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
    n = len(weights)
    point = measure(np.arange(n), weights)
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in point}
    members = None if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    for _ in range(resamples):
        if members is None:
            rows = rng.integers(0, n, n)
        else:
            rows = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        for name, value in measure(rows, weights[rows]).items():
            drawn[name].append(value)
    found = {}
    for name, value in point.items():
        known = [x for x in drawn[name] if not np.isnan(x)]
        low, high = np.percentile(known, [2.5, 97.5]) if known else (np.nan, np.nan)
        found[name] = Figure(value=float(value), low=float(low), high=float(high))
    return found


def of_classes(y: NDArray[np.intp], probabilities: Float, chosen: NDArray[np.intp], labels: tuple[str, ...]) -> Measure:
    """Accuracy, precision, recall and F1 by class and macro, ROC-AUC, PR-AUC, Brier score, log loss.

    Parameters
    ----------
    y, chosen : (n,) index of the true and of the predicted class.
    probabilities : (n, c) out-of-fold, or of held-out items.
    """
    names = list(labels)
    every = np.arange(len(names))

    def measure(rows: NDArray[np.intp], weights: Float) -> dict[str, float]:
        true, guess, p = y[rows], chosen[rows], probabilities[rows]
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, guess, labels=every, sample_weight=weights, zero_division=0
        )
        there = np.isin(every, true)
        one_hot = np.eye(len(names))[true]
        found = {
            "accuracy": float(np.average(true == guess, weights=weights)),
            "balanced_accuracy": _balanced(recall, there),
            "precision_macro": float(precision.mean()),
            "recall_macro": float(recall.mean()),
            "f1_macro": float(f1.mean()),
            "brier": float(np.average(((p - one_hot) ** 2).sum(axis=1), weights=weights))
            / (2 if len(names) == 2 else 1),
            "log_loss": float(np.average(-np.log(np.maximum(p[np.arange(len(true)), true], 1e-15)), weights=weights)),
        }
        for i, name in enumerate(names):
            found |= {f"precision[{name}]": float(precision[i]), f"recall[{name}]": float(recall[i])}
            found |= {f"f1[{name}]": float(f1[i])}
        found |= _areas(true, p, weights, there)
        return found

    return measure


def _balanced(recall: Float, there: NDArray[np.bool_]) -> float:
    return float(recall[there].mean())


def _areas(true: NDArray[np.intp], p: Float, weights: Float, there: NDArray[np.bool_]) -> dict[str, float]:
    """ROC-AUC and PR-AUC: of the positive class, or the mean over classes, each against the rest."""
    classes = [1] if p.shape[1] == 2 else np.flatnonzero(there).tolist()
    roc, pr = [], []
    for c in classes:
        positive = true == c
        if positive.any() and not positive.all():
            roc.append(roc_auc_score(positive, p[:, c], sample_weight=weights))
            pr.append(average_precision_score(positive, p[:, c], sample_weight=weights))
    return {
        "roc_auc": float(np.mean(roc)) if roc else float("nan"),
        "pr_auc": float(np.mean(pr)) if pr else float("nan"),
    }


def of_numbers(y: Float, predicted: Float) -> Measure:
    """MAE, RMSE, R² and Spearman's correlation (which takes no weights: stated in the report)."""

    def measure(rows: NDArray[np.intp], weights: Float) -> dict[str, float]:
        true, guess = y[rows], predicted[rows]
        error = np.average((true - guess) ** 2, weights=weights)
        spread = np.average((true - np.average(true, weights=weights)) ** 2, weights=weights)
        constant = np.ptp(true) == 0 or np.ptp(guess) == 0
        return {
            "mae": float(np.average(np.abs(true - guess), weights=weights)),
            "rmse": float(np.sqrt(error)),
            "r2": float(1 - error / spread) if spread > 0 else float("nan"),
            "spearman": float("nan") if constant else float(spearmanr(true, guess).statistic),
        }

    return measure


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
    return np.asarray(confusion_matrix(y, chosen, labels=np.arange(k), sample_weight=weights), np.float64)


def majority(y: NDArray[np.intp], weights: Float, k: int) -> tuple[NDArray[np.intp], Float]:
    """The baseline: the most frequent class for everybody, with the classes' shares as probabilities."""
    shares = np.bincount(y, weights, k) / weights.sum()
    return np.full(len(y), shares.argmax()), np.tile(shares, (len(y), 1))


def plain(figures: Mapping[str, Figure]) -> dict[str, dict[str, float]]:
    """For JSON."""
    return {name: {"value": f.value, "low": f.low, "high": f.high} for name, f in figures.items()}
