"""Object detectors of `transformers` as analysers: the row and the graph of a folder, compared with the original.

Supported are RT-DETR, RT-DETR v2 and D-FINE, which give each object once, as a query with a score for each label. The
side of the pictures is fixed, because the positions of the queries' anchors are constants of the graph.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForObjectDetection

from models.analysers.folder import AnalyserFolder, install
from models.analysers.spec import AnalyserSpec, Part
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.encoders.preprocessor import PixelPreprocessing, read_preprocessor
from models.errors import ModelUnavailable, quoted
from models.images.preprocess import Preprocess, resize
from models.sessions.onnx import OnnxSession
from models.sources import export, oracle
from models.sources.describe import weights_of
from models.sources.loading import load

TYPES = ("rt_detr", "rt_detr_v2", "d_fine")
LARGEST_DIFFERENCE = 1e-3  # of a score, or of a box's side as a share of the picture's, between the graph and torch
LEAST_SHARE = 0.99  # of the queries within it: near ties choose some other queries
PHOTOS = (0, 3)  # numbers of the pictures of the oracle on which the two are compared: a person, a cat
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Detector:
    """A row whose graph has been written, for its manifest: its agreement with torch, and versions of libraries."""

    spec: AnalyserSpec
    parity: Mapping[str, float]
    made_with: Mapping[str, str]


class DetectorGraph(nn.Module):
    """pixels (n, size, size, 3) uint8 → scores (n, queries, labels), boxes (n, queries, 4).

    Boxes are x and y of the centre, width and height, as shares of the picture.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, pixels: PixelPreprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(pixels.mean))
        self.register_buffer("std", torch.tensor(pixels.std))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = (pixels.to(torch.float32) - self.mean) / self.std
        found = self.network(pixel_values=x.permute(0, 3, 1, 2))
        return found.logits.sigmoid(), found.pred_boxes


def import_detector(
    source: Path, home: Path, *, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Import the detector in `source` as an analyser of kind objects. Raises ModelUnavailable as `export_detector`."""
    return import_by(export_detector, source, home, name=name, licence=licence, replace=replace)


def import_by(
    write: Callable[..., Detector], source: Path, home: Path, *, name: str, licence: str | None, replace: bool
) -> AnalyserFolder:
    """Make a folder by `write(source, folder, name=…, licence=…)` and install it in `home`."""
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        made = write(source, folder, name=name, licence=licence)
        write_manifest(folder, made.spec, parity=made.parity, made_with=made.made_with)
        return install(folder, home, replace=replace)


def export_detector(source: Path, folder: Path, *, name: str, licence: str | None = None) -> Detector:
    """Write `detect.onnx` of the detector in `source` into the empty `folder`, and describe it.

    Raises
    ------
    ModelUnavailable
        The folder cannot be read, is no such detector, or has preprocessing or labels that cannot be reproduced; or the
        graph differs from transformers on photos.
    """
    config = read_config(source)
    if config.model_type not in TYPES:
        raise ModelUnavailable(
            f"{source.name} has model_type {config.model_type!r}; detectors that can be imported: {', '.join(TYPES)}"
        )
    labels = tuple(str(config.id2label[number]) for number in range(config.num_labels))
    if len(set(labels)) < len(labels) or len(labels) < 1:
        raise ModelUnavailable(f"{source.name} has {len(labels)} labels, some of them equal; correct id2label")
    pixels = read_preprocessor(source)
    if pixels.preprocess.resize != "squash":
        raise ModelUnavailable(
            f"{source.name} has preprocessing {pixels.preprocess.resize!r}; detectors need one fixed size of pictures"
        )
    size = pixels.preprocess.size
    spec = AnalyserSpec(
        name=name,
        kind="objects",
        description=f"{config.model_type} with {len(labels):,} labels from the folder {source.name}.",
        source=Source(
            kind="folder",
            locator=source.name,
            revision="as its files' sha256 say",
            weights=weights_of(source),
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={
            "detect": Part(
                row_bytes=size * size * 3, answer_bytes=config.num_queries * (len(labels) + 4) * 4, cpu_batch=1
            )
        },
        labels=labels,
        settings={
            "size": size,
            "fit": "squash",
            "resample": pixels.preprocess.resample,
            "decoder": "centres",
            "mean": pixels.mean,
            "std": pixels.std,
        },
        notice="Validate counts and boxes against pictures that people coded.",
    )
    network = load(AutoModelForObjectDetection, source)
    photos = [oracle.pictures()[i] for i in PHOTOS]
    stack = np.stack([_pixels(data, pixels.preprocess) for data in photos])
    export.write(DetectorGraph(network, pixels), stack, folder / "detect.onnx", ("scores", "boxes"))
    session = OnnxSession(folder / "detect.onnx")
    with torch.inference_mode():
        expected = network(pixel_values=torch.from_numpy(oracle.pixel_values(source, photos)))
    theirs = [expected.logits.sigmoid().numpy(), expected.pred_boxes.numpy()]
    share = agreement(list(session.compute((stack,))), theirs)
    if share < LEAST_SHARE:
        raise ModelUnavailable(
            f"{source.name}: {share:.1%} of its queries agree with torch, at least {LEAST_SHARE:.0%} are needed"
        )
    return Detector(spec, {"queries_that_agree": share}, export.versions())


def agreement(ours: list[Floats], theirs: list[Floats]) -> float:
    """Share of queries that agree with torch, where each is compared with its nearest: near ties change their order."""
    from scipy.optimize import linear_sum_assignment

    shares = []
    for a, b in zip(np.concatenate(ours, -1), np.concatenate(theirs, -1), strict=True):  # (queries, labels + 4)
        differences = np.abs(a[:, None] - b[None]).max(-1)
        rows, columns = linear_sum_assignment(np.minimum(differences, 10 * LARGEST_DIFFERENCE))
        shares.append(float((differences[rows, columns] <= LARGEST_DIFFERENCE).mean()))
    return min(shares)


def _pixels(data: bytes, preprocess: Preprocess) -> NDArray[np.uint8]:
    with Image.open(BytesIO(data)) as image:
        return resize(image.convert("RGB"), preprocess)


def read_config(folder: Path) -> Any:
    """The configuration of a folder, as transformers reads it. Raises ModelUnavailable."""
    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelUnavailable(f"{folder.name} cannot be read by transformers ({quoted(exc)}); save it again") from exc
