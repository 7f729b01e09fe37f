"""Parts of requests and answers that several features share."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from models.images.decoding import RequestDecode
from service.schemas.base import Message
from service.schemas.crops import Crop
from service.schemas.video import Sampling, VideoBlock

OnError = Literal["fail", "skip"]
Mode = Literal["sync", "job"]
MODE: Any = Field(
    "sync",
    description="`sync`: the response has the results. `job`: for videos, the response has a job, whose results are "
    "at /v1/jobs/{id}/answer.",
)
Index = Annotated[int, Field(ge=0)]
FIRST_OF_MANY: Any = Field(
    description="Indices of images that hold several pictures (an animation, pages), of which only the first was read."
)
SAMPLING: Any = Field(
    None, description="Sampling of video frames, for items without their own. Default: one frame per second."
)


class ModelOptions(Message):
    """Options of every request that runs a model."""

    model: str | None = Field(
        None,
        description="Name of a model of GET /v1/models. Default: the first of them.",
        examples=["embedded"],
    )
    on_error: OnError = Field(
        "fail",
        description="Handling of unusable items. `fail`: the request fails with an error that names every such item. "
        "`skip`: the entry of each such item has an error in place of a result.",
    )
    decode: RequestDecode | None = Field(
        None,
        description="Decoding of JPEGs. `exact`: pixels as in the reference implementation. `scaled`: large JPEGs are "
        "decoded at a fraction of their size, faster, with a different fingerprint. Default: the server's setting.",
    )
    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE


class Receipt(BaseModel):
    """Provenance of the numbers; store it with them."""

    model: str = Field(description="Name of the model.", examples=["embedded"])
    revision: str = Field(description="Revision of the weights.")
    fingerprint: str = Field(
        description="Hash of weights, preprocessing, decode mode, pooling, precision and recipe. Vectors are "
        "comparable only if it is equal."
    )
    precision: str = Field(description="Arithmetic precision: fp32, fp16, …", examples=["fp32"])
    provider: str = Field(description="Execution provider of ONNX Runtime.", examples=["CPUExecutionProvider"])
    decode: str = Field(description="Decode mode of JPEGs.", examples=["exact"])
    demonstration: bool = Field(description="True for a model that is not meant for research.")
    notice: str | None = Field(description="Notice for users of the model.")
    made_with: dict[str, str] = Field(description="Versions of the software used; not part of the fingerprint.")
    cached: int | None = Field(
        None, description="Number of images whose vectors were in the server's cache; null without a cache."
    )


class ItemError(BaseModel):
    code: str = Field(description="Error code, for programs.", examples=["invalid_image"])
    message: str = Field(description="Explanation with the value, the rule and the way out, for people.")


class Entry(BaseModel):
    """The entry of one item in an answer."""

    index: int = Field(description="Index of the item in `input`.")
    id: str | None = Field(None, description="Id of the item, if it has one.")
    crop: Crop | None = Field(None, description="Crop of the item's image, as requested, if it has one.")


class FailedEntry(Entry):
    """The entry of an unusable item, with an error in place of a result; only with `on_error: skip`."""

    error: ItemError = Field(description='Error in place of a result; only with on_error="skip".')


class Datum(Entry):
    """The entry of a usable item."""

    video: VideoBlock | None = Field(None, description="Frames and shots of a video; its result is pooled over frames.")


class Answer(BaseModel):
    """Fields of every answer computed by a model."""

    model: str = Field(description="Name of the model.", examples=["embedded"])
    truncated: list[int] = Field(description="Indices of texts that were truncated at the model's maximum length.")
    unknown: list[int] = Field(
        description="Indices of texts of which the model knows no token: their vectors say nothing about them."
    )
    first_of_many: list[Index] = FIRST_OF_MANY
    receipt: Receipt = Field(description="Receipt of the answer; store it with the numbers.")
