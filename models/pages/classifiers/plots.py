"""Plots of a classifier: reliability of probabilities, predicted against true values, and learning curves."""

from collections.abc import Sequence
from functools import partial
from math import isnan

import numpy as np

from models.classifiers.metrics import Bin
from models.classifiers.records import Epoch
from models.intervals import Figure, wilson
from models.pages.html import MINUS, Child, Html, count, counted, e
from models.pages.plots import Frame, padded_range, redrawn, rounded, svg, ticks

POINTS = 2000  # points in a scatter plot, at most
STAGES = {"head": "head", "last": "last blocks", "all": "all blocks"}


def whisker(estimate: Figure, baseline: Figure | None, title: str) -> Html | None:
    """A figure and its interval on a line from 0 to 1, the baseline as a ring; None for a figure out of that range."""
    if isnan(estimate.value) or not 0 <= estimate.value <= 1:
        return None
    frame = Frame(140, 12, (0, 1), (0, 1), left=4, bottom=0, top=0, right=4)
    ends = [] if isnan(estimate.low) else [(min(1, max(0, end)), 0.5) for end in (estimate.low, estimate.high)]
    ring = baseline is not None and 0 <= baseline.value <= 1
    return svg(
        title,
        140,
        12,
        frame.line("grid", [(0, 0.5), (1, 0.5)]),
        [frame.line("grid", [(x, 0.2), (x, 0.8)]) for x in (0, 0.5, 1)],
        frame.dot("hollow", baseline.value, 0.5, 3) if ring and baseline else None,
        frame.line("line", ends) if ends else None,
        frame.dot("dot", estimate.value, 0.5),
    )


def reliability(bins: Sequence[Bin], title: str) -> Html:
    """A reliability curve: observed share by predicted probability, with the number of items in each bin below."""
    side, histogram_height = 300, 60
    frame = Frame(side, side, (0, 1), (0, 1), left=44, bottom=34)
    below = Frame(side, histogram_height, (0, 1), (0, max(bin.n for bin in bins)), left=44, top=12, bottom=2)
    bars: list[Child] = []
    for bin in bins:
        (x0, y0), (x1, y1) = below.at(bin.low, bin.n), below.at(bin.high, 0)
        wide, tall = float(x1) - float(x0) - 1, float(y1) - float(y0)
        bars.append(e("rect.bar", at={"x": x0, "y": y0, "width": rounded(wide), "height": rounded(max(0.6, tall))}))
        bars.append(below.text(_short(bin.n), (bin.low + bin.high) / 2, bin.n, dy=-2))
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    return svg(
        f"{title}: {_spoken(bins)}",
        side,
        side + histogram_height,
        frame.axes(marks, marks, "predicted probability", "observed share"),
        frame.line("ideal", [(0, 0), (1, 1)]),
        [frame.line("line", [(bin.predicted, end) for end in _ends(bin)]) for bin in bins],
        [frame.dot("dot", bin.predicted, bin.observed) for bin in bins],
        e("g", bars, at={"transform": f"translate(0 {side})"}),
    )


def _ends(bin: Bin) -> tuple[float, float]:
    """The interval of a bin's observed share; reports of earlier versions lack it."""
    if bin.observed_low is None or bin.observed_high is None:
        return wilson(bin.observed, bin.n)
    return bin.observed_low, bin.observed_high


def small_reliability(bins: Sequence[Bin], title: str) -> Html:
    """A small reliability curve: points whose area is proportional to the number of items."""
    frame = Frame(132, 126, (0, 1), (0, 1), left=26, bottom=18)
    most = max(bin.n for bin in bins)
    return svg(
        f"{title}: {_spoken(bins)}",
        132,
        126,
        frame.axes([0.0, 0.5, 1.0], [0.0, 0.5, 1.0], "", ""),
        frame.line("ideal", [(0, 0), (1, 1)]),
        [frame.dot("sized", bin.predicted, bin.observed, max(1.3, 6 * (bin.n / most) ** 0.5)) for bin in bins],
    )


def _spoken(bins: Sequence[Bin]) -> str:
    values = "; ".join(f"{count(bin.n)} at {bin.predicted:.2f}: {bin.observed:.2f}" for bin in bins)
    return f"items at a mean predicted probability, and the observed share. {values}"


