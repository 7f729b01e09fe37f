"""Items of a study and the values of their columns. All functions read or write its database; call them in a thread."""

import hashlib
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import quoted
from service.errors import Conflict, NotFound, TooLarge, Unprocessable
from service.stores.database import Database

RESERVED = frozenset({"id", "key", ".", ".."})  # names that no column may have
FORBIDDEN = re.compile(r"[<>=!\x00-\x1f]")
MOST_ITEMS = 1_000_000
MOST_COLUMNS = 200
LARGEST = 1.7e308  # of the numbers that a column has; larger ones are texts
AT_ONCE = 500  # ids in one query
OPERATORS = {"=": "=", "!=": "<>", "<=": "<=", ">=": ">=", "<": "<", ">": ">"}
FIELDS = ("place", "id", "key", "file", "bytes", "width", "height", "text")  # of an item in the database
FILTER = re.compile(r"([^<>=!]+)(<=|>=|!=|=|<|>)(.*)", re.DOTALL)
Cell = str | float | int | bool | None


@dataclass(frozen=True, kw_only=True)
class StudyItem:
    """An item of a study.

    Attributes
    ----------
    place : its number, in the order in which items were added.
    key : random hexadecimal digits that stand for it in addresses.
    file : its picture below the study's folder; None for a picture that was sent, and without a picture.
    text : its text, in a study of a collection.
    """

    place: int
    id: str
    key: str
    file: str | None
    bytes: int
    width: int | None
    height: int | None
    text: str | None = None
    columns: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewItem:
    """An item that is added."""

    id: str
    bytes: int
    file: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    text: str | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Page:
    """Some of the items that were asked for, and the number of all of them."""

    items: list[StudyItem]
    total: int


def add_items(database: Database, items: Iterable[NewItem]) -> list[NewItem]:
    """Add items, and return those that are new. An item whose id and picture are there already stays as it is.

    Raises Conflict for an id that another picture has, TooLarge for more items than a study may have.
    """
    added: list[NewItem] = []
    now = time.time()
    with database.writing() as db:
        (count,) = db.execute("SELECT count(*) FROM items").fetchone()
        for item in items:
            there = db.execute("SELECT file, sha256 FROM items WHERE id = ?", (item.id,)).fetchone()
            if there is not None:
                if (there["file"], there["sha256"]) != (item.file, item.sha256):
                    raise Conflict(
                        f"input: the study has another picture with the id {quoted(item.id)}; give the new one "
                        "another id",
                        code="item_exists",
                        param="input",
                    )
                continue
            if count + len(added) >= MOST_ITEMS:
                raise TooLarge(
                    f"the study would have more than {MOST_ITEMS:,} items, which is the limit; make several studies",
                    code="too_many_items",
                )
            db.execute(
                "INSERT INTO items (id, key, file, sha256, bytes, width, height, text, added) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (item.id, item.key, item.file, item.sha256, item.bytes, item.width, item.height, item.text, now),
            )
            added.append(item)
    return added


def count_items(database: Database) -> int:
    """Number of items."""
    with database.reading() as db:
        (count,) = db.execute("SELECT count(*) FROM items").fetchone()
    return int(count)


