"""The sentences of a report: its result, the baseline, and definitions of the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.classifiers.report import Measured, Predictions, Report
from models.pages.html import Child, count, counted, figure, number, percent, user_text

OUT_OF_FOLD = "Out of fold"
SCOPE = "hold for each figure separately, and do not include the variation between training runs."


@dataclass(frozen=True, kw_only=True)
class View:
    """Predictions with their figures, on one set of items.

    Attributes
    ----------
    title : title of the section.
    where : beginning of a sentence about these items.
    caution : a limitation of these figures.
    """

    title: str
    where: str
    measured: Measured
    predictions: Predictions | None
    caution: str | None = None

    @property
    def weighted(self) -> bool:
        """Whether items have unequal weights."""
        weight = () if self.predictions is None else self.predictions.weight
        return bool(weight) and max(weight) - min(weight) > 1e-9 * max(weight)


def views(report: Report) -> list[View]:
    """Every set of measured predictions, the most reliable one first."""
    measured = []
    if report.held_out is not None:
        where = f"On {counted(report.held_out.n, 'held-out test item')}"
        predictions = report.held_out_predictions
        measured.append(View(title="Test items", where=where, measured=report.held_out, predictions=predictions))
    if report.cross_validated is not None:
        title = OUT_OF_FOLD
        measured.append(View(title=title, where=title, measured=report.cross_validated, predictions=report.out_of_fold))
    if report.validation is not None:
        where = f"On the {counted(report.validation.n, 'validation image')}"
        caution = "These images chose the epoch to stop at and the calibration, so the figures are too good."
        predictions = report.validation_predictions
        title = "Validation images"
        measured.append(
            View(title=title, where=where, measured=report.validation, predictions=predictions, caution=caution)
        )
    return measured


def most_frequent(view: View, labels: Sequence[str]) -> str | None:
    """The most frequent class by weight, which the baseline predicts for every item."""
    table = view.measured.confusion_weighted or view.measured.confusion
    if not table:
        return None
    sums = [sum(row) for row in table]
    return labels[sums.index(max(sums))]


def counted_rows(view: View, report: Report) -> str:
    """The number of items that were predicted, or of codes where each code of an item counts."""
    n = view.measured.n
    if view.where == OUT_OF_FOLD and (report.codes or {}).get("rule") == "both":
        return f"{counted(n, 'code')} of {counted(report.n, 'item')}"
    return counted(n, "item")


def result_sentence(view: View, report: Report) -> list[Child]:
    """The main figure beside that of the baseline, and a warning where it does not exceed it clearly."""
    text = _accuracy_sentence(view, report) if report.labels else _error_sentence(view, report)
    return [text, f" {view.caution}" if view.caution else None]


def _accuracy_sentence(view: View, report: Report) -> list[Child]:
    share, usual = view.measured.figures["accuracy"], view.measured.baseline["accuracy"]
    kind = " by weight," if view.weighted else ""
    of = f" of {counted_rows(view, report)}" if view.where == OUT_OF_FOLD else ""
    return [
        f"{view.where},{kind} {figure(share, share=True)}{of} are predicted correctly; always predicting “",
        user_text(most_frequent(view, report.labels) or "", 60),
        f"” would be correct for {percent(usual.value)}.",
        None if share.low > usual.value else " The interval includes that baseline: accuracy shows no learning.",
    ]


def _error_sentence(view: View, report: Report) -> list[Child]:
    figures, usual = view.measured.figures, view.measured.baseline["mae"]
    of = f" for {counted_rows(view, report)}" if view.where == OUT_OF_FOLD else ""
    kind = " by weight," if view.weighted else ""
    return [
        f"{view.where},{kind} predictions{of} are off by {figure(figures['mae'], share=False)} on average; always "
        f"predicting the mean would be off by {number(usual.value)}. R² is {figure(figures['r2'], share=False)}.",
        None if figures["r2"].low > 0 else " The interval includes 0: R² shows no learning.",
    ]


def baseline(view: View, report: Report) -> list[Child]:
    """A description of the baseline."""
    if not report.labels:
        return ["always predicting the mean of these items"]
    always = user_text(most_frequent(view, report.labels) or "", 60)
    return ["always predicting “", always, "”, with the shares of the classes as probabilities"]


def definitions(report: Report, *, weighted: bool) -> list[str]:
    """Paragraphs that define the figures of this report."""
    paragraphs = []
    if report.cross_validated is not None:
        groups = "; items of one group are always in one fold" if report.groups is not None else ""
        folds = report.options.get("folds")
        inner = report.options.get("inner_folds")
        probe = (
            "Out of fold means nested cross-validation: each item is predicted by a head that was trained, regularised "
            f"and calibrated without its fold ({folds} folds; C chosen by {inner} inner folds){groups}. The head that "
            "is kept was trained on all items."
        )
        zero_shot = (
            "Out of fold means cross-fitting: the scores of each item are calibrated by a temperature and biases that "
            f"were fitted without its fold ({folds} folds){groups}. The calibration that is kept was fitted to all "
            "items."
        )
        paragraphs.append(probe if report.zero_shot is None else zero_shot)
        repeats = int(report.options.get("repeats") or 1)
        if repeats > 1:
            paragraphs.append(
                f"The cross-validation was repeated {repeats} times with other folds. Figures are means over the "
                "repeats; their range over the repeats shows how much the division into folds matters. Intervals cover "
                "the sampling of items, as if the repeats were one cross-validation: repeats do not add items. "
                "Predictions, the confusion matrix, curves and estimates are those of the first repeat."
            )
    if report.kind == "network":
        paragraphs.append(
            "Weights were fitted to the training images. The epoch to stop at and the calibration were chosen on the "
            "validation images; held-out images chose nothing."
        )
    unit = "whole groups" if report.groups is not None else "items"
    if report.kind == "network":
        unit = "items, or whole groups where images have them"
    bootstrap = f"percentile intervals of a bootstrap over {unit}"
    if report.task == "continuous":
        paragraphs.append(f"Intervals are 95 % {bootstrap}; they {SCOPE}")
    else:
        paragraphs.append(
            "Accuracy, precision, recall and the F1 of a class have Wilson’s 95 % interval (1927), which has a width "
            "also for 0 of 6 items; with unequal weights or groups it is that of the effective number of items (Korn & "
            "Graubard 1998). Means over classes combine the limits of the classes (Zou & Donner 2008). F1 macro, "
            f"ROC-AUC, PR-AUC, Brier score and log loss have 95 % {bootstrap}, which has no width where every item is "
            f"predicted correctly. Intervals {SCOPE}"
        )
    if report.task == "continuous":
        paragraphs.append(
            "R² is 1 minus the ratio of the squared error to the squared error of always predicting the mean."
        )
    else:
        paragraphs.append(
            "Precision is the share of items predicted as a class that belong to it; recall is the share of a class’s "
            "items that are predicted as it; F1 is their harmonic mean. ROC-AUC and PR-AUC are those of the positive "
            "class, or means over classes, each against the rest; the Brier score of more than two classes is a sum "
            "over classes."
        )
    if weighted:
        paragraphs.append(
            "Items have unequal weights: figures are weighted and describe the corpus that the weights represent; n "
            "and counts are unweighted."
        )
    return paragraphs


def weights_in_words(predictions: Predictions | None) -> str | None:
    """The range of the weights, and Kish's effective sample size; None without weights."""
    if predictions is None or not predictions.weight:
        return None
    low, high = min(predictions.weight), max(predictions.weight)
    if high - low <= 1e-9 * high:
        return "all equal"
    effective = sum(predictions.weight) ** 2 / sum(weight**2 for weight in predictions.weight)
    return f"from {number(low)} to {number(high)} (mean 1); effective sample size {count(round(effective))}"
