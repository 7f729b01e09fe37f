"""Tables for Stata and SPSS: numbers with value labels in place of texts that repeat, and names that are valid there.

.dta and .sav are written by pyreadstat (extra `stata`); a .csv gets a table of labels and a .do file that applies them.
"""

import csv
import math
import os
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.errors import RemarkWarning
from daguerre.results.base import import_pandas
from daguerre.results.embeddings import read_embeddings
from daguerre.storage.tables import Table, table_of
from daguerre.storage.whole import whole_file

LONGEST_NAME = 30  # characters: two fewer than in Stata, since names of value labels are made of them
LONGEST_TEXT = 2045  # bytes, of Stata
MOST_LABELS = 1000
LARGEST = 2**53  # beyond it, whole numbers are not all numbers of Stata and SPSS
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")  # 007 and 1_000 are codes
INFINITE = re.compile(r"nan|[+-]?inf(inity)?", re.IGNORECASE)
STRING_TYPE = re.compile(r"str[0-9]+", re.IGNORECASE)  # reserved by Stata too
MOST_VECTOR = 2000  # numbers of a vector: Stata's basic edition has 2,048 variables
TEXTS = frozenset({"id", "path", "file", "text", "error", "remark", "fingerprint", "item", "query"})  # never coded
RESERVED = frozenset(
    (
        *("_all", "_b", "_cons", "_n", "_N", "_pi", "_pred", "_rc", "_se", "_skip", "aggregate", "array"),
        *("boolean", "break", "byte", "case", "catch", "class", "colvector", "complex", "const", "continue"),
        *("default", "delegate", "delete", "do", "double", "else", "eltypedef", "end", "enum", "explicit"),
        *("export", "external", "float", "for", "friend", "function", "global", "goto", "if", "in", "inline"),
        *("int", "long", "matrix", "strL", "using", "with", "by", "all", "and", "eq", "ge", "gt", "le", "lt"),
        *("ne", "not", "or", "to"),
    )
)


@dataclass(frozen=True)
class Variable:
    """A column as a variable: its valid name, the column's own name, values, and labels by number."""

    name: str
    label: str
    values: Sequence[Any]
    labels: dict[int, str] = field(default_factory=dict)


def write_statistics(given: Any, path: "str | os.PathLike[str]") -> None:
    """Write a table for Stata (.dta), SPSS (.sav), or either (.csv, with NAME.labels.csv and NAME.do beside it).

    Parameters
    ----------
    given : a table (a path, a DataFrame, columns by name), or a file of vectors (.parquet, .npz): v1 to vN.
    path : file to write.

    Raises ValueError for vectors of more than 2,000 numbers and texts of more than 2,045 bytes; ModuleNotFoundError
    without the extra `stata`.
    """
    kind = Path(path).suffix.lower()
    variables = _variables(given)
    if kind == ".csv":
        _write_csv(variables, Path(path))
        return
    if kind not in (".dta", ".sav"):
        raise ValueError(f"{path}: ends in {kind or 'no suffix'}; name a .dta, .sav or .csv")
    try:
        import pyreadstat
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(
            f"{kind} files need pyreadstat; install daguerre with the extra stata, or write a .csv"
        ) from exc
    for variable in variables:
        long = next((v for v in variable.values if isinstance(v, str) and len(v.encode()) > LONGEST_TEXT), None)
        if long is not None:
            raise ValueError(
                f"{variable.label}: has a text of {len(long.encode()):,} bytes, and {LONGEST_TEXT:,} are the limit; "
                "leave the column out, or write a .csv"
            )
    frame = import_pandas().DataFrame({variable.name: variable.values for variable in variables})
    about: dict[str, Any] = {"column_labels": [variable.label[:80] for variable in variables]}
    about["variable_value_labels"] = {each.name: each.labels for each in variables if each.labels}
    with whole_file(os.fspath(path)) as file:
        if kind == ".dta":
            pyreadstat.write_dta(frame, file, version=15, **about)
        else:
            pyreadstat.write_sav(frame, file, **about)


