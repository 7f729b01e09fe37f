"""Regions of text from the map of a DB network: rectangles of any direction.

The network draws the shrunken core of each line. The rectangle around a core grows on all sides by
area · growth / perimeter, which is how far its training shrank it (Liao et al., Real-time Scene Text Detection with
Differentiable Binarization, AAAI 2020).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.convex import means

Floats = NDArray[np.float64]
CANDIDATES = 1000  # regions that are looked at, the largest
MULTIPLE = 32  # the network halves its input five times
SMALLEST_CORE = 3.0  # pixels of the map; narrower cores are no text
SMALLEST_SIDE = 3.0  # pixels of the picture


def map_size(width: int, height: int, *, short_side: int, long_side: int) -> tuple[int, int]:
    """Size at which a picture is searched: width and height, multiples of 32.

    The short side is at least `short_side` and the long side at most `long_side`. Pictures that are too narrow for
    both, such as screenshots of whole pages, are searched at up to `long_side` squared pixels: the cost of a strip
    is that of a square.
    """
    short, long = min(width, height), max(width, height)
    area = long_side**2
    enlarged = short_side / short
    scale = min(max(1.0, enlarged), max(long_side / long, min(enlarged, math.sqrt(area / (short * long)))))
    low = max(MULTIPLE, round(short * scale / MULTIPLE) * MULTIPLE)
    high = max(MULTIPLE, round(long * scale / MULTIPLE) * MULTIPLE)
    high = min(high, max(MULTIPLE, area // low // MULTIPLE * MULTIPLE))
    return (high, low) if width >= height else (low, high)


def map_row(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The row of the detection network, (h, w, 3) uint8 RGB, of a picture that is stretched to `size`."""
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def find_regions(
    found: NDArray[np.float32], width: int, height: int, settings: Mapping[str, Any]
) -> tuple[Floats, int]:
    """Rectangles around the text of a picture of `width` x `height` pixels, from its map (h, w) of probabilities.

    Returns
    -------
    corners : (n, 4, 2) in pixels of the picture: upper left, upper right, lower right, lower left.
    left_out : number of regions beyond the largest CANDIDATES.
    """
    core = found > settings["map_threshold"]
    core[:, 1:] |= core[:, :-1].copy()  # dilation by 2 x 2 pixels
    core[1:] |= core[:-1].copy()
    from scipy import ndimage  # a server would take twice as long to start

    labels, count = ndimage.label(core, structure=np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    sides = np.array([[s.stop - s.start for s in box] for box in boxes]).reshape(-1, 2)
    large = np.flatnonzero(sides.min(1) > SMALLEST_CORE) if count else np.zeros(0, np.int64)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:][large]
    kept = np.sort(large[np.argsort(-pixels, kind="stable")[:CANDIDATES]])

    rectangles = [smallest_rectangle(_outline(labels[boxes[i]] == i + 1, boxes[i])) for i in kept]
    scores = means(found, (_corners(*rectangle) for rectangle in rectangles))
    scale = np.array([width / found.shape[1], height / found.shape[0]])
    regions = []
    for (centre, along, size), score in zip(rectangles, scores, strict=True):
        if min(size) < SMALLEST_CORE or score < settings["region_threshold"]:
            continue
        growth = size.prod() * settings["growth"] / size.sum()  # on both sides: twice the distance
        # the centre of the first pixel is half a pixel from the picture's corner: as far as the dilation moved the core
        corners = np.clip(_corners(centre, along, size + growth) * scale, 0, (width, height))
        if min(sides_of(corners)) > SMALLEST_SIDE:
            regions.append(corners)
    return np.array(regions).reshape(-1, 4, 2), len(large) - len(kept)


def smallest_rectangle(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Rectangle of the smallest area around points (n, 2) that are not on one line.

    Returns its centre, the direction of its width, which is at most 45 degrees from the horizontal, and its width and
    height. One side of it lies on an edge of the convex hull (Freeman and Shapira 1975).
    """
    from scipy.spatial import ConvexHull

    hull = points[ConvexHull(points).vertices]
    edges = np.roll(hull, -1, 0) - hull
    along = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    at, off = hull @ along.T, hull @ across.T  # (points, edges)
    extents = np.stack([np.ptp(at, 0), np.ptp(off, 0)], 1)
    best = int(np.argmin(np.round(extents.prod(1), 6)))
    middle = (at[:, best].max() + at[:, best].min()) / 2, (off[:, best].max() + off[:, best].min()) / 2
    centre = along[best] * middle[0] + across[best] * middle[1]
    direction, size = along[best], extents[best]
    if abs(direction[1]) > abs(direction[0]):
        direction, size = across[best], size[::-1]
    return centre, direction if direction[0] > 0 else -direction, size


def sides_of(corners: Floats) -> tuple[float, float]:
    """Width and height of a rectangle (4, 2): the longer of two opposite sides, where clipping made them unequal."""
    upper, right, lower, left = np.linalg.norm(np.roll(corners, -1, 0) - corners, axis=1)
    return float(max(upper, lower)), float(max(left, right))


def _outline(mask: NDArray[np.bool_], box: tuple[slice, slice]) -> Floats:
    """First and last pixel of each row of a region, (n, 2): they have the region's convex hull."""
    rows = np.flatnonzero(mask.any(1))
    first, last = mask[rows].argmax(1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(1)
    points = np.concatenate([np.stack([first, rows], 1), np.stack([last, rows], 1)])
    outline: Floats = points + np.array([box[1].start, box[0].start], float)
    return outline


def _corners(centre: Floats, along: Floats, size: Floats) -> Floats:
    half_width = along * size[0] / 2
    half_height = np.array([-along[1], along[0]]) * size[1] / 2
    return np.array(
        [
            centre - half_width - half_height,
            centre + half_width - half_height,
            centre + half_width + half_height,
            centre - half_width + half_height,
        ]
    )
