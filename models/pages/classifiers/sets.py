"""Sections on prediction sets, and on zero-shot scores before and after their calibration."""

from collections.abc import Sequence

from models.classifiers.records import SetFigures, ZeroShot
from models.classifiers.report import Measured, Report
from models.intervals import Figure
from models.pages.classifiers.tables import CLASS_FIGURES
from models.pages.html import Child, Html, count, counted, e, figure, interval, number, percent, table, user_text

CLASSES = 30  # most classes whose coverage is listed
LISTED = 0.9  # coverage of the sets of the table of classes
ITEMS = {"out_of_fold": "coded items, out of fold", "held_out": "test items"}


def set_parts(sets: Sequence[SetFigures], labels: Sequence[str]) -> list[Child]:
    """The coverage and size of prediction sets, or of intervals of numbers, without the heading."""
    if labels:
        text = (
            "With coverage, predictions have the set of labels that an item may have; it has the true one with about "
            "the probability that is asked for. A set with several labels says that the classifier cannot tell them "
            "apart, an empty one that the item is unlike the coded ones. With each class, the coverage holds for the "
            "items of every class. "
        )
    else:
        text = (
            "With coverage, predictions have an interval that has the true number with about the probability that is "
            "asked for. "
        )
    text += (
        "It holds for new items of the population from which the coded items were drawn (CV+, conformal prediction). "
        "Here the sets of coded items are made by heads of other folds and calibrated within these folds, so that "
        "neither has seen the item."
    )
    heads = ["items", "asked for", "covered", "95 % interval"]
    if labels:
        heads += ["mean size", "empty", "one label", "all labels"]
    else:
        heads += ["mean width", "without a limit"]
    rows = [_row(each, bool(labels)) for each in sets]
    parts: list[Child] = [e("p", text), table(None, heads, rows)]
    if labels and len(labels) <= CLASSES:
        parts.append(_classes(sets, labels))
    return parts


def _row(each: SetFigures, labelled: bool) -> list[Child]:
    asked = percent(each.coverage) + (" of each class" if each.each_class else "")
    size = "" if each.size is None else number(each.size)
    items = f"{count(each.n)} {ITEMS.get(each.items, each.items)}"
    row: list[Child] = [items, asked, percent(each.covered.value), interval(each.covered, share=True), size]
    if labelled:
        row += [_percent(each.empty), _percent(each.single)]
    return [*row, percent(each.unlimited)]


def _classes(sets: Sequence[SetFigures], labels: Sequence[str]) -> Html:
    """The coverage of each class by sets of all items and of each class."""
    items = sets[-1].items
    chosen = [each for each in sets if each.items == items and each.coverage == LISTED]
    heads = ["class", *("sets of each class" if each.each_class else "sets of all items" for each in chosen)]
    rows = [[user_text(label, 60), *(_covered(each.classes.get(label)) for each in chosen)] for label in labels]
    caption = f"Items of each class whose set has their label, with the coverage {percent(LISTED)} ({ITEMS[items]})."
    return table(caption, heads, rows)


def _covered(share: Figure | None) -> Child:
    return "" if share is None else figure(share, share=True)


def _percent(value: float | None) -> str:
    return "" if value is None else percent(value)


def zero_shot_parts(zero_shot: ZeroShot, raw: Measured, own: Measured) -> list[Child]:
    """The figures of the zero-shot scores as they are beside those of the calibrated ones, without the heading."""
    rows: list[list[Child]] = []
    for name, (label, gloss, share) in CLASS_FIGURES.items():
        before, after = raw.figures.get(name), own.figures.get(name)
        if before is not None and after is not None:
            shown: list[Child] = [figure(each, share=share) for each in (before, after)]
            rows.append([[label, e("small", " ", gloss)], *shown])
    before_sure, after_sure = zero_shot.uncalibrated, zero_shot.calibrated
    rows.append(
        ["Mean probability of the predicted label", percent(before_sure.confidence), percent(after_sure.confidence)]
    )
    rows.append(
        [
            ["Calibration error", e("small", " ", "mean distance of probability and accuracy in 10 bins; best: 0")],
            number(before_sure.error),
            number(after_sure.error),
        ]
    )
    caption = (
        f"The same {counted(own.n, 'item')}: the zero-shot scores as they are, and out of fold after calibration, with "
        "95 % intervals."
    )
    prompts = [
        [user_text(label, 60), user_text(text, 200), number(zero_shot.biases[label])]
        for label, text in zero_shot.prompts.items()
    ]
    temperature = (
        f"The cosine of an item with a prompt is multiplied by {number(zero_shot.logit_scale)}, divided by the "
        f"temperature {number(zero_shot.temperature)} (in the folds {number(min(zero_shot.fold_temperatures))} to "
        f"{number(max(zero_shot.fold_temperatures))}), and the bias of the class is added; probabilities are the "
        "softmax of these logits. Temperature and biases were fitted to the codes; 1 and 0 are the scores as they are."
    )
    return [
        table(caption, ["", "as they are", "calibrated"], rows),
        e("p", temperature),
        table("Prompts.", ["class", "prompt", "bias"], prompts),
        e("p.soft", "Templates: ", "; ".join(zero_shot.templates)),
    ]


def kind_of(report: Report) -> str | None:
    """The kind of classifier in words, where it is not that of a linear probe or a network."""
    return None if report.zero_shot is None else f"calibrated zero-shot of {report.zero_shot.model}"
