"""The report of a clustering as one HTML page."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from models.pages.clusters.dendrogram import dendrogram
from models.pages.clusters.map import cluster_map
from models.pages.clusters.methods import paragraph, result_sentences, stop_reason
from models.pages.clusters.plots import (
    cluster_stability,
    pass_table,
    score_plots,
    silhouettes,
    sizes,
    stability,
    threshold_table,
)
from models.pages.clusters.sheets import index, sheets
from models.pages.clusters.style import CLUSTER_STYLE
from models.pages.clusters.view import LEAD, SURE, View, to_float
from models.pages.document import caveats, document, methods_section, section, section_id
from models.pages.html import Child, Html, count, counted, e, facts, number, table, user_text
from models.pages.items import Mode, mode_note
from models.pages.plots import redrawn
from models.pages.provenance import receipt_facts, unusable_table

NAMES_FROM = {
    "vocabulary": "The model alone ranks candidates by their mean zero-shot probability over the images of a cluster.",
    "built-in vocabulary": (
        "Nobody gave candidates: the model ranks the names of ImageNet’s 1,000 classes by their mean zero-shot "
        "probability over the images of a cluster, and leaves out those below 0.05. Things outside these classes get "
        "the name of the nearest one: give a vocabulary for names that fit."
    ),
    "texts": (
        "Words of the texts, by class-based TF-IDF (Grootendorst 2022): the word’s share of the words of the cluster "
        "times log(1 + A / f), where f is its number in all texts and A the mean number of words in a cluster. Words "
        "of a single text are left out."
    ),
}
UNSURE = (
    f"A name is shown where the probability of the first candidate is at least {SURE:g} and at least {LEAD:g} times "
    "that of the second; elsewhere the model is unsure."
)
UNREADABLE = "Items that could not be read"


def page(answer: Mapping[str, Any], thumbnails: Mapping[int, bytes], *, mode: Mode = "thumbnails") -> str:
    """Build a self-contained page, without scripts or requests, for screens and A4 paper.

    Parameters
    ----------
    answer : the clustering as the server answers it in JSON.
    thumbnails : index of an image → JPEG made by `thumbnail`; `view.shown_images(answer)` lists the indexes needed.
    mode : "none" leaves pictures out; "blurred" accepts only those of which the faces or all were blurred.

    Returns
    -------
    HTML. Text written by users (ids, labels) is escaped, and shortened where it is very long.

    Raises
    ------
    ValueError : an unknown mode, or mode "blurred" with a thumbnail that is not blurred.
    """
    view = View(answer=answer, thumbnails=thumbnails, mode=mode)
    body: list[Child] = [_top(view)]
    if view.clusters:
        body.append(section("Sizes of the clusters", *sizes(view)))
    if (drawn := cluster_map(view)) is not None:
        body.append(section("Map", drawn))
    searched = [*score_plots(view), pass_table(view), threshold_table(view)]
    if any(part is not None for part in searched):
        body.append(section("Choice of the number of clusters", *searched, _stop_sentence(view)))
    if view.clusters:
        body.append(index(view))
    if boxes := silhouettes(view):
        body.append(section("Cohesion of the clusters", *boxes))
    if (tree := dendrogram(view)) is not None:
        body.append(section("Hierarchy of the clusters", *tree))
    if answer.get("stability"):
        body.append(section("Stability under resampling", *_stability(view, answer["stability"])))
    if answer.get("comparison"):
        body.append(section("Comparison with known labels", *_comparison(view, answer["comparison"])))
    body.append(methods_section(paragraph(view)))
    if view.clusters or view.unclustered:
        body.append(sheets(view))
    if answer.get("unusable"):
        body.append(unusable_table(answer["unusable"], UNREADABLE))
    body.append(section("Parameters and versions", *_provenance(view)))
    title = f"{view.items(view.n)} in {counted(len(view.clusters), 'cluster')}"
    return document(title, body, style=CLUSTER_STYLE)


def _top(view: View) -> Html:
    answer, receipt = view.answer, view.answer.get("receipt") or {}
    first, second = result_sentences(view)
    parts: list[Child] = [e("p.kicker", f"Report of a clustering: {view.method}")]
    parts.append(e("h1", f"{view.items(view.n)} in {counted(len(view.clusters), 'cluster')}"))
    parts.append([e("p.lead", first), e("p.lead", second)])
    if explanation := mode_note("none" if view.bare else view.mode, view.thumbnails.values()):
        parts.append(e("p", explanation))
    parts.append(caveats(answer.get("remarks") or ()))
    dimension = "" if answer.get("dimension") is None else f", {count(answer['dimension'])} dimensions"
    rows: list[tuple[Child, Child]] = [("Data", f"{view.items(view.n)}{dimension}")]
    if unusable := answer.get("unusable"):
        rows.append(("Could not be read", e("a", view.items(len(unusable)), at={"href": f"#{section_id(UNREADABLE)}"})))
    provenance = {
        "Model": answer.get("model"),
        "Revision": receipt.get("revision"),
        "Fingerprint": receipt.get("fingerprint"),
        "Method": view.method,
        "Created": str(answer.get("created") or "").replace("T", " ")[:16] or None,
        "Id": answer.get("id"),
    }
    rows += [(name, user_text(value, 200)) for name, value in provenance.items() if value is not None]
    return e("header", parts, facts(rows))


def _stop_sentence(view: View) -> Html | None:
    why = stop_reason(view)
    return None if why is None else e("p", f"There was no further pass because {why}.")


def _stability(view: View, result: Mapping[str, Any]) -> list[Child]:
    share = f"{100 * to_float(result.get('share')):.3g} %"
    mean, low, high = (number(to_float(result.get(name))) for name in ("mean", "low", "high"))
    return [
        e(
            "p",
            f"{counted(int(result.get('resamples') or 0), 'time')}, a random {share} of the {view.many} were clustered "
            f"again and compared with the clusters of this page on the {view.many} in both. The adjusted Rand index is "
            "1 for identical clusters, and 0 on average for clusters that agree only by chance.",
        ),
        e("p", e("b", f"Mean {mean}"), f", from {low} to {high}."),
        e("figure", redrawn(partial(stability, result), 430)),
        *cluster_stability(view),
    ]


def _comparison(view: View, result: Mapping[str, Any]) -> list[Child]:
    only = result.get("clustered_only")
    columns = [result, *([only] if only else [])]
    measures = {
        "ari": (
            "Adjusted Rand index",
            f"agreement of clusters and labels on pairs of {view.many}; 1: complete, 0: by chance",
        ),
        "nmi": (
            "Normalised mutual information",
            "information that clusters give about labels; 0 to 1, rises with more clusters",
        ),
        "purity": (
            "Purity",
            f"share of {view.many} with their cluster’s most frequent label; rises with more clusters",
        ),
    }
    rows: list[list[Child]] = [[view.many.capitalize(), *(count(column["n"]) for column in columns)]]
    for key, (label, gloss) in measures.items():
        rows.append([[label, e("small", " ", gloss)], *(number(to_float(column.get(key))) for column in columns)])
    heads = ["", f"all {view.many}", *([f"{view.many} in clusters"] if only else [])]
    classes = counted(result["classes"], "known label")
    alone = f"In the first column, {view.many} in no cluster count as one more cluster." if only else ""
    return [
        e("p", f"Clusters are compared with {classes}, which were not used for clustering. {alone}"),
        table(None, heads, rows),
    ]


def _provenance(view: View) -> list[Child]:
    answer = view.answer
    parts: list[Child] = [e("h3", "Parameters")]
    parts.append(receipt_facts(view.params))
    if receipt := answer.get("receipt"):
        parts.append(e("h3", "Receipt of the embeddings"))
        parts.append(receipt_facts(receipt))
    if libraries := answer.get("libraries"):
        parts.append(e("h3", "Libraries"))
        parts.append(receipt_facts(libraries))
    if notes := answer.get("notes"):
        parts.append(e("h3", "Interpretation of the source"))
        parts.append(
            e("ul", [e("li", user_text(str(note).removeprefix("readings of the source: "), 1000)) for note in notes])
        )
    if any(cluster.get("names") for cluster in view.clusters):
        parts.append(e("h3", "Suggested names"))
        text = NAMES_FROM.get(str(answer.get("names_from")), NAMES_FROM["vocabulary"])
        parts.append(e("p", text, f" {UNSURE}" if answer.get("names_from") != "texts" else None))
    return parts
