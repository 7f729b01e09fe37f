"""The result of a step as plain tables: a row for each item, arrays, and single figures."""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import DaguerreError
from daguerre.results.base import Errors, ItemResults, item_remarks
from daguerre.types.common import MARKS, Receipt

ITEMS, FIGURES = "items.csv", "figures.csv"
WIDEST = 64  # columns of an array that are columns of the table, too
SKIPPED = frozenset(  # names of fields that say when, where and under which number, at any depth
    (
        *(
            "client",
            "files",
            "query_files",
            "servers",
            "cached",
            "receipt",
            "receipts",
            "errors",
            "job",
            "request_id",
            "created",
            "made_with",
        ),
        *("sent", "started", "ended", "seconds", "duration", "out", "version", "classifier", "trained_seconds"),
    )
)
PATH = re.compile(r"(?<![\w./:])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\":,;]+[\\/])+([^\s\\/'\":,;]*)")
Scalar = str | float | int | bool | None


@dataclass(frozen=True)
class Outcome:
    """The result of a step.

    Attributes
    ----------
    ids : (n,) the items; empty for a result without items.
    columns : by name, (n,) a cell for each item.
    arrays : by name, (n, …).
    figures : all other numbers and texts, by their place in the result, such as "estimates[0].mean.corrected.value".
    """

    ids: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """The files of the result, by name."""
        made: dict[str, bytes] = {}
        if self.ids:
            rows = zip(self.ids, *self.columns.values(), strict=True)
            made[ITEMS] = csv_bytes([["id", *self.columns], *map(list, rows)])
        if self.figures:
            made[FIGURES] = csv_bytes([["figure", "value"], *map(list, self.figures.items())])
        for name, array in self.arrays.items():
            made[f"{name}.npy"] = npy_bytes(array)
        return made

    @classmethod
    def read(cls, files: Mapping[str, bytes], arrays: Sequence[str]) -> "Outcome":
        """The result of its files; `arrays` are the names of its arrays. Raises DaguerreError."""
        ids: list[str] = []
        columns: dict[str, list[str]] = {}
        if ITEMS in files:
            header, *rows = csv_rows(files[ITEMS], ITEMS)
            ids = [row[0] for row in rows]
            columns = {name: [row[i] for row in rows] for i, name in enumerate(header) if i}
        figures = dict(row[:2] for row in csv_rows(files[FIGURES], FIGURES)[1:]) if FIGURES in files else {}
        return cls(ids, columns, {name: read_npy(files[f"{name}.npy"], f"{name}.npy") for name in arrays}, figures)

    def digest(self) -> str:
        """SHA-256 of the files, in hex digits."""
        total = hashlib.sha256()
        for name, data in sorted(self.files().items()):
            total.update(f"{name}\0{len(data)}\0".encode())
            total.update(data)
        return total.hexdigest()

    def without(self, ids: Container[str]) -> "Outcome":
        """The result without some of the items."""
        kept = [i for i, id in enumerate(self.ids) if id not in ids]
        return Outcome(
            [self.ids[i] for i in kept],
            {name: [cells[i] for i in kept] for name, cells in self.columns.items()},
            {name: array[kept] for name, array in self.arrays.items()},
            self.figures,
        )

    def renamed(self, names: Mapping[str, str]) -> "Outcome":
        """The same with other names of classifiers wherever a text has them."""

        def text(cell: str) -> str:
            for old, new in names.items():
                cell = cell.replace(old, new)
            return cell

        columns = {name: [text(cell) for cell in cells] for name, cells in self.columns.items()}
        return Outcome(self.ids, columns, self.arrays, {text(key): text(value) for key, value in self.figures.items()})


def outcome_of(result: Any) -> Outcome:
    """The result of a method of the client as plain tables."""
    if hasattr(result, "report") and hasattr(result, "labels") and hasattr(result, "card"):  # a classifier
        given = {"task": result.task, "labels": result.labels, "report": dict(result.report)}
        return Outcome(figures=dict(_flat(given, "")))
    answer = getattr(result, "answer", None)
    if answer is not None and not isinstance(result, ItemResults):
        whole = {**answer, "remarks": getattr(result, "remarks", [])}
        return Outcome(figures=dict(_flat({key: value for key, value in whole.items() if key != "id"}, "")))
    if is_dataclass(result):
        return _of_fields(result)
    return Outcome(figures=dict(_flat(result, "")))


