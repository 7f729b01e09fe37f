"""The page of a sample: its design, its strata, and the items that were drawn."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, agree, count, counted, decimals, e, facts, number, percent, table, user_text
from models.pages.items import PICTURES, STYLE, Items, expect

STRATA = 500  # strata listed at most
OPEN = 6  # strata whose items are unfolded
LEAST = 4  # items shown of each stratum, budget permitting
DESIGNS = {
    "simple": "simple random sample",
    "stratified": "stratified random sample",
    "purposive": "purposive sample",
}


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Names of the drawn items: their ids, or else their indexes."""
    names = answer["ids"]
    return [str(i) for i in answer["indexes"]] if names is None else list(names)


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/samples.

    Raises
    ------
    PageError : lists of different lengths.
    """
    m = len(answer["indexes"])
    for name in ("ids", "inclusion_prob", "stratum"):
        expect(answer[name] is None or len(answer[name]) == m, f"{name}: has not one for each of {m} drawn items")
    title = f"{count(m)} of {counted(answer['n'], 'item')} drawn"
    body: list[Child] = [_top(answer, items, title)]
    if answer["strata"]:
        body.append(_strata(answer))
    body.append(_items(answer, items))
    body.append(methods_section(paragraph(answer)))
    return document(title, body, style=STYLE)


def _top(answer: Mapping[str, Any], items: Items, title: str) -> Html:
    m, n, design = len(answer["indexes"]), answer["n"], answer["design"]
    kind = DESIGNS.get(design, "sample")
    strata = f" from {counted(len(answer['strata']), 'stratum', 'strata')}" if answer["strata"] else ""
    parts: list[Child] = [e("p.kicker", "Report of a sample for coding"), e("h1", title)]
    parts.append(e("p.lead", f"A {kind}{strata}: {percent(m / max(1, n))} of the corpus."))
    if answer["fit_for_inference"]:
        text = "Figures of the coded sample hold for the corpus"
        weights = set(answer["inclusion_prob"] or ())
        weighted = ", if each item is weighted by the inverse of its inclusion probability" if len(weights) > 1 else ""
        parts.append(e("p", f"{text}{weighted}, within their intervals."))
    else:
        parts.append(e("p", "Figures of this sample do not hold for the corpus: it was not drawn at random."))
    parts += [items.note(), caveats([*answer["remarks"], *items.remarks])]
    rows: list[tuple[Child, Child]] = [
        ("Items", count(n)),
        ("Drawn", count(m)),
        ("Design", kind),
        ("Inclusion probability", _probabilities(answer)),
        ("Seed", str(answer["seed"])),
    ]
    for name, label in (("candidates", "Candidates compared"), ("copies", "Copies left out")):
        if answer[name] is not None:
            rows.append((label, count(answer[name])))
    if answer["smallest_distance"] is not None:
        rows.append(("Smallest cosine distance", decimals(answer["smallest_distance"], 3)))
    return e("header", parts, facts(rows))


def _probabilities(answer: Mapping[str, Any]) -> str:
    values = answer["inclusion_prob"]
    if not values:
        return "not defined"
    low, high = min(values), max(values)
    return str(number(low)) if low == high else f"{number(low)} to {number(high)}"


def _sorted_strata(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The strata in the order of their names, numbers by value, clusters before the items in none."""

    def order(each: Mapping[str, Any]) -> tuple[bool, bool, float, str]:
        name = each["stratum"]
        number = float(name) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", name) else None
        return number is None, number == -1 and clusters, number or 0.0, name

    clusters = _are_clusters(answer)
    return sorted(answer["strata"], key=order)


def _are_clusters(answer: Mapping[str, Any]) -> bool:
    """Whether the strata are numbers of clusters: whole numbers from -1 on."""
    return all(re.fullmatch(r"-1|[0-9]+", each["stratum"]) for each in answer["strata"])


def _name(stratum: str, *, clusters: bool) -> Child:
    return [user_text(stratum, 100), " (in no cluster)" if clusters and stratum == "-1" else None]


