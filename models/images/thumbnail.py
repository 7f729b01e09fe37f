"""Thumbnails for report pages and studies: upright, on white, without metadata."""

import io

from PIL import Image, ImageOps

from models.images.decoding import ImageLimits, on_background, open_rgb
from models.images.preprocess import Preprocess

BLURRED = b"blurred"  # the comment in a JPEG of which only `CELLS` are left
CELLS = 8  # along the longer side: what a blurred picture still tells apart. Known faces are told from some 12 on
LARGEST = 16_384  # pixels of the longer side of a picture of its own size: browsers show no larger ones
_MARK = b"\xff\xfe\x00\x09" + BLURRED


def thumbnail(image: bytes | Image.Image, *, side: int = 160, blurred: bool = False, quality: int = 50) -> bytes:
    """A JPEG with at most `side` pixels on its longer side; never enlarged.

    Parameters
    ----------
    image : a file's bytes, decoded as everywhere else and within the default limits; or pixels.
    blurred : averaged to 8 cells along the longer side before anything else, so that no sharpening brings a face
        back. Colours and composition stay: whoever has the photo can still tell which one it is.
    quality : of the JPEG: pages have many of them.

    Raises
    ------
    ImageError : bytes that are no image that can be decoded.
    """
    if isinstance(image, bytes):
        target = Preprocess(size=side, resize="letterbox")
        image = open_rgb(image, limits=ImageLimits(), decode="scaled", target=target)
    else:
        image = _plain(image)
    width, height = image.size
    scale = min(1.0, side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if blurred:
        cells = (max(1, round(CELLS * width / max(width, height))), max(1, round(CELLS * height / max(width, height))))
        image = image.resize(cells, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    else:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, comment=BLURRED if blurred else b"")
    return out.getvalue()


def shown(image: bytes, *, side: int | None, quality: int, limits: ImageLimits) -> bytes:
    """An image's bytes as a JPEG to look at: upright, on white, without metadata.

    Parameters
    ----------
    side : largest number of pixels on its longer side; None: its own size, LARGEST at most.

    Raises
    ------
    ImageError : bytes that are no image that can be decoded within `limits`.
    LargeImage : only where `limits.max_memory` is set.
    """
    target = None if side is None else Preprocess(size=side, resize="letterbox")
    picture = open_rgb(image, limits=limits, decode="exact" if side is None else "scaled", target=target)
    if side is not None or max(picture.size) > LARGEST:
        return thumbnail(picture, side=side or LARGEST, quality=quality)
    out = io.BytesIO()
    _plain(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


def is_blurred(jpeg: bytes) -> bool:
    """Whether `thumbnail` blurred the image."""
    return _MARK in jpeg[:64]


def _plain(image: Image.Image) -> Image.Image:
    """RGB, upright, on white, or on black where nothing is to be seen on white."""
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        return on_background(upright.convert("RGBA"))
    plain = upright.convert("RGB")
    plain.info.clear()
    return plain
