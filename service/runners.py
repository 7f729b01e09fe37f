"""Runner services of the `process` placement: encoders of one modality in a process of their own.

Ours batches by itself (service/batching.py), since a batchable method of BentoML takes one argument and so cannot be
told the model. `run_default` is BentoML's adaptive batching for the default model alone.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Sequence
from typing import Any

import bentoml
import numpy as np

from models.catalog import Modality
from models.encoders.folder import locate
from models.encoders.processors import PADDING
from service.batching import Batcher, Key, Row
from service.placement import Process, max_batch, open_sessions
from service.settings import Settings

logger = logging.getLogger("daguerre.runners")

CONNECTION = {
    "max_requests": 1_000_000_000,
    "max_age": 1e9,
}  # else the proxy closes its session with calls in flight
IDLE, LONGEST_WAIT = 1.0, 20.0  # seconds without a call after which a runner stops, and at most
ENVS = [
    {
        "name": "OPENBLAS_NUM_THREADS",
        "value": "1",
    },  # small products only: its threads would fight the encoder's
    {"name": "TOKENIZERS_PARALLELISM", "value": "false"},  # we bring our own threads
]


class Runner:
    """The encoders of one modality, loaded."""

    def __init__(self, settings: Settings, modality: Modality) -> None:
        folders = [locate(entry, settings.home) for entry in settings.models]
        self._sessions = open_sessions(folders, settings, [modality])
        self._modality = modality
        self._default = folders[0].spec.name
        self.called = 0.0  # when somebody last wanted something
        self._batcher = Batcher(
            self._run_rows,
            max_batch=max_batch(settings, folders),
            capacity=settings.queue * settings.entry_workers,
            lanes=settings.lanes,
            name=f"{modality}-runner",
        )

    @property
    def provider(self) -> str:
        return next((sessions.shared.provider for sessions in self._sessions.values()), "none")

    def _run_rows(self, key: Key, rows: Sequence[Row], alone: bool) -> Row:
        return self._sessions[key.model, key.modality].run(np.stack(rows), alone)

    async def run(self, model: str, stack: Row) -> Row:
        """Raw vectors (n, d) of a stack (n, …), batched with what other callers wait for."""
        self.called = time.monotonic()
        key = Key(model, self._modality, stack.shape[1])
        with self._batcher.admit(len(stack)) as caller:
            return np.stack(await asyncio.gather(*(caller.submit(key, row) for row in stack)))

    def run_default(self, stack: Row) -> Row:
        """Raw vectors of a stack that BentoML put together; texts are padded to the longest and run by length."""
        self.called = time.monotonic()
        session = self._sessions[self._default, self._modality].solo
        if self._modality == "image":
            return session.run(stack)
        lengths = (stack != PADDING).sum(axis=1)
        buckets = 8 * -(-lengths // 8)
        raw: dict[int, Row] = {}
        for bucket in np.unique(buckets):
            where = np.flatnonzero(buckets == bucket)
            raw.update(zip(where.tolist(), session.run(stack[where, :bucket]), strict=True))
        return np.stack([raw[i] for i in range(len(stack))])

    def close(self) -> None:
        self._batcher.close()


def _stop_when_idle(runner: Runner) -> None:
    """Everything gets SIGTERM at once, but the entry's last requests need their runners: stop after them."""
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)  # uvicorn's

    async def wait(number: int) -> None:
        last = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < min(last, runner.called + IDLE):
            await asyncio.sleep(0.1)
        if callable(stop):
            stop(number, None)

    def begin(number: int, frame: object) -> None:
        runner.called = time.monotonic()
        task = loop.create_task(wait(number))
        _waits.add(task)

    signal.signal(signal.SIGTERM, begin)


_waits: set[asyncio.Task[None]] = set()  # a loop keeps no strong reference


def service(settings: Settings, modality: Modality) -> "bentoml.Service[Any]":
    """The BentoML service that runs the encoders of `modality`."""
    most = Process.BUNDLE[modality]

    @bentoml.service(
        name=f"daguerre-{modality}s",
        workers=1,
        threads=4,
        traffic={"timeout": settings.request_timeout + 60},
        runner_connection=CONNECTION,
        envs=ENVS,
        logging={"access": {"enabled": False}},
        metrics={"enabled": False},
        tracing={"excluded_urls": ".*"},
    )
    class RunnerService:
        def __init__(self) -> None:
            self.runner = Runner(settings, modality)

        @bentoml.api
        async def run(self, model: str, stack: np.ndarray) -> np.ndarray:
            return await self.runner.run(model, stack)

        @bentoml.api(batchable=True, max_batch_size=most, max_latency_ms=60_000)
        async def run_default(self, stack: np.ndarray) -> np.ndarray:
            return await asyncio.to_thread(self.runner.run_default, stack)

        @bentoml.api
        async def provider(self) -> str:
            return self.runner.provider

        @bentoml.on_startup
        async def outlive_the_entry(self) -> None:
            _stop_when_idle(self.runner)

        @bentoml.on_shutdown
        def close(self) -> None:
            self.runner.close()

    return RunnerService
