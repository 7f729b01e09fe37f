"""The page of a search for duplicates: each group with the item that is kept and those that could go."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.images.perceptual import BITS
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, agree, count, counted, e, facts, number, percent, table, user_text
from models.pages.items import STYLE, Items, expect
from models.pages.provenance import model_words, receipt_facts, unusable_table

MEMBERS = 24  # of a group that are shown
FOLD = 20  # groups under one heading that can be folded
GROUPS = 1000  # groups listed at most
KINDS = {"exact": "exact duplicates", "near": "near duplicates", "semantic": "semantic duplicates"}
ORIGINS = {
    "given": "as requested",
    "corpus": "learned from the cosines of this corpus",
    "model": "from the model’s cosines of unrelated pictures",
    "fallback": "a fallback, since too little is known of this corpus and model",
}
LINKAGES = {
    "single": "single linkage: a chain of duplicates is one group, so that its ends may be less similar",
    "star": "star linkage: every item of a group is a duplicate of the item that is kept",
}


def ids(answer: Mapping[str, Any]) -> Sequence[str]:
    """Ids of the items, of which a page may show pictures."""
    names: Sequence[str] = answer["ids"]
    return names


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/duplicates.

    Raises
    ------
    PageError : groups of items that the answer does not have.
    """
    _check(answer)
    groups = sorted(enumerate(answer["groups"]), key=lambda pair: -len(pair[1]["members"]))
    n, extra = int(answer["n"]), sum(len(group["members"]) - 1 for _, group in groups)
    title = f"{count(extra)} of {counted(n, 'item')} could go" if extra else f"No duplicates among {counted(n, 'item')}"
    body: list[Child] = [_top(answer, items, title, extra)]
    if groups:
        body.append(_sizes([len(group["members"]) for _, group in groups]))
        body.append(_groups(answer, items, groups))
    if answer["related"]:
        body.append(_related(answer, items))
    body.append(methods_section(paragraph(answer)))
    if answer["unusable"]:
        body.append(unusable_table(answer["unusable"], "Items that could not be compared"))
    if answer["receipt"]:
        body.append(section("Receipt of the embeddings", receipt_facts(answer["receipt"])))
    return document(title, body, style=STYLE)


def _check(answer: Mapping[str, Any]) -> None:
    n = answer["n"]
    expect(len(answer["ids"]) == n, f"ids: has {len(answer['ids'])} ids for {n} items")
    for name in ("groups", "related"):
        for k, group in enumerate(answer[name]):
            members, at = group["members"], f"{name}[{k}]"
            expect(all(0 <= i < n for i in members), f"{at}.members: has an index that is none of the {n} items")
            expect(len(set(members)) == len(members) > 0, f"{at}.members: is empty, or has an item twice")
            if name == "groups":
                expect(group["representative"] in members, f"{at}.representative: is none of its members")
                expect(len(group["similarity"]) == len(members), f"{at}.similarity: has not one for each member")


def _top(answer: Mapping[str, Any], items: Items, title: str, extra: int) -> Html:
    n, groups, kind = answer["n"], answer["groups"], str(answer["kind"])
    parts: list[Child] = [e("p.kicker", f"Report of a search for {KINDS.get(kind, 'duplicates')}"), e("h1", title)]
    if groups:
        inside = sum(len(group["members"]) for group in groups)
        parts.append(
            e(
                "p.lead",
                f"{counted(len(groups), 'group')} {agree(len(groups), 'holds', 'hold')} {counted(inside, 'item')}. One "
                f"item of each group is kept, and {count(extra)} ({percent(extra / max(1, n))} of all) could go: "
                f"{count(n - extra)} would be left.",
            )
        )
        parts.append(e("p", "Nothing has been deleted. Look at the groups before you leave items out."))
    if related := answer["related"]:
        them = sum(len(group["members"]) for group in related)
        parts.append(
            e(
                "p",
                e(
                    "a",
                    f"{counted(len(related), 'further group')} of {counted(them, 'item')}",
                    at={"href": "#same-layout-different-content"},
                ),
                f" {agree(len(related), 'has', 'have')} the same layout with different content. They are all kept.",
            )
        )
    parts += [items.note(), caveats([*answer["remarks"], *items.remarks])]
    rows: list[tuple[Child, Child]] = [("Items", count(n)), ("Rule", _rule(answer))]
    if answer["linkage"] in LINKAGES:
        rows.append(("Groups", LINKAGES[answer["linkage"]]))
    if answer["threshold_origin"]:
        rows.append(("Threshold", ORIGINS[answer["threshold_origin"]]))
    if answer["threshold_reason"]:
        rows.append(("Reason", user_text(answer["threshold_reason"], 600)))
    rows.append(("Could go", f"{count(extra)} ({percent(extra / max(1, n))})"))
    rows.append(("Kept", count(n - extra)))
    if search := _search(answer):
        rows.append(("Pairs", search))
    if answer["compared"]:
        rows.append(("Compared block by block", f"{counted(answer['compared'], 'item')} of groups"))
    if answer["unusable"]:
        link = e("a", counted(len(answer["unusable"]), "item"), at={"href": "#items-that-could-not-be-compared"})
        rows.append(("Could not be compared", [link, ", which are kept"]))
    for name, value in (("Model", answer["model"]), ("Id", answer["id"])):
        if value:
            rows.append((name, user_text(value, 200)))
    return e("header", parts, facts(rows))


