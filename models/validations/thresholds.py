"""Choice of a threshold on the score of one class: precision-recall curve, best thresholds, cross-fitted figures.

A threshold that is chosen and scored on the same items looks better than it is. The figures here are cross-fitted:
the threshold for each tenth of the items (or groups) is chosen on the other nine tenths, and the precision and recall
of all items under these thresholds are averaged over several random divisions. Their intervals are those of shares, as
for other precisions and recalls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.classifiers.shares import class_shares
from models.intervals import Figure, Float, ratio
from models.stopping import checkpoint

Criterion = Literal["f1", "recall"]
FOLDS, REPEATS = 10, 5
POINTS = 200  # points of a curve that is sent
UNKNOWN = Figure(value=float("nan"), low=float("nan"), high=float("nan"))


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a precision-recall curve: the class is predicted for items with this score or a higher one."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold chosen by one criterion.

    Attributes
    ----------
    criterion : "f1", the best F1; or "recall", the best precision among thresholds with at least the recall `target`.
    threshold : chosen on all items; an item belongs to the class from this score on. None where no item is positive.
    same_items : precision, recall and F1 on the items that chose the threshold: optimistic.
    precision, recall, f1 : cross-fitted, with intervals; NaN where fewer than two positive items (or groups) exist.
    """

    criterion: Criterion
    target: float | None
    threshold: float | None
    same_items: dict[str, float]
    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True, kw_only=True)
class ClassCurve:
    """The precision-recall curve of a class, and thresholds on its score.

    Attributes
    ----------
    positives : unweighted number of items of the class.
    share : weighted share of the class, which is the precision of predicting it always.
    """

    label: str
    positives: int
    share: float
    points: tuple[Point, ...]
    thresholds: tuple[Threshold, ...]


def class_curve(
    label: str,
    positive: NDArray[np.bool_],
    score: Float,
    weights: Float,
    *,
    groups: NDArray[np.intp] | None,
    recall: float,
    seed: int,
) -> ClassCurve:
    """The curve of one class, with the threshold of the best F1 and that of the best precision at a recall.

    Parameters
    ----------
    positive, score, weights : (n,) whether each item belongs to the class, its score, and its weight.
    groups : (n,) group of each item, never divided between choice and evaluation; None: items.
    recall : the smallest recall for the second criterion.
    """
    order = np.argsort(-score, kind="stable")
    units = np.arange(len(score)) if groups is None else np.unique(groups, return_inverse=True)[1]
    thresholds, precision, reached = _curve(positive[order], score[order], weights[order])
    folds = _divisions(positive, units, seed)
    criteria: tuple[tuple[Criterion, float | None], ...] = (("f1", None), ("recall", recall))
    chosen = []
    for criterion, target in criteria:
        checkpoint()
        place = _best(precision, reached, target)
        same = {name: float("nan") for name in ("precision", "recall", "f1")}
        if place is not None:
            p, r = float(precision[place]), float(reached[place])
            same = {"precision": p, "recall": r, "f1": 2 * p * r / (p + r) if p + r else 0.0}
        figures = _cross_fitted(positive, score, weights, order, folds, target, groups)
        chosen.append(
            Threshold(
                criterion=criterion,
                target=target,
                threshold=None if place is None else float(thresholds[place]),
                same_items=same,
                **figures,
            )
        )
    few = np.unique(np.linspace(0, len(thresholds) - 1, min(POINTS, len(thresholds))).round().astype(int))
    return ClassCurve(
        label=label,
        positives=int(positive.sum()),
        share=float(weights @ positive / weights.sum()),
        points=tuple(
            Point(threshold=float(thresholds[i]), precision=float(precision[i]), recall=float(reached[i])) for i in few
        ),
        thresholds=tuple(chosen),
    )


def _curve(positive: NDArray[np.bool_], score: Float, weights: Float) -> tuple[Float, Float, Float]:
    """Thresholds from the highest score down, with precision and recall (NaN without positives); scores are sorted."""
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True))
    above = np.cumsum(weights)[ends]
    true = np.cumsum(weights * positive)[ends]
    return score[ends], ratio(true, above, 0.0), ratio(true, np.full(len(ends), true[-1]))


def _best(precision: Float, recall: Float, target: float | None) -> int | None:
    """The place of the best threshold, the highest of equally good ones; None where no item is positive."""
    if np.isnan(recall).any():
        return None
    if target is None:
        f1 = ratio(2 * precision * recall, precision + recall, 0.0)
        return int((f1 >= f1.max() - 1e-12).argmax())
    fits = np.where(recall >= target - 1e-12, precision, -1.0)
    return int((fits >= fits.max() - 1e-12).argmax())


def _divisions(positive: NDArray[np.bool_], units: NDArray[np.intp], seed: int) -> list[NDArray[np.intp]]:
    """The fold of each item (n,), several times; units are never divided, and those with positive items are spread."""
    has = np.bincount(units, positive) > 0
    folds = min(FOLDS, int(has.sum()))
    if folds < 2 or folds > len(has):
        return []
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(REPEATS):
        fold = np.empty(len(has), np.intp)
        for part in (np.flatnonzero(has), np.flatnonzero(~has)):
            fold[rng.permutation(part)] = np.arange(len(part)) % folds
        found.append(fold[units])
    return found


def _cross_fitted(
    positive: NDArray[np.bool_],
    score: Float,
    weights: Float,
    order: NDArray[np.intp],
    folds: Sequence[NDArray[np.intp]],
    target: float | None,
    groups: NDArray[np.intp] | None,
) -> dict[str, Figure]:
    """Precision, recall and F1 under thresholds that were chosen without each item's fold."""
    if not folds:
        return dict.fromkeys(("precision", "recall", "f1"), UNKNOWN)
    predicted = np.zeros((len(folds), len(score)), bool)
    for row, fold in zip(predicted, folds, strict=True):
        for number in range(int(fold.max()) + 1):
            checkpoint()
            train = order[fold[order] != number]
            thresholds, precision, recall = _curve(positive[train], score[train], weights[train])
            place = _best(precision, recall, target)
            test = fold == number
            row[test] = score[test] >= (np.inf if place is None else thresholds[place])
    hits, chosen = (predicted & positive) @ weights, predicted @ weights
    true = np.full(len(hits), weights @ positive)
    values = {
        "precision": float(ratio(hits, chosen, 0.0).mean()),
        "recall": float(ratio(hits, true).mean()),
        "f1": float(ratio(2 * hits, chosen + true).mean()),
    }
    return class_shares(values, positive.astype(np.float64), predicted.mean(axis=0), weights, groups)
