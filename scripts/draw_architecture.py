"""Draw the layers of the code and the imports between them: docs/img/architecture.svg.

Run it from the repository root: .venv/bin/python -m scripts.draw_architecture
"""

import ast
from collections import Counter
from html import escape
from pathlib import Path

from tests.layers import MODELS_LAYERS, MODULES, ROOT, SDK_LAYERS, SERVICE_LAYERS, edges, layer

OUT = ROOT / "docs" / "img" / "architecture.svg"
WIDTH, ROW, BOX, GAP, MARGIN = 1180, 64, 42, 14, 20
GROUPS = (
    ("clients/python/daguerre: the SDK and its command line", SDK_LAYERS, "#2a6f97"),
    ("service: HTTP, gRPC and BentoML", SERVICE_LAYERS, "#b5651d"),
    ("models: everything numerical", MODELS_LAYERS, "#4f772d"),
)
Arrows = Counter[tuple[str, str]]


def arrows() -> Arrows:
    """How many modules of a layer import each other layer."""
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
    """The picture, as SVG."""
    parts: list[str] = []
    places: dict[str, tuple[float, float, float]] = {}  # left, top, width
    y = float(MARGIN)
    for title, layers, colour in GROUPS:
        parts.append(f'<text x="{MARGIN}" y="{y + 16}" class="title" fill="{colour}">{escape(title)}</text>')
        y += 30
        for prefixes in layers:
            width = (WIDTH - 2 * MARGIN - GAP * (len(prefixes) - 1)) / len(prefixes)
            for i, prefix in enumerate(prefixes):
                places[prefix] = (MARGIN + i * (width + GAP), y, width)
            y += ROW
        y += 14
    counted = needed(arrows())
    for (start, end), n in sorted(counted.items()):
        left, top, width = places[start]
        left2, top2, width2 = places[end]
        x1, y1 = left + width * _spread(start, end), top + BOX
        x2, y2 = left2 + width2 * _spread(end, start), top2
        bend = (y2 - y1) / 2
        parts.append(
            f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}" '
            f'class="arrow" stroke-width="{1 + min(n, 20) / 8:.1f}">'
            f"<title>{n} files of {start} import {end}</title></path>"
        )
    for _, layers, colour in GROUPS:
        for prefix in (prefix for prefixes in layers for prefix in prefixes):
            left, top, width = places[prefix]
            files, lines = size(prefix)
            name = prefix.partition(".")[2] or "__init__"
            room = int(width / 6.2)
            text = summary(prefix)
            text = text if len(text) <= room else text[: room - 1].rstrip() + "…"
            parts.append(
                f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{BOX}" rx="5" stroke="{colour}"/>'
                f'<text x="{left + 10:.0f}" y="{top + 17:.0f}" class="name">{escape(name.replace(".", "/"))}'
                f'<tspan class="size">  {files} files, {lines:,} lines</tspan></text>'
                f'<text x="{left + 10:.0f}" y="{top + 33:.0f}" class="words">{escape(text)}</text>'
            )
    style = (
        "text{font-family:sans-serif}.title{font-size:15px;font-weight:600}.name{font-size:13px;font-weight:600}"
        ".size{font-size:11px;font-weight:400;fill:#666}.words{font-size:11px;fill:#333}"
        "rect{fill:#fff;stroke-width:1.5}.arrow{fill:none;stroke:#888;opacity:.75;marker-end:url(#tip)}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" height="{y:.0f}">'
        f"<title>The layers of the code: an arrow is an import</title><style>{style}</style>"
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="7" markerHeight="7" orient="auto" '
        'markerUnits="userSpaceOnUse"><path d="M0 0L6 3L0 6z" fill="#888"/></marker></defs>'
        f'<rect width="{WIDTH}" height="{y:.0f}" style="fill:#fff;stroke:none"/>' + "\n".join(parts) + "</svg>\n"
    )


def _spread(one: str, other: str) -> float:
    """A place along the edge of a box, between 0.1 and 0.9, that is its own for each pair of layers."""
    names = sorted({prefix for _, layers, _ in GROUPS for prefixes in layers for prefix in prefixes} - {one})
    return 0.1 + 0.8 * names.index(other) / len(names)


def main() -> None:
    OUT.write_text(draw(), encoding="utf-8")
    print(Path(OUT).relative_to(ROOT))


if __name__ == "__main__":
    main()
