"""Items of requests, vectors sent in place of items, and unusable items."""

from typing import Annotated, Any, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from models.catalog.spec import VectorModality
from models.images.decoding import RequestDecode
from service.schemas.base import Message
from service.schemas.common import ItemError, OnError, Receipt
from service.schemas.crops import Crop
from service.schemas.example import PHOTO
from service.schemas.numbers import packed
from service.schemas.video import OfVideo


def _any_text(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, str) else validate(value)


AnyText = Annotated[str, WrapValidator(_any_text)]  # half of a surrogate pair in it is an error of its item, later


def _one_of(*kinds: tuple[str, ...]) -> ConfigDict:
    """The rule in the schema that an item has exactly one of these combinations of fields."""
    fields = {"text": "string", "image": "string"}
    rules = []
    for kind in kinds:
        absent = {name: {"type": "null"} for name in ("text", "image", "video") if name not in kind}
        present = {name: {"type": fields[name]} if name in fields else {"not": {"type": "null"}} for name in kind}
        rules.append({"required": list(kind), "properties": {**present, **absent}})
    return ConfigDict(json_schema_extra={"oneOf": cast(Any, rules)})


class Post(OfVideo):
    """A text, an image, or both; or a video, on routes that can sample its frames."""

    model_config = _one_of(("text",), ("image",), ("text", "image"), ("video",))

    id: str | None = Field(
        None,
        max_length=1024,
        description="Id from the caller, returned with the item's result.",
        examples=["post-17"],
    )
    text: AnyText | None = Field(None, description="Text of the item.", examples=["a cat asleep on a sofa"])
    image: str | None = Field(
        None,
        description="Bytes of an image file in base64, or a data URI. URLs are not fetched.",
        examples=[PHOTO],
    )
    crop: Crop | None = Field(
        None, description="Rectangle of the image that is taken in place of all of it, decoded exactly."
    )

    @model_validator(mode="after")
    def _content(self) -> Self:
        if self.text is None and self.image is None and self.video is None:
            raise ValueError('an item has "text", "image", or both; or "video"')
        if self.video is not None and (self.text is not None or self.image is not None):
            raise ValueError('a "video" is an item by itself')
        self._check_crop()
        return self

    def _check_crop(self) -> None:
        if self.crop is not None and self.image is None:
            raise ValueError('a "crop" is of an "image"; leave it out, or send the image')


class Item(Post):
    """A text, an image or a video, with an optional id that is returned with the result."""

    model_config = _one_of(("text",), ("image",), ("video",))

    @model_validator(mode="after")
    def _content(self) -> Self:
        if sum(each is not None for each in (self.text, self.image, self.video)) != 1:
            raise ValueError('an item has either "text", "image" or "video"')
        self._check_crop()
        return self


def _items(value: Any) -> Any:
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list):
        raise ValueError('is a string, an item {"text": …}, {"image": …} or {"video": …}, or a list of these')
    if any(isinstance(v, int | list) for v in value):
        raise ValueError(
            "token arrays are not taken, since tokens differ between models; send the text (with "
            "LangChain's OpenAIEmbeddings, set check_embedding_ctx_length=False)"
        )
    return [{"text": v} if isinstance(v, str) else v for v in value]


def _one_or_many(schema: str) -> WithJsonSchema:
    """The JSON schema of a text, an item, or a list of these."""
    one = [{"type": "string", "description": "A text."}, {"$ref": f"#/components/schemas/{schema}"}]
    return WithJsonSchema({"anyOf": [*one, {"type": "array", "items": {"anyOf": one}}]})


Items = Annotated[list[Item], BeforeValidator(_items), _one_or_many("Item")]
Posts = Annotated[list[Post], BeforeValidator(_items), _one_or_many("Post")]  # each with a text, an image, or both

_ROW = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_NUMBERS_TOO = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string"},
            _ROW,
            {"type": "array", "items": {"anyOf": [_ROW, {"type": "null"}]}, "minItems": 1},
        ]
    }
)


