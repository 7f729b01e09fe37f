"""Requests and answers of position bias: places of categories in a question, and how often they are chosen there."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from service.schemas.annotation import SEED, Coefficient
from service.schemas.base import Message
from service.schemas.codes import Id

Kind = Literal["nominal", "ordinal"]


class AskedVariable(Message):
    """The n answered questions about one variable; those without a category as their answer are left out."""

    name: str = Field(min_length=1, max_length=200, description="Name of the variable.", examples=["scene"])
    kind: Kind = Field(
        "nominal",
        description="nominal: each order of the categories was as probable as any other. ordinal: the order of "
        "`categories` or the reverse of it.",
    )
    categories: list[str] = Field(
        min_length=2, max_length=200, description="Categories of the variable.", examples=[["street", "sky", "sea"]]
    )
    item: list[Id] = Field(
        min_length=1,
        description="Item of each question. An item may be asked about several times, in different orders.",
        examples=[["a.jpg", "b.jpg", "a.jpg"]],
    )
    order: list[list[int]] = Field(
        description="Order of the categories in each question, by their numbers in `categories`, from 0 on.",
        examples=[[[0, 1, 2], [2, 0, 1], [1, 2, 0]]],
    )
    chosen: list[list[int]] = Field(
        description="Categories of each answer, by their numbers.", examples=[[[0], [2], [0]]]
    )

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.item) == len(self.order) == len(self.chosen):
            raise ValueError(
                f"item, order and chosen have {len(self.item)}, {len(self.order)} and {len(self.chosen)} rows; give "
                "one for each question"
            )
        return self


class PositionBiasRequest(Message):
    """Answered questions, of which the order of the categories was drawn at random for each."""

    variables: list[AskedVariable] = Field(
        min_length=1, max_length=200, description="Variables, and the questions about each."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the intervals.")
    seed: int = SEED


class PlaceShare(BaseModel):
    """A place in the question."""

    place: int = Field(description="Place, from 1 on.")
    chosen: int = Field(description="Number of questions in which the category in this place was chosen.")
    share: Coefficient = Field(
        description="Share of the questions, with its interval. For one choice of unordered categories it is the mean "
        "probability of a category to be chosen where it stands in this place."
    )
    expected: float = Field(description="Share without position bias.")


class CategoryPlaces(BaseModel):
    """A category in an early and in a late place."""

    category: str = Field(description="Name of the category.")
    early: int = Field(description="Number of questions in which it stood in an early place.")
    late: int = Field(description="Number of questions in which it stood in a late place.")
    share_early: float | None = Field(description="Share of the former in which it was chosen; null without any.")
    share_late: float | None = Field(description="Share of the latter in which it was chosen; null without any.")
    difference: Coefficient = Field(
        description="The former share minus the latter, with Newcombe's interval (1998), for which questions are "
        "independent."
    )


class Consistency(BaseModel):
    """Equal answers to questions about the same item."""

    items: int = Field(description="Number of items that were asked about more than once.")
    same: Coefficient = Field(
        description="Share of the pairs of questions about an item that have the same answer, the mean over items."
    )
    same_order: Coefficient | None = Field(
        description="The same of pairs with the categories in the same order; null without such pairs."
    )
    other_order: Coefficient | None = Field(
        description="The same of pairs with the categories in different orders; null without such pairs."
    )
    unanimous: Coefficient = Field(description="Share of the items of which all answers are the same.")


class PositionBias(BaseModel):
    """Position bias of one variable."""

    variable: str = Field(description="Name of the variable.")
    kind: Kind = Field(description="Kind of its categories.")
    questions: int = Field(description="Number of questions.")
    items: int = Field(description="Number of items.")
    early: list[int] = Field(
        description="Early places: the first; of ordinal categories the first half, without the middle."
    )
    late: list[int] = Field(description="Late places: the last; of ordinal categories the last half.")
    places: list[PlaceShare] = Field(description="Places, in order.")
    categories: list[CategoryPlaces] = Field(description="Categories, in the order of the codebook.")
    difference: Coefficient = Field(
        description="Share of the questions with a choice in an early place, minus that with one in a late place, with "
        "an interval over items; 0 without position bias."
    )
    p: float = Field(
        description="Probability of shares by place that are so uneven, or more, without position bias: the orders "
        "are drawn again 9,999 times."
    )
    clear: bool = Field(
        description="Whether the bias is clear: p below 0.01 by Holm's rule over all variables, and 20 questions or "
        "more."
    )
    consistency: Consistency | None = Field(
        description="Equal answers about the same item; null where each item was asked about once."
    )


class PositionBiasAnswer(BaseModel):
    """Position bias of each variable."""

    data: list[PositionBias] = Field(description="Variables, in the order of the request.")
    confidence: float = Field(description="Confidence of the intervals.")
    remarks: list[str] = Field(description="Sentences on biases that are clear, and on limits.")
