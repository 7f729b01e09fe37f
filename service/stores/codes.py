"""Codes of a study: people and their tokens, items to code, codes with their history.

Each function takes a connection, which is in a write transaction where it writes: a code is on disk when that ends.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import quoted
from service.auth import CODER_TOKEN
from service.errors import NotFound

NOTE = ""  # the variable of a note
KEPT = 100  # changes of a code that the history keeps besides the first
Role = Literal["coder", "adjudicator"]
DIFFERING = """
    SELECT c.unit, c.variable FROM codes c JOIN coders k ON k.number = c.coder JOIN units u ON u.number = c.unit
    WHERE u.assignment = ? AND k.role = 'coder' AND c.variable IN ({variables})
    AND NOT EXISTS (
        SELECT 1 FROM tasks t JOIN coders o ON o.number = t.coder
        WHERE t.unit = c.unit AND t.done IS NULL AND o.hash IS NOT NULL
    )
    GROUP BY c.unit, c.variable HAVING count(DISTINCT c.value) > 1
"""  # what all coders have coded and coded differently; nobody waits for a coder whose token is revoked
DECIDED = """
    SELECT 1 FROM codes d JOIN coders j ON j.number = d.coder
    WHERE d.unit = x.unit AND d.variable = x.variable AND j.role = 'adjudicator'
"""


@dataclass(frozen=True, kw_only=True)
class Coder:
    """A coder or an adjudicator of one assignment."""

    number: int
    name: str
    role: Role
    assignment: int
    assignment_name: str
    kind: Literal["items", "pairs"]


@dataclass(frozen=True, kw_only=True)
class CodingUnit:
    """An item, or a pair of items, to code: keys of its pictures, or texts of items without pictures."""

    number: int
    key: str
    pictures: tuple[str, ...]
    texts: tuple[str, ...] = ()
    done: bool = False


def new_token(study: str) -> tuple[str, str]:
    """A new token for a study, and the hash that is stored of it."""
    token = f"{CODER_TOKEN}{study.removeprefix('study_')}_{secrets.token_urlsafe(32)}"
    return token, hashed(token)


def hashed(token: str) -> str:
    """The hash of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def study_of(token: str) -> str:
    """The id of the study that a token names."""
    return "study_" + token.removeprefix(CODER_TOKEN).partition("_")[0]


def coder_of(db: sqlite3.Connection, token: str) -> Coder | None:
    """The person whose token it is; None if it is nobody's."""
    row = db.execute(
        "SELECT k.*, a.name AS assignment_name, a.kind FROM coders k JOIN assignments a ON a.number = k.assignment "
        "WHERE k.hash = ?",
        (hashed(token),),
    ).fetchone()
    if row is None:
        return None
    names = ("number", "name", "role", "assignment", "assignment_name", "kind")
    return Coder(**{name: row[name] for name in names})


def assignment_row(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The assignment of a name. Raises NotFound."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM assignments WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(
            f"assignment: there is no {quoted(name)} in this study; GET /v1/studies/{{name}}/assignments lists them",
            code="unknown_assignment",
            param="assignment",
        )
    return row


def next_units(db: sqlite3.Connection, coder: Coder, limit: int, *, besides: int = 0) -> list[CodingUnit]:
    """The first items of a coder that are not coded yet, in the coder's order; `besides` is left out."""
    rows = db.execute(
        f"SELECT {_UNIT}, 0 AS done FROM tasks t JOIN units u ON u.number = t.unit {_PICTURES} "
        "WHERE t.coder = ? AND t.done IS NULL AND t.unit != ? ORDER BY t.place LIMIT ?",
        (coder.number, besides, limit),
    )
    return [_unit(row) for row in rows]


def own_units(db: sqlite3.Connection, coder: Coder, limit: int, offset: int) -> list[CodingUnit]:
    """Items of a coder, coded or not, in the coder's order."""
    rows = db.execute(
        f"SELECT {_UNIT}, t.done IS NOT NULL AS done FROM tasks t JOIN units u ON u.number = t.unit {_PICTURES} "
        "WHERE t.coder = ? ORDER BY t.place LIMIT ? OFFSET ?",
        (coder.number, limit, offset),
    )
    return [_unit(row) for row in rows]


