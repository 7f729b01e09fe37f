"""Placement of encoders in this process or in runner processes, behind one interface."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from models.catalog.folder import locate
from models.catalog.spec import Modality
from models.encoders.processors import Processor
from service.inference import switches
from service.inference.batching import Batcher, Key, Row, Run
from service.inference.devices import RunnerSpec, devices, holders
from service.inference.runner.client import RunnerClient
from service.inference.sessions import (
    BUNDLES,
    EncoderSessions,
    Graph,
    Served,
    Sessions,
    bundle,
    is_encoder,
    max_batch,
    one_batch,
    open_processors,
    open_sessions,
    owner,
    stacked,
    unstacked,
)
from service.settings import Settings

logger = logging.getLogger("daguerre.placement")


class Placement(Protocol):
    """The interface that the engine uses."""

    provider: str

    async def start(self, served: Served) -> None:
        """Load the models in the processes that run them."""

    def batcher(self, modality: Modality) -> Batcher:
        """The batcher for rows of `modality`, of any model."""

    def close(self) -> None: ...


def locate_all(settings: Settings) -> Served:
    """The folders of the models and analysers of the settings, which are exported if necessary. Raises ModelsError."""
    return Served([locate(entry, settings.home) for entry in settings.models], switches.permitted(settings))


class Ahead:
    """Models that two steps of a thread locate and open on the CPU, while this process imports other modules.

    ONNX Runtime and the hashes of the files need no interpreter, so that a second core does this meanwhile.
    """

    def __init__(self, settings: Settings) -> None:
        pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._served = pool.submit(locate_all, settings)
        self._sessions = pool.submit(lambda: open_sessions(self.served(), settings, "cpu"))
        pool.shutdown(wait=False)

    def served(self) -> Served:
        """The folders, once they are located. Raises as `locate_all` does."""
        return self._served.result()

    def sessions(self) -> Mapping[Graph, Sessions]:
        """The sessions, once they are open. Raises as `open_sessions` does."""
        return self._sessions.result()


class Inline:
    """All encoders in this process with one batcher, since they share the same cores."""

    def __init__(self, settings: Settings, ahead: "Ahead | None" = None) -> None:
        self._settings = settings
        self._ahead = ahead
        self._batcher: Batcher | None = None
        self.provider = "unknown"

    async def start(self, served: Served) -> None:
        settings = self._settings
        (device,) = devices(settings)
        holders(settings, [device], served.models)
        opening = self._ahead.sessions if self._ahead else partial(open_sessions, served, settings, device)
        self._ahead = None
        sessions = await asyncio.to_thread(opening)
        processors = open_processors(served.models)
        self.provider = next(s.shared.provider for s in sessions.values() if isinstance(s, EncoderSessions))

        def run(key: Key, rows: Sequence[Row], alone: bool) -> Sequence[Row]:
            return unstacked(key, sessions[key.model, key.part].run(stacked(processors, key, rows), alone))

        self._batcher = Batcher(
            run,
            max_batch=max_batch(settings, device, served),
            capacity=settings.queue,
            lanes=settings.lanes_on(device),
            name="inline",
            one_batch=one_batch(served),
        )

    def batcher(self, modality: Modality) -> Batcher:
        assert self._batcher, "not started"
        return self._batcher

    def close(self) -> None:
        if self._batcher:
            self._batcher.close()


@dataclass(frozen=True)
class RunnerHandle:
    """A runner and the means to connect to it."""

    site: RunnerSpec
    provider: Callable[[], Awaitable[str]]  # returns when the runner has loaded its models
    link: Callable[[Served, Callable[[Key], int], int], RunnerClient]  # (models and analysers, max_batch, lanes) → link


class Process:
    """Encoders in runner processes. A batcher forms batches; each lane sends its batch to a runner and waits.

    On a CPU there are as many lanes as the runner has, and batches are the same as with `inline`. On a GPU there is one
    lane more, so that the next batch is already at the runner when one ends. A runner that several entry workers share
    merges small batches (service/inference/runner/scheduler.py).
    """

    def __init__(self, settings: Settings, runners: Sequence[RunnerHandle]) -> None:
        self._settings = settings
        self._runners = runners
        self._links: list[RunnerClient] = []
        self._batchers: dict[Modality, Batcher] = {}
        self.provider = "unknown"

    async def start(self, served: Served) -> None:
        settings = self._settings
        processors = open_processors(served.models)
        self.provider = (await asyncio.gather(*(runner.provider() for runner in self._runners)))[0]
        for modalities in dict.fromkeys(runner.site.modalities for runner in self._runners):
            alike = [runner for runner in self._runners if runner.site.modalities == modalities]
            device = alike[0].site.device
            limit = max_batch(settings, device, served)
            lanes = settings.lanes_on(device) + (device != "cpu")
            if settings.runner_batching == "bentoml":
                limit, lanes = _bundles(limit), BUNDLES
            held = holders(settings, [runner.site.device for runner in alike], served.models)
            links = [runner.link(served, limit, lanes) for runner in alike]
            everywhere = {owner(folder.spec) for folder in served.analysers}
            batcher = Batcher(
                [_through(link, processors) for link in links],
                max_batch=limit,
                capacity=settings.queue,
                lanes=lanes,
                name=f"to-{'-'.join(modalities)}",
                counts=False,  # the runner counts them
                one_batch=one_batch(served),
                serves=_serving(links, [everywhere | {n for n in held if r.site.device in held[n]} for r in alike]),
            )
            for link in links:
                link.back = batcher.look_again
            self._links += links
            self._batchers |= dict.fromkeys(modalities, batcher)

    def batcher(self, modality: Modality) -> Batcher:
        return self._batchers[modality]

    def close(self) -> None:
        for batcher in dict.fromkeys(self._batchers.values()):
            batcher.close()
        for link in self._links:
            link.close()


def _bundles(limit: Callable[[Key], int]) -> Callable[[Key], int]:
    return lambda key: bundle(key) if is_encoder(key) else limit(key)


def _through(link: RunnerClient, processors: Mapping[Graph, Processor]) -> Run:
    return lambda key, rows, alone: link.run(key, rows, alone, processors)


def _serving(links: Sequence[RunnerClient], held: Sequence[set[str]]) -> Callable[[int, Key], bool]:
    """Whether a runner serves a key.

    It serves the models that it holds. One that does not respond serves only models that no responding runner holds,
    so that their rows fail with an explanation.
    """

    def serves(index: int, key: Key) -> bool:
        if key.model not in held[index]:
            return False
        return links[index].up or not any(
            link.up and key.model in models for link, models in zip(links, held, strict=True)
        )

    return serves if len(links) > 1 else lambda index, key: True
