"""The jobs in SQLite. Each transition is one transaction; several processes use the file at once."""

import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from service.errors import Overloaded, ServiceError

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")
DEATHS = 2  # without progress between them, and the job has failed
YOUNG = 3600.0  # seconds in which a folder without a job may still become one's
KNOWN = 0.02  # progress from which the rest can be guessed

_STATES = ", ".join(f"'{state}'" for state in get_args(State))
MIGRATIONS: tuple[str, ...] = (
    f"""
    CREATE TABLE jobs (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        lane TEXT NOT NULL,
        owner TEXT,
        params TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ({_STATES})),
        progress REAL NOT NULL DEFAULT 0,
        stage TEXT NOT NULL DEFAULT 'waiting',
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        begun REAL,              -- of this attempt: when, and how far it was by then
        begun_progress REAL,
        deaths INTEGER NOT NULL DEFAULT 0,
        death_progress REAL NOT NULL DEFAULT 0,
        cancel_asked REAL,
        result TEXT,
        error_code TEXT,
        error_message TEXT
    );
    CREATE INDEX jobs_by_state ON jobs (state, lane, place);
    """,
)


class Cancelled(Exception):
    """Raised within a job that somebody has cancelled."""


class NewerState(ServiceError):
    """The file was written by a later Daguerre."""

    status, code = 503, "newer_state"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, as it is now. Times are seconds since 1970."""

    id: str
    kind: str
    lane: str
    owner: str | None
    params: Mapping[str, Any]
    state: State
    progress: float
    stage: str
    created: float
    started: float | None
    ended: float | None
    eta_seconds: float | None
    result: Mapping[str, Any] | None
    error_code: str | None
    error_message: str | None
    place: int

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


class Table:
    """The jobs of one DAGUERRE_HOME."""

    def __init__(self, home: Path, *, most_queued: int, keep_days: float) -> None:
        self.home = home
        self.file = home / "state.sqlite3"
        self.folders = home / "jobs"
        self._most_queued = most_queued
        self._keep = keep_days * 86400

    def open(self) -> None:
        """Make the file, or bring an older one up to date. Raises NewerState."""
        self.folders.mkdir(parents=True, exist_ok=True)
        with self._connected() as db:
            db.execute("PRAGMA journal_mode = WAL")
        with self._writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise NewerState(
                    f"state.sqlite3 has schema {version}, this Daguerre reads up to {len(MIGRATIONS)}; start the "
                    "version that wrote it, or a newer one"
                )
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.file, timeout=30, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else's can come between."""
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def new_id(self) -> str:
        return f"job_{secrets.token_hex(16)}"

    def folder(self, id: str) -> Path:
        return self.folders / id

    def add(self, id: str, kind: str, lane: str, params: Mapping[str, Any], owner: str | None) -> Job:
        """A queued job. Raises Overloaded."""
        with self._writing() as db:
            (waiting,) = db.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
            if waiting >= self._most_queued:
                raise Overloaded(
                    f"{waiting} jobs are waiting, which is the limit; send this one again later", retry_after=30
                )
            db.execute(
                "INSERT INTO jobs (id, kind, lane, owner, params, created) VALUES (?, ?, ?, ?, ?, ?)",
                (id, kind, lane, owner, json.dumps(params), time.time()),
            )
        found = self.get(id)
        assert found
        return found

    def get(self, id: str) -> Job | None:
        with self._connected() as db:
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
        return None if row is None else _job(row)

    def newest(self, owner: str | None, limit: int, before: int | None) -> Sequence[Job]:
        """Jobs of `owner`, or without one, newest first, older than the one at place `before`."""
        with self._connected() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE (owner IS NULL OR owner = ?) AND (? IS NULL OR place < ?) "
                "ORDER BY place DESC LIMIT ?",
                (owner, before, before, limit),
            ).fetchall()
        return [_job(row) for row in rows]

    def busy_lanes(self) -> set[str]:
        """Lanes with a job that waits or runs."""
        with self._connected() as db:
            return {row[0] for row in db.execute("SELECT DISTINCT lane FROM jobs WHERE state IN ('queued', 'running')")}

    def take(self, lane: str) -> Job | None:
        """The oldest queued job of `lane`, now running."""
        with self._connected() as db:  # a look first: an idle worker should not write
            if db.execute("SELECT 1 FROM jobs WHERE state = 'queued' AND lane = ?", (lane,)).fetchone() is None:
                return None
        now = time.time()
        with self._writing() as db:
            row = db.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?), begun = ?, begun_progress = NULL, "
                "stage = 'starting' WHERE place = (SELECT min(place) FROM jobs WHERE state = 'queued' AND lane = ?) "
                "RETURNING *",
                (now, now, lane),
            ).fetchone()
        return None if row is None else _job(row)

    def say(self, id: str, progress: float, stage: str) -> bool:
        """How far a running job is. False where it is to stop: cancelled, or no longer running."""
        with self._writing() as db:
            row = db.execute(
                "UPDATE jobs SET progress = ?, stage = ?, begun_progress = coalesce(begun_progress, ?) "
                "WHERE id = ? AND state = 'running' RETURNING cancel_asked",
                (progress, stage, progress, id),
            ).fetchone()
        return row is not None and row["cancel_asked"] is None

    def succeed(self, id: str, result: Mapping[str, Any]) -> None:
        self._end(id, "succeeded", stage="done", progress=1.0, result=json.dumps(result))

    def fail(self, id: str, code: str, message: str) -> None:
        self._end(id, "failed", stage="failed", error_code=code, error_message=message)

    def stop(self, id: str) -> None:
        """A running job has been cancelled."""
        self._end(id, "cancelled", stage="cancelled")

    def _end(self, id: str, state: State, **fields: Any) -> None:
        given = {"state": state, "ended": time.time(), **fields}
        with self._writing() as db:
            db.execute(
                f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in given)} "  # names are ours
                "WHERE id = ? AND state IN ('queued', 'running')",
                (*given.values(), id),
            )
        self._empty(id)

    def cancel(self, id: str) -> None:
        """End a queued job; ask a running one to stop."""
        with self._writing() as db:
            row = db.execute(
                "UPDATE jobs SET cancel_asked = coalesce(cancel_asked, ?) WHERE id = ? AND state = 'running' "
                "RETURNING state",
                (time.time(), id),
            ).fetchone()
        if row is None:
            self._end(id, "cancelled", stage="cancelled")

    def overdue(self, lane: str, grace: float) -> Sequence[str]:
        """Running jobs that were asked to stop more than `grace` seconds ago."""
        with self._connected() as db:
            rows = db.execute(
                "SELECT id FROM jobs WHERE state = 'running' AND lane = ? AND cancel_asked < ?",
                (lane, time.time() - grace),
            ).fetchall()
        return [row["id"] for row in rows]

    def put_back(self, id: str) -> None:
        """A running job whose worker was asked to end: it waits again, first in its lane."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET state = 'queued', stage = 'waiting' WHERE id = ? AND state = 'running'", (id,))

    def adopt(self, lane: str, resumable: frozenset[str]) -> None:
        """Deal with what a killed worker has left running. For who holds the lane's lock."""
        with self._writing() as db:
            rows = db.execute("SELECT * FROM jobs WHERE state = 'running' AND lane = ?", (lane,)).fetchall()
            for row in rows:
                further = row["kind"] in resumable and row["progress"] > row["death_progress"]
                deaths = 1 if further else row["deaths"] + 1
                db.execute(
                    "UPDATE jobs SET deaths = ?, death_progress = ? WHERE id = ?", (deaths, row["progress"], row["id"])
                )
                if row["cancel_asked"] is not None:
                    state, code, message = "cancelled", None, None
                elif deaths >= DEATHS:
                    state, code, message = (
                        "failed",
                        "worker_died",
                        (
                            f"its process ended {deaths} times in the middle (at {row['stage']!r}): killed, or out of "
                            "memory; the server's log may say more"
                        ),
                    )
                else:
                    state, code, message = "queued", None, None
                db.execute(
                    "UPDATE jobs SET state = ?, stage = ?, error_code = ?, error_message = ?, ended = ? WHERE id = ?",
                    (
                        state,
                        "waiting" if state == "queued" else state,
                        code,
                        message,
                        None if state == "queued" else time.time(),
                        row["id"],
                    ),
                )

    def tidy(self) -> None:
        """Forget jobs that ended long ago, and remove folders that are no running or waiting job's."""
        with self._writing() as db:
            db.execute(
                f"DELETE FROM jobs WHERE state IN ({', '.join('?' * len(ENDED))}) AND ended < ?",
                (*ENDED, time.time() - self._keep),
            )
            open_ids = {row[0] for row in db.execute("SELECT id FROM jobs WHERE state IN ('queued', 'running')")}
            ended_ids = {row[0] for row in db.execute("SELECT id FROM jobs")} - open_ids
        for folder in self.folders.iterdir():
            if not folder.is_dir() or folder.name in open_ids:
                continue
            if folder.name in ended_ids or time.time() - folder.stat().st_mtime > YOUNG:
                shutil.rmtree(folder, ignore_errors=True)

    def _empty(self, id: str) -> None:
        """What was sent is not kept longer than it is needed."""
        shutil.rmtree(self.folder(id), ignore_errors=True)


def _job(row: sqlite3.Row) -> Job:
    left = None
    if row["state"] == "running" and row["begun_progress"] is not None:
        done = row["progress"] - row["begun_progress"]
        if done > KNOWN:
            left = (time.time() - row["begun"]) * (1 - row["progress"]) / done
    return Job(
        id=row["id"],
        kind=row["kind"],
        lane=row["lane"],
        owner=row["owner"],
        params=json.loads(row["params"]),
        state=row["state"],
        progress=row["progress"],
        stage=row["stage"],
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        eta_seconds=left,
        result=None if row["result"] is None else json.loads(row["result"]),
        error_code=row["error_code"],
        error_message=row["error_message"],
        place=row["place"],
    )
