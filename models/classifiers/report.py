"""What is known about a trained classifier, as it can be published: one object, JSON there and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from models.classifiers.epoch import Epoch
from models.classifiers.folders import Dropped
from models.classifiers.head import Task
from models.classifiers.metrics import Bin, Figure
from models.classifiers.notes import Note
from models.errors import TrainingError

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How good predictions are, and what one draws of it.

    Attributes
    ----------
    figures, baseline : by name ("accuracy", "f1[protest]", "rmse", …), with 95 % intervals; the baseline says the most
        frequent class, or the mean, of everything.
    confusion, confusion_weighted : counts, and sums of weights; true classes in rows. None of numbers, as reliability.
    reliability : by label; of a binary task the positive one's.
    """

    n: int
    figures: Mapping[str, Figure]
    baseline: Mapping[str, Figure]
    confusion: tuple[tuple[int, ...], ...] | None = None
    confusion_weighted: tuple[tuple[float, ...], ...] | None = None
    reliability: Mapping[str, tuple[Bin, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Of every item that was measured, in order.

    Attributes
    ----------
    target : labels, or numbers.
    label, probabilities : of a task with labels: (n,) and (n, labels).
    value : of a continuous task.
    weight : mean 1.
    fold : that it was out of; None of held-out items.
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
    """Everything that a reader may ask of a classifier.

    Attributes
    ----------
    counts : items of each class, before weights; of a fine-tuned network those of all splits.
    groups : how many there were; None where none were given.
    dropped : what was not learnt from, with the reason.
    notes : in plain words, what to beware of.
    options : as they were given (see `Options`).
    strength, strength_losses : C of the final head, and the inner folds' loss of each candidate, by its name.
    fold_strengths : C of each outer fold.
    cross_validated, out_of_fold : each item predicted by a head that was learnt, tuned and calibrated without its fold.
    held_out, held_out_predictions : of items that nothing was learnt from, by the final head.
    codes : how targets came of several coders' codes: the rule, agreement with intervals, disagreement of each item.
    validation, validation_predictions : of a fine-tuned network, of the images that the epoch to stop at and the
        calibration were chosen by: better than it deserves.
    curve, best, start, device : of a fine-tuned network: its epochs, the place of the one that is kept, what it began
        as, where it ran.
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
        """Plain objects; NaN and infinities are None, since JSON has neither."""
        found: dict[str, Any] = jsonable(asdict(self))
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Report":
        """What `to_json` gave. Raises TrainingError for anything else."""
        if found.get("format") != FORMAT:
            raise TrainingError(
                f"report: has format {found.get('format')}, this Daguerre reads {FORMAT}; use the one that made it",
                code="unknown_format",
            )
        whole = dict(found)
        for part in ("cross_validated", "held_out", "validation"):
            if whole.get(part) is not None:
                whole[part] = {**whole[part], **{name: _figures(whole[part][name]) for name in ("figures", "baseline")}}
        try:
            return _adapter.validate_python(whole)
        except ValidationError as exc:
            raise TrainingError(f"report: cannot be read: {exc}", code="unknown_format") from exc


def _figures(found: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """With NaN where JSON has null."""
    return {
        name: {key: float("nan") if value is None else value for key, value in figure.items()}
        for name, figure in found.items()
    }


def jsonable(value: Any) -> Any:
    """Lists, numbers and strings of it; NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


_adapter = TypeAdapter(Report)
