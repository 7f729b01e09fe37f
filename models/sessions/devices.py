"""Devices by name: detection, and the configuration of ONNX Runtime's execution providers.

onnxruntime-gpu lists CUDA as available on machines without a GPU, and a session falls back to the CPU with no more
than a log line. Every device is therefore tested, and the provider of a session is compared with the requested one.
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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime as ort

from models.disk import sha256
from models.errors import ModelUnavailable
from models.lifetime import run_module

logger = logging.getLogger("daguerre.devices")
PATIENCE = 180  # seconds for the test of a device; TensorRT starts slowly
_ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"(cuda|tensorrt)(?::(0|[1-9][0-9]?))?", re.ASCII)
_CUDA, _TENSORRT, _CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
_ALLOWED = "auto, cpu, cuda:0, cuda:1, …, several as cuda:0,cuda:1, or tensorrt:0"
_GIST = re.compile(r"with error: ([^\n\x1b]+)|((?:CUDA|CUBLAS|CUDNN) failure \d+: [^;\n]+)")


def resolve(setting: str, backend: str = "onnx") -> tuple[str, ...]:
    """Resolve `setting` to devices: ("cpu",), or GPUs in order, as "cuda:0" or "tensorrt:0".

    "auto" means every GPU that the backend, "onnx" or "torch", can use, or else the CPU.

    Raises
    ------
    ModelUnavailable : not a device, the same device twice, the CPU beside a GPU, or a GPU that cannot be used.
    """
    if setting == "auto":
        detected = tuple(_usable((f"cuda:{i}" for i in range(gpus())), backend)) or ("cpu",)
        logger.info("device: auto is %s", ", ".join(detected))
        return detected
    names = tuple(_normal(part.strip()) for part in setting.split(","))
    if len(set(names)) < len(names):
        raise ModelUnavailable(f"device: {setting!r} names one device twice; name each once")
    if len(names) > 1 and "cpu" in names:
        raise ModelUnavailable(f"device: {setting!r} has the CPU beside a GPU; name one or the other")
    if backend == "torch" and (engines := [name for name in names if name.startswith("tensorrt")]):
        raise ModelUnavailable(
            f"device: {engines[0]} is ONNX Runtime's, and the backend is torch; name cuda:{gpu_index(engines[0])}, or "
            "set DAGUERRE_BACKEND=onnx"
        )
    works = {"cpu", *_usable((name for name in names if name != "cpu"), backend)}
    for name in names:
        if name not in works:
            raise _absent(name, backend)
    return names


def device_unavailable(device: str, got: str, why: str = "") -> ModelUnavailable:
    """Error for a session whose provider `got` is not the one of the requested `device`."""
    return ModelUnavailable(
        f"device: {device} was asked for, ONNX Runtime gave {got}{f' ({why})' if why else ''}; install its CUDA "
        "libraries (pip install 'onnxruntime-gpu[cuda,cudnn]'), and for tensorrt TensorRT's, or set "
        "DAGUERRE_DEVICE=cpu"
    )


def _absent(device: str, backend: str) -> ModelUnavailable:
    count = gpus()
    if 0 < count <= gpu_index(device):
        return ModelUnavailable(
            f"device: {device} was asked for, and the last GPU here is number {count - 1} (after "
            "CUDA_VISIBLE_DEVICES); name an existing one, or set DAGUERRE_DEVICE=cpu"
        )
    if backend == "torch":
        return ModelUnavailable(
            f"device: {device} was asked for, and torch cannot use it ({torch_error(device)}); install a torch with "
            "CUDA, or set DAGUERRE_DEVICE=cpu"
        )
    return device_unavailable(device, _CPU, probe_error(device))


def gpus() -> int:
    """Number of GPUs of the CUDA driver, after CUDA_VISIBLE_DEVICES; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        proc = Path("/proc/driver/nvidia/gpus")  # a container may lack the path of the driver's library
        return sum(1 for _ in proc.iterdir()) if proc.is_dir() else 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _usable(names: Iterable[str], backend: str) -> list[str]:
    """Usable devices among `names`, in order; several are tested at once."""
    names = list(names)
    if not names:
        return []
    test = usable_by_torch if backend == "torch" else usable
    with ThreadPoolExecutor(min(len(names), 4)) as pool:  # each test loads CUDA's libraries
        return [name for name, works in zip(names, pool.map(test, names), strict=True) if works]


