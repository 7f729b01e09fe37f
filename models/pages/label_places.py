"""Position bias on the page of codebook labels."""

from collections.abc import Mapping
from math import nan
from typing import Any

from models.intervals import Figure
from models.pages.document import section
from models.pages.html import (
    Child,
    Html,
    beside,
    count,
    counted,
    e,
    figure,
    gap,
    interval,
    number,
    percent,
    table,
    user_text,
)
from models.pages.plots import Frame, svg

PLOTTED = 12  # places of a plot
Fields = Mapping[str, Any]


def places_section(answer: Fields) -> Html:
    """Shares of the places in the question at which categories were chosen, by variable."""
    text = (
        "The order of the categories was drawn for each item, so that without position bias each place is chosen "
        "equally often (of ordinal categories, whose order is reversed: each two places that change). p is the "
        "probability of shares that are so uneven, or more, without bias, by 9,999 draws of the orders."
    )
    return section("Position of categories", e("p.soft", text), [_variable(each) for each in answer["data"]])


def _variable(each: Fields) -> Html:
    name, places = each["variable"], each["places"]
    rows: list[list[Child]] = []
    for place in places:
        share = _figure(place["share"])
        rows.append(
            [
                str(place["place"]),
                count(place["chosen"]),
                percent(share.value),
                interval(share, share=True),
                percent(place["expected"]),
            ]
        )
    early, late = ("the first", "the last") if each["kind"] == "nominal" else ("the first half", "the last half")
    told: list[Child] = [
        f"{counted(each['questions'], 'answer')} about {counted(each['items'], 'item')}, p = {number(each['p'])}",
        e("b", ", a clear bias") if each["clear"] else None,
        f". Chosen in {early} place minus chosen in {late}: ",
        gap(_figure(each["difference"]), share=True),
        " percentage points.",
    ]
    heads = ["place", "chosen", "share", "95 % interval", "expected"]
    parts: list[Child] = [
        e("h3", user_text(name, 80)),
        e("p", told),
        beside(table(None, heads, rows, name=f"places {name}"), _plot(each) if len(places) <= PLOTTED else None),
    ]
    if each["consistency"] is not None:
        parts.append(_consistency(each["consistency"]))
    parts.append(e("details", e("summary", "By category"), _categories(each)))
    return e("div", parts)


def _plot(each: Fields) -> Html:
    places = each["places"]
    k = len(places)
    ends = [_figure(place["share"]) for place in places]
    top = min(1.0, 1.1 * max(max(end.high for end in ends), *(place["expected"] for place in places)))
    frame = Frame(280, 170, (0.5, k + 0.5), (0, top), left=44, bottom=34)
    marks = [round(0.2 * i, 1) for i in range(6) if 0.2 * i <= top]
    drawn = svg(
        f"Share chosen by place: {each['variable'][:60]}",
        280,
        170,
        frame.axes([*range(1, k + 1)], marks, "place in the question", "share chosen"),
        frame.line("ideal", [(place["place"], place["expected"]) for place in places]),
        [frame.line("line", [(i, end.low), (i, end.high)]) for i, end in enumerate(ends, 1)],
        [frame.dot("dot", i, end.value) for i, end in enumerate(ends, 1)],
    )
    return e("figure", drawn, e("figcaption", "Points: shares with 95\u00a0% intervals; dotted: without bias."))


def _consistency(same: Fields) -> Html:
    rows: list[list[Child]] = [
        ["all", figure(_figure(same["same"]), share=True)],
        [
            "asked in the same order",
            "–" if same["same_order"] is None else figure(_figure(same["same_order"]), share=True),
        ],
        [
            "asked in another order",
            "–" if same["other_order"] is None else figure(_figure(same["other_order"]), share=True),
        ],
        ["all answers of an item alike", figure(_figure(same["unanimous"]), share=True)],
    ]
    title = f"Equal answers about {counted(same['items'], 'item')} that were asked about more than once"
    return table(title, ["pairs of answers", "equal"], rows, name="consistency")


def _categories(each: Fields) -> Html:
    rows: list[list[Child]] = [
        [
            user_text(one["category"], 60),
            count(one["early"]),
            _share(one["share_early"]),
            count(one["late"]),
            _share(one["share_late"]),
            gap(_figure(one["difference"]), share=True),
        ]
        for one in each["categories"]
    ]
    heads = ["category", "asked early", "chosen", "asked late", "chosen", "difference, points"]
    return table(None, heads, rows, name=f"places of categories {each['variable']}")


def _share(value: float | None) -> Child:
    return "–" if value is None else percent(value)


def _figure(value: Fields) -> Figure:
    return Figure(**{end: nan if value[end] is None else float(value[end]) for end in ("value", "low", "high")})
