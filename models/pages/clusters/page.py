"""The report of a clustering as one HTML page: to be looked at, printed, sent to a co-author, put beside a paper."""

from collections.abc import Mapping
from typing import Any

from models.pages.clusters.map import cluster_map
from models.pages.clusters.methods import paragraph, result_sentences, stop_reason
from models.pages.clusters.plots import pass_table, score_plots, silhouettes, stability, threshold_table
from models.pages.clusters.sheets import index, sheets
from models.pages.clusters.style import CLUSTER_STYLE
from models.pages.clusters.view import Mode, View, to_float
from models.pages.document import document, option_text, section
from models.pages.html import Child, Html, count, counted, e, facts, number, table, user_text

UNUSABLE = 50  # listed at most
MODES = {
    "thumbnails": None,
    "blurred": (
        "Pictures are blurred: each was averaged to 8 cells along its longer side before it came into this page. Their "
        "colours and composition remain, so that whoever has the originals can tell which they are; ids are shown."
    ),
    "none": "This page was made without pictures: images are told by their ids.",
}


def page(answer: Mapping[str, Any], thumbnails: Mapping[int, bytes], *, mode: Mode = "thumbnails") -> str:
    """One self-contained page: no script, nothing to be fetched, for light and dark screens, telephones and A4.

    Parameters
    ----------
    answer : of a clustering, as the server gives it in JSON.
    thumbnails : index of an image → JPEG, of `thumbnail`. Those that are shown are `cluster_view.shown(answer)`.
    mode : "none" leaves pictures out; "blurred" takes thumbnails only that were made with `blurred=True`.

    Returns
    -------
    HTML. Everything that users wrote (ids, labels) is escaped, and shortened where it is very long.

    Raises
    ------
    ValueError : an unknown mode, or mode "blurred" with a thumbnail that is not.
    """
    view = View(answer=answer, thumbnails=thumbnails, mode=mode)
    body: list[Child] = [_top(view)]
    if view.clusters:
        body.append(index(view))
    if (drawn := cluster_map(view)) is not None:
        body.append(section("Map", drawn))
    if view.clusters or view.unclustered:
        body.append(sheets(view))
    if boxes := silhouettes(view):
        body.append(section("How cohesive are they?", *boxes))
    searched = [*score_plots(view), pass_table(view), threshold_table(view)]
    if any(part is not None for part in searched):
        body.append(section("How many clusters?", *searched, _ended(view)))
    if answer.get("stability"):
        body.append(section("Would other images give the same?", *_stability(answer["stability"])))
    if answer.get("comparison"):
        body.append(section("Beside known labels", *_comparison(answer["comparison"])))
    body.append(section("For a methods section", e("blockquote", e("p", paragraph(view)))))
    body.append(section("How it was made", *_made(view)))
    dense = e("div.dense", body) if view.each < 9 else body
    return document(
        f"{counted(view.n, 'image')} in {counted(len(view.clusters), 'cluster')}", dense, style=CLUSTER_STYLE
    )


def _top(view: View) -> Html:
    answer, receipt = view.answer, view.answer.get("receipt") or {}
    first, second = result_sentences(view)
    parts: list[Child] = [e("p.kicker", f"Report of a clustering: {view.method}")]
    parts.append(e("h1", f"{counted(view.n, 'image')} in {counted(len(view.clusters), 'cluster')}"))
    parts.append([e("p.lead", first), e("p.lead", second)])
    if said := MODES["none" if view.bare else view.mode]:
        parts.append(e("p", said))
    if remarks := answer.get("remarks"):
        items = [e("li", user_text(remark, 1000)) for remark in remarks]
        parts.append(e("div.notes", e("h2", "To beware of"), e("ul", items)))
    dimension = "" if answer.get("dimension") is None else f", {count(answer['dimension'])} numbers each"
    rows: list[tuple[Child, Child]] = [("Clustered", f"{counted(view.n, 'image')}{dimension}")]
    if unusable := answer.get("unusable"):
        rows.append(("Could not be read", e("a", counted(len(unusable), "image"), at={"href": "#unusable"})))
    told = {
        "Model": answer.get("model"),
        "Revision": receipt.get("revision"),
        "Fingerprint": receipt.get("fingerprint"),
        "Method": view.method,
        "Made": str(answer.get("created") or "").replace("T", " ")[:16] or None,
        "Id": answer.get("id"),
    }
    rows += [(name, user_text(value, 200)) for name, value in told.items() if value is not None]
    return e("header", parts, facts(rows))


