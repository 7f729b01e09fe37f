"""Parts that requests and answers of several features share."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from models.images.decoding import DecodeMode
from service.schemas.base import Message
from service.schemas.video import Sampling, VideoBlock

OnError = Literal["fail", "skip"]
Mode = Literal["sync", "job"]
MODE: Any = Field(
    "sync",
    description="sync: answered when it is done. job: for videos, answered at once with a job; its answer is at "
    "/v1/jobs/{id}/answer.",
)
SAMPLING: Any = Field(
    None, description="Which frames of videos are looked at, where an item does not say. Left out: one a second."
)


class ModelOptions(Message):
    """What every request that runs a model has, beside its items."""

    model: str | None = Field(
        None,
        description="A model of GET /v1/models; the first of them where left out.",
        examples=["embedded"],
    )
    on_error: OnError = Field(
        "fail",
        description="What one unusable item does. `fail`: the request is refused and names every such item. "
        "`skip`: the others are answered, and the item carries its own error.",
    )
    decode: DecodeMode | None = Field(
        None,
        description="`exact`: pixels as the reference implementation has them. `scaled`: large JPEGs are decoded at a "
        "fraction of their size, faster, with a fingerprint of its own. Left out: the server's setting.",
    )
    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE


class Receipt(BaseModel):
    """How the numbers were made; keep it with them."""

    model: str = Field(description="The model's name.", examples=["embedded"])
    revision: str = Field(description="The exact weights.")
    fingerprint: str = Field(
        description="Vectors may be compared exactly where it is equal: weights, preprocessing, decode mode, pooling, "
        "precision and recipe."
    )
    precision: str = Field(description="Of the arithmetic: fp32, fp16, …", examples=["fp32"])
    provider: str = Field(description="ONNX Runtime's execution provider.", examples=["CPUExecutionProvider"])
    decode: str = Field(description="How JPEGs were decoded.", examples=["exact"])
    demonstration: bool = Field(description="True: not a model for a study.")
    notice: str | None = Field(description="What its users must know.")
    made_with: dict[str, str] = Field(description="Versions of what ran and exported it; not part of the fingerprint.")


class ItemError(BaseModel):
    code: str = Field(description="For programs.", examples=["invalid_image"])
    message: str = Field(description="For people: the value, the rule, the way out.")


class Entry(BaseModel):
    """The entry of one item in an answer."""

    index: int = Field(description="The item's place in `input`.")
    id: str | None = Field(None, description="The item's id, where it had one.")


class FailedEntry(Entry):
    """The entry of an item that could not be used: an error in place of a result, only with `on_error: skip`."""

    error: ItemError = Field(description='Only with on_error="skip", instead of a result.')


class Datum(Entry):
    """The entry of an item that could be used."""

    video: VideoBlock | None = Field(None, description="Of a video: its frames and shots; the result is their pool.")


class Answer(BaseModel):
    """What every answer that comes from a model has."""

    model: str = Field(description="The model's name.", examples=["embedded"])
    truncated: list[int] = Field(description="Texts that were cut at the model's maximum, by index.")
    receipt: Receipt = Field(description="Keep it with the numbers.")
