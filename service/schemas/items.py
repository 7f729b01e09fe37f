"""Items of requests, vectors made before, and unusable items."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from models.catalog.spec import Modality
from models.images.decoding import DecodeMode
from service.schemas.base import Message
from service.schemas.common import ItemError, OnError, Receipt
from service.schemas.example import PHOTO
from service.schemas.video import OfVideo


class Post(OfVideo):
    """A text, an image, or both: what a classifier sees of one item. Or a video, where its frames can be looked at."""

    id: str | None = Field(
        None, max_length=1024, description="Yours; comes back with the item's result.", examples=["post-17"]
    )
    text: str | None = Field(None, description="A text.", examples=["a cat asleep on a sofa"])
    image: str | None = Field(
        None,
        description="An image file's bytes in base64, or as a data URI. URLs are not fetched.",
        examples=[PHOTO],
    )

    @model_validator(mode="after")
    def _content(self) -> Self:
        if self.text is None and self.image is None and self.video is None:
            raise ValueError('an item has "text", "image", or both; or "video"')
        if self.video is not None and (self.text is not None or self.image is not None):
            raise ValueError('a "video" is an item by itself')
        return self


class Item(Post):
    """A text, an image or a video, with an optional id that comes back beside the index."""

    @model_validator(mode="after")
    def _content(self) -> Self:
        if sum(each is not None for each in (self.text, self.image, self.video)) != 1:
            raise ValueError('an item has either "text", "image" or "video"')
        return self


class Vectors(Message):
    """Embeddings made before, of all items and of one modality."""

    modality: Modality = Field(description="What was embedded: image or text.")
    model: str = Field(description="The model they are of.", examples=["embedded"])
    fingerprint: str = Field(description="From their receipt. What is made of them keeps it, and takes no others.")
    dimension: int = Field(ge=1, description="Numbers of one vector.", examples=[1280])
    data: str | None = Field(
        None,
        description="Base64 of little-endian float32, a row after the other; a row of NaN for an item that has none. "
        "Left out in a form, where the part `image_vectors` or `text_vectors` is a .npy file.",
    )
    file: str | None = Field(
        None, description="In place of data: a file of POST /v1/files.", examples=["file_0123456789abcdef"]
    )
    receipt: Receipt | None = Field(None, description="How they were made; it is kept.")


def distinct(values: list[Vectors]) -> list[Vectors]:
    """Raises ValueError where a modality is there twice."""
    names = [each.modality for each in values]
    for i, each in enumerate(values):
        first = values[names.index(each.modality)]
        if first is not each:
            mixed = "" if first.fingerprint == each.fingerprint else ", of two fingerprints: vectors of two models"
            raise ValueError(f"[{i}] has {each.modality} vectors again{mixed}; send one block for each modality")
    return values


class VectorList(Message):
    """Vectors by themselves, for a transport that takes them apart."""

    vectors: Annotated[list[Vectors], AfterValidator(distinct)]


class ItemsOrVectors(Message):
    """Items, or vectors of items."""

    on_error: OnError = Field(
        "fail",
        description="What one unusable item does. `fail`: the request is refused and names every such item. "
        "`skip`: it is left out, and said to be.",
    )
    input: list[Post] | None = Field(None, description="The items; or send `vectors`.")
    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None, description="Vectors of the items, one or two modalities; or send `input`."
    )


class Encodable(ItemsOrVectors):
    """Items that the server may have to embed first."""

    model: str | None = Field(
        None, description="What embeds `input`; the first of GET /v1/models where left out.", examples=["embedded"]
    )
    decode: DecodeMode | None = Field(None, description="How JPEGs of `input` are decoded. Left out: the server's.")
    ids: list[str] | None = Field(None, description="A name for each item; those of `input` where left out.")


class Unusable(BaseModel):
    """An item that was left out."""

    index: int = Field(description="The item's place.")
    id: str | None = Field(None, description="Its id.")
    error: ItemError = Field(description="Why.")


def _items(value: Any) -> Any:
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list):
        raise ValueError('is a string, an item {"text": …}, {"image": …} or {"video": …}, or a list of these')
    if any(isinstance(v, int | list) for v in value):
        raise ValueError("token arrays are not taken, since tokens differ between models; send the text")
    return [{"text": v} if isinstance(v, str) else v for v in value]


_ITEM = {"anyOf": [{"type": "string", "description": "A text."}, {"$ref": "#/components/schemas/Item"}]}
Items = Annotated[
    list[Item],
    BeforeValidator(_items),
    WithJsonSchema({"anyOf": [*_ITEM["anyOf"], {"type": "array", "items": _ITEM}]}),
]