def _ended(view: View) -> Html | None:
    why = stop_reason(view)
    return None if why is None else e("p", f"There was no further pass because {why}.")


def _stability(found: Mapping[str, Any]) -> list[Child]:
    share = f"{100 * to_float(found.get('share')):g} %"
    mean, low, high = (number(to_float(found.get(name))) for name in ("mean", "low", "high"))
    return [
        e(
            "p",
            f"{found.get('resamples')} times, a random {share} of the images were clustered anew and compared with "
            "the clusters of this page on the images that both have. The adjusted Rand index is 1 where they are the "
            "same, and 0 where they agree as much as chance would have it.",
        ),
        e("p", e("b", f"Mean {mean}"), f", from {low} to {high}."),
        e("figure", stability(found)),
    ]


def _comparison(found: Mapping[str, Any]) -> list[Child]:
    only = found.get("clustered_only")
    columns = [found, *([only] if only else [])]
    measures = {
        "ari": (
            "Adjusted Rand index",
            "do pairs of images that share a label share a cluster? 1: always, 0: by chance",
        ),
        "nmi": (
            "Normalised mutual information",
            "how much a cluster tells of the label; 0 to 1, rises with more clusters",
        ),
        "purity": ("Purity", "share of images with their cluster’s most frequent label; rises with more clusters"),
    }
    rows: list[list[Child]] = [["Images", *(count(one["n"]) for one in columns)]]
    for key, (said, gloss) in measures.items():
        rows.append([[said, e("small", " ", gloss)], *(number(to_float(one.get(key))) for one in columns)])
    heads = ["", "all images", *(["those in clusters"] if only else [])]
    classes = counted(found["classes"], "known label")
    alone = "What is in no cluster counts as one more cluster in the first column." if only else ""
    return [
        e("p", f"The labels ({classes}) were not used for clustering; what was found is compared with them. {alone}"),
        table(None, heads, rows),
    ]


def _made(view: View) -> list[Child]:
    answer = view.answer
    parts: list[Child] = [e("h3", "Parameters")]
    parts.append(facts((name, user_text(option_text(value), 300)) for name, value in view.params.items()))
    if receipt := answer.get("receipt"):
        parts.append(e("h3", "Receipt of the embeddings"))
        parts.append(
            facts((user_text(name, 60), user_text(option_text(value), 300)) for name, value in receipt.items())
        )
    if libraries := answer.get("libraries"):
        parts.append(e("h3", "Libraries"))
        parts.append(
            facts((user_text(name, 60), user_text(option_text(value), 100)) for name, value in libraries.items())
        )
    if notes := answer.get("notes"):
        parts.append(e("h3", "Our reading of the source"))
        parts.append(
            e("ul", [e("li", user_text(str(note).removeprefix("readings of the source: "), 1000)) for note in notes])
        )
    if any(cluster.get("names") for cluster in view.clusters):
        parts.append(e("h3", "Suggested names"))
        said = "By the model alone, of the names it was given: the mean of the images’ zero-shot probabilities."
        parts.append(e("p", said))
    if unusable := answer.get("unusable"):
        parts.append(e("h3", "Could not be read", at={"id": "unusable"}))
        rows = []
        for each in unusable[:UNUSABLE]:
            error = each.get("error") or {}
            name = each.get("id") or f"image {each.get('index')}"
            rows.append(
                [user_text(name, 160), user_text(error.get("code", ""), 60), user_text(error.get("message", ""), 300)]
            )
        shown = f"The first {UNUSABLE} of {count(len(unusable))}." if len(unusable) > UNUSABLE else None
        parts.append(table(shown, ["image", "why", "in words"], rows, kind="words"))
    return parts
