"""The page of differences between groups of coders: overall, agreement, and the items on which groups differ most."""

from collections.abc import Mapping
from itertools import groupby
from math import nan
from typing import Any

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, count, counted, e, figure, gap, number, percent, table, user_text
from models.pages.items import PICTURES, STYLE, Items, expect

PER_PAIR = 48  # items of each two groups that are shown


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Ids of the items that differ, of which a page may show pictures or texts."""
    return list(dict.fromkeys(each["item"] for each in answer["items"]))


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/coder-groups.

    Raises
    ------
    PageError : groups that are compared and not listed.
    """
    names = {each["group"] for each in answer["groups"]}
    for kind in ("overall", "between", "items"):
        for i, each in enumerate(answer[kind]):
            expect({each["a"], each["b"]} <= names, f"{kind}[{i}]: has a group that is not in groups")
    title = f"Differences between {counted(len(names), 'group')} of coders"
    body: list[Child] = [_top(answer, items, title), _overall(answer), _agreement(answer)]
    if answer["items"]:
        body.append(_items(answer, items))
    body.append(methods_section(paragraph(answer)))
    return document(title, body, style=STYLE)


def _figure(value: Mapping[str, Any] | None, *, share: bool) -> Child:
    return "–" if value is None else figure(_read(value), share=share)


def _read(value: Mapping[str, Any]) -> Figure:
    return Figure(**{name: nan if value.get(name) is None else float(value[name]) for name in ("value", "low", "high")})


def _value(value: float, each: Mapping[str, Any]) -> Child:
    return number(value) if each["category"] is None else percent(value)


def _top(answer: Mapping[str, Any], items: Items, title: str) -> Html:
    parts: list[Child] = [e("p.kicker", "Report of differences in annotation"), e("h1", title)]
    largest = max(answer["overall"], key=lambda each: abs(each["difference"]["value"] or 0), default=None)
    if largest is not None:
        what = "the mean code" if largest["category"] is None else ["the share of ", user_text(largest["category"], 60)]
        shares = [_value(largest["value_a"], largest), " and ", _value(largest["value_b"], largest)]
        pair: list[Child] = [user_text(largest["a"], 60), " and ", user_text(largest["b"], 60)]
        share = largest["category"] is not None
        size: list[Child] = [gap(_read(largest["difference"]), share=share), " percentage points" if share else None]
        parts.append(e("p.lead", pair, " differ the most in ", what, ": ", shares, ", a difference of ", size, "."))
    parts += [items.note() if answer["items"] else None, caveats([*answer["remarks"], *items.remarks])]
    rows: list[list[Child]] = [
        [
            user_text(each["group"], 80),
            count(len(each["coders"])),
            count(each["codes"]),
            count(each["items"]),
            _figure(each["percent"], share=True),
            _figure(each["alpha"], share=False),
        ]
        for each in answer["groups"]
    ]
    heads = ["group", "coders", "codes", "items", "percent agreement within", "alpha within"]
    return e("header", parts, table(None, heads, rows, name="groups"))


def _overall(answer: Mapping[str, Any]) -> Html:
    rows: list[list[Child]] = []
    for each in answer["overall"]:
        share = each["category"] is not None
        rows.append(
            [
                [user_text(each["a"], 60), " minus ", user_text(each["b"], 60)],
                user_text(each["category"], 80) if share else "mean",
                count(each["items"]),
                _value(each["value_a"], each),
                _value(each["value_b"], each),
                gap(_read(each["difference"]), share=share),
                gap(_read(each["difference_of_items"]), share=share),
            ]
        )
    text = (
        "Means over the items that both groups have coded. Coders are what is drawn: the first interval is for other "
        "coders of the same groups and these items, the second for other items too, which is somewhat too wide. "
        "Differences of shares are in percentage points."
    )
    heads = ["groups", "code", "items", "first", "second", "difference", "difference, other items too"]
    return section("Overall differences", e("p", text), table(None, heads, rows, name="overall"))


def _agreement(answer: Mapping[str, Any]) -> Html:
    rows: list[list[Child]] = [
        [
            [user_text(each["a"], 60), " with ", user_text(each["b"], 60)],
            count(each["items"]),
            _figure(each["percent"], share=True),
            _figure(each["kappa"], share=False),
        ]
        for each in answer["between"]
    ]
    text = (
        "The probability that a coder of each group give an item the same code, and kappa: 1 minus observed over "
        "expected disagreement. Compare it with the agreement within the groups, above."
    )
    heads = ["groups", "items", "percent agreement between", "kappa between"]
    return section("Agreement between groups", e("p", text), table(None, heads, rows, name="between"))


def _items(answer: Mapping[str, Any], items: Items) -> Html:
    blocks: list[Child] = []
    ordered = sorted(answer["items"], key=lambda each: (each["a"], each["b"]))  # stable: by distance within
    pairs = [(pair, list(them)) for pair, them in groupby(ordered, key=lambda each: (each["a"], each["b"]))]
    per = min(PER_PAIR, max(6, PICTURES // max(1, len(pairs))))
    for (a, b), them in pairs:
        tiles = items.tiles(items.tile(each["item"], *_lines(each)) for each in them[:per])
        more = len(them) - per
        rest = e("p.soft", f"and {counted(more, 'further item')} in the answer") if more > 0 else None
        blocks += [e("h3", user_text(a, 60), " and ", user_text(b, 60)), tiles, rest]
    text = (
        "The largest distance first: half the sum of the absolute differences of all shares, or the absolute "
        "difference of means. Differences of shares are in percentage points, with intervals for other coders, each at "
        "95 % by itself."
    )
    return section("Items on which groups differ the most", e("p.soft", text), blocks, items.limit_note())


def _lines(each: Mapping[str, Any]) -> list[Child]:
    share = each["category"] is not None
    lines: list[Child] = [e("b", user_text(each["category"], 40))] if share else []
    for group, value, codes in (("a", "value_a", "codes_a"), ("b", "value_b", "codes_b")):
        lines.append(
            [user_text(each[group], 30), ": ", _value(each[value], each), f" of {counted(each[codes], 'code')}"]
        )
    return [*lines, ["difference ", gap(_read(each["difference"]), share=share)]]


def _plain(child: Child) -> str:
    """Numbers and brackets as text."""
    return "" if child is None else child if isinstance(child, str) else "".join(map(_plain, child))


def paragraph(answer: Mapping[str, Any]) -> str:
    """Method and result in the past tense, with the figures of this answer."""
    groups = [f"{each['group']} ({counted(len(each['coders']), 'coder')})" for each in answer["groups"]]
    sentences = [f"The codes of {len(groups)} groups of coders were compared: {', '.join(groups)}."]
    for each in answer["overall"][:10]:
        share = each["category"] is not None
        what = f"the share of “{each['category']}”" if share else "the mean code"
        value = f"{_plain(gap(_read(each['difference']), share=share))}{' percentage points' if share else ''}"
        sentences.append(
            f"On {counted(each['items'], 'item')} that both coded, {what} of {each['a']} minus that of {each['b']} was "
            f"{value}."
        )
    sentences.append(
        "Intervals are at 95 %, by a jackknife over coders within groups with Student’s quantiles at Satterthwaite’s "
        "(1946) degrees of freedom."
    )
    for each in answer["between"][:10]:
        sentences.append(
            f"Agreement of a coder of {each['a']} with one of {each['b']} was {_figure(each['percent'], share=True)}, "
            f"kappa {_figure(each['kappa'], share=False)}."
        )
    return " ".join([*sentences, "Computed with Daguerre."])
