"""Evaluation of predictions, the same for linear heads and fine-tuned networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.head import Float, Task, predicted_classes
from models.classifiers.metrics import Measure
from models.classifiers.report import Measured, Predictions
from models.classifiers.shares import with_share_intervals
from models.intervals import Figure


def evaluate(
    y: NDArray[Any],
    outputs: Float,
    *,
    task: Task,
    labels: tuple[str, ...],
    threshold: float,
    ids: Sequence[str],
    weights: Float,
    groups: NDArray[np.intp] | None,
    resamples: int,
    seed: int,
    chosen: NDArray[np.intp] | None = None,
    averaged: NDArray[np.bool_] | None = None,
    repeated: Sequence[Float] = (),
) -> tuple[Measured, Predictions]:
    """Compare predictions with codes: figures with intervals beside the baseline's, and the predictions for a report.

    Parameters
    ----------
    y : (n,) indices of the true labels; for a continuous task the true values.
    outputs : (n, labels) probabilities; for a continuous task (n,) predicted values.
    threshold : probability from which on the positive class of a binary task is predicted.
    weights : (n,) mean 1.
    groups : (n,) indices; the bootstrap draws whole groups. None: it draws items.
    chosen : (1 + repeats, n) indices of the predicted labels, or (n,). None: those that follow from the probabilities.
    averaged : as for `metrics.class_metrics`.
    repeated : outputs of further repeats of a cross-validation. Figures are then means over all repeats; predictions,
        the confusion matrix and the reliability curve are those of `outputs`.
    """

    def intervals(*measures: Measure) -> dict[str, Figure]:
        measure = metrics.averaged(measures)
        return metrics.bootstrap_figures(measure, weights, groups=groups, resamples=resamples, seed=seed)

    every = [outputs, *repeated]

    ids, weight = tuple(ids), tuple(weights.tolist())
    if task == "continuous":
        mean = np.full(len(y), np.average(y, weights=weights))
        measured = Measured(
            n=len(y),
            figures=intervals(*(metrics.value_metrics(y, one) for one in every)),
            baseline=intervals(metrics.value_metrics(y, mean)),
            repeats=_spread([metrics.value_metrics(y, one)(weights) for one in every]),
        )
        target, value = tuple(y.tolist()), tuple(outputs.tolist())
        further = tuple(tuple(one.tolist()) for one in repeated) or None
        return measured, Predictions(ids=ids, target=target, weight=weight, value=value, further_value=further)
    k = len(labels)
    choices = np.stack([predicted_classes(one, task, threshold) for one in every])
    if chosen is None:
        chosen = choices[0]
    else:
        choices = np.atleast_2d(chosen)
        chosen = choices[0]
    common, shares = metrics.majority(y, weights, k)
    measures = [
        metrics.class_metrics(y, one, choice, labels, averaged) for one, choice in zip(every, choices, strict=True)
    ]
    figures = intervals(*measures)
    baseline = intervals(metrics.class_metrics(y, shares, common, labels, averaged))
    measured = Measured(
        n=len(y),
        figures=with_share_intervals(figures, y, choices, labels, weights, groups, averaged),
        baseline=with_share_intervals(baseline, y, common[None], labels, weights, groups, averaged),
        repeats=_spread([measure(weights) for measure in measures]),
        confusion=_rows(metrics.confusion(y, chosen, k).astype(int)),
        confusion_weighted=_rows(metrics.confusion(y, chosen, k, weights)),
        reliability={
            labels[c]: metrics.reliability(y == c, outputs[:, c], weights, groups=groups)
            for c in ([1] if k == 2 else range(k))
        },
    )
    return measured, Predictions(
        ids=ids,
        target=tuple(labels[i] for i in y),
        weight=weight,
        label=tuple(labels[i] for i in chosen),
        probabilities=_rows(outputs.round(6)),
        further_probabilities=tuple(_rows(one.round(6)) for one in repeated) or None,
    )


def _spread(figures: Sequence[dict[str, Float]]) -> dict[str, tuple[float, ...]] | None:
    """Each figure in every repeat; None for one repeat."""
    return {name: tuple(float(each[name]) for each in figures) for name in figures[0]} if len(figures) > 1 else None


def _rows(table: NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
