"""The report of a classifier as one HTML page, to be read, printed, and put beside a paper."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

import numpy as np

from models.classifiers import page_plots as plots
from models.classifiers.metrics import Figure
from models.classifiers.page_style import STYLE
from models.classifiers.report import Measured, Report
from models.classifiers.worst import worst

MATRIX = 30  # classes that a confusion matrix is still readable with
CURVES = 12  # reliability plots
LONGEST = 80  # characters of a label or id
NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision_macro": "Precision, macro",
    "recall_macro": "Recall, macro",
    "f1_macro": "F1, macro",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "spearman": "Spearman correlation",
}
SHARES = frozenset({"accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"})


def page(report: Report, *, name: str, facts: Mapping[str, str], thumbnails: Mapping[str, bytes] | None = None) -> str:
    """One HTML file, which loads nothing.

    Parameters
    ----------
    name : "posts@3".
    facts : for the table at the top: what it was made with.
    thumbnails : id → JPEG bytes, for the most confidently wrong items.
    """
    parts = [
        f"<h1>{_said(name)}</h1>",
        f'<p class="lead">{_lead(report)}</p>',
        *_notes(report),
        _table((), ((key, value) for key, value in facts.items())),
        "<h2>What was learnt from</h2>",
        *_material(report),
        *(part for title, measured in _measurements(report) for part in _figures(report, title, measured)),
        *_curve(report),
        *_worst(report, thumbnails or {}),
        *_making(report),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_said(name)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _measurements(report: Report) -> list[tuple[str, Measured]]:
    """The honest figures first."""
    found = [
        ("Out of fold", report.cross_validated),
        ("Held-out items" if report.kind == "linear" else "Test images", report.held_out),
        ("Validation images, which the epoch to stop at was chosen by", report.validation),
    ]
    return [(title, measured) for title, measured in found if measured is not None]


def _lead(report: Report) -> str:
    measurements = _measurements(report)
    if not measurements:
        return "Nothing was measured."
    title, measured = measurements[0]
    where = {"Out of fold": "Out of fold", "Test images": "Of the test images"}.get(title, f"Of the {title.lower()}")
    if report.task == "continuous":
        error, usual = measured.figures["mae"], measured.baseline["mae"]
        return (
            f"{where}, predictions are off by {_number(error)} on average; the mean of everything would be off by "
            f"{usual.value:.3g}."
        )
    right, usual = measured.figures["accuracy"], measured.baseline["accuracy"]
    common = max(report.counts, key=lambda label: report.counts[label])
    return (
        f"{where}, {_percent(right)} are right; the most frequent label for everything (“{_said(common)}”) would be "
        f"right in {100 * usual.value:.1f} %."
    )


def _notes(report: Report) -> Iterator[str]:
    if report.notes:
        yield "<aside><h2>Beware</h2><ul>"
        yield from (f"<li>{escape(note.message)}</li>" for note in report.notes)
        yield "</ul></aside>"


def _material(report: Report) -> Iterator[str]:
    groups = "" if report.groups is None else f" in {report.groups:,} groups"
    bounds = "" if report.bounds is None else f"; values from {report.bounds[0]:g} to {report.bounds[1]:g}"
    yield f"<p>{report.n:,} coded items{groups}{bounds}.</p>"
    if report.labels:
        total = sum(report.counts.values()) or 1
        shares = (
            (_Html(_said(label)), f"{n:,}", _Html(f"{100 * n / total:.1f} % {plots.bar(n / total)}"))
            for label, n in report.counts.items()
        )
        yield _table(("Label", "Items", "Share"), shares)
    if report.dropped:
        reasons = Counter(each.code for each in report.dropped)
        first = {each.code: each.reason for each in reversed(report.dropped)}
        yield "<h3>Left out</h3>"
        yield _table(("Items", "Why"), ((f"{n:,}", f"{code}: {first[code]}") for code, n in reasons.most_common()))
    agreement = (report.codes or {}).get("agreement")
    if report.codes is not None:
        yield f"<h3>Coders</h3><p>Targets: {escape(str(report.codes.get('rule_in_words', '')))}.</p>"
    if agreement:
        named = {"percent": "Agreement of pairs", "kappa": "Cohen’s kappa", "alpha": "Krippendorff’s alpha"}
        rows = ((said, _plain(Figure(**agreement[key]))) for key, said in named.items() if agreement.get(key))
        yield _table((f"{len(agreement['coders'])} coders", "with 95 % interval"), rows)


def _figures(report: Report, title: str, measured: Measured) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2><p>{measured.n:,} items; 95 % intervals in brackets.</p>"
    rows = []
    for key, said in NAMES.items():
        if key in measured.figures:
            form = _percent if key in SHARES else _plain
            rows.append((said, form(measured.figures[key]), form(measured.baseline[key])))
    yield _table(("", "Classifier", "Baseline"), rows)
    if report.labels:
        yield "<h3>By label</h3>"
        yield _table(("Label", "Items", "Precision", "Recall", "F1"), _by_label(report, measured))
        yield from _confusion(report, measured)
        yield from _reliability(measured)
    own = {"Out of fold": report.out_of_fold, "Held-out items": report.held_out_predictions}.get(title)
    own = own or report.held_out_predictions or report.validation_predictions
    if not report.labels and own is not None and own.value is not None:
        yield f"<figure>{plots.scatter([float(t) for t in own.target], own.value)}</figure>"


def _by_label(report: Report, measured: Measured) -> Iterator[Sequence[object]]:
    matrix = measured.confusion or ()
    for i, label in enumerate(report.labels):
        figures = (measured.figures[f"{kind}[{label}]"] for kind in ("precision", "recall", "f1"))
        yield (_Html(_said(label)), f"{sum(matrix[i]) if matrix else 0:,}", *(_percent(figure) for figure in figures))


def _confusion(report: Report, measured: Measured) -> Iterator[str]:
    if measured.confusion is None:
        return
    counts = np.asarray(measured.confusion)
    if len(report.labels) > MATRIX:
        order = np.argsort(-(counts - np.diag(np.diag(counts))), axis=None, kind="stable")[:20]
        pairs = [divmod(int(place), len(counts)) for place in order]
        yield "<h3>Most confused</h3>"
        yield _table(
            ("True", "Predicted", "Items"),
            (
                (_Html(_said(report.labels[i])), _Html(_said(report.labels[j])), f"{counts[i, j]:,}")
                for i, j in pairs
                if i != j and counts[i, j]
            ),
        )
        return
    yield "<h3>Confusion</h3>"
    yield "<p>Counts; true labels in rows, predicted ones in columns; the shade is the row’s share.</p>"
    head = "".join(f'<th scope="col">{_said(label)}</th>' for label in report.labels)
    yield f'<div class="wide"><table class="matrix"><thead><tr><td></td>{head}</tr></thead><tbody>'
    for label, row in zip(report.labels, counts, strict=True):
        total = max(int(row.sum()), 1)
        cells = "".join(f'<td style="--share:{n / total:.3f}">{f"{n:,}" if n else "·"}</td>' for n in row.tolist())
        yield f'<tr><th scope="row">{_said(label)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _reliability(measured: Measured) -> Iterator[str]:
    curves = list((measured.reliability or {}).items())
    if not curves:
        return
    yield "<h3>Reliability</h3>"
    yield "<p>Where points lie on the diagonal, a probability of 0.7 is right in 70 %. Larger: more items.</p>"
    yield '<div class="plots">'
    for label, curve in curves[:CURVES]:
        yield f"<figure>{plots.reliability(curve, _short(label))}<figcaption>{_said(label)}</figcaption></figure>"
    yield "</div>"
    if len(curves) > CURVES:
        yield f"<p>The other {len(curves) - CURVES} labels are in the JSON report.</p>"


def _curve(report: Report) -> Iterator[str]:
    if not report.curve:
        return
    kept = "" if report.best is None else f"; epoch {report.best + 1} is kept"
    yield f"<h2>Learning curve</h2><p>{len(report.curve)} epochs{kept}. Dashed: in training. Solid: validation.</p>"
    yield f"<figure>{plots.learning_curve(report.curve, report.best)}</figure>"


def _worst(report: Report, thumbnails: Mapping[str, bytes]) -> Iterator[str]:
    found = worst(report)
    if not found:
        return
    yield "<h2>Most confidently wrong</h2>"
    if not thumbnails:
        yield "<p>To see them, send these images with the request for this page, as the Python package does.</p>"
    yield '<div class="worst">'
    for each in found:
        picture = thumbnails.get(each.id)
        image = ""
        if picture is not None:
            image = f'<img alt="{_said(each.id)}" src="data:image/jpeg;base64,{b64encode(picture).decode()}">'
        sure = "" if each.confidence is None else f", {100 * each.confidence:.0f} % sure"
        said = f"{_value(each.predicted)}{sure}<br>coded {_value(each.target)}"
        yield f'<figure>{image}<figcaption><b>{said}</b><span class="id">{_said(each.id)}</span></figcaption></figure>'
    yield "</div>"


def _making(report: Report) -> Iterator[str]:
    yield "<h2>How it was made</h2>"
    rows: list[tuple[str, str]] = [(key, str(value)) for key, value in report.options.items()]
    if report.strength is not None:
        rows.append(("chosen C", f"{report.strength:g}"))
        rows.append(("chosen C of each fold", ", ".join(f"{each:g}" for each in report.fold_strengths or ())))
    if report.start:
        rows.append(("began as", ", ".join(f"{key} {value}" for key, value in report.start.items())))
    if report.device:
        rows.append(("device", report.device))
    rows.append(("libraries", ", ".join(f"{key} {value}" for key, value in report.libraries.items())))
    rows.append(("seconds", f"{report.seconds:.1f}"))
    yield _table((), rows)
    unit = "items" if report.groups is None else "groups"
    if report.kind == "linear":
        yield (
            "<p>Out of fold: each item is predicted by a model that was learnt, tuned and calibrated without its fold "
            "(nested cross-validation). "
        )
    else:
        yield "<p>Test images were used for nothing but these figures. "
    yield (
        f"Intervals are percentiles of a bootstrap over {unit}; they leave out what another sample of coders would "
        "have said. Weights, where given, are in every figure. The baseline says the most frequent label, or the mean, "
        "of everything.</p>"
    )


class _Html(str):
    """Markup that is escaped already."""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>{"".join(f"<td>{_cell(each)}</td>" for each in row[1:])}</tr>'
        for row in rows
    )
    above = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f'<div class="wide"><table>{above}<tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    return value if isinstance(value, _Html) else escape(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _said(text: str) -> str:
    """A caller's text: escaped, not at any length, and in its own direction."""
    return f'<bdi title="{escape(text[:1000])}">{escape(_short(text))}</bdi>' if len(text) > LONGEST else escape(text)


def _value(value: str | float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"“{_said(value)}”"


def _percent(figure: Figure) -> str:
    if np.isnan(figure.value):
        return "–"
    return f"{100 * figure.value:.1f} % [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _plain(figure: Figure) -> str:
    return "–" if np.isnan(figure.value) else _number(figure)


def _number(figure: Figure) -> str:
    return f"{figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"
