"""Requests and answers of image descriptions, which need no model."""

from pydantic import BaseModel, Field

from models.images.thumbnail import Blur
from service.schemas.base import Message
from service.schemas.common import FIRST_OF_MANY, Datum, FailedEntry, Index, OnError
from service.schemas.items import Posts


class ImagesRequest(Message):
    """Images to be hashed and measured, without a model."""

    input: Posts | None = Field(None, description="Images. In a form, they are the parts named `input`.")
    thumbnail: int | None = Field(
        None, ge=16, le=512, description="Longest side, in pixels, of a thumbnail to return. Left out: no thumbnail."
    )
    picture: bool = Field(
        False,
        description="Return a copy of each image to pass on: upright, of its own size, without metadata, a JPEG.",
    )
    blur: Blur = Field(
        "none",
        description="Blurred part of thumbnails and copies. faces: the faces that the detector finds, which are not "
        "all; the whole image where the server has no detector. picture: the whole image.",
    )
    blurred: bool = Field(False, description="Same as the value picture of `blur`, its older form.")
    miniature: bool = Field(False, description="Return a miniature of each image, by which duplicates are compared.")
    on_error: OnError = Field(
        "fail",
        description="Effect of an unusable image. fail: the request is refused. skip: the image carries its own error.",
    )


class ImageDatum(Datum):
    """Hashes and size of one image."""

    sha256: str | None = Field(None, description="SHA-256 of the file's bytes.")
    phash: str | None = Field(None, description="Perceptual hash, 16 hexadecimal digits.")
    width: int | None = Field(None, description="Width in pixels, after rotation to upright.")
    height: int | None = Field(None, description="Height in pixels, after rotation to upright.")
    thumbnail: str | None = Field(None, description="Thumbnail, a JPEG in base64, if requested.")
    picture: str | None = Field(None, description="Copy of the whole image, a JPEG in base64, if requested.")
    faces: int | None = Field(None, description="Number of faces that are blurred, if they were looked for.")
    miniature: str | None = Field(
        None, description="Miniature in base64, if requested: 96 x 96 levels of grey, 2 x 16 x 16 of colour."
    )


class ImagesAnswer(BaseModel):
    """Descriptions of images."""

    data: list[ImageDatum | FailedEntry] = Field(description="One entry per image, in order.")
    first_of_many: list[Index] = FIRST_OF_MANY
