"""Requests and answers of similarity search."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from service.schemas.common import Datum, FailedEntry, Receipt
from service.schemas.items import Encodable, Vectors, distinct
from service.schemas.references import ItemsOfCollection


class SearchRequest(Encodable, ItemsOfCollection):
    """Items, `input`, and a corpus of vectors in which their nearest neighbours are searched."""

    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Vectors of the corpus, as one block, unless the corpus is a `collection`.",
    )
    collection: str | None = Field(
        None,
        max_length=100,
        description="Name of a collection (/v1/collections) that is the corpus, in place of `vectors`.",
        examples=[None],
    )
    queries: Vectors | None = Field(None, description="Vectors to search for, in place of input.")
    k: int = Field(10, ge=1, le=10_000, description="Number of neighbours to return for each item.")


class Neighbour(BaseModel):
    """One item of the corpus that is near to a query."""

    index: int = Field(description="Position of the item in the corpus, from 0.")
    id: str | None = Field(description="Id of the item; null if the request had no ids.")
    cosine: float = Field(description="Cosine similarity to the query.")


class SearchDatum(Datum):
    """The neighbours of one query."""

    neighbours: list[Neighbour] | None = Field(None, description="Nearest items of the corpus, the nearest first.")


class SearchAnswer(BaseModel):
    """The neighbours of every query."""

    data: list[SearchDatum | FailedEntry] = Field(description="One entry per query, in order.")
    model: str = Field(description="Model that made the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")
