"""Predictions and codes to what a report says of them; the same for heads and for fine-tuned networks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.head import Float
from models.classifiers.metrics import Figure, Measure
from models.classifiers.report import Measured


def of_labels(
    y: NDArray[np.intp],
    probabilities: Float,
    chosen: NDArray[np.intp],
    labels: tuple[str, ...],
    *,
    weights: Float,
    groups: NDArray[np.intp] | None,
    resamples: int,
    seed: int,
) -> Measured:
    """Figures, those of the most frequent class for everybody, and what one draws.

    Parameters
    ----------
    y, chosen : (n,) index of the true and of the predicted label.
    probabilities : (n, labels).
    """

    def intervals(measure: Measure) -> dict[str, Figure]:
        return metrics.measured(measure, weights, groups=groups, resamples=resamples, seed=seed)

    k = len(labels)
    common, shares = metrics.majority(y, weights, k)
    return Measured(
        n=len(y),
        figures=intervals(metrics.of_classes(y, probabilities, chosen, labels)),
        baseline=intervals(metrics.of_classes(y, shares, common, labels)),
        confusion=rows(metrics.confusion(y, chosen, k).astype(int)),
        confusion_weighted=rows(metrics.confusion(y, chosen, k, weights)),
        reliability={
            labels[c]: metrics.reliability(y == c, probabilities[:, c], weights) for c in ([1] if k == 2 else range(k))
        },
    )


def of_values(
    y: Float, values: Float, *, weights: Float, groups: NDArray[np.intp] | None, resamples: int, seed: int
) -> Measured:
    """Figures of numbers, and those of their mean for everybody."""
    mean = np.full(len(y), np.average(y, weights=weights))

    def intervals(measure: Measure) -> dict[str, Figure]:
        return metrics.measured(measure, weights, groups=groups, resamples=resamples, seed=seed)

    return Measured(
        n=len(y),
        figures=intervals(metrics.of_numbers(y, values)),
        baseline=intervals(metrics.of_numbers(y, mean)),
    )


def rows(table: NDArray[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
