"""Export of a classifier of pictures: from uint8 pixels to the scores of its classes."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession
from models.sources import export

MOST = 1e-4  # difference of a score between the graph and torch; otherwise the export is refused


class ClassGraph(nn.Module):
    """pixels (n, size, size, 3) uint8 → scores (n, classes): softmax or sigmoid of the network's logits, or these."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], activation: str) -> None:
        super().__init__()
        self.network = network
        self.activation = activation
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.to(torch.float32) - self.mean) / self.std
        logits: Tensor = self.network(x.permute(0, 3, 1, 2))
        if self.activation == "none":
            return logits
        return logits.softmax(dim=-1) if self.activation == "softmax" else logits.sigmoid()


def export_classes(
    network: nn.Module,
    pixels: NDArray[np.uint8],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    activation: str,
    path: Path,
) -> float:
    """Write the graph of a classifier to `path`.

    Parameters
    ----------
    network : normalised pixels (n, 3, size, size) to logits (n, classes).
    pixels : pictures on which the graph is compared with torch, (n, size, size, 3), n at least 2.
    mean, std : of the normalisation, in units of 0..255.

    Returns
    -------
    float : largest difference of a score from torch, of the pictures together and of each alone.

    Raises
    ------
    ModelUnavailable : the difference is above 1e-4, as where a graph has the number of pictures baked in.
    """
    graph = ClassGraph(network, mean, std, activation).eval()
    export.write(graph, pixels[:2], path)
    with torch.inference_mode():
        expected = graph(torch.from_numpy(pixels)).numpy()
    session = OnnxSession(path)
    alone = np.concatenate([session.run(row[None]) for row in pixels])
    gap = float(max(np.abs(found - expected).max() for found in (alone, session.run(pixels))))
    if not gap <= MOST:
        raise ModelUnavailable(f"{path.name}: scores differ from torch by {gap:.2g}, at most {MOST:g} is allowed")
    return gap
