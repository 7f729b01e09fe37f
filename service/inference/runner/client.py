"""Clients of a runner: over shared memory, or over BentoML's proxy if BentoML forms the batches."""

import asyncio
import json
import logging
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import numpy as np

from models.encoders.processors import Processor
from service.errors import Unavailable
from service.inference.batching import Key, Row
from service.inference.devices import RunnerSpec
from service.inference.runner.ipc import AXES, VECTOR, Channel, Layout, layout_of
from service.inference.sessions import Graph, Served, is_encoder, owner, stacked, unstacked
from service.settings import Settings

logger = logging.getLogger("daguerre.links")
LOOK = 0.25  # seconds between two attempts to reach a runner again


class RunnerClient(Protocol):
    """The interface of a runner for the lanes of a batcher."""

    up: bool  # whether it responded last time
    back: Callable[[], None]  # called when it responds again

    def run(self, key: Key, rows: Sequence[Row], alone: bool, processors: Mapping[Graph, Processor]) -> Sequence[Row]:
        """An answer for each row. Blocks the lane's thread. Raises Unavailable if the runner does not respond."""

    def close(self) -> None: ...


def address(service: str, settings: Settings) -> Path:
    """The path of the socket of the runner `service`: next to BentoML's socket, in a folder that BentoML removes."""
    urls: dict[str, str] = json.loads(os.environ.get("BENTOML_RUNNER_MAP", "{}"))
    url = urlsplit(urls.get(service, ""))
    if url.scheme == "file":
        return Path(unquote(url.path)).with_suffix(".rows")
    folder = settings.home / "bentoml"  # BentoML uses TCP: WSL, or BENTOML_NO_UDS
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{service}-{settings.port}.rows"


class SharedMemoryClient:
    """Channels to one runner, opened on demand. The most recently used one is reused first, while it is in the cache.

    Parameters
    ----------
    site : the runner.
    served : all models and analysers; a channel sends the positions of their graphs.
    max_batch : maximum number of rows in a bundle of a key.
    lanes : maximum number of channels in use at once.
    """

    def __init__(
        self,
        site: RunnerSpec,
        settings: Settings,
        served: Served,
        *,
        max_batch: Callable[[Key], int],
        lanes: int,
    ) -> None:
        self.up = True
        self.back: Callable[[], None] = lambda: None
        self._name = site.name
        self._path = address(site.name, settings)
        self._places = {graph: place for place, graph in enumerate(served.graphs())}
        self._sizes = _sizes(served, site, max_batch)
        self._channels: queue.LifoQueue[Channel | None] = queue.LifoQueue()
        for _ in range(lanes):
            self._channels.put(None)
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def run(self, key: Key, rows: Sequence[Row], alone: bool, processors: Mapping[Graph, Processor]) -> Sequence[Row]:
        """An answer for each row. Raises RunFailed if a row is the cause of a failure, and Unavailable."""
        channel = self._channels.get()
        try:
            if channel:
                try:
                    return self._run_on(channel, key, rows, alone, processors)
                except OSError:  # the runner has ended; it may have been restarted
                    channel.close()
                    channel = None
            channel = Channel(self._path, **self._sizes)
            return self._run_on(channel, key, rows, alone, processors)
        except OSError as exc:
            if channel:
                channel.close()
                channel = None
            self._gone(exc)
            raise Unavailable(
                f"the {self._name} runner does not respond; send the request again", retry_after=2
            ) from exc
        finally:
            self._channels.put(channel)

    def _run_on(
        self,
        channel: Channel,
        key: Key,
        rows: Sequence[Row],
        alone: bool,
        processors: Mapping[Graph, Processor],
    ) -> Sequence[Row]:
        layout: Layout
        if key.part == "text":
            stacks = stacked(processors, key, rows)
            layout = layout_of(stacks)
            for place, stack in zip(channel.rows(layout), stacks, strict=True):
                place[...] = stack
        else:  # written once, into the arena
            inputs = [rows] if is_encoder(key) else list(zip(*rows, strict=True))
            layout = [((len(rows), *arrays[0].shape), arrays[0].dtype) for arrays in inputs]
            assert all(len(shape) <= AXES for shape, _ in layout)
            for place, arrays in zip(channel.rows(layout), inputs, strict=True):
                np.stack(arrays, out=place)
        return unstacked(key, channel.run(self._places[key.model, key.part], layout, alone))

    def close(self) -> None:
        """Close the channels, which no lane may use any more."""
        self._closed.set()
        while not self._channels.empty():
            if channel := self._channels.get():
                channel.close()

    def _gone(self, exc: OSError) -> None:
        with self._lock:
            if self.up and not self._closed.is_set():
                self.up = False
                logger.warning("the runner %s does not respond: %s: %s", self._name, type(exc).__name__, exc)
                threading.Thread(target=self._look, name=f"look-for-{self._name}", daemon=True).start()

    def _look(self) -> None:
        """Wait until the runner listens again."""
        while not self._closed.wait(LOOK):
            try:
                Channel(self._path, rows=1, answers=1).close()
            except OSError:
                continue
            self.up = True
            logger.info("the runner %s responds again", self._name)
            self.back()
            return