@functools.cache
def usable(device: str) -> bool:
    """Whether a session opens and runs on `device`."""
    error = probe_error(device)
    if error:
        logger.info("device: %s cannot be used: %s", device, error)
    return not error


@functools.cache
def probe_error(device: str) -> str:
    """Error of opening and running a session on the GPU `device`; "" without an error.

    The test runs in a process of its own (models/sessions/device_probe.py), because a process that has opened a
    session keeps hundreds of MB of that GPU until it ends.
    """
    return _error_of("models.sessions.device_probe", device)


def usable_by_torch(device: str) -> bool:
    """Whether torch computes on `device`."""
    error = torch_error(device)
    if error:
        logger.info("device: %s cannot be used by torch: %s", device, error)
    return not error


@functools.cache
def torch_error(device: str) -> str:
    """Error of computing on the GPU `device` with torch, in a process of its own; "" without an error."""
    return _error_of("models.sessions.torch_probe", device)


def _error_of(probe_module: str, device: str) -> str:
    if gpu_index(device) >= gpus():
        return "there is no such GPU"
    try:
        probe = run_module(probe_module, device, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE} s"
    if probe.returncode == 0:
        return ""
    if gist := _GIST.search(probe.stderr + probe.stdout):
        return (gist[1] or gist[2]).strip()
    return (probe.stdout.strip().splitlines() or [f"the test ended with status {probe.returncode}"])[-1][-300:]


def prepare(device: str) -> None:
    """Prepare the process for a session on `device`."""
    if device == "cpu":
        return
    if device.startswith("tensorrt"):
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # fp32 must be fp32; TensorRT's provider has no option for it
    _load_libraries()


@functools.cache
def _load_libraries() -> None:
    """Load CUDA and cuDNN from their pip packages, where ONNX Runtime's provider does not look by itself."""
    load = getattr(ort, "preload_dlls", None)  # since 1.21
    if load is None:
        return
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        load()
    for line in output.getvalue().splitlines():
        logger.debug("device: %s", line)


def providers(
    device: str, *, memory_limit: int | None = None, engine_cache: Path | None = None, half: bool = False
) -> tuple[str, list[Any]]:
    """Execution provider of `device`, and the list of providers for a session.

    Parameters
    ----------
    memory_limit : bytes of GPU memory that a session's arena may take.
    engine_cache : folder for TensorRT's engines, which take minutes to build: see `engine_folder`.
    half : whether the graph is in fp16; only then may TensorRT compute in fp16.
    """
    if device == "cpu":
        return _CPU, [_CPU]
    name = _normal(device)
    cuda: dict[str, Any] = {
        "device_id": gpu_index(name),
        "arena_extend_strategy": "kSameAsRequested",  # doubling would take memory that other models need
        "cudnn_conv_algo_search": "HEURISTIC",  # by timing, the choice would differ at each start
        "use_tf32": "0",  # fp32 must be fp32
    }
    if memory_limit is not None:
        cuda["gpu_mem_limit"] = memory_limit
    chosen: list[Any] = [(_CUDA, cuda), _CPU]
    if name.startswith("cuda"):
        return _CUDA, chosen
    tensorrt: dict[str, Any] = {
        "device_id": gpu_index(name),
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
    """Folder in `cache` for the engines of the file `graph` on `device`.

    ONNX Runtime names an engine after the names in its graph, not after the weights: in a shared folder, a model would
    run the engine of another model of the same architecture. Each device has its own folder, since two processes would
    write the same file.
    """
    digest = hashlib.sha256()
    for file in sorted(graph.parent.glob(f"{graph.name}*")):  # large weights are in a file beside the graph
        digest.update(bytes.fromhex(sha256(file)))
    return cache / f"{digest.hexdigest()[:16]}-{device.replace(':', '-')}"


def _normal(name: str) -> str:
    """Name with its index: "cuda" becomes "cuda:0". Raises ModelUnavailable for an unknown device."""
    if name == "cpu":
        return name
    match = _NAMED.fullmatch(name)
    if match is None:
        raise ModelUnavailable(f"device: {name!r} is not one of {_ALLOWED}")
    return f"{match[1]}:{match[2] or 0}"


def gpu_index(name: str) -> int:
    """Number of the GPU in the name of a device."""
    return int(name.partition(":")[2] or 0)
