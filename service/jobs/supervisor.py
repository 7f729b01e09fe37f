"""In the entry service: starts a worker where a lane has work, and ends one whose job was cancelled and goes on.

With several entry processes one of them supervises, by a lock; when that one dies, the next takes over.
"""

import asyncio
import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from service.jobs.kinds import LANES
from service.jobs.table import Table
from service.settings import Settings

logger = logging.getLogger("daguerre.jobs")
LOOK = 0.2  # seconds between two looks at the lanes
GRACE = 5.0  # seconds that a cancelled job has to stop by itself, and a worker to end
AGAIN = 1.0  # seconds until a worker that ended at once is started again
TIDY = 600.0  # seconds between two searches for jobs that ended long ago
CAPS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Supervisor:
    """Keeps the workers. `start` it in the event loop of the entry service, `stop` it there."""

    def __init__(self, settings: Settings, table: Table, *, kinds: str = "service.jobs.kinds:KINDS") -> None:
        self._settings = settings
        self._table = table
        self._kinds = kinds
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._lock = FileLock(settings.home / "jobs" / ".supervisor.lock", timeout=0)
        self._task: asyncio.Task[None] | None = None
        self._tidied = -TIDY

    async def start(self) -> None:
        """Begin to look after the lanes."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the workers; what they were doing waits for the next start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for worker in self._workers.values():
            worker.terminate()
        deadline = time.monotonic() + GRACE
        for worker in self._workers.values():
            while worker.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            worker.kill()
            worker.wait()
        for lane in self._workers:  # one that had to be killed did not put its job back
            await asyncio.to_thread(self._table.release, lane)
        self._workers.clear()
        self._lock.release(force=True)

    async def _run(self) -> None:
        while True:
            try:
                if self._lock.is_locked or self._won():
                    await self._look()
            except Exception:
                logger.exception("the jobs could not be looked after; trying again")
                await asyncio.sleep(AGAIN)
            await asyncio.sleep(LOOK)

    def _won(self) -> bool:
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    async def _look(self) -> None:
        if time.monotonic() - self._tidied >= TIDY:
            await asyncio.to_thread(self._table.tidy)
            self._tidied = time.monotonic()
        for lane, id in await asyncio.to_thread(self._table.overdue, GRACE):
            if lane in self._workers:
                logger.warning("%s was cancelled and does not stop: its worker is ended", id)
                await self._end(lane)
        busy = await asyncio.to_thread(self._table.busy_lanes)
        for lane in LANES:
            worker = self._workers.get(lane)
            if worker is not None and worker.poll() is not None:
                if worker.returncode:
                    logger.warning("the worker of %s jobs ended with %d", lane, worker.returncode)
                del self._workers[lane]
                worker = None
            if worker is None and lane in busy and time.monotonic() - self._started.get(lane, -AGAIN) >= AGAIN:
                self._workers[lane] = self._begin(lane)
                self._started[lane] = time.monotonic()

    async def _end(self, lane: str) -> None:
        """Kill a worker. What it did is cancelled if that was asked for, and waits again otherwise."""
        worker = self._workers[lane]
        worker.kill()
        await asyncio.to_thread(worker.wait)
        await asyncio.to_thread(self._table.release, lane)
        del self._workers[lane]

    def _begin(self, lane: str) -> subprocess.Popen[bytes]:
        """A worker. Started from the loop's thread: it ends when that thread does."""
        threads = str(self._settings.job_threads)
        command = [sys.executable, "-m", "service.jobs.worker", "--home", str(self._settings.home), "--lane", lane]
        command += ["--parent", str(os.getpid()), "--threads", threads, "--kinds", self._kinds]
        command += ["--keep-days", str(self._settings.job_days)]
        environment = {**os.environ, **dict.fromkeys(CAPS, threads), "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command, cwd=Path(__file__).parents[2], env=environment, stdin=subprocess.DEVNULL, close_fds=True
        )
