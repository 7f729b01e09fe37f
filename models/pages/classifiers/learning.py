"""The section on precision: figures by the number of coded items, and the number that an interval needs."""

from models.classifiers.precision import interval_width, items_for_width
from models.classifiers.records import Learning, Spread
from models.errors import ClusteringError
from models.pages.html import Child, Html, count, counted, e, interval, number, percent, table, user_text
from models.pages.plots import Frame, padded_range, svg, ticks

WIDTHS = (0.2, 0.1, 0.05, 0.03, 0.02)
WIDE, HIGH = 340, 230
MOST = 10_000_000
CHOSEN = "trained at the chosen C"


def learning_parts(learning: Learning, *, grouped: bool, fitted: str = CHOSEN) -> list[Child]:
    """The parts of the section, without its heading; `fitted` says how the heads were made."""
    proportion = learning.score == "accuracy"
    last = learning.points[-1]
    label = max(last.width, key=last.width.__getitem__)
    spread = learning.spreads[label]
    score = "accuracy" if proportion else "R²"
    of: Child = ["share of “", user_text(label, 60), "”"] if label else "mean"
    units = "the same share of each class" if proportion else "a random part"
    text = (
        f"Heads were {fitted} on {'whole groups' if grouped else units} of the items, seed "
        f"{learning.seed}, and measured out of fold on all {counted(learning.n, 'item')}; the last point is the "
        "cross-validation of this report. Vertical lines: 95 % intervals."
    )
    title = "Accuracy" if proportion else "R²"
    scores = e("figure", _score(learning, score), e("figcaption", f"{title} by the number of coded items. ", text))
    caption = [
        "Width of the 95 % interval of the ",
        of,
        ", from its lower to its upper limit. Solid: corrected with the classifier (estimate); dashed: by the codes "
        "alone. It holds for coded items that are a random sample of a much larger corpus.",
    ]
    widths = e("figure", _widths(learning, label, spread, proportion), e("figcaption", caption))
    needed = _needed(learning, label, spread, proportion, of)
    return [e("div.beside", scores, widths, needed), _numbers(learning, label, score)]


def _score(learning: Learning, name: str) -> Html:
    points = learning.points
    ends = [end for point in points for end in (point.score.low, point.score.value, point.score.high)]
    low, high = padded_range(ends)
    if learning.score == "accuracy":
        low, high = max(0.0, low), min(1.0, high)
    frame = Frame(WIDE, HIGH, (0, learning.n * 1.04), (low, high), left=50)
    values = "; ".join(f"{count(point.n)}: {point.score.value:.3f}" for point in points)
    return svg(
        f"{name} by the number of coded items. {values}",
        WIDE,
        HIGH,
        frame.axes(_marks(learning.n), ticks(low, high), "coded items", name),
        [frame.line("line", [(point.n, end) for end in (point.score.low, point.score.high)]) for point in points],
        frame.line("line", [(point.n, point.score.value) for point in points]),
        [frame.dot("dot", point.n, point.score.value) for point in points],
    )


def _widths(learning: Learning, label: str, spread: Spread, proportion: bool) -> Html:
    points = [(point.n, point.width[label]) for point in learning.points]
    alone = [
        (point.n, interval_width(spread, point.n, proportion=proportion, corrected=False)) for point in learning.points
    ]
    high = 1.08 * max(width for _, width in (*points, *alone)) or 1.0
    frame = Frame(WIDE, HIGH, (0, learning.n * 1.04), (0, high), left=50)
    values = "; ".join(f"{count(n)}: {width:.3g}" for n, width in points)
    return svg(
        f"Width of the interval by the number of coded items. {values}",
        WIDE,
        HIGH,
        frame.axes(_marks(learning.n), ticks(0, high), "coded items", "width"),
        frame.line("second", alone),
        frame.line("line", points),
        [frame.dot("dot", n, width) for n, width in points],
    )


def _marks(n: int) -> list[float]:
    return [mark for mark in ticks(0, n * 1.04, 4) if mark == int(mark)]


def _needed(learning: Learning, label: str, spread: Spread, proportion: bool, of: Child) -> Html:
    """The number of coded items that intervals of some widths need."""
    now = learning.points[-1].width[label]
    widths = WIDTHS if proportion else tuple(now * part for part in (1, 0.75, 0.5, 0.25))
    rows: list[list[Child]] = []
    for width in widths:
        if width <= 0:
            continue
        corrected = _items(spread, width, proportion, corrected=True)
        alone = _items(spread, width, proportion, corrected=False)
        more = "none" if corrected is not None and corrected <= learning.n else _more(corrected, learning.n)
        shown = f"{width:.3g} (± {width / 2:.3g})"
        rows.append([shown, _or_more(corrected), more, _or_more(alone)])
    caption = ["Coded items for an interval of the ", of, f"; now {count(learning.n)} give a width of {number(now)}."]
    return table(caption, ["width", "with classifier", "more to code", "codes alone"], rows)


def _items(spread: Spread, width: float, proportion: bool, *, corrected: bool) -> int | None:
    try:
        return items_for_width(spread, width, proportion=proportion, corrected=corrected)
    except ClusteringError:  # more than can be counted
        return None


def _or_more(n: int | None) -> str:
    return f"over {count(MOST)}" if n is None or n > MOST else count(n)


def _more(n: int | None, now: int) -> str:
    return f"over {count(MOST)}" if n is None or n > MOST else count(n - now)


def _numbers(learning: Learning, label: str, score: str) -> Html:
    rows: list[list[Child]] = []
    for point in learning.points:
        share = learning.score == "accuracy"
        value = percent(point.score.value) if share else number(point.score.value)
        rows.append([count(point.n), value, interval(point.score, share=share), number(point.width[label])])
    heads = ["coded items", score, "95 % interval", "width"]
    return e("details", e("summary", "Numbers of the learning curve"), table(None, heads, rows))