def _search(answer: Mapping[str, Any]) -> str | None:
    """The search for pairs, of an answer that says it."""
    if answer.get("method") == "approximate":
        return f"approximate, by an index: some can be missing; {_found(answer)}"
    return "exact: all pairs were compared" if answer.get("method") == "exact" else None


def _found(answer: Mapping[str, Any]) -> str:
    """The share of the pairs of a sample that an approximate search found."""
    recall = answer.get("recall")
    if not recall or not recall["pairs"]:
        return "the share of pairs found is not known, since the items of a random sample have none"
    return (
        f"{count(recall['found'])} of {counted(recall['pairs'], 'pair')} of {counted(recall['rows'], 'random item')} "
        "found"
    )


def _rule(answer: Mapping[str, Any]) -> str:
    threshold = answer["threshold"]
    known = threshold is not None
    if answer["kind"] == "near":
        limit = f"at most {threshold:g} of {BITS} bits" if known else f"few of {BITS} bits"
        return f"perceptual hashes that differ in {limit}"
    if answer["kind"] == "semantic":
        return f"embeddings with a cosine of at least {number(threshold)}" if known else "embeddings with a high cosine"
    return "files with the same bytes"


def _sizes(sizes: Sequence[int]) -> Html:
    values, counts = np.unique(sizes, return_counts=True)
    rows = [
        [counted(size, "item"), count(number_of), count(number_of * (size - 1))]
        for size, number_of in sorted(zip(values.tolist(), counts.tolist(), strict=True), reverse=True)
    ]
    shown = rows if len(rows) <= 15 else rows[:15]
    left = len(rows) - len(shown)
    caption = f"The largest 15 of {count(len(rows))} sizes" if left else None
    return section("Sizes of the groups", table(caption, ["size", "groups", "could go"], shown))


def _groups(answer: Mapping[str, Any], items: Items, groups: Sequence[tuple[int, Mapping[str, Any]]]) -> Html:
    text = (
        "Largest first. The first item of each group, with a frame, is the one that is kept; the others follow by "
        f"their similarity to it. A group shows at most {MEMBERS} items. Numbers of groups are those of the table."
    )
    parts: list[Child] = [e("p.soft", text)]
    listed = groups[:GROUPS]
    for start in range(0, len(listed), FOLD):
        some = listed[start : start + FOLD]
        largest, smallest = (len(group["members"]) for _, group in (some[0], some[-1]))
        size = counted(largest, "item") if largest == smallest else f"{count(largest)} to {counted(smallest, 'item')}"
        heading = f"Groups {count(start + 1)} to {count(start + len(some))} of {count(len(groups))}: {size} each"
        content = [_group(answer, items, number_of, group) for number_of, group in some]
        parts.append(e("details", e("summary", heading), content, at={} if start else {"open": "open"}))
    if len(groups) > len(listed):
        parts.append(e("p.soft", f"{counted(len(groups) - len(listed), 'further group')} not on this page."))
    parts.append(items.limit_note())
    return section("Groups", parts)


