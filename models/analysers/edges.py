"""Edges of a picture: Canny's edges, straight lines among them, sharpness and blur. Arrays of grey are 0 to 1.

Sources
-------
Canny, A computational approach to edge detection, IEEE PAMI 1986. Crete et al., The blur effect, SPIE 6492, 2007. Burns
et al., Extracting straight lines, IEEE PAMI 1986 (regions of one gradient direction). Pech-Pacheco et al., Diatom
autofocusing in brightfield microscopy, ICPR 2000 (variance of the Laplacian).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

GREY = np.array([0.2125, 0.7154, 0.0721])  # weights of red, green and blue of scikit-image, for `blur`
SIGMA, LOW, HIGH = 1.0, 0.1, 0.2  # of Canny; those of scikit-image
MEAN_OF = 11  # pixels, of the blur effect
EPSILON = float(np.spacing(1))
DIRECTIONS = 8  # of gradients
LONG = 0.05  # of the diagonal: the shortest straight line
SHORTEST = 8  # pixels
THIN = 1.0  # pixels² of variance across a line
HALF = ((0, 1), (1, -1), (1, 0), (1, 1))  # of the eight neighbours of a pixel; the others have it as theirs

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Contour:
    """Edge pixels and the gradient at each pixel, (h, w)."""

    mask: Mask
    down: Float
    right: Float


def canny(grey: Float) -> Contour:
    """Edges as of skimage.feature.canny(grey, mode="nearest"); the pixels of the border are none."""
    smooth = ndimage.gaussian_filter(grey, SIGMA, mode="nearest", truncate=4.0)
    down, right = ndimage.sobel(smooth, axis=0), ndimage.sobel(smooth, axis=1)
    size = np.hypot(down, right)
    mask = size >= LOW
    for border in (mask[:1], mask[-1:], mask[:, :1], mask[:, -1:]):
        border[:] = False
    y, x = np.nonzero(mask)
    mask[y, x] = _is_ridge(size, y, x, down[y, x], right[y, x])
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    strong = np.zeros(n + 1, bool)
    strong[labels[mask & (size >= HIGH)]] = True
    return Contour(strong[labels], down, right)


def _is_ridge(size: Float, y: Places, x: Places, down: Float, right: Float) -> Mask:
    """Whether the gradients at some inner pixels are no smaller than those beside them, along their directions."""
    steep, flat = np.abs(down), np.abs(right)
    upright = steep > flat  # the gradient is nearer to the vertical
    falling = (down >= 0) == (right >= 0)  # it points to the lower right, or to the upper left
    falling |= (down == 0) | (right == 0)
    share = np.minimum(steep, flat) / np.maximum(steep, flat)
    to_right = np.where(falling | ~upright, 1, -1)  # of the diagonal neighbour
    to_below = np.where(falling | upright, 1, -1)
    here = size[y, x]
    ridge = np.ones(len(y), bool)
    for sign in (1, -1):
        straight = size[y + sign * upright, x + sign * ~upright]
        diagonal = size[y + sign * to_below, x + sign * to_right]
        ridge &= diagonal * share + straight * (1.0 - share) <= here
    return ridge


def straight_share(contour: Contour) -> float:
    """Share of the edge pixels on straight lines; 0 without edges.

    Neighbouring edge pixels whose gradients have one of eight directions are a region, in two divisions of the circle,
    the second turned by half a direction; each pixel belongs to the longer of its two. A region is a straight line if
    most of its pixels belong to it, it is at least 5 % of the diagonal long, and its variance across is at most 1.
    """
    if not contour.mask.any():
        return 0.0
    y, x = np.nonzero(contour.mask)
    angle = np.arctan2(contour.down[y, x], contour.right[y, x]) / (2 * np.pi) * DIRECTIONS
    shortest = max(SHORTEST, LONG * float(np.hypot(*contour.mask.shape)))
    regions = [_regions(contour.mask.shape, y, x, np.floor(angle + turn).astype(int) % DIRECTIONS) for turn in (0, 0.5)]
    lengths = np.stack([length[label] for label, length, _ in regions])
    chosen = lengths.argmax(axis=0)
    straight = np.zeros(len(y), bool)
    for i, (label, length, across) in enumerate(regions):
        votes = np.bincount(label, chosen == i, minlength=len(length)) / np.maximum(np.bincount(label), 1)
        line = (votes >= 0.5) & (length >= shortest) & (across <= THIN)
        straight |= line[label] & (chosen == i)
    return float(straight.mean())


def _regions(shape: tuple[int, ...], y: Places, x: Places, direction: Places) -> tuple[Places, Float, Float]:
    """The region of each edge pixel, and the length and the variance across of each region."""
    number = np.full(shape, -1)
    number[y, x] = np.arange(len(y))
    padded = np.pad(number, ((0, 1), (1, 1)), constant_values=-1)
    pairs = [np.stack([number[y, x], padded[y + below, x + 1 + beside]]) for below, beside in HALF]
    first, second = np.concatenate([pair[:, pair[1] >= 0] for pair in pairs], axis=1)
    alike = direction[first] == direction[second]
    links = coo_array((np.ones(alike.sum(), bool), (first[alike], second[alike])), shape=(len(y), len(y)))
    n, label = connected_components(links, directed=False)
    size = np.bincount(label, minlength=n).astype(float)
    middle = [np.bincount(label, at, n) / size for at in (y, x)]
    dy, dx = y - middle[0][label], x - middle[1][label]
    yy, xx, xy = (np.bincount(label, product, n) / size for product in (dy * dy, dx * dx, dx * dy))
    spread = np.hypot((yy - xx) / 2, xy)
    along, across = (yy + xx) / 2 + spread, (yy + xx) / 2 - spread
    return label, np.sqrt(12 * along + 1), across  # a row of n pixels has the variance (n² - 1) / 12


def laplacian_variance(grey: Float) -> float:
    """Variance of the Laplacian of four neighbours."""
    return float(ndimage.laplace(grey, mode="reflect").var())


def blur(grey: Float) -> float:
    """The blur effect, as of skimage.measure.blur_effect; 1 where there is no gradient, or less than 4 pixels."""
    inner = tuple(slice(2, side - 1) for side in grey.shape)
    if min(grey.shape) < 4:
        return 1.0
    worst = 0.0
    for axis in (0, 1):
        sharp = np.maximum(EPSILON, np.abs(ndimage.sobel(grey, axis=axis) / 8))
        blurred = np.abs(ndimage.sobel(ndimage.uniform_filter1d(grey, MEAN_OF, axis=axis), axis=axis) / 8)
        lost = np.maximum(0.0, sharp - np.maximum(EPSILON, blurred))
        total = sharp[inner].sum()
        worst = max(worst, float(abs(total - lost[inner].sum()) / total))
    return worst
