"""Model cards."""

from typing import Literal

from pydantic import BaseModel, Field

from models.images.decoding import DecodeMode


class ModelCard(BaseModel):
    """A model that can be asked for."""

    id: str = Field(description="The name to send as `model`.")
    object: Literal["model"] = Field("model", description="As in OpenAI's answers.")
    default: bool = Field(description="Whether it is meant where `model` is left out.")
    description: str = Field(description="What it is.")
    modalities: list[str] = Field(description="What it takes: image, text.")
    dimension: int = Field(description="Length of its vectors.")
    zero_shot: bool = Field(description="Whether its images and texts share a space.")
    licence: str = Field(description="Of the weights.")
    source: str = Field(description="Where the weights come from.")
    revision: str = Field(description="The exact weights.")
    weights: dict[str, str] = Field(description="SHA-256 of each file that the vectors depend on.")
    fingerprint: str = Field(description="Vectors may be compared exactly where it is equal.")
    fingerprint_scaled: str | None = Field(description='The fingerprint under decode="scaled".')
    precision: str = Field(description="Of the arithmetic: fp32, fp16, …")
    provider: str = Field(description="ONNX Runtime's execution provider.")
    decode: DecodeMode = Field(description="How JPEGs are decoded where a request does not say.")
    max_tokens: int | None = Field(description="Longer texts are cut there, and the answer says so.")
    templates: list[str] | None = Field(description="Its default prompt templates.")
    parity: dict[str, float] = Field(description="Lowest cosine against torch, measured when it was exported.")
    demonstration: bool = Field(description="True: not a model for a study.")
    notice: str | None = Field(description="What its users must know.")


class ModelList(BaseModel):
    object: Literal["list"] = Field("list", description="As in OpenAI's answers.")
    data: list[ModelCard] = Field(description="The models, the default first.")
    next_cursor: str | None = Field(None, description="Null: there are no more.")