def _variables(given: Any) -> list[Variable]:
    columns = _vectors(given) or {name: _values(table, name) for table in [table_of(given)] for name in table.names}
    taken: set[str] = set()
    variables, renamed = [], []
    for column, values in columns.items():
        name = _valid(column, taken)
        taken.add(name.casefold())
        if name != column:
            renamed.append(f"{column!r} is {name}")
        labels: dict[int, str] = {}
        texts = sorted({value for value in values if isinstance(value, str) and value})
        if texts and column.casefold() not in TEXTS and len(texts) <= min(MOST_LABELS, max(2, len(values) // 2)):
            labels = dict(enumerate(texts, 1))
            numbers = {text: float(number) for number, text in labels.items()}
            values = [numbers.get(value, math.nan) for value in values]
        variables.append(Variable(name, column, values, labels))
    if renamed:
        more = f" and {len(renamed) - 5:,} more" if len(renamed) > 5 else ""
        told = f"columns whose names are not valid there: {', '.join(renamed[:5])}{more}; labels have their names"
        warnings.warn(RemarkWarning(told), stacklevel=4)
    return variables


def _vectors(given: Any) -> dict[str, Sequence[Any]] | None:
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
    return {"id": list(made.ids), **{f"v{i + 1}": list(made.vectors[:, i]) for i in range(n)}}


def _values(table: Table, column: str) -> Sequence[Any]:
    """The cells of a column: numbers where all are, and have no digit more than a number keeps; else texts."""
    cells = table.codes(column)
    if column.casefold() not in TEXTS and any(cells) and all(cell is None or _is_number(cell) for cell in cells):
        numbers = [math.nan if cell is None else float(cell) for cell in cells]
        return [number if math.isfinite(number) else math.nan for number in numbers]  # neither program has an infinity
    return [cell or "" for cell in cells]


def _is_number(cell: str) -> bool:
    if INFINITE.fullmatch(cell):
        return True
    if not NUMBER.fullmatch(cell):
        return False
    return not cell.lstrip("+-").isdigit() or (len(cell) < 18 and abs(int(cell)) <= LARGEST)


def _valid(column: str, taken: set[str]) -> str:
    """A name of letters, digits and underscores that no other column has, and that Stata and SPSS do not reserve."""
    plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_") or "v"
    name = (name if name[0].isalpha() else f"v_{name}")[:LONGEST_NAME]
    name = f"{name[: LONGEST_NAME - 1]}_" if name in RESERVED or name.casefold() in RESERVED else name
    name = f"{name[: LONGEST_NAME - 1]}_" if STRING_TYPE.fullmatch(name) else name
    stem, number = name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem[: LONGEST_NAME - len(str(number)) - 1]}_{number}"
    return name


def _write_csv(variables: Sequence[Variable], path: Path) -> None:
    labelled = [variable for variable in variables if variable.labels]
    cells = [
        ["" if v != v else _shortest(v) if isinstance(v, float | np.floating) else v for v in each.values]
        for each in variables
    ]
    pairs = [[each.name, number, text] for each in labelled for number, text in each.labels.items()]
    texts = [str(i) for i, each in enumerate(variables, 1) if any(isinstance(v, str) for v in each.values)]
    kinds = f" stringcols({' '.join(texts)})" if texts else ""
    lines = [f'import delimited using "{path.name}", varnames(1) case(preserve) encoding("utf-8"){kinds} clear']
    lines += [f"label variable {each.name} {_quoted(each.label[:80])}" for each in variables]
    for each in labelled:
        told = [f"label define {each.name}_l {n} {_quoted(text)}, modify" for n, text in each.labels.items()]
        lines += [*told, f"label values {each.name} {each.name}_l"]
    tables = {
        path: [[each.name for each in variables], *zip(*cells, strict=True)],
        path.with_suffix(".labels.csv"): [["variable", "value", "label"], *pairs],
    }
    for place, rows in tables.items():
        with whole_file(str(place)) as file, open(file, "w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)
    with whole_file(str(path.with_suffix(".do"))) as file:
        Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _shortest(number: Any) -> str:
    """The fewest digits that give the number back."""
    return str(int(number)) if abs(number) <= LARGEST and number == int(number) else str(number)


def _quoted(text: str) -> str:
    """A string of Stata, in which nothing is a macro."""
    plain = " ".join(text.replace("\0", " ").split()).replace("`", "'").replace("$", "\\$").replace("\"'", "\" '")
    return f'`"{plain}"\''
