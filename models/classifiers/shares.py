"""Intervals of the figures that are shares of items: accuracy, precision, recall and F1 of a class, and their means.

Precision, recall and accuracy are shares of a set of items, with Wilson's interval (`models.intervals.share_figure`).
F1 is 2J / (1 + J), where J is the share of items that are a class and predicted as it among those that are either, so
that the limits of J give those of F1. Means over classes combine the limits of independent shares. Other figures (F1
macro, areas, Brier score, log loss) have a bootstrap: no set of items has them as its share.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.intervals import Figure, mean_figure, share_figure


def with_share_intervals(
    figures: dict[str, Figure],
    y: NDArray[np.intp],
    chosen: NDArray[np.intp],
    labels: tuple[str, ...],
    weights: Float,
    groups: NDArray[np.intp] | None,
    averaged: NDArray[np.bool_] | None = None,
) -> dict[str, Figure]:
    """The figures of `class_metrics`, bootstrapped, with the intervals of shares in place of those of the bootstrap.

    Parameters
    ----------
    y : (n,) indices of the true classes.
    chosen : (repeats, n) indices of the predicted classes; an item counts by the share of repeats.
    groups : (n,) indices; None: items are independent. Means over classes then have the wider of both intervals, since
        shares of different classes in one group are not independent.
    """

    def share(name: str, hits: Float, of: Float) -> None:
        figures[name] = share_figure(hits, weights * of, groups, value=figures[name].value)

    everything = np.ones(len(y))
    share("accuracy", (chosen == y).mean(axis=0), everything)
    for c, label in enumerate(labels):
        true, predicted = (y == c).astype(np.float64), (chosen == c).mean(axis=0)
        own = {name: figures[f"{name}[{label}]"].value for name in ("precision", "recall", "f1")}
        for name, figure in class_shares(own, true, predicted, weights, groups).items():
            figures[f"{name}[{label}]"] = figure
    for name, kind in (("balanced_accuracy", "recall"), ("recall_macro", "recall"), ("precision_macro", "precision")):
        parts = [figures[f"{kind}[{label}]"] for c, label in enumerate(labels) if averaged is None or averaged[c]]
        figures[name] = _mean(figures[name], [part for part in parts if not np.isnan(part.low)], groups is not None)
    return figures


def class_shares(
    values: Mapping[str, float], true: Float, predicted: Float, weights: Float, groups: NDArray[np.intp] | None
) -> dict[str, Figure]:
    """Precision, recall and F1 of a class with the intervals of shares, which have a width where all are right.

    Parameters
    ----------
    values : the three figures.
    true : (n,) 1 for items of the class, 0 for others.
    predicted : (n,) the share of repeats in which the class is predicted.
    """
    unknown = Figure(value=values["f1"], low=np.nan, high=np.nan)
    either = np.where(true > 0, 1.0, predicted)
    return {
        "precision": share_figure(true, weights * predicted, groups, value=values["precision"]),
        "recall": share_figure(predicted, weights * true, groups, value=values["recall"]),
        "f1": _f1(unknown, true * predicted, either, weights, groups),
    }


def _f1(f1: Figure, both: Float, either: Float, weights: Float, groups: NDArray[np.intp] | None) -> Figure:
    if np.isnan(f1.value):
        return f1
    hits = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    jaccard = share_figure(hits, weights * either, groups, value=f1.value / (2 - f1.value))
    return replace(f1, low=2 * jaccard.low / (1 + jaccard.low), high=2 * jaccard.high / (1 + jaccard.high))


def _mean(mean: Figure, parts: list[Figure], grouped: bool) -> Figure:
    """The mean of a figure over classes with its interval; classes without items have none, and add nothing to it."""
    if np.isnan(mean.value) or not parts:
        return mean
    combined = mean_figure(parts)
    low = mean.value - (combined.value - combined.low)
    high = mean.value + (combined.high - combined.value)
    if grouped:
        low, high = float(np.nanmin([low, mean.low])), float(np.nanmax([high, mean.high]))
    return replace(mean, low=max(0.0, low), high=min(1.0, high))
