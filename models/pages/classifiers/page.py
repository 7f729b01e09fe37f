"""The report of a classifier as one HTML page."""

from collections.abc import Iterable, Mapping

import numpy as np

from models.classifiers.metrics import reliability
from models.classifiers.report import WITHHELD, Predictions, Report
from models.classifiers.worst import Worst, worst
from models.pages.classifiers import plots
from models.pages.classifiers.curves import curve_parts
from models.pages.classifiers.learning import CHOSEN, learning_parts
from models.pages.classifiers.methods import paragraph
from models.pages.classifiers.sets import kind_of, set_parts, zero_shot_parts
from models.pages.classifiers.tables import MATRIX, class_table, confusion_parts, figure_table, items_per_class
from models.pages.classifiers.training_data import training_data
from models.pages.classifiers.words import View, baseline, counted_rows, definitions, result_sentence, views
from models.pages.document import document, option_text, picture, section
from models.pages.html import Child, Html, counted, e, facts, number, path_text, percent, table, user_text
from models.pages.items import MODES, Mode, mode_note, require_mode

CURVES = 12  # classes, the most frequent ones, with a reliability curve of their own
WORST = 24
KINDS = {"linear": "linear probe", "network": "fine-tuned network"}
NOT_MEASURED = "This report has no predictions to measure."
STYLE = """
@media screen and (min-width: 75rem) { body { max-width: 77rem; } }
.beside { display: flex; flex-wrap: wrap; gap: .4rem 2.4rem; align-items: flex-start; }
.beside > * { min-width: 0; max-width: 100%; }
.beside p, .beside caption { max-width: 30rem; }
.matrix thead th.turned { vertical-align: bottom; padding: .2rem 0; }
.matrix .turned bdi { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; max-height: 11rem; }
.pair { display: flex; gap: .3rem; }
.methods { max-width: 46rem; }
"""


def page(
    report: Report,
    *,
    name: str,
    facts: Mapping[str, str],
    thumbnails: Mapping[str, bytes] | None = None,
    mode: Mode = "thumbnails",
) -> str:
    """Build a self-contained page, without scripts or requests, for screens and A4 paper.

    Parameters
    ----------
    name : name and version of the classifier, such as "posts@3".
    facts : rows of the table at the top, such as the encoder and the time of training.
    thumbnails : id → JPEG, shown beside the most confident errors.
    mode : form of the pictures; "blurred" accepts only thumbnails of which the faces or all were blurred.

    Returns
    -------
    HTML. Text written by users (labels, ids, reasons) is escaped, and shortened where it is very long.
    """
    require_mode(mode, thumbnails or {})
    measured = views(report)
    body: list[Child] = [_top(report, measured, name, facts), section("Training data", *training_data(report))]
    for place, view in enumerate(measured):
        body += _figures(view, report, main=place == 0)
    if not measured:
        body.append(section("Figures", e("p", NOT_MEASURED)))
    if report.zero_shot and report.uncalibrated and report.cross_validated:
        compared = zero_shot_parts(report.zero_shot, report.uncalibrated, report.cross_validated)
        body.append(section("Zero-shot before and after calibration", *compared))
    if report.sets:
        title = "Prediction sets" if report.labels else "Prediction intervals"
        body.append(section(title, *set_parts(report.sets, report.labels)))
    if report.learning:
        parts = learning_parts(
            report.learning, grouped=report.groups is not None, fitted="fitted" if report.zero_shot else CHOSEN
        )
        body.append(section("Number of coded items and precision", *parts))
    if report.curve:
        body.append(section("Learning curve", *_curve(report)))
    title = "Most confident errors" if report.labels else "Largest errors"
    body.append(section(title, *_worst(report, measured, {} if mode == "none" else thumbnails or {}, mode)))
    body.append(section("Methods paragraph", e("p.methods", paragraph(report, measured, facts))))
    body.append(section("Parameters and versions", *_provenance(report)))
    weighted = any(view.weighted for view in measured)
    paragraphs = [e("p", text) for text in definitions(report, weighted=weighted)]
    body.append(section("Definitions of the figures", *paragraphs))
    return document(f"{name}: report of a classifier", body, style=STYLE)


UNUSED = ("strengths", "inner_folds")  # options of a probe that calibrated zero-shot does not have


