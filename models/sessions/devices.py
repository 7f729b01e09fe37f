"""Devices by name: which there are, and what ONNX Runtime is told of them.

onnxruntime-gpu lists CUDA as available on machines without a GPU, and a session that cannot have it falls back to the
CPU with a line in a log: so every device is tried, and what was given is compared with what was asked for.
"""

import contextlib
import ctypes
import functools
import hashlib
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime as ort

from models.errors import ModelUnavailable

logger = logging.getLogger("daguerre.devices")
PATIENCE = 180  # seconds to try a device; TensorRT takes many to begin
_ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"(cuda|tensorrt)(?::(0|[1-9][0-9]?))?", re.ASCII)
_CUDA, _TENSORRT, _CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
_ALLOWED = "auto, cpu, cuda:0, cuda:1, …, several as cuda:0,cuda:1, or tensorrt:0"
_GIST = re.compile(r"with error: ([^\n\x1b]+)|((?:CUDA|CUBLAS|CUDNN) failure \d+: [^;\n]+)")


def resolve(setting: str) -> tuple[str, ...]:
    """The devices that `setting` names: ("cpu",), or GPUs in order, as "cuda:0" or "tensorrt:0".

    "auto" is every GPU on which a session can be opened, else the CPU.

    Raises
    ------
    ModelUnavailable : not a device, twice the same, the CPU beside a GPU, a GPU that cannot be used.
    """
    if setting == "auto":
        found = tuple(_usable(f"cuda:{i}" for i in range(gpus()))) or ("cpu",)
        logger.info("device: auto is %s", ", ".join(found))
        return found
    names = tuple(_normal(part.strip()) for part in setting.split(","))
    if len(set(names)) < len(names):
        raise ModelUnavailable(f"device: {setting!r} names one device twice; name each once")
    if len(names) > 1 and "cpu" in names:
        raise ModelUnavailable(f"device: {setting!r} has the CPU beside a GPU; name one or the other")
    works = {"cpu", *_usable(name for name in names if name != "cpu")}
    for name in names:
        if name not in works:
            raise _absent(name)
    return names


def device_unavailable(device: str, got: str, why: str = "") -> ModelUnavailable:
    """The error that `device` was asked for and another one was given."""
    return ModelUnavailable(
        f"device: {device} was asked for, ONNX Runtime gave {got}{f' ({why})' if why else ''}; install its CUDA "
        "libraries (pip install 'onnxruntime-gpu[cuda,cudnn]'), and for tensorrt TensorRT's, or set "
        "DAGUERRE_DEVICE=cpu"
    )


def _absent(device: str) -> ModelUnavailable:
    there = gpus()
    if 0 < there <= _index(device):
        return ModelUnavailable(
            f"device: {device} was asked for, and the last GPU here is number {there - 1} (CUDA_VISIBLE_DEVICES "
            "counts); name one that is there, or set DAGUERRE_DEVICE=cpu"
        )
    return device_unavailable(device, _CPU, probe_error(device))


