"""Requests and answers about the columns of a study: tables of all items, figures, items by ids or keys."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from service.schemas.base import Message
from service.schemas.studies import CellValue

MOST_LOOKED_UP = 1000


class TableAnswer(BaseModel):
    """Items of a study as columns of n values."""

    n: int = Field(description="Number of items that fulfil the filters.")
    keys: list[str] = Field(description="Keys of the items, in the order that was asked for.")
    ids: list[str] | None = Field(description="Ids of the items; null unless they were asked for.")
    columns: dict[str, list[CellValue]] = Field(
        description="Values of each column that was named, one for each item; null without a value."
    )


class ColumnHistogram(BaseModel):
    """A histogram of numbers, in bins of one width."""

    edges: list[float] = Field(description="Edges of the bins, one more than there are bins.")
    counts: list[int] = Field(description="Number of values in each bin, whose lower edge belongs to it.")


class ValueCount(BaseModel):
    """A value of a column."""

    value: str | float = Field(description="Value.")
    count: int = Field(description="Number of items with the value.")


class ColumnFigures(BaseModel):
    """Figures of a column of a study."""

    name: str = Field(description="Name of the column.")
    kind: Literal["number", "text"] = Field(description="Kind of the values.")
    items: int = Field(description="Number of items with a value.")
    missing: int = Field(description="Number of items without a value.")
    distinct: int = Field(description="Number of different values.")
    min: float | None = Field(description="Smallest number; null for texts, and without values.")
    max: float | None = Field(description="Largest number; null for texts, and without values.")
    histogram: ColumnHistogram | None = Field(description="Histogram; null for texts, and without values.")
    values: list[ValueCount] | None = Field(
        description="The 100 most frequent values, of at most 200 characters; null for more than 100 numbers."
    )
    source: dict[str, Any] | None = Field(
        None, description="Analysis that wrote the column, with its options; null for a column that was sent."
    )


class ColumnList(BaseModel):
    """The columns of a study."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[ColumnFigures] = Field(description="Columns, in the order in which they were made.")
    items: int = Field(description="Number of items of the study.")


class DeletedColumn(BaseModel):
    """A column that was deleted."""

    name: str = Field(description="Name of the column.")
    deleted: Literal[True] = Field(True, description="Always true.")
    items: int = Field(description="Number of items that had a value.")


class LookupRequest(Message):
    """Items by their keys, or by their ids."""

    keys: list[str] | None = Field(
        None, min_length=1, max_length=MOST_LOOKED_UP, description="Keys of items.", examples=[["0123456789abcdef"]]
    )
    ids: list[str] | None = Field(
        None, min_length=1, max_length=MOST_LOOKED_UP, description="Ids of items.", examples=[None]
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.keys is None) == (self.ids is None):
            raise ValueError("keys: send either keys or ids")
        return self
