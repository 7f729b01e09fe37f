"""Import of classifiers of pictures: folders of transformers for image-classification, as analysers of kind classes."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForImageClassification

from models.analysers.classes import HIERARCHY, PART, has_imagenet_labels, part, plain_name, preprocess_of, settings_of
from models.analysers.folder import AnalyserFolder, install
from models.analysers.spec import AnalyserSpec
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.encoders.preprocessor import PixelPreprocessing, read_preprocessor
from models.errors import ModelUnavailable, listed
from models.images.decoding import ImageLimits, load_pixels
from models.sources import export, oracle
from models.sources.class_graph import export_classes
from models.sources.describe import weights_of

SUFFIX = "ForImageClassification"


class Logits(nn.Module):
    """Normalised pixels (n, 3, size, size) → logits (n, classes), of a classifier of transformers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=x).logits
        return logits


def import_classifier(
    source: Path, home: Path, *, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Export a folder of transformers into `home` as an analyser named `name`, and return its folder.

    Raises
    ------
    ModelUnavailable : the folder is no classifier of pictures, its preprocessing cannot be reproduced exactly, its
        labels are not distinct, or the scores differ from those of transformers by more than 1e-4.
    """
    config = read_config(source)
    if not is_classifier(config):
        raise ModelUnavailable(
            f"{source.name} has the architecture {listed(architectures(config)) or 'none'}, and a classifier of "
            f"pictures has one that ends in {SUFFIX}; give another folder"
        )
    preprocessing = read_preprocessor(source)
    model = load(source)
    labels = labels_of(model, source)
    activation = activation_of(model)
    spec = AnalyserSpec(
        name=name,
        kind="classes",
        description=f"{config.get('model_type')} with {len(labels):,} classes, from the folder {source.name}.",
        source=Source(
            kind="folder", locator=source.name, revision="as its files' sha256 say", weights=weights_of(source)
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={PART: part(preprocessing.preprocess.size, len(labels))},
        labels=labels,
        settings={
            **settings_of(preprocessing.preprocess),
            "mean": preprocessing.mean,
            "std": preprocessing.std,
            "activation": activation,
            **({"hierarchy": HIERARCHY} if has_imagenet_labels(labels) else {}),
        },
    )
    assert preprocess_of(spec.settings) == preprocessing.preprocess
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        gap = _export(model, source, preprocessing, activation, folder / f"{PART}.onnx")
        write_manifest(folder, spec, parity={"largest_difference": gap}, made_with=export.versions())
        return install(folder, home, replace=replace)


def _export(model: nn.Module, source: Path, preprocessing: PixelPreprocessing, activation: str, path: Path) -> float:
    """Write the graph, and compare it on real pictures with the original: pixels, and scores from bytes on."""
    pictures = oracle.pictures()[:6]
    theirs = oracle.pixel_values(source, pictures)
    pixels = np.stack([load_pixels(data, preprocessing.preprocess, limits=ImageLimits()) for data in pictures])
    mean, std = (np.array(each, np.float32) for each in (preprocessing.mean, preprocessing.std))
    ours: NDArray[np.float32] = ((pixels.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
    if not np.abs(ours - theirs).max() < 1e-4:
        raise ModelUnavailable(
            f"{source.name}: its pixels differ from those of transformers by {np.abs(ours - theirs).max():.2g}; its "
            "preprocessing is not one that can be reproduced exactly"
        )
    return export_classes(Logits(model), pixels, preprocessing.mean, preprocessing.std, activation, path)


def read_config(source: Path) -> dict[str, Any]:
    """The config.json of a folder. Raises ModelUnavailable."""
    try:
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelUnavailable(
            f"{source.name} has no config.json that can be read; give a folder written by save_pretrained of "
            "transformers"
        ) from exc
    return config if isinstance(config, dict) else {}


def is_classifier(config: dict[str, Any]) -> bool:
    """Whether a config.json is that of a classifier of pictures."""
    return any(each.endswith(SUFFIX) for each in architectures(config))


def activation_of(model: Any) -> str:
    """The function from logits to scores that the pipeline of transformers applies: softmax or sigmoid."""
    config = model.config
    several = config.problem_type == "multi_label_classification" or config.num_labels == 1
    return "sigmoid" if several and config.problem_type != "single_label_classification" else "softmax"


def architectures(config: dict[str, Any]) -> Sequence[str]:
    """Names of the architectures of a config.json."""
    return [str(each) for each in config.get("architectures") or ()]


def load(source: Path) -> Any:
    """A classifier of transformers, for inference. Raises ModelUnavailable."""
    read: Any = AutoModelForImageClassification.from_pretrained
    try:
        model = read(str(source), local_files_only=True, trust_remote_code=False, dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError) as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise ModelUnavailable(f"{source.name} cannot be read by transformers: {reason}") from exc
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation("eager")
    return model.eval()


def labels_of(model: Any, source: Path) -> tuple[str, ...]:
    """Names of the classes. Raises ModelUnavailable for one without a name, or a name twice."""
    names = model.config.id2label
    labels = tuple(str(names[i]) for i in range(model.config.num_labels))
    count = Counter(map(plain_name, labels))
    if not labels or "" in count:
        raise ModelUnavailable(f"{source.name} has a class without a name; write id2label in its config.json")
    twice = {label for label in labels if count[plain_name(label)] > 1}
    if twice and not has_imagenet_labels(labels):
        raise ModelUnavailable(
            f"{source.name} has two classes {min(twice)!r}; rename one in id2label of its config.json"
        )
    return tuple(f"{label} ({i})" if label in twice else label for i, label in enumerate(labels))  # the two cranes
