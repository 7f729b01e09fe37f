"""Runner services of the `process` placement: encoders in a process of their own, one for each site.

BentoML starts, supervises and stops them; rows come by channels (service/inference/runner/ipc.py), past its proxy,
which would cost a caller 3 to 5 ms. `run_default_*` is BentoML's adaptive batching, which its proxy does reach: for one
model alone, since a batchable method takes one argument.
"""

import asyncio
import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bentoml
import numpy as np

from models.catalog.folder import ModelFolder, locate
from models.catalog.spec import Modality
from models.encoders.processors import PADDING
from service.inference.batching import Key, Row
from service.inference.devices import RunnerSpec, held_by
from service.inference.runner.client import address
from service.inference.runner.ipc import Ask, Listener
from service.inference.runner.scheduler import SharedScheduler
from service.inference.sessions import bundle, max_batch, open_sessions
from service.settings import Settings

logger = logging.getLogger("daguerre.runners")
os.environ["BENTOML_DISABLE_GPU_ALLOCATION"] = "1"  # it sends a second service to a device that does not exist

CONNECTION = {
    "max_requests": 1_000_000_000,
    "max_age": 1e9,
}  # else the proxy closes its session with calls in flight
IDLE, LONGEST_WAIT = 1.0, 35.0  # seconds without a call after which a runner stops, and at most; entries take 30
ENVS = [
    {
        "name": "OPENBLAS_NUM_THREADS",
        "value": "1",
    },  # small products only: its threads would fight the encoder's
    {"name": "TOKENIZERS_PARALLELISM", "value": "false"},  # we bring our own threads
]


class Runner:
    """The encoders of one site, loaded."""

    def __init__(self, settings: Settings, site: RunnerSpec) -> None:
        folders = [locate(entry, settings.home) for entry in settings.models]
        mine = held_by(settings, site.device, folders)
        self._names = [folder.spec.name for folder in folders]
        self._sessions = open_sessions(mine, settings, site.device, site.modalities)
        self._limit = max_batch(settings, site.device, mine)
        places = settings.lanes_on(site.device)
        self._threads = None if site.device == "cpu" else ThreadPoolExecutor(places, thread_name_prefix="gpu")
        self._turns = SharedScheduler(self._run, max_batch=self._limit, places=places)
        self.called = 0.0  # when somebody last wanted something
        if self._threads:
            for folder in mine:
                self._warm_up(folder)
        self._listener = Listener(address(site.name, settings), self._asked)

    @property
    def provider(self) -> str:
        return next((sessions.shared.provider for sessions in self._sessions.values()), "none")

    @property
    def channels(self) -> int:
        """Channels that entry processes have open."""
        return self._listener.channels

    def _run(self, key: Key, stack: Row, alone: bool) -> Row:
        sessions = self._sessions[key.model, key.modality]
        if self._threads is None:
            return sessions.run(stack, alone)
        return self._threads.submit(sessions.run, stack, alone).result()  # a GPU keeps buffers for each thread

    def _asked(self, ask: Ask) -> Row:
        """Raw vectors (n, d) of a bundle, batched with what other entry processes wait for."""
        self.called = time.monotonic()
        key = Key(self._names[ask.model], ask.modality, ask.stack.shape[1])
        try:
            return self._turns.run(key, ask.stack, ask.alone)
        except Exception:
            if len(ask.stack) == 1:  # else the entry asks again, row by row
                logger.exception("a %s row of model %s could not be run", key.modality, key.model)
            raise

    def _warm_up(self, folder: ModelFolder) -> None:
        """Every shape that a GPU will see, the smallest batch and the largest: kernels are chosen, engines built."""
        spec = folder.spec
        shapes: list[tuple[Key, tuple[int, ...], Any]] = []
        if spec.image:
            side = spec.image.preprocess.size
            shapes.append((Key(spec.name, "image", side), (side, side, 3), np.uint8))
        if spec.text:
            shapes += [(Key(spec.name, "text", bucket), (bucket,), np.int64) for bucket in spec.text.buckets]
        for key, shape, dtype in shapes:
            for n in (1, self._limit(key)):
                self._run(key, np.ones((n, *shape), dtype), False)

    def run_default(self, stack: Row) -> Row:
        """Raw vectors of a stack that BentoML put together; texts are padded to the longest and run by length."""
        self.called = time.monotonic()
        modality: Modality = "image" if stack.ndim == 4 else "text"
        session = self._sessions[self._names[0], modality].solo
        if modality == "image":
            return session.run(stack)
        lengths = (stack != PADDING).sum(axis=1)
        buckets = 8 * -(-lengths // 8)
        raw: dict[int, Row] = {}
        for bucket in np.unique(buckets):
            where = np.flatnonzero(buckets == bucket)
            raw.update(zip(where.tolist(), session.run(stack[where, :bucket]), strict=True))
        return np.stack([raw[i] for i in range(len(stack))])

    def close(self) -> None:
        self._listener.close()


def _stop_when_idle(runner: Runner) -> None:
    """Everything gets SIGTERM at once, but the entry's last requests need their runners: stop after them.

    An entry that lives has its channels open, or, by BentoML's proxy, calls now and then.
    """
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)  # uvicorn's

    async def wait(number: int) -> None:
        last = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < last and (runner.channels or time.monotonic() < runner.called + IDLE):
            await asyncio.sleep(0.1)
        if callable(stop):
            stop(number, None)

    def begin(number: int, frame: object) -> None:
        runner.called = time.monotonic()
        task = loop.create_task(wait(number))
        _waits.add(task)

    signal.signal(signal.SIGTERM, begin)


_waits: set[asyncio.Task[None]] = set()  # a loop keeps no strong reference


def service(settings: Settings, site: RunnerSpec) -> "bentoml.Service[Any]":
    """The BentoML service that runs the encoders of `site`."""

    @bentoml.service(
        name=site.name,
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
            self.runner = Runner(settings, site)

        @bentoml.api(batchable=True, max_batch_size=_most("image"), max_latency_ms=60_000)
        async def run_default_image(self, stack: np.ndarray) -> np.ndarray:
            return await asyncio.to_thread(self.runner.run_default, stack)

        @bentoml.api(batchable=True, max_batch_size=_most("text"), max_latency_ms=60_000)
        async def run_default_text(self, stack: np.ndarray) -> np.ndarray:
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


def _most(modality: Modality) -> int:
    return bundle(Key("", modality, 0))