def _group(answer: Mapping[str, Any], items: Items, number_of: int, group: Mapping[str, Any]) -> Html:
    names, kept = answer["ids"], group["representative"]
    pairs = zip(group["members"], group["similarity"], strict=True)
    others = sorted(((i, s) for i, s in pairs if i != kept), key=lambda pair: (-pair[1], pair[0]))
    shown = others[: MEMBERS - 1]
    tiles = [items.tile(names[kept], e("b", "kept"), kept=True)]
    tiles += [items.tile(names[i], _similarity(answer, s)) for i, s in shown]
    more = len(others) - len(shown)
    return e(
        "article.group",
        e("h3", f"Group {number_of}: {counted(len(others) + 1, 'item')}, {count(len(others))} could go"),
        items.tiles(tiles),
        e("p.soft", f"and {counted(more, 'further item')}") if more else None,
    )


def _similarity(answer: Mapping[str, Any], value: float) -> str:
    if answer["kind"] == "near":
        bits = round((1 - value) * BITS) if np.isfinite(value) else 0
        return "same hash" if bits == 0 else f"{counted(bits, 'bit')} of {BITS} differ"
    return f"cosine {value:.3f}" if answer["kind"] == "semantic" else "the same bytes"


def _related(answer: Mapping[str, Any], items: Items) -> Html:
    related = answer["related"][:GROUPS]
    parts: list[Child] = [
        e(
            "p",
            "Pictures of one layout, such as posts in one design with other words. They were close by the rule above, "
            "and a comparison block by block found different content, so that all of them are kept.",
        )
    ]
    blocks = []
    for k, group in enumerate(related):
        members = group["members"]
        more = len(members) - MEMBERS
        blocks.append(
            e(
                "article.group",
                e("h3", f"Layout {k}: {counted(len(members), 'item')}, {counted(group['contents'], 'content')}"),
                items.tiles(items.tile(answer["ids"][i]) for i in members[:MEMBERS]),
                e("p.soft", f"and {counted(more, 'further item')}") if more > 0 else None,
            )
        )
    heading = f"{counted(len(answer['related']), 'group')} of one layout"
    parts.append(e("details", e("summary", heading), blocks, at={"open": "open"}))
    parts.append(items.limit_note())
    return section("Same layout, different content", parts)


def paragraph(answer: Mapping[str, Any]) -> str:
    """Method and result in the past tense, with the parameters and figures of this answer."""
    n, sizes = answer["n"], [len(group["members"]) for group in answer["groups"]]
    extra, kind = sum(sizes) - len(sizes), answer["kind"]
    how = {
        "near": "by 64-bit perceptual hashes (DCT hash after Krawetz 2011)",
        "semantic": f"by the cosines of their embeddings{_source(answer)}",
    }.get(kind, "by the SHA-256 digests of the files")
    sentences = [
        f"We searched {counted(n, 'item')} for duplicates {how}.",
        f"Two items counted as duplicates if they {'were' if kind == 'exact' else 'had'} {_rule(answer)}.",
    ]
    if kind == "semantic" and answer["threshold_origin"]:
        sentences.append(
            f"The threshold was {ORIGINS[answer['threshold_origin']].replace('as requested', 'set by us')}."
        )
    if answer.get("method") == "approximate":
        sentences.append(
            "Pairs were searched for by an inverted index (Douze et al. 2024), with exact cosines of what it found: "
            f"{_found(answer)}."
        )
    if answer["linkage"] == "star":
        sentences.append("Every item of a group was a duplicate of the item that was kept (star linkage).")
    elif kind != "exact":
        sentences.append("Groups were the connected components (single linkage).")
    if answer["compared"]:
        sentences.append(
            f"The pixels of {counted(answer['compared'], 'item')} of groups were also compared block by block, and "
            f"pictures of the same layout with different content were not counted as duplicates"
            + (f" ({counted(len(answer['related']), 'group')})." if answer["related"] else ".")
        )
    if sizes:
        low, high = min(sizes), max(sizes)
        span = f"of {low}" if low == high else f"of {low} to {high} items, median {float(np.median(sizes)):g}"
        sentences.append(
            f"There {agree(len(sizes), 'was', 'were')} {counted(len(sizes), 'group')} "
            f"{span}{' items' if low == high else ''}; one item of each was kept, and {count(extra)} "
            f"({percent(extra / max(1, n))}) {agree(extra, 'was', 'were')} left out: {count(n - extra)} remained."
        )
    else:
        sentences.append("There were no duplicates.")
    if answer["unusable"]:
        sentences.append(f"{counted(len(answer['unusable']), 'item')} could not be compared and stayed in the corpus.")
    return " ".join([*sentences, "Computed with Daguerre."])


def _source(answer: Mapping[str, Any]) -> str:
    words = model_words(answer["model"], answer["receipt"])
    return f" from {words}" if words else ""
