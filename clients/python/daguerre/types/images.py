"""Description of an image without a model, and the answer that carries descriptions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from daguerre.types.arrays import unpacked
from daguerre.types.common import NO_MODEL, Answer, Content, failures


@dataclass(frozen=True, kw_only=True)
class ImageDescription:
    """Description of an image, without a model.

    Attributes
    ----------
    sha256 : of the file's bytes, in hexadecimal.
    phash : perceptual hash, 16 hexadecimal digits; None for an image of a single colour.
    width, height : pixels, upright.
    thumbnail : a small JPEG, if requested.
    picture : a copy of the whole picture, a JPEG, if requested.
    faces : number of faces that are blurred, if they were looked for.
    miniature : base64 of a small picture, by which duplicates are compared, if requested.
    """

    sha256: str
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None
    miniature: str | None = field(default=None, repr=False)
    picture: bytes | None = field(default=None, repr=False)
    faces: int | None = None

    @property
    def blank(self) -> bool:
        """Whether the image is of a single colour: its vector, scores and duplicates say nothing."""
        return self.phash is None and self.width is not None

    @classmethod
    def read(cls, content: Content) -> "ImageDescription":
        thumbnail, picture = content.get("thumbnail"), content.get("picture")
        return cls(
            sha256=content["sha256"],
            phash=content.get("phash"),
            width=content["width"],
            height=content["height"],
            thumbnail=None if thumbnail is None else unpacked(thumbnail),
            miniature=content.get("miniature"),
            picture=None if picture is None else unpacked(picture),
            faces=content.get("faces"),
        )


@dataclass(frozen=True, kw_only=True)
class ImagesAnswer(Answer):
    ROWS = ("images",)

    images: Sequence[ImageDescription | None]  # None for failed ones

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "ImagesAnswer":
        return cls(
            images=[None if entry.get("error") else ImageDescription.read(entry) for entry in content["data"]],
            receipt=NO_MODEL,
            failures=failures(content),
            truncated=[],
            first_of_many=content.get("first_of_many", ()),
            request_id=request_id,
        )