def _of_fields(result: Any) -> Outcome:
    ids = list(getattr(result, "ids", ()))
    n = len(ids)
    if not all(isinstance(id, str) for id in ids):
        ids, n = [], 0
    columns: dict[str, list[str]] = {}
    arrays: dict[str, NDArray[Any]] = {}
    figures: dict[str, str] = {}
    labels = list(getattr(result, "labels", ()))
    for each in fields(result):
        name, value = each.name, getattr(result, each.name)
        if (name == "ids" and n) or name in SKIPPED or (name in MARKS and n) or name in ("id", "answer"):
            continue
        if isinstance(value, np.ndarray) and value.ndim > 1 and len(value) == n and n:
            if value.shape[1] > WIDEST or value.ndim > 2:
                arrays[name] = value
                continue
            titles = labels if len(labels) == value.shape[1] else list(range(value.shape[1]))
            for i, title in enumerate(titles):
                columns[f"{name}[{title}]"] = [_cell(cell) for cell in value[:, i].tolist()]
        elif n and isinstance(value, list | tuple | np.ndarray) and len(value) == n and all(map(_is_scalar, value)):
            columns[name] = [_cell(cell) for cell in value]
        elif n and isinstance(value, list | tuple) and len(value) == n and name == "entries":
            figures |= {key: cell for id, entry in zip(ids, value, strict=True) for key, cell in _flat(entry, id)}
        else:
            figures |= dict(_flat(value, name))
    if isinstance(result, ItemResults):
        columns |= {"remark": [_cell(each) for each in item_remarks(result)]}
        columns |= {"error": [_cell(each) for each in result.codes]}
    answer = getattr(result, "answer", None) or {}
    for name in ("params", "stability", "comparison", "remarks", "thresholds"):  # of clusters
        if name in answer and name not in {each.name for each in fields(result)}:
            figures |= dict(_flat(answer[name], name))
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    return Outcome([without_paths(id) for id in ids], columns, arrays, figures)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float | np.generic)


def _flat(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """The numbers and texts in a value, with their places."""
    if _is_scalar(value):
        yield at or "value", _cell(value)
    elif isinstance(value, Receipt | Errors):
        return
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in SKIPPED:
                yield from _flat(each, f"{at}.{without_paths(str(name))}" if at else without_paths(str(name)))
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            if part.name not in SKIPPED:
                yield from _flat(getattr(value, part.name), f"{at}.{part.name}" if at else part.name)
    elif isinstance(value, list | tuple | np.ndarray):
        for i, each in enumerate(value):
            yield from _flat(each, f"{at}[{i}]")
    elif isinstance(value, bytes):
        yield at, hashlib.sha256(value).hexdigest()


def _cell(value: Any) -> str:
    """A number with all its digits, or a text without folders of this machine; a missing value is empty."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return without_paths(str(value))


def without_paths(text: str) -> str:
    """A text in which absolute paths are the names of their files."""
    return PATH.sub(lambda found: found[1], text) if "/" in text or "\\" in text else text


def csv_bytes(rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    """Rows as CSV in UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def csv_rows(data: bytes, name: str) -> list[list[str]]:
    """The rows of a CSV file, all as long as the first. Raises DaguerreError."""
    csv.field_size_limit(2**31 - 1)
    try:
        rows: list[list[str]] = []
        for row in csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True):
            if not row or (rows and len(row) != len(rows[0])):  # at once: empty lines would fill the memory
                rows.clear()
                break
            rows.append(row)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise DaguerreError(f"{name} is no table: {exc}; make the bundle again", code="invalid_bundle") from exc
    if not rows:
        raise DaguerreError(f"{name} has rows of different lengths; make the bundle again", code="invalid_bundle")
    return rows


def npy_bytes(array: NDArray[Any]) -> bytes:
    """An array as a .npy file."""
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(array), allow_pickle=False)
    return out.getvalue()


def read_npy(data: bytes, name: str) -> NDArray[Any]:
    """The numbers of a .npy file, whose size is that of its header. Raises DaguerreError."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reader(file)
        if dtype.kind not in "fiub" or fortran or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
            raise ValueError(f"it says {dtype} {shape}, and has {len(data):,} bytes")
        if not math.prod(shape):
            return np.empty(shape, dtype)
        array: NDArray[Any] = np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)
    except (ValueError, TypeError, SyntaxError) as exc:
        raise DaguerreError(
            f"{name} is no array of numbers: {exc}; make the bundle again", code="invalid_bundle"
        ) from exc
    return array


def json_bytes(value: Any) -> bytes:
    """A value as JSON, the same bytes for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )
