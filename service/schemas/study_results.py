"""Requests and answers of classifiers of a study: training from codes, prediction of the corpus, estimates."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.schemas.base import Message
from service.schemas.classifiers import TrainRequest
from service.schemas.codes import Code
from service.schemas.estimates import EstimateCorpusRequest
from service.schemas.study_analyses import MODEL, ColumnKinds, Prefix
from service.schemas.zero_shot import ZeroShotPrompts

_TRAIN: Any = TrainRequest.model_fields
_ESTIMATE: Any = EstimateCorpusRequest.model_fields


class CodedVariable(Message):
    """A coded variable of one assignment."""

    variable: str | None = Field(
        None, max_length=100, description="Name of the variable. Left out: the only one.", examples=["protest"]
    )
    category: str | None = Field(
        None,
        max_length=200,
        description="Category of a variable with several, of which each code becomes yes or no.",
    )
    assignment: str | None = Field(None, max_length=100, description="Name of the assignment. Left out: the only one.")
    majority: bool = Field(
        False,
        description="Whether the code of more than half of the coders is final where no adjudicator has decided, and "
        "the mean of numbers. Otherwise items on which coders differ are left out.",
    )


class StudyTrainRequest(CodedVariable):
    """A classifier that is trained from the final codes of a study and the vectors of the coded items."""

    name: str = _TRAIN["name"]
    model: str | None = MODEL
    features: list[str] | None = Field(
        None, max_length=200, description="Columns of numbers that the classifier takes beside the vectors."
    )
    groups: str | None = Field(
        None,
        max_length=100,
        description="Column with the group of each item, for example its author: a group is never divided by a split.",
    )
    zero_shot: ZeroShotPrompts | None = _TRAIN["zero_shot"]
    strengths: list[float] | None = _TRAIN["strengths"]
    rare: str | None = _TRAIN["rare"]
    folds: int = _TRAIN["folds"]
    inner_folds: int = _TRAIN["inner_folds"]
    repeats: int = _TRAIN["repeats"]
    balanced: bool = _TRAIN["balanced"]
    calibrate: bool = _TRAIN["calibrate"]
    resamples: int = _TRAIN["resamples"]
    seed: int = _TRAIN["seed"]


class StudyPredictRequest(Message):
    """A classifier whose predictions of all items with a vector become columns of the study."""

    classifier: str = Field(
        max_length=100, description='Name of the classifier, for the newest version, or "name@3".', examples=["protest"]
    )
    prefix: Prefix | None = Field(
        None,
        description="Name P of the column of labels, or of values; left out: that of the classifier. Others are "
        "`P:score`, the probability of the positive label, or of several labels that of the predicted one; `P:p:LABEL` "
        "of each of several labels; and for values `P:low` and `P:high`, their 95 % prediction interval.",
    )


class StudyPredictions(BaseModel):
    """Predictions of a classifier, which are columns of the study."""

    study: str = Field(description="Name of the study.")
    run: int = Field(description="Number of the analysis, as in GET /v1/studies/{name}/runs.")
    classifier: str = Field(description="Name and version of the classifier.")
    columns: ColumnKinds = Field(description="Kind of each column that was written, by name.")
    n: int = Field(description="Number of predicted items.")
    missing: int = Field(description="Number of items without a vector or a feature, which have no prediction.")
    counts: dict[str, int] = Field(description="Number of items by label; empty for values.")
    mean: float | None = Field(description="Mean of the values, uncorrected; null for labels.")
    model: str = Field(description="Model of the vectors.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    receipt: dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")


class PredictedColumns(Message):
    """Columns of a study that are predictions of the coded variable."""

    name: str | None = Field(
        None, max_length=200, description="Name of the predictions in the answer. Left out: that of the column."
    )
    column: str | None = Field(
        None,
        max_length=100,
        description="Column of labels, of numbers, or of scores of the positive label. With the columns of a "
        "classifier, coded items have its out-of-fold predictions.",
        examples=["label"],
    )
    scores: dict[str, str] | None = Field(
        None,
        max_length=1000,
        description="Column of the scores of each label, in place of `column` or beside it.",
        examples=[{"yes": "score:yes", "no": "score:no"}],
    )


class StudyEstimateRequest(CodedVariable):
    """Shares, means or a regression in the corpus, from its predictions and the codes of a sample of it."""

    classifier: str | None = Field(
        None,
        max_length=100,
        description="Classifier that predicts all items with a vector, unless `predictions` are given; coded items "
        "that it was trained on have its out-of-fold predictions.",
        examples=["protest"],
    )
    predictions: list[PredictedColumns] | None = Field(
        None, min_length=1, max_length=20, description="Columns with predictions, in place of a classifier."
    )
    group: str | None = Field(
        None, max_length=100, description="Column of the account, author or source: items of one are not independent."
    )
    by: list[str] = Field([], max_length=20, description="Columns whose values have estimates of their own.")
    time: str | None = Field(None, max_length=100, description="Column of numbers (years), for a linear trend.")
    covariates: list[str] = Field([], max_length=100, description="Columns that are covariates of a regression.")
    outcome: str | None = Field(
        None, max_length=100, description="Column of the outcome of the regression, where a covariate is coded."
    )
    positive: Code = _ESTIMATE["positive"]
    rename: dict[str, str] | None = _ESTIMATE["rename"]
    family: Literal["linear", "logistic"] | None = _ESTIMATE["family"]
    role: Literal["outcome", "covariate"] = _ESTIMATE["role"]
    width: float | None = _ESTIMATE["width"]
    confidence: float = _ESTIMATE["confidence"]
    seed: int = _ESTIMATE["seed"]