def columns_of(db: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Number and kind of each column, by name."""
    rows = db.execute("SELECT name, number, kind FROM columns ORDER BY number")
    return {name: (number, kind) for name, number, kind in rows}


def list_columns(database: Database) -> dict[str, str]:
    """Kind of each column, number or text, by name."""
    with database.reading() as db:
        return {name: kind for name, (_, kind) in columns_of(db).items()}


def item_by_key(database: Database, key: str) -> StudyItem:
    """The item of a key, with its columns. Raises NotFound."""
    with database.reading() as db:
        row = db.execute("SELECT * FROM items WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise NotFound(
                f"item: there is no {quoted(key)} in this study; the list of items has the key of each",
                code="unknown_item",
                param="key",
            )
        return next(_with_columns(db, [row]))


def items_by(database: Database, field: Literal["id", "key"], names: Sequence[str]) -> list[StudyItem]:
    """The items of ids or keys, in their order. Raises Unprocessable for one that no item has."""
    with database.reading() as db:
        places = places_of(db, names, f"{field}s", field=field)
        marks = ", ".join("?" * len(places))
        rows = db.execute(f"SELECT * FROM items WHERE place IN ({marks})", places).fetchall()
        found = {item.place: item for item in _with_columns(db, rows)}
    return [found[place] for place in places]


def names_of(database: Database, places: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Id and key of items by place."""
    found: dict[int, tuple[str, str]] = {}
    with database.reading() as db:
        for start in range(0, len(places), AT_ONCE):
            part = places[start : start + AT_ONCE]
            marks = ", ".join("?" * len(part))
            rows = db.execute(f"SELECT place, id, key FROM items WHERE place IN ({marks})", part)
            found |= {place: (id, key) for place, id, key in rows}
    return found


def places_of(
    db: sqlite3.Connection, ids: Sequence[str], param: str, *, field: Literal["id", "key"] = "id"
) -> list[int]:
    """The places of items by their ids, in their order, or by keys. Raises Unprocessable for an unknown one."""
    places: dict[str, int] = {}
    for start in range(0, len(ids), AT_ONCE):
        part = list(ids[start : start + AT_ONCE])
        marks = ", ".join("?" * len(part))
        places |= {
            row[field]: row["place"]
            for row in db.execute(f"SELECT {field}, place FROM items WHERE {field} IN ({marks})", part)
        }
    unknown = [id for id in ids if id not in places]
    if unknown:
        raise Unprocessable(
            f"{param}: {len(unknown):,} of {len(ids):,} {field}s belong to no item of this study, the first is "
            f"{quoted(unknown[0])}; use the {field}s that the list of items has",
            code="unknown_item",
            param=param,
        )
    return [places[id] for id in ids]


def check_column_name(name: str, param: str) -> None:
    """Raise Unprocessable for a name that filters and addresses cannot have."""
    if name in RESERVED:
        rule = "is a field of every item" if name in ("id", "key") else "is no part of an address"
    elif FORBIDDEN.search(name) or name != name.strip() or not name:
        rule = "has a character of filters (< > = !), a control character, or a space at its ends"
    else:
        return
    raise Unprocessable(f"{param}: {quoted(name)} {rule}; choose another name for the column", param=param)


def digest(cells: Iterable[tuple[int, Cell]]) -> str:
    """A hash of items with a value each, which tells whether they are the same later."""
    lines = (f"{place} {_text(value) if value is not None else ''}" for place, value in sorted(cells))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def put_columns(database: Database, ids: Sequence[str], columns: Mapping[str, Sequence[Cell]]) -> dict[str, str]:
    """Write the values of items in columns, which are made where they are new. Returns the kinds of all columns.

    A column is one of numbers where all its values are, and of texts otherwise.
    """
    for name in columns:
        check_column_name(name, "columns")
    with database.writing() as db:
        places = places_of(db, ids, "ids")
        known = columns_of(db)
        if len(set(known) | set(columns)) > MOST_COLUMNS:
            raise TooLarge(
                f"columns: the study would have more than {MOST_COLUMNS} columns, which is the limit; leave some out",
                code="too_many_items",
                param="columns",
            )
        for name, values in columns.items():
            kind = "number" if all(_is_number(value) for value in values if value is not None) else "text"
            if name not in known:
                made = db.execute("INSERT INTO columns (name, kind) VALUES (?, ?)", (name, kind))
                number = int(made.lastrowid or 0)
            else:
                number, before = known[name]
                db.execute("DELETE FROM sources WHERE column = ?", (number,))  # study_runs.py: it is no run's now
                if kind == "text" and before == "number":
                    _make_text(db, number)
                kind = "text" if before == "text" else kind
            rows = [
                (place, number, *((float(value), None) if kind == "number" else (None, _text(value))))
                for place, value in zip(places, values, strict=True)
                if value is not None
            ]
            empty = [(place, number) for place, value in zip(places, values, strict=True) if value is None]
            db.executemany("INSERT OR REPLACE INTO cells (item, column, number, text) VALUES (?, ?, ?, ?)", rows)
            db.executemany("DELETE FROM cells WHERE item = ? AND column = ?", empty)
        return {name: kind for name, (_, kind) in columns_of(db).items()}


def _make_text(db: sqlite3.Connection, number: int) -> None:
    """Turn a column of numbers into one of texts."""
    rows = db.execute("SELECT item, number FROM cells WHERE column = ?", (number,)).fetchall()
    texts = [(_text(row["number"]), row["item"], number) for row in rows]
    db.executemany("UPDATE cells SET number = NULL, text = ? WHERE item = ? AND column = ?", texts)
    db.execute("UPDATE columns SET kind = 'text' WHERE number = ?", (number,))


def values_of(db: sqlite3.Connection, name: str) -> dict[int, Cell]:
    """The values of a column by the places of items. Raises Unprocessable for an unknown column."""
    number, _ = column_of(columns_of(db), name, "column")
    rows = db.execute("SELECT item, number, text FROM cells WHERE column = ?", (number,))
    return {row["item"]: row["text"] if row["number"] is None else row["number"] for row in rows}


def page_of_items(
    database: Database,
    *,
    limit: int,
    offset: int = 0,
    filters: Sequence[str] = (),
    search: str | None = None,
    sort: str | None = None,
    descending: bool = False,
) -> Page:
    """Items that fulfil all filters, such as "score>=0.5"; those without a value of the column of `sort` come last."""
    with database.reading() as db:
        chosen = selection(db, filters=filters, search=search, sort=sort, descending=descending)
        (total,) = db.execute(f"SELECT count(*) FROM items i {chosen.where}", chosen.values).fetchone()
        rows = db.execute(
            f"SELECT i.* FROM items i {chosen.tail} LIMIT ? OFFSET ?", [*chosen.arguments, limit, offset]
        ).fetchall()
        return Page(list(_with_columns(db, rows)), int(total))


def places_that_fulfil(database: Database, filters: Sequence[str]) -> list[int]:
    """The places of items that fulfil all filters. Raises Unprocessable."""
    with database.reading() as db:
        chosen = selection(db, filters=filters)
        return [place for (place,) in db.execute(f"SELECT i.place FROM items i {chosen.tail}", chosen.arguments)]


@dataclass(frozen=True)
class Selection:
    """Items that are asked for, as parts of a query of `items i`: joins, conditions and order, with their values."""

    joined: str
    where: str
    order: str
    first: Sequence[Any]
    values: Sequence[Any]

    @property
    def tail(self) -> str:
        """The query behind FROM items i, with `arguments`."""
        return f"{self.joined} {self.where} ORDER BY {self.order}"

    @property
    def arguments(self) -> list[Any]:
        return [*self.first, *self.values]


def selection(
    db: sqlite3.Connection,
    *,
    filters: Sequence[str] = (),
    search: str | None = None,
    sort: str | None = None,
    descending: bool = False,
) -> Selection:
    """The items of `page_of_items`. Raises Unprocessable."""
    known = columns_of(db)
    conditions: list[str] = []
    values: list[Any] = []
    for each in filters:
        condition, more = _condition(each, known)
        conditions.append(condition)
        values += more
    if search:
        conditions.append("instr(lower(i.id), lower(?)) > 0")
        values.append(search)
    way = "DESC" if descending else "ASC"
    joined, order, first = "", f"i.place {way}", []
    if sort == "id":
        order = f"i.id {way}"
    elif sort is not None:
        first = [column_of(known, sort, "sort")[0]]
        joined = "LEFT JOIN cells s ON s.item = i.place AND s.column = ?"
        order = f"s.item IS NULL, s.number {way}, s.text {way}, i.place"
    return Selection(joined, f"WHERE {' AND '.join(conditions)}" if conditions else "", order, first, values)


def _condition(text: str, known: Mapping[str, tuple[int, str]]) -> tuple[str, list[Any]]:
    """A filter as SQL with its values. Raises Unprocessable."""
    parts = FILTER.fullmatch(text)
    if parts is None:
        raise Unprocessable(
            f"filter: got {quoted(text)}; write COLUMN=VALUE, or != < <= > >= in place of =, as in score>=0.5",
            param="filter",
        )
    name, operator, value = parts[1], parts[2], parts[3]
    if name != name.strip():  # written with spaces around the operator; without, those of the value are its own
        name, value = name.strip(), value.strip()
    if name == "id":
        return f"i.id {OPERATORS[operator]} ?", [value]
    number, kind = column_of(known, name, "filter")
    exists = "EXISTS (SELECT 1 FROM cells c WHERE c.item = i.place AND c.column = ?"
    if value.strip() == "":
        if operator not in ("=", "!="):
            raise Unprocessable(
                f"filter: got {quoted(text)} without a value; an empty value goes with = or != alone", param="filter"
            )
        return f"{'NOT ' if operator == '=' else ''}{exists})", [number]
    if kind == "text":
        return f"{exists} AND c.text {OPERATORS[operator]} ?)", [number, value]
    try:
        wanted = float(value)
    except ValueError as exc:
        raise Unprocessable(
            f"filter: the column {quoted(name)} has numbers, got {quoted(value)}; give a number", param="filter"
        ) from exc
    return f"{exists} AND c.number {OPERATORS[operator]} ?)", [number, wanted]


def column_of(known: Mapping[str, tuple[int, str]], name: str, param: str) -> tuple[int, str]:
    """Number and kind of a column. Raises Unprocessable for one that there is not."""
    if name not in known:
        there = f"there are: {', '.join(known)[:500]}" if known else "it has no columns yet"
        raise Unprocessable(
            f"{param}: there is no column {quoted(name)} in this study; {there}",
            code="unknown_column",
            param=param,
        )
    return known[name]


def _with_columns(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> Iterator[StudyItem]:
    cells: dict[int, dict[str, Cell]] = {row["place"]: {} for row in rows}
    places = list(cells)
    for start in range(0, len(places), AT_ONCE):
        part = places[start : start + AT_ONCE]
        marks = ", ".join("?" * len(part))
        found = db.execute(
            "SELECT c.item, k.name, c.number, c.text FROM cells c JOIN columns k ON k.number = c.column "
            f"WHERE c.item IN ({marks}) ORDER BY k.number",
            part,
        )
        for cell in found:
            cells[cell["item"]][cell["name"]] = cell["text"] if cell["number"] is None else cell["number"]
    for row in rows:
        yield StudyItem(columns=cells[row["place"]], **{name: row[name] for name in FIELDS})


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _text(value: Cell) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