def _top(report: Report, measured: list[View], name: str, rows: Mapping[str, str]) -> Html:
    parts: list[Child] = [
        e("p.kicker", f"Report of a classifier: {report.task}, {kind_of(report) or KINDS[report.kind]}"),
        e("h1", user_text(name, 200)),
        [e("p.lead" if i == 0 else "p", result_sentence(view, report)) for i, view in enumerate(measured)],
    ]
    if report.notes:
        notes = [e("li", user_text(note.message, 600)) for note in report.notes]
        parts.append(e("div.notes", e("h2", "Caveats"), e("ul", notes)))
    if rows:
        parts.append(facts((row, user_text(value, 400)) for row, value in rows.items()))
    return e("header", parts)


def _figures(view: View, report: Report, *, main: bool) -> Iterable[Html]:
    """The sections of one set of predictions: several for the main set, one short section for another."""
    measured, labels = view.measured, report.labels
    n = counted_rows(view, report)
    parts: list[Child] = [e("p", view.caution) if view.caution else None]
    figures = figure_table(measured, baseline(view, report))
    if not labels:
        parts.append(e("div.beside", figures, _number_plots(view.predictions)))
        yield section(f"{view.title}: figures of {n}", *parts)
        return
    parts.append(figures)
    counts = items_per_class(measured, labels)
    classes = class_table(measured, labels, counts)
    if not main:
        yield section(f"{view.title}: figures of {n}", *parts, classes)
        return
    yield section(f"{view.title}: figures of {n}", *parts)
    if measured.confusion:
        title = "Confusion matrix" if len(labels) <= MATRIX else "Most frequent confusions"
        matrix = confusion_parts(measured, labels, weighted=view.weighted)
        by_class = e("div", e("h3", "Figures by class"), classes)
        yield section("Classes", e("div.beside", by_class, e("div", e("h3", title), matrix)))
    else:
        yield section("Figures by class", classes)
    if drawn := curve_parts(view.predictions, labels, counts):
        yield section("ROC and precision-recall curves", *drawn)
    if curves := _reliability(view, labels):
        yield section("Calibration of probabilities", *curves)


def _number_plots(predictions: Predictions | None) -> list[Child]:
    """Plots of predicted numbers; none where the predictions are not there."""
    if predictions is None:
        return []
    return plots.scatters([float(target) for target in predictions.target], predictions.value or (), "true")


def _reliability(view: View, labels: tuple[str, ...]) -> list[Child]:
    """Reliability curves: of the positive class, or of the predicted class and of the most frequent classes."""
    bins, predictions = view.measured.reliability or {}, view.predictions
    text = (
        "Perfect calibration is the dotted diagonal: 80\u00a0% of the items with a probability of 0.8 belong to the "
        "class. Vertical lines: 95\u00a0% intervals (Wilson 1927); bars below: items in each bin."
    )
    parts: list[Child] = []
    if len(labels) == 2:
        positive = labels[1]
        if positive in bins:
            drawn = plots.reliability(bins[positive], f"Reliability of {positive[:60]}")
            parts.append(e("figure", drawn, e("figcaption", "Probability of “", user_text(positive, 60), "”. ", text)))
    elif predictions is not None and predictions.label is not None and predictions.probabilities is not None:
        place = {label: i for i, label in enumerate(labels)}
        sure = np.array(
            [row[place[label]] for label, row in zip(predictions.label, predictions.probabilities, strict=True)]
        )
        right = np.array([a == b for a, b in zip(predictions.label, predictions.target, strict=True)])
        both = reliability(right, sure, np.asarray(predictions.weight, np.float64))
        drawn = plots.reliability(both, "Reliability of the predicted class")
        parts.append(e("figure", drawn, e("figcaption", "Probability of the predicted class. ", text)))
    counts = items_per_class(view.measured, labels)
    often = sorted((label for label in bins if len(labels) > 2), key=lambda label: -counts.get(label, 0))[:CURVES]
    small = [
        e("figure", e("figcaption", user_text(label, 40)), plots.small_reliability(bins[label], label[:60]))
        for label in often
    ]
    shown: list[Child] = [e("div.plots", parts)] if parts or small else []
    if small:
        which = f"The {CURVES} most frequent classes" if len(labels) > CURVES else "By class"
        caption = f"{which}; the area of a point is proportional to its number of items."
        shown += [e("p.soft", caption), e("div.plots.small", small)]
    return shown


