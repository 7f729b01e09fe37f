"""The interface of analysers: rows of data, work for their graphs, and their results."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from numpy.typing import NDArray
from PIL import Image

from models.catalog.spec import Precision, Source

Kind = Literal[
    "text", "objects", "faces", "face_vectors", "face_attributes", "classes", "captions", "visual", "sensitive"
]
Arrays = tuple[NDArray[Any], ...]  # the inputs of a graph for one row, or its outputs, without the axis of the batch


JUDGING = "threshold"  # the setting by which results are judged later, and which does not change them


class Work(NamedTuple):
    """Rows for one graph of an analyser. Rows of equal shapes may share a batch; the answers have the same order."""

    part: str
    rows: Sequence[Arrays]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found in a picture. Attributes that do not apply are None.

    Attributes
    ----------
    label : name of the class; from the labels of the analyser or those of the request.
    score : 0 to 1.
    box : x, y of the upper left corner, width, height; floats in pixels of the upright picture.
    polygon : corners in reading order (upper left, upper right, lower right, lower left), in pixels.
    text : a line of text that was read, or a caption.
    points : x, y by name, in pixels, such as the eyes of a face; they may lie outside of the picture.
    share : share of the picture that the box covers, 0 to 1.
    vector : of a face, unit length, as little-endian float32.
    attributes : guesses about a face by name, with their ranges; None for a face that is too small for them.
    """

    label: str | None = None
    score: float | None = None
    box: tuple[float, float, float, float] | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    text: str | None = None
    points: Mapping[str, tuple[float, float]] | None = None
    share: float | None = None
    vector: bytes | None = None
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The result of one analyser for one picture.

    Attributes
    ----------
    findings : in reading order for text, else by falling score.
    values : numbers of the whole picture by name, such as `brightness` or `text_share`; always the same names.
    truncated : whether more was found than is given.
    remarks : sentences on what limits this result.
    """

    findings: tuple[Finding, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    truncated: bool = False
    remarks: tuple[str, ...] = ()


T = TypeVar("T")
Steps = Generator[Work, Sequence[Arrays], Analysis]
Preparation = Generator[Work, Sequence[Arrays], Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One graph of an analyser: `NAME.onnx` in its folder.

    Its inputs are those of the graph, in the graph's order, with the axis of the batch first; so are its outputs.

    Attributes
    ----------
    row_bytes, answer_bytes : sizes of the largest row with all inputs, and of its largest answer with all outputs.
    cpu_batch : rows of a batch on a CPU.
    """

    row_bytes: int
    answer_bytes: int
    cpu_batch: int = 1


@dataclass(frozen=True, kw_only=True)
class AnalyserSpec:
    """A row of the table of analysers.

    Attributes
    ----------
    parts : graphs by name; none for an analyser without a network.
    labels : names of the classes, in the order of the graph's outputs.
    settings : sizes and thresholds of the recipe; part of the fingerprint, but for `JUDGING`.
    languages : what an analyser of text reads, as a phrase for people.
    recipe : raise when the code changes results.
    """

    name: str
    kind: Kind
    description: str
    source: Source
    licence: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    settings: Mapping[str, float | int | str | tuple[float, ...]] = field(default_factory=dict)
    languages: str | None = None
    precision: Precision = "fp32"
    recipe: int = 1
    demonstration: bool = False
    notice: str | None = None  # part of every answer

    def fingerprint(self) -> str:
        """Fingerprint of 32 hex digits: equal exactly for analysers whose results may be compared."""
        made_of = {
            "kind": self.kind,
            "weights": dict(sorted(self.source.weights.items())),
            "labels": self.labels,
            "settings": {name: self.settings[name] for name in sorted(self.settings) if name != JUDGING},
            "precision": self.precision,
            "recipe": self.recipe,
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


class Analyser(Protocol):
    """An opened analyser: the class of each kind, in `kinds.py`.

    `__init__` takes the row and the folder with its files, and `make` fills that folder once, with `PART.onnx` for
    each part and whatever else `__init__` reads. The folder may be read when the packages of the weights are gone.
    """

    choices: ClassVar[type[Any]]  # a frozen dataclass of what a request may choose, all with defaults

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None: ...

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Fill the empty `folder`. Raises ModelUnavailable where a package or a file of the weights is missing."""

    def check(self, options: Any) -> None:
        """Raise AnalysisError for options that this analyser cannot take, such as labels that it does not have."""

    def steps(self, image: Image.Image, options: Any) -> Steps:
        """Analyse one picture, RGB and upright: its EXIF orientation is applied.

        The code between two `yield` runs in a thread and takes well below a second.
        """


@runtime_checkable
class Prepares(Protocol):
    """An analyser with rows that depend on the options alone, such as the words that are looked for."""

    def prepare(self, options: Any) -> Preparation:
        """Return the options for `steps`, in a form of its own. It runs once for each request, before the pictures."""


Kinds = Mapping[Kind, type[Analyser]]


def run(analyser: Analyser, image: Image.Image, options: Any, graph: "RunGraph") -> Analysis:
    """Analyse one picture with graphs in this process, a row at a time: for tests and for `make`."""
    if isinstance(analyser, Prepares):
        options = _finished(analyser.prepare(options), graph)
    return _finished(analyser.steps(image, options), graph)


def _finished(steps: Generator[Work, Sequence[Arrays], T], graph: "RunGraph") -> T:
    try:
        work = next(steps)
        while True:
            answers = [graph(work.part, tuple(array[None] for array in row)) for row in work.rows]
            work = steps.send([tuple(out[0] for out in outputs) for outputs in answers])
    except StopIteration as end:
        result: T = end.value
        return result


class RunGraph(Protocol):
    """Runs a batch of one part: inputs with the axis of the batch to outputs with it."""

    def __call__(self, part: str, inputs: Arrays) -> Sequence[NDArray[Any]]: ...
