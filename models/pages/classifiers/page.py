"""The report of a classifier as one HTML page: to be read, printed, sent to a co-author, put beside a paper."""

from collections.abc import Iterable, Mapping

import numpy as np

from models.classifiers.metrics import reliability
from models.classifiers.report import Predictions, Report
from models.classifiers.worst import Worst, worst
from models.pages.classifiers import plots
from models.pages.classifiers.tables import class_table, confusion_parts, figure_table, items_per_class
from models.pages.classifiers.training_data import training_data
from models.pages.classifiers.words import View, baseline, definitions, result_sentence, views
from models.pages.document import document, option_text, picture, section
from models.pages.html import Child, Html, count, counted, e, facts, number, percent, table, user_text

CURVES = 12  # reliability by class: of the most frequent ones
WORST = 24
KINDS = {"linear": "linear probe", "network": "fine-tuned network"}


def page(report: Report, *, name: str, facts: Mapping[str, str], thumbnails: Mapping[str, bytes] | None = None) -> str:
    """One self-contained page: no script, nothing to be fetched, for light and dark screens, telephones and A4.

    Parameters
    ----------
    name : of the classifier, with its version: "posts@3".
    facts : rows of the table at the top, such as its encoder and when it was made.
    thumbnails : id → JPEG, shown beside the most confidently wrong items.

    Returns
    -------
    HTML. Everything that users wrote (labels, ids, reasons) is escaped, and shortened where it is very long.
    """
    found = views(report)
    body: list[Child] = [_top(report, found, name, facts), section("What was learnt from", *training_data(report))]
    for place, view in enumerate(found):
        body += _measured(view, report, main=place == 0)
    if not found:
        body.append(section("Figures", e("p", "Nothing was measured.")))
    if report.curve:
        body.append(section("Learning curve", *_curve(report)))
    body.append(section(_title_of_worst(report), *_worst(report, found, thumbnails or {})))
    body.append(section("How it was made", *_made(report)))
    weighted = any(view.weighted for view in found)
    told = [e("p", said) for said in definitions(report, weighted=weighted)]
    body.append(section("How figures are defined", *told))
    return document(f"{name}: report of a classifier", body)


def _top(report: Report, found: list[View], name: str, rows: Mapping[str, str]) -> Html:
    parts: list[Child] = [
        e("p.kicker", f"Report of a classifier: {report.task}, {KINDS[report.kind]}"),
        e("h1", user_text(name, 200)),
        [e("p.lead" if i == 0 else "p", result_sentence(view, report)) for i, view in enumerate(found)],
    ]
    if report.notes:
        said = [e("li", user_text(note.message, 600)) for note in report.notes]
        parts.append(e("div.notes", e("h2", "To beware of"), e("ul", said)))
    if rows:
        parts.append(facts((row, user_text(value, 400)) for row, value in rows.items()))
    return e("header", parts)


def _measured(view: View, report: Report, *, main: bool) -> Iterable[Html]:
    """The sections of the figures that come first; of others one section with less in it."""
    measured, labels = view.measured, report.labels
    n = counted(measured.n, "item")
    parts: list[Child] = [e("p", view.caution) if view.caution else None]
    parts.append(figure_table(measured, baseline(view, report)))
    if not labels:
        if view.predictions is not None:
            parts.append(_scatter(view.predictions))
        yield section(f"{view.title}: figures of {n}", *parts)
        return
    classes = class_table(measured, labels, items_per_class(measured, labels))
    if not main:
        yield section(f"{view.title}: figures of {n}", *parts, classes)
        return
    yield section(f"{view.title}: figures of {n}", *parts)
    yield section("By class", classes)
    if measured.confusion:
        yield section("What is taken for what", *confusion_parts(measured, labels, weighted=view.weighted))
    if curves := _reliability(view, labels):
        yield section("Do probabilities mean what they say?", *curves)


def _reliability(view: View, labels: tuple[str, ...]) -> list[Child]:
    """Of the positive class; of more, of what was predicted, and of the most frequent classes."""
    bins, made = view.measured.reliability or {}, view.predictions
    told = (
        "On the dotted diagonal 80\u00a0% are so of the items that are given a probability of 0.8. With 95\u00a0% "
        "intervals of a share (Wilson 1927) of so many items; below, how many items lie in each bin."
    )
    parts: list[Child] = []
    if len(labels) == 2:
        positive = labels[1]
        if positive in bins:
            drawn = plots.reliability(bins[positive], f"Reliability of {positive[:60]}")
            parts.append(e("figure", drawn, e("figcaption", "Probability of “", user_text(positive, 60), "”. ", told)))
    elif made is not None and made.label is not None and made.probabilities is not None:
        place = {label: i for i, label in enumerate(labels)}
        said = np.array([row[place[label]] for label, row in zip(made.label, made.probabilities, strict=True)])
        right = np.array([a == b for a, b in zip(made.label, made.target, strict=True)])
        both = reliability(right, said, np.asarray(made.weight, np.float64))
        drawn = plots.reliability(both, "Reliability of the predicted class")
        parts.append(e("figure", drawn, e("figcaption", "Probability of the class that is predicted. ", told)))
    each = items_per_class(view.measured, labels)
    often = sorted((label for label in bins if len(labels) > 2), key=lambda label: -each.get(label, 0))[:CURVES]
    small = [
        e("figure", e("figcaption", user_text(label, 40)), plots.small_reliability(bins[label], label[:60]))
        for label in often
    ]
    if not parts and not small:
        return []
    which = f"The {CURVES} most frequent classes" if len(labels) > CURVES else "By class"
    shown: list[Child] = [e("div.plots", parts)]
    return (
        [*shown, e("p.soft", f"{which}; a point’s area is its number of items."), e("div.plots.small", small)]
        if small
        else shown
    )


