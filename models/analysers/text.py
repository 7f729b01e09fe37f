"""The analyser of text in pictures: PP-OCRv6, detection and recognition.

Two networks: `detect` draws a map of where text is, `recognise` reads one line that was cut out along its direction.
The maps are those of Liao et al. (AAAI 2020), the texts are decoded greedily
by CTC (Graves et al., ICML 2006).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from models.analysers import text_detection as detection
from models.analysers import text_recognition as recognition
from models.analysers.convex import share
from models.analysers.reading_order import reading_order
from models.analysers.spec import AnalyserSpec, Analysis, Finding, Part, Steps, Work
from models.analysers.text_detection import Floats
from models.analysers.weights import weights_files
from models.catalog.spec import Source
from models.errors import AnalysisError

if TYPE_CHECKING:
    import onnx

LONGEST_SIDE = 1920  # largest `long_side`: the cost grows with its square
SMALLEST_SIDE = 320
MOST_LINES = 500
LONGEST_ROW = 3840  # pixels: a line 80 times as long as high
RECOGNISED = 4  # lines of a batch
_DETECTION, _RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
ALPHABET = "alphabet.json"

SPEC = AnalyserSpec(
    name="text",
    kind="text",
    description="Lines of text in a picture, with where they are (PP-OCRv6 small).",
    source=Source(
        kind="pypi",
        locator="rapidocr",
        revision="3.10.0",
        weights={
            _DETECTION: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            _RECOGNITION: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        },
    ),
    licence="Apache-2.0",
    parts={
        "detect": Part(row_bytes=LONGEST_SIDE**2 * 3, answer_bytes=LONGEST_SIDE**2 * 4),
        "recognise": Part(row_bytes=48 * LONGEST_ROW * 3, answer_bytes=LONGEST_ROW // 8 * 8, cpu_batch=RECOGNISED),
    },
    settings={
        "mean": (127.5, 127.5, 127.5),
        "std": (127.5, 127.5, 127.5),
        "short_side": 480,
        "map_threshold": 0.3,
        "region_threshold": 0.5,
        "growth": 1.6,
        "line_height": 48,
        "line_multiple": 64,
        "shortest_row": 320,
        "longest_row": LONGEST_ROW,
        "sure": 0.9,  # lines with a lower score are also read upside down
        "largest_character": 0.05,  # share of the picture: a round plate is no 8
    },
    languages=(
        "Latin script with the diacritics of European languages and Turkish, Chinese and Japanese, and Greek without "
        "accents; no Cyrillic, Arabic, Hebrew, Devanagari, Thai, Korean or Vietnamese"
    ),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a request.

    Attributes
    ----------
    min_score : lines with a lower mean probability of their characters are left out, and counted in a remark.
    max_lines : most lines that are read, the first in reading order; 1 to 500.
    long_side : pixels of the longer side at which a picture is searched, 320 to 1920; it is never enlarged to
        that. More finds smaller print in large pictures, at a cost that grows with its square.
    """

    min_score: float = 0.5
    max_lines: int = MOST_LINES
    long_side: int = 960

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise AnalysisError(f"min_score: got {self.min_score}, a number from 0 to 1 is needed")
        if not 1 <= self.max_lines <= MOST_LINES:
            raise AnalysisError(f"max_lines: got {self.max_lines}, a whole number from 1 to {MOST_LINES} is needed")
        if not SMALLEST_SIDE <= self.long_side <= LONGEST_SIDE:
            raise AnalysisError(
                f"long_side: got {self.long_side}, a number of pixels from {SMALLEST_SIDE} to {LONGEST_SIDE} is needed"
            )


