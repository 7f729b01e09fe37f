"""torch modules to the two graphs of a model folder. The only room that imports torch while nothing is trained.

Both graphs end in unit rows named `raw`. The image graph takes `pixels` (n, size, size, 3) uint8 and normalises
them itself: a quarter of the bytes to copy, and no preprocessing that could differ between callers.
"""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.catalog.spec import ImageTower, ModelSpec
from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession, feeds

OPSET = 17
MIN_COSINE = 0.9999  # of an fp32 graph against torch, else the export is refused


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
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return nn.functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=-1)


def export(graph: nn.Module, stack: NDArray[Any], path: Path) -> float:
    """Write `graph` to `path` and compare the two on `stack`, collated rows: their min cosine.

    Raises ModelUnavailable below 0.9999.
    """
    write(graph, stack, path)
    given = feeds(stack)
    with torch.inference_mode():
        wanted = graph(*(torch.from_numpy(array) for array in given.values())).numpy()
    lowest = min_cosine(OnnxSession(path).run(stack), wanted)
    if lowest < MIN_COSINE:
        raise ModelUnavailable(f"{path.name}: min cosine {lowest:.6f} against torch, at least {MIN_COSINE} is needed")
    return lowest


def write(graph: nn.Module, stack: NDArray[Any], path: Path) -> None:
    """Write `graph`, traced on `stack`, to `path`; beyond 2 GiB its weights lie beside it, in one file."""
    graph = graph.eval()
    given = feeds(stack)
    names = list(given)
    tensors = [torch.from_numpy(given[name]) for name in names]
    axes: dict[str, dict[int, str]] = {name: {0: "n"} for name in [*names, "raw"]}
    for name in names:
        if given[name].ndim == 2:  # tokens: (n, t)
            axes[name][1] = "t"
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as staging,
        warnings.catch_warnings(),
        torch.inference_mode(),
    ):
        warnings.simplefilter("ignore")  # the tracer's notes about shapes that are constant here
        made = Path(staging) / path.name
        torch.onnx.export(
            graph,
            tuple(tensors),
            str(made),
            input_names=names,
            output_names=["raw"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the newer exporter needs onnxscript and writes external data
        )
        if sum(1 for _ in made.parent.iterdir()) == 1:
            made.rename(path)
        else:  # protobuf's limit: the exporter wrote a file for each tensor
            save(onnx.load(str(made)), path)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write an ONNX model; beyond protobuf's 2 GiB its weights go to `path`.data."""
    large = model.ByteSize() >= 2**31 - 2**20
    onnx.save_model(model, str(path), save_as_external_data=large, location=f"{path.name}.data")


def min_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The lowest cosine between rows of the same index, (n, d) each."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / lengths).min())


def check_weights(spec: ModelSpec, found: Sequence[Path]) -> None:
    """Raise ModelUnavailable unless the files `found` are the catalogue's, by hash."""
    from models.disk import sha256

    wanted = dict(spec.source.weights)
    for path in found:
        if sha256(path) != wanted.pop(path.name, None):
            raise ModelUnavailable(f"weights {path.name}: not the file that the catalogue's {spec.name!r} names")
    if wanted:
        raise ModelUnavailable(f"weights of {spec.name!r}: {', '.join(wanted)} missing")


def versions() -> dict[str, str]:
    """What the export was made with."""
    import onnxruntime
    import transformers

    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opset": str(OPSET),
    }
