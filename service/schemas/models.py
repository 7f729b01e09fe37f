"""Model cards."""

from typing import Literal

from pydantic import BaseModel, Field

from models.images.decoding import DecodeMode


class ModelCard(BaseModel):
    """A model that the server runs."""

    id: str = Field(description="Name to send as `model`.")
    object: Literal["model"] = Field("model", description="Type of the object, as in OpenAI's API.")
    default: bool = Field(description="Whether this model is used when `model` is left out.")
    description: str = Field(description="Description of the model.")
    modalities: list[str] = Field(description="Modalities that the model accepts: image, text.")
    dimension: int = Field(description="Length of the vectors.")
    zero_shot: bool = Field(description="Whether images and texts are embedded in one space, as zero-shot requires.")
    licence: str = Field(description="Licence of the weights.")
    source: str = Field(description="Source of the weights.")
    revision: str = Field(description="Revision of the weights.")
    weights: dict[str, str] = Field(description="SHA-256 of each file that the vectors depend on.")
    fingerprint: str = Field(
        description="Identifier of the computation: vectors with equal fingerprints are comparable."
    )
    fingerprint_scaled: str | None = Field(description='Fingerprint with decode="scaled".')
    precision: str = Field(description="Precision of the arithmetic: fp32, fp16, …")
    provider: str = Field(description="ONNX Runtime's execution provider.")
    decode: DecodeMode = Field(description="Decoding of JPEGs when the request does not set it.")
    max_tokens: int | None = Field(
        description="Maximum length of a text in tokens; longer texts are cut and listed in `truncated`."
    )
    templates: list[str] | None = Field(description="Default prompt templates.")
    parity: dict[str, float] = Field(
        description="Lowest cosine between vectors of the exported model and of torch, by modality."
    )
    demonstration: bool = Field(description="Whether the model is for demonstration only, not for a study.")
    notice: str | None = Field(description="Notice to users of the model, for example a known weakness.")
    fingerprint_gpu: str | None = Field(
        description="Fingerprint where the server decodes JPEGs on its GPU; null on other servers."
    )


class ModelList(BaseModel):
    """The models that the server runs."""

    object: Literal["list"] = Field("list", description="Type of the object, as in OpenAI's API.")
    data: list[ModelCard] = Field(description="The models, the default first.")
    next_cursor: str | None = Field(None, description="Always null: all models are in one page.")
