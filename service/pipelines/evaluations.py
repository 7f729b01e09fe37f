"""Evaluation of found boxes and read texts against codes. `evaluated` is CPU-bound; call it in a thread."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from models.analysers import evaluation_boxes, evaluation_text
from models.analysers.evaluation_boxes import MOST_BOXES
from models.analysers.spec import Finding
from models.errors import AgreementError, quoted
from models.stopping import Check
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import plain
from service.schemas import evaluations as schema

MOST_PICTURES = 100_000


def evaluated(request: schema.EvaluationRequest, check: Check) -> schema.EvaluationAnswer:
    """Evaluate findings. Raises AgreementError, Unprocessable, TooLarge.

    Ids, boxes and texts are used for this answer alone.
    """
    remarks: list[str] = []
    boxes = None if request.boxes is None else _boxes(request.boxes, request.seed, remarks, check)
    texts = None if request.texts is None else _texts(request.texts, request.seed, remarks, check)
    return schema.EvaluationAnswer.model_validate(
        plain({"boxes": boxes, "texts": texts, "remarks": remarks, "params": {"seed": request.seed}})
    )


def _boxes(asked: schema.BoxEvaluation, seed: int, remarks: list[str], check: Check) -> dict[str, Any]:
    ids = _ids(asked.pictures, "boxes.pictures")
    found = _findings(asked.found, ids, "found", remarks)
    coded = _findings(asked.coded, ids, "coded", remarks)
    options = {name: getattr(asked, name) for name in ("threshold", "overlap", "labels")}
    try:
        report = evaluation_boxes.evaluate(found, coded, **options, seed=seed, check=check)
    except AgreementError as exc:
        raise AgreementError(_with_ids(exc.message, ids)) from exc
    if asked.min_score is not None and asked.min_score > 0.05:
        remarks.append(
            f"the analysis gave boxes from a score of {asked.min_score:g} up, and average precision counts lower ones "
            "too: analyse with min_score 0.05 for it"
        )
    if asked.min_score is not None and asked.min_score > asked.threshold:
        remarks.append(
            f"threshold: got {asked.threshold:g}, below the lowest score of the analysis, {asked.min_score:g}; the "
            "figures are those of the latter"
        )
    remarks += report.remarks
    return {
        **{name: getattr(report, name) for name in ("pictures", "threshold", "overlap")},
        "overall": _figures(report.overall, None),
        "labels": [_figures(each, label) for label, each in report.labels.items()],
    }


def _ids(given: Sequence[Any], at: str) -> list[str]:
    """The ids of pictures as texts. Raises TooLarge, Unprocessable for an id twice."""
    ids = [str(id) for id in given]
    if len(ids) > MOST_PICTURES:
        raise TooLarge(
            f"{at}: {len(ids):,} pictures, at most {MOST_PICTURES:,}; send a part of them",
            code="too_many_items",
            param=at,
        )
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise Unprocessable(f"{at}: {quoted(twice)} appears twice; send each picture once", param=at)
    return ids


def _findings(rows: schema.BoxRows, ids: Sequence[str], name: str, remarks: list[str]) -> list[list[Finding]]:
    """The boxes of each picture. Raises TooLarge, Unprocessable for columns of different lengths."""
    at, n = f"boxes.{name}", len(rows.item)
    columns = [column for column in type(rows).model_fields if len(getattr(rows, column)) != n]
    if columns:
        raise Unprocessable(
            f"{at}.{columns[0]}: has {len(getattr(rows, columns[0])):,} values for {n:,} boxes; send one for each",
            param=f"{at}.{columns[0]}",
        )
    if n > MOST_BOXES:
        raise TooLarge(
            f"{at}: {n:,} boxes, at most {MOST_BOXES:,}; send those of fewer pictures", code="too_many_items", param=at
        )
    place = {id: i for i, id in enumerate(ids)}
    found: list[list[Finding]] = [[] for _ in ids]
    scores = rows.score if isinstance(rows, schema.FoundBoxRows) else [None] * n
    others = 0
    edges = zip(rows.x, rows.y, rows.width, rows.height, strict=True)
    for item, label, box, score in zip(rows.item, rows.label, edges, scores, strict=True):
        if (picture := place.get(str(item))) is None:
            others += 1
        else:
            found[picture].append(Finding(label=label, box=box, score=score))
    if others:
        remarks.append(f"{others:,} {name} boxes are of pictures that are not evaluated, and left out")
    return found


def _with_ids(message: str, ids: Sequence[str]) -> str:
    """A message with the id of the picture in place of its number."""
    head, colon, rest = message.partition(":")
    number = head.removeprefix("picture ")
    return f"boxes of {quoted(ids[int(number)])}:{rest}" if colon and number.isdigit() else message


def _figures(figures: evaluation_boxes.BoxFigures, label: str | None) -> dict[str, Any]:
    fields = asdict(figures)
    return {**fields, "label": label, "ap_by_size": fields.pop("by_size"), "suggested": fields.pop("best")}


def _texts(asked: schema.TextEvaluation, seed: int, remarks: list[str], check: Check) -> dict[str, Any]:
    ids = _ids(asked.item, "texts.item")
    for name in ("true", "read"):
        if len(getattr(asked, name)) != len(ids):
            raise Unprocessable(
                f"texts.{name}: has {len(getattr(asked, name)):,} texts for {len(ids):,} pictures; send one for each",
                param=f"texts.{name}",
            )
    options: dict[str, Any] = {"ignore_case": asked.ignore_case, "whitespace": asked.whitespace}
    report = evaluation_text.evaluate(list(zip(asked.true, asked.read, strict=True)), **options, seed=seed, check=check)
    remarks += report.remarks
    counts = ("character_edits", "characters", "word_edits", "words", "character_error_rate", "word_error_rate")
    return {
        "pictures": len(ids),
        **{name: asdict(getattr(report, name)) for name in ("character_error_rate", "word_error_rate", "exact")},
        **options,
        "data": [
            {"id": id, **{name: getattr(each, name) for name in counts}}
            for id, each in zip(ids, report.each, strict=True)
        ],
    }
