"""Plots as inline SVG without scripts: colours come from the page's style sheet, and each plot has a title."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from models.pages.html import MINUS, Child, Html, e, number

NARROW = 330.0  # pixels that a plot may be wide on a telephone


def redrawn(draw: Callable[[float], Html], wide: float, narrow: float = NARROW) -> Html:
    """A plot for two widths of screen: `draw(width)` draws it, so that its text has the same size in both."""
    return e("div.redrawn", e("div.broad", draw(wide)), e("div.slim", draw(narrow)))


def svg(title: str, width: float, height: float, *parts: Child, role: str = "img") -> Html:
    """An SVG picture that screen readers announce by its title; `role` is "group" where it contains links."""
    box = {
        "role": role,
        "viewBox": f"0 0 {rounded(width)} {rounded(height)}",
        "width": rounded(width),
        "height": rounded(height),
    }
    return e("svg", e("title", title), *parts, at=box)


@dataclass(frozen=True)
class Frame:
    """A rectangle with two linear axes, and margins for their labels, in pixels."""

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
            rounded(self.left + across * (self.width - self.left - self.right)),
            rounded(self.height - self.bottom - up * (self.height - self.bottom - self.top)),
        )

    def line(self, kind: str, points: Iterable[tuple[float, float]]) -> Html:
        """A line through the finite points."""
        finite = (" ".join(self.at(x, y)) for x, y in points if isfinite(x) and isfinite(y))
        return e(f"path.{kind}", at={"d": "M" + "L".join(finite)})

    def dot(self, kind: str, x: float, y: float, radius: float = 3) -> Html:
        cx, cy = self.at(x, y)
        return e(f"circle.{kind}", at={"cx": cx, "cy": cy, "r": rounded(radius)})

    def text(self, label: str, x: float, y: float, *, anchor: str = "middle", dx: float = 0, dy: float = 0) -> Html:
        left, top = self.at(x, y)
        position = {"x": rounded(float(left) + dx), "y": rounded(float(top) + dy), "text-anchor": anchor}
        return e("text.tick", label, at=position)

    def axes(self, across: Sequence[float], up: Sequence[float], below: str, beside: str) -> list[Child]:
        """Both axes with their names, `below` and `beside`, and grid lines at the ticks `across` and `up`."""
        parts: list[Child] = []
        for x in across:
            parts += [self.line("grid", [(x, self.y[0]), (x, self.y[1])]), self.text(tick(x), x, self.y[0], dy=13)]
        for y in up:
            parts.append(self.line("grid", [(self.x[0], y), (self.x[1], y)]))
            parts.append(self.text(tick(y), self.x[0], y, anchor="end", dx=-5, dy=4))
        parts.append(self.line("axis", [(self.x[0], self.y[1]), (self.x[0], self.y[0]), (self.x[1], self.y[0])]))
        middle = (self.top + self.height - self.bottom) / 2
        along = {
            "x": rounded((self.left + self.width - self.right) / 2),
            "y": rounded(self.height - 5),
            "text-anchor": "middle",
        }
        vertical = {"transform": f"translate(11 {rounded(middle)}) rotate(-90)", "text-anchor": "middle"}
        return [*parts, e("text.name", below, at=along), e("text.name", beside, at=vertical)]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between `low` and `high`, about `about` of them."""
    rough = (high - low) / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough * (1 - 1e-9))
    return [k * step for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def tick(value: float) -> str:
    return f"{value:.10g}".replace("-", MINUS) if 1e-3 <= abs(value) < 1e4 or value == 0 else number(value)


def padded_range(values: Iterable[float]) -> tuple[float, float]:
    """The range of the finite values, a little wider; never empty."""
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    margin = 0.04 * (high - low) or abs(low) * 0.1 or 0.5
    return low - margin, high + margin


def share_bar(share: float, title: str) -> Html:
    """A horizontal bar for a share between 0 and 1."""
    return svg(title, 120, 9, e("rect.bar", at={"width": rounded(max(0.5, 120 * share)), "height": 9}))


def rounded(value: float) -> str:
    """A length in SVG, rounded to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
