"""4CAT: the CSV that its processor "Upload annotations" takes, and the one that "Export annotations" makes.

The first has the id of the item, then a column for each field, at most 20; with several coders a field is "variable
(coder)". The second has a row for each annotation with `item_id`, `label`, `value` and `author`. NDJSON has the same.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from daguerre.corpus.exchange.marks import Mark
from daguerre.storage.csv import formulated, unformulated

MOST_FIELDS = 20
SEVERAL = ","  # between the options of a field with several, as 4CAT has them
OF_CODER = re.compile(r"(?P<variable>.+) \((?P<coder>[^()]+)\)")


def write(marks: Iterable[Mark]) -> str:
    """A row for each item, a column for each field. Raises ValueError for boxes and for more fields than 4CAT takes."""
    every = list(marks)
    if any(mark.box is not None for mark in every):
        raise ValueError("4CAT's annotations are of whole items, and there are boxes; write them for cvat")
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


def read(text: str) -> Iterator[Mark]:
    """The annotations of either CSV, or of NDJSON with the same names. Raises ValueError for other files."""
    rows: list[Mapping[str, Any]]
    if text.lstrip().startswith("{"):
        try:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError as exc:
            raise ValueError(f"is no NDJSON ({exc}); give a row of JSON for each annotation") from exc
    else:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    if not rows:
        raise ValueError("has no rows; export annotations with 4CAT")
    if {"item_id", "label", "value"} <= set(rows[0]):
        for row in rows:
            if row["value"] not in (None, ""):
                predicted = str(row.get("by_processor")).lower() in ("true", "1", "t")
                by = str(row.get("author") or "4cat")
                value = _several(row["value"]) if row.get("type") == "checkbox" else formulated(str(row["value"]))
                yield Mark(
                    item=str(row["item_id"]), variable=str(row["label"]), value=value, by=by, predicted=predicted
                )
        return
    first = next(iter(rows[0]))
    for row in rows:
        for field, value in row.items():
            if field != first and value not in (None, ""):
                of = OF_CODER.fullmatch(field)
                variable, by = (of["variable"], of["coder"]) if of else (field, "4cat")
                yield Mark(item=str(row[first]), variable=variable, value=formulated(str(value)), by=by)


def _several(value: Any) -> list[str]:
    return [part.strip() for part in (value if isinstance(value, list) else str(value).split(SEVERAL))]