def gpus() -> int:
    """GPUs that CUDA's driver sees, after CUDA_VISIBLE_DEVICES; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        proc = Path("/proc/driver/nvidia/gpus")  # the driver's library may not be in a container's path
        return sum(1 for _ in proc.iterdir()) if proc.is_dir() else 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _usable(names: Iterable[str]) -> list[str]:
    """Those of `names` that can be used, in order, several tried at once."""
    names = list(names)
    if not names:
        return []
    with ThreadPoolExecutor(min(len(names), 4)) as pool:  # each attempt loads CUDA's libraries
        return [name for name, works in zip(names, pool.map(usable, names), strict=True) if works]


@functools.cache
def usable(device: str) -> bool:
    """Whether a session opens and runs on `device`."""
    why = probe_error(device)
    if why:
        logger.info("device: %s cannot be used: %s", device, why)
    return not why


@functools.cache
def probe_error(device: str) -> str:
    """Why no session opens and runs on the GPU `device`; "" where one does.

    Tried in a process of its own (models/sessions/device_probe.py): one that has opened a session keeps hundreds of MB
    of that GPU until it ends, and those who ask are entries too, which compute nothing.
    """
    if _index(device) >= gpus():
        return "there is no such GPU"
    command = [sys.executable, "-m", "models.sessions.device_probe", device]
    try:
        tried = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE} s"
    if tried.returncode == 0:
        return ""
    if gist := _GIST.search(tried.stderr + tried.stdout):
        return (gist[1] or gist[2]).strip()
    return (tried.stdout.strip().splitlines() or [f"the attempt ended with status {tried.returncode}"])[-1][-300:]


def prepare(device: str) -> None:
    """What a process needs before it opens a session on `device`."""
    if device == "cpu":
        return
    if device.startswith("tensorrt"):
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # TensorRT's provider has no option for it, and fp32 is fp32
    _load_libraries()


@functools.cache
def _load_libraries() -> None:
    """Load CUDA and cuDNN from where pip puts them: ONNX Runtime's provider does not look there by itself."""
    load = getattr(ort, "preload_dlls", None)  # since 1.21
    if load is None:
        return
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # it prints
        load()
    for line in said.getvalue().splitlines():
        logger.debug("device: %s", line)


def providers(
    device: str, *, memory_limit: int | None = None, engine_cache: Path | None = None, half: bool = False
) -> tuple[str, list[Any]]:
    """The execution provider of `device`, and the list that a session is given.

    Parameters
    ----------
    memory_limit : bytes of the GPU's memory that a session's arena may take.
    engine_cache : a folder where TensorRT keeps the engines that take it minutes to build: see `engines`.
    half : whether the graph is in fp16: TensorRT may then compute in it, and only then.
    """
    if device == "cpu":
        return _CPU, [_CPU]
    name = _normal(device)
    cuda: dict[str, Any] = {
        "device_id": _index(name),
        "arena_extend_strategy": "kSameAsRequested",  # doubling would take what other models need
        "cudnn_conv_algo_search": "HEURISTIC",  # by timing, it would be another one at each start
        "use_tf32": "0",  # fp32 is fp32
    }
    if memory_limit is not None:
        cuda["gpu_mem_limit"] = memory_limit
    chosen: list[Any] = [(_CUDA, cuda), _CPU]
    if name.startswith("cuda"):
        return _CUDA, chosen
    tensorrt: dict[str, Any] = {
        "device_id": _index(name),
        "trt_fp16_enable": half,
        "trt_layer_norm_fp32_fallback": half,  # as in the graph: norms in single precision
    }
    if engine_cache is not None:
        engine_cache.mkdir(parents=True, exist_ok=True)
        tensorrt |= {
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(engine_cache),
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": str(engine_cache),
        }
    return _TENSORRT, [(_TENSORRT, tensorrt), *chosen]


def engine_folder(cache: Path, graph: Path, device: str) -> Path:
    """The folder in `cache` for the engines of the file `graph` on `device`.

    ONNX Runtime names an engine after the names in its graph, not after the weights: in a folder that two models share,
    one of the same architecture as another would be answered by the other's engine. Each device has its own, since
    two processes would write the same file.
    """
    digest = hashlib.sha256()
    for file in sorted(graph.parent.glob(f"{graph.name}*")):  # large weights lie in a file beside the graph
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return cache / f"{digest.hexdigest()[:16]}-{device.replace(':', '-')}"


def _normal(name: str) -> str:
    """ "cuda" is "cuda:0". Raises ModelUnavailable for what is no device."""
    if name == "cpu":
        return name
    match = _NAMED.fullmatch(name)
    if match is None:
        raise ModelUnavailable(f"device: {name!r} is not one of {_ALLOWED}")
    return f"{match[1]}:{match[2] or 0}"


def _index(name: str) -> int:
    return int(name.partition(":")[2] or 0)
