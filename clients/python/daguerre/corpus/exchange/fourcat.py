"""4CAT: the CSV that its processor "Upload annotations" takes, and the one that "Export annotations" makes.

The first has the id of the item, then a column for each field, at most 20; with several coders a field is "variable
(coder)". The second has a row for each annotation with `item_id`, `label`, `value` and `author`, and so has NDJSON.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from daguerre.corpus.exchange.marks import Mark
from daguerre.storage.csv import formulated, unformulated
from daguerre.types.common import listed

MOST_FIELDS = 20
IDS = ("item_id", "id")
RESULTS = frozenset({"score", "fingerprint", "classifier", "cosine", "error", "error_code", "remark"})  # not codes
FRACTION = re.compile(r"-?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?|-?[0-9.]+[eE]-[0-9]+")
SEVERAL = ","  # between the options of a field with several, as 4CAT has them
OF_CODER = re.compile(r"(?P<variable>.+) \((?P<coder>[^()]+)\)")


def write(marks: Iterable[Mark]) -> str:
    """A row for each item, a column for each field. Raises ValueError for boxes and for more fields than 4CAT takes."""
    every = _whole(marks)
    people: dict[str, set[str]] = {}
    for mark in every:
        people.setdefault(mark.variable, set()).add(mark.by)
    rows: dict[str, dict[str, Any]] = {}
    for mark in every:
        field = mark.variable if len(people[mark.variable]) == 1 else f"{mark.variable} ({mark.by})"
        value = SEVERAL.join(mark.value) if isinstance(mark.value, list) else mark.value
        rows.setdefault(mark.item, {})[field] = unformulated(value)
    fields = list(dict.fromkeys(field for row in rows.values() for field in row))
    if len(fields) > MOST_FIELDS:
        raise ValueError(f"4CAT takes {MOST_FIELDS} fields at once, and there are {len(fields)}; write fewer variables")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["item_id", *fields])
    writer.writerows([item, *(row.get(field, "") for field in fields)] for item, row in rows.items())
    return out.getvalue()


def write_lines(marks: Iterable[Mark]) -> str:
    """A JSON object in a line for each code, as 4CAT's "Export annotations" has them. Raises ValueError for boxes."""
    lines = []
    for mark in _whole(marks):
        row: dict[str, Any] = {"item_id": mark.item, "label": mark.variable, "value": mark.value, "author": mark.by}
        row |= {"type": "checkbox" if isinstance(mark.value, list) else "text", "by_processor": mark.predicted}
        lines.append(json.dumps(row))
    return "".join(f"{line}\n" for line in lines)


def _whole(marks: Iterable[Mark]) -> list[Mark]:
    every = list(marks)
    if any(mark.box is not None for mark in every):
        raise ValueError("4CAT's annotations are of whole items, and there are boxes; write them for cvat")
    return every


def read(text: str) -> Iterator[Mark]:
    """The annotations of either CSV, or of NDJSON with the same names. Raises ValueError for other files."""
    rows: list[Mapping[str, Any]]
    plain = text.lstrip("\ufeff \t\r\n").startswith("{")
    if plain:
        try:
            rows = [json.loads(line) for line in text.removeprefix("\ufeff").split("\n") if line.strip()]
        except json.JSONDecodeError as exc:
            raise ValueError(f"is no NDJSON ({exc}); give a row of JSON for each annotation") from exc
    else:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    if not rows:
        raise ValueError("has no rows; export annotations with 4CAT")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping) or None in row:
            raise ValueError(f"row {number:,} is no object, or has more cells than the header; write it again")
    if {"item_id", "label", "value"} <= set(rows[0]):
        for row in rows:
            if row["value"] not in (None, ""):
                predicted = str(row.get("by_processor")).lower() in ("true", "1", "t")
                by = str(row.get("author") or "4cat")
                yield Mark(
                    item=str(row["item_id"]),
                    variable=str(row["label"]),
                    value=_value(row["value"], row.get("type") == "checkbox", plain),
                    by=by,
                    predicted=predicted,
                )
        return
    first = next((name for name in IDS if name in rows[0]), None)
    if first is None:
        raise ValueError(
            f"has no column item_id or id, which says whose codes they are; it has {listed(map(str, rows[0]), 20)}"
        )
    if first == "id":
        _refuse_results(rows)
    for row in rows:
        for field, value in row.items():
            if field != first and value not in (None, ""):
                of = OF_CODER.fullmatch(field)
                variable, by = (of["variable"], of["coder"]) if of else (field, "4cat")
                yield Mark(item=str(row[first]), variable=variable, value=_value(value, False, plain), by=by)


def _value(value: Any, several: bool, plain: bool) -> str | float | list[str]:
    """A code of a cell, or of a value of JSON (`plain`), in which numbers are numbers and nothing is escaped."""
    if several or isinstance(value, list):
        return _several(value)
    if plain:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return formulated(str(value))


def _refuse_results(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValueError for a table of results of this service, whose numbers would become codes."""
    scored = []
    for name in rows[0]:
        cells = [str(row[name]) for row in rows if row.get(name) not in (None, "")]
        if cells and name != "id" and all(map(FRACTION.fullmatch, cells)):
            scored.append(name)
    found = [name for name in rows[0] if name in RESULTS] or scored
    if found:
        raise ValueError(
            f"is a table of results, with {listed(map(repr, scored or found), 5)}, and not of codes; make pre-labels "
            "of it with `daguerre export TABLE --for …` or daguerre.prelabels. In a table of codes the ids are item_id"
        )


def _several(value: Any) -> list[str]:
    return list(map(str, value)) if isinstance(value, list) else [part.strip() for part in str(value).split(SEVERAL)]
