"""Result of a validation of predictions against human codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from daguerre.results.annotation import figure
from daguerre.results.base import import_pandas
from daguerre.results.plots import IntervalPlot, Row
from daguerre.results.report import MAIN, Figure

if TYPE_CHECKING:
    import pandas as pd

COEFFICIENTS = ("percent", "kappa", "kappa_linear", "kappa_quadratic", "ac1", "alpha")
BY_GROUP = ("accuracy", "undecided", "accuracy_decided", "mae", "bias")
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "pr_auc", "mae", "rmse", "r2", "spearman")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold on the score of a class.

    Attributes
    ----------
    criterion : "f1": the best F1; "recall": the best precision with at least the recall `target`.
    threshold : the class is predicted from this score on; None where no item has the class.
    precision, recall, f1 : cross-fitted: measured on items that did not choose the threshold.
    same_items : precision, recall and f1 on the items that chose it, which is optimistic.
    """

    label: str
    criterion: Literal["f1", "recall"]
    target: float | None
    threshold: float | None
    precision: Figure
    recall: Figure
    f1: Figure
    same_items: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class ValidatedPredictions:
    """The figures of one set of predictions.

    Attributes
    ----------
    n : number of items with a code and a prediction.
    out_of_fold : whether a classifier predicted each item without being trained on it.
    without_prediction, without_code : number of coded items without a prediction, and of predicted ones without a
        code.
    figures, baseline : by name ("accuracy", "f1[protest]", "mae", …); the baseline is the most frequent class, or the
        mean.
    thresholds : of the positive class of two, or of the rarest classes; empty without scores.
    worst : the largest errors: id, target, predicted, confidence.
    answer : the server's answer, with the confusion matrix, reliability and precision-recall curves.
    """

    name: str
    n: int
    out_of_fold: bool
    without_prediction: int
    without_code: int
    figures: Mapping[str, Figure]
    baseline: Mapping[str, Figure]
    thresholds: tuple[Threshold, ...]
    worst: Sequence[Mapping[str, Any]]
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Figures of predictions `a` minus those of `b`, on the n items that both predicted.

    Attributes
    ----------
    only_a, only_b : number of items that only one of the two predicted correctly; None for numbers.
    """

    a: str
    b: str
    n: int
    only_a: int | None
    only_b: int | None
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Agreement of a coder with predictions (`machine`), or with another coder, on the items that both coded."""

    a: str
    b: str
    machine: bool
    items: int
    percent: Figure
    kappa: Figure | None
    alpha: Figure
    kappa_linear: Figure | None = None
    kappa_quadratic: Figure | None = None
    ac1: Figure | None = None


