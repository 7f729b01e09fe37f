"""The page of matches: each target face with the faces nearest to it, and which of them count as one person."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, agree, count, counted, decimals, e, facts, path_text, table, user_text
from models.pages.items import PICTURES, STYLE, Items, item_name
from models.pages.persons import BLURRED, ORIGINS
from models.pages.provenance import model_words, receipt_facts

TARGETS = 100  # that are shown
OPEN = 5  # that are unfolded
MOST, LEAST = 60, 5  # faces shown of each target
Fields = Mapping[str, Any]


def target_names(answer: Fields) -> list[str]:
    """The name of each target, under which its picture is sent: `target 0`, with more spaces where faces begin so."""
    found, start = _found(answer), "target "
    while any(name.startswith(start) for name in found):
        start += " "
    return [f"{start}{entry['index']}" for entry in answer["data"]]


def ids(answer: Fields) -> set[str]:
    """Names of targets and of the faces that were found."""
    return _found(answer).union(target_names(answer))


def _found(answer: Fields) -> set[str]:
    return {item_name(face) for entry in answer["data"] for face in entry["faces"]}


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/faces/matches."""
    entries = answer["data"]
    matched = sum(entry["matches"] > 0 for entry in entries)
    title = f"{counted(len(entries), 'target face')} among {counted(answer['n'], 'face')}"
    parts: list[Child] = [
        e("p.kicker", "Report of matches of faces"),
        e("h1", title),
        e(
            "p.lead",
            f"{count(matched)} of {counted(len(entries), 'target')} {agree(matched, 'has', 'have')} a face with a "
            f"cosine of at least {answer['threshold']:g} (a distance of at most "
            f"{decimals(1 - answer['threshold'], 3)}).",
            _itself(entries),
        ),
        items.note(),
        e("p", BLURRED) if items.mode in ("blurred", "blurred_whole") and items.thumbnails else None,
        caveats([answer["notice"], *items.remarks]),
        facts(
            [
                ("Targets", count(len(entries))),
                ("Faces", count(answer["n"])),
                ("Threshold", f"cosine of {answer['threshold']:g}, {ORIGINS[answer['threshold_origin']]}"),
                ("Model", user_text(answer["model"], 200)),
            ]
        ),
    ]
    body: list[Child] = [e("header", parts)]
    if len(entries) > 1:
        body.append(_overview(answer))
    body.append(_results(answer, items))
    body.append(methods_section(paragraph(answer)))
    body.append(section("Receipt of the vectors", receipt_facts(answer["receipt"])))
    return document(title, body, style=STYLE)


def _itself(entries: Sequence[Fields]) -> str:
    """The sentence on targets that are among the faces; "" without one."""
    among = sum(entry["itself"] > 0 for entry in entries)
    if not among:
        return ""
    return (
        f" {counted(among, 'target')} {agree(among, 'is', 'are')} among the faces too, on the same picture or an exact "
        "copy of it; a target is no match of itself."
    )


def _overview(answer: Fields) -> Html:
    rows = [
        [
            e("a", path_text(entry["id"], 80), at={"href": f"#t{place}"}),
            count(entry["matches"]),
            decimals(entry["faces"][0]["cosine"], 3) if entry["faces"] else "",
        ]
        for place, entry in enumerate(answer["data"][:TARGETS])
    ]
    return section("Targets", table(None, ["target", "matches", "highest cosine"], rows, name="targets"))


def _results(answer: Fields, items: Items) -> Html:
    shown = answer["data"][:TARGETS]
    per = min(MOST, max(LEAST, PICTURES // max(1, len(shown)) - 1))
    blocks, names = [], target_names(answer)
    for place, entry in enumerate(shown):
        listed = entry["faces"][:per]
        content = items.content(names[place], entry["id"])
        tiles = [
            items.tile(
                item_name(face),
                f"{rank}. cosine {face['cosine']:.3f}, distance {face['distance']:.3f}",
                e("b", "match") if face["match"] else "no match",
                kept=face["match"],
            )
            for rank, face in enumerate(listed, 1)
        ]
        target = e("ul.tiles", e("li", content, e("small", "target"))) if content else None
        more = len(entry["faces"]) - len(listed)
        summary = e("summary", e("b", path_text(entry["id"], 80)), f": {counted(entry['matches'], 'match', 'matches')}")
        at = {"id": f"t{place}", **({"open": "open"} if place < OPEN else {})}
        rest = e("p.soft", f"and {counted(more, 'further face')}") if more else None
        blocks.append(e("details", summary, target, items.tiles(tiles), rest, at=at))
    left = len(answer["data"]) - len(shown)
    rest = e("p.soft", f"The faces of {counted(left, 'further target')} are not shown.") if left else None
    return section("Nearest faces", blocks, rest, items.limit_note())


def paragraph(answer: Fields) -> str:
    """Method in the past tense."""
    return (
        f"We compared {counted(len(answer['data']), 'target face')} with {counted(answer['n'], 'face')} by the cosine "
        f"of their vectors, from {model_words(answer['model'], answer['receipt'])}. A cosine of at least "
        f"{answer['threshold']:g} ({ORIGINS[answer['threshold_origin']].replace('as requested', 'set by us')}) counted "
        f"as a match.{_itself(answer['data'])} Computed with Daguerre."
    )
