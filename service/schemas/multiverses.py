"""Requests and answers of a multiverse: one estimate by each of many configurations of the predictions."""

from math import isnan
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from models.classifiers.head import Task
from service.schemas.annotation import SEED
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Value
from service.schemas.common import Receipt
from service.schemas.estimates import CorpusRows, EstimatedValue
from service.schemas.validations import CodeRows, Name

MOST_CONFIGURATIONS = 1000
Text = Annotated[str, Field(min_length=1, max_length=2000)]


def _null_for_nan(values: Any) -> Any:
    """NaN, which stands for null where a message has no null, as null."""
    if not isinstance(values, list):
        return values
    return [None if isinstance(value, float) and isnan(value) else value for value in values]


class Choice(Message):
    """A choice that could have been made otherwise, and its value in a configuration."""

    name: Name = Field(description="Name of the choice: model, template, wording or threshold.", examples=["template"])
    value: Text = Field(description="Value in this configuration.", examples=["a photo of {}"])


class MultiverseConfiguration(Message):
    """The predictions of all items by one configuration."""

    choices: list[Choice] = Field(
        min_length=1, max_length=50, description="Choices, of which every configuration has the same."
    )
    values: Annotated[list[float | None], BeforeValidator(_null_for_nan)] = Field(
        min_length=2,
        description="Prediction for each item of the corpus, in its order: 1 for the label, 0 for another, or a score "
        "between; a number, where the codes are numbers; null: no prediction.",
        examples=[[1, 0, 1]],
    )


class PartsDifference(Message):
    """A difference of two parts of the corpus: the first minus the second."""

    by: Name = Field(description="Column of `corpus.by`.", examples=["party"])
    a: Value = Field(description="Value of the first part.", examples=["a"])
    b: Value = Field(description="Value of the second part.", examples=["b"])


class MultiverseRequest(Message):
    """A corpus with the predictions of many configurations, and codes for a sample of its items."""

    corpus: CorpusRows = Field(description="Items of the corpus, and what is known of each.")
    configurations: list[MultiverseConfiguration] = Field(
        min_length=2, max_length=MOST_CONFIGURATIONS, description="Configurations, each with its predictions."
    )
    codes: CodeRows | None = Field(
        None,
        description="Codes that people gave to a probability sample of the corpus. Left out: uncorrected estimates "
        "alone.",
    )
    positive: Code = Field(
        None, description="Label whose share is estimated. Left out: the positive one of two labels of the codes."
    )
    difference: PartsDifference | None = Field(
        None, description="Difference that is estimated. Left out: the share, or mean, of the whole corpus."
    )
    coefficient: str | None = Field(
        None,
        max_length=1000,
        description="Term of the regression on the covariates of the corpus whose coefficient is estimated.",
        examples=[None],
    )
    task: Task | None = Field(
        None, description="Kind of codes: binary, categorical or continuous. Left out: inferred from the codes."
    )
    rule: Literal["majority", "unanimous", "mean", "adjudicated"] | None = Field(
        None, description="Rule by which codes of several coders become one. Left out: majority, or mean of numbers."
    )
    missing: list[str] | None = MISSING_TEXTS
    family: Literal["linear", "logistic"] | None = Field(
        None, description="Family of the regression. Left out: linear for numbers, logistic for two classes."
    )
    role: Literal["outcome", "covariate"] = Field(
        "outcome", description="Whether the codes are the outcome of the regression, or a covariate."
    )
    sample: Literal["probability", "convenience"] = Field(
        "probability",
        description="Kind of sample. convenience: items not chosen by chance, which allow no estimate: refused.",
    )
    confidence: float = Field(0.95, gt=0.5, le=0.9999, description="Confidence level of the intervals.")
    seed: int = SEED
    receipts: list[Receipt] = Field(
        [], max_length=100, description="Receipts of the models that made the predictions; the answer repeats them."
    )


class Estimand(BaseModel):
    """The quantity that is estimated."""

    kind: Literal["level", "difference", "trend", "coefficient"] = Field(
        description="level: the share or mean of the corpus; difference: of two of its parts; trend: its change per "
        "unit of time; coefficient: of a regression."
    )
    label: str = Field(description="Label whose share it is; empty for numbers.")
    share: bool = Field(description="Whether it is of shares; false for numbers.")
    by: str | None = Field(description="Column of a difference; null otherwise.")
    a: str | None = Field(description="Value of the first part of a difference; null otherwise.")
    b: str | None = Field(description="Value of the second part of a difference; null otherwise.")
    term: str | None = Field(description="Name of a coefficient; null otherwise.")