def scatters(true: Sequence[float], predicted: Sequence[float], word: str, n: int | None = None) -> list[Child]:
    """Predicted against true values and residuals against predictions, as figures with captions.

    Parameters
    ----------
    word : the word for true values, such as "coded".
    n : number of items of which these are a random sample; None: all.
    """
    names = (f"{word} value", "predicted value")
    errors = (names[1], f"predicted {MINUS} {names[0]}")
    residuals = [a - b for a, b in zip(predicted, true, strict=True)]
    whole = len(true) if n is None else n
    shown = f" A random sample of {count(POINTS)} of {count(whole)} items." if whole > POINTS else ""
    values = partial(scatter, true, predicted, f"Predicted against {word}", names, identity=True)
    rest = partial(scatter, predicted, residuals, "Residuals against predictions", errors, identity=False)
    return [
        e(
            "figure",
            redrawn(values, 380),
            e("figcaption", f"Predicted against {word} values; dotted: equality.{shown}"),
        ),
        e("figure", redrawn(rest, 380), e("figcaption", f"Residuals against predictions; dotted: no error.{shown}")),
    ]


def scatter(
    x: Sequence[float],
    y: Sequence[float],
    title: str,
    names: tuple[str, str],
    width: float = 340,
    *,
    identity: bool,
    seed: int = 0,
) -> Html:
    """A scatter plot of at most 2,000 points, a random sample by `seed`, with the diagonal or the line y = 0."""
    chosen = np.arange(len(x))
    if len(x) > POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(x), POINTS, replace=False))
    across, up = padded_range(x), padded_range(y)
    if identity:
        across = up = padded_range([*x, *y])
    frame = Frame(width, width - 20, across, up)
    dots = "".join(f"M{' '.join(frame.at(x[i], y[i]))}h0" for i in chosen.tolist())
    line = [(across[0], up[0]), (across[1], up[1])] if identity else [(across[0], 0.0), (across[1], 0.0)]
    shown = counted(len(x), "item") if len(x) <= POINTS else f"{count(POINTS)} of {count(len(x))} items"
    return svg(
        f"{title}, {shown}",
        width,
        width - 20,
        frame.axes(ticks(*across), ticks(*up), *names),
        frame.line("ideal", line) if identity or up[0] <= 0 <= up[1] else None,
        e("path.points", at={"d": dots}),
    )


def histogram(values: Sequence[float], title: str, name: str) -> Html:
    """A histogram of the number of items in bins of equal width."""
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
    """Both losses by epoch, or the score where `score` names it; stages are divided, the kept epoch is marked."""
    places = list(range(1, len(epochs) + 1))
    train, validation = [epoch.train_loss for epoch in epochs], [epoch.validation_loss for epoch in epochs]
    scores = [epoch.score for epoch in epochs]
    low, high = padded_range(scores if score else [*train, *validation])
    frame = Frame(430, 240, (0.5, len(epochs) + 0.5), (low, high), top=30)
    parts: list[Child] = []
    for i, epoch in enumerate(epochs):
        if i == 0 or epochs[i - 1].stage != epoch.stage:
            if i:
                parts.append(frame.line("ideal", [(i + 0.5, low), (i + 0.5, high)]))
            parts.append(frame.text(STAGES.get(epoch.stage, epoch.stage), i + 0.5, high, anchor="start", dx=2, dy=-4))
    drawn = [("second", scores)] if score else [("line", train), ("second", validation)]
    parts += [frame.line(kind, zip(places, values, strict=True)) for kind, values in drawn]
    if best is not None:
        kept = (scores if score else validation)[best]
        parts.append(frame.dot("hollow", best + 1, kept, 4.5))
        side = "end" if best > len(epochs) / 2 else "start"
        parts.append(frame.text("kept", best + 1, kept, anchor=side, dx=-7 if side == "end" else 7, dy=-7))
    subject = f"{score} on the validation images" if score else "Loss on training and validation images (dashed)"
    across = [x for x in ticks(1, max(2, len(epochs)), 8) if x == int(x)]
    return svg(
        f"{subject} over {counted(len(epochs), 'epoch')}" + ("" if best is None else f"; epoch {best + 1} is kept"),
        430,
        240,
        frame.axes(across, ticks(low, high), "epoch", score or "loss"),
        parts,
    )


def _short(n: int) -> str:
    return str(n) if n < 10_000 else f"{n / 1000:.0f}k"
