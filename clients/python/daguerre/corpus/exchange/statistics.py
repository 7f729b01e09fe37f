"""Tables for Stata and SPSS: numbers with value labels in place of texts that repeat, and names that are valid there.

.dta and .sav are written by pyreadstat (extra `stata`); a .csv gets a table of labels and a file of syntax.
"""

import csv
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from daguerre.corpus.exchange import syntax
from daguerre.corpus.exchange.variables import Variable, variables_of
from daguerre.errors import RemarkWarning
from daguerre.results.base import import_pandas
from daguerre.storage.whole import whole_file

LONGEST_TEXT = 2045  # bytes, of Stata
LONGEST_SHOWN = 80  # characters of the label of a variable, of Stata
Statistics = Literal["stata", "spss"]


def write_statistics(given: Any, path: "str | os.PathLike[str]", program: Statistics | None = None) -> None:
    """Write a table for Stata (.dta), SPSS (.sav), or either (.csv, with NAME.labels.csv, NAME.do and NAME.sps).

    Numbers are exact: all digits of their type in a .csv, doubles in .dta and .sav. A column with whole numbers beyond
    2**53 is text, and infinite values are missing, each with a remark. Dates are dates, and ISO 8601 in a .csv.

    Parameters
    ----------
    given : a table (a path, a DataFrame, columns by name), or a file of vectors (.parquet, .npz): v1 to vN.
    path : file to write.
    program : "stata" or "spss": which file of syntax is written beside a .csv; None: both.

    Raises ValueError for vectors of more than 2,000 numbers, texts of more than 2,045 bytes in .dta and .sav, and what
    these cannot hold; ModuleNotFoundError without the extra `stata`.
    """
    kind = Path(path).suffix.lower()
    if kind not in (".dta", ".sav", ".csv"):
        raise ValueError(f"{path}: ends in {kind or 'no suffix'}; name a .dta, .sav or .csv")
    variables, remarks = variables_of(given)
    for remark in remarks:
        warnings.warn(RemarkWarning(remark), stacklevel=2)
    if kind == ".csv":
        _write_csv(variables, Path(path), program)
        return
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
    refused = (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OverflowError, UnicodeError)
    with whole_file(os.fspath(path)) as file:
        try:
            _write(variables, file)
        except refused as exc:
            with tempfile.TemporaryDirectory() as folder:
                for variable in variables:
                    try:
                        _write([variable], str(Path(folder) / f"one{kind}"))
                    except refused as cause:
                        told = f"{path}: the column {variable.label!r} cannot be written: {cause}"
                        raise ValueError(f"{told}; rename it, leave it out, or write a .csv") from exc
            raise ValueError(f"{path}: {exc}; write fewer columns, or a .csv") from exc


def _write(variables: Sequence[Variable], file: str) -> None:
    """Write a .dta or .sav by pyreadstat."""
    import pyreadstat

    pandas = import_pandas()
    columns = {
        each.name: pandas.Series(each.values, dtype="datetime64[us]" if each.kind == "time" else None)
        if each.kind != "text"
        else pandas.Series(each.values, dtype=object)
        for each in variables
    }
    about: dict[str, Any] = {"column_labels": [each.label[:LONGEST_SHOWN] for each in variables]}
    about["variable_value_labels"] = {each.name: dict(each.labels) for each in variables if each.labels}
    if file.endswith(".dta"):
        pyreadstat.write_dta(pandas.DataFrame(columns), file, version=15, **about)
        return
    wide = {each.name: max(len(syntax.cell_text(v)) for v in each.values) for each in variables if _is_whole(each)}
    about["variable_format"] = {name: f"F{max(8, width)}.0" for name, width in wide.items()}
    pyreadstat.write_sav(pandas.DataFrame(columns), file, **about)


def _is_whole(variable: Variable) -> bool:
    """Whether it has whole numbers, which SPSS shows without decimals."""
    if variable.kind not in ("number", "coded"):
        return False
    return all(v != v or (abs(v) <= 2**53 and v % 1 == 0) for v in variable.values)


def _write_csv(variables: Sequence[Variable], path: Path, program: Statistics | None) -> None:
    cells = [[syntax.cell_text(value) for value in each.values] for each in variables]
    pairs = [[each.name, number, text] for each in variables for number, text in each.labels.items()]
    tables: dict[Path, list[Sequence[Any]]] = {
        path: [[each.name for each in variables], *zip(*cells, strict=True)],
        path.with_suffix(".labels.csv"): [["variable", "value", "label"], *pairs],
    }
    for place, rows in tables.items():
        with whole_file(str(place)) as file, open(file, "w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)
    for suffix, write, of in ((".do", syntax.stata, "stata"), (".sps", syntax.spss, "spss")):
        if program in (None, of):
            with whole_file(str(path.with_suffix(suffix))) as file:
                Path(file).write_text(write(variables, path.name), encoding="utf-8")
