"""Requests and answers of similarity search."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from service.schemas.common import Datum, FailedEntry, Receipt
from service.schemas.items import Encodable, Vectors, distinct


class SearchRequest(Encodable):
    """Items to look for, `input`, in a corpus of vectors."""

    vectors: Annotated[list[Vectors], AfterValidator(distinct)] = Field(
        min_length=1, max_length=1, description="The corpus: one block."
    )
    queries: Vectors | None = Field(None, description="Vectors to look for, in place of input.")
    k: int = Field(10, ge=1, le=10_000, description="Neighbours of each.")


class Neighbour(BaseModel):
    index: int = Field(description="Of the corpus.")
    id: str | None = Field(description="Its name, where you gave some.")
    cosine: float = Field(description="With what was looked for.")


class SearchDatum(Datum):
    neighbours: list[Neighbour] | None = Field(None, description="The nearest first.")


class SearchAnswer(BaseModel):
    data: list[SearchDatum | FailedEntry] = Field(description="One entry for each item looked for, in order.")
    model: str = Field(description="The model of the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="How they were made.")
