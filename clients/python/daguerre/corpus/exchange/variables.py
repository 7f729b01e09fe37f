"""Columns of a table as variables of Stata and SPSS: valid names, exact numbers, dates, and labels of texts."""

import math
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from daguerre.results.embeddings import read_embeddings
from daguerre.storage.dataset import is_dataset
from daguerre.storage.parquet import arrow
from daguerre.storage.tables import Table, table_of

Kind = Literal["number", "coded", "text", "date", "time"]
LONGEST_NAME = 32  # characters, of Stata
LONGEST_LABEL = 120  # bytes of the label of a value, of SPSS
MOST_LABELS = 1000
MOST_VECTOR = 2000  # numbers of a vector: Stata's basic edition has 2,048 variables
EXACT = 2**53  # larger whole numbers are not exact as numbers of Stata and SPSS, which are doubles
LARGEST = 8.98846567431157e307  # of Stata
TEXTS = frozenset({"id", "path", "file", "text", "error", "remark", "fingerprint", "item", "query"})  # never coded
RESERVED = frozenset(
    (
        *("_all", "_b", "_cons", "_n", "_N", "_pi", "_pred", "_rc", "_se", "_skip", "aggregate", "array"),
        *("boolean", "break", "byte", "case", "catch", "class", "colvector", "complex", "const", "continue"),
        *("default", "delegate", "delete", "do", "double", "else", "eltypedef", "end", "enum", "explicit"),
        *("export", "external", "float", "for", "friend", "function", "global", "goto", "if", "in", "inline"),
        *("int", "long", "matrix", "strl", "using", "with", "by", "all", "and", "eq", "ge", "gt", "le", "lt"),
        *("ne", "not", "or", "to"),
    )
)
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?|nan", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?[0-9]+")
PADDED = re.compile(r"[+-]?0[0-9].*")  # such as a postcode, which is no number
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
DATE, TIME = (
    re.compile(DAY),
    re.compile(DAY + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"),
)
NARROW = frozenset({"float", "float32", "float16", "halffloat"})  # names of types of numbers with fewer digits
WIDE = frozenset({"double", "float64"})
NAMES = f"letters without accents, digits and underscores, at most {LONGEST_NAME} characters, and no reserved words"


@dataclass(frozen=True)
class Variable:
    """A column as a variable.

    Attributes
    ----------
    name, label : its valid name, and the column's own name.
    values : numbers (NaN for none), texts ("" for none), dates or times (None for none).
    labels : of a coded variable, the text of each number.
    """

    name: str
    label: str
    values: Sequence[Any]
    kind: Kind = "text"
    labels: Mapping[int, str] = field(default_factory=dict)


def variables_of(given: Any) -> tuple[list[Variable], list[str]]:
    """The columns of a table, or of a file of vectors, as variables; and remarks on those that were changed."""
    made = _vectors(given)
    remarks: list[str] = []
    if made is None:
        if isinstance(given, Mapping):
            given = {name: [_dated(value) for value in values] for name, values in given.items()}
        types, table = _types(given), table_of(given)
        made = {}
        for column in table.names:
            made[column], said = _typed(table, column, types.get(column, ""))
            remarks += said
    variables: list[Variable] = []
    taken: set[str] = set()
    sets: set[str] = set()
    ending = max(2, len(str(len(made))))  # of the names of the sets of labels, which have the variable's name before
    for column, (kind, values) in made.items():
        labels: dict[int, str] = {}
        texts = sorted({value for value in values if value}) if kind == "text" else []
        if (
            texts
            and column.casefold() not in TEXTS
            and len(texts) <= min(MOST_LABELS, max(2, len(values) // 2))
            and max(len(text.encode()) for text in texts) <= LONGEST_LABEL
            and not all(WHOLE.fullmatch(text) for text in texts)
        ):
            kind, labels = "coded", dict(enumerate(texts, 1))
            numbers = {text: float(number) for number, text in labels.items()}
            values = [numbers.get(value, math.nan) for value in values]
        name = _valid(column, taken, LONGEST_NAME - (ending if labels else 0))
        if labels:  # pyreadstat names a set of labels by the variable and the number of the set: a1 + 0 is a + 10
            while f"{name}{len(sets)}".casefold() in sets:
                name = _valid(f"{name[: LONGEST_NAME - ending - 4]}_2", taken, LONGEST_NAME - ending)
            sets.add(f"{name}{len(sets)}".casefold())
        taken.add(name.casefold())
        variables.append(Variable(name, _plain(column), values, kind, labels))
    renamed = [f"{each.label!r} → {each.name}" for each in variables if each.label != each.name]
    if renamed:
        more = f" and {len(renamed) - 5:,} more" if len(renamed) > 5 else ""
        told = f"renamed, since Stata and SPSS allow {NAMES}: {', '.join(renamed[:5])}{more}"
        remarks.append(f"{told}; the labels of the variables keep the original names")
    return variables, remarks


def _vectors(given: Any) -> dict[str, tuple[Kind, Sequence[Any]]] | None:
    """The columns id and v1 to vN of a file of vectors; None for other tables."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    if not path.lower().endswith((".parquet", ".npz")):
        return None
    try:
        made = read_embeddings(path)
    except (ValueError, KeyError):
        return None
    n = made.vectors.shape[1]
    if n > MOST_VECTOR:
        raise ValueError(
            f"{path}: vectors of {n:,} numbers, and {MOST_VECTOR:,} are the limit here; write coordinates instead, of "
            "`daguerre cluster`, or scores of `daguerre zero-shot`"
        )
    return {
        "id": ("text", [_plain(id) for id in made.ids]),
        **{f"v{i + 1}": ("number", list(made.vectors[:, i])) for i in range(n)},
    }


def _typed(table: Table, column: str, of: str) -> tuple[tuple[Kind, Sequence[Any]], list[str]]:
    """The cells of a column as numbers, dates or times where all are, else as texts; and remarks."""
    cells = table.codes(column)
    there = [cell for cell in cells if cell is not None]
    texts: tuple[Kind, Sequence[Any]] = "text", [_plain(cell or "") for cell in cells]
    if not there or column.casefold() in TEXTS:
        return texts, []
    if all(map(NUMBER.fullmatch, there)) and not any(map(PADDED.fullmatch, there)):
        large = sum(abs(int(cell)) > EXACT for cell in there if WHOLE.fullmatch(cell) and len(cell) > 15)
        if large and of not in WIDE | NARROW:
            told = f"{column!r} has {large:,} whole numbers beyond 2**53, which numbers of Stata and SPSS do not hold"
            return texts, [f"{told} exactly; the column is text"]
        values = [math.nan if cell is None else float(cell) for cell in cells]
        lost = sum(abs(value) > LARGEST for value in values)
        if lost:
            values = [math.nan if abs(value) > LARGEST else value for value in values]
        told = f"{column!r} has {lost:,} infinite or too large values, which are written as missing"
        remarks = [told] if lost else []
        return ("number", _narrow(values) if of in NARROW else values), remarks
    try:
        if all(map(DATE.fullmatch, there)):
            return ("date", [None if cell is None else date.fromisoformat(cell) for cell in cells]), []
        if all(map(TIME.fullmatch, there)) or all(DATE.fullmatch(cell) or TIME.fullmatch(cell) for cell in there):
            times = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
            zoned = {each.tzinfo is not None for each in times if each is not None}
            if len(zoned) == 1:
                if not zoned.pop():
                    midnight = all(each.time() == time() for each in times if each is not None)
                    days = [None if each is None else each.date() for each in times]
                    return ("date", days) if midnight else ("time", times), []
                told = f"{column!r} has times with an offset, which are written in UTC"
                moved = [None if each is None else each.astimezone(UTC).replace(tzinfo=None) for each in times]
                return ("time", moved), [told]
    except (ValueError, OverflowError):  # such as 2020-02-30
        pass
    return texts, []


def _narrow(values: Iterable[float]) -> list[Any]:
    """The values as numbers of 32 bits, whose text has the digits that these need and no more."""
    import numpy as np

    return [np.float32(value) for value in values]


def _types(given: Any) -> dict[str, str]:
    """The name of the type of each column that has one, in small letters."""
    if isinstance(given, str | os.PathLike):
        if is_dataset(given) or not os.path.isfile(given):
            return {}
        with open(given, "rb") as file:
            if file.read(4) != b"PAR1":
                return {}
        try:
            return {each.name: str(each.type) for each in arrow().parquet.read_schema(given)}
        except (arrow().ArrowException, OSError):
            return {}  # said by whoever reads the table
    if isinstance(given, Table):
        return {}
    names = given if isinstance(given, Mapping) else getattr(given, "column_names", getattr(given, "columns", ()))
    found = {}
    for name in names:
        column = given[name]
        kind = getattr(column, "dtype", getattr(column, "type", ""))
        if not kind and isinstance(column, list | tuple) and column:
            kinds = {_type(value) for value in column if value is not None}
            kind = kinds.pop() if len(kinds) == 1 else ""
        found[str(name).strip()] = re.sub(r"\[.*", "", str(kind)).lower()
    return found


def _dated(value: Any) -> Any:
    """A time of numpy as text; other values as they are."""
    if type(value).__name__ != "datetime64":
        return value
    text = str(value)
    return None if text == "NaT" else text


def _plain(text: str) -> str:
    """A text that can be written in UTF-8, and has no zero characters, which end texts in these files."""
    return text.replace("\0", " ").encode("utf-8", "backslashreplace").decode()


def _valid(column: str, taken: set[str], longest: int) -> str:
    """A name of letters, digits and underscores that no other column has, and that Stata and SPSS do not reserve."""
    plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_") or "v"
    name = (name if name[0].isalpha() else f"v_{name}")[:longest]
    if name.casefold() in RESERVED or re.fullmatch(r"str[0-9]+", name, re.IGNORECASE):
        name = f"{name[: longest - 1]}_"
    stem, number = name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem[: longest - len(str(number)) - 1]}_{number}"
    return name


def _type(value: Any) -> str:
    """The type of a value of a list, by the name that numpy has for it."""
    return str(getattr(value, "dtype", "float64" if isinstance(value, float) else type(value).__name__))
