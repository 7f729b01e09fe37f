"""The device's step of an encoder by torch: the same graph, compiled or not, in fp32, fp16 or bf16."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.catalog.spec import Precision
from models.errors import ModelUnavailable
from models.sessions.gpu import bucket, padded
from models.sessions.torch_gpu import TorchRunner

HALVES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class TorchSession:
    """One graph on one device, with the interface of OnnxSession.

    Parameters
    ----------
    graph : maps the arrays of `onnx.feeds` to rows (n, d).
    precision : fp16 and bf16 use autocast: products in half precision, norms and softmax in single.
    device : "cpu" or "cuda:N".
    compiled : whether torch compiles the graph, which takes a minute for every new shape.
    cuda_graphs : whether a GPU's batches are captured as CUDA graphs; without effect on a CPU.
    autocast : False where the graph converts by itself, as `Half` does.

    Raises
    ------
    ModelUnavailable : torch does not support the device or the precision, or the weights do not fit into its memory.
    """

    def __init__(
        self,
        graph: nn.Module,
        *,
        precision: Precision,
        device: str,
        threads: int = 0,
        compiled: bool = False,
        cuda_graphs: bool = True,
        autocast: bool = True,
    ) -> None:
        if precision == "int8":
            raise ModelUnavailable("backend: torch does not support int8; use onnx, or another precision")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelUnavailable(f"device: {device} was asked for, torch finds no CUDA; set DAGUERRE_DEVICE=cpu")
        try:
            self._device = torch.device(device)
            self._graph: Any = graph.eval().to(self._device)
        except torch.OutOfMemoryError as exc:
            raise ModelUnavailable(
                f"device: {device} has too little memory for the weights; serve fewer models, or half precision"
            ) from exc
        except RuntimeError as exc:
            raise ModelUnavailable(f"device: {device} cannot be used by torch: {str(exc).splitlines()[0]}") from exc
        if self._device.type == "cpu" and threads:
            torch.set_num_threads(threads)
        self._compiled = compiled
        if compiled:
            self._graph = torch.compile(self._graph, dynamic=False)
        self._type = HALVES.get(precision) if autocast else None
        self._gpu: TorchRunner | None = None
        if self._device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 must be fp32
            self._gpu = TorchRunner(self._raw, self._device.index or 0, captured=cuda_graphs)
        self.provider = f"torch:{self._device.type}"

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Compute raw vectors (n, d) float32 from n collated rows. Thread-safe."""
        if self._gpu is not None:
            return np.asarray(self._gpu.run({"rows": stack})[0], np.float32)
        rows = len(stack)
        if self._compiled:  # few shapes, because each is compiled by itself
            stack = padded(stack, bucket(rows))
        return self._raw(torch.from_numpy(stack))[:rows].numpy()

    def _raw(self, rows: Tensor) -> Tensor:
        """Raw vectors (n, d) float32 of rows on the device."""
        cast = torch.autocast(self._device.type, self._type) if self._type else nullcontext()
        with torch.inference_mode(), cast:
            if rows.ndim == 4:  # (n, size, size, 3) uint8
                raw: Tensor = self._graph(rows)
            else:  # token ids (n, t), -1 for padding
                present = rows >= 0
                raw = self._graph(torch.where(present, rows, 0), present.to(torch.int64))
            return raw.float()


class Half(nn.Module):
    """A network with all of its weights and activations in half precision; its inputs and outputs are in single.

    Sums inside of norms, softmax and products are in single even so, by torch's kernels.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.to(dtype)
        self._dtype = dtype

    def forward(self, *inputs: Tensor) -> Tensor:
        halved = [x.to(self._dtype) if x.is_floating_point() else x for x in inputs]
        raw: Tensor = self.network(*halved)
        return raw.float()


def halve_products(network: nn.Module, dtype: torch.dtype) -> None:
    """Convert the weights of products once; autocast would convert them, to the same numbers, in every run."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(dtype)
