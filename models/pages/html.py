"""HTML as nested calls, where all text is escaped unless it is markup already; and numbers as readers want them."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from math import isfinite, isnan
from typing import Protocol

SPACE, MINUS = "\u00a0", "\u2212"
UNDEFINED = "–"
_VOID = {"meta", "img", "wbr"}
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # nothing of it belongs in HTML, or UTF-8


class Estimate(Protocol):
    """A figure with its 95 % interval; NaN is not known."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class Html(str):
    """Markup; whoever makes one has escaped what is in it."""

    __slots__ = ()


Child = str | None | Iterable["Child"]


def e(tag: str, *children: Child, at: Mapping[str, str | float] | None = None) -> Html:
    """An element: `e("td.n", "5 < 6")` is `<td class="n">5 &lt; 6</td>`. None is no child."""
    name, *classes = tag.split(".")
    attributes = {**({"class": " ".join(classes)} if classes else {}), **(at or {})}
    said = "".join(f' {key}="{_clean(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{said}>" + ("" if name in _VOID else f"{join(children)}</{name}>"))


def join(children: Child) -> Html:
    """All of them, one after another."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(_clean(children))
    return Html("".join(join(child) for child in children))


def user_text(text: object, most: int = 80) -> Html:
    """What a user wrote: of at most `most` characters, and with its own direction of writing."""
    return e("bdi", shortened(str(text), most))


def path_text(text: object, most: int = 80) -> Html:
    """The same of an address or a file's path: lines break after slashes and before its ending."""
    first, *rest = re.split(r"(?<=[/\\_])|(?=\.\w+$)", shortened(str(text), most))
    return e("bdi", first, [[e("wbr"), part] for part in rest])


def shortened(text: str, most: int) -> str:
    """Its beginning and its end, which of paths and addresses says more than the middle."""
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def _clean(text: str) -> str:
    return escape(_NOT_TEXT.sub("\ufffd", text))


def percent(share: float) -> str:
    """With one decimal."""
    return UNDEFINED if isnan(share) else f"{100 * share:.1f}{SPACE}%"


def number(value: float) -> str:
    """With three significant digits, whole from 1,000 on."""
    if isnan(value):
        return UNDEFINED
    if not isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size < 1e-12:  # what is left of a subtraction
        said, value = "0", 0.0
    elif size < 1e-4 or size >= 1e7:
        digits, power = f"{size:.2e}".split("e")
        said = f"{digits} × 10^{int(power)}"
    elif size >= 999.5:
        said = f"{size:,.0f}"
    else:
        said = f"{size:#.3g}".removesuffix(".")
    return MINUS + said if value < 0 else said


def count(n: int) -> str:
    """With commas."""
    return f"{n:,}"


def counted(n: int, one: str, more: str | None = None) -> str:
    """ "1 item", "2,000 items"."""
    return f"{n:,}{SPACE}{one if n == 1 else more or one + 's'}"


def figure(found: Estimate, *, share: bool) -> str:
    """ "84.7 % [79.2, 90.1]", or "0.847 [0.792, 0.901]"."""
    if isnan(found.value):
        return UNDEFINED
    return f"{percent(found.value) if share else number(found.value)} {interval(found, share=share)}"


def interval(found: Estimate, *, share: bool) -> str:
    """ "[79.2, 90.1]", or "[0.792, 0.901]"."""
    if isnan(found.low) or isnan(found.high):
        return ""
    low, high = (f"{100 * x:.1f}" if share else number(x) for x in (found.low, found.high))
    return f"[{low},{SPACE}{high}]"


def table(caption: Child, heads: Iterable[Child], rows: Iterable[Iterable[Child]], *, kind: str = "") -> Html:
    """A table whose first column says what a row is of, and whose other cells are numbers unless `kind` is "words"."""
    header = e("tr", [e("th", head, at={"scope": "col"}) for head in heads])
    body = []
    for first, *cells in rows:
        body.append(e("tr", e("th", first, at={"scope": "row"}), [e("td", cell) for cell in cells]))
    named = e("caption", caption) if caption else None
    return scrolling(e(f"table.{kind}" if kind else "table", named, e("thead", header), e("tbody", body)))


def scrolling(wide: Html) -> Html:
    """What may be wider than a telephone: it scrolls by itself, also by keyboard."""
    return e("div.wide", wide, at={"tabindex": "0", "role": "group", "aria-label": "table"})


def facts(rows: Iterable[tuple[Child, Child]]) -> Html:
    """A table of names and what they are."""
    return e("table.facts", e("tbody", [e("tr", e("th", a, at={"scope": "row"}), e("td", b)) for a, b in rows]))
