"""The device's step of an encoder by torch: the same graph, compiled or not, in fp32, fp16 or bf16."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.catalog.spec import Precision
from models.errors import ModelUnavailable
from models.sessions.gpu import bucket, padded
from models.sessions.onnx import feeds

_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class TorchSession:
    """One graph on one device, with the interface of OnnxSession.

    Parameters
    ----------
    graph : maps the arrays of `feeds` to rows (n, d).
    precision : fp16 and bf16 use autocast: products in half precision, norms and softmax in single.
    device : "cpu" or "cuda:N".
    compiled : whether torch compiles the graph, which takes a minute for every new shape.

    Raises
    ------
    ModelUnavailable : torch does not support the device or the precision.
    """

    def __init__(
        self, graph: nn.Module, *, precision: Precision, device: str, threads: int = 0, compiled: bool = False
    ) -> None:
        if precision == "int8":
            raise ModelUnavailable("backend: torch does not support int8; use onnx, or another precision")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelUnavailable(f"device: {device} was asked for, torch finds no CUDA; set DAGUERRE_DEVICE=cpu")
        try:
            self._device = torch.device(device)
            self._graph: Any = graph.eval().to(self._device)
        except RuntimeError as exc:
            raise ModelUnavailable(f"device: {device} cannot be used by torch: {str(exc).splitlines()[0]}") from exc
        if self._device.type == "cpu" and threads:
            torch.set_num_threads(threads)
        if self._device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 must be fp32
        self._compiled = compiled
        if compiled:
            self._graph = torch.compile(self._graph, dynamic=False)
        self._type = _TYPES.get(precision)
        self.provider = f"torch:{self._device.type}"

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Compute raw vectors (n, d) float32 from n collated rows. Thread-safe."""
        rows = len(stack)
        if self._compiled:  # few shapes, because each is compiled by itself
            stack = padded(stack, bucket(rows))
        inputs = [torch.from_numpy(array).to(self._device, non_blocking=True) for array in feeds(stack).values()]
        cast = torch.autocast(self._device.type, self._type) if self._type else nullcontext()
        with torch.inference_mode(), cast:
            raw: torch.Tensor = self._graph(*inputs)
        return raw[:rows].float().cpu().numpy()
