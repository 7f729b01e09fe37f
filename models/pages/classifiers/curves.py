"""ROC and precision-recall curves: two plots for two classes, small ones of each class against the rest for more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.classifiers.curves import Curves, class_curves
from models.classifiers.head import Float
from models.classifiers.report import Predictions
from models.pages.html import Child, Html, e, percent, user_text
from models.pages.plots import Frame, svg

CLASSES = 12  # the most frequent classes have curves of their own
SIDE, SMALL = 300, 136
Point = tuple[float, float]


def curve_parts(predictions: Predictions | None, labels: Sequence[str], counts: dict[str, int]) -> list[Child]:
    """The curves of a set of predictions, without the heading; nothing where no class has any."""
    if predictions is None or predictions.probabilities is None or predictions.label is None:
        return []
    scores = np.asarray(predictions.probabilities, np.float64)
    weights = np.asarray(predictions.weight, np.float64)
    target, chosen = np.asarray(predictions.target), np.asarray(predictions.label)
    shown = [labels[1]] if len(labels) == 2 else sorted(labels, key=lambda label: -counts.get(label, 0))[:CLASSES]
    found: list[tuple[str, Curves, Point, float]] = []
    for label in shown:
        true, taken = target == label, chosen == label
        curves = class_curves(true, scores[:, labels.index(label)], weights)
        if curves is None:
            continue
        rate = _share(taken & ~true, ~true, weights), _share(taken & true, true, weights)
        found.append((label, curves, rate, _share(taken & true, taken, weights)))
    if not found:
        return []
    if len(labels) == 2:
        label, curves, rate, precision = found[0]
        name = user_text(label, 60)
        roc = ["ROC curve of “", name, "”: recall against the share of other items that count as “", name, "”."]
        pr = ["Precision-recall curve; dotted: share of “", name, f"” in the items, {percent(curves.prevalence)}."]
        ring = " The ring is the classifier’s threshold."
        return [
            e(
                "div.plots",
                e("figure", _roc(curves, rate, SIDE, label), e("figcaption", roc, ring)),
                e("figure", _pr(curves, rate, precision, SIDE, label), e("figcaption", pr, ring)),
            )
        ]
    which = f"The {CLASSES} most frequent classes" if len(labels) > CLASSES else "Each class"
    text = (
        f"{which} against the rest. Left: ROC, recall against the share of other items that count as the class. "
        "Right: precision against recall; dotted: share of the class. Rings: the items whose most probable class it is."
    )
    drawn = [
        e(
            "figure",
            e("figcaption", user_text(label, 40)),
            e("div.pair", _roc(curves, rate, SMALL, label), _pr(curves, rate, precision, SMALL, label)),
        )
        for label, curves, rate, precision in found
    ]
    return [e("p.soft", text), e("div.plots.small", drawn)]


def _share(part: NDArray[np.bool_], of: NDArray[np.bool_], weights: Float) -> float:
    total = float(weights @ of)
    return float(weights @ part) / total if total else 0.0


def _roc(curves: Curves, at: Point, side: int, label: str) -> Html:
    points = _thinned([(0.0, 0.0), *zip(curves.false_positive.tolist(), curves.recall.tolist(), strict=True)])
    frame, axes = _frame(side, "false positive rate", "recall")
    return svg(
        f"ROC curve of {label[:60]}; at the threshold recall {at[1]:.2f}, false positive rate {at[0]:.2f}",
        side,
        side,
        axes,
        frame.line("ideal", [(0, 0), (1, 1)]),
        frame.line("line", points),
        frame.dot("hollow", *at, 4 if side == SIDE else 3),
    )


def _pr(curves: Curves, at: Point, precision: float, side: int, label: str) -> Html:
    recall, up = curves.recall.tolist(), curves.precision.tolist()
    steps = [(r, p) for start, end, p in zip([0.0, *recall], recall, up, strict=False) for r in (start, end)]
    frame, axes = _frame(side, "recall", "precision")
    return svg(
        f"Precision-recall curve of {label[:60]}; at the threshold recall {at[1]:.2f}, precision {precision:.2f}",
        side,
        side,
        axes,
        frame.line("ideal", [(0, curves.prevalence), (1, curves.prevalence)]),
        frame.line("line", _thinned(steps)),
        frame.dot("hollow", at[1], precision, 4 if side == SIDE else 3),
    )


def _frame(side: int, below: str, beside: str) -> tuple[Frame, list[Child]]:
    if side == SIDE:
        frame, marks = Frame(side, side, (0, 1), (0, 1), left=44, bottom=34), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        return frame, frame.axes(marks, marks, below, beside)
    frame = Frame(side, side, (0, 1), (0, 1), left=26, bottom=18)
    return frame, frame.axes([0.0, 0.5, 1.0], [0.0, 0.5, 1.0], "", "")


def _thinned(points: list[Point]) -> list[Point]:
    """The points without those that would be drawn at the place of the one before."""
    kept = points[:1]
    for point in points[1:]:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= 0.002:
            kept.append(point)
    return [*kept, points[-1]]
