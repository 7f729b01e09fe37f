"""Requests and answers of image descriptions without a model."""

from pydantic import BaseModel, Field

from service.schemas.base import Message
from service.schemas.common import Datum, FailedEntry, OnError
from service.schemas.items import Post


class ImagesRequest(Message):
    """Images to be described without a model."""

    input: list[Post] | None = Field(None, description="Images; or parts of a form.")
    thumbnail: int | None = Field(None, ge=16, le=512, description="Also a small JPEG with this longest side.")
    blurred: bool = Field(False, description="Blur the small ones, so that nobody can be recognised.")
    on_error: OnError = Field("fail", description="What one unusable image does: fail, or skip.")


class ImageDatum(Datum):
    sha256: str | None = Field(None, description="Of the file's bytes.")
    phash: str | None = Field(None, description="Perceptual hash, 16 hexadecimal digits.")
    width: int | None = Field(None, description="Pixels, upright.")
    height: int | None = Field(None, description="Pixels, upright.")
    thumbnail: str | None = Field(None, description="A JPEG in base64, where asked for.")


class ImagesAnswer(BaseModel):
    data: list[ImageDatum | FailedEntry] = Field(description="One entry per image, in order.")
