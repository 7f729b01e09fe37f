"""Graphs as ONNX Runtime keeps them in memory: optimised, with weights in the order that its kernels read.

They are files that a session maps: the sessions of a graph, and all processes of a machine, share one copy of its
weights, and a session opens in a quarter of the time. The vectors are the same bit for bit. Such a file fits one
version of ONNX Runtime and one kind of processor, which are part of its name; it is made once, in a process of its own.
Its bytes are compared with their sums whenever it is opened, as those of models are.
"""

import functools
import hashlib
import json
import logging
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from filelock import FileLock

from models.disk import sha256, sync_file
from models.lifetime import run_module

logger = logging.getLogger("daguerre.packed")
SMALLEST = 2**25  # bytes of a graph; smaller ones open quickly, and two copies of them are no matter
GRAPH, WEIGHTS, REFUSED, SUMS = "graph.onnx", "weights.bin", "refused.txt", "sha256.json"


def packed_graph(graph: Path, cache: Path) -> Path | None:
    """The packed form of `graph` in the folder `cache`, made first if necessary.

    None where the graph is small, cannot be packed, or cannot be written: then it is to be opened as it is.
    """
    files = sorted(graph.parent.glob(f"{graph.name}*"))  # large weights are in a file beside the graph
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    if sum(size for _, size, _ in states) < SMALLEST:
        return None
    prefix = f"{graph.parent.name}-{graph.stem}-{_digest(processor())}"
    final = cache / f"{prefix}-{_digest(states, ort.__version__)}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{prefix}.lock"):
            if final.exists() and not _is_whole(final):
                logger.warning("%s is made again, since its files have changed", final)
                shutil.rmtree(final, ignore_errors=True)
                if final.exists():
                    raise OSError(f"{final.name} cannot be removed")
            if not final.exists():
                for unfinished in cache.glob(f".{prefix}-*"):  # of a process that was killed
                    shutil.rmtree(unfinished, ignore_errors=True)
                _make(graph, final)
                for older in cache.glob(f"{prefix}-*"):
                    if older != final:
                        shutil.rmtree(older, ignore_errors=True)  # a process that has mapped it keeps it
    except OSError as exc:
        logger.warning("%s is opened without a packed form: %s", graph.name, exc)
        return None
    return final / GRAPH if (final / GRAPH).exists() else None


def _make(graph: Path, final: Path) -> None:
    """Make the folder `final` in another process, whose memory is free again. Raises OSError where that fails."""
    staging = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        made = run_module("models.sessions.packed", str(graph), str(staging))
        if made.returncode:
            reason = (made.stderr.strip().splitlines() or [f"status {made.returncode}"])[-1]
            raise OSError(f"packing failed: {reason}")
        sums = {file.name: sha256(file) for file in staging.iterdir()}
        (staging / SUMS).write_text(json.dumps(sums))
        for file in staging.iterdir():
            sync_file(file)
        staging.rename(final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    try:
        sums = json.loads((folder / SUMS).read_text())
        return set(sums) in ({GRAPH, WEIGHTS}, {GRAPH}, {REFUSED}) and all(
            sha256(folder / name) == digest for name, digest in sums.items()
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return False


@functools.cache
def processor() -> str:
    """The kind of this processor, by which ONNX Runtime chooses its kernels."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    told = {line for line in lines if line.partition("\t")[0] in ("model name", "flags", "Features", "CPU part")}
    return "\n".join([platform.machine(), platform.processor(), *sorted(told)])


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:12]


def _options(**entries: str) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    for name, value in entries.items():
        options.add_session_config_entry(f"session.{name}", value)
    return options


def pack(graph: Path, folder: Path) -> None:
    """Write the packed form of `graph` into `folder`, or that its vectors would be others.

    Raises the errors of ONNX Runtime, which may be of a full disk or of too little memory: it is tried again later.
    """
    options = _options(
        optimized_model_external_initializers_file_name=WEIGHTS,
        optimized_model_external_initializers_min_size_in_bytes="1024",
        save_external_prepacked_constant_initializers="1",
    )
    options.optimized_model_filepath = str(folder / GRAPH)
    plain = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    mapped_options = _options()
    mapped_options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    mapped = ort.InferenceSession(str(folder / GRAPH), mapped_options, providers=["CPUExecutionProvider"])
    inputs = {each.name: _sample(each.shape, each.type) for each in plain.get_inputs()}
    expected, got = plain.run(None, inputs), mapped.run(None, inputs)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(expected, got, strict=True)):
        for file in folder.iterdir():
            file.unlink()
        (folder / REFUSED).write_text("other vectors than those of the graph")


def open_packed(packed: Path, options: Any) -> Any:
    """A session of a packed graph; None where it cannot be opened."""
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # it is optimised already
    try:
        return ort.InferenceSession(str(packed), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # ONNX Runtime raises its own bare classes
        logger.warning("%s cannot be opened, and its graph is: %s", packed.parent, " ".join(str(exc).split()))
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        return None


def _sample(shape: list[Any], kind: str) -> Any:
    """Two rows of an input: noise for pixels, 1 for tokens and masks."""
    sizes = [size if isinstance(size, int) else 2 for size in shape]
    if kind == "tensor(int64)":
        return np.ones(sizes, np.int64)
    noise = np.random.default_rng(0).integers(0, 256, sizes)
    return noise.astype(np.uint8 if kind == "tensor(uint8)" else np.float32)


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
