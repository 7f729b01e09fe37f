"""Report of a trained classifier, its figures with their intervals, and estimates of a corpus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown

if TYPE_CHECKING:
    import pandas as pd


MAIN = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc", "brier", "mae", "rmse", "r2", "spearman")
SETS = {"cross_validated": "out of fold", "held_out": "held out", "validation": "validation images"}
OF_ZERO_SHOT = ("accuracy", "f1_macro", "brier")
PRINTED = {  # test items first: nothing was chosen by them
    "held_out": "test items, held out",
    "cross_validated": "out of fold",
    "validation": "validation images",
}


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
    """A number with its 95 % interval; None where it is not defined.

    `undefined` is the number of bootstrap resamples of an agreement in which it has no value; its interval is of the
    others.
    """

    value: float | None
    low: float | None
    high: float | None
    undefined: int = 0

    def __str__(self) -> str:
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Report(Shown, Mapping[str, Any]):
    """Everything that was measured of a classifier: a mapping of the server's JSON, which prints as a summary.

    Attributes
    ----------
    figures, baseline : by name ("accuracy", "f1[protest]", "rmse", …): out of fold, or, of a fine-tuned network, of
        the test images. Shares have Wilson's 95 % interval, other figures that of a bootstrap.
    held_out : figures of the test items alone, by name; empty without test items.
    learning : figures by the number of coded items, as a list of n, score and width; None for a fine-tuned network.
    uncalibrated : of calibrated zero-shot, the figures of the scores as they are on the same items; else empty.
    sets : the coverage and size of prediction sets on the coded items, a mapping for each coverage.
    notes : warnings about the training data and the figures.
    worst : the most confidently wrong predictions: id, target, predicted, confidence.
    """

    def __init__(self, report: Mapping[str, Any], worst: Sequence[Mapping[str, Any]], *, title: str) -> None:
        self._report = report
        self.title = title
        self.worst = list(worst)
        self.notes: list[str] = [note["message"] for note in report["notes"]]
        source: tuple[str, Mapping[str, Any]] = next(
            ((name, report[key]) for key, name in SETS.items() if report.get(key)), ("nothing", {})
        )
        self.of, self.measured = source
        self.figures = _figures(self.measured, "figures")
        self.baseline = _figures(self.measured, "baseline")
        self.held_out = _figures(report.get("held_out") or {}, "figures")
        self.uncalibrated = _figures(report.get("uncalibrated") or {}, "figures")
        self.sets: list[Mapping[str, Any]] = list(report.get("sets") or ())
        self.learning: list[Mapping[str, Any]] | None = (report.get("learning") or {}).get("points")

    @property
    def ids(self) -> list[str]:
        """Ids of the coded items that have a prediction in the report; none where they are withheld."""
        own = self._report.get("out_of_fold") or self._report.get("held_out_predictions") or {}
        return list(own.get("ids", ()))

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
        if (self.get("codes") or {}).get("rule") == "both":
            counts = f"codes: {counts}"
        lines = [f"{self.title}: {self['task']}, {self['n']:,} items ({counts}); 95 % intervals"]
        for key, name in PRINTED.items():
            if measured := self.get(key):
                lines += self._figures_of(measured, name)
        lines += [*self._zero_shot(), *self._sets()]
        if planned := self._precision():
            lines.append(planned)
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _figures_of(self, measured: Mapping[str, Any], name: str) -> list[str]:
        figures, baseline = _figures(measured, "figures"), _figures(measured, "baseline")
        repeats = measured.get("repeats") or {}
        of = f"{measured['n']:,} items"
        if name == PRINTED["cross_validated"] and (self.get("codes") or {}).get("rule") == "both":
            of = f"{measured['n']:,} codes of {self['n']:,} items"
        lines = [f"  {name} ({of}):"]
        for figure in (figure for figure in MAIN if figure in figures):
            spread = [value for value in repeats.get(figure, ()) if value is not None]
            over = f"  {len(spread)} repeats {min(spread):.3f} to {max(spread):.3f}" if spread else ""
            lines.append(f"  {figure:18} {figures[figure]!s:24} baseline {baseline[figure]}{over}")
        return lines

    def _zero_shot(self) -> list[str]:
        """The zero-shot scores as they are, beside the calibrated ones."""
        if not self.uncalibrated:
            return []
        sure, own = (self["zero_shot"][name] for name in ("uncalibrated", "calibrated"))
        lines = ["  the same items by the zero-shot scores as they are, without the codes:"]
        lines += [f"  {name:18} {self.uncalibrated[name]}" for name in OF_ZERO_SHOT]
        lines.append(
            f"  mean probability of the predicted label {sure['confidence']:.3f} as they are, of which "
            f"{sure['accuracy']:.3f} are correct; calibrated {own['confidence']:.3f} and {own['accuracy']:.3f}"
        )
        return lines

    def _sets(self) -> list[str]:
        """The coverage of prediction sets at 90 %, of test items if there are some."""
        kept = [each for each in self.sets if each["coverage"] == 0.9 and not each["each_class"]]
        if not kept:
            return []
        last = kept[-1]
        unit = "labels in a set" if self["labels"] else "wide"
        size = "not known" if last["size"] is None else f"{last['size']:.3g} {unit} on average"
        return [f"  prediction sets of coverage 0.9: they cover {Figure(**last['covered'])}, {size}"]

    def _precision(self) -> str | None:
        """The width of the interval of the corrected share: of the positive class, or the widest; or of the mean."""
        if not self.learning:
            return None
        widths = self.learning[-1]["width"]
        label = self["labels"][-1] if self["task"] == "binary" else max(widths, key=widths.get)
        kind = f"share of {label}" if label else "mean"
        of = f"with these {self['n']:,} coded items, in a corpus that is much larger"
        return f"  interval of the corrected {kind}: {widths[label]:.3g} wide {of}"


def _figures(measured: Mapping[str, Any], kind: str) -> dict[str, Figure]:
    return {name: Figure(**figure) for name, figure in measured.get(kind, {}).items()}
