"""Perceptual hashes: 64 bits that stay nearly the same when a picture is compressed, rescaled or brightened."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import ClusteringError

BITS = 64
SIDE = 32  # what phash shrinks an image to before its cosine transform
FLAT = 8  # grey levels: with less between the darkest and the brightest, noise alone decides the bits

Hash = NDArray[np.uint64]


def perceptual_hash(image: Image.Image) -> int | None:
    """The image's phash, 0 to 2**64 - 1; None for a flat one, which has no structure to be known again by.

    The signs of the 8 × 8 lowest frequencies of the 32 × 32 grey image against their median (imagehash's `phash`, after
    Krawetz, "Looks Like It", 2011). It sees no colour, and little of what fills less than 1/8 of a side.

    Parameters
    ----------
    image : RGB or L, upright (with EXIF orientation applied): what `models.images.decoding.open_rgb` returns.
    """
    if image.mode not in ("RGB", "L"):
        raise ClusteringError(
            f'image: mode {image.mode!r}; a perceptual hash is taken of RGB or L, so use image.convert("RGB")',
            "bad_image",
        )
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    if np.ptp(np.asarray(grey)) < FLAT:
        return None
    import imagehash  # here, because it imports scipy, which the start of the service can do without

    return int(str(imagehash.phash(grey)), 16)


def hashes(values: Sequence[int | None] | Hash) -> tuple[Hash, NDArray[np.bool_]]:
    """(n,) uint64 with 0 for None, and (n,) which of them are hashes."""
    if isinstance(values, np.ndarray) and values.dtype == np.uint64 and values.ndim == 1:
        return values, np.ones(len(values), bool)
    for at, value in enumerate(values):
        if value is not None and not (isinstance(value, int | np.integer) and 0 <= value < 2**BITS):
            raise ClusteringError(
                f"hashes: {value!r} for item {at}; a hash is a whole number from 0 to 2**64 - 1, or None", "bad_hashes"
            )
    known = np.array([value is not None for value in values], bool)
    return np.array([0 if value is None else int(value) for value in values], np.uint64), known


def distance(a: Hash, b: Hash) -> NDArray[np.uint8]:
    """(len(a), len(b)) bits in which two hashes differ (Hamming's)."""
    return np.asarray(np.bitwise_count(a[:, None] ^ b))
