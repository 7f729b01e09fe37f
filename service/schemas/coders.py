"""Requests and answers on coders: differences between groups of coders, and codes of a crowd reconciled."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from models.annotation.weighted import Level
from service.schemas.annotation import SEED, AgreementCoefficient, Coefficient
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Id

GroupName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CoderGroupsRequest(Message):
    """A long table of codes, one row per coder and item, and the group of each coder."""

    coder: list[Id] = Field(description="Coder of each row.", examples=[["anna", "ben", "anna", "ben"]])
    item: list[Id] = Field(description="Item of each row.", examples=[["p1", "p1", "p2", "p2"]])
    code: list[Code] = Field(description="Code of each row; null: no code.", examples=[["anger", "fear", "joy", "joy"]])
    groups: dict[str, GroupName] = Field(
        description="Group of each coder, by the coder's name; coders without one are left out.",
        examples=[{"anna": "left", "ben": "right"}],
    )
    missing: list[str] | None = MISSING_TEXTS
    level: Level = Field(
        "nominal",
        description="Level of measurement. nominal: shares of categories are compared. ordinal or interval: means of "
        "codes, which are numbers.",
    )
    resamples: int = Field(
        1000, ge=1, le=10_000, description="Number of bootstrap resamples of items, for the agreement of coders."
    )
    seed: int = SEED


class CoderGroup(BaseModel):
    """A group of coders, and their agreement with each other."""

    group: str = Field(description="Name of the group.")
    coders: list[str] = Field(description="Names of its coders who have codes.")
    codes: int = Field(ge=0, description="Number of their codes.")
    items: int = Field(ge=0, description="Number of items with one of their codes.")
    percent: Coefficient | None = Field(
        description="Percent agreement within the group; null where no item has two of its codes."
    )
    alpha: AgreementCoefficient | None = Field(description="Krippendorff's alpha within the group.")


class GroupDifference(BaseModel):
    """A difference of two groups over the items that both have coded, the first minus the second."""

    a: str = Field(description="Name of the first group.")
    b: str = Field(description="Name of the second group.")
    category: str | None = Field(description="Category whose share is compared; null for means of numbers.")
    items: int = Field(ge=0, description="Number of items that both groups have coded.")
    value_a: float = Field(description="Mean over items of the share of the first group's codes, or of their mean.")
    value_b: float = Field(description="The same of the second group.")
    difference: Coefficient = Field(
        description="The first minus the second, with a 95 % interval for other coders of the same groups and these "
        "items; null bounds for a group of one coder."
    )
    difference_of_items: Coefficient = Field(
        description="The same with an interval for other coders and other items, which is somewhat too wide."
    )


class GroupAgreement(BaseModel):
    """Agreement of a coder of one group with a coder of another, on the items that both groups have coded."""

    a: str = Field(description="Name of the first group.")
    b: str = Field(description="Name of the second group.")
    items: int = Field(ge=0, description="Number of items that both groups have coded.")
    percent: Coefficient = Field(description="Probability that a coder of each group give an item the same code.")
    kappa: AgreementCoefficient = Field(
        description="1 minus observed over expected disagreement of a coder of each group; of numbers by squared "
        "differences."
    )


class ItemDifference(BaseModel):
    """An item on which two groups differ."""

    item: str = Field(description="Id of the item.")
    a: str = Field(description="Name of the first group.")
    b: str = Field(description="Name of the second group.")
    category: str | None = Field(description="Category with the largest difference of shares; null for numbers.")
    value_a: float = Field(description="Share of the first group's codes that are the category, or their mean.")
    value_b: float = Field(description="The same of the second group.")
    codes_a: int = Field(ge=0, description="Number of the first group's codes of the item.")
    codes_b: int = Field(ge=0, description="Number of the second group's codes of the item.")
    difference: Coefficient = Field(description="The first minus the second, with a 95 % interval for other coders.")
    distance: float = Field(
        description="Half the sum of the absolute differences of all shares; of numbers the absolute difference."
    )


class CoderGroupsAnswer(BaseModel):
    """Differences between groups of coders."""

    level: str = Field(description="Level of measurement, as requested.")
    groups: list[CoderGroup] = Field(description="Groups in order.")
    overall: list[GroupDifference] = Field(description="Differences of each two groups, by category or of means.")
    between: list[GroupAgreement] = Field(description="Agreement of each two groups.")
    items: list[ItemDifference] = Field(
        description="Items on which groups differ, the largest distance first, of each two groups 1,000 at most."
    )
    n_items: int = Field(ge=0, description="Number of different items in `items`.")
    missing: int = Field(ge=0, description="Number of rows without a code.")
    remarks: list[str] = Field(description="Remarks on coders without a group, small groups, and many comparisons.")


class CrowdRequest(Message):
    """A long table of codes, one row per coder and item."""

    coder: list[Id] = Field(description="Coder of each row.", examples=[["anna", "ben", "eva", "anna", "ben", "eva"]])
    item: list[Id] = Field(description="Item of each row.", examples=[["p1", "p1", "p1", "p2", "p2", "p2"]])
    code: list[Code] = Field(
        description="Code of each row; null: no code.", examples=[["yes", "yes", "no", "no", "no", "no"]]
    )
    missing: list[str] | None = MISSING_TEXTS


class CrowdCoder(BaseModel):
    """A coder, and the coder's errors by the model."""

    coder: str = Field(description="Name of the coder.")
    codes: int = Field(ge=0, description="Number of the coder's codes.")
    accuracy: float = Field(description="Probability that the coder's code is the item's category.")
    confusion: list[list[float]] = Field(
        description="Probability of each code, in columns, for an item of each category, in rows; zeros for a category "
        "of which the coder has coded no item."
    )


class CrowdItem(BaseModel):
    """An item, its majority, and its label by the model."""

    item: str = Field(description="Id of the item.")
    codes: int = Field(ge=0, description="Number of its codes.")
    majority: str | None = Field(description="Most frequent code; null where several are tied.")
    majority_tied: list[str] = Field(description="Codes that are tied.")
    label: str | None = Field(description="Most probable category by the model; null where several are tied.")
    tied: list[str] = Field(description="Categories that are equally probable.")
    probability: float = Field(description="Probability of the most probable category.")
    probabilities: list[float] = Field(description="Probability of each category, in the order of `categories`.")


class CrowdAnswer(BaseModel):
    """Codes of a crowd reconciled by the majority and by the model of Dawid and Skene."""

    categories: list[str] = Field(description="Categories in order.")
    shares: list[float] = Field(description="Share of each category, estimated by the model.")
    majority_shares: list[float] = Field(description="Share of each category among the items with a majority.")
    coders: list[CrowdCoder] = Field(description="Coders, each with a confusion matrix.")
    items: list[CrowdItem] = Field(description="Items with a code, in the order of the request.")
    n_ties: int = Field(ge=0, description="Number of items without a majority.")
    n_tied: int = Field(ge=0, description="Number of items without a label by the model.")
    n_differ: int = Field(ge=0, description="Number of items whose majority and label differ.")
    steps: int = Field(ge=0, description="Number of steps of the EM algorithm.")
    converged: bool = Field(description="Whether the estimates no longer change.")
    log_likelihood: float = Field(description="Logarithm of the likelihood of the codes.")
    missing: int = Field(ge=0, description="Number of rows without a code.")
    remarks: list[str] = Field(description="Remarks on ties, on coders with few codes, and on limits of the model.")
