"""Contact sheets: an index with one picture for each cluster, then a sheet of pictures for each cluster."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.pages.clusters.map import mark
from models.pages.clusters.view import KINDS, OPEN, SMALL, View, silhouette, to_float
from models.pages.document import section
from models.pages.html import (
    Child,
    Html,
    count,
    counted,
    decimals,
    e,
    number,
    path_text,
    percent,
    shortened,
    table,
    user_text,
)

CAPTION = 44  # characters of an id below a picture


def index(view: View) -> Html:
    """The overview of all clusters, linked to their sheets."""
    text = f"Largest first: the medoid, the number of {view.many}, and s, the mean silhouette among all clusters."
    if view.bare:
        text = f"Largest first: the number of {view.many}, s, the mean silhouette among all clusters, and the medoid."
    cards = [e("li", _card(view, cluster)) for cluster in view.clusters]
    alone = view.items(int(view.answer.get("unclustered") or 0))
    rest = e("p", e("a", f"{alone} in no cluster", at={"href": "#unclustered"})) if view.unclustered else None
    listed = e("nav", e("ol.index", cards), at={"aria-label": "clusters"})
    every = e("details", e("summary", "Table of all clusters"), _table(view))
    return section("Clusters", e("p.soft", text, at={"id": "index"}), listed, rest, every)


def _table(view: View) -> Html:
    """The clusters with their figures, a row each."""
    rows: list[list[Child]] = []
    for cluster in view.clusters:
        medoid = cluster.get("medoid")
        found, jaccard = to_float(_latest(cluster)), to_float(cluster.get("jaccard"))
        name = view.sure_name(cluster)
        rows.append(
            [
                e("a", str(cluster["id"]), at={"href": f"#c{cluster['id']}"}),
                count(cluster["size"]),
                decimals(found, 3),
                number(jaccard),
                "" if name is None else user_text(name, 60),
                "" if medoid is None else path_text(view.id(int(medoid)), 80),
            ]
        )
    heads = ["cluster", view.many, "silhouette", "Jaccard", "suggested name", "medoid"]
    return table(None, heads, rows, name="clusters")


def _card(view: View, cluster: Mapping[str, Any]) -> Html:
    medoid = cluster.get("medoid")
    picture = None if medoid is None else view.picture(int(medoid), alt="")
    name = view.sure_name(cluster)
    lines: list[Child] = [
        e("b", mark(view.places[int(cluster["id"])]), f" {cluster['id']}"),
        e("span", view.items(cluster["size"])),
        e("span", f"s = {silhouette(_latest(cluster))}"),
        None if name is None else e("span.word", user_text(name, 30)),
        e("span.word", path_text(view.id(int(medoid)), 40)) if medoid is not None and picture is None else None,
    ]
    return e("a", e("span.frame", picture) if picture else None, lines, at={"href": f"#c{cluster['id']}"})


def _latest(cluster: Mapping[str, Any]) -> Any:
    """The silhouette among all clusters, or else the one at extraction."""
    final = cluster.get("silhouette_final")
    return cluster.get("silhouette") if final is None else final


def sheets(view: View) -> Html:
    """One sheet for each cluster, and one for images in no cluster."""
    parts: list[Child] = []
    if view.per_kind < 9:
        parts.append(e("p.soft", f"There are many clusters, so each row shows at most {view.per_kind} {view.many}."))
    places = range(len(view.clusters))
    small = [place for place in places if view.clusters[place]["size"] <= SMALL]
    large = [place for place in places if place not in set(small)]
    parts += [_sheet(view, place) for place in large[:OPEN]]
    parts += [_folded(view, place) for place in large[OPEN:]]
    if small:
        several = f"{counted(len(small), 'cluster')} of {SMALL} {view.many} or fewer"
        parts.append(e("details.fold", e("summary", several), e("div.few", [_sheet(view, place) for place in small])))
    if view.unclustered:
        parts.append(_unclustered(view))
    return section("Contact sheets", e("div.dense" if view.per_kind < 9 else "div", parts))


def _folded(view: View, place: int) -> Html:
    """A sheet that opens by a click, or by a link to it."""
    cluster = view.clusters[place]
    name = view.sure_name(cluster)
    label = [mark(place), f" Cluster {cluster['id']}: {view.items(cluster['size'])}"]
    named = None if name is None else [", ", user_text(name, 60)]
    return e("details.fold", e("summary", label, named), _sheet(view, place))


def _sheet(view: View, place: int) -> Html:
    cluster = view.clusters[place]
    name = f"c{cluster['id']}"
    heading = e("h3", mark(place), f" Cluster {cluster['id']} ", at={"id": f"{name}h"})
    exemplars = view.exemplars(cluster)
    whole = sum(map(len, exemplars.values())) >= cluster["size"]
    rows = [_row(view, kind, row, whole and len(exemplars) == 1) for kind, row in exemplars.items()]
    parts = [
        heading,
        _links(view, place),
        e("p", _facts(view, cluster)),
        _names(view, cluster),
        _similar(view, cluster),
    ]
    return e("article.sheet", parts, e("div.kinds", rows), at={"id": name, "aria-labelledby": f"{name}h"})


def _facts(view: View, cluster: Mapping[str, Any]) -> list[Child]:
    size, taken, final = cluster["size"], cluster.get("silhouette"), cluster.get("silhouette_final")
    parts: list[Child] = [e("b", view.items(size)), f" ({percent(size / max(1, view.n))})"]
    if taken is not None and final is not None:
        before, after = silhouette(taken), silhouette(final)
        if len(view.trace) > 1:
            parts.append(f" · silhouette {before} at extraction, {after} among all clusters")
        else:
            parts.append(f" · silhouette {after}" if before == after else f" · silhouette {before}, final {after}")
    elif (value := final if taken is None else taken) is not None:
        parts.append(f" · silhouette {silhouette(value)}")
    if cluster.get("pass") is not None and len(view.trace) > 1:
        parts.append(f" · pass {cluster['pass']}")
    if cluster.get("jaccard") is not None:
        parts.append(f" · found again in reruns: Jaccard {number(cluster['jaccard'])}")
    return parts


def _names(view: View, cluster: Mapping[str, Any]) -> Html | None:
    names = cluster.get("names") or ()
    if view.sure_name(cluster) is None:
        return e("p.soft", "No suggested name: the model is unsure.") if names else None
    parts: list[Child] = []
    for name in names:
        score = None if name.get("score") is None else f" {name['score']:.2f}"
        cosine = {} if name.get("cosine") is None else {"title": f"cosine {number(name['cosine'])}"}
        parts += [", ", e("b", user_text(name["label"], 60)), e("span", score, at=cosine) if score else None]
    return e("p", "Suggested names: ", parts[1:])


def _similar(view: View, cluster: Mapping[str, Any]) -> Html | None:
    hints = cluster.get("similar") or ()
    if not hints:
        return None
    parts: list[Child] = []
    for hint in hints:
        other = hint["cluster"]
        label = f"cluster {other}"
        linked = e("a", label, at={"href": f"#c{other}"}) if int(other) in view.places else label
        apart = "" if hint.get("distance") is None else f"distance {number(hint['distance'])}, "
        parts += [", ", linked, f" ({apart}cosine {number(to_float(hint.get('cosine')))})"]
    return e("p", "Similar to ", parts[1:], ". Compare their sheets: they may be one cluster.")


def _links(view: View, place: int) -> Html:
    """Links from a sheet to the index and to the sheets before and after it."""
    links = [("index", "#index")]
    if place:
        links.append(("← previous", f"#c{view.clusters[place - 1]['id']}"))
    if place + 1 < len(view.clusters):
        links.append(("next →", f"#c{view.clusters[place + 1]['id']}"))
    return e("p.links", [[e("a", label, at={"href": target}), " "] for label, target in links])


def _row(view: View, kind: str, row: Iterable[int], whole: bool) -> Html:
    heading = f"All {view.many}, the medoid first" if whole else KINDS[kind]
    return e("div", e("h4", heading), _pictures(view, row))


def _pictures(view: View, row: Iterable[int]) -> Html:
    return e("ul.strip.bare" if view.bare else "ul.strip", [_picture(view, i) for i in row])


def _picture(view: View, i: int) -> Html:
    name, value = view.id(i), view.final[i] if 0 <= i < len(view.final) else float("nan")
    title = f"{shortened(name, 300)}, silhouette {silhouette(value)}" if value == value else shortened(name, 300)
    return e("li", view.picture(i), e("small", path_text(name, CAPTION)), at={"title": title})


def _unclustered(view: View) -> Html:
    n = int(view.answer.get("unclustered") or 0)
    some = f"{len(view.unclustered)} of {count(n)}, at random" if n > len(view.unclustered) else f"All {view.many}"
    heading = e("h3", "In no cluster", at={"id": "unclusteredh"})
    size = e("p", e("b", view.items(n)), f" ({percent(n / max(1, view.n))})")
    back = e("p.links", e("a", "index", at={"href": "#index"}))
    rows = e("div.kinds", e("div", e("h4", some), _pictures(view, view.unclustered)))
    return e("article.sheet", heading, back, size, rows, at={"id": "unclustered", "aria-labelledby": "unclusteredh"})
