"""Description of an image without a model, and the answer that carries descriptions."""

from collections.abc import Sequence
from dataclasses import dataclass

from daguerre.types.common import Answer


@dataclass(frozen=True, kw_only=True)
class ImageDescription:
    """What an image is, without a model.

    Attributes
    ----------
    sha256 : of the file's bytes, in hexadecimal.
    phash : perceptual hash, 16 hexadecimal digits; None of an image of one colour.
    width, height : pixels, upright.
    thumbnail : a small JPEG, where it was asked for.
    """

    sha256: str
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ImagesAnswer(Answer):
    images: Sequence[ImageDescription | None]  # None of failed ones
