"""Parts in one process: the machine's limits, pixels to vectors, equal vectors in any batch, where time goes."""

import itertools
import os
import platform
import subprocess
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.gpu import folders
from bench.gpu.common import Place, photos, rate, watched
from models.backends import Session, open_session
from models.catalog.spec import Precision
from models.encoders.processors import ImageProcessor
from models.images.decoding import ImageLimits
from models.sessions.gpu import bucket

HALVES: tuple[tuple[Precision, str], ...] = (("bf16", "all"), ("bf16", "products"), ("fp16", "all"), ("fp32", "all"))
LEAST = {"fp32": 0.99999, "fp16": 0.999, "bf16": 0.999}  # cosines of the GPU's vectors with the CPU's in fp32


def machine(place: Place) -> None:
    """The device and its limits: products of matrices in bf16, and copies from pinned memory."""
    found: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "torch": torch.__version__}
    side, size = (256, 2**20) if place.tiny else (8192, 2**30)
    a = torch.randn(side, side, device=place.device, dtype=torch.bfloat16)
    pinned = torch.zeros(size, dtype=torch.uint8, pin_memory=place.on_gpu)
    there = torch.zeros(size, dtype=torch.uint8, device=place.device)
    for name, work, amount in (
        ("bf16_tflops", lambda: a @ a, 2 * side**3 / 1e12),
        ("copy_gb_per_second", lambda: there.copy_(pinned), size / 1e9),
    ):
        for count in (3, 10):
            _settle(place)
            started = time.perf_counter()
            for _ in range(count):
                work()
            _settle(place)
            seconds = (time.perf_counter() - started) / count
        found[name] = round(amount / seconds, 2)
    if place.on_gpu:
        found["gpu"] = torch.cuda.get_device_name(place.device)
        query = [
            "nvidia-smi",
            "--query-gpu=driver_version,clocks.sm,clocks.max.sm,power.limit",
            "--format=csv,noheader",
        ]
        found["nvidia_smi"] = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    place.add("machine", **found)


def _settle(place: Place) -> None:
    if place.on_gpu:
        torch.cuda.synchronize()


def opened(place: Place, name: str, precision: Precision, **options: Any) -> Session:
    """The session of an image tower by the torch backend."""
    made = folders.model(name, place.shapes[name], precision, place.work, place.device)
    return open_session(
        made, "image", home=place.work / "home", backend="torch", device=place.device, torch=options or None
    )


def stack(place: Place, name: str, rows: int) -> NDArray[np.uint8]:
    """Pixels of noise (rows, side, side, 3)."""
    side = place.shapes[name].side
    return np.random.default_rng(rows).integers(0, 256, (rows, side, side, 3), np.uint8)


def pixels(place: Place, name: str, variants: Any = HALVES, **options: Any) -> None:
    """Pixels in memory to vectors in memory, by precision, batch and lanes."""
    for precision, half in variants:
        session = opened(place, name, precision, half=half, **options)
        for rows, lanes in itertools.product(place.pick((64, 256, 512), (4,)), place.pick((1, 2, 4), (1, 2))):
            batch = stack(place, name, rows)
            run = partial(session.run, batch)
            with watched(place) as seen:
                found = rate(run, threads=lanes, each=rows, seconds=place.seconds)
            place.add(
                "compiled pixels" if options.get("compiled") else "pixels",
                model=name,
                precision=precision,
                half=half,
                batch=rows,
                lanes=lanes,
                images_per_second=round(found, 1),
                tflops=round(found * place.shapes[name].flops / 1e12, 2),
                **seen,
            )
        del session
        if place.on_gpu:
            torch.cuda.empty_cache()


def compiled(place: Place) -> None:
    """The same by torch.compile, for the first model."""
    variants = place.pick((("bf16", "products"), ("bf16", "all")), ())
    pixels(place, "clip-b32", variants, compiled=True)


