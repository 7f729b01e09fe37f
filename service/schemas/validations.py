"""Requests and answers of the validation of predictions against human codes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from models.annotation.agreement import Level
from models.classifiers.head import Task
from service.schemas.annotation import SEED, Coefficient
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Id

MOST_LABELS = 1000
Name = Annotated[str, Field(min_length=1, max_length=200)]


class LabelScores(Message):
    """The scores of all items for one label."""

    label: str = Field(min_length=1, max_length=1000, description="Label.", examples=["a cat"])
    values: list[float] = Field(description="Score of each item.")


class PredictionSet(Message):
    """Predictions from anywhere: labels, numbers or scores of items; or those of a classifier of this server."""

    name: Name = Field(description="Name of the predictions in the answer.", examples=["zero-shot"])
    item: list[Id] | None = Field(
        None, description="Id of each predicted item. Left out with `classifier` alone: its coded items."
    )
    value: list[Code] | None = Field(
        None,
        description="Prediction for each item: a label; a number, where the codes are numbers; or, for codes of two "
        "classes, the score of the positive class, from 0 to 1. Null: no prediction; with scores, none of the labels.",
    )
    scores: list[LabelScores] | None = Field(
        None, max_length=MOST_LABELS, description="Scores by label. Without `value` the highest score predicts."
    )
    classifier: str | None = Field(
        None,
        max_length=100,
        description="Name of the classifier that made the predictions: coded items that it was trained on are "
        "remarked. Without `item`, `value` and `scores`: its out-of-fold predictions of its own coded items.",
        examples=["protest@1"],
    )
    without_code: int = Field(
        0, ge=0, le=2**53, description="Number of further predicted items that are not sent, since nobody coded them."
    )


class CodeRows(Message):
    """A long table of codes, a row per item, or per item and coder."""

    item: list[Id] = Field(min_length=1, description="Item of each row.", examples=[["p1", "p1", "p2", "p2"]])
    code: list[Code] = Field(description="Code of each row; null: no code.", examples=[["yes", "yes", "no", "yes"]])
    coder: list[Id] | None = Field(None, description="Coder of each row. Left out: a single coder.")
    inclusion_prob: list[Code] | None = Field(
        None,
        description="Inclusion probability of each row's item, by whose inverse it is weighted; null where there is no "
        "code.",
    )
    weight: list[Code] | None = Field(
        None, description="Weight of each row's item, in place of inclusion probabilities."
    )
    group: list[Code] | None = Field(None, description="Group of each row's item: the bootstrap draws whole groups.")
    by: list[Code] | None = Field(
        None,
        description="Group of each row's item by which errors are told apart, 2 to 12 groups; null where there "
        "is none.",
    )
    stratum: list[Code] | None = Field(
        None, description="Stratum from which each row's item was drawn; a remark is made without probabilities."
    )
    adjudicator: Id | None = Field(
        None, description="Coder whose code decides where others differ, under the rule adjudicated."
    )


class ValidationRequest(Message):
    """Predictions, and the codes that they are measured by."""

    predictions: list[PredictionSet] = Field(
        min_length=1, max_length=10, description="Sets of predictions, each with a name; two or more are compared."
    )
    codes: CodeRows = Field(description="Codes that people gave.")
    task: Task | None = Field(
        None, description="Kind of codes: binary, categorical or continuous. Left out: inferred from the codes."
    )
    labels: list[Code] | None = Field(None, description="Order of the classes; for two, the positive class last.")
    positive: Code = Field(
        None, description="Positive class of two. Left out: by name, as in training; see docs/classifiers.md."
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
    level: Level | None = Field(
        None, description="Level of measurement for the agreement. Left out: nominal, or interval for numbers."
    )
    recall: float = Field(
        0.8, gt=0, le=1, description="Smallest recall, for the threshold with the best precision at that recall."
    )
    resamples: int = Field(1000, ge=1, le=10_000, description="Number of bootstrap resamples, for the intervals.")
    seed: int = SEED


class CurvePoint(BaseModel):
    """A point of a precision-recall curve."""

    threshold: float = Field(description="The class is predicted from this score on.")
    precision: float | None = Field(description="Share of the items predicted as the class that belong to it.")
    recall: float | None = Field(description="Share of the items of the class that are predicted as it.")


class ScoreThreshold(BaseModel):
    """A threshold on the score of a class."""

    criterion: Literal["f1", "recall"] = Field(
        description="f1: the best F1. recall: the best precision with at least the recall `target`."
    )
    target: float | None = Field(description="Smallest recall, for criterion recall.")
    threshold: float | None = Field(description="The class is predicted from this score on.")
    same_items: dict[str, float | None] = Field(
        description="Precision, recall and F1 on the items that chose the threshold, which is optimistic."
    )
    precision: Coefficient = Field(description="Cross-fitted precision: thresholds are chosen on other items.")
    recall: Coefficient = Field(description="Cross-fitted recall.")
    f1: Coefficient = Field(description="Cross-fitted F1.")


class ClassCurve(BaseModel):
    """The precision-recall curve of a class."""

    label: str = Field(description="Class.")
    positives: int = Field(description="Number of coded items of the class.")
    share: float = Field(description="Weighted share of the class, which is the precision of predicting it always.")
    points: list[CurvePoint] = Field(description="Points of the curve, from the highest threshold down.")
    thresholds: list[ScoreThreshold] = Field(description="Thresholds, by the best F1 and by recall.")


class ReliabilityBin(BaseModel):
    """A bin of a reliability curve."""

    low: float = Field(description="Lower end of the bin.")
    high: float = Field(description="Upper end of the bin.")
    predicted: float = Field(description="Mean score in the bin.")
    observed: float = Field(description="Weighted share of items of the class in the bin.")
    n: int = Field(description="Number of items in the bin.")
    observed_low: float | None = Field(None, description="Lower bound of the 95 % interval of the share.")
    observed_high: float | None = Field(None, description="Upper bound of the 95 % interval of the share.")


class WrongItem(BaseModel):
    """A wrong prediction."""

    id: str = Field(description="Id of the item.")
    target: str | float = Field(description="Code of the item.")
    predicted: str | float = Field(description="Prediction.")
    confidence: float | None = Field(description="Score of the predicted label; null without scores.")


class ValidatedSet(BaseModel):
    """The figures of one set of predictions."""

    name: str = Field(description="Name of the predictions.")
    n: int = Field(description="Number of items that have a code and a prediction.")
    out_of_fold: bool = Field(description="Whether a classifier predicted each item without being trained on it.")
    without_prediction: int = Field(description="Number of coded items without a prediction.")
    without_code: int = Field(description="Number of predicted items without a code.")
    figures: dict[str, Coefficient] = Field(
        description="Figures by name: accuracy, f1[a class], mae, …, with 95 % intervals."
    )
    baseline: dict[str, Coefficient] = Field(
        description="Figures of always predicting the most frequent class, or the mean."
    )
    confusion: list[list[int]] | None = Field(
        description="Confusion matrix, true classes in rows, in the order of `labels`; null for numbers."
    )
    confusion_weighted: list[list[float]] | None = Field(description="The same in sums of weights.")
    reliability: dict[str, list[ReliabilityBin]] | None = Field(
        description="Reliability curve by class; null without scores from 0 to 1."
    )
    curves: list[ClassCurve] = Field(
        description="Precision-recall curves of the positive class of two, or of the rarest classes with scores."
    )
    worst: list[WrongItem] = Field(description="Largest errors.")
    points: list[tuple[float, float]] | None = Field(
        None, description="Code and prediction of at most 2,000 items, drawn at random; null for labels."
    )


class PairedDifference(BaseModel):
    """The figures of one set of predictions minus those of another, on the same items."""

    a: str = Field(description="Name of the first predictions.")
    b: str = Field(description="Name of the second predictions.")
    n: int = Field(description="Number of coded items that both predicted.")
    only_a: int | None = Field(description="Number of items that only the first predicted correctly.")
    only_b: int | None = Field(description="Number of items that only the second predicted correctly.")
    figures: dict[str, Coefficient] = Field(description="Differences with 95 % intervals.")


class PairAgreement(BaseModel):
    """The agreement of a coder with predictions, or with another coder."""

    a: str = Field(description="Name of predictions, or of a coder.")
    b: str = Field(description="Name of a coder.")
    machine: bool = Field(description="Whether the first are predictions.")
    items: int = Field(description="Number of items that both coded.")
    percent: Coefficient = Field(description="Share of equal codes.")
    kappa: Coefficient | None = Field(description="Cohen's kappa.")
    alpha: Coefficient = Field(description="Krippendorff's alpha.")
    kappa_linear: Coefficient | None = Field(
        None, description="Weighted kappa with linear weights; null for level nominal."
    )
    kappa_quadratic: Coefficient | None = Field(
        None, description="Weighted kappa with quadratic weights; null for level nominal."
    )
    ac1: Coefficient | None = Field(None, description="Gwet's AC1; null for more than 50 different codes.")


class GroupErrors(BaseModel):
    """The errors of a set of predictions in one group of items."""

    predictions: str = Field(description="Name of the predictions.")
    group: str | None = Field(description="Name of the group; null for all items that have one.")
    n: int = Field(description="Number of items with a code and a prediction.")
    undecided: int = Field(description="Number of items whose prediction is `undecided`, where that is no code.")
    figures: dict[str, Coefficient] = Field(
        description="Figures by name; of labels: accuracy, undecided (a share), accuracy_decided (of the others), "
        "recall[label] and precision[label]; of numbers: mae, bias (prediction minus code). With 95 % intervals."
    )


class ErrorDifference(BaseModel):
    """The figures of one group minus those of another."""

    predictions: str = Field(description="Name of the predictions.")
    a: str = Field(description="First group.")
    b: str = Field(description="Second group.")
    figures: dict[str, Coefficient] = Field(description="Differences with 95 % intervals.")


class ValidationAnswer(BaseModel):
    """The figures of predictions against codes."""

    task: str = Field(description="Kind of codes: binary, categorical or continuous.")
    labels: list[str] = Field(description="Classes in order; for two, the positive class last. Empty for numbers.")
    positive: str | None = Field(description="Positive class of two; null otherwise.")
    rule: str = Field(description="Rule by which codes of several coders became one.")
    coders: list[str] = Field(description="Names of the coders.")
    coded: int = Field(description="Number of items in the table of codes.")
    used: int = Field(description="Number of items whose codes give a target.")
    counts: dict[str, int] = Field(description="Number of items of each class.")
    weighted: bool = Field(description="Whether items have different weights.")
    effective: float = Field(description="Effective sample size under the weights.")
    groups: int | None = Field(description="Number of groups; null without groups.")
    predictions: list[ValidatedSet] = Field(description="Figures of each set of predictions.")
    differences: list[PairedDifference] = Field(description="Differences of each two sets of predictions.")
    by_group: list[GroupErrors] = Field(
        [], description="Errors of each set in all items and in each group of `by`, the largest first."
    )
    group_differences: list[ErrorDifference] = Field([], description="Differences of each two groups, for each set.")
    agreement: list[PairAgreement] = Field(
        description="Agreement of the predictions with each coder, and of each two coders."
    )
    agreement_of_coders: dict[str, Any] | None = Field(
        description="Agreement of all coders at once: items, percent, kappa, alpha, weighted kappa, AC1, AC2, ICC, the "
        "codes of each coder, and remarks; null for one coder."
    )
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    params: dict[str, Any] = Field(description="Options of the validation.")