def _strata(answer: Mapping[str, Any]) -> Html:
    rows: list[list[Child]] = []
    clusters = _are_clusters(answer)
    for each in _sorted_strata(answer)[:STRATA]:
        weight = 1 / each["probability"] if each["probability"] > 0 else float("nan")
        cells = [count(each["population"]), count(each["drawn"]), number(each["probability"]), decimals(weight, 2)]
        rows.append([_name(each["stratum"], clusters=clusters), *cells])
    left = len(answer["strata"]) - len(rows)
    caption = f"The first {STRATA} of {count(len(answer['strata']))}" if left > 0 else None
    heads = ["stratum", "items", "drawn", "inclusion probability", "weight"]
    return section("Strata", table(caption, heads, rows, name="strata"))


def _items(answer: Mapping[str, Any], items: Items) -> Html:
    names, groups, clusters = ids(answer), _groups(answer), _are_clusters(answer)
    per = max(LEAST, PICTURES // max(1, len(groups)))
    equal = len(set(answer["inclusion_prob"] or ())) <= 1
    blocks: list[Child] = []
    for rank, (stratum, places) in enumerate(list(groups.items())[:STRATA]):
        tiles = []
        for i in places[:per]:
            probability = None if equal else f"probability {number(answer['inclusion_prob'][i])}"
            tiles.append(items.tile(names[i], probability if stratum is None else None))
        left = len(places) - len(tiles)
        parts = [items.tiles(tiles), e("p.soft", f"and {counted(left, 'further item')}") if left else None]
        if stratum is None:
            blocks += parts
        else:
            name = e("b", _name(stratum, clusters=clusters))
            summary = e("summary", "Stratum ", name, f": {counted(len(places), 'item')} drawn")
            blocks.append(e("details", summary, parts, at={"open": "open"} if rank < OPEN else {}))
    if (hidden := len(groups) - STRATA) > 0:
        more = counted(hidden, "further stratum", "further strata")
        blocks.append(e("p.soft", f"The items of {more} are not shown."))
    random = "In the order of the draw, which is random."
    order = "In the order in which they were drawn." if answer["design"] == "purposive" else random
    return section("Drawn items", e("p.soft", order), blocks, items.limit_note())


def _groups(answer: Mapping[str, Any]) -> dict[str | None, list[int]]:
    """Places of the drawn items by stratum, in the order of the strata; None without strata."""
    m = len(answer["indexes"])
    strata: Sequence[str] | None = answer["stratum"]
    if strata is None:
        return {None: list(range(m))} if m else {}
    groups: dict[str | None, list[int]] = {each["stratum"]: [] for each in _sorted_strata(answer)}
    for i, stratum in enumerate(strata):
        groups.setdefault(stratum, []).append(i)
    return {stratum: places for stratum, places in groups.items() if places}


def paragraph(answer: Mapping[str, Any]) -> str:
    """Method in the past tense, with the design and the figures of this answer."""
    m, n, design = len(answer["indexes"]), answer["n"], answer["design"]
    kind = DESIGNS.get(design, "sample")
    sentences = [f"We drew a {kind} of {count(m)} of {counted(n, 'item')} for coding by hand (seed {answer['seed']})."]
    if answer["strata"]:
        drawn = [each["drawn"] for each in answer["strata"]]
        low, high = min(drawn), max(drawn)
        span = counted(high, "item") if low == high else f"{count(low)} to {counted(high, 'item')}"
        strata, were = counted(len(drawn), "stratum", "strata"), agree(high, "was", "were")
        there = agree(len(drawn), "was", "were")
        sentences.append(f"There {there} {strata}; {span} of each {were} drawn at random without replacement.")
    elif design == "simple":
        sentences.append("All items had the same probability to be drawn, and none was drawn twice.")
    if answer["inclusion_prob"]:
        equal = len(set(answer["inclusion_prob"])) == 1
        each = "The inclusion probability of each item was" if equal else "Inclusion probabilities were"
        sentences.append(f"{each} {_probabilities(answer)}.")
        if not equal:
            sentences.append("Estimates weight each item by the inverse of its inclusion probability.")
    if answer["candidates"] is not None:
        sentences.append(
            f"Each item was the one farthest, by the cosine of embeddings, from those drawn before it, among "
            f"{counted(answer['candidates'], 'candidate')}."
        )
    elif design == "purposive":
        sentences.append("The items with the highest scores were drawn.")
    if not answer["fit_for_inference"]:
        sentences.append("Figures of this sample were not generalised to the corpus.")
    return " ".join([*sentences, "Drawn with Daguerre."])
