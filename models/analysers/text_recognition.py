"""Lines of text as rows of a recognition network, and texts from its answers."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.spec import Arrays, Finding, Work
from models.analysers.text_detection import Floats, sides_of

Pixels = NDArray[np.uint8]
_WORD = r"[a-zA-Z0-9:*./%+-]+"
_RUNS = re.compile(f"{_WORD}(?: +{_WORD})*|.", re.DOTALL)  # left to right in a line of any script, or one character
TALL = 1.5  # a region whose height is this multiple of its width has text that runs down or up
LARGEST_WORK = 2**18  # columns of all rows of a picture together: a full page of small print has half of it


class _Row(NamedTuple):
    """A row for the network: a whole region in one direction, or a piece of a long one."""

    reading: int  # index into the corners
    piece: int
    pixels: Pixels | None  # None: cut out when its turn comes


class LineReader:
    """Reads regions of one picture.

    Attributes
    ----------
    columns : columns of all rows so far, of which there are at most LARGEST_WORK.
    in_pieces : lines so far that were longer than the longest row, and were read in pieces.
    """

    def __init__(self, image: Image.Image, settings: Mapping[str, Any], alphabet: Sequence[str]) -> None:
        self.pyramid, self.settings, self.alphabet = Pyramid(image), settings, alphabet
        self.columns = self.in_pieces = 0

    def read(self, regions: Sequence[Floats]) -> Generator[Work, Sequence[Arrays], list[Finding | None]]:
        """Read regions (4, 2) from their first corner to their second. None where there is no work left for one."""
        buckets: dict[int, list[_Row]] = defaultdict(list)
        for reading, corners in enumerate(regions):
            for width, row in self._rows(reading, corners):
                buckets[width].append(row)
        answers: dict[int, dict[int, Arrays]] = defaultdict(dict)
        for width, rows in sorted(buckets.items()):
            pixels = [self._crop(regions[row.reading]) if row.pixels is None else row.pixels for row in rows]
            for row, answer in zip(rows, (yield Work("recognise", [(padded(p, width),) for p in pixels])), strict=True):
                answers[row.reading][row.piece] = answer
        return [
            self._finding(corners, [answers[reading][piece] for piece in sorted(answers[reading])])
            if reading in answers
            else None
            for reading, corners in enumerate(regions)
        ]

    def _rows(self, reading: int, corners: Floats) -> Iterator[tuple[int, _Row]]:
        """Rows of a region, each with its width."""
        settings = self.settings
        own = row_width(corners, settings["line_height"])
        if self.columns + own > LARGEST_WORK:
            return
        crops: list[Pixels | None] = [None]
        widths = [own]
        if own > settings["longest_row"]:
            self.in_pieces += 1
            whole = list(pieces(self._crop(corners), settings["longest_row"]))
            crops, widths = [*whole], [piece.shape[1] for piece in whole]
        for piece, (crop, width) in enumerate(zip(crops, widths, strict=True)):
            row = bucket(width, multiple=settings["line_multiple"], smallest=settings["shortest_row"])
            self.columns += row
            yield row, _Row(reading, piece, crop)

    def _crop(self, corners: Floats) -> Pixels:
        return self.pyramid.crop(corners, self.settings["line_height"])

    def _finding(self, corners: Floats, answers: Sequence[Arrays]) -> Finding:
        decoded = [decode(indices, probabilities, self.alphabet) for indices, probabilities in answers]
        probabilities = np.concatenate([each for _, each in decoded])
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        return Finding(
            text=logical_order(" ".join(filter(None, (text.strip() for text, _ in decoded)))),
            score=float(probabilities.mean()) if len(probabilities) else 0.0,
            box=(left, top, right - left, bottom - top),
            polygon=tuple((x, y) for x, y in corners.tolist()),
        )


class Pyramid:
    """A picture and its reductions by 2, 4, 8, …, made when they are asked for: a crop costs what its pixels do."""

    def __init__(self, image: Image.Image) -> None:
        self.levels = {0: image}

    def crop(self, corners: Floats, height: int) -> Pixels:
        """A region (4, 2) as an upright picture of `height` pixels and of the region's proportions, RGB."""
        width_there, height_there = sides_of(corners)
        level = max(0, math.floor(math.log2(max(height_there / height, 1))))
        if level not in self.levels:
            self.levels[level] = self.levels[0].reduce(2**level)
        source = self.levels[level]
        scale = np.array(source.size) / self.levels[0].size
        size = max(1, round(width_there * scale[0])), max(1, round(height_there * scale[1]))
        plane = source.transform(
            size, Image.Transform.PERSPECTIVE, _perspective(corners * scale, *size), Image.Resampling.BICUBIC
        )
        resized = plane.resize((row_width(corners, height), height), Image.Resampling.BILINEAR)
        return np.asarray(resized)