class ConfigurationEstimate(BaseModel):
    """The estimates by one configuration."""

    choices: dict[str, str] = Field(description="Value by name of each choice; empty for the average.")
    uncorrected: float = Field(description="Estimate by the predictions alone, as if none were wrong.")
    corrected: EstimatedValue | None = Field(description="Estimate by codes and predictions; null without codes.")
    slope: float | None = Field(description="Weight λ of the predictions; null without codes.")
    worth: float | None = Field(
        description="Number of coded items that would give codes alone the same standard error; null without codes, "
        "and for differences."
    )


class EstimateSpread(BaseModel):
    """The spread of the estimates of all configurations."""

    lowest: float = Field(description="Lowest estimate.")
    lower_quartile: float = Field(description="Lower quartile.")
    median: float = Field(description="Median.")
    upper_quartile: float = Field(description="Upper quartile.")
    highest: float = Field(description="Highest estimate.")
    sd: float = Field(description="Standard deviation.")


class ChoiceMeans(BaseModel):
    """The mean estimates of the configurations with one value of a choice."""

    value: str = Field(description="Value of the choice.")
    configurations: int = Field(description="Number of configurations with it.")
    uncorrected: float = Field(description="Mean of their uncorrected estimates.")
    corrected: float | None = Field(description="Mean of their corrected estimates; null without codes.")


class Factor(BaseModel):
    """A choice, and how far the estimates depend on it."""

    name: str = Field(description="Name of the choice.")
    values: list[ChoiceMeans] = Field(description="Values, in the order of the configurations.")
    explained: float | None = Field(
        description="Share of the variance of the uncorrected estimates that is between the means of the values; null "
        "where all estimates are equal, or there is one value."
    )
    explained_corrected: float | None = Field(description="The same of the corrected estimates; null without codes.")


class SignCounts(BaseModel):
    """Numbers of configurations by the sign of their estimates, and by the side of zero of their intervals."""

    positive: int = Field(description="Number of uncorrected estimates above zero.")
    negative: int = Field(description="Number of uncorrected estimates below zero.")
    corrected_positive: int | None = Field(description="Number of corrected estimates above zero.")
    corrected_negative: int | None = Field(description="Number of corrected estimates below zero.")
    corrected_above: int | None = Field(description="Number of corrected intervals above zero.")
    corrected_below: int | None = Field(description="Number of corrected intervals below zero.")
    codes: Literal["above", "below", "neither"] | None = Field(
        description="Side of zero of the interval of the codes alone; neither: it holds zero."
    )
    other_sign: int | None = Field(
        description="Number of uncorrected estimates whose sign is not that of the codes alone."
    )
    other_sign_corrected: int | None = Field(
        description="Number of corrected estimates whose sign is not that of the codes alone."
    )
    other_side: int | None = Field(
        description="Number of corrected intervals on another side of zero than that of the codes alone."
    )


class MultiverseAnswer(BaseModel):
    """The estimates of all configurations, and their spread."""

    estimand: Estimand = Field(description="Quantity that is estimated.")
    n: int = Field(description="Number of items of the corpus.")
    n_coded: int | None = Field(description="Number of coded items; null without codes.")
    confidence: float = Field(description="Confidence level of the intervals.")
    classical: EstimatedValue | None = Field(description="Estimate by the codes alone; null without codes.")
    configurations: list[ConfigurationEstimate] = Field(description="Estimates, in the order of the request.")
    average: ConfigurationEstimate = Field(
        description="Estimates by the mean of the predictions of all configurations, as one column: it leaves nothing "
        "to choose."
    )
    factors: list[Factor] = Field(description="Choices, and the mean estimates of each of their values.")
    uncorrected: EstimateSpread = Field(description="Spread of the uncorrected estimates.")
    corrected: EstimateSpread | None = Field(description="Spread of the corrected estimates; null without codes.")
    covering: int | None = Field(
        description="Number of corrected intervals that hold the estimate by the codes alone; null without codes."
    )
    within: int | None = Field(
        description="Number of uncorrected estimates inside the interval of the codes alone; null without codes."
    )
    signs: SignCounts | None = Field(
        description="Configurations by sign and side of zero; null for a share or a mean, for which zero is no limit."
    )
    remarks: list[str] = Field(description="Remarks on assumptions and limits of the result.")
    params: dict[str, Any] = Field(description="Options of the estimates.")
    receipts: list[Receipt] = Field(description="Receipts of the models, as requested.")
