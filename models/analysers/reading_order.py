"""Reading order of regions: columns from left to right, and within a column from top to bottom.

The regions are turned upright by their common direction and reduced to their middle, so that neighbouring lines do
not overlap. Then:

1. Regions that an empty corridor, as wide as most of a line is high, separates from top to bottom are columns, and are
   read one after the other.
2. Otherwise, empty strips from left to right separate bands. Bands that follow one another are read as one block where
   a corridor runs through all of them: a headline comes before the columns below it, and is no part of one.
3. Regions that neither separates are read by the height of their middle; those on one height from left to right.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CORRIDOR = 0.75  # of the median height of the regions
MIDDLE = 0.25  # of a region's height is taken from each of its sides
DEEPEST = 40  # columns in bands in columns …: deeper regions are read by rule 3


def reading_order(corners: Floats) -> Ints:
    """Indices of regions (n, 4, 2) in reading order. It does not depend on the order in which they are given."""
    if len(corners) == 0:
        return np.zeros(0, np.int64)
    upright = corners @ _turn(corners)
    low, high = upright.min(1), upright.max(1)
    sides = np.minimum(*(high - low).T)  # a region that stands is as high as its line is long
    low, high = low + MIDDLE * sides[:, None], high - MIDDLE * sides[:, None]
    given = np.lexsort((*high.T, *low.T))  # makes ties independent of the order of the regions
    height = float(np.median(sides))
    order = _order(low[given], high[given], np.arange(len(given)), height, 0)
    result: Ints = given[order]
    return result


def _turn(corners: Floats) -> Floats:
    """Matrix (2, 2) from the right that turns the regions upright.

    They are turned by the median direction of their upper edges among those of the commonest quarter: to the right,
    down, to the left or up.
    """
    edges = corners[:, 1] - corners[:, 0]
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    quarters = np.round(angles / (np.pi / 2)).astype(int) % 4
    commonest = int(np.bincount(quarters, minlength=4).argmax())
    own = angles[quarters == commonest] - commonest * np.pi / 2
    angle = commonest * np.pi / 2 + float(np.median((own + np.pi) % (2 * np.pi) - np.pi))
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _order(low: Floats, high: Floats, which: Ints, height: float, depth: int) -> Ints:
    if len(which) < 2:
        return which
    if depth < DEEPEST:
        columns = _separated(low, high, which, 0, CORRIDOR * height)
        if len(columns) > 1:
            return np.concatenate([_order(low, high, column, height, depth + 1) for column in columns])
        bands = _separated(low, high, which, 1, 0.0)
        if len(bands) > 1:
            blocks = _blocks(low, high, bands, height)
            return np.concatenate([_order(low, high, block, height, depth + 1) for block in blocks])
    return _by_height(low, high, which, height)


def _separated(low: Floats, high: Floats, which: Ints, axis: int, gap: float) -> list[Ints]:
    """Groups of regions with an empty gap of more than `gap` between them along an axis."""
    ordered = which[np.argsort(low[which, axis], kind="stable")]
    reached = np.maximum.accumulate(high[ordered, axis])
    cuts = np.flatnonzero(low[ordered[1:], axis] - reached[:-1] > gap) + 1
    return np.split(ordered, cuts)


def _blocks(low: Floats, high: Floats, bands: list[Ints], height: float) -> list[Ints]:
    """Bands from top to bottom, joined where a corridor runs through all of them.

    A band without a corridor of its own, such as the last line of the longer column, joins two that have one.
    """

    def has_corridor(which: Ints) -> bool:
        return len(_separated(low, high, which, 0, CORRIDOR * height)) > 1

    own = [has_corridor(band) for band in bands]
    blocks, start = [], 0
    while start < len(bands):
        block, end = bands[start], start + 1
        while own[start] and end < len(bands) and (own[end] or sum(own[start:end]) > 1):
            wider = np.concatenate([block, bands[end]])
            if not has_corridor(wider):
                break
            block, end = wider, end + 1
        blocks.append(block)
        start = end
    return blocks


def _by_height(low: Floats, high: Floats, which: Ints, height: float) -> Ints:
    """Rows whose middles are less than half a line apart, each from left to right."""
    middle = (low[which, 1] + high[which, 1]) / 2
    order = np.argsort(middle, kind="stable")
    rows = np.concatenate([[0], np.cumsum(np.diff(middle[order]) > height / 2)])
    result: Ints = which[order[np.lexsort((low[which[order], 0], rows))]]
    return result