def directions(corners: Floats) -> list[Floats]:
    """The ways in which a region may be read: corners from the text's upper left on.

    One for a region that lies, two for one that stands: from top to bottom and from bottom to top.
    """
    width, height = sides_of(corners)
    if height < TALL * width:
        return [corners]
    return [np.roll(corners, -1, 0), np.roll(corners, 1, 0)]


def upside_down(corners: Floats) -> Floats:
    """The opposite direction."""
    return np.roll(corners, 2, 0)


def row_width(corners: Floats, height: int) -> int:
    """Width of a region that is scaled to `height` pixels."""
    width, own = sides_of(corners)
    return max(1, math.ceil(height * width / own))


def bucket(width: int, *, multiple: int, smallest: int) -> int:
    """Width of the row of a line: its shape depends on nothing but the line."""
    return max(smallest, math.ceil(width / multiple) * multiple)


def padded(line: Pixels, width: int) -> Pixels:
    """A line (h, w, 3) with grey on its right, which is 0 for the network up to half a grey level."""
    row = np.full((line.shape[0], width, 3), 128, np.uint8)
    row[:, : line.shape[1]] = line
    return row


def pieces(line: Pixels, longest: int) -> Iterator[Pixels]:
    """Cut a line (h, w, 3) into pieces of at most `longest` columns, where it is emptiest in the last quarter."""
    grey = line.mean(2)
    contrast = np.ptp(grey, axis=0)
    window = max(1, line.shape[0] // 4)
    while line.shape[1] > longest:
        first = longest * 3 // 4
        smooth = np.convolve(contrast[first:longest], np.ones(window) / window, mode="valid")
        cut = first + int(smooth.argmin()) + window // 2
        yield line[:, :cut]
        line, contrast = line[:, cut:], contrast[cut:]
    yield line


def decode(
    indices: NDArray[np.int32], probabilities: NDArray[np.float32], alphabet: Sequence[str]
) -> tuple[str, Floats]:
    """The text of one row by greedy CTC decoding, and the probability of each character.

    Parameters
    ----------
    indices, probabilities : the most probable class of each step, (t,), and its probability. Class 0 is the blank.
    alphabet : the characters of the classes 1, 2, ….
    """
    taken = (indices != 0) & np.append(True, indices[1:] != indices[:-1])
    text = "".join(alphabet[i - 1] for i in indices[taken])
    return text, probabilities[taken].astype(np.float64)


def logical_order(text: str) -> str:
    """A line that was read from left to right, in the order of its script.

    A line with Arabic or Hebrew letters is turned round, but for runs of Latin letters, digits and the marks that
    stand with them, as PaddleOCR does, and the spaces within them.
    """
    if not any(unicodedata.bidirectional(each) in ("R", "AL") for each in text):
        return text
    return "".join(reversed(_RUNS.findall(text))).strip()


def _perspective(corners: Floats, width: int, height: int) -> list[float]:
    """Coefficients of the projection that takes a picture of this size to the corners, as Pillow wants them."""
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    rows, values = [], []
    for (x, y), (u, v) in zip(target, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    result: list[float] = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return result
