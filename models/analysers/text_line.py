"""Text of pictures that are one line each, printed or written by hand: TrOCR (Li et al., AAAI 2023) of a folder."""

from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from models.analysers.classes import preprocess_of
from models.analysers.generation import PART, Writer, ints, no_built_in, plan
from models.analysers.spec import AnalyserSpec, Analysis, Finding, Steps, Work
from models.analysers.text import Options
from models.images.preprocess import resize

MOST_TOKENS = 96  # of a line; three to four characters each
LENGTH = 1 + MOST_TOKENS + 1  # places of a plan: the start, the line, and the last one
WIDEST = 40  # times the height: nothing is left of the letters in a square


class TextLine:
    """The text of a picture, or of its crop, as one line. `max_lines` and `long_side` have no effect."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self.preprocess = preprocess_of(spec.settings)
        self.start = ints(spec, "start")
        self.writer = Writer(folder, ints(spec, "ends"))

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """Raise ModelUnavailable: none is built in. Folders of transformers: models/sources/writers.py."""
        raise no_built_in(spec)

    def check(self, options: Options) -> None:
        """Accept all options."""

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Read the whole picture as a line."""
        row = resize(image, self.preprocess), plan(self.start, MOST_TOKENS, LENGTH)
        (answer,) = yield Work(PART, [row])
        written = self.writer.read((), answer)
        remarks = []
        if not written.ended:
            remarks.append(f"the line has not ended after {MOST_TOKENS} tokens; crop the picture to one line")
        if image.width > WIDEST * image.height or image.height > image.width:
            remarks.append(
                f"a picture of {image.width:,} x {image.height:,} pixels: this analyser reads one line that lies; crop "
                "the picture to it"
            )
        there = bool(written.text) and written.score >= options.min_score
        if not there:
            remarks.append(f"nothing is read with a score of at least {options.min_score:g}")
        width, height = float(image.width), float(image.height)
        line = Finding(
            text=written.text,
            score=written.score,
            box=(0.0, 0.0, width, height),
            polygon=((0.0, 0.0), (width, 0.0), (width, height), (0.0, height)),
        )
        values = {
            "text_share": float(there),
            "text_lines": float(there),
            "text_characters": float(len("".join(written.text.split())) if there else 0),
        }
        return Analysis(
            findings=(line,) if there else (), values=values, truncated=not written.ended, remarks=tuple(remarks)
        )
