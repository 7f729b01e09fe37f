"""The page of the agreement of coders: figures, categories, coder by coder, and the items that differ."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, agree, count, counted, e, facts, figure, percent, scrolling, table, user_text
from models.pages.items import PICTURES, STYLE, Items, expect

CODERS = 200  # coders listed at most
PAIRS = 20  # pairs of coders with a table
PATTERNS = 200  # combinations of codes that are shown
OPEN = 8  # combinations whose items are unfolded
PER_PATTERN = 24  # items of a combination that are shown
COLUMNS = 30  # categories of a table
COEFFICIENTS = {
    "kappa": "Cohen’s kappa",
    "kappa_linear": "Weighted kappa, linear",
    "kappa_quadratic": "Weighted kappa, quadratic",
    "ac1": "Gwet’s AC1",
    "ac2_linear": "Gwet’s AC2, linear",
    "ac2_quadratic": "Gwet’s AC2, quadratic",
}
CITED = {
    "kappa": "Cohen’s kappa (1960)",
    "kappa_linear": "weighted kappa (Cohen 1968) with linear weights",
    "kappa_quadratic": "weighted kappa with quadratic weights",
    "ac1": "Gwet’s AC1 (2008)",
    "ac2_quadratic": "Gwet’s AC2 with quadratic weights",
}
OF_PAIRS = {name: COEFFICIENTS[name] for name in ("kappa_linear", "kappa_quadratic", "ac1")}
PAGE_STYLE = f"""{STYLE}
.matrix td.zero {{ color: var(--soft); }}
"""


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Ids of the items that differ, of which a page may show pictures or texts."""
    return [each["item"] for each in answer["differ"]]


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/agreement.

    Raises
    ------
    PageError : tables or lists of different lengths.
    """
    k = len(answer["categories"])
    for i, each in enumerate(answer["by_coder"]):
        expect(len(each["counts"]) in (0, k), f"by_coder[{i}].counts: has not one for each of {k} categories")
    for i, pair in enumerate(answer["pairs"]):
        square = all(len(row["counts"]) == len(pair["table"]) for row in pair["table"])
        expect(square, f"pairs[{i}].table: is not square")
    for i, each in enumerate(answer["differ"]):
        expect(len(each["coders"]) == len(each["codes"]), f"differ[{i}]: has not one code for each coder")
    title = f"Agreement of {counted(len(answer['coders']), 'coder')} on {counted(answer['items'], 'item')}"
    body: list[Child] = [_top(answer, items, title)]
    if answer["categories"]:
        body.append(_categories(answer))
    if answer["by_coder"]:
        body.append(_coders(answer))
    if answer["pairs"]:
        body.append(_pairs(answer))
    if answer["n_differ"]:
        body.append(_differ(answer, items))
    body.append(methods_section(paragraph(answer)))
    return document(title, body, style=PAGE_STYLE)


def _figure(value: Mapping[str, Any] | None, *, share: bool = False) -> Child:
    if value is None:
        return "–"
    ends = {name: nan if value[name] is None else float(value[name]) for name in ("value", "low", "high")}
    return figure(Figure(**ends), share=share)


def _undefined(value: Mapping[str, Any]) -> str | None:
    """The number of resamples that the interval leaves out; None for none."""
    return f", undefined in {counted(value['undefined'], 'resample')}" if value.get("undefined") else None


def _top(answer: Mapping[str, Any], items: Items, title: str) -> Html:
    n, differ = answer["items"], answer["n_differ"]
    parts: list[Child] = [e("p.kicker", "Report of the agreement of coders"), e("h1", title)]
    alpha = answer["alpha"]["value"]
    if alpha is not None:
        parts.append(
            e(
                "p.lead",
                "Krippendorff’s alpha is ",
                _figure(answer["alpha"]),
                ", and ",
                _figure(answer["percent"], share=True),
                " of pairs of codes are equal.",
            )
        )
    else:
        parts.append(e("p.lead", "Alpha is not defined: the codes do not vary, or no item has two codes."))
    if n and differ:
        text = f"On {counted(differ, 'item')} ({percent(differ / max(1, n))}) coders differ. "
        more = "They are listed below, to be decided by a third code or by discussion."
        parts.append(e("p", text, e("a", more, at={"href": "#items-on-which-coders-differ"})))
    elif n:
        parts.append(e("p", "The coders agree on every item."))
    parts += [items.note() if answer["differ"] else None, caveats([*answer["remarks"], *items.remarks])]
    rows: list[tuple[Child, Child]] = [
        ("Items with two codes or more", count(n)),
        ("Coders", [[user_text(name, 60), ", "] for name in answer["coders"][:20]][:-1] + _last(answer["coders"])),
        ("Level of measurement", str(answer["level"])),
        ("Krippendorff’s alpha", [_figure(answer["alpha"]), _undefined(answer["alpha"])]),
    ]
    for name, label in COEFFICIENTS.items():
        if answer.get(name) is not None:
            rows.append((label, [_figure(answer[name]), _undefined(answer[name])]))
    if correlations := answer.get("icc"):
        some = f", {counted(correlations['items'], 'complete item')}"
        rows.append((f"ICC(A,1), absolute agreement{some}", _figure(correlations["agreement"])))
        rows.append((f"ICC(C,1), consistency{some}", _figure(correlations["consistency"])))
    rows.append(("Percent agreement", _figure(answer["percent"], share=True)))
    if answer.get("most_common") is not None:
        share = percent(float(answer["most_common_share"]))
        rows.append(("Most frequent code", [user_text(answer["most_common"], 60), ", ", share, " of the codes"]))
    if answer["missing"]:
        rows.append(("Rows without a code", count(answer["missing"])))
    note = e(
        "p.soft",
        "Intervals are at 95 %: Wilson’s for percent agreement, the F distribution’s for the ICC, a "
        "bootstrap over items for the others.",
    )
    return e("header", parts, facts(rows), note)


def _last(coders: Sequence[str]) -> list[Child]:
    shown = coders[:20]
    more = f" and {counted(len(coders) - 20, 'other')}" if len(coders) > 20 else None
    return [[user_text(shown[-1], 60), more]] if shown else ["none"]


def _categories(answer: Mapping[str, Any]) -> Html:
    rows = []
    for each in answer["categories"]:
        cells = [count(each["codes"]), count(each["items"]), _figure(each["agreement"], share=True)]
        rows.append([user_text(each["category"], 80), *cells])
    text = (
        "Specific agreement: if a coder has given the category to an item, the probability that another coder of the "
        "item has given it too."
    )
    heads = ["category", "codes", "items", "specific agreement"]
    return section("Categories", e("p", text), table(None, heads, rows, name="categories"))


def _coders(answer: Mapping[str, Any]) -> Html:
    names = [each["category"] for each in answer["categories"]][:COLUMNS]
    rows = []
    for each in answer["by_coder"][:CODERS]:
        counts: list[Child] = [count(value) for value in each["counts"][:COLUMNS]]
        counts = counts or ["" for _ in names]
        rows.append([user_text(each["coder"], 80), count(each["codes"]), *counts])
    notes = []
    if len(answer["by_coder"]) > CODERS:
        notes.append(f"The first {CODERS} of {count(len(answer['by_coder']))} coders.")
    if len(answer["categories"]) > COLUMNS:
        notes.append(f"The first {COLUMNS} of {count(len(answer['categories']))} categories.")
    heads = ["coder", "codes", *(user_text(name, 40) for name in names)]
    return section("Codes of each coder", table(" ".join(notes) or None, heads, rows, name="coders"))


def _pairs(answer: Mapping[str, Any]) -> Html:
    more = [name for name in OF_PAIRS if any(pair.get(name) is not None for pair in answer["pairs"])]
    rows = [
        [
            [user_text(pair["a"], 60), " and ", user_text(pair["b"], 60)],
            count(pair["items"]),
            _figure(pair["percent"], share=True),
            _figure(pair["kappa"]),
            *(_figure(pair.get(name)) for name in more),
        ]
        for pair in answer["pairs"]
    ]
    total = answer["n_pairs"]
    some = (
        f"The {len(rows)} of {count(total)} pairs with the most items in common"
        if total and total > len(rows)
        else None
    )
    heads: list[Child] = ["coders", "items", "percent agreement", "Cohen’s kappa", *(OF_PAIRS[name] for name in more)]
    parts: list[Child] = [table(some, heads, rows, name="pairs")]
    for place, pair in enumerate(answer["pairs"][:PAIRS]):
        if pair["table"]:
            parts.append(_matrix(pair, place))
    return section("Coder by coder", *parts)


def _matrix(pair: Mapping[str, Any], place: int) -> Html:
    names = [row["category"] for row in pair["table"]][:COLUMNS]
    caption = e(
        "caption",
        e("span", "Codes of ", user_text(pair["a"], 60), " in rows, of ", user_text(pair["b"], 60), " in columns"),
    )
    head = e("tr", e("th", ""), [e("th", user_text(name, 40), at={"scope": "col"}) for name in names])
    body = []
    for i, row in enumerate(pair["table"][:COLUMNS]):
        counts, total = row["counts"][:COLUMNS], max(1, sum(row["counts"]))
        cells = [
            e(
                f"td.h{min(10, round(10 * max(0, value) / total))}{'.d' if i == j else ''}{'' if value else '.zero'}",
                count(value),
            )
            for j, value in enumerate(counts)
        ]
        body.append(e("tr", e("th", user_text(row["category"], 60), at={"scope": "row"}), cells))
    left = len(pair["table"]) - len(names)
    more = e("p.soft", f"{counted(left, 'further category', 'further categories')} not shown.") if left else None
    at = {"data-name": f"pair-{place + 1}"}
    return Html(scrolling(e("table.matrix", caption, e("thead", head), e("tbody", body), at=at)) + (more or ""))


def _differ(answer: Mapping[str, Any], items: Items) -> Html:
    patterns: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for each in answer["differ"]:
        patterns[tuple(sorted(set(each["codes"])))].append(each)
    ordered = sorted(patterns.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    shown = ordered[:PATTERNS]
    per = min(PER_PATTERN, max(3, PICTURES // max(1, len(shown))))
    blocks: list[Child] = []
    for place, (codes, them) in enumerate(shown):
        heading = [[user_text(code, 40), " / "] for code in codes[:8]]
        last = [user_text(codes[min(len(codes), 8) - 1], 40), " …" if len(codes) > 8 else None]
        summary = e("summary", e("b", heading[:-1], last), f": {counted(len(them), 'item')}")
        tiles = items.tiles(items.tile(each["item"], *_codes(each)) for each in them[:per])
        more = len(them) - per
        rest = e("p.soft", f"and {counted(more, 'further item')}") if more > 0 else None
        blocks.append(e("details", summary, tiles, rest, at={"open": "open"} if place < OPEN else {}))
    notes = []
    if answer["n_differ"] > len(answer["differ"]):
        notes.append(f"The answer lists {count(len(answer['differ']))} of {counted(answer['n_differ'], 'item')}.")
    if len(ordered) > len(shown):
        notes.append(f"The {PATTERNS} most frequent of {count(len(ordered))} combinations of codes are shown.")
    text = "Grouped by the codes that were given, the most frequent combination first."
    return section("Items on which coders differ", e("p.soft", " ".join([text, *notes])), blocks, items.limit_note())


def _codes(each: Mapping[str, Any]) -> list[Child]:
    pairs = list(zip(each["coders"], each["codes"], strict=True))
    lines: list[Child] = [[user_text(coder, 30), ": ", e("b", user_text(code, 40))] for coder, code in pairs[:8]]
    return [*lines, f"and {len(pairs) - 8} more"] if len(pairs) > 8 else lines


def paragraph(answer: Mapping[str, Any]) -> str:
    """Method and result in the past tense, with the figures of this answer."""
    coders, level = len(answer["coders"]), answer["level"]
    sentences = [f"{counted(coders, 'coder')} coded {counted(answer['items'], 'item')} at least twice."]
    if answer["alpha"]["value"] is not None:
        sentences.append(f"Krippendorff’s alpha ({level}; Krippendorff 2004) was {_text(answer['alpha'])}")
        for name, label in CITED.items():
            if answer.get(name) is not None and answer[name]["value"] is not None:
                sentences[-1] += f", {label} {_text(answer[name])}"
        if (correlations := answer.get("icc")) and correlations["agreement"]["value"] is not None:
            sentences[-1] += (
                f", ICC(A,1) (McGraw & Wong 1996) of the {counted(correlations['items'], 'item')} that all coders have "
                f"coded {_text(correlations['agreement'])}"
            )
        sentences[-1] += f", and {_text(answer['percent'], share=True)} of pairs of codes of an item were equal."
        sentences.append(
            "Intervals are at 95 %: Wilson’s (1927) for percent agreement, "
            + ("the F distribution’s for the ICC, " if answer.get("icc") else "")
            + "percentiles of a bootstrap over items for the others."
        )
    if answer["categories"] and len(answer["categories"]) <= 10:
        each = [f"“{c['category']}” {_text(c['agreement'], share=True)}" for c in answer["categories"]]
        sentences.append(f"Specific agreement by category was {', '.join(each)}.")
    if answer["items"]:
        sentences.append(f"Coders differed on {counted(answer['n_differ'], 'item')}.")
    if answer["missing"]:
        sentences.append(
            f"{counted(answer['missing'], 'code')} {agree(answer['missing'], 'was', 'were')} missing and left out."
        )
    return " ".join([*sentences, "Computed with Daguerre."])


def _text(value: Mapping[str, Any], *, share: bool = False) -> str:
    return str(_figure(value, share=share))