@dataclass(frozen=True, kw_only=True)
class GroupErrors:
    """Errors of one set of predictions in one group of items; `group` is None for all items that have one.

    Attributes
    ----------
    undecided : number of items whose prediction is "undecided".
    figures : of labels: "accuracy", "undecided" (a share), "accuracy_decided", "recall[woman]", "precision[woman]", …;
        of numbers: "mae", "bias" (prediction minus code).
    """

    predictions: str
    group: str | None
    n: int
    undecided: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class GroupDifference:
    """Figures of group `a` minus those of group `b`."""

    predictions: str
    a: str
    b: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Validated(IntervalPlot):
    """Predictions, measured by codes that people gave.

    Attributes
    ----------
    task : "binary", "categorical" or "continuous".
    labels : the classes; for two, the positive one last, which is `positive`.
    coders : names of the coders; coded, used : numbers of items in the table, and of those whose codes give a target.
    predictions : the sets of predictions by name, with their figures.
    figures, baseline, thresholds : those of the first set.
    differences : of each two sets, paired.
    by_group, group_differences : errors in each group of `by`, and differences of each two groups.
    agreement : of each set with each coder, and of each two coders.
    remarks : limits of the figures.
    answer : the complete answer of the server.
    """

    task: str
    labels: list[str]
    positive: str | None
    coders: list[str]
    coded: int
    used: int
    predictions: Mapping[str, ValidatedPredictions]
    differences: tuple[PairedDifference, ...]
    agreement: tuple[PairAgreement, ...]
    remarks: list[str]
    answer: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    by_group: tuple[GroupErrors, ...] = ()
    group_differences: tuple[GroupDifference, ...] = ()

    @classmethod
    def fields_of(cls, answer: Mapping[str, Any], files: Mapping[str, str], remarks: Sequence[str]) -> dict[str, Any]:
        """The attributes from the server's answer; `remarks` are those of this side."""
        names = ("task", "labels", "positive", "coders", "coded", "used")
        return {
            **{name: answer[name] for name in names},
            "predictions": {each["name"]: _predictions(each) for each in answer["predictions"]},
            "differences": tuple(
                PairedDifference(
                    **{name: each[name] for name in ("a", "b", "n", "only_a", "only_b")},
                    figures=_figures(each["figures"]),
                )
                for each in answer["differences"]
            ),
            "agreement": tuple(
                PairAgreement(
                    **{
                        **{name: each[name] for name in ("a", "b", "machine", "items")},
                        **{name: figure(each.get(name)) for name in COEFFICIENTS},
                    },
                )
                for each in answer["agreement"]
            ),
            "by_group": tuple(
                GroupErrors(**{**each, "figures": _figures(each["figures"])}) for each in answer.get("by_group", ())
            ),
            "group_differences": tuple(
                GroupDifference(**{**each, "figures": _figures(each["figures"])})
                for each in answer.get("group_differences", ())
            ),
            "remarks": [*remarks, *answer["remarks"]],
            "answer": answer,
            "files": files,
        }

    @property
    def _first(self) -> ValidatedPredictions:
        return next(iter(self.predictions.values()))

    @property
    def figures(self) -> Mapping[str, Figure]:
        """Figures of the first set of predictions."""
        return self._first.figures

    @property
    def baseline(self) -> Mapping[str, Figure]:
        """Figures of the baseline of the first set."""
        return self._first.baseline

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Thresholds of the first set."""
        return self._first.thresholds

    @property
    def threshold(self) -> Threshold | None:
        """The threshold with the best F1 for the positive class, or the rarest one; None without scores."""
        return next((each for each in self.thresholds if each.criterion == "f1"), None)

    def to_pandas(
        self,
        of: Literal["figures", "by_group", "group_differences", "differences", "agreement", "thresholds"] = "figures",
    ) -> "pd.DataFrame":
        """A table: a row for each set and figure, with value, low, high, and the baseline.

        Parameters
        ----------
        of : "figures"; "by_group": a row for each set, group and figure; "group_differences": a row for each two
            groups and figure; "differences": a row for each two sets and figure; "agreement": a row for each two
            coders or sets and coefficient; "thresholds": a row for each set, class and criterion.
        """
        rows = self.rows(of)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(rows[0]) if rows else None)
        return table

    def _intervals(self) -> tuple[Sequence[Row], str]:
        rows = [
            (f"{each.name}, {name}", known.value, known.low, known.high)
            for each in self.predictions.values()
            for name in MAIN
            if (known := each.figures.get(name)) is not None
        ]
        return rows, "figure, 95 % intervals"

    def rows(self, of: str = "figures") -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        if of == "figures":
            return [
                {"predictions": each.name, "figure": name, **_ends(value), "baseline": _value(each.baseline.get(name))}
                for each in self.predictions.values()
                for name, value in each.figures.items()
            ]
        if of == "by_group":
            return [
                {
                    **{"predictions": each.predictions, "group": each.group, "n": each.n},
                    **{"undecided": each.undecided, "figure": name, **_ends(value)},
                }
                for each in self.by_group
                for name, value in each.figures.items()
            ]
        if of == "group_differences":
            return [
                {"predictions": each.predictions, "a": each.a, "b": each.b, "figure": name, **_ends(value)}
                for each in self.group_differences
                for name, value in each.figures.items()
            ]
        if of == "differences":
            return [
                {"a": each.a, "b": each.b, "n": each.n, "figure": name, **_ends(value)}
                for each in self.differences
                for name, value in each.figures.items()
            ]
        if of == "agreement":
            return [
                {"a": each.a, "b": each.b, "items": each.items, "coefficient": name, **_ends(value)}
                for each in self.agreement
                for name in COEFFICIENTS
                if (value := getattr(each, name)) is not None
            ]
        if of == "thresholds":
            return [
                {
                    **{"predictions": each.name, "label": chosen.label, "criterion": chosen.criterion},
                    **{"target": chosen.target, "threshold": chosen.threshold},
                    **{
                        f"{name}{end}": value
                        for name in ("precision", "recall", "f1")
                        for end, value in zip(("", "_low", "_high"), _ends(getattr(chosen, name)).values(), strict=True)
                    },
                    **{f"{name}_same_items": value for name, value in chosen.same_items.items()},
                }
                for each in self.predictions.values()
                for chosen in each.thresholds
            ]
        raise ValueError(
            f'of: got {of!r}, there are "figures", "by_group", "group_differences", "differences", "agreement" and '
            '"thresholds"'
        )

    def __repr__(self) -> str:
        return "\n".join([f"<{type(self).__name__}: {self._head()}", *(f"  {line}" for line in self.lines())]) + ">"

    def _head(self) -> str:
        who = f"{len(self.coders)} coders" if len(self.coders) > 1 else "1 coder"
        return f"{self.task}, {self.used:,} items coded by {who}; 95 % intervals"

    def lines(self) -> list[str]:
        """The main figures, thresholds, differences and coefficients, a line for each."""
        lines = []
        for each in self.predictions.values():
            lines.append(f"{each.name}, {each.n:,} items" + (", out of fold" if each.out_of_fold else ""))
            lines += [
                f"  {name:18} {each.figures[name]!s:24} baseline {each.baseline[name]}"
                for name in MAIN
                if name in each.figures
            ]
            if self.positive is not None:
                lines += [
                    f"  {name} of {self.positive!r}: {each.figures[key]}"
                    for name in ("precision", "recall", "f1")
                    if (key := f"{name}[{self.positive}]") in each.figures
                ]
            lines += [f"  {_threshold_line(chosen)}" for chosen in each.thresholds[:2] if chosen.threshold is not None]
        for group in self.by_group:
            told = ", ".join(f"{name} {group.figures[name]}" for name in BY_GROUP if name in group.figures)
            who = "all groups" if group.group is None else f"group {group.group!r}"
            lines.append(f"{group.predictions}, {who}, {group.n:,} items: {told}")
        for gap in self.group_differences:
            told = ", ".join(f"{name} {gap.figures[name]}" for name in BY_GROUP if name in gap.figures)
            lines.append(f"{gap.predictions}, {gap.a!r} minus {gap.b!r}: {told}")
        for pair in self.differences:
            told = ", ".join(f"{name} {pair.figures[name]}" for name in SHOWN if name in pair.figures)
            lines.append(f"{pair.a} minus {pair.b}, {pair.n:,} items: {told}")
        for both in self.agreement:
            told = ", ".join(
                f"{name.replace('_', ' ')} {value}"
                for name in (COEFFICIENTS if self.labels else ("alpha",))  # numbers are hardly ever equal
                if (value := getattr(both, name)) is not None
            )
            lines.append(f"{both.a} and {both.b}, {both.items:,} items: {told}")
        return lines


def _threshold_line(chosen: Threshold) -> str:
    rule = "best F1" if chosen.criterion == "f1" else f"recall of at least {chosen.target:g}"
    return (
        f"threshold of {chosen.label!r} with the {rule}: {chosen.threshold:.3g}; on items that did not choose it "
        f"precision {chosen.precision}, recall {chosen.recall}"
    )


def _predictions(answer: Mapping[str, Any]) -> ValidatedPredictions:
    names = ("name", "n", "out_of_fold", "without_prediction", "without_code", "worst")
    return ValidatedPredictions(
        **{name: answer[name] for name in names},
        figures=_figures(answer["figures"]),
        baseline=_figures(answer["baseline"]),
        thresholds=tuple(
            Threshold(
                label=curve["label"],
                **{
                    **{name: each[name] for name in ("criterion", "target", "threshold", "same_items")},
                    **{name: Figure(**each[name]) for name in ("precision", "recall", "f1")},
                },
            )
            for curve in answer["curves"]
            for each in curve["thresholds"]
        ),
        answer=answer,
    )


def _figures(answer: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
    return {name: Figure(**each) for name, each in answer.items()}


def _value(given: Figure | None) -> float | None:
    return None if given is None else given.value


def _ends(given: Figure) -> dict[str, float | None]:
    return {"value": given.value, "low": given.low, "high": given.high}
