"""HTML elements as nested calls that escape all text, and the formats of numbers in reports."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from math import isfinite, isnan

from models.intervals import Figure

SPACE, MINUS = "\u00a0", "\u2212"
UNDEFINED = "–"
_VOID = {"meta", "img", "wbr"}
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # not allowed in HTML or UTF-8


class Html(str):
    """Markup whose text is escaped already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]


def e(tag: str, *children: Child, at: Mapping[str, str | float] | None = None) -> Html:
    """Build an element: `e("td.n", "5 < 6")` is `<td class="n">5 &lt; 6</td>`. A child that is None is left out."""
    name, *classes = tag.split(".")
    attributes = {**({"class": " ".join(classes)} if classes else {}), **(at or {})}
    pairs = "".join(f' {key}="{_clean(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{pairs}>" + ("" if name in _VOID else f"{join(children)}</{name}>"))


def join(children: Child) -> Html:
    """Concatenate children; plain text is escaped."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(_clean(children))
    return Html("".join(join(child) for child in children))


def user_text(text: object, most: int = 80) -> Html:
    """Text written by a user: shortened to `most` characters and isolated, since it may run from right to left."""
    return e("bdi", shortened(str(text), most))


def path_text(text: object, most: int = 80) -> Html:
    """A file path or URL written by a user: lines may break after slashes and before the file extension."""
    first, *rest = re.split(r"(?<=[/\\_])|(?=\.\w+$)", shortened(str(text), most))
    return e("bdi", first, [[e("wbr"), part] for part in rest])


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text longer than `most`; the end of a path or URL says more than its middle."""
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def _clean(text: str) -> str:
    return escape(_NOT_TEXT.sub("\ufffd", text))


def percent(share: float) -> str:
    """A share as a percentage with one decimal."""
    return UNDEFINED if isnan(share) else f"{100 * share:.1f}{SPACE}%"


def number(value: float) -> str:
    """A number with three significant digits, without decimals from 1,000 on."""
    if isnan(value):
        return UNDEFINED
    if not isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size < 1e-12:  # rounding error of a subtraction
        text, value = "0", 0.0
    elif size < 1e-4 or size >= 1e7:
        digits, power = f"{size:.2e}".split("e")
        text = f"{digits} × 10^{int(power)}"
    elif size >= 999.5:
        text = f"{size:,.0f}"
    else:
        text = f"{size:#.3g}".removesuffix(".")
    return MINUS + text if value < 0 else text


def count(n: int) -> str:
    """An integer with commas between thousands."""
    return f"{n:,}"


def counted(n: int, one: str, more: str | None = None) -> str:
    """A number with its noun: "1 item", "2,000 items"."""
    return f"{n:,}{SPACE}{one if n == 1 else more or one + 's'}"


def figure(estimate: Figure, *, share: bool) -> str:
    """A value and its interval: "84.7 % [79.2, 90.1]" for a share, else "0.847 [0.792, 0.901]"."""
    if isnan(estimate.value):
        return UNDEFINED
    return f"{percent(estimate.value) if share else number(estimate.value)} {interval(estimate, share=share)}"


def interval(estimate: Figure, *, share: bool) -> str:
    """An interval: "[79.2, 90.1]" in percent for a share, else "[0.792, 0.901]"."""
    if isnan(estimate.low) or isnan(estimate.high):
        return ""
    low, high = (f"{100 * x:.1f}" if share else number(x) for x in (estimate.low, estimate.high))
    return f"[{low},{SPACE}{high}]"


def table(caption: Child, heads: Iterable[Child], rows: Iterable[Iterable[Child]], *, kind: str = "") -> Html:
    """A table whose first column names the rows; the other cells are numbers unless `kind` is "words"."""
    header = e("tr", [e("th", head, at={"scope": "col"}) for head in heads])
    body = []
    for first, *cells in rows:
        body.append(e("tr", e("th", first, at={"scope": "row"}), [e("td", cell) for cell in cells]))
    title = e("caption", caption) if caption else None
    return scrolling(e(f"table.{kind}" if kind else "table", title, e("thead", header), e("tbody", body)))


def scrolling(wide: Html) -> Html:
    """An element that may be wider than the screen: it scrolls by itself, also by keyboard."""
    return e("div.wide", wide, at={"tabindex": "0", "role": "group", "aria-label": "table"})


def facts(rows: Iterable[tuple[Child, Child]]) -> Html:
    """A table of names and values."""
    return e("table.facts", e("tbody", [e("tr", e("th", a, at={"scope": "row"}), e("td", b)) for a, b in rows]))
