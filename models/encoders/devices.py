"""Devices by name: which there are, and what ONNX Runtime is told of them.

onnxruntime-gpu lists CUDA as available on machines without a GPU, and a session that cannot have it falls back to the
CPU with a line in a log: so every device is tried, and what was given is compared with what was asked for.
"""

import ctypes
import functools
import logging
import re
from pathlib import Path
from typing import Any

import onnxruntime as ort

from models.errors import ModelUnavailable

logger = logging.getLogger("daguerre.devices")
_NAMED = re.compile(r"(cuda|tensorrt)(?::(0|[1-9][0-9]?))?", re.ASCII)
_CUDA, _TENSORRT, _CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
_ALLOWED = "auto, cpu, cuda:0, cuda:1, …, several as cuda:0,cuda:1, or tensorrt:0"


def resolve(setting: str) -> tuple[str, ...]:
    """The devices that `setting` names: ("cpu",), or GPUs in order, as "cuda:0" or "tensorrt:0".

    "auto" is every GPU on which a session can be opened, else the CPU.

    Raises
    ------
    ModelUnavailable : not a device, twice the same, the CPU beside a GPU, a GPU that cannot be used.
    """
    if setting == "auto":
        found = tuple(f"cuda:{i}" for i in range(gpus()) if usable(f"cuda:{i}")) or ("cpu",)
        logger.info("device: auto is %s", ", ".join(found))
        return found
    names = tuple(_normal(part.strip()) for part in setting.split(","))
    if len(set(names)) < len(names):
        raise ModelUnavailable(f"device: {setting!r} names one device twice; name each once")
    if len(names) > 1 and "cpu" in names:
        raise ModelUnavailable(f"device: {setting!r} has the CPU beside a GPU; name one or the other")
    for name in names:
        if name != "cpu" and not usable(name):
            raise missing(name, _CPU)
    return names


def missing(device: str, got: str) -> ModelUnavailable:
    """The error that `device` was asked for and another one was given."""
    return ModelUnavailable(
        f"device: {device} was asked for, ONNX Runtime gave {got}; install its CUDA libraries "
        "(pip install 'onnxruntime-gpu[cuda,cudnn]'), and for tensorrt TensorRT's, or set DAGUERRE_DEVICE=cpu"
    )


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


@functools.cache
def usable(device: str) -> bool:
    """Whether a session opens on `device`: tried with a graph of one node."""
    try:
        wanted, chosen = providers(device)
        session = ort.InferenceSession(_smallest(), _quiet(), providers=chosen)
    except Exception as exc:  # ONNX Runtime raises its own bare classes
        logger.info("device: %s cannot be used: %s", device, exc)
        return False
    return bool(session.get_providers()[0] == wanted)


def providers(
    device: str, *, memory_limit: int | None = None, engine_cache: Path | None = None, half: bool = False
) -> tuple[str, list[Any]]:
    """The execution provider of `device`, and the list that a session is given.

    Parameters
    ----------
    memory_limit : bytes of the GPU's memory that a session's arena may take.
    engine_cache : a folder where TensorRT keeps the engines that take it minutes to build.
    half : whether the graph is in fp16: TensorRT may then compute in it, and only then.
    """
    if device == "cpu":
        return _CPU, [_CPU]
    name = _normal(device)
    kind, _, index = name.partition(":")
    cuda: dict[str, Any] = {
        "device_id": int(index),
        "arena_extend_strategy": "kSameAsRequested",  # doubling would take what other models need
        "cudnn_conv_algo_search": "HEURISTIC",  # by timing, it would be another one at each start
        "use_tf32": "0",  # fp32 is fp32
    }
    if memory_limit is not None:
        cuda["gpu_mem_limit"] = memory_limit
    chosen: list[Any] = [(_CUDA, cuda), _CPU]
    if kind == "cuda":
        return _CUDA, chosen
    tensorrt: dict[str, Any] = {"device_id": int(index), "trt_fp16_enable": half}
    if engine_cache is not None:
        engine_cache.mkdir(parents=True, exist_ok=True)
        tensorrt |= {
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(engine_cache),
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": str(engine_cache),
        }
    return _TENSORRT, [(_TENSORRT, tensorrt), *chosen]


def _normal(name: str) -> str:
    """ "cuda" is "cuda:0". Raises ModelUnavailable for what is no device."""
    if name == "cpu":
        return name
    match = _NAMED.fullmatch(name)
    if match is None:
        raise ModelUnavailable(f"device: {name!r} is not one of {_ALLOWED}")
    return f"{match[1]}:{match[2] or 0}"


def _quiet() -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return options


def _smallest() -> bytes:
    from onnx import TensorProto, helper  # only where there may be a GPU

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "smallest", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
