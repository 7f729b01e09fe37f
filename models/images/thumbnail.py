"""Thumbnails for report pages and studies: upright, on white, without metadata."""

import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.images.decoding import ImageLimits, on_background, open_rgb
from models.images.face_blur import with_blurred
from models.images.preprocess import Preprocess

Boxes = NDArray[np.floating[Any]]
Blurred = Literal["picture", "faces"]
Blur = Literal["none", "faces", "picture"]  # of a picture that is shown
BLURRED = b"blurred"  # the comment in a JPEG of which only `CELLS` are left
FACES = b"faces blurred"  # the comment in a JPEG in which faces were looked for and blurred
CELLS = 8  # along the longer side: what a blurred picture still tells apart. Known faces are told from some 12 on
LARGEST = 16_384  # pixels of the longer side of a picture of its own size: browsers show no larger ones
_COMMENTS: Mapping[Blurred, bytes] = {"picture": BLURRED, "faces": FACES}
_MARKS: Mapping[bytes, Blurred] = {
    b"\xff\xfe" + (2 + len(comment)).to_bytes(2) + comment: blurred for blurred, comment in _COMMENTS.items()
}


def thumbnail(
    image: bytes | Image.Image,
    *,
    side: int = 160,
    blurred: bool = False,
    faces: Boxes | None = None,
    quality: int = 50,
) -> bytes:
    """A JPEG with at most `side` pixels on its longer side; never enlarged.

    Parameters
    ----------
    image : a file's bytes, decoded as everywhere else and within the default limits; or pixels.
    blurred : averaged to 8 cells along the longer side before anything else, so that no sharpening brings a face
        back. Colours and composition stay: whoever has the photo can still tell which one it is.
    faces : (n, 4) left, top, right, bottom of the faces that are blurred, in pixels of `image`, which then is upright;
        None: they were not looked for.
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
        if faces is not None:
            image = with_blurred(image, faces * (size[0] / width))
    out = io.BytesIO()
    comment = BLURRED if blurred else FACES if faces is not None else b""
    image.save(out, "JPEG", quality=quality, optimize=True, comment=comment)
    return out.getvalue()


def copy(image: Image.Image, *, blurred: bool = False, faces: Boxes | None = None, quality: int = 92) -> bytes:
    """A picture as a JPEG of its own size, at most `LARGEST`: upright, on white, without metadata.

    `image` is upright; `blurred` and `faces` are those of `thumbnail`.
    """
    if blurred or max(image.size) > LARGEST:
        side = min(max(image.size), LARGEST)
        return thumbnail(image, side=side, blurred=blurred, faces=faces, quality=quality)
    picture = _plain(image)
    if faces is not None:
        picture = with_blurred(picture, faces)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, comment=b"" if faces is None else FACES)
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
    """Whether `thumbnail` blurred the image, or looked for faces in it and blurred these."""
    return blur_of(jpeg) is not None


def blur_of(jpeg: bytes) -> Blurred | None:
    """The part of the image that `thumbnail` blurred: its faces or all of it; None if none."""
    return next((blurred for mark, blurred in _MARKS.items() if mark in jpeg[:64]), None)


def _plain(image: Image.Image) -> Image.Image:
    """RGB, upright, on white, or on black where nothing is to be seen on white."""
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        return on_background(upright.convert("RGBA"))
    plain = upright.convert("RGB")
    plain.info.clear()
    return plain
