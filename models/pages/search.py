"""The page of a search: each query with its nearest items."""

from collections.abc import Mapping
from typing import Any

from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, count, counted, decimals, e, facts, shortened, table, user_text
from models.pages.items import PICTURES, STYLE, Items, item_name
from models.pages.provenance import model_words, receipt_facts, unusable_table

QUERIES = 100  # queries whose neighbours are shown
OPEN = 5  # queries whose neighbours are unfolded
MOST, LEAST = 60, 5  # neighbours shown of each query
NEAREST = (
    "The nearest items are listed whether or not they fit the query: decide up to which rank they fit. Cosines of a "
    "text with images are lower than those between images, and cannot be compared between models."
)


def query_name(entry: Mapping[str, Any]) -> str:
    """Name of a query, under which its picture or text is sent: its id, or else `query 0` by its index."""
    return entry["id"] if entry["id"] is not None else f"query {entry['index']}"


def ids(answer: Mapping[str, Any]) -> set[str]:
    """Names of queries and of the items that were found."""
    found = {item_name(each) for entry in answer["data"] for each in entry.get("neighbours") or ()}
    return found | {query_name(entry) for entry in answer["data"]}


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/search."""
    entries = [entry for entry in answer["data"] if "error" not in entry]
    failed = [entry for entry in answer["data"] if "error" in entry]
    found = {item_name(each) for entry in entries for each in entry["neighbours"] or ()}
    if len(entries) == 1:
        title = f"The {counted(len(entries[0]['neighbours'] or ()), 'item')} nearest to “{_plain(entries[0], items)}”"
    else:
        title = f"The items nearest to {counted(len(entries), 'query', 'queries')}"
    rows: list[tuple[Child, Child]] = [
        ("Queries", count(len(answer["data"]))),
        ("Items found", count(len(found))),
        ("Model", user_text(answer["model"], 200)),
    ]
    top = e(
        "header",
        e("p.kicker", "Report of a search"),
        e("h1", user_text(title, 200)),
        items.note(),
        caveats([NEAREST, *items.remarks]),
        facts(rows),
    )
    body: list[Child] = [top]
    if len(entries) > 1:
        body.append(_overview(entries, items))
    body.append(_results(entries, items))
    body.append(methods_section(paragraph(answer, entries)))
    body.append(section("Receipt of the embeddings", receipt_facts(answer["receipt"])))
    if failed:
        body.append(unusable_table(failed, "Queries that could not be used"))
    return document(title, body, style=STYLE)


def _overview(entries: list[Mapping[str, Any]], items: Items) -> Html:
    rows = []
    for place, entry in enumerate(entries[:QUERIES]):
        near = entry["neighbours"] or ()
        link = e("a", _label(entry, items), at={"href": f"#q{place}"})
        ends = [decimals(each["cosine"], 3) for each in (near[0], near[-1])] if near else ["", ""]
        rows.append([link, count(len(near)), *ends])
    return section("Queries", table(None, ["query", "items", "highest cosine", "lowest"], rows, name="queries"))


def _label(entry: Mapping[str, Any], items: Items) -> Html:
    return user_text(_plain(entry, items), 100)


def _plain(entry: Mapping[str, Any], items: Items) -> str:
    """The text of a query, or its caption, such as the name of its file, or else its name."""
    name = query_name(entry)
    return shortened(items.texts.get(name) or items.captions.get(name) or name, 100)


def _results(entries: list[Mapping[str, Any]], items: Items) -> Html:
    shown = entries[:QUERIES]
    per = min(MOST, max(LEAST, PICTURES // max(1, len(shown)) - 1))
    blocks = []
    for place, entry in enumerate(shown):
        near = entry["neighbours"] or ()
        listed, name = near[:per], query_name(entry)
        content = items.content(name, _plain(entry, items))
        tiles = [
            items.tile(item_name(each), f"{rank}. cosine {each['cosine']:.3f}") for rank, each in enumerate(listed, 1)
        ]
        tile = e("li.kept", content, e("small", "query: ", _label(entry, items)))
        query = e("ul.tiles.query", tile) if content else None
        more = len(near) - len(listed)
        parts = [
            query,
            items.tiles(tiles) if tiles else e("p", "Nothing was found."),
            e("p.soft", f"and {counted(more, 'further item')}") if more else None,
        ]
        summary = e("summary", e("b", _label(entry, items)), f": {counted(len(near), 'item')}")
        at = {"id": f"q{place}", **({"open": "open"} if place < OPEN else {})}
        blocks.append(e("details", summary, parts, at=at))
    left = len(entries) - len(shown)
    rest = e("p.soft", f"The items of {counted(left, 'further query', 'further queries')} are not shown.")
    return section("Nearest items", blocks, rest if left else None, items.limit_note())


def paragraph(answer: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> str:
    """Method in the past tense."""
    most = max((len(entry["neighbours"] or ()) for entry in entries), default=0)
    return (
        f"For {counted(len(entries), 'query', 'queries')} we took the {counted(most, 'item')} of the corpus with the "
        f"highest cosine between their embedding and that of the query, from "
        f"{model_words(answer['model'], answer['receipt'])}. The search was exact: all items of the corpus were "
        "compared. Computed with Daguerre."
    )
