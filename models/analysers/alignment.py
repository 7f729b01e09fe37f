"""Alignment of faces: a similarity transform of the five points onto fixed places of a square, and its pixels."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 112  # pixels of the square that the template is for
# x, y of right and left eye, nose, right and left corner of the mouth in the square: those of ArcFace, which OpenCV
# takes for SFace, too
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
SMALLEST_SPREAD = 1e-3  # pixels, root mean square: points that lie closer together have no direction


def similarity(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The turn, scale and shift of `points` (n, 2) that is nearest to `places` (n, 2): (2, 3); None for equal points.

    Umeyama, IEEE Transactions on Pattern Analysis and Machine Intelligence 13 (1991): least squares over the points,
    without a reflection.
    """
    middle, target = points.mean(axis=0), places.mean(axis=0)
    around, aim = points - middle, places - target
    variance = float((around**2).sum(axis=1).mean())
    if not variance > SMALLEST_SPREAD**2:  # NaN, too
        return None
    u, sizes, vt = np.linalg.svd(aim.T @ around / len(points))
    signs = np.array([1.0, 1.0 if np.linalg.det(u) * np.linalg.det(vt) > 0 else -1.0])
    turn = u @ np.diag(signs) @ vt
    scale = float((sizes * signs).sum()) / variance
    return np.column_stack([scale * turn, target - scale * turn @ middle])


def aligned(image: Image.Image, points: NDArray[np.float64], side: int = SIDE) -> NDArray[np.uint8] | None:
    """The face of a picture whose five points are `points` (5, 2), as (side, side, 3); None for points without extent.

    Each pixel is interpolated between the four of the picture around its place (bilinear), without smoothing before a
    large face is made smaller, as OpenCV's warpAffine does it, for which SFace's threshold was measured. Outside of
    the picture is black.
    """
    forward = similarity(points, TEMPLATE * (side / SIDE))
    if forward is None or not np.isfinite(forward).all():
        return None
    turn = forward[:, :2]
    determinant = float(np.linalg.det(turn))
    if not abs(determinant) > 1e-12:
        return None
    back = np.linalg.inv(turn)
    shift = -back @ forward[:, 2]
    shift += 0.5 - 0.5 * back.sum(axis=1)  # Pillow's coordinates are those of corners of pixels, not of their middles
    coefficients = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
    cut = image.transform(
        (side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR, fillcolor=(0, 0, 0)
    )
    return np.asarray(cut)
