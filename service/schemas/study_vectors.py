"""Requests and answers about the vectors of a study: embedding its pictures, and sets of vectors by model."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.schemas.base import Message


class EmbedRequest(Message):
    """The pictures of a study, of which vectors are made."""

    model: str | None = Field(
        None,
        max_length=200,
        description="Model that makes the vectors. Left out: the server's default.",
        examples=[None],
    )


class VectorSetCard(BaseModel):
    """The vectors that one model has made of a study."""

    model: str = Field(description="Model that made the vectors.")
    fingerprint: str = Field(description="Fingerprint of the model: only vectors with the same one can be compared.")
    dimension: int = Field(description="Number of dimensions.")
    modality: Literal["image", "text"] = Field(
        description="Modality of the items; image for a collection that has images and texts."
    )
    items: int = Field(description="Number of items with a vector.")
    failed: int = Field(description="Number of items of which no vector could be made.")
    missing: int = Field(description="Number of items that were not embedded yet.")
    created: str = Field(description="Time at which the first vector was asked for, ISO 8601.")
    job: str | None = Field(description="Id of the job that embeds items now; null if none does.")
    receipt: dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")


class VectorSetList(BaseModel):
    """The vectors of a study, by model."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[VectorSetCard] = Field(description="Vectors of each model, in the order in which they were begun.")


class DeletedVectors(BaseModel):
    """Vectors that were deleted."""

    model: str = Field(description="Model that made the vectors.")
    deleted: Literal[True] = Field(True, description="Always true.")
    items: int = Field(description="Number of vectors.")
