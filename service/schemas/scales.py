"""Requests and answers of scales from pairwise comparisons."""

from pydantic import BaseModel, Field

from service.schemas.annotation import SEED
from service.schemas.base import Message
from service.schemas.codes import Code, Id


class ComparisonPairsRequest(Message):
    """Items of which pairs are drawn, to be compared by people."""

    ids: list[Id] = Field(
        min_length=3, max_length=2000, description="Id of each item.", examples=[["p1", "p2", "p3", "p4"]]
    )
    per_item: int = Field(10, ge=2, le=1999, description="Number of different pairs of each item.", examples=[2])
    seed: int = SEED


class ComparisonPair(BaseModel):
    """Two items to be compared, to be shown in this order."""

    a: str = Field(description="Id of the first item.")
    b: str = Field(description="Id of the second item.")


class ComparisonPairsAnswer(BaseModel):
    """Pairs of items to be compared; all items are connected by a chain of pairs."""

    pairs: list[ComparisonPair] = Field(description="Pairs in random order, which is the order of comparing.")
    per_item: float = Field(description="Mean number of pairs of each item.")
    seed: int = Field(ge=0, description="Seed of the draw.")


class ScaleRequest(Message):
    """Comparisons of pairs of items, one row each."""

    a: list[Id] = Field(description="First item of each comparison.", examples=[["p1", "p2", "p3", "p1"]])
    b: list[Id] = Field(description="Second item of each comparison.", examples=[["p2", "p3", "p1", "p2"]])
    winner: list[Code] = Field(
        description="Winner of each comparison: the id of one of the two items; a or b (left or right, first or "
        "second); or tie (=, equal, same), half a win of each. Null: no answer.",
        examples=[["p1", "p2", "p3", "tie"]],
    )
    ridge: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Penalty that draws scores towards 0: half of it times the sum of squared scores. With 0, items "
        "that have won or lost all their comparisons have no finite score, which is an error.",
    )


class ScaledItem(BaseModel):
    """An item on the scale."""

    item: str = Field(description="Id of the item.")
    score: float = Field(
        description="Score. The logit of the probability that one item beats another is the difference of their scores."
    )
    se: float = Field(ge=0, description="Standard error of the score.")
    low: float = Field(description="Lower bound of the 95 % interval.")
    high: float = Field(description="Upper bound of the 95 % interval.")
    comparisons: int = Field(ge=0, description="Number of the item's comparisons.")
    wins: float = Field(ge=0, description="Number of its wins; a tie is half a win.")


class ScaleAnswer(BaseModel):
    """A continuous scale from pairwise comparisons; scores have mean 0."""

    items: list[ScaledItem] = Field(description="Items, the highest score first.")
    comparisons: int = Field(ge=0, description="Number of comparisons that count.")
    ties: int = Field(ge=0, description="Number of ties among them.")
    missing: int = Field(ge=0, description="Number of comparisons without a winner.")
    ridge: float = Field(description="Penalty, as requested.")
    reliability: float = Field(
        description="1 minus the mean squared standard error over the variance of the scores; 0 at least."
    )
    log_likelihood: float = Field(description="Logarithm of the likelihood of the comparisons.")
    remarks: list[str] = Field(
        description="Remarks on ties, missing answers, the ridge, and items with few comparisons."
    )
