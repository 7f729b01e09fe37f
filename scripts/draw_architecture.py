"""Draw the layers of the code and the imports between them: docs/img/architecture.svg.

Run it from the repository root: .venv/bin/python -m scripts.draw_architecture
"""

import ast
from collections import Counter
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.layers import MODELS_LAYERS, MODULES, ROOT, SDK_LAYERS, SERVICE_LAYERS, edges, layer

OUT = ROOT / "docs" / "img" / "architecture.svg"
ROW, BOX, COLUMN, GUTTER, TOP = 58, 42, 400, 74, 56  # pixels
GROUPS = (
    ("daguerre: the SDK and its command line", SDK_LAYERS, "#2a6f97"),
    ("service: HTTP, gRPC and BentoML", SERVICE_LAYERS, "#b5651d"),
    ("models: everything numerical", MODELS_LAYERS, "#4f772d"),
)
Arrows = Counter[tuple[str, str]]


STYLE = (
    "text{font-family:sans-serif}.title{font-size:16px;font-weight:600}.name{font-size:14px;font-weight:600}"
    ".size{font-size:11px;font-weight:400;fill:#555}.words{font-size:11px;fill:#222}"
    "rect{fill:#fff;stroke-width:1.5}.arrow{fill:none;stroke:#777;opacity:.8;marker-end:url(#tip)}"
)
TIP = (
    '<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="7" markerHeight="7" orient="auto" '
    'markerUnits="userSpaceOnUse"><path d="M0 0L6 3L0 6z" fill="#777"/></marker></defs>'
)


@dataclass(frozen=True)
class Box:
    """The place of a layer in the picture, in pixels."""

    column: int
    row: int
    left: float
    top: float
    width: float

    def draw(self, prefix: str, colour: str) -> str:
        """The box with the layer's name, its size, and the first line of its docstring as far as it fits."""
        files, lines = size(prefix)
        name = (prefix.partition(".")[2] or "__init__").replace(".", "/")
        limit = int(self.width / 6.4)
        words = summary(prefix)
        words = words if len(words) <= limit else words[: limit - 1].rstrip() + "…"
        files_and_lines = f"{lines:,} lines" if files == 1 or self.width < 150 else f"{files} files, {lines:,} lines"
        return (
            f'<rect x="{self.left:.0f}" y="{self.top:.0f}" width="{self.width:.0f}" height="{BOX}" rx="5" '
            f'stroke="{colour}"/><text x="{self.left + 9:.0f}" y="{self.top + 17:.0f}" class="name">{escape(name)}'
            f'<tspan class="size" dx="8">{files_and_lines}</tspan></text>'
            f'<text x="{self.left + 9:.0f}" y="{self.top + 33:.0f}" class="words">{escape(words)}</text>'
        )


def arrows() -> Arrows:
    """Number of modules of each layer that import each other layer."""
    counted: Arrows = Counter()
    for module in MODULES:
        _, start = layer(module)
        for end in {layer(other)[1] for other in edges(module)} - {start}:
            counted[start, end] += 1
    return counted


def needed(counted: Arrows) -> Arrows:
    """The arrows that do not follow from others: the transitive reduction of a graph without circles."""
    after: dict[str, set[str]] = {}
    for start, end in counted:
        after.setdefault(start, set()).add(end)

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        for end in after.get(start, ()):
            found |= {end, *reachable(end)}
        return found

    return Counter(
        {
            (start, end): n
            for (start, end), n in counted.items()
            if not any(end in reachable(other) for other in after[start] - {end})
        }
    )


def size(prefix: str) -> tuple[int, int]:
    """Files and lines of a layer."""
    paths = [path for module, path in MODULES.items() if layer(module)[1] == prefix]
    return len(paths), sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def summary(prefix: str) -> str:
    """The first line of the docstring of a layer."""
    docstring = ast.get_docstring(ast.parse(MODULES[prefix].read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def draw() -> str:
    """The picture, as SVG: a column for each package, a row for each layer."""
    parts: list[str] = []
    drawn: list[str] = []  # the boxes, above the arrows
    boxes: dict[str, Box] = {}
    for column, (title, layers, colour) in enumerate(GROUPS):
        left = GUTTER + column * (COLUMN + GUTTER)
        parts.append(f'<text x="{left}" y="34" class="title" fill="{colour}">{escape(title)}</text>')
        for row, prefixes in enumerate(layers):
            width = (COLUMN - 8 * (len(prefixes) - 1)) / len(prefixes)
            for i, prefix in enumerate(prefixes):
                boxes[prefix] = Box(column, row, left + i * (width + 8), TOP + row * ROW, width)
                drawn.append(boxes[prefix].draw(prefix, colour))
    for (start, end), n in sorted(needed(arrows()).items()):
        title = f"<title>{n} files of {start} import {end}</title>"
        width = 1 + min(n, 20) / 8
        parts.append(
            f'<path d="{path(boxes[start], boxes[end])}" class="arrow" stroke-width="{width:.1f}">{title}</path>'
        )
    width = GUTTER + len(GROUPS) * (COLUMN + GUTTER)
    height = TOP + ROW * max(len(layers) for _, layers, _ in GROUPS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>The layers of the code: an arrow is an import</title><style>{STYLE}</style>{TIP}"
        f'<rect width="{width}" height="{height}" style="fill:#fff;stroke:none"/>'
        + "\n".join([*parts, *drawn])
        + "</svg>\n"
    )


def path(start: Box, end: Box) -> str:
    """An arrow from one box to another: straight to the next row, otherwise in the gutter beside the column."""
    if start.column != end.column:
        x1, y1, x2, y2 = start.left + start.width, start.top + BOX / 2, end.left, end.top + BOX / 2
        return f"M{x1:.0f} {y1:.0f} C{x1 + 50:.0f} {y1:.0f} {x2 - 50:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    if end.row == start.row + 1:
        x1, x2 = start.left + start.width / 2, end.left + end.width / 2
        x1 = x2 if start.width > end.width else x1
        x2 = x1 if end.width > start.width else x2
        return f"M{x1:.0f} {start.top + BOX:.0f} L{x2:.0f} {end.top:.0f}"
    rightmost = start.column == len(GROUPS) - 1
    y1, y2 = start.top + BOX * 0.7, end.top + BOX * 0.3
    far = min(12 + 6 * (end.row - start.row), GUTTER - 6)
    if rightmost:
        x1, x2 = start.left + start.width, end.left + end.width
        bend = max(x1, x2) + far
    else:
        x1, x2 = start.left, end.left
        bend = min(x1, x2) - far
    return f"M{x1:.0f} {y1:.0f} C{bend:.0f} {y1 + 10:.0f} {bend:.0f} {y2 - 10:.0f} {x2:.0f} {y2:.0f}"


def main() -> None:
    OUT.write_text(draw(), encoding="utf-8")
    print(Path(OUT).relative_to(ROOT))


if __name__ == "__main__":
    main()
