"""The specification curve: the estimate of every configuration, and below it the choices that it is made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.pages.html import Child, Html, e, shortened
from models.pages.plots import NARROW, Frame, padded_range, redrawn, rounded, svg, tick, ticks

Fields = Mapping[str, Any]
WIDE = 900.0
TALL, ROW, LEGEND = 250.0, 13.0, 18.0  # pixels: of the curve, of a value of a choice, and of the legend
MOST_VALUES = 40  # values of a choice that are drawn
STYLE = """
.band { fill: var(--soft); fill-opacity: .13; }
.codes { stroke: var(--soft); fill: none; stroke-dasharray: 5 3; stroke-width: 1.3; }
.spans { stroke: var(--line); fill: none; stroke-opacity: .5; }
.zero { stroke: var(--ink); fill: none; stroke-width: .8; }
.stripe { fill: var(--soft); fill-opacity: .07; }
.chosen { fill: var(--ink); }
.factor { fill: var(--ink); font-weight: 600; }
"""


def curve(answer: Fields, name: str) -> Html:
    """The specification curve for wide and narrow screens; `name` is that of the vertical axis."""
    return redrawn(lambda width: _drawn(answer, name, width), WIDE, NARROW)


def shown_factors(answer: Fields) -> list[Fields]:
    """The choices that differ between configurations, and have few enough values to be drawn."""
    return [each for each in answer["factors"] if 1 < len(each["values"]) <= MOST_VALUES]


def order_of(configurations: Sequence[Fields]) -> list[int]:
    """Places of the configurations in the order of their uncorrected estimates."""
    return sorted(range(len(configurations)), key=lambda i: (configurations[i]["uncorrected"], i))


def _drawn(answer: Fields, name: str, width: float) -> Html:
    wide = width > NARROW
    configurations = answer["configurations"]
    order = order_of(configurations)
    n, left, right = len(order), 210.0 if wide else 118.0, 8.0
    step = (width - left - right) / n
    factors = shown_factors(answer)
    rows = sum(len(each["values"]) + 1.3 for each in factors)
    height = LEGEND + TALL + 10 + rows * ROW

    def across(rank: int) -> float:
        return left + (rank + 0.5) * step

    corrected = [configurations[i]["corrected"] for i in order]
    values = [configurations[i]["uncorrected"] for i in order]
    values += [each[end] for each in corrected if each is not None for end in ("low", "high")]
    classical = answer["classical"]
    if classical is not None:
        values += [classical["low"], classical["high"]]
    if answer["estimand"]["kind"] != "level":
        values.append(0.0)
    frame = Frame(width, LEGEND + TALL, (0, n), padded_range(values), left=left, bottom=4, top=LEGEND + 4, right=right)
    parts = [*_axis(frame, name, left, width - right), *_reference(answer, frame, n)]
    radius = max(1.0, min(3.2, 0.36 * step))
    spans = "".join(
        f"M{rounded(across(rank))} {frame.at(0, each['low'])[1]}V{frame.at(0, each['high'])[1]}"
        for rank, each in enumerate(corrected)
        if each is not None
    )
    if spans:
        parts.append(e("path.spans", at={"d": spans, "stroke-width": rounded(max(0.6, min(2.0, 0.3 * step)))}))
    for rank, i in enumerate(order):
        parts.append(_circle("hollow", across(rank), frame.at(0, configurations[i]["uncorrected"])[1], radius))
    for rank, each in enumerate(corrected):
        if each is not None:
            parts.append(_circle("dot", across(rank), frame.at(0, each["value"])[1], radius))
    parts += _legend(answer, left, wide)
    parts += _choices(answer, factors, order, across, step, left, width - right, 19 if not wide else 36)
    return svg("Estimates by configuration", width, height, *parts)


def _circle(kind: str, x: float, y: float | str, radius: float) -> Html:
    return e(f"circle.{kind}", at={"cx": rounded(x), "cy": y, "r": rounded(radius)})


def _axis(frame: Frame, name: str, left: float, right: float) -> list[Child]:
    parts: list[Child] = []
    for y in ticks(*frame.y):
        at = frame.at(0, y)[1]
        parts.append(e("path.grid", at={"d": f"M{rounded(left)} {at}H{rounded(right)}"}))
        parts.append(frame.text(tick(y), 0, y, anchor="end", dx=-5, dy=4))
    top, bottom = frame.at(0, frame.y[1])[1], frame.at(0, frame.y[0])[1]
    parts.append(e("path.axis", at={"d": f"M{rounded(left)} {top}V{bottom}"}))
    middle = (float(top) + float(bottom)) / 2
    vertical = {"transform": f"translate({rounded(left - 48)} {rounded(middle)}) rotate(-90)", "text-anchor": "middle"}
    return [*parts, e("text.name", name, at=vertical)]


def _reference(answer: Fields, frame: Frame, n: int) -> list[Child]:
    """Zero, where it means no effect, and the estimate by the codes alone with its interval."""
    parts: list[Child] = []
    if (classical := answer["classical"]) is not None:
        (x0, y0), (x1, y1) = frame.at(0, classical["high"]), frame.at(n, classical["low"])
        box = {"x": x0, "y": y0, "width": rounded(float(x1) - float(x0)), "height": rounded(float(y1) - float(y0))}
        parts.append(e("rect.band", at=box))
        parts.append(frame.line("codes", [(0, classical["value"]), (n, classical["value"])]))
    if answer["estimand"]["kind"] != "level":
        parts.append(frame.line("zero", [(0, 0), (n, 0)]))
    return parts


def _legend(answer: Fields, left: float, wide: bool) -> list[Child]:
    entries = [("hollow", "uncorrected")]
    if answer["classical"] is not None:
        entries += [("dot", "corrected"), ("codes", "codes alone")]
    parts: list[Child] = []
    x = left + 6 if wide else 6.0
    for kind, text in entries:
        if kind == "codes":
            parts.append(e("path.codes", at={"d": f"M{rounded(x - 2)} 8h18"}))
            x += 14
        else:
            parts.append(_circle(kind, x + 2, "8", 3.2))
        parts.append(e("text.tick", text, at={"x": rounded(x + 9), "y": "12", "text-anchor": "start"}))
        x += 26 + 5.7 * len(text)
    return parts


def _choices(
    answer: Fields,
    factors: Sequence[Fields],
    order: Sequence[int],
    across: Callable[[int], float],
    step: float,
    left: float,
    right: float,
    most: int,
) -> list[Child]:
    """A row for each value of each choice, with a mark in the columns of the configurations that have it."""
    parts: list[Child] = []
    y = LEGEND + TALL + 10
    tall, thick = 0.62 * ROW, max(0.8, min(6.0, 0.7 * step))
    for factor in factors:
        y += 0.3 * ROW
        at = {"x": rounded(left - 8), "y": rounded(y + 0.78 * ROW), "text-anchor": "end"}
        parts.append(e("text.factor", shortened(factor["name"], most), at=at))
        y += ROW
        for place, one in enumerate(factor["values"]):
            if place % 2 == 0:
                stripe = {"x": rounded(left), "y": rounded(y), "width": rounded(right - left), "height": rounded(ROW)}
                parts.append(e("rect.stripe", at=stripe))
            at = {"x": rounded(left - 8), "y": rounded(y + 0.78 * ROW), "text-anchor": "end"}
            parts.append(e("text.tick", shortened(one["value"], most), at=at))
            marks = "".join(
                f"M{rounded(across(rank) - thick / 2)} {rounded(y + (ROW - tall) / 2)}h{rounded(thick)}"
                f"v{rounded(tall)}h-{rounded(thick)}z"
                for rank, i in enumerate(order)
                if answer["configurations"][i]["choices"][factor["name"]] == one["value"]
            )
            parts.append(e("path.chosen", at={"d": marks}))
            y += ROW
    return parts
