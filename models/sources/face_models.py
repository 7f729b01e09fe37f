"""Import of expression and age models: folders of transformers for image-classification, on crops of faces."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import AutoImageProcessor

from models.analysers import faces
from models.analysers.face_attributes import NOTICE, UNDECIDED, part, settings_of_crops
from models.analysers.face_crops import CROPS, Face
from models.analysers.folder import AnalyserFolder, install
from models.analysers.spec import AnalyserSpec
from models.catalog.folder import write_manifest
from models.catalog.spec import Source
from models.encoders.preprocessor import PixelPreprocessing, read_preprocessor
from models.errors import ModelUnavailable, listed, quoted
from models.sessions.onnx import OnnxSession
from models.sources import export, oracle
from models.sources.class_graph import MOST, ClassGraph
from models.sources.classifiers import (
    SUFFIX,
    Logits,
    activation_of,
    architectures,
    is_classifier,
    labels_of,
    load,
    read_config,
)
from models.sources.describe import weights_of

Attribute = Literal["expression", "age"]
OLDEST = 120.0  # years
PLACE = ((30.0, 30.0), (66.0, 30.0), (47.0, 50.0), (34.0, 66.0), (63.0, 66.0))  # of a face, where pictures are compared
_NUMBER = r"(\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"{_NUMBER}\s*(?:-|–|_|to)\s*{_NUMBER}")
_ABOVE = re.compile(
    rf"{_NUMBER}\s*(?:\+|and (?:older|over|above)|or (?:older|more|over))|(?:more than|over|>=?)\s*{_NUMBER}"
)
_BELOW = re.compile(rf"(?:less than|under|below|<=?)\s*{_NUMBER}")
_YEARS = re.compile(r"\s*(?:years?(?: old)?|yrs?|y)$")
_ORIGINS = (
    *("african", "african american", "arab", "asian", "black", "caucasian", "east asian", "hispanic", "indian"),
    *("indigenous", "latino", "latino hispanic", "latinx", "middle eastern", "native american", "pacific islander"),
    *("roma", "south asian", "southeast asian", "white"),
)


class _Crops(nn.Module):
    """crops (n, 18 size, size, 3) uint8, one below the other → answers (n, 18, outputs)."""

    def __init__(self, graph: nn.Module, size: int, outputs: int) -> None:
        super().__init__()
        self.graph, self.size, self.outputs = graph, size, outputs

    def forward(self, crops: Tensor) -> Tensor:
        answers: Tensor = self.graph(crops.reshape(-1, self.size, self.size, 3))
        return answers.reshape(-1, CROPS, self.outputs)


def import_face_model(
    source: Path, home: Path, *, attribute: Attribute, name: str, licence: str | None = None, replace: bool = False
) -> AnalyserFolder:
    """Export a folder of transformers into `home` as an analyser of one attribute of faces, and return its folder.

    The network sees the eighteen crops of `models/analysers/face_crops.py` at its own size, normalised as its folder
    says; a resize or a crop of its own has nothing left to do.

    Raises
    ------
    ModelUnavailable : the folder is no classifier of pictures; its labels are no ages, or are names of races or
        ethnic groups; or the answers differ from those of transformers by more than 1e-4.
    """
    config = read_config(source)
    if not is_classifier(config):
        raise ModelUnavailable(
            f"{source.name} has the architecture {listed(architectures(config)) or 'none'}, and a model of faces has "
            f"one that ends in {SUFFIX}; give another folder"
        )
    preprocessing = read_preprocessor(source)
    model = load(source)
    labels, ages, activation = _answers(model, source, attribute)
    size = preprocessing.preprocess.size
    settings: dict[str, Any] = {
        **settings_of_crops(),
        f"{attribute}_size": size,
        f"{attribute}_channels": 3,
        "mean": preprocessing.mean,
        "std": preprocessing.std,
        "activation": activation,
    }
    if ages is not None:
        settings["ages"] = ages
    spec = AnalyserSpec(
        name=name,
        kind="face_attributes",
        description=f"{config.get('model_type')} for the {attribute} of faces, from the folder {source.name}: eighteen "
        "crops of each face, with their range.",
        source=Source(
            kind="folder",
            locator=source.name,
            revision="as its files' sha256 say",
            weights={**weights_of(source), **faces.SPEC.source.weights},
        ),
        licence=licence or "not stated; see where the folder came from",
        parts={"detect": faces.SPEC.parts["detect"], attribute: part(size, 3, max(1, len(labels)))},
        labels=labels,
        settings=settings,
        notice=NOTICE,
    )
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        faces.FaceDetector.make(faces.SPEC, folder)
        gap = _export(model, source, preprocessing, activation, max(1, len(labels)), folder / f"{attribute}.onnx")
        write_manifest(folder, spec, parity={"largest_difference": gap}, made_with=export.versions())
        return install(folder, home, replace=replace)


def _answers(model: Any, source: Path, attribute: Attribute) -> tuple[tuple[str, ...], tuple[float, ...] | None, str]:
    """Labels, the age of each for an age model, and the function from logits to answers. Raises ModelUnavailable."""
    if attribute == "age" and (model.config.num_labels == 1 or model.config.problem_type == "regression"):
        if model.config.num_labels != 1:
            raise ModelUnavailable(
                f"{source.name} is a regression with {model.config.num_labels} outputs, and an age is one number; give "
                "another folder"
            )
        return (), None, "none"
    labels = labels_of(model, source)
    plain = {" ".join(label.casefold().replace("_", " ").split()) for label in labels}
    origins = sorted(plain & set(_ORIGINS))
    if len(origins) > 1:
        raise ModelUnavailable(
            f"{source.name} has the labels {listed(origins, 4)}: races and ethnic groups are not guessed from faces "
            "here; docs/faces.md says why, and how perceived groups are coded by people"
        )
    if attribute == "age":
        return labels, ages_of(labels, source.name), activation_of(model)
    if UNDECIDED in plain or len(labels) < 2:
        raise ModelUnavailable(
            f"{source.name} has the labels {listed(labels, 8)}: an expression model has at least two, and none of them "
            f"is {UNDECIDED!r}, which says that crops disagree; write other names into id2label of its config.json"
        )
    return labels, None, activation_of(model)


def ages_of(labels: Sequence[str], source: str) -> tuple[float, ...]:
    """The age in years that each label stands for.

    A number is itself, a range ("20-29", "20 to 29") its middle. An open range ("70+", "more than 70") is its bound and
    half of the widest closed range; one below ("under 3") is half of its bound. Raises ModelUnavailable for others.
    """
    plain = [_YEARS.sub("", " ".join(label.casefold().replace("age", "").split())) for label in labels]
    widths = [float(m[2]) - float(m[1]) for each in plain if (m := _RANGE.fullmatch(each)) is not None]
    ages = []
    for label, text in zip(labels, plain, strict=True):
        if re.fullmatch(_NUMBER, text):
            age = float(text)
        elif (found := _RANGE.fullmatch(text)) is not None and float(found[1]) <= float(found[2]):
            age = (float(found[1]) + float(found[2])) / 2
        elif (found := _ABOVE.fullmatch(text)) is not None:
            age = float(found[1] or found[2]) + max(widths, default=0.0) / 2
        elif (found := _BELOW.fullmatch(text)) is not None:
            age = float(found[1]) / 2
        else:
            age = OLDEST + 1
        if not 0 <= age <= OLDEST:
            raise ModelUnavailable(
                f"{source} has the label {quoted(label)}, which is no age: numbers (23), ranges (20-29) and open "
                "ranges (70+, under 3) in years are read; write such labels into id2label of its config.json"
            )
        ages.append(age)
    return tuple(ages)


def _export(
    model: nn.Module, source: Path, preprocessing: PixelPreprocessing, activation: str, outputs: int, path: Path
) -> float:
    """Write the graph, and compare its answers on crops of real pictures with those of transformers."""
    size = preprocessing.preprocess.size
    crops = np.stack([_crops(data, size) for data in oracle.pictures()[:2]])
    graph = _Crops(ClassGraph(Logits(model), preprocessing.mean, preprocessing.std, activation), size, outputs)
    export.write_graph(graph, {"crops": crops}, path, ("answers",), {})
    read: Any = AutoImageProcessor.from_pretrained
    processor = read(str(source), local_files_only=True)
    pictures = [Image.fromarray(crop) for crop in crops.reshape(-1, size, size, 3)]
    values = processor(pictures, do_resize=False, do_center_crop=False, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        logits: Tensor = model(pixel_values=values).logits
    expected = {"softmax": lambda x: x.softmax(-1), "sigmoid": lambda x: x.sigmoid(), "none": lambda x: x}[activation](
        logits
    )
    session = OnnxSession(path)
    together = session.compute((crops,))[0]
    alone = np.concatenate([session.compute((row[None],))[0] for row in crops])
    wanted = expected.numpy().reshape(alone.shape)
    gap = float(max(np.abs(found - wanted).max() for found in (alone, together)))
    if not gap <= MOST:
        raise ModelUnavailable(
            f"{source.name}: answers differ from those of transformers by {gap:.2g}, at most {MOST:g} is allowed"
        )
    return gap


def _crops(data: bytes, size: int) -> NDArray[np.uint8]:
    """Crops of a picture as if a face were there, one below the other: (18 size, size, 3)."""
    from models.images.decoding import ImageLimits, open_rgb

    image = open_rgb(data, limits=ImageLimits())
    return Face(image, np.array(PLACE) / 100 * min(image.size)).crops(size).reshape(-1, size, 3)
