"""Blurred faces: ellipses of which a few cells are left."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

GROWTH = 1.25  # of the ellipse in a face's box: hair, chin and ears belong to what is recognised
CELLS = 4  # along the longer side of a face's box that has grown
SMALLEST = 3  # pixels of a cell


def with_blurred(image: Image.Image, boxes: "NDArray[np.floating[Any]] | Sequence[Sequence[float]]") -> Image.Image:
    """A copy of an RGB image with an ellipse in each box averaged to a few cells, and smoothed.

    Parameters
    ----------
    boxes : (n, 4) left, top, right, bottom in pixels, of faces; they may lie in part outside of the image.
    """
    made = image.copy()
    for left, top, right, bottom in boxes:
        across, down = (right - left) * GROWTH / 2, (bottom - top) * GROWTH / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        edges = [x - across, y - down, x + across, y + down]
        if not np.isfinite(edges).all():
            continue
        outer = (
            max(0, int(np.floor(edges[0]))),
            max(0, int(np.floor(edges[1]))),
            min(made.width, int(np.ceil(edges[2]))),
            min(made.height, int(np.ceil(edges[3]))),
        )
        width, height = outer[2] - outer[0], outer[3] - outer[1]
        if width <= 0 or height <= 0:
            continue
        longer = max(width, height)
        cell = max(longer / CELLS, SMALLEST)
        cells = max(1, round(width / cell)), max(1, round(height / cell))
        part = made.crop(outer)
        soft = part.resize(cells, Image.Resampling.BOX).resize(part.size, Image.Resampling.BILINEAR)
        mask = Image.new("L", part.size)
        inner = [edges[0] - outer[0], edges[1] - outer[1], edges[2] - outer[0], edges[3] - outer[1]]
        ImageDraw.Draw(mask).ellipse(inner, fill=255)
        made.paste(soft, outer, mask)
    return made
