"""Tables of figures: the main ones beside the baseline, those of each class, and the confusion matrix."""

from collections.abc import Mapping, Sequence
from math import nan

from models.classifiers.report import Measured
from models.intervals import Figure
from models.pages.classifiers.plots import whisker
from models.pages.html import Child, Html, count, e, figure, interval, number, percent, scrolling, table, user_text

MATRIX = 30  # classes up to which the confusion matrix is shown whole
SPACIOUS = 12  # classes up to which its cells have normal size
PAIRS = 30  # most frequent confusions, listed where there are more classes
CLASS_FIGURES = {  # figure → its name, its definition or best value, whether it is a share of items
    "accuracy": ("Accuracy", "share of items that are predicted correctly", True),
    "balanced_accuracy": ("Balanced accuracy", "mean recall of the classes", True),
    "precision_macro": ("Precision", "mean of the classes", True),
    "recall_macro": ("Recall", "mean of the classes", True),
    "f1_macro": ("F1", "mean of the classes; best: 1", False),
    "roc_auc": ("ROC-AUC", "by chance: 0.5, best: 1", False),
    "pr_auc": ("PR-AUC", "average precision; best: 1", False),
    "brier": ("Brier score", "best: 0", False),
    "log_loss": ("Log loss", "best: 0", False),
}
NUMBER_FIGURES = {
    "mae": ("Mean absolute error", "best: 0", False),
    "rmse": ("Root mean squared error", "best: 0", False),
    "r2": ("R²", "predicting the mean: 0, best: 1", False),
    "spearman": ("Spearman’s rank correlation", "best: 1", False),
}
UNDECIDED = "undecided"  # a prediction that is no class, unless somebody coded it
UNKNOWN_FIGURE = Figure(value=nan, low=nan, high=nan)


def figure_table(measured: Measured, baseline: Child) -> Html:
    """The main figures with their intervals beside those of the baseline."""
    rows: list[list[Child]] = []
    plotted = False
    repeated = measured.repeats or {}
    for name, (label, gloss, share) in {**CLASS_FIGURES, **NUMBER_FIGURES}.items():
        estimate, reference = measured.figures.get(name), measured.baseline.get(name)
        if estimate is None:
            continue
        usual = "" if reference is None else percent(reference.value) if share else number(reference.value)
        value = percent(estimate.value) if share else number(estimate.value)
        drawn = None
        if name not in ("log_loss", "mae", "rmse"):
            drawn = whisker(estimate, reference, f"{label} {figure(estimate, share=share)}, baseline {usual}")
        plotted |= drawn is not None
        over = [_range(repeated.get(name, ()), share)] if repeated else []
        title = [label, e("small", " ", gloss)]
        rows.append([title, value, interval(estimate, share=share), *over, usual, drawn])
    shown = [*rows] if plotted else [row[:-1] for row in rows]
    spread = ["range over repeats"] if repeated else []
    last = ["scale from 0 to 1 (ring: baseline)"] if plotted else []
    heads = ["", "value", "95 % interval", *spread, "baseline", *last]
    return table(["Baseline: ", baseline, "."], heads, shown)


def _range(values: Sequence[float | None], share: bool) -> str:
    """The lowest and the highest value of a figure over the repeats of a cross-validation."""
    known = [value for value in values if value is not None]
    return interval(Figure(value=nan, low=min(known), high=max(known)), share=share) if known else ""


def class_table(measured: Measured, labels: Sequence[str], counts: Mapping[str, int]) -> Html:
    """Precision, recall and F1 of each class, with intervals and the number of its items."""
    rows: list[list[Child]] = []
    for label in labels:
        if label == UNDECIDED and not counts.get(label, 0):
            continue
        cells: list[Child] = []
        for name, share in (("precision", True), ("recall", True), ("f1", False)):
            estimate = measured.figures.get(f"{name}[{label}]", UNKNOWN_FIGURE)
            value = percent(estimate.value) if share else number(estimate.value)
            cells.append([value, e("small.interval", interval(estimate, share=share))])
        rows.append([user_text(label), count(counts.get(label, 0)), *cells])
    return table(None, ["class", "n", "precision", "recall", "F1"], rows)


def items_per_class(measured: Measured, labels: Sequence[str]) -> dict[str, int]:
    """The number of measured items of each class."""
    return {label: sum(row) for label, row in zip(labels, measured.confusion or (), strict=False)}


def confusion_parts(measured: Measured, labels: Sequence[str], *, weighted: bool) -> list[Child]:
    """The confusion matrix; for more than `MATRIX` classes the most frequent confusions."""
    counts = measured.confusion or ()
    shares = [_shares(row) for row in (measured.confusion_weighted or counts)]
    kind = "weighted share" if weighted else "share"
    if len(labels) > MATRIX:
        return [_pairs(counts, shares, labels, kind)]
    text = (
        f"Rows are true classes, columns predicted classes. Cells: number of items, and their {kind} of the row in "
        "percent. Empty cells are 0; correct predictions have a frame."
    )
    corner = e("th", "true class ↓, predicted class →", at={"scope": "col"})
    head = e("tr", corner, [_column(label) for label in labels])
    body = []
    for i, label in enumerate(labels):
        if label == UNDECIDED and not sum(counts[i]):
            continue
        cells = [_cell(n, share, i == j) for j, (n, share) in enumerate(zip(counts[i], shares[i], strict=True))]
        body.append(e("tr", e("th", user_text(label, 60), at={"scope": "row"}), cells))
    kinds = "table.matrix" if len(labels) <= SPACIOUS else "table.matrix.many"
    matrix = e(kinds, e("thead", head), e("tbody", body), at={"aria-label": "Confusion matrix"})
    return [e("p.soft", text), scrolling(matrix)]


def _column(label: str) -> Html:
    return e("th.turned", user_text(label, 28), at={"scope": "col", "abbr": label[:60], "title": label[:60]})


def _cell(n: int, share: float, right: bool) -> Html:
    classes = f".h{round(10 * share)}" if n else ""
    return e(f"td{classes}{'.d' if right else ''}", [count(n), e("small", f"{100 * share:.0f}")] if n else None)


def _pairs(
    counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], labels: Sequence[str], kind: str
) -> Html:
    wrong = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n]
    most = sorted(wrong, key=lambda cell: (-cell[0], *cell[1:]))[:PAIRS]
    rows = [[user_text(labels[i]), user_text(labels[j]), count(n), percent(shares[i][j])] for n, i, j in most]
    caption = f"The {len(most)} most frequent of {count(len(wrong))} kinds of error."
    return table(caption, ["true class", "predicted", "items", f"{kind} of the true class"], rows)


def _shares(row: Sequence[float]) -> list[float]:
    total = sum(row)
    return [value / total if total else 0.0 for value in row]
