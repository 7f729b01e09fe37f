"""Supervision of the workers, in the entry service.

It starts a worker for each lane with jobs, and ends a worker whose job does not stop after a cancellation. One entry
process supervises, which a lock decides; when it ends, another takes over.
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
LOOK = 0.2  # seconds between two checks of the lanes
GRACE = 5.0  # seconds for a cancelled job to stop
ENDING = 2.0  # seconds for the workers to end when the service stops, after the 30 of its last requests
AGAIN = 1.0  # seconds between two starts of a worker
TIDY = 600.0  # seconds between two removals of expired jobs
CAPS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}  # threads that spin cost three times the CPU where other processes run too


class Supervisor:
    """The workers. `start` and `stop` are called in the event loop of the entry service."""

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
        """Start the supervision."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the workers; their jobs are queued again for the next start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for worker in self._workers.values():
            worker.terminate()
        deadline = time.monotonic() + ENDING
        for worker in self._workers.values():
            while worker.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            worker.kill()
            worker.wait()
        for lane in self._workers:  # a killed worker did not queue its job again
            await asyncio.to_thread(self._table.release, lane)
        self._workers.clear()
        self._lock.release(force=True)

    async def _run(self) -> None:
        while True:
            try:
                if self._lock.is_locked or self._acquired():
                    await self._look()
            except Exception:
                logger.exception("the supervision of jobs has failed; trying again")
                await asyncio.sleep(AGAIN)
            await asyncio.sleep(LOOK)

    def _acquired(self) -> bool:
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    async def _look(self) -> None:
        if time.monotonic() - self._tidied >= TIDY:
            self._tidied = time.monotonic()
            await asyncio.to_thread(self._table.tidy)
        for lane, id in await asyncio.to_thread(self._table.overdue, GRACE):
            if lane in self._workers:
                logger.warning("%s was cancelled and does not stop; ending its worker", id)
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
                self._workers[lane] = self._start_worker(lane)
                self._started[lane] = time.monotonic()

    async def _end(self, lane: str) -> None:
        """Kill a worker. Its job is cancelled if that was requested, and queued again otherwise."""
        worker = self._workers[lane]
        worker.kill()
        await asyncio.to_thread(worker.wait)
        await asyncio.to_thread(self._table.release, lane)
        del self._workers[lane]

    def _start_worker(self, lane: str) -> subprocess.Popen[bytes]:
        """Start a worker from the event loop's thread, with which it ends."""
        threads = str(self._settings.job_threads)
        command = [sys.executable, "-m", "models.lifetime", str(os.getpid()), "service.jobs.worker"]
        command += ["--home", str(self._settings.home), "--lane", lane, "--threads", threads, "--kinds", self._kinds]
        command += ["--keep-days", str(self._settings.job_days)]
        environment = {**os.environ, **dict.fromkeys(CAPS, threads), **WAITING, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command, cwd=Path(__file__).parents[2], env=environment, stdin=subprocess.DEVNULL, close_fds=True
        )
