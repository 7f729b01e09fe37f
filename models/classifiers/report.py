"""The report of a trained classifier as one object, to and from JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from models.classifiers.head import Task
from models.classifiers.metrics import Bin
from models.classifiers.records import Dropped, Epoch, Learning, Note, SetFigures, ZeroShot
from models.errors import TrainingError
from models.intervals import Figure

FORMAT = 1
PRIVATE = frozenset({"dropped", "out_of_fold", "held_out_predictions", "validation_predictions"})  # they name items
PARTLY_PRIVATE = frozenset({"notes", "codes"})
PUBLIC_CODES = ("rule", "rule_in_words", "n_items", "n_several", "n_differ", "n_undecided")
PUBLIC_AGREEMENT = (
    *("items", "level", "percent", "kappa", "alpha", "missing", "kappa_linear", "kappa_quadratic"),
    *("ac1", "ac2_linear", "ac2_quadratic", "icc", "most_common_share"),
)
PUBLIC_NOTES = frozenset(  # which name neither items nor codes, but for the labels
    {
        *(
            "strength_at_the_edge",
            "not_converged",
            "balanced",
            "features",
            "no_interval",
            "near_duplicates",
            "held_out_seen",
        ),
        *(
            "no_better_than_the_mean",
            "too_good",
            "no_errors",
            "no_better_than_chance",
            "uneven_weights",
            "few_examples",
        ),
        *("one_group", "few_images", "no_test", "no_test_images", "head_is_best", "temperature_at_bound"),
        *("versions_changed", "empty_class", "rare_classes", "unrelated_scores"),
        *("coders_differ", "adjudicator_differs", "no_probabilities", "purposive", "uncoded"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of a set of predictions.

    Attributes
    ----------
    figures, baseline : by name ("accuracy", "f1[protest]", "rmse", …), with 95 % intervals; the baseline always
        predicts the most frequent class, or the mean.
    confusion, confusion_weighted : counts, and sums of weights, true classes in rows; None for a continuous task.
    reliability : label → reliability curve; for a binary task of the positive label. None for a continuous task.
    repeats : the value of each figure in every repeat of the cross-validation, whose means are the figures; None
        without repeats. The confusion matrix and the reliability curve are those of the first repeat.
    """

    n: int
    figures: Mapping[str, Figure]
    baseline: Mapping[str, Figure]
    confusion: tuple[tuple[int, ...], ...] | None = None
    confusion_weighted: tuple[tuple[float, ...], ...] | None = None
    reliability: Mapping[str, tuple[Bin, ...]] | None = None
    repeats: Mapping[str, tuple[float | None, ...]] | None = None


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
    group : (n,) index of the group of each item; None without groups, and in reports of earlier versions.
    further_probabilities, further_value : (repeats - 1, n, labels) and (repeats - 1, n) those of further repeats of the
        cross-validation; None without repeats, and in reports of earlier versions.
    """

    ids: tuple[str, ...]
    target: tuple[str | float, ...]
    weight: tuple[float, ...]
    label: tuple[str, ...] | None = None
    probabilities: tuple[tuple[float, ...], ...] | None = None
    value: tuple[float, ...] | None = None
    fold: tuple[int, ...] | None = None
    group: tuple[int, ...] | None = None
    further_probabilities: tuple[tuple[tuple[float, ...], ...], ...] | None = None
    further_value: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a classifier.

    Attributes
    ----------
    n : number of items.
    counts : unweighted number of items of each class, under rule "both" once for each class that a coder has given;
        for a fine-tuned network in all splits.
    groups : number of groups; None without groups.
    dropped : items that were left out, with the reason.
    notes : remarks on the limits of data and figures.
    options : options of training (see `Options`).
    strength, strength_losses : C of the final head, and the loss of each candidate on the inner folds.
    fold_strengths : C of each outer fold.
    cross_validated, out_of_fold : each item predicted by a head that was trained, tuned and calibrated without its
        fold.
    held_out, held_out_predictions : items that were not used in training, predicted by the final head.
    learning : figures by the number of coded items, and the spread that determines the number for a precision; None for
        a fine-tuned network.
    codes : the origin of targets in codes of several coders: the rule, the numbers of items with codes, with two or
        more, with different ones and without a target for that reason, agreement with intervals, the comparison of the
        classifier with each coder, and the disagreement on each item.
    features : name, mean (`centre`) and standard deviation (`scale`) of each feature among the coded items.
    strata : number of strata of the sample of coded items; None without strata.
    zero_shot, uncalibrated : of a calibrated zero-shot classifier: its prompts and calibration, and the figures of the
        zero-shot scores as they are on the coded items. None for others.
    sets : coverage and size of prediction sets; None for a network, and in reports of earlier versions.
    validation, validation_predictions : validation images of a fine-tuned network, which chose the epoch to stop at and
        the calibration, so that these figures are too good.
    curve, best, start, device : of a fine-tuned network: its epochs, the index of the epoch that is kept, the starting
        point, and the device.
    withheld : names of the parts that were left out, since only the owner of the classifier may see them.
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
    learning: Learning | None = None
    validation: Measured | None = None
    validation_predictions: Predictions | None = None
    curve: tuple[Epoch, ...] | None = None
    best: int | None = None
    start: Mapping[str, str] | None = None
    device: str | None = None
    withheld: tuple[str, ...] = ()
    strata: int | None = None
    features: tuple[Mapping[str, Any], ...] = ()
    zero_shot: ZeroShot | None = None
    uncalibrated: Measured | None = None
    sets: tuple[SetFigures, ...] | None = None
    format: int = FORMAT

    def without_items(self) -> "Report":
        """The figures alone, without anything that names an item, a coder or the code of an item."""
        hidden = {name: () if name == "dropped" else None for name in PRIVATE}
        withheld = [name for name in PRIVATE if getattr(self, name)]
        notes = [note for note in self.notes if note.code in PUBLIC_NOTES]
        if len(notes) < len(self.notes):
            withheld.append("notes")
        if self.codes is not None:
            withheld.append("codes")
        return replace(
            self,
            **hidden,  # type: ignore[arg-type]
            notes=(*notes, Note("withheld", WITHHELD)),
            codes=None if self.codes is None else _public_codes(self.codes),
            withheld=tuple(sorted({*withheld, "worst"})),
        )

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
        try:
            for part in ("cross_validated", "held_out", "validation", "uncalibrated"):
                if whole.get(part) is not None:
                    figures = {name: _figures(whole[part][name]) for name in ("figures", "baseline")}
                    whole[part] = {**whole[part], **figures}
            if whole.get("learning") is not None:
                points = [{**point, **_figures({"score": point["score"]})} for point in whole["learning"]["points"]]
                whole["learning"] = {**whole["learning"], "points": points}
            if whole.get("sets") is not None:
                whole["sets"] = [
                    {**each, **_figures({"covered": each["covered"]}), "classes": _figures(each["classes"])}
                    for each in whole["sets"]
                ]
            return _adapter.validate_python(whole)
        except (ValidationError, LookupError, TypeError, AttributeError) as exc:
            # without the value, which may name an item
            where = exc.errors()[0]["loc"][0] if isinstance(exc, ValidationError) else part
            raise TrainingError(
                f"report: {where} is not as this version writes it; restore the report, or train again",
                code="unknown_format",
            ) from exc


def _public_codes(codes: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the coders' agreement, with numbers in place of the coders' names."""
    public: dict[str, Any] = {name: codes[name] for name in PUBLIC_CODES if name in codes}
    agreement = codes.get("agreement")
    public["agreement"] = public["comparison"] = None
    if isinstance(codes.get("comparison"), Mapping):
        public["comparison"] = _anonymous(codes["comparison"])
    if isinstance(agreement, Mapping):
        coders = [f"coder {i}" for i in range(1, len(agreement.get("coders", ())) + 1)]
        figures = {name: agreement[name] for name in PUBLIC_AGREEMENT if name in agreement}
        public["agreement"] = {"coders": coders, **figures, "remarks": []}
    return public


def _anonymous(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The comparison with coders, with numbers in place of their names."""
    number = {each["coder"]: f"coder {i}" for i, each in enumerate(comparison["coders"], 1)}
    return {
        **comparison,
        "coders": [{**each, "coder": number[each["coder"]]} for each in comparison["coders"]],
        "pairs": [{**each, "a": number[each["a"]], "b": number[each["b"]]} for each in comparison["pairs"]],
    }


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


WITHHELD = "ids, codes and predictions of items are left out here: only the key that trained the classifier sees them"
_adapter = TypeAdapter(Report)
