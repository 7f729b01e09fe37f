"""Requests and answers of estimates for a corpus, from any predictions and a coded sample."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from models.classifiers.head import Task
from service.schemas.annotation import SEED
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Id
from service.schemas.validations import CodeRows, Name, PredictionSet


class CorpusColumn(Message):
    """A column of the corpus."""

    name: Name = Field(description="Name of the column.", examples=["party"])
    values: list[Code] = Field(description="Value of each item of the corpus.")


class CorpusRows(Message):
    """The items of the corpus, coded ones too, and what is known of each."""

    item: list[Id] = Field(min_length=2, description="Id of each item.", examples=[["p1", "p2", "p3"]])
    group: list[Code] | None = Field(
        None, description="Group of each item (author, account): items of one group are not independent."
    )
    stratum: list[Code] | None = Field(
        None, description="Stratum of each item, from each of which coded items were drawn."
    )
    by: list[CorpusColumn] = Field(
        [], max_length=20, description="Columns whose values have estimates of their own, and differences."
    )
    time: list[Code] | None = Field(None, description="Time of each item, a number (a year), for a linear trend.")
    covariates: list[CorpusColumn] = Field(
        [], max_length=100, description="Covariates of the regression: numbers, or categories."
    )
    outcome: list[Code] | None = Field(
        None, description="Outcome of the regression, a number for each item, where a covariate is coded."
    )


class EstimateCorpusRequest(Message):
    """A corpus with predictions for all of its items, and codes for a sample of them."""

    corpus: CorpusRows | None = Field(
        None, description="Items of the corpus. Left out: the items of the first predictions."
    )
    predictions: list[PredictionSet] = Field(
        min_length=1,
        max_length=20,
        description="Sets of predictions of all items of the corpus, coded ones too, each with a name and estimates of "
        "its own. With `classifier`, the coded items that it was trained on have its out-of-fold predictions.",
    )
    codes: CodeRows = Field(description="Codes that people gave to a probability sample of the corpus.")
    task: Task | None = Field(
        None, description="Kind of codes: binary, categorical or continuous. Left out: inferred from the codes."
    )
    positive: Code = Field(
        None, description="Label that is estimated. Left out: the positive one of two labels, or each label."
    )
    rule: Literal["majority", "unanimous", "mean", "adjudicated"] | None = Field(
        None, description="Rule by which codes of several coders become one. Left out: majority, or mean of numbers."
    )
    missing: list[str] | None = MISSING_TEXTS
    rename: dict[str, str] | None = Field(
        None,
        description="Predicted label, and the code that it stands for. Labels that stand for one code are joined.",
        examples=[{"a cat": "cat"}],
    )
    family: Literal["linear", "logistic"] | None = Field(
        None, description="Family of the regression. Left out: linear for numbers, logistic for two classes."
    )
    role: Literal["outcome", "covariate"] = Field(
        "outcome", description="Whether the codes are the outcome of the regression, or a covariate."
    )
    width: float | None = Field(
        None,
        gt=0,
        description="Width of an interval, from limit to limit: the answer has the number of coded items for it.",
        examples=[0.05],
    )
    sample: Literal["probability", "convenience"] = Field(
        "probability",
        description="Kind of sample. convenience: items not chosen by chance, which allow no estimate: refused.",
    )
    confidence: float = Field(0.95, gt=0.5, le=0.9999, description="Confidence level of the intervals.")
    seed: int = SEED


class EstimatedValue(BaseModel):
    """An estimate with its standard error and interval."""

    value: float = Field(description="Estimate.")
    se: float = Field(description="Standard error.")
    low: float = Field(description="Lower limit of the interval.")
    high: float = Field(description="Upper limit of the interval.")


class EstimatedMean(BaseModel):
    """A share or a mean, by codes and predictions, beside the two that it is made of."""

    corrected: EstimatedValue = Field(description="By codes and predictions.")
    classical: EstimatedValue = Field(description="By codes alone.")
    naive: float = Field(description="Mean of the predictions, as if none were wrong.")
    slope: float = Field(
        description="Weight λ of the predictions, that which makes the standard error smallest; 0: they do not help, "
        "and the estimate is the classical one."
    )
    worth: float = Field(
        description="Effective sample size: the number of coded items that would give codes alone the same standard "
        "error."
    )
    n: int = Field(description="Number of items.")
    n_coded: int = Field(description="Number of coded items.")
    n_units: int = Field(description="Number of groups of the coded items; of items without groups.")


class EstimatedPart(BaseModel):
    """The estimate of the items with one value of a column."""

    by: str = Field(description="Name of the column.")
    value: str = Field(description="Value.")
    n: int = Field(description="Number of items.")
    n_coded: int = Field(description="Number of coded items.")
    naive: float = Field(description="Mean of the predictions.")
    mean: EstimatedMean | None = Field(description="Estimate; null with fewer than two coded items or groups.")


class EstimatedDifference(BaseModel):
    """The estimate of one part of the corpus minus that of another."""

    by: str = Field(description="Name of the column.")
    a: str = Field(description="Value of the first part.")
    b: str = Field(description="Value of the second part.")
    corrected: EstimatedValue = Field(description="By codes and predictions.")
    classical: EstimatedValue = Field(description="By codes alone.")
    naive: float = Field(description="By the predictions alone.")


class EstimatedCoefficient(BaseModel):
    """A coefficient of a regression."""

    name: str = Field(description="Name of the covariate, with its category.")
    corrected: EstimatedValue = Field(description="By codes and predictions.")
    coded: EstimatedValue = Field(description="By the regression on the coded items alone.")
    naive: EstimatedValue = Field(description="By the regression on the predictions alone.")
    slope: float = Field(description="Weight λ of the predictions.")
    worth: float = Field(description="Effective sample size, as of a mean.")


class EstimatedRegression(BaseModel):
    """A regression whose outcome, or one of whose covariates, is predicted."""

    family: Literal["linear", "logistic"] = Field(description="Family; coefficients of logistic are log odds.")
    role: Literal["outcome", "covariate"] = Field(description="Whether the codes are the outcome, or a covariate.")
    coefficients: list[EstimatedCoefficient] = Field(description="Coefficients.")


class CurveWidth(BaseModel):
    """The widths of the intervals with a number of coded items."""

    items: int = Field(description="Number of coded items.")
    corrected: float = Field(description="Width by codes and predictions.")
    classical: float = Field(description="Width by codes alone.")


class NeededCodes(BaseModel):
    """The number of coded items, drawn as those at hand, for an interval of a given width."""

    width: float = Field(description="Width that was asked for.")
    items: int | None = Field(
        description="Number of coded items, those at hand included; null: more than the corpus has."
    )
    items_classical: int | None = Field(description="The same by codes alone.")
    curve: list[CurveWidth] = Field(description="Widths by number of coded items.")


class LabelEstimate(BaseModel):
    """The estimates of one label, or of the mean, by one set of predictions."""

    predictions: str = Field(description="Name of the predictions.")
    label: str = Field(description="Label; empty for the mean of numbers.")
    mean: EstimatedMean = Field(description="Share of the label in the corpus, or mean.")
    total: EstimatedValue = Field(description="Number of items with the label, or sum.")
    parts: list[EstimatedPart] = Field(description="Estimates by the columns of `by`.")
    differences: list[EstimatedDifference] = Field(
        description="Differences of each two parts, for columns with up to ten values."
    )
    trend: EstimatedCoefficient | None = Field(description="Change of the share, or mean, per unit of time.")
    regression: EstimatedRegression | None = Field(description="Regression; null without covariates and outcome.")
    needed: NeededCodes | None = Field(description="Number of coded items for `width`; null without it.")


class EstimateCorpusAnswer(BaseModel):
    """The estimates of a corpus."""

    task: str = Field(description="Kind of codes: binary, categorical or continuous.")
    labels: list[str] = Field(description="Estimated labels; empty for numbers.")
    positive: str | None = Field(description="Positive label of two; null otherwise.")
    rule: str = Field(description="Rule by which codes of several coders became one.")
    n: int = Field(description="Number of items of the corpus.")
    n_coded: int = Field(description="Number of coded items.")
    groups: int | None = Field(description="Number of groups of the corpus; null without groups.")
    groups_coded: int | None = Field(description="Number of groups of the coded items; null without groups.")
    strata: int | None = Field(description="Number of strata; null without strata.")
    weighted: bool = Field(description="Whether coded items have different weights.")
    effective: float = Field(description="Effective sample size under the weights.")
    confidence: float = Field(description="Confidence level of the intervals.")
    estimates: list[LabelEstimate] = Field(description="Estimates by predictions and label.")
    remarks: list[str] = Field(description="Remarks on assumptions and limits of the result.")
    params: dict[str, Any] = Field(description="Options of the estimates.")
