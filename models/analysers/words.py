"""Objects by words: detectors such as OWLv2, which look for what the labels of a request describe.

The labels are a graph of their own, which runs once for a request; its answer is an input of the graph for pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from models.analysers.boxes import analysis
from models.analysers.objects import Objects, Options, number_of
from models.analysers.padded import padded_square
from models.analysers.spec import AnalyserSpec, Preparation, Steps, Work
from models.errors import AnalysisError, ModelUnavailable, quoted

TYPES = ("owlv2", "owlvit")  # values of model_type in a config.json of transformers
DECODER = "words"  # in the settings of a row
MOST_LABELS = 100
CHARACTERS = 1000  # of a label
LABELS, PICTURES = "labels", "detect"  # the two graphs
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class WordOptions(Options):
    """Choices of a request. `labels` are words for what is looked for; `min_score` is lower than that of others."""

    min_score: float = 0.1


@dataclass(frozen=True)
class _Query:
    """Options with the vectors of their labels, (labels, d)."""

    options: Options
    vectors: NDArray[np.float32]


class ObjectsByWords(Objects):
    """A detector with two graphs: ids of tokens → vectors of labels; pixels and these vectors → scores and boxes."""

    choices: ClassVar[type[Any]] = WordOptions

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        super().__init__(spec, folder)
        self.longest = int(number_of(spec, "tokens"))
        self.padding = int(number_of(spec, "padding"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Raise ModelUnavailable: folders are written by models/sources/word_detectors.py alone."""
        raise ModelUnavailable(f"analyser {spec.name!r}: its graphs are made when its folder is added; add it again")

    def check(self, options: Options) -> None:
        """Raise AnalysisError for labels that are none, too many, blank, too long or twice there."""
        self.ids(options.labels)
        self.thresholds(options, options.labels)

    def ids(self, labels: Sequence[str]) -> list[Ids]:
        """The ids of each label, padded to the length that the network takes. Raises AnalysisError."""
        if not labels:
            raise AnalysisError(
                f"labels: got none, and {self.spec.name!r} looks for what labels describe; name some, such as "
                '["a flag"]'
            )
        if len(labels) > MOST_LABELS:
            raise AnalysisError(
                f"labels: got {len(labels):,}, the limit of {self.spec.name!r} is {MOST_LABELS}; ask in several "
                "requests"
            )
        rows: list[Ids] = []
        seen: dict[bytes, str] = {}
        for label in labels:
            if not isinstance(label, str) or not label.strip():
                raise AnalysisError(f"labels: got {quoted(label)}, words are needed; write what is looked for")
            row = self._padded(label)
            if (same := seen.get(row.tobytes())) is not None:
                other = "it is there twice" if same == label else f"{quoted(same)} has the same tokens"
                raise AnalysisError(f"labels: got {quoted(label)}, and {other}; leave one of the two out")
            seen[row.tobytes()] = label
            rows.append(row)
        return rows

    def _padded(self, label: str) -> Ids:
        try:
            label.encode()
        except UnicodeEncodeError as exc:
            raise AnalysisError(
                f"labels: got {quoted(label.encode('ascii', 'backslashreplace').decode())}, half of a surrogate pair "
                "is no text; send whole characters"
            ) from exc
        too_long = len(label) > CHARACTERS  # tokenising a very long text would take long
        found = [] if too_long else self.tokenizer.encode(label).ids
        if too_long or len(found) > self.longest:
            count = f"{len(label):,} characters" if too_long else f"{len(found):,} tokens"
            raise AnalysisError(
                f"labels: got {quoted(label)} with {count}, and {self.spec.name!r} reads {self.longest} tokens, its "
                "start and end among them (about 10 words); shorten it"
            )
        return np.array(found + [self.padding] * (self.longest - len(found)), np.int64)

    def prepare(self, options: Options) -> Preparation:
        """Compute the vectors of the labels."""
        answers = yield Work(LABELS, [(row,) for row in self.ids(options.labels)])
        return _Query(options, np.stack([vector for (vector,) in answers]))

    def steps(self, image: Image.Image, options: Any) -> Steps:
        """Find what the labels describe: of each place the label with the highest score, as transformers does."""
        query: _Query = options
        asked = query.options
        pixels, shown = self.square(image)
        ((scores, boxes),) = yield Work(PICTURES, [(pixels, query.vectors)])
        best = scores.argmax(1)
        alone = np.full_like(scores, -1.0)
        alone[np.arange(len(best)), best] = scores[np.arange(len(best)), best]
        half = boxes[:, 2:] / 2
        corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
        return analysis(
            alone,
            corners * [*shown, *shown],
            asked.labels,
            image.size,
            min_score=self.thresholds(asked, asked.labels),
            wanted=range(len(asked.labels)),
            limit=asked.limit,
            largest_overlap=asked.overlap,
            remarks=self._remarks(image.size),
        )

    def square(self, image: Image.Image) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Pixels for the graph, and the width and height, in pixels of the picture, of what they show."""
        if self.spec.settings["fit"] == "pad":
            return padded_square(image, self.size), (max(image.size), max(image.size))
        return self._fit(image)[0], image.size
