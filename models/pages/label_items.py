"""Items on the page of codebook labels: the least certain first, those that it cannot tell, and errors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.pages import items as page_items
from models.pages.document import section
from models.pages.html import Child, Html, count, counted, e, number, path_text, table, user_text
from models.pages.items import Items, item_name

SHOWN = 60  # items with their labels
UNSURE = 24  # items that the labeller cannot tell
ERRORS = 50  # items without labels
VARIABLES = 8  # of a tile
RAW = 1500  # characters of a raw answer
STYLE = f"""{page_items.STYLE}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; margin: .3rem 0; padding: .5rem .7rem;
  border-left: 3px solid var(--rule); }}
p code, td code {{ white-space: normal; overflow-wrap: anywhere; }}
.tiles details {{ font-size: .74rem; margin-top: .2rem; }}
.tiles details summary {{ cursor: pointer; color: var(--soft); }}
.tiles.labelled, .tiles.labelled.texts, .tiles.labelled.bare {{
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }}
@media (max-width: 30rem) {{ .tiles.labelled, .tiles.labelled.texts, .tiles.labelled.bare {{
  grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }} }}
"""
Fields = Mapping[str, Any]


def confidence(entry: Fields) -> float | None:
    """The smallest probability of the labels of an item; None without any."""
    found = [
        label["probabilities"].get(label["value"])
        for label in (entry.get("labels") or {}).values()
        if label["probabilities"] and isinstance(label["value"], str)
    ]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def shown_ids(answer: Fields) -> list[int]:
    """The places of the labelled items that are shown: the least certain first, then those asked about again."""
    labelled = [i for i, entry in enumerate(answer["data"]) if entry.get("labels")]

    def rank(i: int) -> tuple[float, int, int]:
        entry = answer["data"][i]
        sure = confidence(entry)
        return (2.0 if sure is None else sure, -len(entry.get("answers") or ()), i)

    return sorted(labelled, key=rank)[:SHOWN]


def items_section(answer: Fields, items: Items, shown: Sequence[int]) -> Html | None:
    """Items with labels, probabilities and raw answers; None without labels."""
    if not shown:
        return None
    data = answer["data"]
    sure = any(confidence(data[i]) is not None for i in shown)
    labelled = sum(bool(entry.get("labels")) for entry in data)
    order = (
        "the least certain first, by the smallest probability of their labels; probabilities are not calibrated"
        if sure
        else "those that were asked about most often first, since the labels have no probabilities"
    )
    many = f"{count(len(shown))} of {counted(labelled, 'labelled item')}" if labelled > len(shown) else "Items"
    return section(
        "Items and answers", e("p.soft", f"{many}, {order}."), _tiles(items, [_tile(data[i], items) for i in shown])
    )


def unsure_section(answer: Fields, items: Items) -> Html | None:
    """Items of which the labeller cannot tell a variable; None without any."""
    unsure = [
        (entry, [name for name, label in entry["labels"].items() if label["cannot_tell"]])
        for entry in answer["data"]
        if any(label["cannot_tell"] for label in (entry.get("labels") or {}).values())
    ]
    if not unsure:
        return None
    many = f"The first {UNSURE} of {counted(len(unsure), 'item')}" if len(unsure) > UNSURE else "Items"
    tiles = [_tile(entry, items, names) for entry, names in unsure[:UNSURE]]
    return section("Items that the labeller cannot tell", e("p.soft", f"{many}."), _tiles(items, tiles))


def failures_section(answer: Fields, items: Items) -> Html | None:
    """Items without labels, with their errors and the last raw answer; None without any."""
    failed = [entry for entry in answer["data"] if "error" in entry]
    if not failed:
        return None
    codes = Counter(entry["error"]["code"] for entry in failed)
    counts = table(None, ["error code", "items"], [[code, count(n)] for code, n in codes.most_common()], name="errors")
    rows: list[list[Child]] = []
    for entry in failed[:ERRORS]:
        raw = entry.get("answers") or []
        said = user_text(_said(raw[-1]), 400) if raw else ""
        error = entry["error"]
        rows.append([path_text(item_name(entry), 160), error["code"], user_text(error["message"], 300), said])
    shown = f"The first {ERRORS} of {count(len(failed))}" if len(failed) > ERRORS else None
    listed = table(shown, ["item", "error code", "message", "last answer"], rows, kind="words", name="failed items")
    return section("Items without labels", counts, listed)


def _tiles(items: Items, tiles: Sequence[Html]) -> Html:
    return e(f"ul.tiles.labelled{items.layout}", tiles)


def _tile(entry: Fields, items: Items, only: Sequence[str] | None = None) -> Html:
    labels = entry["labels"]
    names = list(labels) if only is None else list(only)
    lines: list[Child] = [_line(name, labels[name]) for name in names[:VARIABLES]]
    if len(names) > VARIABLES:
        lines.append(f"and {counted(len(names) - VARIABLES, 'other variable')}")
    tile = items.tile(item_name(entry), *lines)
    raw = entry.get("answers") or []
    if not raw:
        return tile
    answers = list(_answers(raw))
    folded = e("details", e("summary", "raw answer" if len(raw) == 1 else f"{len(raw)} raw answers"), answers)
    return Html(tile.removesuffix("</li>") + folded + "</li>")


def _line(name: str, label: Fields) -> list[Child]:
    value, shares = label["value"], label["probabilities"]
    shown: Child = e("b", user_text(_words(value), 60)) if value is not None else "cannot tell"
    own = shares.get(value) if shares and isinstance(value, str) else None
    return [user_text(name, 40), ": ", shown, f" ({number(own)})" if own is not None else None]


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _answers(raw: Sequence[Fields]) -> Iterator[Child]:
    for each in raw:
        if each["problem"] is not None:
            yield e("small", f"unusable: {each['problem']}")
        yield e("pre", user_text(_said(each), RAW))


def _said(answer: Fields) -> str:
    return answer["text"] or answer["refusal"] or f"no text ({answer['finish_reason'] or 'no reason told'})"
