"""The page of an evaluation: found boxes and read texts against those that people coded."""

from collections.abc import Iterable, Mapping
from math import nan
from typing import Any

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, parameters_section, section
from models.pages.html import (
    Child,
    Html,
    count,
    counted,
    decimals,
    e,
    figure,
    gap,
    percent,
    table,
    user_text,
)
from models.pages.items import STYLE, Items

Fields = Mapping[str, Any]
WORST = 24  # pictures with the most errors in their text that are shown


def ids(answer: Fields) -> Iterable[str]:
    """Ids of the pictures whose texts have the most errors, which the page may show."""
    return [each["id"] for each in _worst(answer)]


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/evaluations."""
    boxes, texts = answer["boxes"], answer["texts"]
    kinds = [name for name, there in (("boxes", boxes), ("texts", texts)) if there is not None]
    title = f"Found {' and '.join(kinds)} against human codes"
    body: list[Child] = [_top(answer, items, title)]
    if boxes is not None:
        body += [section("Boxes", _boxes(boxes)), section("Numbers of boxes", _counts(boxes))]
        body += [section("Boxes by size", _sizes(boxes)), section("Thresholds", _thresholds(boxes))]
    if texts is not None:
        body.append(section("Texts", _texts(texts), _worst_texts(answer, items)))
    body.append(methods_section(paragraph(answer)))
    body.append(parameters_section(answer["params"]))
    return document(title, body, style=STYLE)


def _figure(value: Fields) -> Figure:
    return Figure(**{name: nan if value.get(name) is None else float(value[name]) for name in ("value", "low", "high")})


def _share(value: Fields) -> Child:
    return figure(_figure(value), share=True)


def _precision(value: float | None) -> Child:
    return "–" if value is None else decimals(value, 3)


def _top(answer: Fields, items: Items, title: str) -> Html:
    parts: list[Child] = [e("p.kicker", "Report of an evaluation by human codes"), e("h1", title)]
    if (boxes := answer["boxes"]) is not None:
        whole = boxes["overall"]
        sentence: list[Child] = [
            f"Of the boxes from a score of {boxes['threshold']:g}, ",
            _share(whole["precision"]),
            " match a coded one; of those that people coded, ",
            _share(whole["recall"]),
            " were found.",
        ]
        parts.append(e("p.lead", sentence))
    if (texts := answer["texts"]) is not None:
        parts.append(
            e(
                "p.lead",
                "The character error rate of the texts that were read is ",
                _share(texts["character_error_rate"]),
                ", the word error rate ",
                _share(texts["word_error_rate"]),
                ".",
            )
        )
    return e("header", parts, items.note() if _worst(answer) else None, caveats([*answer["remarks"], *items.remarks]))


def _rows(boxes: Fields) -> list[tuple[Child, Fields]]:
    named: list[tuple[Child, Fields]] = [(user_text(each["label"], 80), each) for each in boxes["labels"]]
    return [("all labels", boxes["overall"]), *named]


def _boxes(boxes: Fields) -> list[Child]:
    rows: list[list[Child]] = [
        [
            label,
            count(each["coded"]),
            count(each["found"]),
            _precision(each["ap"]),
            _precision(each["ap50"]),
            _share(each["precision"]),
            _share(each["recall"]),
        ]
        for label, each in _rows(boxes)
    ]
    text = (
        f"A found box matches a coded one of its label from an intersection over union of {boxes['overlap']:g}. "
        "Average precision is COCO’s: over all scores, at overlaps from .5 to .95, and at .5. Precision and recall are "
        f"those from a score of {boxes['threshold']:g}."
    )
    heads = ["label", "coded", "found", "average precision", "at an overlap of .5", "precision", "recall"]
    return [e("p", text), table(None, heads, rows, name="boxes")]


def _counts(boxes: Fields) -> list[Child]:
    rows: list[list[Child]] = [
        [
            label,
            figure(_figure(each["count_error"]), share=False),
            gap(_figure(each["count_bias"]), share=False),
        ]
        for label, each in _rows(boxes)
    ]
    text = (
        "The number of boxes in a picture, found against coded: the mean absolute difference, and the mean difference, "
        f"found minus coded, over {counted(boxes['pictures'], 'picture')}."
    )
    return [e("p", text), table(None, ["label", "mean absolute error", "bias"], rows, name="counts")]


def _sizes(boxes: Fields) -> list[Child]:
    sizes = list(boxes["overall"]["recall_by_size"])
    rows: list[list[Child]] = []
    for label, each in _rows(boxes):
        for size in sizes:
            rows.append([label, size, _precision(each["ap_by_size"][size]), _share(each["recall_by_size"][size])])
    text = "Small boxes have less than 32 × 32 pixels, large ones more than 96 × 96."
    return [e("p", text), table(None, ["label", "size", "average precision", "recall"], rows, name="sizes")]


def _thresholds(boxes: Fields) -> list[Child]:
    rows: list[list[Child]] = [
        [label, *(decimals(best[name], 3) for name in ("threshold", "precision", "recall", "f1"))]
        for label, each in _rows(boxes)
        if (best := each["suggested"]) is not None
    ]
    text = (
        "The threshold with the best F1 on these boxes. Its figures are measured on the boxes that chose it and are "
        "too good: code further pictures to measure it."
    )
    return [e("p", text), table(None, ["label", "threshold", "precision", "recall", "F1"], rows, name="thresholds")]


def _texts(texts: Fields) -> list[Child]:
    rows: list[list[Child]] = [
        ["character error rate", _share(texts["character_error_rate"])],
        ["word error rate", _share(texts["word_error_rate"])],
        ["texts without an error", _share(texts["exact"])],
    ]
    case = "without regard to capitals" if texts["ignore_case"] else "with capitals"
    text = (
        f"Insertions, deletions and substitutions over the lengths of the true texts of "
        f"{counted(texts['pictures'], 'picture')}, {case}, whitespace: {texts['whitespace']}."
    )
    return [e("p", text), table(None, ["figure", "value"], rows, name="texts")]


def _worst(answer: Fields) -> list[Fields]:
    data = [] if answer["texts"] is None else [each for each in answer["texts"]["data"] if each["character_edits"]]
    return sorted(data, key=lambda each: (-each["character_edits"], each["id"]))[:WORST]


def _worst_texts(answer: Fields, items: Items) -> list[Child]:
    worst = _worst(answer)
    if not worst:
        return []
    tiles = items.tiles(
        items.tile(
            each["id"],
            f"{counted(each['character_edits'], 'error')} in {counted(each['characters'], 'character')}",
            f"{counted(each['word_edits'], 'error')} in {counted(each['words'], 'word')}",
        )
        for each in worst
    )
    return [e("h3", "Texts with the most errors"), tiles, items.limit_note()]


def paragraph(answer: Fields) -> str:
    """Method and result in the past tense, with the figures of this answer."""
    sentences = []
    if (boxes := answer["boxes"]) is not None:
        whole = boxes["overall"]
        precision = "" if whole["ap50"] is None else f"average precision at .5 was {decimals(whole['ap50'], 3)}, "
        sentences.append(
            f"Found boxes were compared with {counted(whole['coded'], 'box', 'boxes')} that people coded in "
            f"{counted(boxes['pictures'], 'picture')}: {precision}and from a score of {boxes['threshold']:g}, with "
            f"matches from an intersection over union of {boxes['overlap']:g}, precision was "
            f"{_share(whole['precision'])} and recall {_share(whole['recall'])}."
        )
    if (texts := answer["texts"]) is not None:
        rate = texts["character_error_rate"]["value"]
        words = texts["word_error_rate"]["value"]
        sentences.append(
            f"Texts that were read in {counted(texts['pictures'], 'picture')} were compared with true ones: the "
            f"character error rate was {percent(nan if rate is None else rate)}, the word error rate "
            f"{percent(nan if words is None else words)}."
        )
    sentences.append("Intervals are at 95 %; those of counts and error rates are by a bootstrap over pictures.")
    return " ".join([*sentences, "Computed with Daguerre."])
