"""Pictures padded to a square on the right and below, and resized as scikit-image resizes: blur, then interpolation.

A Gaussian blur and linear interpolation are sums over each axis alone, so both together are one matrix for each axis,
whose rows have few numbers that are not 0. The padding is 0 and adds nothing to the sums. So the square is never made:
that of a picture of 65,535 x 1 pixels would have 13 GB.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
BLOCK = 16  # rows of the output that are computed at once
TRUNCATE = 4.0  # standard deviations of the blur, as in SciPy


def padded_square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Pad an RGB picture with black to a square, blur and resize it: (side, side, 3) uint8.

    Equal to `skimage.transform.resize` with anti_aliasing of the padded square, and to the image processor of OWLv2 in
    transformers, but for rounding to whole numbers.
    """
    width, height = image.size
    whole = max(image.size)
    down = _resized(np.asarray(image).reshape(height, width * 3), whole, side)
    rows = len(down)  # that are not padding alone
    across = _resized(down.reshape(rows, width, 3).transpose(1, 0, 2).reshape(width, rows * 3), whole, side)
    square = np.zeros((side, side, 3), np.uint8)
    square[:rows, : len(across)] = np.rint(across).clip(0, 255).reshape(-1, rows, 3).transpose(1, 0, 2)
    return square


def _resized(values: NDArray[np.generic], whole: int, side: int) -> Floats:
    """Resize the first axis of (n, m), which zeros extend to `whole`: (side, m), without the zeros at the end."""
    length = len(values)
    factor = whole / side
    sigma = max(0.0, (factor - 1) / 2)
    radius = int(TRUNCATE * sigma + 0.5)
    blur = np.exp(-0.5 * (np.arange(-radius, radius + 1) / (sigma or 1.0)) ** 2)
    blur /= blur.sum()
    centres = (np.arange(side) + 0.5) * factor - 0.5
    first = np.floor(centres).astype(int)
    share = (centres - first)[:, None]
    weights = (1 - share) * np.append(blur, 0.0) + share * np.append(0.0, blur)  # (side, 2 * radius + 2)
    places = _mirrored(first[:, None] + np.arange(-radius, radius + 2), whole)
    used = int((places.min(1) < length).sum())  # the first ones
    resized = np.empty((used, values.shape[1]), np.float32)
    for start in range(0, used, BLOCK):
        here = slice(start, min(start + BLOCK, used))
        low, high = int(places[here].min()), int(places[here].max()) + 1
        matrix = np.zeros((len(places[here]), high - low))
        np.add.at(matrix, (np.arange(len(matrix))[:, None], places[here] - low), weights[here])
        high = min(high, length)
        resized[here] = matrix[:, : high - low].astype(np.float32) @ values[low:high].astype(np.float32)
    return resized


def _mirrored(places: NDArray[np.integer], length: int) -> NDArray[np.integer]:
    """Places beyond the ends of an axis, reflected at the centres of its first and last."""
    if length == 1:
        return np.zeros_like(places)
    period = 2 * (length - 1)
    once = np.mod(places, period)
    folded: NDArray[np.integer] = np.minimum(once, period - once)
    return folded
