"""The map of a clustering: images as marks in two dimensions, in colours that colour-blind people can tell apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.pages.clusters.view import View
from models.pages.html import Child, Html, count, counted, e, percent, scrolling, shortened
from models.pages.plots import Frame, padded_range, rounded, svg

POINTS = 5000  # marks drawn at most
TITLED = 2000  # marks up to which each has the id of its image as a tooltip
COLOURS = 7
SHAPES = ("disc", "square", "triangle", "cross")
_PATHS = {"disc": "h0", "square": "h0", "triangle": "m0-3l2.7 4.6h-5.4z", "cross": "m-2.3-2.3l4.6 4.6m0-4.6l-4.6 4.6"}
_APART = 15  # smallest distance of two cluster numbers, in pixels


def classes(place: int) -> str:
    """CSS classes of the cluster at this rank by size: its colour, `k0` to `k6`, and one of `SHAPES`."""
    return f"k{place % COLOURS}.{SHAPES[place // COLOURS % len(SHAPES)]}"


def mark(place: int) -> Html:
    """The mark of a cluster as a small picture, to stand beside its name."""
    drawn = e(f"path.{classes(place)}", at={"d": f"M6 6{_PATHS[SHAPES[place // COLOURS % len(SHAPES)]]}"})
    return e("svg.mark", drawn, at={"viewBox": "0 0 12 12", "width": 12, "height": 12, "aria-hidden": "true"})


def cluster_map(view: View) -> Html | None:
    """The map as a figure; None where the answer has no coordinates."""
    points = np.array(view.answer.get("coordinates") or [], np.float64).reshape(-1, 2)
    if not len(points):
        return None
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    drawn = finite
    if len(finite) > POINTS:
        drawn = np.sort(np.random.default_rng(0).choice(finite, POINTS, replace=False))
    frame = Frame(900, 620, padded_range(points[:, 0].tolist()), padded_range(points[:, 1].tolist()), 30, 30, 6, 6)
    groups: list[Child] = [_points(view, frame, points, drawn[view.labels[drawn] < 0], None)]
    for cluster in view.clusters:
        groups.append(_points(view, frame, points, drawn[view.labels[drawn] == cluster["id"]], cluster))
    some = f"{count(len(drawn))} of " if len(drawn) < view.n else ""
    shown = f"{some}{counted(view.n, 'image')}"
    thinned = ", a random sample," if len(drawn) < len(finite) else ""
    below, beside, meaning = _axes(view)
    box = frame.axes([], [], below, beside)
    picture = svg(f"Map of {shown}", 900, 620, box, groups, _numbers(view, frame, points, finite), role="group")
    repeated = "Colours and shapes repeat after 28 clusters. " if len(view.clusters) > 28 else ""
    caption = (
        f"{shown}{thinned} in two dimensions: {meaning} Numbers stand at the medians of clusters and link to their "
        "contact sheets; a number that would overlap another one is left out. Images in no cluster are grey. "
        f"{repeated}Hover over a mark to see its image’s id or its cluster."
    )
    return e("figure.map", scrolling(picture), e("figcaption", caption))


def _axes(view: View) -> tuple[str, str, str]:
    """Names of both axes, and how to read distances on the map."""
    if view.answer.get("projection") == "umap":
        meaning = "UMAP keeps neighbours together; sizes of groups and distances between them mean little."
        return "UMAP 1", "UMAP 2", meaning
    if view.answer.get("projection") != "pca":
        return "first dimension", "second dimension", "similar images lie close together."
    names = ["first principal component", "second principal component"]
    shares = list(view.answer.get("explained") or ())[:2]
    if len(shares) < 2:
        return names[0], names[1], "the first two principal components."
    below, beside = (f"{name} ({percent(share)} of variance)" for name, share in zip(names, shares, strict=True))
    meaning = (
        f"the first two principal components, which explain {percent(sum(shares))} of the variance. Clustering used "
        "all dimensions: marks that overlap here may be far apart there."
    )
    return below, beside, meaning


def _points(view: View, frame: Frame, points: Any, rows: Any, cluster: Mapping[str, Any] | None) -> Html | None:
    """One path with all marks, or one path for each mark, with its image's id, where there are few."""
    if not len(rows):
        return None
    kind, shape, title = "k.disc", "disc", "in no cluster"
    if cluster is not None:
        place = view.places[int(cluster["id"])]
        kind, shape = classes(place), SHAPES[place // COLOURS % len(SHAPES)]
        title = f"cluster {cluster['id']}, {counted(cluster['size'], 'image')}"
    marks = [f"M{' '.join(frame.at(*points[i].tolist()))}{_PATHS[shape]}" for i in rows]
    if view.n > TITLED:
        return e(f"path.{kind}", e("title", title), at={"d": "".join(marks)})
    titled = [
        e("path", e("title", f"{shortened(view.id(i), 100)}: {title}"), at={"d": drawn})
        for i, drawn in zip(rows.tolist(), marks, strict=True)
    ]
    return e(f"g.{kind}", titled)


def _numbers(view: View, frame: Frame, points: Any, finite: Any) -> list[Child]:
    """Cluster numbers at the medians of clusters, largest clusters first; a number that would overlap is left out."""
    taken: list[tuple[float, float]] = []
    labels: list[Child] = []
    for cluster in view.clusters:
        rows = finite[view.labels[finite] == cluster["id"]]
        if not len(rows):
            continue
        x, y = (float(at) for at in frame.at(*np.median(points[rows], axis=0).tolist()))
        if any(abs(x - a) < _APART * 1.3 and abs(y - b) < _APART for a, b in taken):
            continue
        taken.append((x, y))
        at = {"x": rounded(x), "y": rounded(y + 5), "text-anchor": "middle"}
        linked = {"href": f"#c{cluster['id']}", "aria-label": f"cluster {cluster['id']}"}
        labels.append(e("a", e("text.median", str(cluster["id"]), at=at), at=linked))
    return labels
