"""The formats of other programs as a table, and reading and writing of their files."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

from daguerre.corpus.exchange import cvat, fiftyone, fourcat
from daguerre.corpus.exchange.marks import PICTURE, Mark, Task, marks_of, tasks_of
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.tables import Table, table_of
from daguerre.storage.whole import whole_file

Program = Literal["label-studio", "cvat", "4cat", "fiftyone"]


@dataclass(frozen=True)
class Format:
    """A file of another program: suffixes of names, and functions between its text and tasks."""

    suffixes: tuple[str, ...]
    read: Callable[[str], Iterable[Mapping[str, Any]]]
    write: Callable[[Sequence[Mapping[str, Any]]], str]


FORMATS: Mapping[Program, Format] = {
    "label-studio": Format((".json",), json.loads, lambda tasks: json.dumps(tasks, ensure_ascii=False, indent=1)),
    "cvat": Format((".xml",), lambda text: tasks_of(cvat.read(text)), lambda tasks: cvat.write(marks_of(tasks))),
    "4cat": Format(
        (".csv", ".ndjson"), lambda text: tasks_of(fourcat.read(text)), lambda tasks: fourcat.write(marks_of(tasks))
    ),
    "fiftyone": Format(
        (".json",), lambda text: tasks_of(fiftyone.read(text)), lambda tasks: fiftyone.write(marks_of(tasks))
    ),
}


def _format(path: "str | os.PathLike[str]", program: Program | None) -> Format:
    suffix = Path(path).suffix.lower()
    names = [name for name, each in FORMATS.items() if suffix in each.suffixes and program in (None, name)]
    if not names:
        wanted = FORMATS[program].suffixes if program else [end for each in FORMATS.values() for end in each.suffixes]
        raise ValueError(f"{path}: ends in {suffix or 'no suffix'}; name a file that ends in {', '.join(wanted)}")
    return FORMATS[names[0]]


def read_annotations(path: "str | os.PathLike[str]", program: Program | None = None) -> list[Task]:
    """Read codes from a file of Label Studio or FiftyOne (.json), CVAT for images 1.1 (.xml) or 4CAT (.csv, .ndjson).

    Parameters
    ----------
    program : "label-studio", "cvat", "4cat" or "fiftyone"; None: by the name of the file, .json being Label Studio's.

    Returns
    -------
    list of tasks, as `study.add_label_studio` takes them. Raises ValueError for a file of something else.

    Examples
    --------
    >>> client.study("protest").add_label_studio(daguerre.read_annotations("annotations.xml"), "first")
    """
    made = _format(path, program)
    try:
        tasks = made.read(Path(path).read_text(encoding="utf-8"))
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise ValueError("is no list of tasks; export JSON, and not JSON-MIN")
        return tasks
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from exc
    except RecursionError as exc:
        raise ValueError(f"{path}: is nested too deeply; export it again") from exc


def write_annotations(
    tasks: Iterable[Mapping[str, Any]], path: "str | os.PathLike[str]", program: Program | None = None
) -> None:
    """Write codes or pre-labels for Label Studio, FiftyOne (.json), CVAT for images 1.1 (.xml) or 4CAT (.csv, .ndjson).

    A .csv has a row for each item, as 4CAT's "Upload annotations" takes it; an .ndjson has a line for each code.

    Parameters
    ----------
    tasks : of `study.label_studio()` or of `prelabels`.
    program : as for `read_annotations`.
    """
    made, every = _format(path, program), list(tasks)
    lines = Path(path).suffix.lower() == ".ndjson"
    text = fourcat.write_lines(marks_of(every)) if lines else made.write(every)
    with whole_file(os.fspath(path)) as file:
        Path(file).write_text(text, encoding="utf-8")


def prelabels(
    results: Any,
    *,
    variable: str | None = None,
    columns: Sequence[str] = ("label",),
    version: str | None = None,
    picture_prefix: str = "",
) -> list[Task]:
    """Make pre-labels, which coders see before they code, of results.

    Parameters
    ----------
    results : of `zero_shot`, `predict`, `label` or `analyse`, or their tables (.csv, .parquet or a DataFrame) with a
        column `id`. A table with x, y, width and height has boxes.
    variable : name of the control; None: the name of the column.
    columns : columns of labels. The score of a label is in the column of its name, or in `score`.
    version : name of the model; None: classifier or model, and fingerprint, of the results or in columns of their
        table; "daguerre" where there are none.
    picture_prefix : text before the ids, which makes addresses of pictures for Label Studio of them, such as
        "/data/local-files/?d=photos/". In an address that begins with / or http, ids are percent-encoded.

    Returns
    -------
    list of tasks of Label Studio with predictions. Items without a label are left out.

    Examples
    --------
    >>> daguerre.write_annotations(daguerre.prelabels(client.zero_shot("photos/", labels=["a cat", "a dog"])), "t.json")
    """
    if variable is not None and len(columns) > 1:
        raise ValueError(f"variable: there are {len(columns)} columns, whose names are those of the variables")
    if isinstance(results, ZeroShot | Predictions):
        origin = results.origin.values() if isinstance(results, Predictions) else (results.model, results.fingerprint)
        version = version or " ".join(filter(None, origin))
    table = table_of(results.to_pandas() if hasattr(results, "to_pandas") else results)
    tasks = tasks_of(_marks(table, variable, columns, version))
    if picture_prefix:
        escaped = picture_prefix.startswith(("/", "http://", "https://"))
        for task in tasks:
            item = task["data"]["id"]
            task["data"][PICTURE] = picture_prefix + (quote(item) if escaped else item)
    return tasks


def _marks(table: Table, variable: str | None, columns: Sequence[str], version: str | None) -> Iterable[Mark]:
    origin = [table.column(name) for name in ("classifier", "model", "fingerprint") if table.has(name)]
    boxed = all(table.has(name) for name in ("x", "y", "width", "height", "image_width", "image_height"))
    for name in columns:
        for i, (item, value) in enumerate(zip(table.ids("id"), table.column(name), strict=True)):
            row = table.rows[i]
            if not value:
                continue
            by = version or " ".join(filter(None, (column[i] for column in origin))) or "daguerre"
            scored = row.get(value) or row.get(f"label: {value}") or row.get("score")
            about: dict[str, Any] = {"item": item, "variable": variable or name, "value": value, "by": by}
            about |= {"predicted": True, "score": float(scored) if scored else None}
            if boxed and row["width"]:
                x, y, width, height = (float(row[each]) for each in ("x", "y", "width", "height"))
                about |= {"box": (x, y, width, height), "size": (int(row["image_width"]), int(row["image_height"]))}
            yield Mark(**about)


PROGRAMS: tuple[str, ...] = get_args(Program)