def own_unit(db: sqlite3.Connection, coder: Coder, key: str) -> CodingUnit | None:
    """An item of a coder by its key; for an adjudicator any of the assignment."""
    condition = "t.coder IS NOT NULL" if coder.role == "coder" else "u.assignment = ?3"
    row = db.execute(
        f"SELECT {_UNIT}, t.done IS NOT NULL AS done FROM units u {_PICTURES} "
        f"LEFT JOIN tasks t ON t.unit = u.number AND t.coder = ?1 WHERE u.key = ?2 AND {condition}",
        (coder.number, key, *((coder.assignment,) if coder.role == "adjudicator" else ())),
    ).fetchone()
    return None if row is None else _unit(row)


def differing_units(
    db: sqlite3.Connection, coder: Coder, variables: Sequence[str], limit: int, *, besides: int = 0
) -> list[CodingUnit]:
    """The first items of an assignment on which coders differ, and which nobody has decided; `besides` is left out."""
    marks = ", ".join("?" * len(variables))
    rows = db.execute(
        f"SELECT {_UNIT}, 0 AS done FROM (SELECT DISTINCT unit FROM ({DIFFERING.format(variables=marks)}) x "
        f"WHERE NOT EXISTS ({DECIDED})) y JOIN units u ON u.number = y.unit {_PICTURES} "
        "WHERE u.number != ? ORDER BY u.number LIMIT ?",
        (coder.assignment, *variables, besides, limit),
    )
    return [_unit(row) for row in rows]


def every_differing_unit(
    db: sqlite3.Connection, coder: Coder, variables: Sequence[str], limit: int, offset: int
) -> list[CodingUnit]:
    """Items of an assignment on which coders differ, decided or not, in the order of the assignment."""
    marks = ", ".join("?" * len(variables))
    rows = db.execute(
        f"SELECT {_UNIT}, 0 AS done FROM (SELECT DISTINCT unit FROM ({DIFFERING.format(variables=marks)})) y "
        f"JOIN units u ON u.number = y.unit {_PICTURES} ORDER BY u.number LIMIT ? OFFSET ?",
        (coder.assignment, *variables, limit, offset),
    )
    return [_unit(row) for row in rows]


def differing_variables(db: sqlite3.Connection, assignment: int, variables: Sequence[str]) -> dict[int, set[str]]:
    """The variables on which coders differ, by the numbers of items."""
    marks = ", ".join("?" * len(variables))
    found: dict[int, set[str]] = {}
    for row in db.execute(DIFFERING.format(variables=marks), (assignment, *variables)):
        found.setdefault(row["unit"], set()).add(row["variable"])
    return found


def differing_counts(db: sqlite3.Connection, assignment: int, variables: Sequence[str]) -> tuple[int, int]:
    """Number of items on which coders differ, and number of those of which all such variables are decided."""
    marks = ", ".join("?" * len(variables))
    row = db.execute(
        "SELECT count(*) AS n, ifnull(sum(open = 0), 0) AS decided FROM (SELECT x.unit, "
        f"sum(NOT EXISTS ({DECIDED})) AS open FROM ({DIFFERING.format(variables=marks)}) x GROUP BY x.unit)",
        (assignment, *variables),
    ).fetchone()
    return int(row["n"]), int(row["decided"])


def codes_of(db: sqlite3.Connection, coder: int, units: Sequence[int]) -> dict[int, dict[str, str]]:
    """Stored codes of a person by item and variable; the variable '' is the note."""
    found: dict[int, dict[str, str]] = {unit: {} for unit in units}
    marks = ", ".join("?" * len(units))
    query = f"SELECT unit, variable, value FROM codes WHERE coder = ? AND unit IN ({marks})"
    for row in db.execute(query, (coder, *units)):
        found[row["unit"]][row["variable"]] = row["value"]
    return found


def others_codes(db: sqlite3.Connection, unit: int) -> dict[str, list[str]]:
    """The stored codes of all coders of an item by variable, in the order of their values."""
    found: dict[str, list[str]] = {}
    rows = db.execute(
        "SELECT c.variable, c.value FROM codes c JOIN coders k ON k.number = c.coder "
        "WHERE c.unit = ? AND k.role = 'coder' ORDER BY c.variable, c.value",
        (unit,),
    )
    for row in rows:
        found.setdefault(row["variable"], []).append(row["value"])
    return found