def _curve(report: Report) -> list[Child]:
    epochs, best = report.curve or (), report.best
    score = "R²" if report.task == "continuous" else "accuracy"
    kept = None if best is None else f" The ring marks the epoch that was kept, number {best + 1}."
    loss = e("figcaption", "Loss on training images (solid) and on validation images (dashed).", kept)
    rows = [
        [
            str(i),
            plots.STAGES.get(epoch.stage, epoch.stage) + (" (kept)" if i - 1 == best else ""),
            number(epoch.rate),
            number(epoch.train_loss),
            number(epoch.validation_loss),
            number(epoch.score),
            number(epoch.seconds),
        ]
        for i, epoch in enumerate(epochs, 1)
    ]
    heads = ["epoch", "trained layers", "learning rate", "training loss", "validation loss", score, "seconds"]
    return [
        e(
            "div.plots",
            e("figure", plots.curve(epochs, best, score=None), loss),
            e(
                "figure",
                plots.curve(epochs, best, score=score),
                e("figcaption", f"Score on the validation images: {score}."),
            ),
        ),
        e("details", e("summary", "Numbers of each epoch"), table(None, heads, rows)),
    ]


def _worst(report: Report, measured: list[View], thumbnails: Mapping[str, bytes], mode: Mode) -> Iterable[Child]:
    if report.withheld:
        yield e("p", f"Not shown: {WITHHELD}.")
        return
    errors = worst(report, WORST)
    if not errors or not measured:
        yield e("p", "No prediction that was measured is wrong." if measured else NOT_MEASURED)
        return
    source = next((view for view in measured if view.predictions is report.out_of_fold), measured[0])
    yield e("p.soft", f"{source.title}, {counted(len(errors), 'error')}, largest first.")
    if not any(error.id in thumbnails for error in errors):
        heads = ["item", "true", "predicted", "probability" if report.labels else "error"]
        yield table(None, heads, [[path_text(error.id, 160), *_cells(error)] for error in errors])
        kept = "Images are not kept: to see pictures here, request this page with the images of these ids."
        yield e("p.soft", MODES["none"] if mode == "none" else kept)
        return
    note = mode_note(mode, thumbnails.values())
    yield e("p.soft", note) if note else None
    cards = []
    for error in errors:
        true, predicted, amount = _cells(error)
        jpeg = thumbnails.get(error.id)
        shown = e("small", "(no picture)") if jpeg is None else picture(jpeg, error.id)
        caption = [predicted, f" ({amount}); true: ", true, " ", e("small", path_text(error.id, 60))]
        cards.append(e("figure", shown, e("figcaption", caption)))
    yield e("div.cards", cards)


def _cells(error: Worst) -> tuple[Child, Child, Child]:
    """The true and the predicted label or value, and the probability of the predicted label or the error."""
    if isinstance(error.target, str) or isinstance(error.predicted, str):
        sure = "" if error.confidence is None else percent(error.confidence)
        return user_text(error.target), user_text(error.predicted), sure
    return number(error.target), number(error.predicted), number(error.predicted - error.target)


def _provenance(report: Report) -> Iterable[Child]:
    rows: list[tuple[Child, Child]] = [("Kind", kind_of(report) or KINDS[report.kind])]
    if report.start:
        rows.append(("Starting point", option_text(report.start)))
    unused = UNUSED if report.zero_shot else ()
    rows += [(key, user_text(option_text(value), 300)) for key, value in report.options.items() if key not in unused]
    if report.strength is not None:
        rows.append(("chosen C", f"{report.strength:g}"))
    if report.fold_strengths:
        rows.append(("chosen C by fold", ", ".join(f"{c:g}" for c in report.fold_strengths)))
    if report.device:
        rows.append(("device", report.device))
    rows.append(("libraries", option_text(report.libraries)))
    rows.append(("time", _time(report.seconds)))
    yield facts(rows)
    if report.strength_losses:
        loss_name = "mean squared error" if report.task == "continuous" else "log loss"
        yield table(
            f"Choice of C: {loss_name} on the inner folds.",
            ["C", loss_name],
            [[_chosen(c, report.strength), number(loss)] for c, loss in report.strength_losses.items()],
        )


def _chosen(candidate: str, strength: float | None) -> str:
    return f"{candidate} (chosen)" if strength is not None and candidate == f"{strength:g}" else candidate


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{number(seconds)}\u00a0s"
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 7200 else f"{seconds / 3600:.1f}\u00a0h"
