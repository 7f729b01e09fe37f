"""The map: images as marks in two dimensions. Seven colours that colour-blind people tell apart, times four shapes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.pages.clusters.view import View
from models.pages.html import Child, Html, count, counted, e, percent, scrolling, shortened
from models.pages.plots import Frame, padded_range, rounded, svg

POINTS = 5000  # drawn at most
TITLED = 2000  # up to so many points each says which image it is
COLOURS = 7
SHAPES = ("disc", "square", "triangle", "cross")
_DRAWN = {"disc": "h0", "square": "h0", "triangle": "m0-3l2.7 4.6h-5.4z", "cross": "m-2.3-2.3l4.6 4.6m0-4.6l-4.6 4.6"}
_APART = 15  # pixels between two numbers


def classes(place: int) -> str:
    """Colour and shape of the cluster at this place by size: `k0` to `k6`, and one of `SHAPES`."""
    return f"k{place % COLOURS}.{SHAPES[place // COLOURS % len(SHAPES)]}"


def mark(place: int) -> Html:
    """A cluster's mark, beside its name."""
    drawn = e(f"path.{classes(place)}", at={"d": f"M6 6{_DRAWN[SHAPES[place // COLOURS % len(SHAPES)]]}"})
    return e("svg.mark", drawn, at={"viewBox": "0 0 12 12", "width": 12, "height": 12, "aria-hidden": "true"})


def cluster_map(view: View) -> Html | None:
    """None where there are no coordinates."""
    places = np.array(view.answer.get("coordinates") or [], np.float64).reshape(-1, 2)
    if not len(places):
        return None
    finite = np.flatnonzero(np.isfinite(places).all(axis=1))
    drawn = finite
    if len(finite) > POINTS:
        drawn = np.sort(np.random.default_rng(0).choice(finite, POINTS, replace=False))
    frame = Frame(900, 620, padded_range(places[:, 0].tolist()), padded_range(places[:, 1].tolist()), 30, 30, 6, 6)
    groups: list[Child] = [_points(view, frame, places, drawn[view.labels[drawn] < 0], None)]
    for cluster in view.clusters:
        groups.append(_points(view, frame, places, drawn[view.labels[drawn] == cluster["id"]], cluster))
    some = f"{count(len(drawn))} of " if len(drawn) < view.n else ""
    shown = f"{some}{counted(view.n, 'image')}"
    thinned = ", drawn at random but always the same," if len(drawn) < len(finite) else ""
    below, beside, told = _axes(view)
    box = frame.axes([], [], below, beside)
    picture = svg(f"Map of {shown}", 900, 620, box, groups, _numbers(view, frame, places, finite), role="group")
    said = (
        f"{shown}{thinned} in two dimensions: {told} A number stands at the median of its cluster and links to its "
        "sheet; one that would lie on another’s is left out. Grey: in no cluster. Colours and shapes "
        f"{'come again after 28 clusters' if len(view.clusters) > 28 else 'tell clusters apart'}; point at a mark to "
        "see what it is."
    )
    return e("figure.map", scrolling(picture), e("figcaption", said))


def _axes(view: View) -> tuple[str, str, str]:
    if view.answer.get("projection") == "umap":
        told = "UMAP keeps neighbours together; how far apart groups lie, and how large they are, says little."
        return "UMAP 1", "UMAP 2", told
    if view.answer.get("projection") != "pca":
        return "first dimension", "second dimension", "what lies close is alike."
    names = ["first principal component", "second principal component"]
    shares = list(view.answer.get("explained") or ())[:2]
    if len(shares) < 2:
        return names[0], names[1], "the two principal components."
    below, beside = (f"{name} ({percent(share)} of variance)" for name, share in zip(names, shares, strict=True))
    told = (
        f"the two principal components, which hold {percent(sum(shares))} of the variance. Clusters were made in all "
        "dimensions: what overlaps here may be far apart."
    )
    return below, beside, told


def _points(view: View, frame: Frame, places: Any, rows: Any, cluster: Mapping[str, Any] | None) -> Html | None:
    """One path of all marks, or one each with the image's id, where there are few."""
    if not len(rows):
        return None
    kind, shape, title = "k.disc", "disc", "in no cluster"
    if cluster is not None:
        place = view.places[int(cluster["id"])]
        kind, shape = classes(place), SHAPES[place // COLOURS % len(SHAPES)]
        title = f"cluster {cluster['id']}, {counted(cluster['size'], 'image')}"
    marks = [f"M{' '.join(frame.at(*places[i].tolist()))}{_DRAWN[shape]}" for i in rows]
    if view.n > TITLED:
        return e(f"path.{kind}", e("title", title), at={"d": "".join(marks)})
    each = [
        e("path", e("title", f"{shortened(view.id(i), 100)}: {title}"), at={"d": drawn})
        for i, drawn in zip(rows.tolist(), marks, strict=True)
    ]
    return e(f"g.{kind}", each)


def _numbers(view: View, frame: Frame, places: Any, finite: Any) -> list[Child]:
    """At the medians, of big clusters first; none on top of another."""
    taken: list[tuple[float, float]] = []
    found: list[Child] = []
    for cluster in view.clusters:
        rows = finite[view.labels[finite] == cluster["id"]]
        if not len(rows):
            continue
        x, y = (float(at) for at in frame.at(*np.median(places[rows], axis=0).tolist()))
        if any(abs(x - a) < _APART * 1.3 and abs(y - b) < _APART for a, b in taken):
            continue
        taken.append((x, y))
        at = {"x": rounded(x), "y": rounded(y + 5), "text-anchor": "middle"}
        linked = {"href": f"#c{cluster['id']}", "aria-label": f"cluster {cluster['id']}"}
        found.append(e("a", e("text.median", str(cluster["id"]), at=at), at=linked))
    return found
