"""Where faces are that are to be blurred: several looks at a picture, with a low threshold, so that few are missed."""

from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.boxes import suppress
from models.analysers.faces import MOST, OVERLAP, decoded, fitted
from models.analysers.spec import Arrays, Work

MIN_SCORE = 0.5  # lower than where faces are counted: a blurred wheel does less harm than a face that is shown
SIZES = (
    320,
    640,
    1280,
)  # pixels of the longer side; large faces are found better in small pictures, small ones in large pictures
TURNED = 640  # the size at which a picture is also looked at from its sides: not all files say how they are turned


class FacePlaces(NamedTuple):
    """Places of faces in pixels of the picture.

    Attributes
    ----------
    boxes : (n, 4) left, top, right, bottom.
    everywhere : whether there are so many that the whole picture is to be blurred.
    """

    boxes: NDArray[np.float64]
    everywhere: bool = False

    def within(self, corner: tuple[int, int]) -> "FacePlaces":
        """The places in pixels of a crop, whose upper left corner is given."""
        return FacePlaces(self.boxes - [*corner, *corner], self.everywhere)


def face_places(image: Image.Image) -> Generator[Work, Sequence[Arrays], FacePlaces]:
    """Look for faces in a picture, RGB and upright, at several sizes and from three sides."""
    found: list[NDArray[np.float64]] = []
    scores: list[NDArray[np.float64]] = []
    everywhere = False
    for pixels, scale, sides in _looks(image):
        for turns in (0, 1, -1) if sides else (0,):
            seen = np.ascontiguousarray(np.rot90(pixels, turns))
            (answer,) = yield Work("detect", [(seen,)])
            faces = decoded(answer, seen.shape[:2], (1.0, 1.0), min_score=MIN_SCORE, limit=MOST)
            found.append(_back(faces.boxes, turns, pixels.shape) * [*scale, *scale])
            scores.append(faces.scores)
            everywhere |= faces.truncated
    boxes = np.concatenate(found)
    boxes = boxes[np.argsort(-np.concatenate(scores), kind="stable")]
    kept = suppress(boxes, np.zeros(len(boxes), int), OVERLAP, MOST + 1)
    return FacePlaces(boxes[kept[:MOST]], everywhere or len(kept) > MOST)


def _looks(image: Image.Image) -> Iterator[tuple[NDArray[np.uint8], tuple[float, float], bool]]:
    """Pixels for the detector, those of the picture per pixel of these, and whether it is turned too."""
    longer = max(image.size)
    sizes = [size for size in SIZES if size == SIZES[0] or longer > size // 2]  # others have the same pixels
    for size in sizes:
        yield *fitted(image, size), size == min(TURNED, sizes[-1])
    if longer <= SIZES[-1] // 2:  # faces of 15 pixels are found where the picture is enlarged
        twice = image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC)
        pixels, (across, down) = fitted(twice, SIZES[-1])
        yield pixels, (across / 2, down / 2), False


def _back(boxes: NDArray[np.float64], turns: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Boxes in pixels (h, w) as they were before `np.rot90(pixels, turns)`."""
    left, top, right, bottom = boxes.T
    if turns == 1:
        return np.stack([shape[1] - bottom, left, shape[1] - top, right], axis=1)
    if turns == -1:
        return np.stack([top, shape[0] - right, bottom, shape[0] - left], axis=1)
    return boxes
