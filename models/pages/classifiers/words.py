"""What a report says in sentences: its result, the baseline, and how figures are defined."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.classifiers.metrics import Figure
from models.classifiers.report import Measured, Predictions, Report
from models.pages.html import Child, count, counted, figure, number, percent, user_text


@dataclass(frozen=True, kw_only=True)
class View:
    """Items that predictions were measured on.

    Attributes
    ----------
    title : of the section.
    where : how a sentence about them begins.
    caution : what to beware of.
    """

    title: str
    where: str
    measured: Measured
    predictions: Predictions | None
    caution: str | None = None

    @property
    def weighted(self) -> bool:
        """Whether some items count for more than others."""
        weight = () if self.predictions is None else self.predictions.weight
        return bool(weight) and max(weight) - min(weight) > 1e-9 * max(weight)


def views(report: Report) -> list[View]:
    """All that was measured, what is to be believed first before the rest."""
    found = []
    if report.cross_validated is not None:
        where = "Out of fold"
        found.append(View(title=where, where=where, measured=report.cross_validated, predictions=report.out_of_fold))
    if report.held_out is not None:
        where = f"On {counted(report.held_out.n, 'held-out item')}"
        made = report.held_out_predictions
        found.append(View(title="Held-out items", where=where, measured=report.held_out, predictions=made))
    if report.validation is not None:
        where = f"On the {counted(report.validation.n, 'validation image')}"
        caution = "The epoch to stop at and the calibration were chosen by these images: the figures are too good."
        made = report.validation_predictions
        view = View(
            title="Validation images", where=where, measured=report.validation, predictions=made, caution=caution
        )
        found.append(view)
    return found


def most_frequent(view: View, labels: Sequence[str]) -> str | None:
    """The most frequent class, by weight: what the baseline says of everything."""
    table = view.measured.confusion_weighted or view.measured.confusion
    if not table:
        return None
    sums = [sum(row) for row in table]
    return labels[sums.index(max(sums))]


def result_sentence(view: View, report: Report) -> list[Child]:
    """One honest sentence or two."""
    said = _of_labels(view, report) if report.labels else _of_numbers(view)
    return [said, f" {view.caution}" if view.caution else None]


def _of_labels(view: View, report: Report) -> list[Child]:
    share, usual = view.measured.figures["accuracy"], view.measured.baseline["accuracy"]
    always = user_text(most_frequent(view, report.labels) or "", 60)
    kind = " by weight," if view.weighted else ""
    n = counted(view.measured.n, "item")
    of = f" of {n}" if view.where == "Out of fold" else ""
    said: list[Child] = [
        f"{view.where},{kind} {figure(share, share=True)}{of} are right; always saying “",
        always,
        f"” would be right in {percent(usual.value)}.",
    ]
    return [*said, _unclear(share, usual.value)]


def _unclear(share: Figure, usual: float) -> str | None:
    if share.low > usual:
        return None
    return " The interval reaches down to that: by accuracy, nothing is shown to have been learnt."


def _of_numbers(view: View) -> list[Child]:
    figures, usual = view.measured.figures, view.measured.baseline["mae"]
    of = f" of {counted(view.measured.n, 'item')}" if view.where == "Out of fold" else ""
    kind = " by weight," if view.weighted else ""
    return [
        f"{view.where},{kind} predictions{of} are off by {figure(figures['mae'], share=False)} on average; always "
        f"saying the mean would be off by {number(usual.value)}. R² is {figure(figures['r2'], share=False)}.",
        None if figures["r2"].low > 0 else " The interval reaches down to 0: nothing is shown to have been learnt.",
    ]


def baseline(view: View, report: Report) -> list[Child]:
    """In words."""
    if not report.labels:
        return ["the mean of these items, said of everything"]
    always = user_text(most_frequent(view, report.labels) or "", 60)
    return ["always saying “", always, "”, with the classes’ shares as probabilities"]


def definitions(report: Report, *, weighted: bool) -> list[str]:
    """How the figures come about."""
    found = []
    if report.cross_validated is not None:
        kept = ", and items of one group are never on both sides" if report.groups is not None else ""
        folds = report.options.get("folds")
        inner = report.options.get("inner_folds")
        found.append(
            f"Out of fold means nested cross-validation: each item is predicted by a head that was learnt, regularised "
            f"and calibrated on the other of {folds} folds (C by {inner} inner folds){kept}. The head that is kept was "
            "learnt from all items."
        )
    if report.kind == "network":
        found.append(
            "Weights were fitted to the training images. Of the validation images the epoch to stop at and the "
            "calibration were chosen; of held-out images nothing was."
        )
    unit = "whole groups" if report.groups is not None else "items"
    if report.kind == "network":
        unit = "items, or whole groups where images have them"
    found.append(
        f"Intervals are 95 % percentile intervals of a bootstrap over {unit}; they hold for each figure, not for all "
        "at once, and do not cover what another training run would have given."
    )
    if report.task == "continuous":
        found.append("R² is one less the squared error over that of the mean of the items that are measured.")
    else:
        found.append(
            "Precision is the share of items said to be of a class that are; recall the share of a class’s items that "
            "are found; F1 their harmonic mean. Areas are those of the positive class, or by class against the rest "
            "and their mean; the Brier score of more than two classes is the sum over them."
        )
    if weighted:
        found.append(
            "Items have unequal weights: all figures are weighted, so that they describe the corpus that the weights "
            "stand for; n and counts are not."
        )
    return found


def weights_in_words(predictions: Predictions | None) -> str | None:
    """How unequal they are, and what that leaves (Kish's effective size)."""
    if predictions is None or not predictions.weight:
        return None
    low, high = min(predictions.weight), max(predictions.weight)
    if high - low <= 1e-9 * high:
        return "all equal"
    worth = sum(predictions.weight) ** 2 / sum(weight**2 for weight in predictions.weight)
    return f"from {number(low)} to {number(high)} (mean 1); worth {count(round(worth))} items of equal weight"
