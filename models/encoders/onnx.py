"""The device's step of an encoder, by ONNX Runtime: a stack of rows in, raw vectors (n, d) out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.encoders.devices import missing, providers
from models.encoders.gpu import GpuRunner
from models.errors import ModelUnavailable

Feeds = Mapping[str, NDArray[Any]]


class OnnxSession:
    """One graph on one device.

    Parameters
    ----------
    path : the `.onnx` file.
    device : "cpu", "cuda:N" or "tensorrt:N". What is asked for and cannot be had is ModelUnavailable, never another
        device.
    threads : intra-op threads on the CPU; 0 lets ONNX Runtime choose.
    spinning : whether waiting threads keep their core busy; costly where others decode on the same cores.
    memory_limit : bytes of a GPU's memory.
    engine_cache : TensorRT's folder.
    half : whether the graph is in fp16.
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
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
        options.log_severity_level = 3
        self.provider, chosen = providers(device, memory_limit=memory_limit, engine_cache=engine_cache, half=half)
        try:
            self._session = ort.InferenceSession(str(path), options, providers=chosen)
        except Exception as exc:  # ONNX Runtime raises its own bare classes
            raise ModelUnavailable(f"{path.name} cannot be loaded on {device}: {exc}") from exc
        got = self._session.get_providers()
        if got[0] != self.provider:
            raise missing(device, got[0])
        self._inputs = [i.name for i in self._session.get_inputs()]
        index = int(device.partition(":")[2] or 0)
        self._gpu = GpuRunner(self._session, self._inputs, index) if device != "cpu" else None

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Raw vectors (n, d) float32 of n collated rows. Thread-safe.

        `stack` holds pixels, (n, size, size, 3) uint8, or token ids, (n, t) int64 with -1 for padding.
        """
        given = feeds(stack)
        if self._gpu:
            return self._gpu.run(given)
        (raw,) = self._session.run(["raw"], {name: given[name] for name in self._inputs})
        return raw  # type: ignore[no-any-return]


def feeds(stack: NDArray[Any]) -> Feeds:
    """The graph's named inputs for a stack of images or of token ids."""
    if stack.ndim == 4:  # (n, size, size, 3)
        return {"pixels": stack}
    present = stack >= 0  # (n, t)
    return {"input_ids": np.where(present, stack, 0), "attention_mask": present.astype(np.int64)}
