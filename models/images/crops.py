"""Crops: a rectangle of the upright picture in place of the whole picture."""

import math
from dataclasses import dataclass

from PIL import Image

from models.errors import InvalidImage


@dataclass(frozen=True, kw_only=True, slots=True)
class Crop:
    """A rectangle in pixels of the upright picture: its EXIF orientation is applied.

    Attributes
    ----------
    x, y : the upper left corner; it may lie outside of the picture.
    margin : share of the width that is added at the left and at the right, and of the height above and below.
    """

    x: float
    y: float
    width: float
    height: float
    margin: float = 0.0

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The whole pixels of a picture of this size that are cut out: left, upper, right, lower, as Pillow has them.

        Each edge, with its margin, is rounded to the nearest edge of a pixel (halves up), and what lies outside of
        the picture is left out.

        Raises
        ------
        InvalidImage : code invalid_crop, for less than one pixel, and for a crop outside of the picture.
        """
        if not (self.width >= 1 and self.height >= 1):
            raise InvalidImage(
                f"crop is {self.width:g} x {self.height:g} pixels, and it must have at least 1 x 1: give width and "
                "height in pixels of the upright picture, not as shares of it",
                "invalid_crop",
            )
        left, right = _inside(self.x, self.width, self.margin, size[0])
        upper, lower = _inside(self.y, self.height, self.margin, size[1])
        if left >= right or upper >= lower:
            raise InvalidImage(
                f"crop with its upper left corner at ({self.x:g}, {self.y:g}), {self.width:g} x {self.height:g} pixels "
                f"large, has no pixel of the picture of {size[0]:,} x {size[1]:,}: give pixels of the upright picture, "
                "whose EXIF orientation is applied",
                "invalid_crop",
            )
        return left, upper, right, lower

    def cut(self, image: Image.Image) -> Image.Image:
        """The pixels of the crop. Raises InvalidImage as `box` does."""
        return image.crop(self.box(image.size))


def _inside(start: float, length: float, margin: float, size: int) -> tuple[int, int]:
    """The first pixel, and the one after the last, of an interval within `size` pixels."""
    edges = start - margin * length, start + length + margin * length
    first, end = (math.floor(min(max(edge, 0.0), float(size)) + 0.5) for edge in edges)
    return first, end
