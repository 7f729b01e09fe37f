"""Numbers of items beside their vectors, for classifiers: columns by name, a table, or what analysers have measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from daguerre.inputs.alignment import Code, ItemIndex, string_list
from daguerre.results.analyses import Analyses
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import listed

Columns: TypeAlias = list[dict[str, Any]]  # name and values of each feature, as they are sent
IDS = ("id", "path")
OTHERS = frozenset((*IDS, "file", "remark", "error"))  # columns of tables that daguerre writes, which are no features
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>"))


def split_features(table: Any, names: Sequence[str]) -> tuple[Table, Table]:
    """A table without the columns of these names, and a table of its ids and these columns. Raises ValueError."""
    whole = table_of(table)
    found = [_column(whole, name) for name in string_list(names, "features")]
    ids = [name for each in IDS if (name := whole.find(each)) is not None]
    if not ids:
        raise ValueError(f"features: {whole.path} needs a column id or path; it has {whole.listed()}")
    return _with(whole, [name for name in whole.names if name not in found]), _with(whole, [*ids, *found])


def feature_columns(
    given: Any, items: ItemIndex, n: int, only: Sequence[str] | None = None
) -> tuple[Columns, list[str]]:
    """The features of n items, None where one has no number.

    Parameters
    ----------
    given : a mapping from names to columns, each a list, a mapping or a Series as targets are; or a table (a path or a
        DataFrame) with a column id or path; or a result of `analyse`. Rows of a table for other items are not used.
    only : names of the columns of a table that are features; None: all that hold numbers alone, which differ.

    Returns
    -------
    columns : the features as they are sent.
    remarks : sentences about columns of the table that were left out.

    Raises
    ------
    ValueError, TypeError : no such column, no row for any of the items, cells that are no numbers.
    """
    if isinstance(given, Analyses):
        given = given.values
    if isinstance(given, Mapping):
        if not given:
            raise ValueError("features: got no column; give {name: values}, or leave features out")
        return [{"name": str(name), "values": items.column(str(name), each)} for name, each in given.items()], []
    if isinstance(given, list | tuple):
        raise TypeError(
            "features: got a list; it names columns of the table of codes: give table, or {name: values} without one"
        )
    if only is None and isinstance(given, Table):  # of columns that were chosen by name
        only = [name for name in given.names if name.casefold() not in IDS]
    return _of_table(table_of(given), items, n, only)


def _of_table(table: Table, items: ItemIndex, n: int, only: Sequence[str] | None) -> tuple[Columns, list[str]]:
    keys = [name for each in IDS if (name := table.find(each)) is not None]
    if not keys:
        raise ValueError(f"features: {table.path} needs a column id or path; it has {table.listed()}")
    rows = _rows(table, keys, items, n)
    if all(row is None for row in rows):
        ids = table.ids(keys[0])
        raise ValueError(
            f"features: none of the {len(ids):,} rows of {table.path} is of one of the {n:,} items; its first "
            f"{keys[0]} is {ids[0]!r}"
        )
    remarks = []
    if only is None:
        names = [name for name in table.names if name and name.casefold() not in OTHERS]
        numeric = [name for name in names if _is_numeric(table, name)]
        used = [row for row in rows if row is not None]
        only = [name for name in numeric if _differs(table.codes(name), used)]
        for left_out, why in ((set(names) - set(numeric), "no numbers"), (set(numeric) - set(only), "constant")):
            if left_out:
                named = listed(name for name in names if name in left_out)
                remarks.append(f"features: left out of {table.path}, since they are {why}: {named}")
        if not only:
            raise ValueError(f"features: {table.path} has no column of numbers that differ; it has {table.listed()}")
    columns = []
    for name in only:
        values = [_number(table, name, cell) for cell in table.codes(_column(table, name))]
        columns.append({"name": name, "values": [None if row is None else values[row] for row in rows]})
    return columns, remarks


def _rows(table: Table, keys: Sequence[str], items: ItemIndex, n: int) -> list[int | None]:
    """The row of each item; that of the first key that names it. Raises ValueError for an item with two rows."""
    rows: list[int | None] = [None] * n
    for row, texts in enumerate(zip(*(table.ids(key) for key in keys), strict=True)):
        places = next((found for text in texts if text and (found := items.find(text))), [])
        for place in places:
            if rows[place] is not None:
                raise ValueError(f"features: {table.path} has two rows for {texts[0]!r}; keep one")
            rows[place] = row
    return rows


def _is_numeric(table: Table, name: str) -> bool:
    try:
        return name not in table.unread and any(_number(table, name, cell) is not None for cell in table.codes(name))
    except ValueError:
        return False


def _differs(cells: Sequence[str | None], rows: Sequence[int]) -> bool:
    return len({cell for row in rows if (cell := cells[row]) is not None}) > 1


def _number(table: Table, name: str, cell: str | None) -> Code:
    if cell is None or cell.casefold() in MISSING:
        return None
    if cell.casefold() in ("true", "false"):
        return float(cell.casefold() == "true")
    try:
        return float(cell)
    except ValueError as exc:
        raise ValueError(
            f"features: {table.path}: the column {name} has {cell!r}, which is no number; write numbers, or choose "
            "other columns"
        ) from exc


def _column(table: Table, name: str) -> str:
    found = table.find(name)
    if found is None:
        raise ValueError(f"features: {table.path} has no column {name!r}; it has {table.listed()}")
    return found


def _with(table: Table, names: Iterable[str]) -> Table:
    kept = list(dict.fromkeys(names))
    return replace(table, names=kept, rows=[{name: row[name] for name in kept} for row in table.rows])
