"""Analyses of a study: the columns that they write, and how these were made. Call all functions in a thread."""

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.errors import quoted
from service.errors import Conflict, TooLarge
from service.stores.studies import Study
from service.stores.study_items import MOST_COLUMNS, Cell, check_column_name, columns_of

LONGEST = 100  # characters of the name of a column
CELL = 60  # bytes of a cell besides its text, with the index, about


@dataclass(frozen=True, kw_only=True)
class Run:
    """An analysis of a study.

    Attributes
    ----------
    options : as they were requested, with their defaults.
    receipt : of the vectors; None where none were used.
    result : figures of the result.
    created : seconds since 1970.
    columns : names of the columns that it has made and that are still its own.
    """

    number: int
    operation: str
    options: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    result: Mapping[str, Any]
    created: float
    columns: tuple[str, ...]


def column_names(prefix: str, default: str, further: Iterable[str]) -> list[str]:
    """Names of the columns of an analysis: the prefix, and others after it.

    Those of the default prefix have their plain names. Characters that filters use are replaced, long names are cut,
    and equal ones numbered.
    """
    names = [prefix]
    for each in further:
        plain = re.sub(r"[<>=!\x00-\x1f]", "_", each if prefix == default else f"{prefix}:{each}")[:LONGEST]
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain[: LONGEST - 8]} {number}"
        names.append(name)
    return names


def check_prefix(study: Study, operation: str, names: Sequence[str]) -> None:
    """Raise Conflict if one of the columns is there, unless a run of the same operation and prefix has made it.

    Raises Unprocessable for a name that no column may have.
    """
    check_column_name(names[0], "prefix")
    with study.database.reading() as db:
        _check(db, operation, names)


def _check(db: sqlite3.Connection, operation: str, names: Sequence[str]) -> None:
    makers = {
        row["name"]: (row["operation"], row["first"])
        for row in db.execute(
            "SELECT c.name, r.operation, (SELECT f.name FROM sources o JOIN columns f ON f.number = o.column "
            "WHERE o.run = s.run AND o.place = 0) AS first FROM columns c LEFT JOIN sources s ON s.column = c.number "
            "LEFT JOIN runs r ON r.number = s.run"
        )
    }
    for name in names:
        maker, first = makers.get(name, (operation, None))
        if maker != operation or first not in (None, names[0]):
            by = "was not made by an analysis" if maker is None else f"was made by {maker.replace('_', ' ')}"
            by += f" with the prefix {quoted(first)}" if first else ""
            raise Conflict(
                f"prefix: the study has a column {quoted(name)}, which {by} and is not overwritten; give another "
                "prefix, or delete the column",
                code="column_exists",
                param="prefix",
            )


def write_run(
    study: Study,
    *,
    operation: str,
    options: Mapping[str, Any],
    receipt: Mapping[str, Any] | None,
    result: Mapping[str, Any],
    places: Sequence[int] = (),
    columns: Mapping[str, Sequence[Cell]] | None = None,
) -> tuple[int, dict[str, str]]:
    """Keep an analysis with the columns that it makes, in one transaction.

    The columns of an earlier run of the same operation, whose first column has the same name, are deleted.

    Parameters
    ----------
    places : (n,) items by their numbers.
    columns : (n,) values of each column, the first of which names the others; all are numbers, or all texts. None: no
        value.

    Returns
    -------
    tuple : number of the run, and the kind of each of its columns.

    Raises
    ------
    Conflict : a column that another operation, or a person, has made.
    TooLarge : there is no room.
    """
    made = columns or {}
    texts = sum(len(cell) for cells in made.values() for cell in cells if isinstance(cell, str))
    study.require_room(2 * texts + CELL * len(made) * len(places) + 4096)
    kinds: dict[str, str] = {}
    with study.database.writing() as db:
        _check(db, operation, list(made))
        if made:
            _delete_earlier(db, next(iter(made)))
        row = db.execute(
            "INSERT INTO runs (operation, options, receipt, result, created) VALUES (?, ?, ?, ?, ?)",
            (
                operation,
                json.dumps(options),
                None if receipt is None else orjson.dumps(dict(receipt)).decode(),
                orjson.dumps(dict(result), option=orjson.OPT_SERIALIZE_NUMPY).decode(),
                time.time(),
            ),
        )
        run = int(row.lastrowid or 0)
        known = columns_of(db)
        if len(set(known) | set(made)) > MOST_COLUMNS:
            raise TooLarge(
                f"labels: with {len(made)} more columns the study would have more than {MOST_COLUMNS}, which is the "
                "limit; leave out the columns of single labels, or delete others",
                code="too_many_items",
                param="labels",
            )
        for place, (name, cells) in enumerate(made.items()):
            there = next((cell for cell in cells if cell is not None), "")
            kinds[name] = "text" if isinstance(there, str) else "number"
            number = _new_column(db, name, kinds[name], known)
            db.execute("INSERT INTO sources (column, run, place) VALUES (?, ?, ?)", (number, run, place))
            numeric = kinds[name] == "number"
            db.executemany(
                "INSERT INTO cells (item, column, number, text) VALUES (?, ?, ?, ?)",
                (
                    (item, number, *((cell, None) if numeric else (None, cell)))
                    for item, cell in zip(places, cells, strict=True)
                    if cell is not None
                ),
            )
    return run, kinds


def _delete_earlier(db: sqlite3.Connection, first: str) -> None:
    """Delete the columns of the run that has made the column `first`."""
    rows = db.execute(
        "SELECT o.column FROM columns c JOIN sources s ON s.column = c.number JOIN sources o ON o.run = s.run "
        "WHERE c.name = ? AND s.place = 0",
        (first,),
    ).fetchall()
    for row in rows:
        _delete(db, row["column"])


def _delete(db: sqlite3.Connection, number: int) -> None:
    for table, field in (("cells", "column"), ("sources", "column"), ("columns", "number")):
        db.execute(f"DELETE FROM {table} WHERE {field} = ?", (number,))


def _new_column(db: sqlite3.Connection, name: str, kind: str, known: Mapping[str, tuple[int, str]]) -> int:
    """The number of a new column, in place of one of that name by the same operation."""
    if name in known:
        _delete(db, known[name][0])
    return int(db.execute("INSERT INTO columns (name, kind) VALUES (?, ?)", (name, kind)).lastrowid or 0)


def list_runs(study: Study) -> list[Run]:
    """The analyses of a study, the newest first."""
    with study.database.reading() as db:
        columns: dict[int, list[str]] = {}
        for row in db.execute(
            "SELECT s.run, c.name FROM sources s JOIN columns c ON c.number = s.column ORDER BY s.run, s.place"
        ):
            columns.setdefault(row["run"], []).append(row["name"])
        rows = db.execute("SELECT * FROM runs ORDER BY number DESC").fetchall()
    return [
        Run(
            number=row["number"],
            operation=row["operation"],
            options=orjson.loads(row["options"]),
            receipt=None if row["receipt"] is None else orjson.loads(row["receipt"]),
            result=orjson.loads(row["result"]),
            created=row["created"],
            columns=tuple(columns.get(row["number"], ())),
        )
        for row in rows
    ]


def run_of_column(study: Study, name: str) -> Run | None:
    """The analysis that has made a column; None for one that a person wrote."""
    return next((run for run in list_runs(study) if name in run.columns), None)
