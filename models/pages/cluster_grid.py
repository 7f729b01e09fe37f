"""The report of a grid of clusterings as one HTML page: a plot and a table, a row for each combination."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from textwrap import wrap
from typing import Any

from models.pages.document import caveats, document, methods_section, option_text, section
from models.pages.html import Child, Html, Rounded, count, counted, decimals, e, facts, shortened, table, user_text
from models.pages.palette import PALETTE_STYLE
from models.pages.plots import NARROW, Frame, redrawn, svg, ticks

FIGURES = {  # figure of a row → its name and its mark
    "silhouette": ("mean silhouette", "k0"),
    "stability": ("stability (adjusted Rand index of reruns)", "k1"),
    "ari": ("adjusted Rand index with the known labels", "k2"),
}
SIZES = {"smallest": "smallest", "q25": "25 %", "median": "median", "q75": "75 %", "largest": "largest"}
ROW, LINE = 19, 13  # pixels of a combination in the plot, and of a line of its name where the plot is narrow
LETTER = 6.2  # pixels, about
STYLE = f"""{PALETTE_STYLE}
.mark-of {{ fill: none; stroke-width: 8; stroke-linecap: round; }}
.legend {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }}
.legend svg {{ vertical-align: middle; margin-right: .4rem; }}
"""


def page(answer: Mapping[str, Any]) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/cluster-grids."""
    rows: Sequence[Mapping[str, Any]] = answer["rows"]
    title = f"{counted(len(rows), 'clustering')} of {counted(answer['n'], 'item')}"
    drawn = [name for name in FIGURES if any(row[name] is not None for row in rows)]
    names, same = _names(rows)
    header = e(
        "header",
        e("p.kicker", "Grid of clustering parameters"),
        e("h1", title),
        e("p.lead", "Each combination of parameters is one clustering of the same vectors."),
        caveats(answer["remarks"]),
    )
    text = (
        "No single figure says which clustering is right: a silhouette favours compact clusters, stability favours "
        "few clusters, and the number of clusters should fit the question. Look at the clusters before choosing."
    )
    body: list[Child] = [
        header,
        section(
            "Figures of the clusterings",
            e("p.soft", text),
            same,
            e("figure", redrawn(partial(_plot, rows, names, drawn), 860)),
            _legend(drawn),
        ),
        section("Table of the clusterings", _table(rows, names, drawn)),
        methods_section(paragraph(answer)),
        section("Parameters and versions", facts(_provenance(answer))),
    ]
    return document(title, body, style=STYLE)


def paragraph(answer: Mapping[str, Any]) -> str:
    """Methods in the past tense, with the parameters of this answer."""
    rows = answer["rows"]
    tried = sorted({name for row in rows for name in row["parameters"]})
    resamples = answer["params"]["resamples"]
    sentences = [
        f"We clustered {counted(answer['n'], 'item')}, represented by vectors of {count(answer['dimension'])} "
        f"dimensions, with {counted(len(rows), 'combination')} of the parameters {', '.join(tried)}.",
        "The silhouette is the mean over all items in clusters, computed among the resulting clusters.",
    ]
    if resamples:
        sentences.append(
            f"Stability is the mean adjusted Rand index between a clustering and {counted(resamples, 'rerun')} of it "
            "on random subsamples of 80 % of the items."
        )
    if any(row["ari"] is not None for row in rows):
        sentences.append("Clusters were compared with known labels, which were not used for clustering.")
    return " ".join(sentences)


def _names(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], Html | None]:
    """Names of the clusterings by the parameters that differ between them, and a sentence about the others."""
    every = list(dict.fromkeys(name for row in rows for name in row["parameters"]))
    shared = [name for name in every if len({option_text(row["parameters"].get(name)) for row in rows}) == 1]
    if len(rows) == 1 or not shared:
        return [row["name"] for row in rows], None
    names = [_listed(row["parameters"], [name for name in every if name not in shared]) for row in rows]
    same = _listed(rows[0]["parameters"], shared)
    return names, e("p", "The same for all: ", user_text(same, 300), ".")


