"""Plots as inline SVG: no script, colours by the page's style sheet, each with a title that says what is in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, isnan, log10

import numpy as np

from models.classifiers.epoch import Epoch
from models.classifiers.metrics import Bin, Figure
from models.classifiers.page_html import Child, Html, count, e, number

POINTS = 2000  # of a scatter plot, at most
STAGES = {"head": "head", "last": "last blocks", "all": "all blocks"}


def svg(title: str, width: float, height: float, *parts: Child) -> Html:
    """A picture that is read out as its title."""
    box = {"role": "img", "viewBox": f"0 0 {_r(width)} {_r(height)}", "width": _r(width), "height": _r(height)}
    return e("svg", e("title", title), *parts, at=box)


@dataclass(frozen=True)
class Frame:
    """A rectangle with two linear axes; margins leave room for their numbers."""

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    left: float = 48
    bottom: float = 36
    top: float = 8
    right: float = 10

    def at(self, x: float, y: float) -> tuple[str, str]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            _r(self.left + across * (self.width - self.left - self.right)),
            _r(self.height - self.bottom - up * (self.height - self.bottom - self.top)),
        )

    def line(self, kind: str, points: Iterable[tuple[float, float]]) -> Html:
        """Through those that are finite."""
        places = (" ".join(self.at(x, y)) for x, y in points if isfinite(x) and isfinite(y))
        return e(f"path.{kind}", at={"d": "M" + "L".join(places)})

    def dot(self, kind: str, x: float, y: float, radius: float = 3) -> Html:
        cx, cy = self.at(x, y)
        return e(f"circle.{kind}", at={"cx": cx, "cy": cy, "r": _r(radius)})

    def text(self, said: str, x: float, y: float, *, anchor: str = "middle", dx: float = 0, dy: float = 0) -> Html:
        left, top = self.at(x, y)
        place = {"x": _r(float(left) + dx), "y": _r(float(top) + dy), "text-anchor": anchor}
        return e("text.tick", said, at=place)

    def axes(self, across: Sequence[float], up: Sequence[float], below: str, beside: str) -> list[Child]:
        """Both, with a grid at the ticks, and what they are of."""
        parts: list[Child] = []
        for x in across:
            parts += [self.line("grid", [(x, self.y[0]), (x, self.y[1])]), self.text(tick(x), x, self.y[0], dy=13)]
        for y in up:
            parts.append(self.line("grid", [(self.x[0], y), (self.x[1], y)]))
            parts.append(self.text(tick(y), self.x[0], y, anchor="end", dx=-5, dy=4))
        parts.append(self.line("axis", [(self.x[0], self.y[1]), (self.x[0], self.y[0]), (self.x[1], self.y[0])]))
        middle = (self.top + self.height - self.bottom) / 2
        along = {"x": _r((self.left + self.width - self.right) / 2), "y": _r(self.height - 5), "text-anchor": "middle"}
        turned = {"transform": f"translate(11 {_r(middle)}) rotate(-90)", "text-anchor": "middle"}
        return [*parts, e("text.name", below, at=along), e("text.name", beside, at=turned)]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`."""
    rough = (high - low) / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough * (1 - 1e-9))
    return [k * step for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def tick(value: float) -> str:
    return f"{value:.10g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else number(value)


def spanned(values: Iterable[float]) -> tuple[float, float]:
    """The range of the finite ones, a little wider; never empty."""
    known = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = 0.04 * (high - low) or abs(low) * 0.1 or 0.5
    return low - room, high + room


def share_bar(share: float, title: str) -> Html:
    """A bar from 0 to 1."""
    return svg(title, 120, 9, e("rect.bar", at={"width": _r(max(0.5, 120 * share)), "height": 9}))


def whisker(found: Figure, baseline: Figure | None, title: str) -> Html | None:
    """A figure with its interval between 0 and 1, and the baseline as a ring; None for a figure that lies elsewhere."""
    if isnan(found.value) or not 0 <= found.value <= 1:
        return None
    frame = Frame(140, 12, (0, 1), (0, 1), left=4, bottom=0, top=0, right=4)
    ends = [] if isnan(found.low) else [(min(1, max(0, end)), 0.5) for end in (found.low, found.high)]
    ring = baseline is not None and 0 <= baseline.value <= 1
    return svg(
        title,
        140,
        12,
        frame.line("grid", [(0, 0.5), (1, 0.5)]),
        [frame.line("grid", [(x, 0.2), (x, 0.8)]) for x in (0, 0.5, 1)],
        frame.dot("hollow", baseline.value, 0.5, 3) if ring and baseline else None,
        frame.line("line", ends) if ends else None,
        frame.dot("dot", found.value, 0.5),
    )


def reliability(bins: Sequence[Bin], title: str) -> Html:
    """How often it is so where it was said to be, with the number of items below; ideally on the diagonal."""
    side, room = 300, 60
    frame = Frame(side, side, (0, 1), (0, 1), left=44, bottom=34)
    below = Frame(side, room, (0, 1), (0, max(each.n for each in bins)), left=44, top=12, bottom=2)
    bars: list[Child] = []
    for each in bins:
        (x0, y0), (x1, y1) = below.at(each.low, each.n), below.at(each.high, 0)
        wide, tall = float(x1) - float(x0) - 1, float(y1) - float(y0)
        bars.append(e("rect.bar", at={"x": x0, "y": y0, "width": _r(wide), "height": _r(max(0.6, tall))}))
        bars.append(below.text(_short(each.n), (each.low + each.high) / 2, each.n, dy=-2))
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    return svg(
        f"{title}: {_spoken(bins)}",
        side,
        side + room,
        frame.axes(marks, marks, "predicted probability", "observed share"),
        frame.line("ideal", [(0, 0), (1, 1)]),
        [frame.line("line", [(each.predicted, end) for end in wilson(each.observed, each.n)]) for each in bins],
        [frame.dot("dot", each.predicted, each.observed) for each in bins],
        e("g", bars, at={"transform": f"translate(0 {side})"}),
    )


def small_reliability(bins: Sequence[Bin], title: str) -> Html:
    """The same, to be seen beside others: points, whose area is the number of items."""
    frame = Frame(132, 126, (0, 1), (0, 1), left=26, bottom=18)
    most = max(each.n for each in bins)
    return svg(
        f"{title}: {_spoken(bins)}",
        132,
        126,
        frame.axes([0.0, 0.5, 1.0], [0.0, 0.5, 1.0], "", ""),
        frame.line("ideal", [(0, 0), (1, 1)]),
        [frame.dot("sized", each.predicted, each.observed, max(1.3, 6 * (each.n / most) ** 0.5)) for each in bins],
    )


def _spoken(bins: Sequence[Bin]) -> str:
    said = "; ".join(f"{count(each.n)} at {each.predicted:.2f}: {each.observed:.2f}" for each in bins)
    return f"items at a mean predicted probability, and the share that is so. {said}"


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `n` (Wilson 1927, JASA 22:209)."""
    z = 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def scatter(
    x: Sequence[float], y: Sequence[float], title: str, names: tuple[str, str], *, identity: bool, seed: int = 0
) -> Html:
    """At most 2,000 points, drawn at random but always the same; with the diagonal, or the line of 0."""
    chosen = np.arange(len(x))
    if len(x) > POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(x), POINTS, replace=False))
    across, up = spanned(x), spanned(y)
    if identity:
        across = up = spanned([*x, *y])
    frame = Frame(340, 320, across, up)
    dots = "".join(f"M{' '.join(frame.at(x[i], y[i]))}h0" for i in chosen.tolist())
    line = [(across[0], up[0]), (across[1], up[1])] if identity else [(across[0], 0.0), (across[1], 0.0)]
    shown = f"{count(len(x))} items" if len(x) <= POINTS else f"{count(POINTS)} of {count(len(x))} items"
    return svg(
        f"{title}, {shown}",
        340,
        320,
        frame.axes(ticks(*across), ticks(*up), *names),
        frame.line("ideal", line) if identity or up[0] <= 0 <= up[1] else None,
        e("path.points", at={"d": dots}),
    )


def histogram(values: Sequence[float], title: str, name: str) -> Html:
    """Of equal bins; how many items in each."""
    heights, edges = np.histogram(values, bins=min(30, max(5, int(len(values) ** 0.5))))
    frame = Frame(420, 130, spanned(values), (0, float(heights.max()) * 1.05))
    bars = []
    for n, low, high in zip(heights.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        (x0, y0), (x1, y1) = frame.at(low, n), frame.at(high, 0)
        place = {
            "x": x0,
            "y": y0,
            "width": _r(max(0.5, float(x1) - float(x0) - 0.7)),
            "height": _r(float(y1) - float(y0)),
        }
        bars.append(e("rect.bar", at=place))
    up = [n for n in ticks(*frame.y, 3) if n == int(n)]
    return svg(title, 420, 130, frame.axes(ticks(*frame.x), up, name, "items"), bars)


def curve(epochs: Sequence[Epoch], best: int | None, *, score: str | None) -> Html:
    """Of both losses; or, where `score` names it, of the score. Stages apart, the kept epoch marked."""
    places = list(range(1, len(epochs) + 1))
    train, validation = [each.train_loss for each in epochs], [each.validation_loss for each in epochs]
    scores = [each.score for each in epochs]
    low, high = spanned(scores if score else [*train, *validation])
    frame = Frame(430, 240, (0.5, len(epochs) + 0.5), (low, high), top=30)
    parts: list[Child] = []
    for i, each in enumerate(epochs):
        if i == 0 or epochs[i - 1].stage != each.stage:
            if i:
                parts.append(frame.line("ideal", [(i + 0.5, low), (i + 0.5, high)]))
            parts.append(frame.text(STAGES.get(each.stage, each.stage), i + 0.5, high, anchor="start", dx=2, dy=-4))
    drawn = [("second", scores)] if score else [("line", train), ("second", validation)]
    parts += [frame.line(kind, zip(places, values, strict=True)) for kind, values in drawn]
    if best is not None:
        kept = (scores if score else validation)[best]
        parts.append(frame.dot("hollow", best + 1, kept, 4.5))
        side = "end" if best > len(epochs) / 2 else "start"
        parts.append(frame.text("kept", best + 1, kept, anchor=side, dx=-7 if side == "end" else 7, dy=-7))
    said = (
        f"{score} on the validation images"
        if score
        else "Loss on training images (solid) and validation images (dashed)"
    )
    across = [x for x in ticks(1, max(2, len(epochs)), 8) if x == int(x)]
    return svg(
        f"{said} over {len(epochs)} epochs" + ("" if best is None else f"; epoch {best + 1} is kept"),
        430,
        240,
        frame.axes(across, ticks(low, high), "epoch", score or "loss"),
        parts,
    )


def _short(n: int) -> str:
    return str(n) if n < 10_000 else f"{n / 1000:.0f}k"


def _r(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