class Text:
    """The lines of text in a picture, in reading order (`reading_order.py` has the rule).

    The values are `text_share`, the share of the picture that the lines cover; `text_lines`, their number; and
    `text_characters`, the number of characters in them without spaces.
    """

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.settings: Mapping[str, Any] = spec.settings
        self.languages = spec.languages
        self.alphabet: Sequence[str] = json.loads((folder / ALPHABET).read_text(encoding="utf-8"))

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Write `detect.onnx`, `recognise.onnx` and the alphabet. Raises ModelUnavailable without the package."""
        import onnx  # a serving process does not need it

        from models.analysers.graphs import batched, with_pixels

        files = weights_files(spec, "rapidocr", "models")
        settings: Mapping[str, Any] = spec.settings
        recogniser = onnx.load(files[_RECOGNITION])
        (alphabet,) = (entry.value for entry in recogniser.metadata_props if entry.key == "character")
        (folder / ALPHABET).write_text(json.dumps([*alphabet.split("\n"), " "], ensure_ascii=False), encoding="utf-8")
        for part, model in (("detect", onnx.load(files[_DETECTION])), ("recognise", recogniser)):
            graph = batched(with_pixels(model, mean=settings["mean"], std=settings["std"], bgr=True))
            onnx.save(most_probable(graph) if part == "recognise" else graph, folder / f"{part}.onnx")

    def check(self, options: Options) -> None:
        """Accept all options."""

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Find regions of text, put them in order, and read each."""
        settings, remarks = self.settings, []
        size = detection.map_size(*image.size, short_side=settings["short_side"], long_side=options.long_side)
        ((found,),) = yield Work("detect", [(detection.map_row(image, size),)])
        regions, beyond = detection.find_regions(found[0], *image.size, settings)
        if beyond:
            remarks.append(
                f"{len(regions) + beyond:,} regions look like text; the {detection.CANDIDATES:,} largest are looked at"
            )
        regions = regions[reading_order(regions)]
        if len(regions) > options.max_lines:
            remarks.append(f"{len(regions):,} lines of text; the first {options.max_lines:,} in reading order are read")
        truncated = beyond > 0 or len(regions) > options.max_lines
        regions = regions[: options.max_lines]

        reader = recognition.LineReader(image, settings, self.alphabet)
        ways = [(region, way) for region, corners in enumerate(regions) for way in recognition.directions(corners)]
        read = yield from reader.read([way for _, way in ways])
        best = _best([region for region, _ in ways], read)
        doubtful = [region for region, finding in best.items() if _score(finding) < settings["sure"]]
        lying = [region for region in doubtful if len(recognition.directions(regions[region])) == 1]
        turned = yield from reader.read([recognition.upside_down(regions[region]) for region in lying])
        best = _best([*best, *lying], [*best.values(), *turned])

        readable = [finding for finding in best.values() if finding.text and _score(finding) >= options.min_score]
        kept = [finding for finding in readable if not self._is_shape(finding, image)]
        kept = [kept[i] for i in reading_order(_polygons(kept))]  # now that it is known which way the lines run
        if len(best) < len(regions):
            truncated = True
            remarks.append(f"long lines that are left out: {len(regions) - len(best):,}; crop the picture to read them")
        if reader.in_pieces:
            remarks.append(
                f"lines longer than {settings['longest_row'] // settings['line_height']} times their height are read "
                "in pieces, which are joined by spaces"
            )
        if len(readable) < len(best):
            remarks.append(
                "regions that look like text and are left out, as nothing is read in them with a score of at least "
                f"{options.min_score:g}: {len(best) - len(readable):,} (scripts: {self.languages})"
            )
        if len(kept) < len(readable):
            remarks.append(
                f"shapes that are left out, as they look like a single character and are large, or have a score below "
                f"{settings['sure']:g}: {len(readable) - len(kept):,}"
            )
        values = {
            "text_share": share(_polygons(kept), *image.size),
            "text_lines": float(len(kept)),
            "text_characters": float(sum(len((finding.text or "").replace(" ", "")) for finding in kept)),
        }
        return Analysis(findings=tuple(kept), values=values, truncated=truncated, remarks=tuple(remarks))

    def _is_shape(self, finding: Finding, image: Image.Image) -> bool:
        """Whether a single character is rather a round or pointed thing: it is large, or not read with certainty."""
        if len((finding.text or "").replace(" ", "")) > 1:
            return False
        covered = share(_polygons([finding]), *image.size)
        return bool(covered > self.settings["largest_character"] or _score(finding) < self.settings["sure"])


def _best(regions: Sequence[int], readings: Sequence[Finding | None]) -> dict[int, Finding]:
    """The reading with the highest score of each region, the first of equal ones."""
    best: dict[int, Finding] = {}
    for region, finding in zip(regions, readings, strict=True):
        if finding is not None and (region not in best or _score(finding) > _score(best[region])):
            best[region] = finding
    return dict(sorted(best.items()))


def _score(finding: Finding) -> float:
    return finding.score or 0.0


def _polygons(findings: Sequence[Finding]) -> Floats:
    return np.array([finding.polygon for finding in findings], float).reshape(-1, 4, 2)


def most_probable(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """End a graph with its most probable class of each step: probabilities (n, t, c) → indices and values, (n, t).

    The probabilities of 18,710 classes for each of some hundred steps are megabytes; these are kilobytes.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = model.graph
    (output,) = graph.output
    graph.node.extend(
        [
            helper.make_node("ArgMax", [output.name], ["index64"], axis=2, keepdims=0),
            helper.make_node("Cast", ["index64"], ["index"], to=TensorProto.INT32),
            helper.make_node("ReduceMax", [output.name], ["probability"], axes=[2], keepdims=0),
        ]
    )
    del graph.output[:]
    for name, kind in (("index", TensorProto.INT32), ("probability", TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["n", "t"]))
    onnx.checker.check_model(model)
    return model
