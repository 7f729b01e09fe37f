"""Shared by the parts of the GPU's benchmark: surroundings, results as lines of JSON, pictures, and the GPU's load."""

import contextlib
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench.gpu.folders import FULL, TINY, Architecture
from models.sources.oracle import PICTURES

COUNT, SIDES, QUALITY = 32, (640, 480), 90  # JPEG files of about 100 kB


@dataclass(frozen=True)
class Place:
    """Where and on what a part runs.

    Attributes
    ----------
    seconds : of each single measurement.
    """

    device: str
    tiny: bool
    work: Path
    results: Path

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def seconds(self) -> float:
        return 0.15 if self.tiny else 0.8

    @property
    def shapes(self) -> Mapping[str, Architecture]:
        return TINY if self.tiny else FULL

    def pick(self, full: Sequence[Any], tiny: Sequence[Any]) -> Sequence[Any]:
        """The values to try."""
        return tiny if self.tiny else full

    def add(self, part: str, **result: Any) -> None:
        """Append a result, at once on disk."""
        line = {"part": part, "device": self.device, "load": round(os.getloadavg()[0], 2), **result}
        with self.results.open("a") as out:
            out.write(json.dumps(line) + "\n")
            out.flush()
            os.fsync(out.fileno())
        print(json.dumps(line), flush=True)


def photos() -> list[bytes]:
    """Distinct JPEG files of 640 x 480, crops of the photos that the import uses."""
    made = []
    sources = [Image.open(path).convert("RGB") for path in sorted(PICTURES.glob("*.jpg"))]
    for number in range(COUNT):
        image = sources[number % len(sources)]
        share = 0.98 - 0.02 * (number // len(sources))
        width, height = int(image.width * share), int(image.height * share)
        resized = image.crop((image.width - width, image.height - height, image.width, image.height)).resize(SIDES)
        out = io.BytesIO()
        resized.save(out, "JPEG", quality=QUALITY, subsampling="4:2:0")
        made.append(out.getvalue())
    return made


@contextlib.contextmanager
def watched(place: Place) -> Iterator[dict[str, Any]]:
    """Sample the GPU's utilisation (per cent of the time in which a kernel ran) and memory, as NVML has them."""
    found: dict[str, Any] = {}
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(place.device.partition(":")[2] or 0))
    except Exception:  # no driver, or a package of the same name
        yield found
        return
    busy: list[int] = []
    jpeg: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(Exception):
                busy.append(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            with contextlib.suppress(Exception):  # since R520
                jpeg.append(pynvml.nvmlDeviceGetJpgUtilization(handle)[0])

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(Exception):
            found["gpu_memory_mb"] = round(pynvml.nvmlDeviceGetMemoryInfo(handle).used / 1e6)
        if busy:
            found["gpu_busy_percent"] = round(sum(busy) / len(busy))
        if jpeg:
            found["jpeg_engine_percent"] = round(sum(jpeg) / len(jpeg))


def rate(work: Callable[[], object], *, threads: int, each: int, seconds: float) -> float:
    """Images per second of `work()`, which handles `each` images, called by several threads at once.

    Every thread calls it once before the time begins: it has buffers and CUDA graphs of its own.
    """
    done = [0] * threads
    failed: list[BaseException] = []
    ready = threading.Barrier(threads + 1)
    end = 0.0

    def run(number: int) -> None:
        try:
            work()
            ready.wait()
            while time.perf_counter() < end or not done[number]:
                work()
                done[number] += each
        except BaseException as exc:
            failed.append(exc)
            ready.abort()

    started = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    begin = time.perf_counter()
    with contextlib.suppress(threading.BrokenBarrierError):
        end = float("inf")
        ready.wait()
        begin = time.perf_counter()
        end = begin + seconds
    for thread in started:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - begin)