def _sizes(served: Served, site: RunnerSpec, max_batch: Callable[[Key], int]) -> Mapping[str, int]:
    """Bytes of the largest bundle, and of its answers."""
    sizes = [(1, 1, 1)]  # rows of a bundle, bytes of a row, bytes of its answer
    for spec in (folder.spec for folder in served.models):
        if spec.image and "image" in site.modalities:
            side = spec.image.preprocess.size
            sizes.append((max_batch(Key(spec.name, "image", side)), 3 * side * side, VECTOR))
        if spec.text and "text" in site.modalities:
            bucket = max(spec.text.buckets)
            sizes.append((max_batch(Key(spec.name, "text", bucket)), 8 * bucket, VECTOR))
            sizes.append((max_batch(Key(spec.name, "text", min(spec.text.buckets))), 1, VECTOR))
    if "image" in site.modalities:
        for folder in served.analysers:
            for name, part in folder.spec.parts.items():
                sizes.append((max_batch(Key(owner(folder.spec), name, ())), part.row_bytes, part.answer_bytes))
    return {
        "rows": max(rows * row for rows, row, _ in sizes),
        "answers": max(rows * answer for rows, _, answer in sizes),
    }


class BentoClient:
    """A runner behind BentoML's proxy, which sends pickled arrays over HTTP and forms batches.

    Rows of analysers, which have several arrays, go over `analysers`.
    """

    def __init__(self, name: str, call: Callable[[str, Row], Awaitable[Any]], analysers: SharedMemoryClient) -> None:
        self._analysers = analysers
        self.up = True
        self.back: Callable[[], None] = lambda: None
        self._name = name
        self._call = call
        self._loop = asyncio.get_running_loop()

    def run(self, key: Key, rows: Sequence[Row], alone: bool, processors: Mapping[Graph, Processor]) -> Sequence[Row]:
        if not is_encoder(key):
            return self._analysers.run(key, rows, alone, processors)
        (stack,) = stacked(processors, key, rows)
        answer = asyncio.run_coroutine_threadsafe(self._ask(key, stack), self._loop)
        return answer.result()

    async def _ask(self, key: Key, stack: Row) -> Sequence[Row]:
        try:
            return list(np.asarray(await self._call(f"run_default_{key.part}", stack)))
        except Exception as exc:  # the proxy raises errors of aiohttp, of BentoML and OSError
            logger.warning("the runner %s did not answer: %s: %s", self._name, type(exc).__name__, exc)
            raise Unavailable(
                f"the {self._name} runner does not respond; send the request again", retry_after=2
            ) from exc

    def close(self) -> None:
        self._analysers.close()
