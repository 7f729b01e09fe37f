"""Runner services of the `process` placement: one process of encoders for each RunnerSpec.

BentoML starts, supervises and stops them. Rows are sent over channels (service/inference/runner/ipc.py), since its
proxy would add 3 to 5 ms per call. `run_default_*` is for BentoML's adaptive batching over its proxy, with one model
only, since a batchable method has one argument.
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
from service.inference import switches
from service.inference.batching import Key, Row
from service.inference.devices import RunnerSpec, held_by
from service.inference.runner.client import address
from service.inference.runner.ipc import Arrays, Ask, Listener
from service.inference.runner.scheduler import SharedScheduler
from service.inference.sessions import EncoderSessions, Served, bundle, is_encoder, max_batch, open_sessions
from service.settings import Settings

logger = logging.getLogger("daguerre.runners")
os.environ["BENTOML_DISABLE_GPU_ALLOCATION"] = "1"  # it would assign a second service to a device that does not exist

CONNECTION = {
    "max_requests": 1_000_000_000,
    "max_age": 1e9,
}  # otherwise the proxy closes its session during calls
IDLE, LONGEST_WAIT = (
    1.0,
    35.0,
)  # seconds until a stopping runner ends: without calls, and at most; an entry takes up to 30
ENVS = [
    {
        "name": "OPENBLAS_NUM_THREADS",
        "value": "1",
    },  # only small products: its threads would compete with the encoder's
    {"name": "TOKENIZERS_PARALLELISM", "value": "false"},  # the service has its own threads
]


class Runner:
    """The loaded encoders of one runner process."""

    def __init__(self, settings: Settings, site: RunnerSpec) -> None:
        folders = [locate(entry, settings.home) for entry in settings.models]
        read = switches.permitted(settings)
        held = held_by(settings, site.device, folders)
        self._graphs = Served(folders, read).graphs()
        self._encoders = [folder.spec.name for folder in folders]
        self._sessions = open_sessions(Served(held, read), settings, site.device, site.modalities)
        self._limit = max_batch(settings, site.device, Served(held, read))
        places = settings.lanes_on(site.device)
        self._threads = None if site.device == "cpu" else ThreadPoolExecutor(places, thread_name_prefix="gpu")
        self._scheduler = SharedScheduler(self._run, max_batch=self._limit, places=places)
        self.called = 0.0  # time of the last call
        if self._threads:
            for folder in held:
                self._warm_up(folder)
        self._listener = Listener(address(site.name, settings), self._answer)

    @property
    def provider(self) -> str:
        opened = (s.shared.provider for s in self._sessions.values() if isinstance(s, EncoderSessions))
        return next(opened, "none")

    @property
    def channels(self) -> int:
        """Number of channels that entry processes have open."""
        return self._listener.channels

    def _run(self, key: Key, stacks: Arrays, alone: bool) -> Arrays:
        sessions = self._sessions[key.model, key.part]
        if self._threads is None:
            return sessions.run(stacks, alone)
        return self._threads.submit(sessions.run, stacks, alone).result()  # CUDA keeps buffers per thread

    def _answer(self, ask: Ask) -> Arrays:
        """The answers for a bundle, which is batched with those of other entry processes."""
        self.called = time.monotonic()
        key = Key(*self._graphs[ask.graph], tuple(stack.shape[1:] for stack in ask.stacks))
        if is_encoder(key):
            key = key._replace(bucket=ask.stacks[0].shape[1])
        try:
            return self._scheduler.run(key, ask.stacks, ask.alone)
        except Exception:
            if len(ask.stacks[0]) == 1:  # otherwise the entry tries again, row by row
                logger.exception("a %s row of model %s could not be run", key.part, key.model)
            raise

    def _warm_up(self, folder: ModelFolder) -> None:
        """Run the smallest and the largest batch of every shape on a GPU, to choose kernels and build engines."""
        spec = folder.spec
        shapes: list[tuple[Key, tuple[int, ...], Any]] = []
        if spec.image:
            side = spec.image.preprocess.size
            shapes.append((Key(spec.name, "image", side), (side, side, 3), np.uint8))
        if spec.text:
            shapes += [(Key(spec.name, "text", bucket), (bucket,), np.int64) for bucket in spec.text.buckets]
        for key, shape, dtype in shapes:
            for n in (1, self._limit(key)):
                self._run(key, (np.ones((n, *shape), dtype),), False)

    def run_default(self, stack: Row) -> Row:
        """Raw vectors of a batch that BentoML formed. Texts in it are padded to the longest, and run by length."""
        self.called = time.monotonic()
        modality: Modality = "image" if stack.ndim == 4 else "text"
        sessions = self._sessions[self._encoders[0], modality]
        assert isinstance(sessions, EncoderSessions)
        session = sessions.solo
        if modality == "image":
            return session.run(stack)
        lengths = (stack != PADDING).sum(axis=1)
        buckets = 8 * -(-lengths // 8)
        raw: dict[int, Row] = {}
        for bucket in np.unique(buckets):
            rows = np.flatnonzero(buckets == bucket)
            raw.update(zip(rows.tolist(), session.run(stack[rows, :bucket]), strict=True))
        return np.stack([raw[i] for i in range(len(stack))])

    def close(self) -> None:
        self._listener.close()


def _stop_when_idle(runner: Runner) -> None:
    """Delay the reaction to SIGTERM, which all processes get at once, until the entry's last requests are answered.

    An entry process that is alive has its channels open, or calls over BentoML's proxy.
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


_waits: set[asyncio.Task[None]] = set()  # the event loop keeps no strong reference


def service(settings: Settings, site: RunnerSpec) -> "bentoml.Service[Any]":
    """The BentoML service of one runner process."""

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
