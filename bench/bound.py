"""The in-process bound: what ONNX Runtime does on these cores with no service around it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.catalog.folder import open_folder
from models.encoders.processors import ImageProcessor
from models.images.decoding import ImageLimits
from models.sessions.onnx import OnnxSession

Pixels = NDArray[np.uint8]
MAX_BATCH = 32
PASSES = 2  # over all configurations: what disturbs one only ever slows it, so the faster time counts


@dataclass(frozen=True)
class Config:
    """Configuration of calls of the graph."""

    batch: int
    threads: int  # intra-op, of ONNX Runtime
    callers: int  # threads that call `run` at the same time
    spinning: bool = False
    decoders: int = 0  # threads that decode ahead of the callers; 0: each caller decodes for itself


@dataclass(frozen=True)
class Speed:
    images_per_second: float
    cpu_per_image: float  # seconds of all threads, spinning included


class Bound:
    """Measures one model folder in this process.

    Parameters
    ----------
    folder : of the model.
    photos : JPEG files.
    cores : that this process may use.
    """

    def __init__(self, folder: str, photos: Sequence[bytes], cores: int) -> None:
        opened = open_folder(Path(folder))
        assert opened.spec.image is not None
        self._graph = opened.path / "image.onnx"
        self._processor = ImageProcessor(opened.spec.image)
        self._limits = ImageLimits()
        self._photos = photos
        self._cores = cores
        decoded = [self._decode(i) for i in range(len(photos))]
        self._stack = np.stack([decoded[i % len(decoded)] for i in range(MAX_BATCH)])  # (32, size, size, 3)
        self._sessions: dict[tuple[int, bool], OnnxSession] = {}

    def calibrate(self, *, batches: Sequence[int], seconds: float) -> dict[str, list[tuple[Config, float]]]:
        """Every configuration for a moment, best first, with its images/s."""
        alone = [(threads, self._cores // threads) for threads in sorted({1, 2, self._cores}) if threads <= self._cores]
        settings = [(threads, callers, spin) for threads, callers in alone for spin in {False, threads > 1}]
        bare = [Config(batch, *setting) for setting in settings for batch in batches]
        decoding = [Config(batch, 1, self._cores) for batch in batches]
        decoding += [Config(b, t, c, decoders=self._cores) for t, c in alone for b in batches if b > 1]
        single = [Config(1, threads, 1, spin) for threads, _, spin in settings]
        ranked: dict[str, list[tuple[Config, float]]] = {}
        for kind, configs, measure in (
            ("encode", bare, lambda c: self.encode(config=c, seconds=seconds).images_per_second),
            ("decode_encode", decoding, lambda c: self.decode_encode(config=c, seconds=seconds).images_per_second),
            ("single", single, lambda c: 1 / float(np.median(self.single(config=c, seconds=seconds)))),
        ):
            best = dict.fromkeys(configs, 0.0)
            for _ in range(PASSES):
                for config in configs:
                    best[config] = max(best[config], measure(config))
            ranked[kind] = sorted(best.items(), key=lambda pair: -pair[1])
        return ranked

    def encode(self, *, config: Config, seconds: float) -> Speed:
        """The speed of the graph alone, pixels given."""
        session, stack = self._session(config), self._stack[: config.batch]

        def call() -> int:
            session.run(stack)
            return config.batch

        return _together([call] * config.callers, seconds)

    def decode_encode(self, *, config: Config, seconds: float) -> Speed:
        """The speed from JPEG files to vectors."""
        session = self._session(config)
        if not config.decoders:

            def call() -> int:
                session.run(np.stack([self._decode(i) for i in range(config.batch)]))
                return config.batch

            return _together([call] * config.callers, seconds)

        with ThreadPoolExecutor(config.decoders) as decoders:

            def caller() -> Callable[[], int]:
                ahead: deque[Future[Pixels]] = deque()

                def fed() -> int:
                    while len(ahead) < 2 * config.batch:
                        ahead.append(decoders.submit(self._decode, len(ahead)))
                    session.run(np.stack([ahead.popleft().result() for _ in range(config.batch)]))
                    return config.batch

                return fed

            return _together([caller() for _ in range(config.callers)], seconds)

    def single(self, *, config: Config, seconds: float) -> list[float]:
        """Seconds of decoding one image and running it, one after the other, again and again."""
        session = self._session(config)
        session.run(self._stack[:1])
        taken = []
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            session.run(self._decode(len(taken))[None])
            taken.append(time.perf_counter() - started)
        return taken

    def _decode(self, index: int) -> Pixels:
        data = self._photos[index % len(self._photos)]
        return self._processor.preprocess(data, limits=self._limits, decode="exact")

    def _session(self, config: Config) -> OnnxSession:
        key = config.threads, config.spinning
        if key not in self._sessions:
            self._sessions[key] = OnnxSession(self._graph, threads=config.threads, spinning=config.spinning)
        return self._sessions[key]


def _together(calls: Sequence[Callable[[], int]], seconds: float) -> Speed:
    """The speed of `calls`, a thread each, once every thread is warm. Each rate ends with its own last call."""
    images, cpu = 0, 0.0
    rates: list[float] = [0.0] * len(calls)
    ready = threading.Barrier(len(calls))
    failures: list[Exception] = []

    def work(index: int) -> None:
        nonlocal images, cpu
        try:
            calls[index]()  # warm
            if ready.wait(60) == 0:
                cpu = time.process_time()
            done, started = 0, time.perf_counter()
            until = started + seconds
            while time.perf_counter() < until or not done:
                done += calls[index]()
            rates[index] = done / (time.perf_counter() - started)
            images += done
        except Exception as exc:
            ready.abort()
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Speed(sum(rates), (time.process_time() - cpu) / images)
