"""Alignment of two small grey pictures: a shift and a scale along each axis, and a curve of brightness.

The shift and the scale minimise the squared difference of the pictures by Gauss-Newton steps, from blurred to sharp
pictures (Lucas and Kanade, 1981; Baker and Matthews, 2004), where cells that differ much count little. The curve of
brightness is monotone: the medians of one picture for each level of the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 96  # cells along a side
MOST_SCALE, MOST_SHIFT = 0.1, 0.08  # as shares of half a side: crops of up to 4 % of each side
LEVELS = 24  # of the curve of brightness
FEWEST = 12  # cells from which a level has a median
_STEPS = 5

Bool = NDArray[np.bool_]
Float = NDArray[np.float32]

_CENTRES = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1).astype(np.float32)  # of cells, from -1 to 1


def _blur(passes: int) -> Float:
    """The matrix that blurs along an axis by `passes` times (1, 2, 1) / 4."""
    once = np.zeros((SIDE, SIDE), np.float32)
    for step, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
        np.add.at(once, (np.arange(SIDE), (np.arange(SIDE) + step).clip(0, SIDE - 1)), weight)
    power: Float = np.asarray(np.linalg.matrix_power(once, passes), np.float32)
    return power


_FINE, _MEDIUM, _COARSE = _blur(1), _blur(4), _blur(12)


def blurred(picture: Float) -> Float:
    """A picture (SIDE, SIDE) of which details of a cell or two are gone."""
    return np.asarray(_MEDIUM @ picture @ _MEDIUM.T, np.float32)


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Two pictures, one over the other.

    Attributes
    ----------
    first, second : (SIDE, SIDE) grey levels, the first moved and with the brightness of the second.
    inside : cells of which both pictures have content.
    moved : the largest displacement along an axis, in cells.
    """

    first: Float
    second: Float
    inside: Bool
    moved: float


def aligned(first: Float, second: Float) -> Aligned:
    """Lay `first` over `second`, both (SIDE, SIDE) grey levels."""
    fit = np.array([0, 0, 0, 0, 1, 0], np.float64)  # scale and shift along x, along y, gain, offset
    for blur in (_COARSE, _FINE):
        a = np.asarray(blur @ first @ blur.T, np.float32)
        b = np.asarray(blur @ second @ blur.T, np.float32)
        for _ in range(_STEPS):
            fit = _step(a, b, fit)
    (across, in_x), (down, in_y) = _sampling(*fit[:2]), _sampling(*fit[2:4])
    inside = in_y[:, None] & in_x
    warped: Float = (fit[4] * (down @ a @ across.T) + fit[5]).clip(0, 255).astype(np.float32)
    moved = max(abs(fit[0]) + abs(fit[1]), abs(fit[2]) + abs(fit[3])) * SIDE / 2
    return Aligned(first=_toned(warped, b, inside), second=b, inside=inside, moved=float(moved))


def _sampling(scale: float, shift: float) -> tuple[Float, Bool]:
    """The matrix that samples (1 + scale) x + shift by linear interpolation, and which cells lie inside."""
    place = ((1 + scale) * _CENTRES + shift + 1) / 2 * SIDE - 0.5
    inside = (place >= -0.5) & (place <= SIDE - 0.5)
    place = place.clip(0, SIDE - 1)
    low = np.minimum(place.astype(np.int64), SIDE - 2)
    matrix = np.zeros((SIDE, SIDE), np.float32)
    rows = np.arange(SIDE)
    matrix[rows, low], matrix[rows, low + 1] = 1 - (place - low), place - low
    return matrix, inside


def _step(a: Float, b: Float, fit: NDArray[np.float64]) -> NDArray[np.float64]:
    """One Gauss-Newton step, in which cells that differ much have a low weight."""
    (across, in_x), (down, in_y) = _sampling(*fit[:2]), _sampling(*fit[2:4])
    warped = down @ a @ across.T
    dy, dx = np.gradient(warped, 2 / SIDE)
    dx, dy = fit[4] * dx / (1 + fit[0]), fit[4] * dy / (1 + fit[2])
    rest = b - (fit[4] * warped + fit[5]).clip(0, 255)
    inside = in_y[:, None] & in_x
    typical = max(6.0, 1.5 * float(np.median(np.abs(rest[inside]))))
    weight = (inside / (1 + (rest / typical) ** 2)).ravel()
    slopes = np.stack([dx * _CENTRES, dx, dy * _CENTRES[:, None], dy, warped, np.ones_like(warped)]).reshape(6, -1)
    weighted = slopes * weight
    normal = (weighted @ slopes.T).astype(np.float64) + np.diag([2e4, 2e4, 2e4, 2e4, 1e4, 1.0])
    new: NDArray[np.float64] = fit + np.linalg.solve(normal, (weighted @ rest.ravel()).astype(np.float64))
    most = np.array([MOST_SCALE, MOST_SHIFT, MOST_SCALE, MOST_SHIFT])
    new[:4] = new[:4].clip(-most, most)
    new[4:] = new[4:].clip((0.4, -100), (2.5, 100))
    return new


def _toned(first: Float, second: Float, inside: Bool) -> Float:
    """`first` with the brightness of `second`, by a monotone curve."""
    level = (first * (LEVELS / 256)).astype(np.int64)
    x, y = [], []
    for each in range(LEVELS):
        cells = inside & (level == each)
        if cells.sum() >= FEWEST:
            x.append(float(np.median(first[cells])))
            y.append(float(np.median(second[cells])))
    if not x:
        return first
    y = np.maximum.accumulate(y).tolist()
    outside = np.where(first < x[0], first + (y[0] - x[0]), first + (y[-1] - x[-1]))
    curve = np.interp(first, x, y)
    toned: Float = np.where((first < x[0]) | (first > x[-1]), outside, curve).clip(0, 255).astype(np.float32)
    return toned
