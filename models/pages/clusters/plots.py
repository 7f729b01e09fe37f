"""How clusters came about, drawn: scores by K, what the threshold does, silhouettes by cluster, and stability."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from models.pages.clusters.view import View, silhouette, to_float
from models.pages.html import Child, Html, count, counted, e, percent, table
from models.pages.plots import Frame, padded_range, rounded, share_bar, svg, ticks

FEW = 9  # passes whose curves are shown at once
ROWS = 40  # clusters in one plot of silhouettes
SCORES = {"silhouette": "mean silhouette", "inertia": "inertia"}
EDGES = {
    "low": "That is the lowest K that this search could take: a smaller one may fit better.",
    "high": "That is the highest K that was tried: a larger one may fit better.",
    "only": "No other K was tried.",
}


def score_plots(view: View) -> list[Child]:
    """Scores by K, a plot a pass."""
    searched = [each for each in view.trace if each.get("tried")]
    if not searched:
        return []
    name = SCORES.get(str(view.params.get("fit")), str(view.params.get("fit") or "score"))
    told = f"How well each K fits ({name}), by pass; the ring marks the K that was taken."
    if name == "inertia":
        told += " Inertia always falls as K grows: look for where it flattens."
    if any(each.get("average") is not None for one in searched for each in one["tried"]):
        told += (
            f" Dashed: the moving average over {view.params.get('window', 'some')} values of K, which ends a search."
        )
    drawn = [_choice(one, name) for one in searched]
    parts: list[Child] = [e("p.soft", told), e("div.plots.tops", drawn[:FEW])]
    if len(drawn) > FEW:
        more = e("summary", f"The other {counted(len(drawn) - FEW, 'pass', 'passes')}")
        parts.append(e("details", more, e("div.plots.tops", drawn[FEW:])))
    return parts


def _choice(one: Mapping[str, Any], name: str) -> Html:
    tried = one["tried"]
    scores = [(float(each["k"]), to_float(each["score"])) for each in tried]
    averages = [(float(each["k"]), to_float(each.get("average"))) for each in tried]
    across = padded_range([k for k, _ in scores])
    frame = Frame(290, 190, across, padded_range([y for _, y in [*scores, *averages]]), left=50)
    chosen = [(k, y) for k, y in scores if k == one.get("k") and isfinite(y)]
    marks = [k for k in ticks(*across) if k == int(k)]
    drawn = svg(
        f"Pass {one['pass']}: {name} of K from {tried[0]['k']} to {tried[-1]['k']}; K = {one.get('k')} was taken",
        290,
        190,
        frame.axes(marks, ticks(*frame.y, 4), "K", name),
        frame.line("line", scores) if sum(isfinite(y) for _, y in scores) > 1 else None,
        frame.line("second", averages) if sum(isfinite(y) for _, y in averages) > 1 else None,
        [frame.dot("dot", k, y, 2.2) for k, y in scores if isfinite(y)],
        [frame.dot("hollow", k, y, 4.5) for k, y in chosen],
    )
    edge = EDGES.get(str(one.get("edge")))
    said = [e("b", f"Pass {one['pass']}: K = {one.get('k')}. "), f"{counted(one['n'], 'image')} left. ", edge]
    return e("figure", drawn, e("figcaption", said))


def pass_table(view: View) -> Html | None:
    """As a table."""
    if not view.trace:
        return None
    rows: list[list[Child]] = []
    for one in view.trace:
        found, tried = one.get("clusters") or (), [each["k"] for each in one.get("tried") or ()]
        rows.append(
            [
                str(one["pass"]),
                count(one["n"]),
                count(one["sample"]),
                f"{tried[0]}–{tried[-1]}" if len(tried) > 1 else "–",
                str(one.get("k", "–")) + (f" ({one['edge']})" if one.get("edge") in ("low", "high") else ""),
                count(sum(bool(each.get("cohesive")) for each in found)),
                count(one["taken"]),
                count(one["left"]),
            ]
        )
    heads = ["pass", "images", "sample", "K tried", "K taken", "clusters kept", "images kept", "left"]
    return table("Passes. Low and high: K lies at the edge of what was tried.", heads, rows)


def threshold_table(view: View) -> Html | None:
    """What another threshold would have kept."""
    found = view.answer.get("thresholds") or ()
    if not found:
        return None
    used = view.params.get("threshold")
    rows: list[list[Child]] = []
    for each in found:
        share = each["items"] / max(1, view.n)
        here = " (used)" if used is not None and abs(each["threshold"] - used) < 1e-9 else ""
        drawn = share_bar(share, f"{each['items']} of {view.n} images")
        rows.append(
            [f"{each['threshold']:.2f}{here}", count(each["clusters"]), count(each["items"]), percent(share), drawn]
        )
    said = "What the first pass would have kept at another threshold of a cluster’s mean silhouette."
    return table(said, ["threshold", "clusters", "images", "share", ""], rows)


def silhouettes(view: View) -> list[Child]:
    """A box a cluster, big first, in columns of 40."""
    if not view.clusters or not np.isfinite(view.final).any():
        return []
    low, high = padded_range([*view.final[np.isfinite(view.final)].tolist(), 0.0])
    parts = [
        e("figure", _boxes(view, view.clusters[start : start + ROWS], (low, high)))
        for start in range(0, len(view.clusters), ROWS)
    ]
    limit = view.params.get("threshold")
    told = (
        "Silhouettes of the images of each cluster, big ones first: the middle half in the box, its median across, 5 % "
        "to 95 % on the line, and the mean as a point. Near 1, an image is much closer to its own cluster than to the "
        "next one; near 0 it lies between two; below 0 it is closer to another."
    )
    if limit is not None:
        told += f" Dashed: the threshold of {limit:g}, which a cluster’s mean exceeded in its pass."
    return [e("p.soft", told), e("div.plots.tops", parts)]


def _boxes(view: View, clusters: Sequence[Mapping[str, Any]], span: tuple[float, float]) -> Html:
    tall = 15 * len(clusters) + 46
    frame = Frame(430, tall, span, (len(clusters) - 0.5, -0.5), left=76)
    parts: list[Child] = []
    limit = view.params.get("threshold")
    if limit is not None and span[0] <= limit <= span[1]:
        parts.append(frame.line("limit", [(limit, -0.5), (limit, len(clusters) - 0.5)]))
    for row, cluster in enumerate(clusters):
        parts += _box(view, frame, row, cluster)
    marks = ticks(*span)
    axes = frame.axes(marks, [], "silhouette", "cluster (images)")
    return svg(f"Silhouettes of {counted(len(clusters), 'cluster')}", 430, tall, axes, parts)


def _box(view: View, frame: Frame, row: int, cluster: Mapping[str, Any]) -> Iterable[Child]:
    values = view.final[view.labels == cluster["id"]]
    values = values[np.isfinite(values)]
    said = f"{cluster['id']} ({count(cluster['size'])})"
    yield frame.text(said, frame.x[0], row, anchor="end", dx=-5, dy=4)
    if not len(values):
        return
    least, low, middle, high, most = np.percentile(values, [5, 25, 50, 75, 95]).tolist()
    (x0, y0), (x1, y1) = frame.at(low, row - 0.32), frame.at(high, row + 0.32)
    wide, deep = max(1.0, float(x1) - float(x0)), float(y1) - float(y0)
    title = f"cluster {cluster['id']}: median {silhouette(middle)}, 5–95 %: {silhouette(least)} to {silhouette(most)}"
    yield frame.line("axis", [(least, row), (most, row)])
    box = {"x": x0, "y": y0, "width": rounded(wide), "height": rounded(deep)}
    yield e("rect.box", e("title", title), at=box)
    yield frame.line("mid", [(middle, row - 0.32), (middle, row + 0.32)])
    yield frame.dot("dot", float(values.mean()), row, 2.2)


def stability(found: Mapping[str, Any]) -> Html:
    """Adjusted Rand indexes of the resamples, on a line from 0 to 1."""
    values = [value for value in map(to_float, found.get("ari") or ()) if isfinite(value)]
    low = min([0.0, *values])
    frame = Frame(430, 64, (low, 1), (0, 1), left=12, right=12)
    mean = to_float(found.get("mean"))
    return svg(
        f"Adjusted Rand index of {len(values)} resamples",
        430,
        64,
        frame.axes(ticks(low, 1), [], "adjusted Rand index (point: a resample; line: their mean)", ""),
        frame.line("mid", [(mean, 0), (mean, 1)]) if isfinite(mean) else None,
        [frame.dot("sized", value, 0.5, 4) for value in values],
    )
