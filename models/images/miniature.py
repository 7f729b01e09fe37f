"""Miniatures: small pictures by which two pictures are compared block by block, without their files.

A miniature keeps the brightness in 96 x 96 cells and both colour differences in 16 x 16 (`models.images.alignment` lays
one over the other). Pictures of one layout, such as posts with other words, agree in most blocks and not in some.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.images.alignment import SIDE, Aligned, aligned, blurred

COLOUR_SIDE = 16  # cells of each colour difference along a side
BYTES = SIDE * SIDE + 2 * COLOUR_SIDE * COLOUR_SIDE
BLOCKS = 16  # along a side
CELLS = SIDE // BLOCKS

# in grey levels; chosen on the generated pictures, stamps and photos of bench/duplicates.py
NOISE = 3.0  # difference that compression explains
EDGES, CROPPED_EDGES = 0.1, 0.5  # more beside edges, as a share of the gradient; the second where a crop was undone
MOVED = 0.75  # cells of displacement from which a crop was undone
CHANGED = 1.5  # mean excess of a block whose content differs
DETAIL = 9.0  # variance from which a block has structure of its own

Bool = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Float = NDArray[np.float32]


def miniature(image: Image.Image) -> bytes:
    """The miniature of an RGB image, upright: brightness and then both colour differences, row by row; BYTES bytes."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    luma, *chroma = small.convert("YCbCr").split()
    parts = [luma, *(each.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX) for each in chroma)]
    return b"".join(part.tobytes() for part in parts)


def same_content(first: Bytes, second: Bytes) -> bool:
    """Whether two miniatures (BYTES,) show the same content.

    A copy may be recompressed, resized, brighter or darker, cropped by a few percent of a side, or carry a watermark
    that lets the picture through. Other words in the same layout, another caption or another logo are other content.
    """
    if not _same_colours(_chroma(first), _chroma(second)):
        return False
    pair = aligned(_luma(first), _luma(second))
    sharpness = [float((_detail(each, 3)[pair.inside] ** 2).mean()) for each in (pair.first, pair.second)]
    softened = min(sharpness) < 0.7 * max(sharpness)  # as after a small picture was made smaller
    if softened:
        pair = replace(pair, first=blurred(pair.first), second=blurred(pair.second))
    difference = np.where(pair.inside, np.abs(pair.second - pair.first), 0)
    slope = np.maximum(_slope(pair.first), _slope(pair.second))
    tolerance = NOISE + (EDGES + CROPPED_EDGES * min(1.0, pair.moved / MOVED)) * slope
    changed = _block_means(np.maximum(0, difference - tolerance)) > CHANGED
    return not changed.any() or _explained(pair, changed, float(difference.max()), softened)


def _explained(pair: Aligned, changed: Bool, largest: float, softened: bool) -> bool:
    """Whether a crop, another size, clipped brightness or a watermark explains the changed blocks."""
    area = float(changed.mean())
    first, second = _detail(pair.first) * pair.inside, _detail(pair.second) * pair.inside
    own, other, common = (_around(each)[changed] for each in (first * first, second * second, first * second))
    textured = (own > DETAIL) | (other > DETAIL)
    alike = np.where(textured, common / np.sqrt(own * other + 1e-9), 1).min()
    survives = max(
        np.where(own > DETAIL, common / (own + 1e-9), 1).min(),  # all of the first is in the second
        np.where(other > DETAIL, common / (other + 1e-9), 1).min(),  # or all of the second in the first
    )
    photo = _is_photo(pair)
    if alike >= 0.8 and area <= 0.1 and (pair.moved > 0.8 or softened):  # the edges of a crop or of another size
        return True
    if alike >= 0.85 and (largest <= 18 or (largest <= 26 and (photo or area >= 0.02))):  # brightness cut off at white
        return True
    if 0.04 <= area <= 0.14 and largest <= 32 and survives >= 0.5:  # a faint watermark across the picture
        return True
    if area > 0.1:
        return False
    own, other, common = (_block_means(each)[changed] for each in (first * first, second * second, first * second))
    added = any(  # to one of them, mostly on plain ground
        (base < DETAIL).mean() >= 0.6 and np.where(base < DETAIL, 1, common / (base + 1e-9)).min() >= 0.4
        for base in (own, other)
    )
    return bool((added and largest <= 72) or (photo and largest <= 50 and survives >= 0.35))


def _is_photo(pair: Aligned) -> bool:
    """Whether little of the pictures is plain, unlike screenshots, in which any small change may be a word."""
    return float(np.minimum(_slope(pair.first), _slope(pair.second)).__lt__(1.0).mean()) < 0.4


def _same_colours(first: Float, second: Float) -> bool:
    """Whether the colours agree, up to one factor (brighter, paler, grey), but for a few blocks."""

    def differs(a: Float, b: Float) -> float:
        factor = np.clip((a * b).sum() / max(float((a * a).sum()), 1.0), 0, 1.6)
        return float((np.hypot(*(b - factor * a)) > 28).mean())

    return min(differs(first, second), differs(second, first)) <= 0.15


def _luma(values: Bytes) -> Float:
    return values[: SIDE * SIDE].reshape(SIDE, SIDE).astype(np.float32)


def _chroma(values: Bytes) -> Float:
    return values[SIDE * SIDE :].reshape(2, COLOUR_SIDE, COLOUR_SIDE).astype(np.float32) - 128


def _slope(picture: Float) -> Float:
    return np.hypot(*np.gradient(picture))  # type: ignore[no-any-return]


def _block_means(cells: Float) -> Float:
    means: Float = cells.reshape(BLOCKS, CELLS, BLOCKS, CELLS).mean((1, 3))
    return means


def _detail(picture: Float, side: int = 9) -> Float:
    from scipy.ndimage import uniform_filter

    return picture - uniform_filter(picture, side)  # type: ignore[no-any-return]


def _around(cells: Float) -> Float:
    """Means over each block and 2 cells around it, (BLOCKS, BLOCKS)."""
    from scipy.ndimage import uniform_filter

    return uniform_filter(cells, CELLS + 4)[CELLS // 2 :: CELLS, CELLS // 2 :: CELLS]  # type: ignore[no-any-return]
