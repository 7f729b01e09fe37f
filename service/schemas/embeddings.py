"""Requests and answers of embeddings."""

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.common import Answer, Datum, FailedEntry, ModelOptions
from service.schemas.example import PHOTO
from service.schemas.items import Items


class EmbeddingsOptions(ModelOptions):
    """What to embed items with."""

    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`float`: a JSON list. `base64`: little-endian float32, a third of the size."
    )
    dimensions: int | None = Field(
        None,
        description="The model's own dimension; another one is refused, unless the model is a Matryoshka one.",
    )
    user: str | None = Field(None, description="Accepted for OpenAI's clients, and ignored.")


class EmbeddingsRequest(EmbeddingsOptions):
    """Texts and images to embed. Takes what OpenAI's embeddings endpoint takes, and images."""

    input: Items = Field(
        description="A text, an item, or a list of these, mixed as you like.",
        examples=[["a cat asleep on a sofa", {"image": PHOTO, "id": "photo-1"}]],
    )


class Embedding(Datum):
    object: Literal["embedding"] = Field("embedding", description="As in OpenAI's answers.")
    embedding: list[float] | str = Field(description="Unit vector, float32; or its base64.")


class Usage(BaseModel):
    prompt_tokens: int = Field(description="Tokens of all texts, special ones included.")
    total_tokens: int = Field(description="The same.")


class EmbeddingsAnswer(Answer):
    object: Literal["list"] = Field("list", description="As in OpenAI's answers.")
    data: list[Embedding | FailedEntry] = Field(description="One entry per item, in order.")
    usage: Usage = Field(description="What was read.")
