"""Columns of a study as a whole: tables of all items, and figures of each column. Call all functions in a thread."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import quoted
from models.stopping import Check, unchecked
from service.errors import NotFound
from service.stores.database import Database
from service.stores.study_items import Cell, column_of, columns_of, selection

BINS = 40  # of a histogram
MOST_VALUES = 100  # of a column that are listed
LONGEST_VALUE = 200  # characters of a text that is listed


@dataclass(frozen=True, kw_only=True)
class ItemTable:
    """Items that were asked for, as columns of n values; None where an item has none."""

    keys: Sequence[str]
    ids: Sequence[str]
    columns: dict[str, Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Figures of a column.

    Attributes
    ----------
    items : number of items with a value.
    missing : number of items without one.
    distinct : number of different values.
    low, high : smallest and largest number; None for texts, and without values.
    histogram : edges of bins and numbers of values; None as `low`.
    values : the most frequent values with their numbers; None for numbers of which there are more than MOST_VALUES.
        Texts longer than LONGEST_VALUE are left out.
    """

    name: str
    kind: str
    items: int
    missing: int
    distinct: int
    low: float | None
    high: float | None
    histogram: tuple[Sequence[float], Sequence[int]] | None
    values: Sequence[tuple[str | float, int]] | None


def read_table(
    database: Database,
    columns: Sequence[str],
    *,
    filters: Sequence[str] = (),
    search: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    check: Check = unchecked,
) -> ItemTable:
    """Items that fulfil all filters, in the order of `page_of_items`, with some columns. Raises Unprocessable."""
    with database.reading() as db:
        db.row_factory = None  # tuples, which are made faster
        db.execute("BEGIN")  # one state of all tables
        known = columns_of(db)
        numbers = [(name, *column_of(known, name, "column")) for name in columns]
        by = None if sort is None or sort == "id" else column_of(known, sort, "sort")
        if by is None:
            chosen = selection(db, filters=filters, search=search, sort=sort, descending=descending)
        else:  # sorted below, since it takes SQLite longer
            chosen = selection(db, filters=filters, search=search)
        check()
        rows = db.execute(f"SELECT i.place, i.key, i.id FROM items i {chosen.tail}", chosen.arguments).fetchall()
        if by is not None:
            check()
            rows = _sorted(rows, _values(db, *by), descending)
        places, keys, ids = zip(*rows, strict=True) if rows else ((), (), ())
        found: dict[str, Sequence[Cell]] = {}
        for name, number, kind in numbers:
            check()
            found[name] = list(map(_values(db, number, kind).get, places))
    return ItemTable(keys=keys, ids=ids, columns=found)


def _values(db: sqlite3.Connection, number: int, kind: str) -> dict[int, Any]:
    """The values of a column by the places of items."""
    field = "number" if kind == "number" else "text"
    return dict(db.execute(f"SELECT item, {field} FROM cells WHERE column = ?", (number,)).fetchall())


def _sorted(rows: list[tuple[int, str, str]], values: dict[int, Any], descending: bool) -> list[tuple[int, str, str]]:
    """Rows by the values of their items; those without one at the end, and equal ones in the order that they have."""
    there = [row for row in rows if row[0] in values]
    there.sort(key=lambda row: values[row[0]], reverse=descending)
    return there + [row for row in rows if row[0] not in values]


def describe_columns(
    database: Database, names: Sequence[str] | None = None, *, check: Check = unchecked
) -> list[Column]:
    """Figures of some columns, or of all. Raises Unprocessable for an unknown one."""
    with database.reading() as db:
        db.execute("BEGIN")
        known = columns_of(db)
        (items,) = db.execute("SELECT count(*) FROM items").fetchone()
        described = []
        for name in known if names is None else names:
            check()
            number, kind = column_of(known, name, "column")
            described.append(_described(db, name, number, kind, items))
    return described


def _described(db: sqlite3.Connection, name: str, number: int, kind: str, items: int) -> Column:
    field = "number" if kind == "number" else "text"
    (there, distinct) = db.execute(
        f"SELECT count(*), count(DISTINCT {field}) FROM cells WHERE column = ?", (number,)
    ).fetchone()
    values: list[tuple[str | float, int]] | None = None
    if kind == "text" or distinct <= MOST_VALUES:
        rows = db.execute(
            f"SELECT {field} AS value, count(*) AS n FROM cells WHERE column = ? AND length({field}) <= ? "
            f"GROUP BY {field} ORDER BY n DESC, {field} LIMIT ?",
            (number, LONGEST_VALUE, MOST_VALUES),
        )
        values = [(row["value"], row["n"]) for row in rows]
    low = high = histogram = None
    if kind == "number" and there:
        cells = db.execute("SELECT number FROM cells WHERE column = ?", (number,))
        numbers = np.fromiter((row[0] for row in cells), np.float64, there)
        low, high = float(numbers.min()), float(numbers.max())
        edges = np.linspace(low / 2, high / 2, BINS + 1 if low < high else 2) * 2  # half, so that none overflows
        edges[0], edges[-1] = low, high
        histogram = edges.tolist(), np.histogram(numbers, edges)[0].tolist()
    return Column(
        name=name,
        kind=kind,
        items=there,
        missing=items - there,
        distinct=distinct,
        low=low,
        high=high,
        histogram=histogram,
        values=values,
    )


def delete_column(database: Database, name: str) -> int:
    """Delete a column with its values, and return how many there were. Raises NotFound."""
    with database.writing() as db:
        known = columns_of(db)
        if name not in known:
            raise NotFound(
                f"column: there is no {quoted(name)} in this study; GET /v1/studies/{{name}}/columns lists those there "
                "are",
                code="unknown_column",
                param="column",
            )
        number, _ = known[name]
        gone = db.execute("DELETE FROM cells WHERE column = ?", (number,)).rowcount
        db.execute("DELETE FROM sources WHERE column = ?", (number,))
        db.execute("DELETE FROM columns WHERE number = ?", (number,))
    return gone
