"""HTML elements as nested calls that escape all text, and the formats of numbers in reports."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from math import isfinite, isnan, nan

from models.intervals import Figure

SPACE, MINUS = "\u00a0", "\u2212"
UNDEFINED = "–"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_VOID = {"meta", "img", "wbr", "input"}
_CELLS = {"td", "th", "b", "small"}  # elements that keep the full value of a rounded number, for the page's tables
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # not allowed in HTML or UTF-8


class Html(str):
    """Markup whose text is escaped already."""

    __slots__ = ()


class Rounded(str):
    """A number as a page prints it, with its full value and interval, NaN where there is none.

    In a cell of a table it becomes `<data value="0.847012">84.7 %</data>`, from which the SDK writes CSV files with all
    digits. In an f-string it is plain text.
    """

    __slots__ = ("high", "low", "value")
    value: float
    low: float
    high: float

    def __new__(cls, text: str, value: float, low: float = nan, high: float = nan) -> "Rounded":
        rounded = super().__new__(cls, text)
        rounded.value, rounded.low, rounded.high = value, low, high
        return rounded

    def data(self) -> Html:
        """The element `data`; plain text for an undefined number."""
        keys = {"value": self.value, "data-low": self.low, "data-high": self.high}
        known = {key: repr(number) for key, number in keys.items() if not isnan(number)}
        return e("data", str(self), at=known) if known else Html(_clean(self))


Child = str | None | Iterable["Child"]


def e(tag: str, *children: Child, at: Mapping[str, str | float] | None = None) -> Html:
    """Build an element: `e("td.n", "5 < 6")` is `<td class="n">5 &lt; 6</td>`. A child that is None is left out."""
    name, *classes = tag.split(".")
    attributes = {**({"class": " ".join(classes)} if classes else {}), **(at or {})}
    pairs = "".join(f' {key}="{_clean(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{pairs}>" + ("" if name in _VOID else f"{join(children, exact=name in _CELLS)}</{name}>"))


def join(children: Child, *, exact: bool = False) -> Html:
    """Concatenate children; plain text is escaped, and with `exact` rounded numbers keep their full value."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if exact and isinstance(children, Rounded):
        return children.data()
    if isinstance(children, str):
        return Html(_clean(children))
    return Html("".join(join(child, exact=exact) for child in children))


def user_text(text: object, most: int = 80) -> Html:
    """Text written by a user: shortened to `most` characters and isolated, since it may run from right to left."""
    return e("bdi", shortened(str(text), most))


