"""Contact sheets: an index with one picture a cluster, then what each cluster looks like."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.pages.clusters.map import mark
from models.pages.clusters.view import KINDS, View, silhouette, to_float
from models.pages.document import section
from models.pages.html import Child, Html, count, counted, e, number, path_text, percent, shortened, user_text

CAPTION = 44  # letters of an id below a picture


def index(view: View) -> Html:
    """All clusters at a glance, linked to their sheets."""
    said = "Big ones first: the medoid, the number of images, and the mean silhouette s among all clusters."
    if view.bare:
        said = "Big ones first: the number of images, the mean silhouette s among all clusters, and the medoid’s id."
    cards = [e("li", _card(view, cluster)) for cluster in view.clusters]
    alone = counted(int(view.answer.get("unclustered") or 0), "image")
    rest = e("p", e("a", f"{alone} in no cluster", at={"href": "#unclustered"})) if view.unclustered else None
    listed = e("nav", e("ol.index", cards), at={"aria-label": "clusters"})
    return section("The clusters", e("p.soft", said, at={"id": "index"}), listed, rest)


def _card(view: View, cluster: Mapping[str, Any]) -> Html:
    medoid = cluster.get("medoid")
    seen = None if medoid is None else view.picture(int(medoid), alt="")
    named = cluster.get("names") or ()
    told: list[Child] = [
        e("b", mark(view.places[int(cluster["id"])]), f" {cluster['id']}"),
        e("span", counted(cluster["size"], "image")),
        e("span", f"s = {silhouette(_latest(cluster))}"),
        e("span.word", user_text(named[0]["label"], 30)) if named else None,
        e("span.word", path_text(view.id(int(medoid)), 40)) if medoid is not None and seen is None else None,
    ]
    return e("a", e("span.frame", seen) if seen else None, told, at={"href": f"#c{cluster['id']}"})


def _latest(cluster: Mapping[str, Any]) -> Any:
    """Its silhouette among all clusters, or else the one it was taken with."""
    final = cluster.get("silhouette_final")
    return cluster.get("silhouette") if final is None else final


def sheets(view: View) -> Html:
    """A sheet a cluster, and one of what is in none."""
    parts: list[Child] = []
    if view.each < 9:
        parts.append(e("p.soft", f"Of so many clusters, {view.each} images of a kind are shown."))
    parts += [_sheet(view, place, cluster) for place, cluster in enumerate(view.clusters)]
    if view.unclustered:
        parts.append(_alone(view))
    return section("Contact sheets", parts)


def _sheet(view: View, place: int, cluster: Mapping[str, Any]) -> Html:
    name = f"c{cluster['id']}"
    heading = e("h3", mark(place), f" Cluster {cluster['id']} ", at={"id": f"{name}h"})
    found = view.exemplars(cluster)
    whole = sum(map(len, found.values())) >= cluster["size"]
    rows = [_row(view, kind, row, whole and len(found) == 1) for kind, row in found.items()]
    parts = [heading, _links(view, place), e("p", _facts(view, cluster)), _names(cluster), _similar(view, cluster)]
    return e("article.sheet", parts, e("div.kinds", rows), at={"id": name, "aria-labelledby": f"{name}h"})


def _facts(view: View, cluster: Mapping[str, Any]) -> list[Child]:
    size, taken, final = cluster["size"], cluster.get("silhouette"), cluster.get("silhouette_final")
    parts: list[Child] = [e("b", counted(size, "image")), f" ({percent(size / max(1, view.n))})"]
    if taken is not None and final is not None:
        before, after = silhouette(taken), silhouette(final)
        if len(view.trace) > 1:
            parts.append(f" · silhouette {before} when it was taken, {after} among all clusters")
        else:
            parts.append(f" · silhouette {after}" if before == after else f" · silhouette {before}, final {after}")
    elif (one := final if taken is None else taken) is not None:
        parts.append(f" · silhouette {silhouette(one)}")
    if cluster.get("pass") is not None and len(view.trace) > 1:
        parts.append(f" · pass {cluster['pass']}")
    return parts


def _names(cluster: Mapping[str, Any]) -> Html | None:
    names = cluster.get("names") or ()
    if not names:
        return None
    said: list[Child] = []
    for each in names:
        score = None if each.get("score") is None else f" {each['score']:.2f}"
        cosine = {} if each.get("cosine") is None else {"title": f"cosine {number(each['cosine'])}"}
        said += [", ", e("b", user_text(each["label"], 60)), e("span", score, at=cosine) if score else None]
    return e("p", "Suggested names: ", said[1:])


def _similar(view: View, cluster: Mapping[str, Any]) -> Html | None:
    hints = cluster.get("similar") or ()
    if not hints:
        return None
    said: list[Child] = []
    for each in hints:
        other = each["cluster"]
        word = f"cluster {other}"
        linked = e("a", word, at={"href": f"#c{other}"}) if int(other) in view.places else word
        apart = "" if each.get("distance") is None else f"distance {number(each['distance'])}, "
        said += [", ", linked, f" ({apart}cosine {number(to_float(each.get('cosine')))})"]
    return e("p", "Much like ", said[1:], ": look at them together, they may be one.")


def _links(view: View, place: int) -> Html:
    """To where one goes from a sheet, also by keyboard."""
    found = [("index", "#index")]
    if place:
        found.append(("← previous", f"#c{view.clusters[place - 1]['id']}"))
    if place + 1 < len(view.clusters):
        found.append(("next →", f"#c{view.clusters[place + 1]['id']}"))
    return e("p.links", [[e("a", said, at={"href": to}), " "] for said, to in found])


def _row(view: View, kind: str, row: Iterable[int], whole: bool) -> Html:
    said = "All of them, the medoid first" if whole else KINDS[kind]
    return e("div", e("h4", said), _pictures(view, row))


def _pictures(view: View, row: Iterable[int]) -> Html:
    return e("ul.strip.bare" if view.bare else "ul.strip", [_one(view, i) for i in row])


def _one(view: View, i: int) -> Html:
    name, value = view.id(i), view.final[i] if 0 <= i < len(view.final) else float("nan")
    title = f"{shortened(name, 300)}, silhouette {silhouette(value)}" if value == value else shortened(name, 300)
    return e("li", view.picture(i), e("small", path_text(name, CAPTION)), at={"title": title})


def _alone(view: View) -> Html:
    n = int(view.answer.get("unclustered") or 0)
    some = f"{len(view.unclustered)} of {count(n)}, at random" if n > len(view.unclustered) else "All of them"
    heading = e("h3", "In no cluster", at={"id": "unclusteredh"})
    told = e("p", e("b", counted(n, "image")), f" ({percent(n / max(1, view.n))})")
    back = e("p.links", e("a", "index", at={"href": "#index"}))
    rows = e("div.kinds", e("div", e("h4", some), _pictures(view, view.unclustered)))
    return e("article.sheet", heading, back, told, rows, at={"id": "unclustered", "aria-labelledby": "unclusteredh"})