def jpegs(place: Place, name: str = "clip-b32") -> None:
    """JPEG files to vectors in one process: threads that decode as the service does, and one session."""
    session = opened(place, name, "bf16", half="all")
    tower = folders.model(name, place.shapes[name], "bf16", place.work, place.device).spec.image
    assert tower
    processor, files = ImageProcessor(tower), photos()
    rows = place.pick((64,), (4,))[0]
    limits = ImageLimits()

    def work() -> None:
        decoded = [processor.preprocess(data, limits=limits, decode="exact") for data in files[:rows]]
        session.run(np.stack(decoded))

    for threads in place.pick((1, os.cpu_count() or 1, 2 * (os.cpu_count() or 1)), (1, 2)):
        with watched(place) as seen:
            found = rate(work, threads=threads, each=min(rows, len(files)), seconds=3 * place.seconds)
        place.add("jpeg in process", model=name, threads=threads, images_per_second=round(found, 1), **seen)


def agreement(place: Place) -> None:
    """Vectors alone and in batches of other sizes, and those of the CPU in fp32."""
    for name in place.shapes:
        batch = stack(place, name, place.pick((48,), (6,))[0])
        on_cpu = Place("cpu", place.tiny, place.work, place.results)
        wanted = _unit(opened(on_cpu, name, "fp32").run(batch[:6]))
        for precision, half in HALVES:
            session = opened(place, name, precision, half=half)
            together = _unit(session.run(batch))
            alone = _unit(np.concatenate([session.run(row[None]) for row in batch[:6]]))
            parts = np.concatenate([_unit(session.run(batch[i : i + 5])) for i in range(0, len(batch), 5)])
            least = float((together[:6] * wanted).sum(1).min())
            place.add(
                "agreement",
                model=name,
                precision=precision,
                half=half,
                alone=float((alone * together[:6]).sum(1).min()),
                alone_bits=bool((alone == together[:6]).all()),
                other_batches=float((parts * together).sum(1).min()),
                with_cpu=least,
                met=least >= LEAST[precision],
            )


def _unit(raw: NDArray[np.float32]) -> NDArray[np.float64]:
    whole = raw.astype(np.float64)
    return np.asarray(whole / np.linalg.norm(whole, axis=1, keepdims=True))


def where(place: Place, name: str = "clip-b32") -> None:
    """Milliseconds of one batch: decoding one image, stacking, copying to the device and back, and the kernels."""
    rows = bucket(place.pick((256,), (4,))[0])
    session = opened(place, name, "bf16", half="all")
    batch = stack(place, name, rows)
    tower = folders.model(name, place.shapes[name], "bf16", place.work, place.device).spec.image
    assert tower
    processor, files = ImageProcessor(tower), photos()
    found = {"decode_one": _median(lambda: processor.preprocess(files[0], limits=ImageLimits(), decode="exact"))}
    rows_apart = list(batch)
    found["stack"] = _median(lambda: np.stack(rows_apart))
    found["whole"] = _median(lambda: session.run(batch))
    if place.on_gpu:
        forward = session._gpu._forward  # type: ignore[attr-defined]
        pinned = torch.from_numpy(batch).pin_memory()
        there = pinned.to(place.device)
        found["to_pinned"] = _median(lambda: pinned.copy_(torch.from_numpy(batch)))
        found["copy"] = _median(lambda: (there.copy_(pinned, non_blocking=True), torch.cuda.synchronize()))
        raw = forward(there)
        found["kernels_launched_singly"] = _median(lambda: (forward(there), torch.cuda.synchronize()))
        found["copy_back"] = _median(lambda: raw.cpu())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            forward(there)
        found["kernels_as_graph"] = _median(lambda: (graph.replay(), torch.cuda.synchronize()))
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            forward(there)
            torch.cuda.synchronize()
        kernels = sorted(profiled.key_averages(), key=lambda event: -event.self_device_time_total)
        found["kernels"] = {k.key[:60]: round(k.self_device_time_total / 1000, 3) for k in kernels[:8]}  # type: ignore[assignment]
    place.add("where time goes", model=name, batch=rows, milliseconds=found)


def _median(work: Any, times: int = 9) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - started))
    return round(sorted(taken)[times // 2], 4)
