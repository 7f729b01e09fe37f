"""Plots and tables of a clustering: scores by K, passes, thresholds, silhouettes by cluster, and stability."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from models.clustering.remarks import DISSOLVED
from models.pages.clusters.view import View, silhouette, to_float
from models.pages.html import Child, Html, beside, count, counted, e, number, percent, table
from models.pages.plots import Frame, padded_range, redrawn, rounded, share_bar, svg, ticks

FEW = 9  # passes whose plots are shown without a click
ROWS = 40  # clusters in one column of silhouettes
BINS = ((1, 1), (2, 3), (4, 9), (10, 29), (30, 99), (100, 299), (300, 10**12))  # sizes of clusters
SCORES = {"silhouette": "mean silhouette", "inertia": "inertia"}
EDGES = {
    "low": "This is the lowest K that the search could choose: a smaller one may fit better.",
    "high": "This is the highest K that was tried: a larger one may fit better.",
    "only": "No other K was tried.",
}


def sizes(view: View) -> list[Child]:
    """A plot of the sizes of clusters, and a table of the number of clusters by size."""
    values = [int(cluster["size"]) for cluster in view.clusters]
    rows: list[list[Child]] = []
    for low, high in BINS:
        inside = [size for size in values if low <= size <= high]
        if inside:
            name = str(low) if low == high else f"{low} or {high}" if high == low + 1 else f"{low}–{high}"
            name = name if high < BINS[-1][1] else f"{low} or more"
            rows.append([name, count(len(inside)), count(sum(inside)), percent(sum(inside) / max(1, view.n))])
    alone = view.n - view.clustered
    rows.append(["in no cluster", "–", count(alone), percent(alone / max(1, view.n))])
    heads = [f"{view.many} in a cluster", "clusters", view.many, f"share of all {view.many}"]
    drawn = e("figure", redrawn(partial(_bars, view, values), 480), e("figcaption", "Clusters, the largest first."))
    return [beside(drawn, table(None, heads, rows, name="sizes"))]


def _bars(view: View, values: Sequence[int], width: float) -> Html:
    """The sizes of clusters as bars, the largest first."""
    frame = Frame(width, 200, (0.5, max(len(values), 4) + 0.5), (0, max(values) * 1.05))
    step = (width - frame.left - frame.right) / max(len(values), 4)
    bars: list[Child] = []
    for place, size in enumerate(values, 1):
        x, y = frame.at(place - 0.5, size)
        low = float(frame.at(place, 0)[1])
        box = {"x": x, "y": y, "width": rounded(max(0.4, step * 0.86)), "height": rounded(max(0.5, low - float(y)))}
        bars.append(e("rect.bar", at=box))
    across = [x for x in ticks(1, max(len(values), 4), 6) if x == int(x)]
    up = [y for y in ticks(*frame.y, 4) if y == int(y)]
    axes = frame.axes(across, up, "rank of the cluster", view.many)
    return svg(f"Sizes of {counted(len(values), 'cluster')}", width, 200, axes, bars)


def score_plots(view: View) -> list[Child]:
    """Plots of the score by K, one for each pass."""
    searched = [entry for entry in view.trace if entry.get("tried")]
    if not searched:
        return []
    name = SCORES.get(str(view.params.get("fit")), str(view.params.get("fit") or "score"))
    window = view.params.get("window", "some")
    text = f"Score of each K ({name}) by pass; the ring marks the K that was chosen."
    if name == "inertia":
        text += " Inertia always falls as K grows: look for the K where it flattens."
    if any(point.get("average") is not None for entry in searched for point in entry["tried"]):
        text += f" Dashed: the moving average over {window} values of K, which ends the search."
    drawn = [_choice(view, entry, name) for entry in searched]
    parts: list[Child] = [e("p.soft", text), e("div.plots.tops", drawn[:FEW])]
    if len(drawn) > FEW:
        more = e("summary", f"The other {counted(len(drawn) - FEW, 'pass', 'passes')}")
        parts.append(e("details", more, e("div.plots.tops", drawn[FEW:])))
    return parts


def _choice(view: View, entry: Mapping[str, Any], name: str) -> Html:
    tried = entry["tried"]
    scores = [(float(point["k"]), to_float(point["score"])) for point in tried]
    averages = [(float(point["k"]), to_float(point.get("average"))) for point in tried]
    across = padded_range([k for k, _ in scores])
    frame = Frame(290, 190, across, padded_range([y for _, y in [*scores, *averages]]), left=50)
    chosen = [(k, y) for k, y in scores if k == entry.get("k") and isfinite(y)]
    marks = [k for k in ticks(*across) if k == int(k)]
    drawn = svg(
        f"Pass {entry['pass']}: {name} of K from {tried[0]['k']} to {tried[-1]['k']}; K = {entry.get('k')} was chosen",
        290,
        190,
        frame.axes(marks, ticks(*frame.y, 4), "K", name),
        frame.line("line", scores) if sum(isfinite(y) for _, y in scores) > 1 else None,
        frame.line("second", averages) if sum(isfinite(y) for _, y in averages) > 1 else None,
        [frame.dot("dot", k, y, 2.2) for k, y in scores if isfinite(y)],
        [frame.dot("hollow", k, y, 4.5) for k, y in chosen],
    )
    edge = EDGES.get(str(entry.get("edge")))
    caption = [
        e("b", f"Pass {entry['pass']}: K = {entry.get('k')}. "),
        f"{view.items(entry['n'])} clustered. ",
        edge,
    ]
    return e("figure", drawn, e("figcaption", caption))


def pass_table(view: View) -> Html | None:
    """The table of passes; None for an answer without a trace."""
    if not view.trace:
        return None
    rows: list[list[Child]] = []
    for entry in view.trace:
        clusters, tried = entry.get("clusters") or (), [point["k"] for point in entry.get("tried") or ()]
        rows.append(
            [
                str(entry["pass"]),
                count(entry["n"]),
                count(entry["sample"]),
                f"{tried[0]}–{tried[-1]}" if len(tried) > 1 else "–",
                str(entry.get("k", "–")) + (f" ({entry['edge']})" if entry.get("edge") in ("low", "high") else ""),
                count(sum(bool(cluster.get("cohesive")) for cluster in clusters)),
                count(entry["taken"]),
                count(entry["left"]),
            ]
        )
    many = view.many
    heads = ["pass", many, "sample", "K tried", "K chosen", "clusters kept", f"{many} kept", f"{many} left"]
    return table(
        "Passes. Low and high: the chosen K is the lowest or highest that the search allows.",
        heads,
        rows,
        name="passes",
    )


def threshold_table(view: View) -> Html | None:
    """The clusters and images that other thresholds would have kept; None where the answer does not give them."""
    thresholds = view.answer.get("thresholds") or ()
    if not thresholds:
        return None
    used = view.params.get("threshold")
    rows: list[list[Child]] = []
    for row in thresholds:
        share = row["items"] / max(1, view.n)
        here = " (used)" if used is not None and abs(row["threshold"] - used) < 1e-9 else ""
        drawn = share_bar(share, f"{row['items']} of {view.items(view.n)}")
        rows.append(
            [f"{row['threshold']:.2f}{here}", count(row["clusters"]), count(row["items"]), percent(share), drawn]
        )
    caption = (
        f"Clusters and {view.many} that the first pass would have kept at other thresholds of a cluster’s mean "
        "silhouette."
    )
    return table(caption, ["threshold", "clusters", view.many, "share", ""], rows, name="thresholds")


def silhouettes(view: View) -> list[Child]:
    """Box plots of silhouettes, one for each cluster, largest clusters first, in columns of 40."""
    if not view.clusters or not np.isfinite(view.final).any():
        return []
    low, high = padded_range([*view.final[np.isfinite(view.final)].tolist(), 0.0])
    parts = [
        e("figure", redrawn(partial(_boxes, view, view.clusters[start : start + ROWS], (low, high)), 430))
        for start in range(0, len(view.clusters), ROWS)
    ]
    if len(parts) > 1:
        more = e("summary", f"The silhouettes of the other {counted(len(view.clusters) - ROWS, 'cluster')}")
        parts = [parts[0], e("details", more, e("div.plots.tops", parts[1:]))]
    limit = view.params.get("threshold")
    text = (
        f"Silhouettes of the {view.many} of each cluster, largest clusters first. Boxes: quartiles and median; lines: "
        f"5th to 95th percentile; points: means. Near 1, the {view.noun} is much closer to its own cluster than to the "
        "next one; near 0, it lies between two clusters; below 0, it is closer to another cluster."
    )
    if limit is not None:
        text += f" Dashed: the threshold of {limit:g}, which the mean silhouette of each cluster exceeded in its pass."
    return [e("p.soft", text), e("div.plots.tops", parts)]


def _boxes(view: View, clusters: Sequence[Mapping[str, Any]], span: tuple[float, float], width: float) -> Html:
    tall = 15 * len(clusters) + 46
    frame = Frame(width, tall, span, (len(clusters) - 0.5, -0.5), left=76)
    parts: list[Child] = []
    limit = view.params.get("threshold")
    if limit is not None and span[0] <= limit <= span[1]:
        parts.append(frame.line("limit", [(limit, -0.5), (limit, len(clusters) - 0.5)]))
    for row, cluster in enumerate(clusters):
        parts += _box(view, frame, row, cluster)
    marks = ticks(*span)
    axes = frame.axes(marks, [], "silhouette", f"cluster ({view.many})")
    return svg(f"Silhouettes of {counted(len(clusters), 'cluster')}", width, tall, axes, parts)


def _box(view: View, frame: Frame, row: int, cluster: Mapping[str, Any]) -> Iterable[Child]:
    values = view.final[view.labels == cluster["id"]]
    values = values[np.isfinite(values)]
    label = f"{cluster['id']} ({count(cluster['size'])})"
    yield frame.text(label, frame.x[0], row, anchor="end", dx=-5, dy=4)
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


def stability(result: Mapping[str, Any], width: float) -> Html:
    """Adjusted Rand indexes of the resamples as points on a line."""
    values = [value for value in map(to_float, result.get("ari") or ()) if isfinite(value)]
    low = min([0.0, *values])
    frame = Frame(width, 64, (low, 1), (0, 1), left=12, right=12)
    mean = to_float(result.get("mean"))
    return svg(
        f"Adjusted Rand index of {counted(len(values), 'resample')}",
        width,
        64,
        frame.axes(ticks(low, 1), [], "adjusted Rand index (points: resamples, line: mean)", ""),
        frame.line("mid", [(mean, 0), (mean, 1)]) if isfinite(mean) else None,
        [frame.dot("sized", value, 0.5, 4) for value in values],
    )


def cluster_stability(view: View) -> list[Child]:
    """The cluster-wise Jaccard coefficients in words, and the clusters that are not found again."""
    known = [cluster for cluster in view.clusters if cluster.get("jaccard") is not None]
    if not known:
        return []
    weak = sorted((cluster for cluster in known if cluster["jaccard"] < DISSOLVED), key=lambda each: each["jaccard"])
    rows: list[list[Child]] = [
        [e("a", f"cluster {each['id']}", at={"href": f"#c{each['id']}"}), count(each["size"]), number(each["jaccard"])]
        for each in weak[:ROWS]
    ]
    found = f"{len(known) - len(weak)} of {counted(len(known), 'cluster')}"
    text = (
        f"For each cluster, its Jaccard coefficient with the most similar cluster of a rerun ({view.many} in both, "
        f"divided by {view.many} in either; Hennig 2007), mean over the reruns. {found} reached {DISSOLVED:g}; those "
        "below it should not be trusted, and above 0.75 a cluster is stable."
    )
    shown = f"The {ROWS} lowest of {len(weak)}." if len(weak) > ROWS else None
    return [e("p", text), table(shown, ["not found again", view.many, "Jaccard"], rows) if rows else None]
