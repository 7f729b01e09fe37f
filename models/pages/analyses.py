"""The page of analyses: a contact sheet with boxes and texts, counts by label, lines of text, numbers of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from models.pages.analyses_time import TIME_STYLE, over_time
from models.pages.analyses_view import WHOLE, Label, Shot, View, kind_name
from models.pages.contact_sheet import SHEET_STYLE, Colours, Finding, tile
from models.pages.document import caveats, document, methods_section, section
from models.pages.face_attributes import KIND as ATTRIBUTES
from models.pages.face_attributes import attributes_section, attributes_sentences, attributes_summary
from models.pages.html import (
    Child,
    Html,
    agree,
    beside,
    count,
    counted,
    decimals,
    e,
    facts,
    figure,
    interval,
    number,
    path_text,
    percent,
    shortened,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, item_name, mode_note
from models.pages.plots import Frame, rounded, svg
from models.pages.provenance import receipt_facts, unusable_table
from models.pages.sheet_filter import Filter

SHEET = 36  # pictures of the contact sheet
SECTIONS, OPEN = 16, 3  # labels of a kind with pictures of their own; those that are unfolded
HIGHEST, LOWEST = 4, 4  # pictures of each label
ROWS = 300  # labels of a table, and lines of text
BINS = 20
SIDE = 320  # pixels of the longer side of a thumbnail, so that boxes can be told apart
UNCHECKED = (
    "Validate before you count: the scores are not calibrated, and nobody has checked these findings. Code a random "
    "sample by hand, and compare it with them, before you report shares."
)
READABLE = "Text that was read in the pictures is on this page in full, names of people included."
PAGE_STYLE = f"""{STYLE}{SHEET_STYLE}
.label {{ border-top: 1px solid var(--rule); padding: .2rem 0 .6rem; }}
.label h4 {{ margin: .6rem 0 .2rem; font-size: .86rem; font-weight: 400; color: var(--soft); }}
.labels {{ font-size: .9rem; max-width: none; }}
"""


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Names of the items, of which a page may show pictures."""
    return [item_name(entry) for entry in answer["data"]]


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/analyses.

    Raises
    ------
    PageError : corners of a finding that are no points.
    """
    view = View(answer)
    colours = Colours(label.name for labels in view.labels.values() for label in labels)
    names = [label.name for kind, labels in view.labels.items() if kind not in WHOLE for label in labels]
    filtered = Filter(list(dict.fromkeys(names)))
    body: list[Child] = [_top(view, items), _sheet(view, items, colours, filtered), over_time(view, colours)]
    body.append(attributes_section(view))
    body += [_labels(view, items, colours, kind) for kind in view.labels]
    if view.lines:
        body.append(_text(view, items, colours))
    if view.values:
        body.append(_values(view))
    body.append(methods_section(paragraph(view)))
    body.append(section("Receipts of the analysers", _receipts(view)))
    if view.failed:
        body.append(unusable_table(view.failed, "Items that could not be used"))
    return document(_title(view), body, style=f"{PAGE_STYLE}{TIME_STYLE}{filtered.style}")


def _title(view: View) -> str:
    return f"{view.counted(len(view.answer['data']))}, {counted(sum(view.findings.values()), 'finding')}"


def _top(view: View, items: Items) -> Html:
    n, answer = len(view.entries), view.answer
    parts: list[Child] = [e("p.kicker", "Report of analyses of pictures"), e("h1", _title(view))]
    if objects := view.labels.get("objects"):
        most = objects[0]
        share = figure(view.share(len(most.items)), share=True)
        parts.append(
            e("p.lead", "“", user_text(most.name, 80), f"” was found in {view.counted(len(most.items))}: {share}.")
        )
    parts.append(_note(view, items))
    if items.mode != "thumbnails" and view.lines:
        parts.append(e("p", READABLE))
    parts.append(caveats([UNCHECKED, *_notices(view), *view.remarks, *_marks(view), *items.remarks]))
    rows: list[tuple[Child, Child]] = []
    if not view.videos or len(answer["data"]) != view.videos:
        rows.append((view.nouns[1].capitalize(), count(len(answer["data"]))))
    if view.videos:
        rows.append(("Videos", f"{count(view.videos)}, with {counted(view.frames, 'frame')}"))
    if view.failed:
        link = e("a", view.counted(len(view.failed)), at={"href": "#items-that-could-not-be-used"})
        rows.append(("Could not be used", link))
    for kind in view.kinds:
        name = (answer["receipts"].get(kind) or {}).get("analyser", kind)
        rows.append((kind_name(kind), [user_text(name, 100), f": {_summary(view, kind, n)}"]))
    return e("header", parts, facts(rows))


def _note(view: View, items: Items) -> Html | None:
    """The sentence that says how pictures are shown; stills of frames come with the answer."""
    if items.mode == "none" or items.thumbnails or not any(shot.still for _, shot in view.shots):
        return items.note()
    text = mode_note(items.mode, items.stills.values())
    return e("p", text) if text else None


def _summary(view: View, kind: str, n: int) -> str:
    """The number of findings of an analyser, and of the items without any."""
    if kind not in view.findings and any(of == kind for of, _ in view.values):
        each = view.nouns[0]
        return counted(sum(of == kind for of, _ in view.values), f"number of each {each}", f"numbers of each {each}")
    having = len({i for i, shot in view.shots if shot.found(kind)})
    if kind == ATTRIBUTES:
        return f"{attributes_summary(view)}, in {count(having)} of {view.counted(n)}"
    return f"{counted(view.findings.get(kind, 0), 'finding')} in {count(having)} of {view.counted(n)}"


def _notices(view: View) -> Iterator[str]:
    for kind, receipt in view.answer["receipts"].items():
        if receipt["notice"]:
            yield f"{kind_name(kind)}: {receipt['notice']}"
        if receipt["demonstration"]:
            yield f"{kind_name(kind)}: {receipt['analyser']} is a demonstration, not meant for research."


def _marks(view: View) -> Iterator[str]:
    if many := len(view.answer["first_of_many"]):
        yield f"{counted(many, 'image')} {agree(many, 'holds', 'hold')} several pictures, of which the first was read."
    if view.videos:
        yield (
            "A video has a label if one of its frames has it, so that long videos have more labels than short ones; "
            "the frames of a video are not independent, and intervals are those of the items."
        )


def _sheet(view: View, items: Items, colours: Colours, filtered: Filter) -> Html | None:
    """The pictures with most findings, of a video the frame with most."""
    best = [max(shots, key=lambda shot: shot.placed) for shots in view.items if shots]
    if not best:
        return section("Contact sheet", e("p", "There is nothing to show: no picture could be analysed."))
    order = sorted(range(len(best)), key=lambda i: -best[i].placed)[:SHEET]
    left = len(best) - len(order)
    there = best[order[0]].placed > 0
    which = "those with most boxes first" if there else "in the order of the answer"
    text = f"{view.counted(len(order))}, {which}."
    if left:
        text = f"{count(len(order))} of {view.counted(len(best))}, {which}; {count(left)} more are not on this sheet."
    text += (
        " A box has the colour of its label; a number after × counts findings, one alone is a score." if there else ""
    )
    tiles = [tile(best[i], items, colours, _score_note(best[i]), filtered=filtered) for i in order]
    by_label = [_links(kind, labels) for kind, labels in view.labels.items()]
    return section(
        "Contact sheet", e("p.soft", text), by_label, filtered.controls(), e("ul.sheet.all", tiles), items.limit_note()
    )


def _links(kind: str, labels: Sequence[Label]) -> Html:
    """Links to the pictures of each label, with the number of items that have it."""
    links = [
        [
            ", " if j else None,
            e("a", user_text(label.name, 60), at={"href": f"#{_anchor(label, j)}"}),
            f" {len(label.items):,}",
        ]
        for j, label in enumerate(labels[:SECTIONS])
    ]
    more = len(labels) - len(links)
    return e(
        "p.labels", e("b", kind_name(kind)), ": ", links, f" and {counted(more, 'further label')}" if more else None
    )


def _score_note(shot: Shot) -> str | None:
    """The scores that are numbers of a whole picture."""
    result = shot.results.get("sensitive")
    return ", ".join(f"{name} {value:.2f}" for name, value in result["values"].items()) if result else None


def _anchor(label: Label, place: int) -> str:
    return f"{label.kind}-{place}"


def _labels(view: View, items: Items, colours: Colours, kind: str) -> Html:
    labels = view.labels[kind]
    whole = kind in WHOLE
    rows = []
    for j, label in enumerate(labels[:ROWS]):
        name = user_text(label.name, 80)
        share = view.share(len(label.first if whole else label.items))
        first = [count(len(label.first))] if whole else []
        row: list[Child] = [e("a", name, at={"href": f"#{_anchor(label, j)}"}) if j < SECTIONS else name, *first]
        shares: list[Child] = [percent(share.value), interval(share, share=True)]
        given: list[Child] = [count(len(label.items))]
        row += [*shares, *given] if whole else [*given, *shares]
        row += [] if whole else [count(label.findings)]
        row += [count(len(label.shots))] if view.videos else []
        row.append(decimals(float(np.mean(label.scores)) if label.scores else nan, 2))
        rows.append(row)
    noun = view.nouns[1]
    heads = ["label", noun, "share", "95 % interval", "findings"]
    text = f"Number and share of the {noun} that have a label at least once, with Wilson’s interval of 95 %."
    if whole:
        heads = ["class", "first", "share", "95 % interval", "given"]
        text = (
            f"“First”: the {noun} of which it is the class with the highest score, and their share with Wilson’s "
            f"interval of 95 %. “Given”: those for which it is among the classes of the answer."
        )
    heads += ["pictures and frames"] if view.videos else []
    cut = f"The first {ROWS} of {counted(len(labels), 'label')}" if len(labels) > ROWS else None
    blocks = [_label(view, items, colours, label, j) for j, label in enumerate(labels[:SECTIONS])]
    left = len(labels) - len(blocks)
    rest = e("p.soft", f"The pictures of {counted(left, 'further label')} are not shown.") if left else None
    scores = [score for label in labels for score in label.scores]
    return section(
        kind_name(kind),
        e("p.soft", text, " The interval is about the sample, not about the errors of the analyser."),
        beside(
            table(cut, [*heads, "mean score"], rows, name=kind),
            _histogram(f"Scores of all {kind_name(kind).lower()}", scores, view.threshold(kind)),
        ),
        blocks,
        rest,
        items.limit_note(),
    )


def _label(view: View, items: Items, colours: Colours, label: Label, place: int) -> Html:
    """The pictures with the highest and the lowest scores of a label, with its boxes alone."""
    one: dict[int, tuple[Shot, float]] = {}
    for i, shot, score in label.shots:  # of a video, the frame with the highest score
        if i not in one or score > one[i][1]:
            one[i] = (shot, score)
    order = sorted(one.values(), key=lambda pair: -pair[1])
    top, low = order[:HIGHEST], order[HIGHEST:][::-1][:LOWEST]

    def wanted(kind: str, finding: Finding) -> bool:
        return kind == label.kind and finding["label"] == label.name

    def tiles(some: Sequence[tuple[Shot, float]]) -> Html:
        return e("ul.sheet.one", [tile(shot, items, colours, f"score {score:.2f}", wanted) for shot, score in some])

    parts: list[Child] = [e("h4", f"Highest scores, {len(top)} of {count(len(order))}"), tiles(top)]
    if low:
        parts += [e("h4", f"Lowest scores, {len(low)} of {count(len(order))}"), tiles(low)]
    parts.append(_histogram(f"Scores of {shortened(label.name, 40)}", label.scores, view.threshold(label.kind)))
    many = f": {counted(label.findings, 'finding')} in {view.counted(len(label.items))}"
    summary = e("summary", e("b", user_text(label.name, 100)), many)
    at = {"open": "open"} if place < OPEN else {}
    return e("div.label", e("details", summary, parts, at=at), at={"id": _anchor(label, place)})


def _histogram(title: str, scores: Sequence[float], threshold: float | None) -> Html | None:
    """Number of findings by score, with the threshold as a dashed line."""
    if not scores:
        return None
    edges = np.linspace(0, 1, BINS + 1)
    heights = np.histogram(np.clip(scores, 0, 1), edges)[0]
    top = max(1, int(heights.max()))
    frame = Frame(300, 130, (0, 1), (0, top), left=44, bottom=32)
    bars: list[Child] = []
    for low, height in zip(edges[:-1].tolist(), heights.tolist(), strict=True):
        if height:
            left, upper = map(float, frame.at(low, height))
            right, bottom = map(float, frame.at(low + 1 / BINS, 0))
            box = {"x": left + 0.5, "y": upper, "width": right - left - 1, "height": bottom - upper}
            bars.append(e("rect.bar", at={name: f"{value:.1f}" for name, value in box.items()}))
    line = None if threshold is None else frame.line("second", [(threshold, 0), (threshold, top)])
    drawn = svg(title, 300, 130, frame.axes([0, 0.5, 1], sorted({0, top}), "score", "findings"), bars, line)
    caption = f"{title} ({counted(len(scores), 'finding')})."
    if threshold is not None:
        caption += f" Dashed: the threshold, {threshold:g}; what scored less was not given."
    return e("figure", drawn, e("figcaption", caption))


def _text(view: View, items: Items, colours: Colours) -> Html:
    """The lines that were read, and the pictures whose lines have the lowest scores."""
    having = len({i for i, *_ in view.lines})
    share = figure(view.share(having), share=True)
    texts = "Text was" if all(kind == "text" for _, _, kind, _ in view.lines) else "Text or a caption was"
    lead = f"{texts} given for {view.counted(having)} of {count(len(view.entries))}: {share}."
    rows = [
        [
            path_text(shot.name if shot.timestamp is None else f"{shot.name} at {shot.timestamp:.1f} s", 100),
            decimals(nan if each["score"] is None else each["score"], 2),
            user_text(each["text"], 400),
        ]
        for _, shot, _, each in view.lines[:ROWS]
    ]
    cut = f"The first {ROWS} of {counted(len(view.lines), 'line')}" if len(view.lines) > ROWS else None
    scores = [each["score"] for *_, each in view.lines if each["score"] is not None]
    lowest: dict[str, tuple[Shot, float]] = {}
    for _, shot, _, each in sorted(view.lines, key=lambda line: line[3]["score"] or 0.0):
        lowest.setdefault(shot.name, (shot, each["score"] or 0.0))
    uncertain = list(lowest.values())[: HIGHEST + LOWEST]
    tiles = [
        tile(shot, items, colours, f"lowest score {score:.2f}", lambda _, each: each["text"] is not None)
        for shot, score in uncertain
    ]
    threshold = view.threshold("text")
    return section(
        "Text",
        e("p", lead),
        e("div.plots", _histogram("Scores of all lines", scores, threshold)),
        e("h3", f"Least certain, {len(tiles)} of {view.counted(having)}"),
        e("ul.sheet.one", tiles),
        e("h3", "Lines"),
        table(cut, [view.nouns[0], "score", "text"], rows, kind="words", name="lines"),
    )


def _values(view: View) -> Html:
    """Mean, quantiles and a small histogram of each number of the pictures."""
    rows = []
    for (kind, name), given in view.values.items():
        values = np.array(given)
        quantiles = np.quantile(values, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
        spread = float(values.std(ddof=1)) if len(values) > 1 else nan
        label = user_text(name.replace("_", " "), 60)
        numbers = [float(values.mean()), spread, *quantiles.tolist()]
        rows.append([label, _spark(name, values), count(len(values)), *map(number, numbers), kind_name(kind)])
    heads = ["number", "distribution", view.nouns[1], "mean", "SD"]
    heads += ["least", "5 %", "25 %", "median", "75 %", "95 %", "most", "analyser"]
    text = f"Numbers of whole {view.nouns[1]}; percentages at the head of a column are quantiles."
    if view.videos:
        text += " Of a video: means over its frames."
    return section("Numbers", e("p.soft", text), table(None, heads, rows, name="values"))


def _spark(name: str, values: "np.ndarray[Any, Any]") -> Html:
    """A small histogram between the least and the greatest value."""
    low, high = float(values.min()), float(values.max())
    heights = np.histogram(values, BINS, (low, high) if high > low else (low - 0.5, low + 0.5))[0]
    bars = []
    for j, height in enumerate((24 * heights / heights.max()).tolist()):
        box = {"x": 6.0 * j, "y": 24 - height, "width": 5.2, "height": height}
        bars.append(e("rect.bar", at={key: rounded(value) for key, value in box.items()}) if height else None)
    return svg(f"Distribution of {shortened(name, 40)}", 6.0 * BINS, 24, bars)


def _receipts(view: View) -> Iterator[Child]:
    for kind, receipt in view.answer["receipts"].items():
        options = view.answer["options"].get(kind) or {}
        yield e("h3", kind_name(kind))
        chosen = {name: value for name, value in options.items() if value not in ([], {})}
        yield receipt_facts({**receipt, "options": chosen})


def paragraph(view: View) -> str:
    """Method and result in the past tense, with the analysers and figures of this answer."""
    n = len(view.entries)
    sentences = [f"We analysed {view.counted(n)} with {counted(len(view.kinds), 'analyser')} of Daguerre."]
    if view.videos:
        sentences.append(f"Of {counted(view.videos, 'video')} we analysed {counted(view.frames, 'frame')}.")
    for kind in view.kinds:
        receipt = view.answer["receipts"].get(kind) or {}
        versions = [f"{key} {receipt[key]}" for key in ("revision", "fingerprint") if receipt.get(key)]
        limit = view.threshold(kind)
        lowest = f", with a lowest score of {limit:g}" if limit is not None else ""
        name = f"{kind_name(kind)} came from “{receipt.get('analyser', kind)}” ({', '.join(versions) or 'no receipt'})"
        sentences.append(f"{name}{lowest}: {_summary(view, kind, n)}.")
    for kind, labels in view.labels.items():
        sizes = [(label.name, len(label.first if kind in WHOLE else label.items)) for label in labels[:5]]
        shares = "; ".join(f"“{shortened(name, 60)}” {figure(view.share(many), share=True)}" for name, many in sizes)
        rule = "by the class with the highest score" if kind in WHOLE else "with at least one"
        sentences.append(f"{kind_name(kind)}, share of {view.nouns[1]} {rule}: {shares} (95 % intervals, Wilson 1927).")
    sentences += attributes_sentences(view)
    if view.failed:
        sentences.append(f"{view.counted(len(view.failed))} could not be used.")
    sentences.append("These findings had not been compared with human codes. Computed with Daguerre.")
    return " ".join(sentences)
