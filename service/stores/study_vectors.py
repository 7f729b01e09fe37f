"""Vectors of the items of a study: a file of rows for each model, and tables that say which item has which row.

<study>/vectors/<number>.f32   rows of float32, little-endian, in the order in which they were embedded

A row is on disk before the transaction that names it, so that a killed process loses no row that is named, and the
next one writes over rows that are not. All functions read or write files; call them in a thread.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.errors import listed, quoted
from service.errors import Conflict, NotFound, Unprocessable
from service.stores.studies import Study
from service.stores.study_items import FIELDS, StudyItem

ROW = 60  # bytes of a row in the database, about
AT_ONCE = 4096  # rows that are put in order at once
BYTES = np.dtype("<f4").itemsize


@dataclass(frozen=True, kw_only=True)
class VectorSet:
    """The vectors that one model has made of the items of a study.

    Attributes
    ----------
    modality : of the vectors; image where a collection has those of images and of texts.
    receipt : how the vectors were made.
    created : seconds since 1970.
    items : number of items with a vector.
    failed : number of items of which no vector could be made.
    missing : number of items that were not embedded yet.
    """

    number: int
    model: str
    fingerprint: str
    dimension: int
    modality: Modality
    receipt: Mapping[str, Any]
    created: float
    items: int
    failed: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class StudyVectors:
    """The items of a study that have a vector, in the order in which they were added, n of them.

    Attributes
    ----------
    places : (n,) int64, numbers of the items in the database.
    rows : (n, d) float32, mapped from a file and not to be written to; unit vectors, or those of a collection as they
        are there.
    receipt : how the vectors were made.
    missing : number of items without a vector.
    """

    ids: tuple[str, ...]
    keys: tuple[str, ...]
    places: NDArray[np.int64]
    rows: NDArray[np.float32]
    model: str
    fingerprint: str
    modality: Modality
    receipt: Mapping[str, Any]
    missing: int


@dataclass(frozen=True, kw_only=True)
class StudyRows:
    """The vectors of a set: places and rows as those of StudyVectors."""

    vectors: VectorSet
    places: NDArray[np.int64]
    rows: NDArray[np.float32]

    @property
    def missing(self) -> int:
        """Number of items without a vector."""
        return self.vectors.failed + self.vectors.missing


@dataclass(frozen=True, kw_only=True)
class FailedItem:
    """An item of which no vector could be made."""

    key: str
    id: str
    code: str
    message: str


def list_sets(study: Study) -> list[VectorSet]:
    """The sets of vectors of a study, in the order in which they were begun."""
    with study.database.reading() as db:
        return _sets(db)


def open_set(
    study: Study,
    *,
    model: str,
    fingerprint: str,
    dimension: int,
    receipt: Mapping[str, Any],
    modality: Modality = "image",
) -> VectorSet:
    """The set of a model, which is made where there is none.

    Raises Conflict where the model's vectors were made in another way, and cannot be compared.
    """
    with study.database.writing() as db:
        there = {each.model: each for each in _sets(db)}.get(model)
        if there is None:
            db.execute(
                "INSERT INTO vector_sets (model, fingerprint, dimension, modality, receipt, created) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (model, fingerprint, dimension, modality, orjson.dumps(dict(receipt)).decode(), time.time()),
            )
            there = {each.model: each for each in _sets(db)}[model]
    if there.fingerprint != fingerprint:
        raise Conflict(
            f"model: the study has vectors of {quoted(model)} with the fingerprint {quoted(there.fingerprint)}, and "
            f"those of today have {quoted(fingerprint)}; delete the earlier ones (DELETE "
            f"/v1/studies/{{name}}/embeddings/{{model}}), and embed all items again",
            code="fingerprint_mismatch",
            param="model",
        )
    return there


def next_items(study: Study, vectors: VectorSet, *, after: int, limit: int) -> list[StudyItem]:
    """Items without a vector behind the place `after`, in the order in which they were added; without columns."""
    with study.database.reading() as db:
        rows = db.execute(
            "SELECT i.* FROM items i LEFT JOIN vector_rows r ON r.item = i.place AND r.vectors = ? "
            "WHERE r.row IS NULL AND i.place > ? ORDER BY i.place LIMIT ?",
            (vectors.number, after, limit),
        ).fetchall()
    return [StudyItem(**{name: row[name] for name in FIELDS}) for row in rows]


def append_rows(
    study: Study,
    vectors: VectorSet,
    places: Sequence[int],
    rows: NDArray[np.float32],
    failures: Mapping[int, tuple[str, str]] | None = None,
) -> int:
    """Write vectors of items, and code and message of those that failed, by place; returns how many are new.

    Parameters
    ----------
    places : the items of the rows.
    rows : (n, d) float32.

    Raises
    ------
    NotFound : the set was deleted meanwhile.
    TooLarge : there is no room.
    """
    problems = failures or {}
    study.require_room(ROW * len(places) + sum(ROW + len(message) for _, message in problems.values()))
    study.budget.require(BYTES * vectors.dimension * len(places))
    with study.database.writing() as db:
        if db.execute("SELECT 1 FROM vector_sets WHERE number = ?", (vectors.number,)).fetchone() is None:
            raise _no_vectors(vectors.model, [each.model for each in _sets(db)])
        (start,) = db.execute(
            "SELECT ifnull(max(row) + 1, 0) FROM vector_rows WHERE vectors = ?", (vectors.number,)
        ).fetchone()
        there = _with_a_row(db, vectors.number, places)
        new = [i for i, place in enumerate(places) if place not in there]
        if new:
            _write(study, vectors, start, rows[new])
        db.executemany(
            "INSERT OR REPLACE INTO vector_rows (vectors, item, row) VALUES (?, ?, ?)",
            [(vectors.number, places[i], start + k) for k, i in enumerate(new)],
        )
        db.executemany(
            "INSERT OR REPLACE INTO vector_rows (vectors, item, code, message) VALUES (?, ?, ?, ?)",
            [(vectors.number, place, *problem) for place, problem in problems.items()],
        )
    return len(new)


def _with_a_row(db: sqlite3.Connection, number: int, places: Sequence[int]) -> set[int]:
    low, high = (min(places), max(places)) if places else (0, -1)
    rows = db.execute(
        "SELECT item FROM vector_rows WHERE vectors = ? AND item BETWEEN ? AND ? AND row IS NOT NULL",
        (number, low, high),
    )
    return {row["item"] for row in rows}


def _write(study: Study, vectors: VectorSet, start: int, rows: NDArray[np.float32]) -> None:
    """Write rows to the file, from the row `start` on, and to the disk."""
    study.vectors.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(_file(study, vectors.number), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.seek(start * BYTES * vectors.dimension)
        file.write(np.ascontiguousarray(rows, "<f4").tobytes())
        file.flush()
        os.fsync(file.fileno())


def read_vectors(study: Study, model: str | None = None) -> StudyVectors:
    """The vectors of a model; without a name, of the only one that the study has.

    Raises Unprocessable with the code no_vectors where there are none, and for several without a name.
    """
    found = read_rows(study, model)
    with study.database.reading() as db:
        db.row_factory = None  # tuples, which are made faster
        names = {place: (id, key) for place, id, key in db.execute("SELECT place, id, key FROM items")}
    pairs = [names[place] for place in found.places.tolist()]
    return StudyVectors(
        ids=tuple(id for id, _ in pairs),
        keys=tuple(key for _, key in pairs),
        places=found.places,
        rows=found.rows,
        model=found.vectors.model,
        fingerprint=found.vectors.fingerprint,
        modality=found.vectors.modality,
        receipt=found.vectors.receipt,
        missing=found.missing,
    )


def read_rows(study: Study, model: str | None = None) -> StudyRows:
    """The same without ids and keys, which takes half of the time. Raises the errors of `read_vectors`."""
    with study.database.reading() as db:
        db.execute("BEGIN")  # one state of the tables
        chosen = _chosen(_sets(db), model)
        db.row_factory = None
        found = db.execute(
            "SELECT item, row FROM vector_rows WHERE vectors = ? AND row IS NOT NULL ORDER BY item", (chosen.number,)
        ).fetchall()
    if not found:
        raise Unprocessable(
            f"model: no item of the study has a vector of {quoted(chosen.model)} yet; wait for the job that embeds "
            "them, or begin one (POST /v1/studies/{name}/embeddings)",
            code="no_vectors",
            param="model",
        )
    places, order = np.array(found, np.int64).T
    try:
        rows = _mapped(study, chosen, order)
    except FileNotFoundError as exc:
        raise _no_vectors(chosen.model, []) from exc
    return StudyRows(vectors=chosen, places=np.ascontiguousarray(places), rows=rows)


def require_set(study: Study, model: str | None = None) -> VectorSet:
    """The set of a model; without a name, the only one. Raises Unprocessable with the code no_vectors, or for several.

    The set may have no vectors yet.
    """
    return _chosen(list_sets(study), model)


def _mapped(study: Study, vectors: VectorSet, order: NDArray[np.int64]) -> NDArray[np.float32]:
    """The rows of a file in an order, (n, d): the file itself where it has that order, and otherwise a copy."""
    d = vectors.dimension
    path = _file(study, vectors.number)
    content = np.asarray(np.memmap(path, "<f4", mode="r", shape=(int(order.max()) + 1, d)))
    if np.array_equal(order, np.arange(len(order))):
        return content[: len(order)]
    with tempfile.TemporaryFile(dir=study.vectors) as file:  # without a name: it goes with the array
        for start in range(0, len(order), AT_ONCE):
            file.write(content[order[start : start + AT_ONCE]].tobytes())
        file.flush()
        return np.asarray(np.memmap(file, "<f4", mode="r", shape=(len(order), d)))


def failed_items(study: Study, vectors: VectorSet, limit: int) -> list[FailedItem]:
    """The first items of which no vector could be made, in the order in which they were added."""
    with study.database.reading() as db:
        rows = db.execute(
            "SELECT i.key, i.id, r.code, r.message FROM vector_rows r JOIN items i ON i.place = r.item "
            "WHERE r.vectors = ? AND r.row IS NULL ORDER BY r.item LIMIT ?",
            (vectors.number, limit),
        ).fetchall()
    return [FailedItem(**dict(row)) for row in rows]


def delete_set(study: Study, model: str) -> VectorSet:
    """Delete the vectors of a model, and return what there was. Raises NotFound."""
    with study.database.writing() as db:
        sets = {each.model: each for each in _sets(db)}
        if model not in sets:
            raise _no_vectors(model, sets)
        db.execute("DELETE FROM vector_rows WHERE vectors = ?", (sets[model].number,))
        db.execute("DELETE FROM vector_sets WHERE number = ?", (sets[model].number,))
        (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'vector_sets'").fetchone()
    kept = {each.number for name, each in sets.items() if name != model}
    for number in set(range(1, last + 1)) - kept:  # also those that a killed process has left
        _file(study, number).unlink(missing_ok=True)
    return sets[model]


def _sets(db: sqlite3.Connection) -> list[VectorSet]:
    (items,) = db.execute("SELECT count(*) FROM items").fetchone()
    rows = db.execute(
        "SELECT s.*, (SELECT count(row) FROM vector_rows r WHERE r.vectors = s.number) AS there, "
        "(SELECT count(*) FROM vector_rows r WHERE r.vectors = s.number) AS tried FROM vector_sets s ORDER BY number"
    )
    names = ("number", "model", "fingerprint", "dimension", "modality", "created")
    return [
        VectorSet(
            **{name: row[name] for name in names},
            receipt=orjson.loads(row["receipt"]),
            items=row["there"],
            failed=row["tried"] - row["there"],
            missing=items - row["tried"],
        )
        for row in rows
    ]


def _chosen(sets: Sequence[VectorSet], model: str | None) -> VectorSet:
    by_name = {each.model: each for each in sets}
    if not sets or (model is not None and model not in by_name):
        asked = "" if model is None else f" of {quoted(model)}"
        there = f"; it has those of {listed(by_name)}" if sets else ""
        raise Unprocessable(
            f"model: the study has no vectors{asked}{there}; embed its items first (POST /v1/studies/{{name}}"
            "/embeddings)",
            code="no_vectors",
            param="model",
        )
    if model is not None:
        return by_name[model]
    if len(sets) > 1:
        raise Unprocessable(
            f"model: the study has vectors of several models ({listed(by_name)}); name one of them", param="model"
        )
    return sets[0]


def _no_vectors(model: str, there: Iterable[str]) -> NotFound:
    names = listed(there)
    return NotFound(
        f"model: the study has no vectors of {quoted(model)}" + (f"; it has those of {names}" if names else ""),
        code="no_vectors",
        param="model",
    )


def _file(study: Study, number: int) -> Path:
    return study.vectors / f"{number}.f32"