def _scatter(made: Predictions) -> Html:
    """Predicted against true, and what is left over."""
    true, value = [float(target) for target in made.target], list(made.value or ())
    missed = [a - b for a, b in zip(value, true, strict=True)]
    one = plots.scatter(true, value, "Predicted against true", ("true", "predicted"), identity=True)
    two = plots.scatter(
        value, missed, "Residuals against predictions", ("predicted", "predicted \u2212 true"), identity=False
    )
    thinned = len(true) > plots.POINTS
    shown = f" {count(plots.POINTS)} of {count(len(true))} items, drawn at random." if thinned else ""
    return e(
        "div.plots",
        e("figure", one, e("figcaption", f"Predicted against true; dotted: equal.{shown}")),
        e("figure", two, e("figcaption", f"Residuals; dotted: none.{shown}")),
    )


def _curve(report: Report) -> list[Child]:
    epochs, best = report.curve or (), report.best
    score = "R²" if report.task == "continuous" else "accuracy"
    kept = None if best is None else f" The ring marks the epoch that is kept, number {best + 1}."
    loss = e("figcaption", "Loss: training images solid, validation images dashed.", kept)
    rows = [
        [
            str(i),
            plots.STAGES.get(each.stage, each.stage) + (" (kept)" if i - 1 == best else ""),
            number(each.rate),
            number(each.train_loss),
            number(each.validation_loss),
            number(each.score),
            number(each.seconds),
        ]
        for i, each in enumerate(epochs, 1)
    ]
    heads = ["epoch", "what learns", "rate", "training loss", "validation loss", score, "seconds"]
    return [
        e(
            "div.plots",
            e("figure", plots.curve(epochs, best, score=None), loss),
            e("figure", plots.curve(epochs, best, score=score), e("figcaption", f"On the validation images: {score}.")),
        ),
        e("details", e("summary", "Numbers of each epoch"), table(None, heads, rows)),
    ]


def _title_of_worst(report: Report) -> str:
    return "Most confidently wrong" if report.labels else "Farthest off"


def _worst(report: Report, seen: list[View], thumbnails: Mapping[str, bytes]) -> Iterable[Child]:
    found = worst(report, WORST)
    if not found or not seen:
        yield e("p", "Nothing that was measured is wrong." if seen else "Nothing was measured.")
        return
    yield e("p.soft", f"{seen[0].title}: the first {len(found)}.")
    if not any(each.id in thumbnails for each in found):
        heads = ["item", "true", "predicted", *(["probability of that"] if report.labels else ["off by"])]
        yield table(None, heads, [[user_text(each.id, 160), *_said(each)] for each in found])
        yield e("p.soft", "To see pictures here, ask for this page with images of these ids; none are kept.")
        return
    cards = []
    for each in found:
        true, predicted, sure = _said(each)
        blob = thumbnails.get(each.id)
        words = [predicted, f" ({sure}); true: ", true, " ", e("small", user_text(each.id, 60))]
        cards.append(
            e(
                "figure",
                picture(blob, each.id) if blob is not None else e("small", "(no picture)"),
                e("figcaption", words),
            )
        )
    yield e("div.cards", cards)


def _said(each: Worst) -> tuple[Child, Child, Child]:
    if isinstance(each.target, str) or isinstance(each.predicted, str):
        sure = "" if each.confidence is None else percent(each.confidence)
        return user_text(each.target), user_text(each.predicted), sure
    return number(each.target), number(each.predicted), number(each.predicted - each.target)


def _made(report: Report) -> Iterable[Child]:
    rows: list[tuple[Child, Child]] = [("Kind", KINDS[report.kind])]
    if report.start:
        rows.append(("Start", ", ".join(f"{key} {value}" for key, value in report.start.items())))
    rows += [(key, user_text(option_text(value), 300)) for key, value in report.options.items()]
    if report.strength is not None:
        rows.append(("chosen C", f"{report.strength:g}"))
    if report.fold_strengths:
        rows.append(("chosen C of each fold", ", ".join(f"{c:g}" for c in report.fold_strengths)))
    if report.device:
        rows.append(("device", report.device))
    rows.append(("libraries", ", ".join(f"{key} {value}" for key, value in report.libraries.items())))
    rows.append(("time", _time(report.seconds)))
    yield facts(rows)
    if report.strength_losses:
        lost = "mean squared error" if report.task == "continuous" else "log loss"
        yield table(
            f"Choice of C: {lost} out of the inner folds.",
            ["C", lost],
            [[_chosen(c, report.strength), number(loss)] for c, loss in report.strength_losses.items()],
        )


def _chosen(candidate: str, strength: float | None) -> str:
    return f"{candidate} (chosen)" if strength is not None and candidate == f"{strength:g}" else candidate


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{number(seconds)}\u00a0s"
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 7200 else f"{seconds / 3600:.1f}\u00a0h"
