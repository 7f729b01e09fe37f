"""The jobs in SQLite. Each transition is one transaction; several processes use the file at once."""

import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from service.errors import Conflict, Overloaded, is_disk_full, translate
from service.jobs import folders
from service.stores.claims import remove_unclaimed
from service.stores.database import Database

logger = logging.getLogger("daguerre.jobs")
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")
DEATHS = 2  # interruptions without progress after which a job fails
SHARE = 3  # waiting jobs of one owner for each place that is free for others
KNOWN = 0.02  # progress from which the remaining time is estimated


class Cancelled(Exception):
    """Raised within a job that has been cancelled."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The current state of a job. Times are seconds since 1970."""

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

    def __init__(self, home: Path, *, most_queued: int, keep_days: float, shared: bool = False) -> None:
        self.home = home
        self._database = Database(home / "state.sqlite3")
        self.folders = home / "jobs"
        self._most_queued = most_queued
        self._shared = shared  # whether there are several owners
        self._keep = keep_days * 86400

    def open(self) -> None:
        """Create the file and the folder, or migrate an older file. Raises NewerState."""
        self._database.open()
        self.folders.mkdir(mode=0o700, parents=True, exist_ok=True)

    def close(self) -> None:
        """Close the database. The table can still be used."""
        self._database.close()

    def new_id(self) -> str:
        return f"job_{secrets.token_hex(16)}"

    def folder(self, id: str) -> Path:
        return self.folders / id

    def add(
        self,
        id: str,
        kind: str,
        lane: str,
        params: Mapping[str, Any],
        owner: str | None,
        *,
        alone: Sequence[str] = (),
    ) -> Job:
        """Queue a job. Raises Overloaded, and Conflict for another one with the same values of the params `alone`."""
        with self._database.writing() as db:
            self._check_places(db, owner)
            if alone and (there := _active(db, kind, {name: params[name] for name in alone})):
                other = there[0].id
                raise Conflict(
                    f"job: {other} does this already; wait for it, or cancel it (POST /v1/jobs/{other}/cancel)",
                    code="job_exists",
                )
            db.execute(
                "INSERT INTO jobs (id, kind, lane, owner, params, created) VALUES (?, ?, ?, ?, ?, ?)",
                (id, kind, lane, owner, json.dumps(params), time.time()),
            )
        job = self.get(id)
        assert job
        return job

    def check_places(self, owner: str | None) -> None:
        """Raise Overloaded if there is no place for another waiting job of `owner`."""
        with self._database.reading() as db:
            self._check_places(db, owner)

    def _check_places(self, db: sqlite3.Connection, owner: str | None) -> None:
        waiting, own = db.execute(
            "SELECT count(*), coalesce(sum(owner IS ?), 0) FROM jobs WHERE state = 'queued'", (owner,)
        ).fetchone()
        free = self._most_queued - waiting
        if free < 1:
            raise Overloaded(
                f"{waiting} jobs are waiting, which is the limit (DAGUERRE_MAX_JOBS); send this one again later",
                retry_after=30,
            )
        if self._shared and own and own + 1 > SHARE * (free - 1):
            raise Overloaded(
                f"{own} jobs of this key are waiting, which is its share: after a further one, the {free - 1} places "
                f"that are left for other keys would be fewer than a third of its jobs (DAGUERRE_MAX_JOBS); send "
                "this one again when some of its jobs have begun",
                retry_after=30,
            )

    def get(self, id: str) -> Job | None:
        with self._database.reading() as db:
            row = db.execute(
                "SELECT * FROM jobs WHERE id = ? AND (ended IS NULL OR ended >= ?)", (id, self._oldest())
            ).fetchone()
        return None if row is None else _job(row)

    def active(self, kind: str, **params: Any) -> Sequence[Job]:
        """Jobs of a kind that wait or run, with these values of their parameters."""
        with self._database.reading() as db:
            return _active(db, kind, params)

    def newest(self, owner: str | None, limit: int, before: int | None) -> Sequence[Job]:
        """Jobs of `owner` and jobs without an owner, the newest first, older than place `before`."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE (owner IS NULL OR owner = ?) AND (? IS NULL OR place < ?) "
                "AND (ended IS NULL OR ended >= ?) ORDER BY place DESC LIMIT ?",
                (owner, before, before, self._oldest(), limit),
            ).fetchall()
        return [_job(row) for row in rows]

    def busy_lanes(self) -> set[str]:
        """Lanes with a queued or running job."""
        with self._database.reading() as db:
            return {row[0] for row in db.execute("SELECT DISTINCT lane FROM jobs WHERE state IN ('queued', 'running')")}

    def take(self, lane: str) -> Job | None:
        """Set the next queued job of `lane` to running and return it.

        It is one that was interrupted; else the oldest job of the owner whose last job of the lane was taken the
        longest ago.
        """
        with self._database.reading() as db:  # read first, so that an idle worker does not write
            if db.execute("SELECT 1 FROM jobs WHERE state = 'queued' AND lane = ?", (lane,)).fetchone() is None:
                return None
        now = time.time()
        with self._database.writing() as db:
            row = db.execute(
                "WITH last AS (SELECT owner, max(begun) AS begun FROM jobs WHERE lane = ?1 GROUP BY owner), "
                "next AS (SELECT place FROM jobs JOIN last ON jobs.owner IS last.owner "
                "WHERE state = 'queued' AND lane = ?1 "
                "ORDER BY jobs.started IS NULL, coalesce(last.begun, 0), place LIMIT 1) "
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?2), begun = ?2, "
                "begun_progress = NULL, stage = 'starting' WHERE place = (SELECT place FROM next) RETURNING *",
                (lane, now),
            ).fetchone()
        return None if row is None else _job(row)

    def report(self, id: str, progress: float, stage: str) -> bool:
        """Record the progress of a running job. Returns False if it has to stop.

        On a full disk the progress is not recorded, and the job goes on.
        """
        try:
            with self._database.writing() as db:
                row = db.execute(
                    "UPDATE jobs SET progress = ?, stage = ?, begun_progress = coalesce(begun_progress, ?) "
                    "WHERE id = ? AND state = 'running' RETURNING cancel_asked",
                    (progress, stage, progress, id),
                ).fetchone()
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            return True
        return row is not None and row["cancel_asked"] is None

    def succeed(self, id: str, result: Mapping[str, Any]) -> None:
        self._end(id, "succeeded", stage="done", progress=1.0, result=json.dumps(result))

    def fail(self, id: str, code: str, message: str) -> None:
        """Set a job to failed. If the disk is full, its files are removed first."""
        try:
            self._end(id, "failed", stage="failed", error_code=code, error_message=message)
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            self._empty(id, "failed")
            self._end(id, "failed", stage="failed", error_code=code, error_message=message)

    def stop(self, id: str) -> None:
        """Set a job to cancelled after it has stopped."""
        self._end(id, "cancelled", stage="cancelled")

    def _end(self, id: str, state: State, **fields: Any) -> None:
        columns = {"state": state, "ended": time.time(), **fields}
        with self._database.writing() as db:
            row = db.execute(
                f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} "  # our own names
                "WHERE id = ? AND state IN ('queued', 'running') RETURNING id",
                (*columns.values(), id),
            ).fetchone()
        if row is not None:
            self._empty(id, state)

    def cancel(self, id: str) -> None:
        """End a queued job, or request a running one to stop; in one transaction, since a worker may take it now."""
        now = time.time()
        with self._database.writing() as db:
            row = db.execute(
                "UPDATE jobs SET state = 'cancelled', stage = 'cancelled', ended = ? "
                "WHERE id = ? AND state = 'queued' RETURNING id",
                (now, id),
            ).fetchone()
            db.execute(
                "UPDATE jobs SET cancel_asked = coalesce(cancel_asked, ?) WHERE id = ? AND state = 'running'", (now, id)
            )
        if row is not None:
            self._empty(id, "cancelled")

    def overdue(self, grace: float) -> Sequence[tuple[str, str]]:
        """Lane and id of running jobs whose cancellation was requested more than `grace` seconds ago."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT lane, id FROM jobs WHERE state = 'running' AND cancel_asked < ?", (time.time() - grace,)
            ).fetchall()
        return [(row["lane"], row["id"]) for row in rows]

    def release(self, lane: str) -> None:
        """Queue the running job of `lane` again, without counting an interruption, after its worker was ended.

        On a full disk it stays as it is, and the next process that has the lane's lock adopts it.
        """
        try:
            with self._database.writing() as db:
                asked = db.execute(
                    "UPDATE jobs SET state = 'cancelled', stage = 'cancelled', ended = ? "
                    "WHERE state = 'running' AND lane = ? AND cancel_asked IS NOT NULL RETURNING id",
                    (time.time(), lane),
                ).fetchall()
                db.execute(
                    "UPDATE jobs SET state = 'queued', stage = 'waiting' WHERE state = 'running' AND lane = ?", (lane,)
                )
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            logger.warning("the disk is full: the running %s job is queued again at the next start", lane)
            return
        for row in asked:
            self._empty(row["id"], "cancelled")

    def adopt(self, lane: str, resumable: frozenset[str]) -> None:
        """Queue, fail or cancel jobs that a killed worker has left running. The caller holds the lane's lock."""
        ended: list[tuple[str, State]] = []
        with self._database.writing() as db:
            rows = db.execute("SELECT * FROM jobs WHERE state = 'running' AND lane = ?", (lane,)).fetchall()
            for row in rows:
                further = row["kind"] in resumable and row["progress"] > row["death_progress"]
                deaths = 1 if further else row["deaths"] + 1
                columns: dict[str, Any] = {"deaths": deaths, "death_progress": row["progress"]}
                if row["cancel_asked"] is not None:
                    columns |= {"state": "cancelled", "stage": "cancelled", "ended": time.time()}
                elif deaths >= DEATHS:
                    columns |= {"state": "failed", "stage": "failed", "ended": time.time(), "error_code": "worker_died"}
                    columns["error_message"] = (
                        f"its process ended {deaths} times in the middle (at {row['stage']!r}): killed, or out of "
                        "memory; see the server's log"
                    )
                else:
                    columns |= {"state": "queued", "stage": "waiting"}
                db.execute(
                    f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",  # our own names
                    (*columns.values(), row["id"]),
                )
                ended += [(row["id"], columns["state"])] if "ended" in columns else []
        for id, state in ended:
            self._empty(id, state)

    def delete(self, id: str) -> bool:
        """Delete an ended job with its files; whether there was one. If the disk is full, its files go first.

        Copies of the row in the log of the database go too; where others use the log now, with the next `tidy`.
        """
        try:
            deleted = self._delete(id)
        except sqlite3.Error as exc:
            job = self.get(id)
            if not is_disk_full(exc) or job is None or not job.has_ended:
                raise
            folders.remove(self.folder(id))
            deleted = self._delete(id)
        if deleted:
            folders.remove(self.folder(id))
            self._database.empty_log()
        return deleted

    def _delete(self, id: str) -> bool:
        with self._database.writing() as db:
            return db.execute("DELETE FROM jobs WHERE id = ? AND ended IS NOT NULL", (id,)).rowcount > 0

    def tidy(self) -> None:
        """Delete expired jobs, and files and parts of the log that were left."""
        try:
            with self._database.writing() as db:
                db.execute("DELETE FROM jobs WHERE ended < ?", (self._oldest(),))
            self._database.empty_log()
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
        with self._database.reading() as db:
            rows = db.execute("SELECT id, state FROM jobs WHERE ended IS NULL OR ended >= ?", (self._oldest(),))
            states: dict[str, State] = {row["id"]: row["state"] for row in rows}
        for folder in self.folders.glob("job_*"):
            state = states.get(folder.name)
            if state is None:
                remove_unclaimed(folder, unless=partial(self._has, folder.name))
            elif state in ENDED:
                self._empty(folder.name, state)

    def _has(self, id: str) -> bool:
        with self._database.reading() as db:
            return db.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone() is not None

    def _oldest(self) -> float:
        """The time before which ended jobs have expired."""
        return time.time() - self._keep

    def _empty(self, id: str, state: State) -> None:
        """Remove the files of a job's submission, after it has ended in `state`."""
        folders.empty(self.folder(id), state)


def _active(db: sqlite3.Connection, kind: str, params: Mapping[str, Any]) -> Sequence[Job]:
    rows = db.execute("SELECT * FROM jobs WHERE kind = ? AND state IN ('queued', 'running') ORDER BY place", (kind,))
    jobs = [_job(row) for row in rows]
    return [job for job in jobs if all(job.params.get(name) == value for name, value in params.items())]


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


def explain(exc: Exception, job: Job) -> tuple[str, str]:
    """Code and message of the error that a job has ended with; an unforeseen one is logged."""
    try:
        known = translate(exc)
    except Exception:
        logger.exception("%s: %s failed", job.id, job.kind)
        return "internal", f"internal error; the server's log has details under {job.id}"
    return known.code, known.message
