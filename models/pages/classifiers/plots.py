"""A classifier's plots: how far probabilities hold, what was predicted against what is so, how training went."""

from collections.abc import Sequence
from math import isnan

import numpy as np

from models.classifiers.epoch import Epoch
from models.classifiers.metrics import Bin, Figure
from models.pages.html import Child, Html, count, e
from models.pages.plots import Frame, padded_range, rounded, svg, ticks

POINTS = 2000  # of a scatter plot, at most
STAGES = {"head": "head", "last": "last blocks", "all": "all blocks"}


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
        bars.append(e("rect.bar", at={"x": x0, "y": y0, "width": rounded(wide), "height": rounded(max(0.6, tall))}))
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
    across, up = padded_range(x), padded_range(y)
    if identity:
        across = up = padded_range([*x, *y])
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
    frame = Frame(420, 130, padded_range(values), (0, float(heights.max()) * 1.05))
    bars = []
    for n, low, high in zip(heights.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        (x0, y0), (x1, y1) = frame.at(low, n), frame.at(high, 0)
        place = {
            "x": x0,
            "y": y0,
            "width": rounded(max(0.5, float(x1) - float(x0) - 0.7)),
            "height": rounded(float(y1) - float(y0)),
        }
        bars.append(e("rect.bar", at=place))
    up = [n for n in ticks(*frame.y, 3) if n == int(n)]
    return svg(title, 420, 130, frame.axes(ticks(*frame.x), up, name, "items"), bars)


def curve(epochs: Sequence[Epoch], best: int | None, *, score: str | None) -> Html:
    """Of both losses; or, where `score` names it, of the score. Stages apart, the kept epoch marked."""
    places = list(range(1, len(epochs) + 1))
    train, validation = [each.train_loss for each in epochs], [each.validation_loss for each in epochs]
    scores = [each.score for each in epochs]
    low, high = padded_range(scores if score else [*train, *validation])
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
