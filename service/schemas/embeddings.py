"""Requests and answers of embeddings."""

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.common import Answer, Datum, FailedEntry, ModelOptions
from service.schemas.example import PHOTO
from service.schemas.items import Items


class EmbeddingsOptions(ModelOptions):
    """Options of a request for embeddings."""

    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`float`: a JSON list. `base64`: little-endian float32, a third of the size."
    )
    dimensions: int | None = Field(
        None,
        description="Dimension of the vectors. Only Matryoshka models accept another one than their own.",
    )
    user: str | None = Field(None, description="Ignored; accepted for compatibility with OpenAI clients.")


class EmbeddingsRequest(EmbeddingsOptions):
    """Texts, images and videos to embed. Accepts requests for OpenAI's embeddings endpoint."""

    input: Items = Field(
        description="A text, an item, or a mixed list of these.",
        examples=[["a cat asleep on a sofa", {"image": PHOTO, "id": "photo-1"}]],
    )


class Embedding(Datum):
    object: Literal["embedding"] = Field("embedding", description="Type of the object, as in OpenAI's answers.")
    embedding: list[float] | str = Field(description="Vector of the item, unit length, as numbers or in base64.")


class Usage(BaseModel):
    prompt_tokens: int = Field(description="Number of tokens in all texts, including special tokens.")
    total_tokens: int = Field(description="Equal to `prompt_tokens`.")


class EmbeddingsAnswer(Answer):
    object: Literal["list"] = Field("list", description="Type of the object, as in OpenAI's answers.")
    data: list[Embedding | FailedEntry] = Field(description="One entry per item, in order.")
    usage: Usage = Field(description="Number of tokens processed.")


class OrangeAnswer(Answer):
    """Vector of a picture for Orange."""

    embedding: list[float] = Field(description="Unit vector.")
    model: str = Field(description="Name of the model.", examples=["embedded"])
    fingerprint: str = Field(description="Fingerprint of the model.")
