"""The process of one lane: `python -m service.jobs.worker`, started by the supervisor."""

import argparse
import logging
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TypeVar

from filelock import FileLock, Timeout

from service.errors import is_disk_full
from service.jobs.folders import RESULTS
from service.jobs.kinds import Context, Kind, kinds
from service.jobs.table import Cancelled, Job, Table, explain

logger = logging.getLogger("daguerre.jobs")
NICE = 10  # requests for embeddings have priority
LOOK = 0.1  # seconds between two checks for new jobs
FORMAT = "%(asctime)s [%(levelname)s] [%(name)s] %(message)s"  # as BentoML logs
REPORT = 0.3  # seconds between two reports that are written to the database
ROOM = 2.0  # seconds until a full disk is tried again
T = TypeVar("T")
IDLE = 300.0  # seconds without jobs after which it ends; the next job starts another worker


class Stopping(BaseException):
    """Raised by SIGTERM, when the service stops: the job is queued again."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m service.jobs.worker")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--lane", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--keep-days", type=float, required=True)
    parser.add_argument("--kinds", default="service.jobs.kinds:KINDS")
    parser.add_argument("--idle", type=float, default=IDLE)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format=FORMAT, datefmt="%Y-%m-%dT%H:%M:%S%z", stream=sys.stderr)
    os.nice(NICE)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on ctrl-C, the service stops its workers itself
    table = Table(options.home, most_queued=sys.maxsize, keep_days=options.keep_days)
    lock = FileLock(table.folders / f".{options.lane}.lock", timeout=0)
    try:
        with lock:
            Worker(table, options.lane, kinds(options.kinds), threads=options.threads).work(idle=options.idle)
    except Timeout:
        logger.info("another process runs the %s jobs", options.lane)
    except Stopping:
        pass
    return 0


class Worker:
    """Runs the jobs of one lane, one after the other."""

    def __init__(self, table: Table, lane: str, kinds: Mapping[str, Kind], *, threads: int) -> None:
        self._table = table
        self._lane = lane
        self._kinds = kinds
        self._threads = threads

    def work(self, *, idle: float) -> None:
        """Run jobs until there has been none for `idle` seconds."""
        resumable = frozenset(name for name, kind in self._kinds.items() if kind.resumable)
        when_there_is_room(lambda: self._table.adopt(self._lane, resumable))
        since = time.monotonic()
        try:
            while time.monotonic() - since < idle:
                job = when_there_is_room(lambda: self._table.take(self._lane))
                if job is None:
                    time.sleep(LOOK)
                    continue
                self._do(job)
                since = time.monotonic()
        except Stopping:  # raised anywhere, also between two statements
            self._table.release(self._lane)
            raise

    def _do(self, job: Job) -> None:
        last = 0.0
        table = self._table

        def report(progress: float, stage: str) -> None:
            nonlocal last
            if time.monotonic() - last < REPORT:
                return
            last = time.monotonic()
            if not table.report(job.id, min(max(progress, 0.0), 1.0), stage):
                raise Cancelled

        logger.info("%s: %s begins", job.id, job.kind)
        try:
            context = Context(
                id=job.id,
                params=job.params,
                folder=table.folder(job.id),
                results=table.folder(job.id) / RESULTS,
                home=table.home,
                owner=job.owner,
                report=report,
                threads=self._threads,
            )
            kind = self._kinds[job.kind]
            if not kind.resumable:  # after a kill it starts anew
                shutil.rmtree(context.results, ignore_errors=True)
            context.results.mkdir(parents=True, exist_ok=True)
            result = kind.function()(context)
            when_there_is_room(lambda: table.succeed(job.id, result))
        except Cancelled:
            when_there_is_room(lambda: table.stop(job.id))
        except Exception as exc:
            code, message = explain(exc, job)
            when_there_is_room(lambda: table.fail(job.id, code, message))
        logger.info("%s: %s ended", job.id, job.kind)


def when_there_is_room(write: Callable[[], T]) -> T:
    """The result of `write`, which is tried again as long as the disk is full."""
    while True:
        try:
            return write()
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            logger.warning("the jobs cannot be written, since the disk is full (%s); trying again", exc)
            time.sleep(ROOM)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # only once: the clean-up must not be interrupted
    raise Stopping


if __name__ == "__main__":
    sys.exit(main())
