"""Report of a trained classifier, its figures with their intervals, and estimates of a corpus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas

if TYPE_CHECKING:
    import pandas as pd


MAIN = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc", "brier", "mae", "rmse", "r2", "spearman")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A corpus's share of a label, or its mean, with its interval.

    Attributes
    ----------
    value, low, high : corrected for the classifier's errors.
    naive : the mean of the predictions alone, biased by their errors.
    classical : from the coded items alone: value, low, high.
    """

    value: float
    low: float
    high: float
    naive: float
    classical: Sequence[float]
    n_coded: int
    n_corpus: int


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Report(Mapping[str, Any]):
    """Everything that was measured of a classifier: a mapping of the server's JSON, which prints as a summary.

    Attributes
    ----------
    figures, baseline : by name ("accuracy", "f1[protest]", "rmse", …): out of fold, or, of a fine-tuned network, of
        the test images.
    notes : warnings about the training data and the figures.
    worst : the most confidently wrong predictions: id, target, predicted, confidence.
    """

    def __init__(self, report: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], *, title: str) -> None:
        self._report = report
        self.title = title
        self.worst = list(worst)
        self.notes: list[str] = [note["message"] for note in report["notes"]]
        kinds = {"cross_validated": "out of fold", "held_out": "held out", "validation": "validation images"}
        source: tuple[str, Mapping[str, Any]] = next(
            ((kinds[k], report[k]) for k in kinds if report.get(k)), ("nothing", {})
        )
        self.of, self.measured = source
        self.figures = {name: Figure(**f) for name, f in self.measured.get("figures", {}).items()}
        self.baseline = {name: Figure(**f) for name, f in self.measured.get("baseline", {}).items()}

    def __getitem__(self, key: str) -> Any:
        return self._report[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._report)

    def __len__(self) -> int:
        return len(self._report)

    def to_pandas(self) -> "pd.DataFrame":
        """Out-of-fold (or held-out) predictions: id, target, label or value, a probability for each label, weight.

        Raises ValueError where they are left out, since another key trained the classifier.
        """
        if {"out_of_fold", "held_out_predictions"} & set(self._report.get("withheld", ())):
            raise ValueError(
                f"to_pandas: the predictions of the coded items are left out, since another key trained {self.title}; "
                "use that key"
            )
        pandas = import_pandas()
        own = self._report.get("out_of_fold") or self._report.get("held_out_predictions") or {}
        columns: dict[str, Any] = {
            name: own[name] for name in ("target", "label", "value", "weight", "fold") if own.get(name)
        }
        if own.get("probabilities"):
            columns |= dict(
                zip((f"p({label})" for label in self["labels"]), zip(*own["probabilities"], strict=True), strict=True)
            )
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(own.get("ids", []), name="id"))
        return table

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {label}".strip() for label, n in self["counts"].items())
        lines = [f"{self.title}: {self['task']}, {self['n']:,} items ({counts}); figures {self.of}, 95 % intervals"]
        lines += [
            f"  {name:18} {self.figures[name]!s:24} baseline {self.baseline[name]}"
            for name in MAIN
            if name in self.figures
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])
