"""Tables of figures: the main ones beside the baseline, those of each class, and which classes are confused."""

from collections.abc import Mapping, Sequence
from math import nan

from models.classifiers.metrics import Figure
from models.classifiers.report import Measured
from models.pages.classifiers.plots import whisker
from models.pages.html import Child, Html, count, e, figure, interval, number, percent, scrolling, table, user_text

MATRIX = 30  # classes that a confusion matrix is drawn of
SPACIOUS = 12  # classes of which it is easily read
PAIRS = 30  # most confused ones, of more classes
CLASS_FIGURES = {  # name of the figure → in words, what is good, whether it is a share of items
    "accuracy": ("Accuracy", "share that is right", True),
    "balanced_accuracy": ("Balanced accuracy", "mean recall of the classes", True),
    "precision_macro": ("Precision", "mean of the classes", True),
    "recall_macro": ("Recall", "mean of the classes", True),
    "f1_macro": ("F1", "mean of the classes", False),
    "roc_auc": ("ROC-AUC", "0.5 by chance, 1 at best", False),
    "pr_auc": ("PR-AUC", "average precision", False),
    "brier": ("Brier score", "0 at best", False),
    "log_loss": ("Log loss", "0 at best", False),
}
NUMBER_FIGURES = {
    "mae": ("Mean absolute error", "0 at best", False),
    "rmse": ("Root mean squared error", "0 at best", False),
    "r2": ("R²", "0: no better than the mean, 1 at best", False),
    "spearman": ("Spearman’s correlation", "of ranks, 1 at best", False),
}
UNKNOWN_FIGURE = Figure(value=nan, low=nan, high=nan)


def figure_table(measured: Measured, baseline: Child) -> Html:
    """Each with its interval and the baseline's value."""
    rows: list[list[Child]] = []
    plotted = False
    for name, (said, gloss, share) in {**CLASS_FIGURES, **NUMBER_FIGURES}.items():
        found, other = measured.figures.get(name), measured.baseline.get(name)
        if found is None:
            continue
        usual = "" if other is None else percent(other.value) if share else number(other.value)
        value = percent(found.value) if share else number(found.value)
        drawn = None
        if name not in ("log_loss", "mae", "rmse"):
            drawn = whisker(found, other, f"{said} {figure(found, share=share)}, baseline {usual}")
        plotted |= drawn is not None
        rows.append([[said, e("small", " ", gloss)], value, interval(found, share=share), usual, drawn])
    shown = [*rows] if plotted else [row[:-1] for row in rows]
    heads = ["", "value", "95 % interval", "baseline", *(["from 0 to 1 (ring: baseline)"] if plotted else [])]
    return table(["Baseline: ", baseline, "."], heads, shown)


def class_table(measured: Measured, labels: Sequence[str], counts: Mapping[str, int]) -> Html:
    """Precision, recall and F1 of each class, with intervals and how many items it has."""
    rows: list[list[Child]] = []
    for label in labels:
        cells: list[Child] = []
        for name, share in (("precision", True), ("recall", True), ("f1", False)):
            found = measured.figures.get(f"{name}[{label}]", UNKNOWN_FIGURE)
            value = percent(found.value) if share else number(found.value)
            cells.append([value, e("small.interval", interval(found, share=share))])
        rows.append([user_text(label), count(counts.get(label, 0)), *cells])
    return table(None, ["class", "n", "precision", "recall", "F1"], rows)


def items_per_class(measured: Measured, labels: Sequence[str]) -> dict[str, int]:
    """How many items of each class were measured."""
    return {label: sum(row) for label, row in zip(labels, measured.confusion or (), strict=False)}


def confusion_parts(measured: Measured, labels: Sequence[str], *, weighted: bool) -> list[Child]:
    """The confusion matrix; of very many classes the pairs that are confused most."""
    counts = measured.confusion or ()
    shares = [_of_all(row) for row in (measured.confusion_weighted or counts)]
    kind = "weighted share" if weighted else "share"
    if len(labels) > MATRIX:
        return [_pairs(counts, shares, labels, kind)]
    told = (
        f"True classes in rows, predicted ones in columns, by number. Items, and below their {kind} of the row in "
        "percent. Empty cells are 0; what is right is framed."
    )
    head = e("tr", e("th", "true class", at={"scope": "col"}), [_column(i, label) for i, label in enumerate(labels, 1)])
    body = []
    for i, label in enumerate(labels):
        cells = [_cell(n, share, i == j) for j, (n, share) in enumerate(zip(counts[i], shares[i], strict=True))]
        body.append(e("tr", e("th", f"{i + 1} ", user_text(label, 60), at={"scope": "row"}), cells))
    kinds = "table.matrix" if len(labels) <= SPACIOUS else "table.matrix.many"
    matrix = e(kinds, e("thead", head), e("tbody", body), at={"aria-label": "Confusion matrix"})
    return [e("p.soft", told), scrolling(matrix)]


def _column(place: int, label: str) -> Html:
    return e("th", str(place), at={"scope": "col", "abbr": label[:60], "title": label[:60]})


def _cell(n: int, share: float, right: bool) -> Html:
    classes = f".h{round(10 * share)}" if n else ""
    return e(f"td{classes}{'.d' if right else ''}", [count(n), e("small", f"{100 * share:.0f}")] if n else None)


def _pairs(
    counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], labels: Sequence[str], kind: str
) -> Html:
    wrong = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n]
    most = sorted(wrong, key=lambda each: (-each[0], each[1], each[2]))[:PAIRS]
    rows = [[user_text(labels[i]), user_text(labels[j]), count(n), percent(shares[i][j])] for n, i, j in most]
    said = f"The {len(most)} most frequent of {count(len(wrong))} kinds of error."
    return table(said, ["true class", "predicted", "items", f"{kind} of the true class"], rows)


def _of_all(row: Sequence[float]) -> list[float]:
    total = sum(row)
    return [value / total if total else 0.0 for value in row]