class Vectors(Message):
    """Existing embeddings of all items, for one modality."""

    modality: VectorModality = Field(
        description="Modality of the embedded items: image or text; or face for vectors of faces, which search, "
        "duplicates and clusters take where the server's owner has set DAGUERRE_FACE_RECOGNITION. A folder that states "
        "another has that."
    )
    model: str = Field("", description="Model that made the vectors. Left out for a folder.", examples=["embedded"])
    fingerprint: str = Field(
        "",
        description="Fingerprint in their receipt. Results store it and accept no other. Left out for a folder.",
        examples=["3f9c0f2a"],
    )
    dimension: int = Field(0, ge=1, description="Length of each vector. Left out for a folder.", examples=[1280])
    data: Annotated[str, _NUMBERS_TOO] | None = Field(
        None,
        description="Base64 of little-endian float32, row by row; a row of NaN for an item without a vector. Or, for "
        "small ones, lists of numbers: one for each item, null for an item without a vector; or one list alone, of one "
        "item; `dimension` may then be left out. "
        "Left out in a form, where the part `image_vectors`, `text_vectors` or `face_vectors` is a .npy file.",
    )
    file: str | None = Field(
        None, description="Id of a file of POST /v1/files, in place of `data`.", examples=["file_0123456789abcdef"]
    )
    folder: str | None = Field(
        None,
        description="Folder of vectors (part-*.parquet, as the client writes them) below the server's DAGUERRE_DATA, "
        "in place of `data`; the receipt in it says how they were made. Items are its rows in the order of the parts, "
        "each id once.",
        examples=["corpus/"],
    )
    receipt: Receipt | None = Field(None, description="Receipt of the vectors, stored with the results.")

    @model_validator(mode="before")
    @classmethod
    def _packed(cls, fields: Any) -> Any:
        """Lists of numbers as base64, with their length as the dimension where it is left out."""
        if not isinstance(fields, dict) or not isinstance(fields.get("data"), list):
            return fields
        width, data = packed(fields["data"])
        said = fields.get("dimension")
        return {**fields, "data": data, "dimension": width if said is None else said}

    @model_validator(mode="after")
    def _described(self) -> Self:
        missing = self._missing()
        if self.folder is None and missing:
            raise ValueError(f"lacks {' and '.join(missing)}, which only a folder states; add them")
        return self

    def _missing(self) -> list[str]:
        return [name for name in ("model", "fingerprint", "dimension") if name not in self.model_fields_set]


def distinct(values: list[Vectors]) -> list[Vectors]:
    """Raise ValueError if a modality occurs twice."""
    names = [each.modality for each in values]
    for i, each in enumerate(values):
        first = values[names.index(each.modality)]
        if first is not each:
            mixed = "" if first.fingerprint == each.fingerprint else ", of two fingerprints: vectors of two models"
            raise ValueError(f"[{i}] has {each.modality} vectors again{mixed}; send one block for each modality")
    return values


IDS_OF_VECTORS: Any = Field(
    None,
    description="One id per item of `vectors`; or the items of `collection` that are taken, in this order. The items "
    "of `input` have their own.",
)


class VectorList(Message):
    """Vectors without the rest of a request, for validation by the gRPC transport."""

    vectors: Annotated[list[Vectors], AfterValidator(distinct)]


class ItemsOrVectors(Message):
    """Items, or vectors of items."""

    on_error: OnError = Field(
        "fail",
        description="Handling of unusable items. `fail`: the request fails with an error that names every such item. "
        "`skip`: they are left out and listed in the answer.",
    )
    input: Posts | None = Field(None, description="Items, unless `vectors` are sent.")
    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None, description="Vectors of the items, one or two modalities, unless `input` is sent."
    )


class Encodable(ItemsOrVectors):
    """Items that the server may have to embed first."""

    model: str | None = Field(
        None, description="Model that embeds `input`. Default: the first of GET /v1/models.", examples=["embedded"]
    )
    decode: RequestDecode | None = Field(
        None, description="Decoding of JPEGs in `input`. Default: the server's setting."
    )
    ids: list[str] | None = Field(
        None,
        description="One id per item. Default: the ids of `input`. With `collection`: the items of it that are taken, "
        "in this order.",
    )


class Unusable(BaseModel):
    """An item that was left out."""

    index: int = Field(description="Index of the item.")
    id: str | None = Field(None, description="Id of the item, if it has one.")
    error: ItemError = Field(description="Reason.")
