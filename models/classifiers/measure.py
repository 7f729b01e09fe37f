"""Evaluation of predictions, the same for linear heads and fine-tuned networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.head import Float, Task, predicted_classes
from models.classifiers.metrics import Measure
from models.classifiers.report import Measured, Predictions
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
) -> tuple[Measured, Predictions]:
    """Compare predictions with codes: figures with intervals beside the baseline's, and the predictions for a report.

    Parameters
    ----------
    y : (n,) indices of the true labels; for a continuous task the true values.
    outputs : (n, labels) probabilities; for a continuous task (n,) predicted values.
    threshold : probability from which on the positive class of a binary task is predicted.
    weights : (n,) mean 1.
    groups : (n,) indices; the bootstrap draws whole groups. None: it draws items.
    """

    def intervals(measure: Measure) -> dict[str, Figure]:
        return metrics.bootstrap_figures(measure, weights, groups=groups, resamples=resamples, seed=seed)

    ids, weight = tuple(ids), tuple(weights.tolist())
    if task == "continuous":
        mean = np.full(len(y), np.average(y, weights=weights))
        measured = Measured(
            n=len(y),
            figures=intervals(metrics.value_metrics(y, outputs)),
            baseline=intervals(metrics.value_metrics(y, mean)),
        )
        target, value = tuple(y.tolist()), tuple(outputs.tolist())
        return measured, Predictions(ids=ids, target=target, weight=weight, value=value)
    k = len(labels)
    chosen = predicted_classes(outputs, task, threshold)
    common, shares = metrics.majority(y, weights, k)
    measured = Measured(
        n=len(y),
        figures=intervals(metrics.class_metrics(y, outputs, chosen, labels)),
        baseline=intervals(metrics.class_metrics(y, shares, common, labels)),
        confusion=_rows(metrics.confusion(y, chosen, k).astype(int)),
        confusion_weighted=_rows(metrics.confusion(y, chosen, k, weights)),
        reliability={
            labels[c]: metrics.reliability(y == c, outputs[:, c], weights) for c in ([1] if k == 2 else range(k))
        },
    )
    return measured, Predictions(
        ids=ids,
        target=tuple(labels[i] for i in y),
        weight=weight,
        label=tuple(labels[i] for i in chosen),
        probabilities=_rows(outputs.round(6)),
    )


def _rows(table: NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
