"""Lanes of jobs that need the entry process: the one with the lock of a lane runs its jobs one after another."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from service.errors import is_disk_full
from service.jobs.folders import RESULTS
from service.jobs.kinds import ENTRY_LANE, KINDS, Lane
from service.jobs.table import Job, Table, explain

logger = logging.getLogger("daguerre.jobs")
LOOK = 0.2  # seconds between two checks for new jobs
REPORT = 0.3  # seconds between two reports that are written to the database
Report = Callable[[float, str], None]  # progress from 0 to 1, and the current step
Work = Callable[
    [Job, Path, Path, Report], Awaitable[Mapping[str, Any]]
]  # (job, its folder, folder of its results, report) → result


class EntryLane:
    """A task in the event loop of the entry service, in which `start` and `stop` are called."""

    def __init__(self, table: Table, work: Work, *, ready: Callable[[], bool], lane: Lane = ENTRY_LANE) -> None:
        self._lane = lane
        self._table = table
        self._work = work
        self._ready = ready
        self._lock = FileLock(table.folders / f".{lane}.lock", timeout=0)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start checking for jobs."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; the running job is queued again for the next start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._lock.is_locked:
            await asyncio.to_thread(self._table.release, self._lane)
            self._lock.release(force=True)

    async def _run(self) -> None:
        while True:
            try:
                if self._ready() and (self._lock.is_locked or await self._acquired()):
                    job = await asyncio.to_thread(self._table.take, self._lane)
                    if job is not None:
                        await self._do(job)
                        continue
            except Exception as exc:
                if is_disk_full(exc):
                    logger.warning("the jobs cannot be written, since the disk is full (%s); trying again", exc)
                else:
                    logger.exception("the lane %s has failed; trying again", self._lane)
                await asyncio.sleep(1.0)
            await asyncio.sleep(LOOK)

    async def _acquired(self) -> bool:
        try:
            self._lock.acquire()
        except Timeout:
            return False
        try:
            resumable = frozenset(name for name, kind in KINDS.items() if kind.resumable)
            await asyncio.to_thread(self._table.adopt, self._lane, resumable)
        except BaseException:
            self._lock.release()
            raise
        return True

    async def _do(self, job: Job) -> None:
        logger.info("%s: %s begins", job.id, job.kind)
        table, latest = self._table, (0.0, "starting")

        def report(progress: float, stage: str) -> None:
            nonlocal latest
            latest = (min(max(progress, 0.0), 1.0), stage)

        folder = table.folder(job.id)
        results = folder / RESULTS

        async def run() -> Mapping[str, Any]:
            results.mkdir(parents=True, exist_ok=True)
            return await self._work(job, folder, results, report)

        work = asyncio.ensure_future(run())
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=REPORT)
                if not work.done() and not await asyncio.to_thread(table.report, job.id, *latest):
                    work.cancel()
                    await asyncio.wait({work})
            if work.cancelled():
                await _when_there_is_room(table.stop, job.id)
            else:
                await _when_there_is_room(table.succeed, job.id, work.result())
        except Exception as exc:
            await _when_there_is_room(table.fail, job.id, *explain(exc, job))
        finally:
            if not work.done():  # the service is stopping
                work.cancel()
                await asyncio.wait({work})
        logger.info("%s: %s ended", job.id, job.kind)


async def _when_there_is_room(write: Callable[..., None], *arguments: Any) -> None:
    """Call `write` in a thread, again as long as the disk is full."""
    while True:
        try:
            return await asyncio.to_thread(write, *arguments)
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            logger.warning("the jobs cannot be written, since the disk is full (%s); trying again", exc)
            await asyncio.sleep(1.0)
