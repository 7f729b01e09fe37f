"""Findings and human codes as the fields of a request for their evaluation: boxes and texts by picture."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daguerre.corpus.analyses import read_analyses
from daguerre.inputs.alignment import is_series, series_labels
from daguerre.inputs.columns import is_missing
from daguerre.inputs.names import PathNames
from daguerre.results.analyses import Analyses, finding_rows
from daguerre.session import Session
from daguerre.storage.tables import Table, table_of
from daguerre.transport.operations import EVALUATE
from daguerre.types.common import listed, text_list

IDS = ("id", "item", "path", "file_name", "image")  # columns of a picture's id
LABELS = ("label", "category", "class")
TEXTS = ("text", "true", "target", "code")
EDGES = ("x", "y", "width", "height")
Box = tuple[float, ...]


@dataclass
class Found:
    """Findings to evaluate.

    Attributes
    ----------
    ids, files : of the pictures that were analysed.
    failed : ids of the pictures without a result.
    boxes : (id, label, box, score).
    texts : by id; None where no text was read.
    min_score : lowest score of boxes that the analysis gave; None where it is not known.
    """

    ids: list[str]
    files: list[str]
    failed: set[str] = field(default_factory=set)
    boxes: list[tuple[str, str, Box, float]] | None = None
    texts: dict[str, str] | None = None
    min_score: float | None = None
    remarks: list[str] = field(default_factory=list)
    whole: bool = True  # whether pictures without findings are among the ids


async def read_found(session: Session, given: Any, analyser: str) -> Found:
    """Read findings: a result of `analyse`, a file of `analyse_corpus`, or another table of findings."""
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if path.suffix.lower() == ".parquet" and path.with_suffix(".pictures.parquet").exists():
            given = await read_analyses(session, path)
    if isinstance(given, Analyses):
        return _of_analyses(given, analyser)
    return _of_table(table_of(given), analyser)


def _of_analyses(given: Analyses, analyser: str) -> Found:
    rows = [row for id, entry in zip(given.ids, given.entries, strict=True) for row in finding_rows(id, entry)]
    own = [row for row in rows if row["analyser"] == analyser]
    texts = {id: text for id, text in zip(given.ids, given.texts, strict=True) if text is not None}
    return Found(
        ids=list(given.ids),
        files=list(given.files),
        failed={error.id for error in given.errors},
        boxes=_boxes(own) if analyser in given.kinds else None,
        texts=texts if "text" in given.kinds else None,
        min_score=given.options.get(analyser, {}).get("min_score"),
    )


def _boxes(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, Box, float]]:
    return [
        (row["id"], str(row["label"]), tuple(float(row[edge]) for edge in EDGES), float(row["score"])) for row in rows
    ]


def _of_table(table: Table, analyser: str) -> Found:
    """A table with a row for each finding, without one of the pictures."""
    ids = table.ids(_column(table, IDS, "a picture's id"))
    kinds = table.column("analyser") if table.has("analyser") else None
    own = [i for i in range(len(ids)) if kinds is None or kinds[i] == analyser]
    boxes = None
    if own and table.has("score") and all(table.has(edge) for edge in EDGES):
        label = table.column(_column(table, LABELS, "labels"))
        numbers = {name: _numbers(table, name, own) for name in (*EDGES, "score")}
        cells = [{"id": ids[i], "label": label[i], **{name: row[i] for name, row in numbers.items()}} for i in own]
        boxes = _boxes(cells)
    texts: dict[str, str] | None = None
    if table.has("text") and (kinds is None or "text" in kinds):
        lines: dict[str, list[str]] = defaultdict(list)
        for i, (id, text) in enumerate(zip(ids, table.column("text"), strict=True)):
            if text and (kinds is None or kinds[i] == "text"):
                lines[id].append(text)
        texts = {id: "\n".join(each) for id, each in lines.items()}
    every = list(dict.fromkeys(ids))
    return Found(ids=every, files=every, boxes=boxes, texts=texts, whole=False)


def _numbers(table: Table, name: str, rows: Sequence[int]) -> dict[int, float]:
    """The numbers of some rows of a column. Raises ValueError for another cell."""
    cells = table.codes(name)
    numbers = {}
    for i in rows:
        try:
            numbers[i] = float(cells[i] or "")
        except ValueError as exc:
            raise ValueError(f"{table.path}: column {name}, row {i + 1}: {cells[i]!r} is no number; write one") from exc
    return numbers


@dataclass
class CodedBoxes:
    """Coded boxes (id, label, box), and the pictures that were coded, those without a box too."""

    pictures: list[str]
    boxes: list[tuple[str, str, Box]]


def read_coded_boxes(given: Any) -> CodedBoxes:
    """Read coded boxes: a table with id, label, x, y, width, height, or the annotations of COCO (a path or a dict).

    A row without a label and a box is a picture without objects. Raises ValueError.
    """
    if isinstance(given, str | os.PathLike) and os.fspath(given).lower().endswith(".json"):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except ValueError as exc:
            raise ValueError(f"{os.fspath(given)} is no JSON: {exc}; give COCO's annotations, or a table") from exc
        if not isinstance(given, Mapping) or not {"images", "annotations", "categories"} <= given.keys():
            raise ValueError("boxes: the JSON is not COCO's; it has images, annotations and categories")
    if isinstance(given, Mapping) and {"images", "annotations", "categories"} <= given.keys():
        return _of_coco(given)
    table = table_of(given)
    ids = table.ids(_column(table, IDS, "a picture's id"))
    labels = table.column(_column(table, LABELS, "labels"))
    if table.has("coder") and len(coders := set(table.column("coder"))) > 1:
        raise ValueError(
            f"{table.path}: has the boxes of {len(coders)} coders, {listed(sorted(coders), 3)}; keep the rows of one, "
            "since the boxes of several would count several times"
        )
    columns = {edge: table.codes(edge) for edge in EDGES if table.has(edge)}
    if len(columns) < len(EDGES):
        raise ValueError(f"{table.path} needs the columns {listed(EDGES)} of boxes; it has {table.listed()}")
    boxes = []
    for i, id in enumerate(ids):
        cells = [columns[edge][i] for edge in EDGES]
        if not id:
            raise ValueError(f"{table.path}, row {i + 1}: has no id; give each row one")
        if not labels[i] and not any(cells):
            continue
        if not labels[i] or not all(cells):
            raise ValueError(
                f"{table.path}, row {i + 1}: has {labels[i] or 'no label'!r} and the box {cells}; give a label and all "
                f"of {listed(EDGES)}, or none of them for a picture without objects"
            )
        boxes.append((id, labels[i], i))
    numbers = {edge: _numbers(table, edge, [i for _, _, i in boxes]) for edge in EDGES}
    placed = [(id, label, tuple(numbers[edge][i] for edge in EDGES)) for id, label, i in boxes]
    return CodedBoxes(list(dict.fromkeys(ids)), placed)


def _of_coco(given: Mapping[str, Any]) -> CodedBoxes:
    try:
        names = {image["id"]: str(image.get("file_name", image["id"])) for image in given["images"]}
        labels = {category["id"]: str(category["name"]) for category in given["categories"]}
        crowds = sum(bool(each.get("iscrowd")) for each in given["annotations"])
        boxes = [
            (names[each["image_id"]], labels[each["category_id"]], tuple(map(float, each["bbox"])))
            for each in given["annotations"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ValueError(f"boxes: not COCO's annotations: {exc!r}; see cocodataset.org, format-data") from exc
    if crowds:
        raise ValueError(f"boxes: {crowds:,} annotations are crowds (iscrowd), which are not evaluated; leave them out")
    if (wrong := next((box for _, _, box in boxes if len(box) != len(EDGES)), None)) is not None:
        raise ValueError(f"boxes: bbox {list(wrong)} has not the four numbers x, y, width, height; give these")
    return CodedBoxes(list(dict.fromkeys(names.values())), boxes)


def read_coded_texts(given: Any, column: str | None = None, *, blank: str = "missing") -> dict[str, str | None]:
    """Read the true text of each picture, None for one without a code: a table, a Series or a mapping.

    A blank text is missing, or with blank="none" a picture without text. Raises ValueError.
    """
    if blank not in ("missing", "none"):
        raise ValueError(f'blank: got {blank!r}, there are "missing" and "none"')
    if is_series(given) and not hasattr(given, "columns"):
        rows: list[tuple[str, Any]] = list(zip(map(str, series_labels(given)), given, strict=True))
    elif isinstance(given, Mapping) and all(isinstance(each, str) or is_missing(each) for each in given.values()):
        rows = [(str(id), text) for id, text in given.items()]
    else:
        table = table_of(given)
        names = (column,) if column is not None else TEXTS
        ids = table.ids(_column(table, IDS, "a picture's id"))
        rows = list(zip(ids, table.column(_column(table, names, "texts")), strict=True))
    if twice := [id for id, n in Counter(id for id, _ in rows).items() if n > 1]:
        raise ValueError(f"texts: {twice[0]!r} has several rows; give each picture one, with all of its text")
    texts = {id: None if is_missing(text) else str(text) for id, text in rows}
    return {id: (text or "") if blank == "none" else text or None for id, text in texts.items()}


def _column(table: Table, names: Sequence[str], what: str) -> str:
    found = next((name for name in names if table.has(name)), None)
    if found is None:
        raise ValueError(
            f"{table.path} needs a column {' or '.join(map(repr, names))} of {what}; it has {table.listed()}"
        )
    return found


def box_fields(found: Found, coded: CodedBoxes, *, all_coded: bool) -> dict[str, Any]:
    """The fields of found and coded boxes, under the ids of the findings. Raises ValueError for no common picture."""
    if found.boxes is None:
        raise ValueError("boxes: the findings have none with labels and scores; analyse with 'objects'")
    names = _matched(found, coded.pictures, "boxes")
    pictures = [id for id in found.ids if id not in found.failed]
    if not all_coded:
        known = set(names.values())
        if left := [id for id in pictures if id not in known]:
            found.remarks.append(
                f"{len(left):,} of {len(pictures):,} analysed pictures have no row among the coded boxes and are left "
                "out; if all were coded, and these have no objects, all_coded says so, or a row with the id alone"
            )
        pictures = []
    pictures = list(dict.fromkeys([*pictures, *names.values()]))
    inside = set(pictures)
    ours = [box for box in found.boxes if box[0] in inside]
    theirs = [(names[id], label, box) for id, label, box in coded.boxes if names.get(id) in inside]
    return {
        "pictures": pictures,
        "found": {**_rows(ours), "score": [each[3] for each in ours]},
        "coded": _rows(theirs),
        "min_score": found.min_score,
    }


def text_fields(found: Found, coded: Mapping[str, str | None]) -> dict[str, Any]:
    """The fields of true and read texts. Raises ValueError where no picture is common."""
    if found.texts is None:
        raise ValueError("texts: the findings have none; analyse with 'text'")
    if blank := [id for id, text in coded.items() if text is None]:
        found.remarks.append(
            f'{len(blank):,} of {len(coded):,} texts are blank and left out as not coded; with blank="none" they are '
            "pictures without text"
        )
    names = _matched(found, [id for id, text in coded.items() if text is not None], "texts")
    if twice := [id for id, n in Counter(names.values()).items() if n > 1]:
        raise ValueError(f"texts: two of the ids are those of {twice[0]!r}; give each picture one text")
    return {
        "item": list(names.values()),
        "true": [coded[id] for id in names],
        "read": [found.texts.get(id, "") for id in names.values()],
    }


def _rows(boxes: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    columns = {edge: [each[2][k] for each in boxes] for k, edge in enumerate(EDGES)}
    return {"item": [each[0] for each in boxes], "label": [each[1] for each in boxes], **columns}


def _matched(found: Found, keys: Sequence[str], what: str) -> dict[str, str]:
    """The picture of the findings for each coded id that has one; remarks on the others."""
    files, ends = PathNames(found.files, found.ids), PathNames(found.ids, found.ids)
    names: dict[str, str] = {}
    absent: list[str] = []
    failed: list[str] = []
    for key in keys:
        hits = files.find(key) or ends.find(key)
        if not hits and not found.whole:  # a table of findings does not list the pictures without any
            names[key] = key
        elif not hits:
            absent.append(key)
        elif found.ids[hits[0]] in found.failed:
            failed.append(key)
        else:
            names[key] = found.ids[hits[0]]
    if not names:
        example = f"{keys[0]!r} and {found.ids[0]!r}" if keys and found.ids else "none"
        raise ValueError(
            f"{what}: no picture is both coded and analysed; the first ids are {example}: use the same ids or paths"
        )
    if absent:
        found.remarks.append(
            f"{what}: {len(absent):,} of {len(keys):,} coded pictures were not analysed and are left out, the first is "
            f"{absent[0]!r}"
        )
    if failed:
        found.remarks.append(f"{what}: {len(failed):,} coded pictures could not be analysed and are left out")
    listed_ids = set(found.ids)
    if not found.whole and (new := [key for key in names if names[key] not in listed_ids]):
        found.remarks.append(
            f"{what}: {len(new):,} coded pictures are not among the findings, and count as analysed without any; the "
            "table of findings does not list the pictures"
        )
    return names


async def evaluation_answer(
    session: Session,
    findings: Any,
    *,
    boxes: Any = None,
    texts: Any = None,
    threshold: float | None = None,
    overlap: float = 0.5,
    labels: Sequence[str] | None = None,
    all_coded: bool = False,
    analyser: str = "objects",
    column: str | None = None,
    blank: str = "missing",
    ignore_case: bool = False,
    whitespace: str = "collapse",
    seed: int = 0,
) -> tuple[Mapping[str, Any], list[str]]:
    """The server's answer, and the remarks of this side. Raises ValueError."""
    if boxes is None and texts is None:
        raise ValueError("boxes: give coded boxes, or texts=, the true texts")
    found = await read_found(session, findings, analyser)
    fields: dict[str, Any] = {"boxes": None, "texts": None, "seed": seed}
    if boxes is not None:
        lowest = 0.35 if found.min_score is None else max(found.min_score, 0.35)
        own = box_fields(found, read_coded_boxes(boxes), all_coded=all_coded)
        fields["boxes"] = {
            **own,
            "threshold": lowest if threshold is None else threshold,
            "overlap": overlap,
            "labels": None if labels is None else text_list(labels, "labels"),
        }
    if texts is not None:
        own = text_fields(found, read_coded_texts(texts, column, blank=blank))
        fields["texts"] = {**own, "ignore_case": ignore_case, "whitespace": whitespace}
    return await session.ask(EVALUATE, fields), found.remarks
