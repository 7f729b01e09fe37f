"""The hierarchy of a clustering, down to its clusters, as a dendrogram."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.pages.clusters.view import OPEN, View
from models.pages.html import Child, Html, count, counted, e, shortened
from models.pages.plots import NARROW, Frame, redrawn, svg, ticks

MOST = 150  # clusters that are drawn
ROW = 16  # pixels of a cluster
DISTANCES = {"cosine": "cosine distance", "euclidean": "Euclidean distance"}


@dataclass(frozen=True)
class Node:
    """A cluster, or a merge of two nodes at a distance."""

    clusters: tuple[int, ...]
    height: float = 0.0
    parts: tuple["Node", ...] = ()


def dendrogram(view: View) -> list[Child] | None:
    """The plot and its explanation; None for an answer without a hierarchy, or with very many clusters."""
    hierarchy = view.answer.get("hierarchy")
    if not hierarchy or not 2 <= len(view.clusters) <= MOST:
        return None
    root = _tree(view, hierarchy)
    drawn = e("figure", redrawn(partial(_drawing, view, root), 640))
    first = (
        f"The tree of the {view.many}, from the clusters of this page upwards"
        if hierarchy["of"] == "items"
        else "The clusters, merged two by two, the nearest first"
    )
    text = (
        f"{first}. A vertical line shows the distance at which two groups are merged. Clusters that meet far to the "
        "left are hardly distinct. The answer has the tree in the format of scipy, and the SDK cuts it at any place "
        "(“cut”)."
    )
    if len(view.clusters) <= OPEN:
        return [e("p.soft", text), drawn]
    return [e("p.soft", text), e("details", e("summary", f"Dendrogram of {len(view.clusters)} clusters"), drawn)]


def _drawing(view: View, root: Node, width: float) -> Html:
    hierarchy = view.answer["hierarchy"]
    order = {cluster: row for row, cluster in enumerate(root.clusters)}
    by_id = {int(each["id"]): each for each in view.clusters}
    tall, broad = ROW * len(order) + 46, width > NARROW
    frame = Frame(width, tall, (0, root.height * 1.03 or 1), (len(order) - 0.5, -0.5), left=200 if broad else 110)
    parts: list[Child] = []
    for cluster, row in order.items():
        name = view.sure_name(by_id[cluster])
        label = f"{cluster} ({count(by_id[cluster]['size'])})"
        if name is not None:
            label += f" {shortened(name, 18 if broad else 8)}"
        parts.append(frame.text(label, 0, row, anchor="end", dx=-5, dy=4))
    _draw(root, order, frame, parts)
    distance = f"{_distance(hierarchy)}, {hierarchy['method']} linkage"
    title = f"Dendrogram of {counted(len(order), 'cluster')}"
    axes = frame.axes(ticks(0, root.height or 1, 5 if broad else 3), [], distance, "")
    return svg(title, width, tall, axes, parts)


def _distance(hierarchy: Mapping[str, Any]) -> str:
    if hierarchy["of"] == "items":
        return DISTANCES[hierarchy["metric"]]
    return "mean cosine distance" if hierarchy["metric"] == "cosine" else "mean squared Euclidean distance"


def _tree(view: View, hierarchy: Mapping[str, Any]) -> Node:
    """The merges of different clusters; those of images within a cluster are left out."""
    leaves = hierarchy["leaves"]
    of_items = hierarchy["of"] == "items"
    nodes = [Node((int(view.labels[leaf]) if of_items else int(leaf),)) for leaf in leaves]
    for a, b, height, _ in hierarchy["linkage"]:
        first, second = nodes[int(a)], nodes[int(b)]
        if first.clusters == second.clusters:
            nodes.append(first)
        else:
            largest, other = sorted((first, second), key=lambda node: view.places[node.clusters[0]])
            nodes.append(Node((*largest.clusters, *other.clusters), float(height), (largest, other)))
    return nodes[-1]


def _draw(node: Node, order: Mapping[int, int], frame: Frame, parts: list[Child]) -> float:
    """Add the lines of the merges below `node`; the row of its middle."""
    if not node.parts:
        return float(order[node.clusters[0]])
    rows = [_draw(part, order, frame, parts) for part in node.parts]
    (first, second), (high, low) = node.parts, rows
    corners = [(first.height, high), (node.height, high), (node.height, low), (second.height, low)]
    parts.append(frame.line("tree", corners))
    return sum(rows) / 2
