"""Plots of a report as inline SVG: no script, no font but the page's, colours from its style sheet."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from models.classifiers.epoch import Epoch
from models.classifiers.metrics import Bin

SIDE, MARGIN = 240, 34  # of a plot, in user units
POINTS = 2000  # of a scatter plot


def reliability(curve: Sequence[Bin], label: str) -> str:
    """How often a label is there, against the probability it was given; the diagonal is perfect."""
    inner = [_line([(0, 0), (1, 1)], "ideal")]
    most = max((each.n for each in curve), default=1)
    for each in curve:
        size = 2 + 5 * (each.n / most) ** 0.5
        said = f"{each.predicted:.2f} given, {each.observed:.2f} true, {each.n} items"
        inner.append(_dot(each.predicted, each.observed, size, said))
    inner.append(_line([(each.predicted, each.observed) for each in curve], "curve"))
    ticks = {0.0: "0", 0.5: "0.5", 1.0: "1"}
    return _frame(inner, f"Reliability of {label}", "probability given", "share that is true", ticks, ticks)


def scatter(target: Sequence[float], value: Sequence[float]) -> str:
    """Predicted numbers against true ones; at most 2,000 of them, drawn at random with a fixed seed."""
    x, y = np.asarray(target, np.float64), np.asarray(value, np.float64)
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    span = high - low or 1.0
    if len(x) > POINTS:
        kept = np.random.default_rng(0).choice(len(x), POINTS, replace=False)
        x, y = x[kept], y[kept]
    points = zip(((x - low) / span).tolist(), ((y - low) / span).tolist(), strict=True)
    inner = [_line([(0, 0), (1, 1)], "ideal"), *(_dot(a, b, 2, None) for a, b in points)]
    ticks = {place: f"{low + place * span:.3g}" for place in (0.0, 0.5, 1.0)}
    return _frame(inner, "Predicted against true values", "true", "predicted", ticks, ticks)


def learning_curve(curve: Sequence[Epoch], best: int | None) -> str:
    """Loss in training and on the validation images, epoch by epoch; the one that is kept is marked."""
    losses = [loss for each in curve for loss in (each.train_loss, each.validation_loss)]
    top = max(losses) * 1.05 or 1.0
    last = max(len(curve) - 1, 1)
    inner = [
        _line([(i / last, each.train_loss / top) for i, each in enumerate(curve)], "ideal"),
        _line([(i / last, each.validation_loss / top) for i, each in enumerate(curve)], "curve"),
    ]
    if best is not None:
        inner.append(_dot(best / last, curve[best].validation_loss / top, 5, f"epoch {best + 1} is kept"))
    across = {0.0: "1", 1.0: str(len(curve))}
    return _frame(
        inner,
        "Learning curve: dashed in training, solid on validation images",
        "epoch",
        "loss",
        across,
        {0.0: "0", 1.0: f"{top:.2g}"},
    )


def bar(share: float) -> str:
    """A share as a bar beside its number, which says the same."""
    width = 100 * min(max(share, 0.0), 1.0)
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.1f}" height="8"/></svg>'
    )


def _place(x: float, y: float) -> tuple[float, float]:
    return MARGIN + x * SIDE, 8 + (1 - y) * SIDE


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    places = " ".join(f"{a:.1f},{b:.1f}" for a, b in (_place(x, y) for x, y in points))
    return f'<polyline class="{kind}" points="{places}"/>'


def _dot(x: float, y: float, size: float, said: str | None) -> str:
    a, b = _place(x, y)
    title = f"<title>{escape(said)}</title>" if said else ""
    return f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{size:.1f}">{title}</circle>'


def _frame(
    inner: Sequence[str], title: str, below: str, beside: str, across: Mapping[float, str], up: Mapping[float, str]
) -> str:
    ticks = [
        f'<text x="{_place(x, 0)[0]:.0f}" y="{SIDE + 22}" class="mid">{escape(t)}</text>' for x, t in across.items()
    ]
    ticks += [
        f'<text x="{MARGIN - 4}" y="{_place(0, y)[1] + 4:.0f}" class="end">{escape(t)}</text>' for y, t in up.items()
    ]
    middle = MARGIN + SIDE / 2
    return (
        f'<svg class="plot" role="img" viewBox="0 0 {SIDE + MARGIN + 14} {SIDE + 42}" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f'<rect class="frame" x="{MARGIN}" y="8" width="{SIDE}" height="{SIDE}"/>{"".join(inner)}{"".join(ticks)}'
        f'<text x="{middle}" y="{SIDE + 38}" class="mid name">{escape(below)}</text>'
        f'<text class="mid name" transform="translate(10,{8 + SIDE / 2}) rotate(-90)">{escape(beside)}</text></svg>'
    )