def path_text(text: object, most: int = 80) -> Html:
    """A file path or URL written by a user: lines break after slashes, and inside of a name only if it is too long."""
    *folders, name = re.split(r"(?<=/)(?=.)", shortened(str(text), most))
    first, *rest = re.split(r"(?<=[\\_-])|(?=\.\w+$)", name)
    last = e("span.name", first, [[e("wbr"), part] for part in rest])
    return e("bdi", [[folder, e("wbr")] for folder in folders], last)


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text longer than `most`; the end of a path or URL says more than its middle."""
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def _clean(text: str) -> str:
    return escape(_NOT_TEXT.sub("\ufffd", text))


def percent(share: float) -> Rounded:
    """A share as a percentage with one decimal."""
    return Rounded(UNDEFINED if isnan(share) else f"{100 * share:.1f}{SPACE}%", share)


def number(value: float) -> Rounded:
    """A number with three significant digits, without decimals from 1,000 on."""
    if isnan(value):
        return Rounded(UNDEFINED, value)
    if not isfinite(value):
        return Rounded("∞" if value > 0 else f"{MINUS}∞", value)
    size, negative = abs(value), value < 0
    if size < 1e-12:  # rounding error of a subtraction
        text, negative = "0", False
    elif size < 1e-4 or size >= 1e7:
        digits, power = f"{size:.2e}".split("e")
        text = f"{digits} × 10{str(int(power)).translate(RAISED)}"
    elif size >= 999.5:
        text = f"{size:,.0f}"
    else:
        text = f"{size:#.3g}".removesuffix(".")
    return Rounded(MINUS + text if negative else text, value)


def decimals(value: float, places: int) -> Rounded:
    """A number with a fixed number of decimals."""
    return Rounded(UNDEFINED if isnan(value) else f"{value:.{places}f}".replace("-", MINUS), value)


def count(n: int) -> Rounded:
    """An integer with commas between thousands."""
    return Rounded(f"{n:,}", n)


def counted(n: int, one: str, more: str | None = None) -> str:
    """A number with its noun: "1 item", "2,000 items"."""
    return f"{n:,}{SPACE}{one if n == 1 else more or one + 's'}"


def agree(n: float, one: str, more: str) -> str:
    """The form of a verb that agrees with a number: `agree(1, "was", "were")` is "was"."""
    return one if n == 1 else more


def item_noun(modality: str | None) -> str:
    """The noun for an item of a modality: image, text or frame; "item" where it is not known or mixed."""
    return modality if modality in ("image", "text", "frame") else "item"


def figure(estimate: Figure, *, share: bool) -> Rounded:
    """A value and its interval: "84.7 % [79.2, 90.1]" for a share, else "0.847 [0.792, 0.901]"."""
    if isnan(estimate.value):
        return Rounded(UNDEFINED, nan)
    text = f"{percent(estimate.value) if share else number(estimate.value)} {interval(estimate, share=share)}".rstrip()
    return Rounded(text, estimate.value, estimate.low, estimate.high)


def interval(estimate: Figure, *, share: bool) -> Rounded:
    """An interval: "[79.2, 90.1]" in percent for a share, else "[0.792, 0.901]"."""
    if isnan(estimate.low) or isnan(estimate.high):
        return Rounded("", nan)
    low, high = (f"{100 * x:.1f}" if share else number(x) for x in (estimate.low, estimate.high))
    return Rounded(f"[{low},{SPACE}{high}]", nan, estimate.low, estimate.high)


def gap(difference: Figure, *, share: bool) -> Rounded:
    """A difference and its interval; of shares in percentage points: "5.1 [-2.0, 12.2]"."""
    if not share or isnan(difference.value):
        return figure(difference, share=False)
    middle, low, high = (decimals(100 * each, 1) for each in (difference.value, difference.low, difference.high))
    text = middle if isnan(difference.low) else f"{middle} [{low},{SPACE}{high}]"
    return Rounded(text, difference.value, difference.low, difference.high)


def table(
    caption: Child,
    heads: Iterable[Child],
    rows: Iterable[Iterable[Child]],
    *,
    kind: str = "",
    name: str | None = None,
) -> Html:
    """A table whose first column names the rows; the other cells are numbers unless `kind` is "words".

    With the kind "three-names" the first three columns name the rows.

    `name` is a short name for the files that the SDK writes of the table, such as "passes"; None: its caption, or the
    title of its section.
    """
    header = e("tr", [e("th", head, at={"scope": "col"}) for head in heads])
    body = []
    for first, *cells in rows:
        body.append(e("tr", e("th", first, at={"scope": "row"}), [e("td", cell) for cell in cells]))
    title = e("caption", e("span", caption)) if caption else None
    at = {} if name is None else {"data-name": name}
    parts = [title, e("thead", header), e("tbody", body)]
    return scrolling(e(f"table.{kind}" if kind else "table", *parts, at=at))


def scrolling(wide: Html) -> Html:
    """An element that may be wider than the screen: it scrolls by itself, also by keyboard."""
    return e("div.wide", wide, at={"tabindex": "0", "role": "group", "aria-label": "table"})


def facts(rows: Iterable[tuple[Child, Child]]) -> Html:
    """A table of names and values."""
    return e("table.facts", e("tbody", [e("tr", e("th", a, at={"scope": "row"}), e("td", b)) for a, b in rows]))


def beside(*parts: Child) -> Html:
    """Figures and tables side by side where the screen is wide enough, else below each other."""
    return e("div.beside", parts)
