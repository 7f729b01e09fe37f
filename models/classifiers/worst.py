"""The largest errors of a classifier."""

from dataclasses import dataclass

import numpy as np

from models.classifiers.report import Predictions, Report


@dataclass(frozen=True, kw_only=True)
class Worst:
    """One wrong prediction.

    Attributes
    ----------
    confidence : probability of the predicted label; None for a continuous task.
    """

    id: str
    target: str | float
    predicted: str | float
    confidence: float | None


def worst(report: Report, n: int = 24) -> tuple[Worst, ...]:
    """The `n` worst predictions: labels by the probability of the wrong label, numbers by their absolute error.

    They are the out-of-fold predictions: held-out ones are fewer. For a network those of the held-out, else of the
    validation images.
    """
    own = report.out_of_fold or report.held_out_predictions or report.validation_predictions
    return () if own is None else worst_predictions(own, report.labels, n)


def worst_predictions(own: Predictions, labels: tuple[str, ...], n: int = 24) -> tuple[Worst, ...]:
    """The `n` worst of some predictions, as in `worst`."""
    if labels:
        rows = zip(own.ids, own.target, own.label or (), own.probabilities or (), strict=True)
        errors = [
            Worst(id=id, target=target, predicted=label, confidence=row[labels.index(label)])
            for id, target, label, row in rows
            if label != target
        ]
        return tuple(sorted(errors, key=lambda error: -(error.confidence or 0))[:n])
    target, value = np.asarray(own.target, np.float64), np.asarray(own.value, np.float64)
    order = np.argsort(-np.abs(target - value), kind="stable")[:n].tolist()
    return tuple(
        Worst(id=own.ids[i], target=float(target[i]), predicted=float(value[i]), confidence=None)
        for i in order
        if target[i] != value[i]
    )
