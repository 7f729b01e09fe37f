"""The report of a trained classifier as one object, to and from JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from models.classifiers.head import Task
from models.classifiers.metrics import Bin
from models.classifiers.records import Dropped, Epoch, Note
from models.errors import TrainingError
from models.intervals import Figure

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of a set of predictions.

    Attributes
    ----------
    figures, baseline : by name ("accuracy", "f1[protest]", "rmse", …), with 95 % intervals; the baseline always
        predicts the most frequent class, or the mean.
    confusion, confusion_weighted : counts, and sums of weights, true classes in rows; None for a continuous task.
    reliability : label → reliability curve; for a binary task of the positive label. None for a continuous task.
    """

    n: int
    figures: Mapping[str, Figure]
    baseline: Mapping[str, Figure]
    confusion: tuple[tuple[int, ...], ...] | None = None
    confusion_weighted: tuple[tuple[float, ...], ...] | None = None
    reliability: Mapping[str, tuple[Bin, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of a set of items.

    Attributes
    ----------
    target : (n,) true labels, or numbers.
    label, probabilities : (n,) and (n, labels) of a task with labels.
    value : (n,) of a continuous task.
    weight : (n,) mean 1.
    fold : (n,) the fold of each item in the cross-validation; None for other items.
    """

    ids: tuple[str, ...]
    target: tuple[str | float, ...]
    weight: tuple[float, ...]
    label: tuple[str, ...] | None = None
    probabilities: tuple[tuple[float, ...], ...] | None = None
    value: tuple[float, ...] | None = None
    fold: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a classifier.

    Attributes
    ----------
    counts : unweighted number of items of each class; for a fine-tuned network in all splits.
    groups : number of groups; None without groups.
    dropped : items that were left out, with the reason.
    notes : remarks on the limits of data and figures.
    options : options of training (see `Options`).
    strength, strength_losses : C of the final head, and the loss of each candidate on the inner folds.
    fold_strengths : C of each outer fold.
    cross_validated, out_of_fold : each item predicted by a head that was trained, tuned and calibrated without its
        fold.
    held_out, held_out_predictions : items that were not used in training, predicted by the final head.
    codes : the origin of targets in codes of several coders: the rule, agreement with intervals, and the disagreement
        on each item.
    validation, validation_predictions : validation images of a fine-tuned network, which chose the epoch to stop at and
        the calibration, so that these figures are too good.
    curve, best, start, device : of a fine-tuned network: its epochs, the index of the epoch that is kept, the starting
        point, and the device.
    """

    task: Task
    n: int
    labels: tuple[str, ...]
    counts: Mapping[str, int]
    groups: int | None
    bounds: tuple[float, float] | None
    dropped: tuple[Dropped, ...]
    notes: tuple[Note, ...]
    options: Mapping[str, Any]
    held_out: Measured | None
    held_out_predictions: Predictions | None
    libraries: Mapping[str, str]
    seconds: float
    kind: Literal["linear", "network"] = "linear"
    strength: float | None = None
    strength_losses: Mapping[str, float] | None = None
    fold_strengths: tuple[float, ...] | None = None
    cross_validated: Measured | None = None
    out_of_fold: Predictions | None = None
    codes: Mapping[str, Any] | None = None
    validation: Measured | None = None
    validation_predictions: Predictions | None = None
    curve: tuple[Epoch, ...] | None = None
    best: int | None = None
    start: Mapping[str, str] | None = None
    device: str | None = None
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object; NaN and infinities are None."""
        fields: dict[str, Any] = jsonable(asdict(self))
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Report":
        """The report that `to_json` wrote. Raises TrainingError for anything else."""
        if fields.get("format") != FORMAT:
            raise TrainingError(
                f"report: has format {fields.get('format')}, this version reads {FORMAT}; use the one that wrote it",
                code="unknown_format",
            )
        whole = dict(fields)
        for part in ("cross_validated", "held_out", "validation"):
            if whole.get(part) is not None:
                whole[part] = {**whole[part], **{name: _figures(whole[part][name]) for name in ("figures", "baseline")}}
        try:
            return _adapter.validate_python(whole)
        except ValidationError as exc:
            raise TrainingError(f"report: cannot be read: {exc}", code="unknown_format") from exc


def _figures(figures: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """Figures with NaN for null."""
    return {
        name: {key: float("nan") if value is None else value for key, value in figure.items()}
        for name, figure in figures.items()
    }


def jsonable(value: Any) -> Any:
    """A value as JSON has it: tuples as lists, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


_adapter = TypeAdapter(Report)
