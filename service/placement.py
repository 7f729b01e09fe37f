"""Where encoders run: in this process, or in runner processes of their own. Pipelines see one interface."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from models.catalog import Modality
from models.encoders import processors
from models.encoders.folder import ModelFolder
from models.encoders.onnx import OnnxSession
from models.encoders.processors import Processor
from service.batching import Batcher, Key, Row
from service.errors import Unavailable
from service.settings import CORES, Settings

Float = NDArray[np.float32]
Remote = Callable[[str, NDArray[Any]], Awaitable[Float]]  # (model's name, stack) → raw vectors
logger = logging.getLogger("daguerre.placement")
MODALITIES: tuple[Modality, ...] = ("image", "text")


class Placement(Protocol):
    """What an engine asks of a placement."""

    provider: str

    async def start(self, folders: Sequence[ModelFolder]) -> None:
        """Load the models where they will run."""

    def batcher(self, modality: Modality) -> Batcher:
        """Takes rows of `modality`, of any model."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Sessions:
    """One graph, loaded: for several batches at once, and for one that has the machine to itself."""

    shared: OnnxSession
    solo: OnnxSession

    def run(self, stack: Row, alone: bool) -> Float:
        return (self.solo if alone else self.shared).run(stack)


Loaded = Mapping[tuple[str, Modality], Sessions]


def open_sessions(
    folders: Sequence[ModelFolder], settings: Settings, modalities: Sequence[Modality] = MODALITIES
) -> Loaded:
    """Load the graphs of `modalities` on the settings' device."""
    twice = settings.solo and settings.device == "cpu" and settings.lanes > 1 and settings.threads < CORES

    def load(path: Path) -> Sessions:
        shared = OnnxSession(path, device=settings.device, threads=settings.threads, spinning=settings.spinning)
        return Sessions(shared, OnnxSession(path, threads=CORES, spinning=settings.spinning) if twice else shared)

    return {
        (folder.spec.name, modality): load(folder.path / f"{modality}.onnx")
        for folder in folders
        for modality in modalities
        if modality in folder.spec.modalities
    }


def open_processors(folders: Sequence[ModelFolder]) -> Mapping[tuple[str, Modality], Processor]:
    found: dict[tuple[str, Modality], Processor | None] = {}
    for folder in folders:
        found[folder.spec.name, "image"] = processors.image_processor(folder)
        found[folder.spec.name, "text"] = processors.text_processor(folder)
    return {key: processor for key, processor in found.items() if processor}


def max_batch(settings: Settings, folders: Sequence[ModelFolder]) -> Callable[[Key], int]:
    """The largest batch of a key: what the settings say, or what the model is best with."""
    own = {folder.spec.name: folder.spec.cpu_batch if settings.device == "cpu" else 32 for folder in folders}
    images = {name: settings.max_batch_images or best for name, best in own.items()}
    return lambda key: images[key.model] if key.modality == "image" else settings.max_batch_texts


class Inline:
    """All encoders in this process, one batcher for them all: they share the same cores."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._batcher: Batcher | None = None
        self.provider = "unknown"

    async def start(self, folders: Sequence[ModelFolder]) -> None:
        sessions = await asyncio.to_thread(open_sessions, folders, self._settings)
        collate = open_processors(folders)
        self.provider = next(iter(sessions.values())).shared.provider

        def run(key: Key, rows: Sequence[Row], alone: bool) -> Row:
            where = key.model, key.modality
            return sessions[where].run(collate[where].collate(rows, key.bucket), alone)

        settings = self._settings
        self._batcher = Batcher(
            run, max_batch=max_batch(settings, folders), capacity=settings.queue, lanes=settings.lanes, name="inline"
        )

    def batcher(self, modality: Modality) -> Batcher:
        assert self._batcher, "not started"
        return self._batcher

    def close(self) -> None:
        if self._batcher:
            self._batcher.close()


class Process:
    """Encoders in runner processes. A batcher here bundles what waits into few calls, a lane each.

    Some calls to a runner are always under way: it computes one while others travel, and batches them its own way.
    """

    LANES = 3
    BUNDLE: ClassVar[Mapping[Modality, int]] = {"image": 8, "text": 32}

    def __init__(
        self,
        settings: Settings,
        remotes: Mapping[Modality, Remote],
        *,
        provider: Callable[[], Awaitable[str]],
    ) -> None:
        self._settings = settings
        self._remotes = remotes
        self._ask_provider = provider
        self._batchers: dict[Modality, Batcher] = {}
        self.provider = "unknown"

    async def start(self, folders: Sequence[ModelFolder]) -> None:
        loop = asyncio.get_running_loop()
        collate = open_processors(folders)
        self.provider = await self._ask_provider()

        def run(key: Key, rows: Sequence[Row], alone: bool) -> Row:
            stack = collate[key.model, key.modality].collate(rows, key.bucket)
            return asyncio.run_coroutine_threadsafe(self._call(key, stack), loop).result()

        for modality in MODALITIES:
            self._batchers[modality] = Batcher(
                run,
                max_batch=lambda key: self.BUNDLE[key.modality],
                capacity=self._settings.queue,
                lanes=self.LANES,
                name=f"to-{modality}-runner",
                counts=False,  # the runner does
            )

    async def _call(self, key: Key, stack: Row) -> Row:
        try:
            return await self._remotes[key.modality](key.model, stack)
        except Exception as exc:  # the proxy raises aiohttp's, BentoML's and the system's own
            logger.warning("the %s runner did not answer: %s: %s", key.modality, type(exc).__name__, exc)
            raise Unavailable(f"the {key.modality} runner is away; send the request again", retry_after=2) from exc

    def batcher(self, modality: Modality) -> Batcher:
        return self._batchers[modality]

    def close(self) -> None:
        for batcher in self._batchers.values():
            batcher.close()
