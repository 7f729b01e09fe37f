"""The predictions that are most confidently wrong: the first thing to look at."""

from dataclasses import dataclass

import numpy as np

from models.classifiers.report import Predictions, Report


@dataclass(frozen=True, kw_only=True)
class Worst:
    """One prediction that is wrong, and sure of it.

    Attributes
    ----------
    confidence : the probability of what was predicted; None of numbers.
    """

    id: str
    target: str | float
    predicted: str | float
    confidence: float | None


def worst(report: Report, n: int = 24) -> tuple[Worst, ...]:
    """The `n` worst: labels by the probability of the wrong one, numbers by their error.

    Out of fold; of a network held out, or else of those that its epoch was chosen by.
    """
    own = report.out_of_fold or report.held_out_predictions or report.validation_predictions
    return () if own is None else _of_labels(own, report.labels, n) if report.labels else _of_numbers(own, n)


def _of_labels(own: Predictions, labels: tuple[str, ...], n: int) -> tuple[Worst, ...]:
    said, place = own.label or (), {name: i for i, name in enumerate(labels)}
    found = [
        Worst(id=own.ids[i], target=own.target[i], predicted=label, confidence=row[place[label]])
        for i, (label, row) in enumerate(zip(said, own.probabilities or (), strict=True))
        if label != own.target[i]
    ]
    return tuple(sorted(found, key=lambda each: -(each.confidence or 0))[:n])


def _of_numbers(own: Predictions, n: int) -> tuple[Worst, ...]:
    target, value = np.asarray(own.target, np.float64), np.asarray(own.value, np.float64)
    order = np.argsort(-np.abs(target - value), kind="stable")[:n].tolist()
    return tuple(
        Worst(id=own.ids[i], target=float(target[i]), predicted=float(value[i]), confidence=None)
        for i in order
        if target[i] != value[i]
    )