def _listed(parameters: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(
        option_text(parameters[name]) if name == "method" else f"{name} {option_text(parameters[name])}"
        for name in names
        if name in parameters
    )


def _quantile(value: float) -> Rounded:
    """A number of items; the quantile of several numbers may have a fraction."""
    return count(int(value)) if value == int(value) else Rounded(f"{value:,.2f}".rstrip("0"), value)


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], drawn: Sequence[str]) -> Html:
    heads = ["parameters", "clusters", "in no cluster", *(FIGURES[name][0].split(" (")[0] for name in drawn)]
    heads += [f"size: {label}" for label in SIZES.values()]
    cells: list[list[Child]] = [
        [
            user_text(name, 160),
            count(row["clusters"]),
            count(row["unclustered"]),
            *(_decimals(row[name]) for name in drawn),
            *("–" if row["sizes"] is None else _quantile(row["sizes"][key]) for key in SIZES),
        ]
        for name, row in zip(names, rows, strict=True)
    ]
    return table("Sizes are quantiles of the number of items in a cluster.", heads, cells, name="grid")


def _plot(rows: Sequence[Mapping[str, Any]], names: Sequence[str], drawn: Sequence[str], width: float) -> Html:
    """A row for each combination, with a mark for each figure; on a narrow plot the name is above the marks."""
    values = [row[name] for row in rows for name in drawn if row[name] is not None]
    low, high = min([0.0, *values]), max([1.0 if len(drawn) > 1 else 0.0, *values]) or 1.0
    broad = width > NARROW
    full = [f"{name} ({counted(row['clusters'], 'cluster')})" for name, row in zip(names, rows, strict=True)]
    labels = [[shortened(label, 52)] if broad else wrap(label, 50)[:4] for label in full]
    above = 0 if broad else LINE * max(map(len, labels)) + 6
    tall = (ROW + above) * len(rows) + 40
    left = 18 + LETTER * max(len(label) for [label] in labels) if broad else 12
    frame = Frame(width, tall, (low, high), (len(rows) - 0.5, -0.5), left=left, bottom=34, right=16)
    parts: list[Child] = frame.axes(ticks(low, high, 5 if broad else 3), [], "value", "")
    for place, (row, lines) in enumerate(zip(rows, labels, strict=True)):
        if broad:
            parts.append(frame.text(lines[0], low, place, anchor="end", dx=-8, dy=4))
        for i, line in enumerate([] if broad else lines):
            parts.append(frame.text(line, low, place, anchor="start", dx=4, dy=LINE * (i - len(lines)) + 4))
        for name in drawn:
            if row[name] is not None and isfinite(row[name]):
                x, y = frame.at(row[name], place)
                title = f"{FIGURES[name][0]} {row[name]:.3f}"
                parts.append(e(f"path.mark-of.{FIGURES[name][1]}", e("title", title), at={"d": f"M{x} {y}h0"}))
    return svg(f"Figures of {counted(len(rows), 'clustering')}", width, tall, parts)


def _legend(drawn: Sequence[str]) -> Html:
    marks: list[Child] = []
    for name in drawn:
        mark = e(f"path.mark-of.{FIGURES[name][1]}", at={"d": "M6 6h0"})
        small = e("svg", mark, at={"viewBox": "0 0 12 12", "width": 12, "height": 12, "aria-hidden": "true"})
        marks.append(e("li", small, FIGURES[name][0]))
    return e("ul.legend", marks)


def _decimals(value: float | None) -> Child:
    return "–" if value is None else decimals(value, 3)


def _provenance(answer: Mapping[str, Any]) -> list[tuple[Child, Child]]:
    rows: list[tuple[Child, Child]] = [("model", user_text(answer["model"], 200))]
    rows += [(name, user_text(option_text(value), 300)) for name, value in answer["params"].items()]
    rows += [(user_text(name, 60), user_text(value, 100)) for name, value in answer["libraries"].items()]
    return [*rows, ("created", str(answer["created"]).replace("T", " ")[:16]), ("id", str(answer["id"]))]
