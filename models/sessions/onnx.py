"""The step on the device by ONNX Runtime: a batch of rows to an encoder's raw vectors, or to an analyser's outputs."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.errors import ModelUnavailable
from models.sessions.devices import device_unavailable, engine_folder, gpu_index, prepare, providers
from models.sessions.gpu import Arrays, Feeds, GpuRunner, single
from models.sessions.packed import open_packed, packed_graph

logger = logging.getLogger("daguerre.onnx")
_HEAVY = {
    "Attention",
    "Conv",
    "Gemm",
    "LayerNormalization",
    "MatMul",
    "Softmax",
}  # operators that take most of an encoder's time


class OnnxSession:
    """One graph on one device.

    Parameters
    ----------
    path : the `.onnx` file.
    device : "cpu", "cuda:N" or "tensorrt:N".
    threads : intra-op threads on the CPU; 0 lets ONNX Runtime choose.
    spinning : whether waiting threads keep their core busy; costly where other threads decode on the same cores.
    memory_limit, engine_cache, half : see `devices.providers`.
    packed : folder for packed forms of graphs on the CPU: see `packed.packed_graph`. None: none is used.

    Raises
    ------
    ModelUnavailable : the graph cannot be loaded on this device; no other device is used instead.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        threads: int = 0,
        spinning: bool = False,
        memory_limit: int | None = None,
        engine_cache: Path | None = None,
        half: bool = False,
        packed: Path | None = None,
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
        options.log_severity_level = 3
        mapped = packed_graph(path, packed) if packed is not None and device == "cpu" else None
        if device != "cpu":
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if engine_cache is not None and device.startswith("tensorrt"):
            engine_cache = engine_folder(engine_cache, path, device)
        self.provider, chosen = providers(device, memory_limit=memory_limit, engine_cache=engine_cache, half=half)
        prepare(device)
        try:
            # without `enable_fallback=0` a session falls back to the CPU after an error of the GPU
            opened: Any = open_packed(mapped, options) if mapped else None
            self._session = opened or ort.InferenceSession(str(path), options, providers=chosen, enable_fallback=0)
        except Exception as exc:  # ONNX Runtime raises its own bare classes
            raise ModelUnavailable(f"{path.name} cannot be loaded on {device}: {exc}") from exc
        got = self._session.get_providers()
        if got[0] != self.provider:
            raise device_unavailable(device, got[0])
        if device != "cpu":
            _require_work_on_the_gpu(self._session, path.name, device)
        self._inputs = [i.name for i in self._session.get_inputs()]
        self._outputs = [o.name for o in self._session.get_outputs()]
        on_gpu = device != "cpu"
        self._gpu = GpuRunner(self._session, self._inputs, self._outputs, gpu_index(device)) if on_gpu else None

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Compute an encoder's raw vectors (n, d) float32 from n collated rows. Thread-safe.

        `stack` holds pixels, (n, size, size, 3) uint8, or token ids, (n, t) int64 with -1 for padding.
        """
        inputs = feeds(stack)
        (raw,) = self._computed({name: inputs[name] for name in self._inputs})
        return np.asarray(raw, np.float32)

    def compute(self, inputs: Arrays) -> Arrays:
        """Compute the outputs of any graph, (n, …) each, from its inputs in their order. Thread-safe."""
        return self._computed(dict(zip(self._inputs, inputs, strict=True)))

    def _computed(self, inputs: Feeds) -> Arrays:
        return self._gpu.run(inputs) if self._gpu else tuple(map(single, self._session.run(self._outputs, inputs)))


def feeds(stack: NDArray[Any]) -> Feeds:
    """Named inputs of the graph for a batch of images or of token ids."""
    if stack.ndim == 4:  # (n, size, size, 3)
        return {"pixels": stack}
    present = stack >= 0  # (n, t)
    return {"input_ids": np.where(present, stack, 0), "attention_mask": present.astype(np.int64)}


def _require_work_on_the_gpu(session: Any, graph: str, device: str) -> None:
    """Check that large operators run on the GPU: ONNX Runtime assigns those that it cannot run there to the CPU.

    `session.disable_cpu_ep_fallback` would refuse nearly every transformer, since shapes are computed on the CPU.

    Raises
    ------
    ModelUnavailable : most of the large operators would run on the CPU.
    """
    assignment = getattr(session, "get_provider_graph_assignment_info", None)  # since 1.24
    if assignment is None:
        return
    heavy = [
        (part.ep_name, node.op_type) for part in assignment() for node in part.get_nodes() if node.op_type in _HEAVY
    ]
    on_cpu = Counter(kind for provider, kind in heavy if provider == "CPUExecutionProvider")
    if not on_cpu:
        return
    operators = ", ".join(f"{count} × {kind}" for kind, count in on_cpu.most_common())
    if 2 * on_cpu.total() > len(heavy):
        raise ModelUnavailable(
            f"device: {device} was asked for, and {on_cpu.total()} of the {len(heavy)} large operators of {graph} "
            f"would run on the CPU ({operators}); use another precision, or set DAGUERRE_DEVICE=cpu"
        )
    logger.warning("device: %s on %s runs these operators on the CPU: %s", graph, device, operators)
