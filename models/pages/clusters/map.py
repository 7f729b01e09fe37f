"""The map of a clustering: images as marks in two dimensions, in colours that colour-blind people can tell apart."""

from collections.abc import Mapping
from functools import partial
from math import cos, radians, sin
from typing import Any

import numpy as np

from models.pages.clusters.view import View
from models.pages.html import Child, Html, count, e, percent, shortened
from models.pages.plots import NARROW, Frame, padded_range, redrawn, rounded, svg

POINTS = 5000  # marks drawn at most
TITLED = 2000  # marks up to which each has the id of its image as a tooltip
COLOURS = 7
SHAPES = ("disc", "square", "triangle", "cross")
_PATHS = {"disc": "h0", "square": "h0", "triangle": "m0-3l2.7 4.6h-5.4z", "cross": "m-2.3-2.3l4.6 4.6m0-4.6l-4.6 4.6"}
WIDTH = 960.0  # pixels of the map on a wide screen
DIGIT, TALL = 9.0, 15.0  # pixels of a digit of a cluster number, and its height
FEW = 30  # clusters, the largest, that have a number on a telephone
REACH = (14, 20, 28, 38, 50)  # pixels that a number may lie from the median of its cluster


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
    some = f"{count(len(drawn))} of " if len(drawn) < view.n else ""
    shown = f"{some}{view.items(view.n)}"
    thinned = ", a random sample," if len(drawn) < len(finite) else ""
    meaning = _axes(view)[2]
    repeated = "Colours and shapes repeat after 28 clusters. " if len(view.clusters) > 28 else ""
    caption = (
        f"{shown}{thinned} in two dimensions: {meaning} Numbers stand at the medians of clusters, or beside them with "
        "a line, and link to their contact sheets; one for which there is no place is left out. Grey: "
        f"{view.many} in no cluster. {repeated}Hover over a mark to see its {view.noun}’s id or its cluster."
    )
    plot = redrawn(partial(_drawing, view, points, drawn, f"Map of {shown}"), WIDTH)
    return e("figure.map", plot, e("figcaption", caption))


def _drawing(view: View, points: Any, drawn: Any, title: str, width: float) -> Html:
    """The map at a width in pixels; on a telephone its marks have no tooltips."""
    height = 620 if width > NARROW else 320
    across, up = (padded_range(points[:, i].tolist()) for i in (0, 1))
    frame = Frame(width, height, across, up, 30, 30, 6, 6)
    titled = view.n <= TITLED and width > NARROW
    groups: list[Child] = [_points(view, frame, points, drawn[view.labels[drawn] < 0], None, titled=titled)]
    for cluster in view.clusters:
        rows = drawn[view.labels[drawn] == cluster["id"]]
        groups.append(_points(view, frame, points, rows, cluster, titled=titled))
    below, beside, _ = _axes(view)
    if width <= NARROW:
        below, beside = (name.split(" (")[0] for name in (below, beside))
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    labels = _numbers(view, frame, points, finite)
    return svg(title, width, height, frame.axes([], [], below, beside), groups, labels, role="group")


def _axes(view: View) -> tuple[str, str, str]:
    """Names of both axes, and how to read distances on the map."""
    if view.answer.get("projection") == "umap":
        meaning = "UMAP keeps neighbours together; sizes of groups and distances between them mean little."
        return "UMAP 1", "UMAP 2", meaning
    if view.answer.get("projection") != "pca":
        return "first dimension", "second dimension", f"similar {view.many} lie close together."
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


def _points(
    view: View, frame: Frame, points: Any, rows: Any, cluster: Mapping[str, Any] | None, *, titled: bool
) -> Html | None:
    """One path with all marks, or if `titled` one path for each mark, with its image's id."""
    if not len(rows):
        return None
    kind, shape, title = "k.disc", "disc", "in no cluster"
    if cluster is not None:
        place = view.places[int(cluster["id"])]
        kind, shape = classes(place), SHAPES[place // COLOURS % len(SHAPES)]
        title = f"cluster {cluster['id']}, {view.items(cluster['size'])}"
    marks = [f"M{' '.join(frame.at(*points[i].tolist()))}{_PATHS[shape]}" for i in rows]
    if not titled:
        return e(f"path.{kind}", e("title", title), at={"d": "".join(marks)})
    paths = [
        e("path", e("title", f"{shortened(view.id(i), 100)}: {title}"), at={"d": drawn})
        for i, drawn in zip(rows.tolist(), marks, strict=True)
    ]
    return e(f"g.{kind}", paths)


def _numbers(view: View, frame: Frame, points: Any, finite: Any) -> list[Child]:
    """Cluster numbers at the medians of clusters, or beside them, the largest clusters first."""
    taken: list[tuple[float, float, float]] = []
    lines: list[Child] = []
    labels: list[Child] = []
    for cluster in view.clusters if frame.width > NARROW else view.clusters[:FEW]:
        rows = finite[view.labels[finite] == cluster["id"]]
        if not len(rows):
            continue
        x, y = (float(at) for at in frame.at(*np.median(points[rows], axis=0).tolist()))
        half = DIGIT * len(str(cluster["id"])) / 2
        place = _free(frame, taken, x, y, half)
        if place is None:
            continue
        left, top = place
        taken.append((left, top, half))
        if place != (x, y):
            lines.append(e("path.lead-line", at={"d": f"M{rounded(x)} {rounded(y)}L{rounded(left)} {rounded(top)}"}))
        at = {"x": rounded(left), "y": rounded(top + 5), "text-anchor": "middle"}
        linked = {"href": f"#c{cluster['id']}", "aria-label": f"cluster {cluster['id']}"}
        labels.append(e("a", e("text.median", str(cluster["id"]), at=at), at=linked))
    return [*lines, *labels]


def _free(
    frame: Frame, taken: list[tuple[float, float, float]], x: float, y: float, half: float
) -> tuple[float, float] | None:
    """The place nearest to (x, y) at which a number of this half width overlaps no other; None where there is none."""
    for distance in (0, *REACH):
        for angle in range(0, 360, 45) if distance else (0,):
            left = x + distance * cos(radians(angle))
            top = y + distance * sin(radians(angle))
            inside = frame.left + half < left < frame.width - frame.right - half
            inside = inside and frame.top + TALL / 2 < top < frame.height - frame.bottom - TALL / 2
            if (inside or not distance) and not any(
                abs(left - a) < half + other + 2 and abs(top - b) < TALL for a, b, other in taken
            ):
                return left, top
    return None
