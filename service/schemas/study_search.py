"""Requests and answers of the search among the items of a study."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from service.schemas.base import Message

MOST_FOUND = 10_000


class StudyQuery(Message):
    """A text, a picture or an item of the study."""

    text: str | None = Field(None, min_length=1, description="Text.", examples=["a crowd with banners"])
    image: str | None = Field(None, min_length=1, description="Picture in base64.", examples=[None])
    key: str | None = Field(
        None, min_length=1, max_length=100, description="Key of an item, which is left out.", examples=[None]
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(each is not None for each in (self.text, self.image, self.key)) != 1:
            raise ValueError("query: send one of text, image and key")
        return self


class StudySearchRequest(Message):
    """A search among the items of a study."""

    query: StudyQuery | None = Field(
        None, description="Text, picture or item to compare with, unless it is the part `input` of a form."
    )
    k: int = Field(100, ge=1, le=MOST_FOUND, description="Number of items to return.")
    model: str | None = Field(
        None, max_length=200, description="Model of the vectors. Left out: the only one of the study.", examples=[None]
    )
    filter: list[str] = Field(
        [],
        max_length=20,
        description="Conditions on columns, as in score>=0.5: items that fulfil all of them are searched.",
        examples=[[]],
    )


class StudyHit(BaseModel):
    """An item that was found."""

    key: str = Field(description="Key of the item.")
    id: str = Field(description="Id of the item.")
    cosine: float = Field(description="Cosine similarity to the query.")


class StudySearchAnswer(BaseModel):
    """The items that are the most similar to a query."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[StudyHit] = Field(description="Items, the most similar first.")
    n: int = Field(description="Number of items that were compared with the query.")
    model: str = Field(description="Model of the vectors.")
    fingerprint: str = Field(description="Fingerprint of the model.")
    remarks: list[str] = Field(description="Sentences on items that were not searched, and on the query.")
    receipt: dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")