def save_codes(db: sqlite3.Connection, coder: Coder, unit: int, codes: Mapping[str, str | None], version: int) -> int:
    """Save codes of one item, None to take one back; returns how many changed. Saving a code again changes nothing."""
    before = codes_of(db, coder.number, [unit])[unit]
    changed = {name: value for name, value in codes.items() if before.get(name) != value}
    if not changed:
        return 0
    now = time.time()
    (last,) = db.execute("SELECT ifnull(max(seq), 0) FROM history").fetchone()
    for name, value in changed.items():
        db.execute(
            "INSERT INTO history (batch, unit, coder, variable, value, version, saved) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (last + 1, unit, coder.number, name, value, version, now),
        )
        _set(db, coder.number, unit, name, value, version, now)
        _shorten(db, coder.number, unit, name)
    return len(changed)


def _shorten(db: sqlite3.Connection, coder: int, unit: int, variable: str) -> None:
    """Drop the oldest changes of a code but for the first; what was undone goes before what `undo` may go back to."""
    whose = "coder = ?1 AND unit = ?2 AND variable = ?3"
    db.execute(
        f"DELETE FROM history WHERE seq IN (SELECT seq FROM history WHERE {whose} AND seq > "
        f"(SELECT min(seq) FROM history WHERE {whose}) ORDER BY undone IS NULL DESC, seq DESC LIMIT -1 OFFSET ?4)",
        (coder, unit, variable, KEPT),
    )


def undo(db: sqlite3.Connection, coder: Coder) -> tuple[int, int] | None:
    """Take back the codes that a person has saved last; returns the item and their number, None if there are none."""
    row = db.execute(
        "SELECT max(batch) AS batch FROM history WHERE coder = ? AND undone IS NULL", (coder.number,)
    ).fetchone()
    if row["batch"] is None:
        return None
    rows = db.execute(
        "SELECT seq, unit, variable FROM history WHERE coder = ? AND batch = ?", (coder.number, row["batch"])
    ).fetchall()
    for each in rows:
        db.execute("UPDATE history SET undone = ? WHERE seq = ?", (time.time(), each["seq"]))
        earlier = db.execute(
            "SELECT value, version, saved FROM history WHERE coder = ? AND unit = ? AND variable = ? "
            "AND undone IS NULL ORDER BY seq DESC LIMIT 1",
            (coder.number, each["unit"], each["variable"]),
        ).fetchone()
        value, version, saved = (None, 0, 0.0) if earlier is None else tuple(earlier)
        _set(db, coder.number, each["unit"], each["variable"], value, version, saved)
    return int(rows[0]["unit"]), len(rows)


def _set(
    db: sqlite3.Connection, coder: int, unit: int, variable: str, value: str | None, version: int, saved: float
) -> None:
    if value is None:
        db.execute("DELETE FROM codes WHERE unit = ? AND variable = ? AND coder = ?", (unit, variable, coder))
        return
    db.execute(
        "INSERT OR REPLACE INTO codes (unit, coder, variable, value, version, saved) VALUES (?, ?, ?, ?, ?, ?)",
        (unit, coder, variable, value, version, saved),
    )


def update_done(db: sqlite3.Connection, coder: int, unit: int, *, done: bool) -> None:
    """Note whether a coder has coded an item; the time of the first time stays."""
    if done:
        db.execute(
            "UPDATE tasks SET done = ? WHERE unit = ? AND coder = ? AND done IS NULL", (time.time(), unit, coder)
        )
    else:
        db.execute("UPDATE tasks SET done = NULL WHERE unit = ? AND coder = ?", (unit, coder))


def own_progress(db: sqlite3.Connection, coder: Coder) -> tuple[int, int]:
    """Number of items of a coder, and number of those that are coded."""
    row = db.execute("SELECT count(*) AS n, count(done) AS done FROM tasks WHERE coder = ?", (coder.number,)).fetchone()
    return int(row["n"]), int(row["done"])


_ITEM = "{0}.key AS {0}_key, {0}.text AS {0}_text, NOT {0}.bytes AND {0}.file IS NULL AS {0}_bare"
_UNIT = f"u.number, u.key, {_ITEM.format('i')}, {_ITEM.format('o')}"
_PICTURES = "JOIN items i ON i.place = u.item LEFT JOIN items o ON o.place = u.other"


def _unit(row: sqlite3.Row) -> CodingUnit:
    items = [each for each in "io" if row[f"{each}_key"] is not None]
    return CodingUnit(
        number=row["number"],
        key=row["key"],
        pictures=tuple(row[f"{each}_key"] for each in items if not row[f"{each}_bare"]),
        texts=tuple(row[f"{each}_text"] or "" for each in items if row[f"{each}_bare"]),
        done=bool(row["done"]),
    )
