"""Requests and answers of classifiers, for HTTP and gRPC."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from models.annotation.agreement import Level
from models.catalog.spec import Modality
from models.classifiers.codes import Rule
from models.classifiers.head import Task
from service.schemas.base import Message
from service.schemas.clusters import PICTURES, PageMode
from service.schemas.codes import MISSING_TEXTS, Code, Id
from service.schemas.common import FIRST_OF_MANY, MODE, SAMPLING, Datum, FailedEntry, Index, Mode, Receipt
from service.schemas.items import IDS_OF_VECTORS, Encodable, ItemsOrVectors, Posts, Vectors, distinct
from service.schemas.references import ItemsOfCollection
from service.schemas.video import Sampling
from service.schemas.zero_shot import ZeroShotPrompts

NAME = Field(
    description="Name: lower-case letters, digits, '-', '_' and '.'. An existing name gets a new version.",
    examples=["protest"],
)


class Codes(Message):
    """Codes of several coders as a long table, one row per coder and item."""

    coder: list[Id] = Field(description="Coder of each row.", examples=[["anna", "ben"]])
    item: list[Id] = Field(description="Id of the item of each row.", examples=[["post-17", "post-17"]])
    code: list[Code] = Field(description="Code of each row; null: no code.", examples=[["protest", "protest"]])
    rule: Rule = Field(
        "majority",
        description="Aggregation of the codes of an item. majority: the most frequent; ties are dropped. unanimous: "
        "items on which coders differ are dropped. adjudicated: where coders differ, the code of `adjudicator`. both: "
        "every code counts, weighted so that the codes of an item sum to one. mean: of numbers.",
    )
    adjudicator: Id | None = Field(
        None, description="Coder whose code decides where the others differ, for rule adjudicated."
    )
    level: Level | None = Field(
        None, description="Level of measurement for the coders' agreement. Left out: derived from the rule."
    )


class FeatureColumn(Message):
    """A column of numbers, one for each item, which a classifier takes beside the vectors."""

    name: str = Field(description="Name of the feature.", max_length=200, examples=["persons"])
    values: list[Code] = Field(
        description="Number of each item; null: unknown, and the item is left out.", examples=[[3, 0]]
    )


class TrainRequest(Encodable, ItemsOfCollection):
    """Coded items for training a linear probe on their embeddings, with a report by nested cross-validation."""

    name: str = NAME
    task: Task | None = Field(
        None,
        description="Kind of task: binary, categorical or continuous. Left out: binary or categorical, by the number "
        "of labels; required if the codes are numbers.",
        examples=["categorical"],
    )
    targets: list[Code] | None = Field(
        None, description="Code of each item; null: not coded, and not used.", examples=[["protest", "other"]]
    )
    codes: Codes | None = Field(None, description="Codes of several coders, in place of `targets`.")
    missing: list[str] | None = MISSING_TEXTS
    groups: list[Id] | None = Field(
        None,
        description="Group of each item, for example its author: a group is never divided by a split.",
    )
    sample_weight: list[float] | None = Field(None, description="Weight of each item, above 0.")
    inclusion_prob: list[float] | None = Field(
        None, description="Inclusion probability of each item in the sample, in place of weights."
    )
    strata: list[Id] | None = Field(
        None, description="Stratum of each item in the sample that was drawn for coding, for the report."
    )
    design: Literal["simple", "stratified", "purposive"] | None = Field(
        None,
        description="Design of the sample that was drawn for coding, if it is known. The report states it if items "
        "were selected on purpose, or drawn from strata and sent without `inclusion_prob`.",
    )
    split: list[Literal["train", "test"]] | None = Field(
        None, description="Part of each item. `test` items are not used in training; the report evaluates on them."
    )
    labels: list[Id] | None = Field(
        None,
        description="Order of the classes; for a binary task negative, positive. Left out: sorted, and of two, one "
        "named no, false, other, none, not X or the like is the negative one.",
    )
    bounds: tuple[float, float] | None = Field(None, description="Lower and upper bound of a continuous target.")
    partial: bool = Field(False, description="Accept items that lack one of two modalities.")
    text: Literal["from-image"] | None = Field(
        None,
        description="from-image: the text of each item is read in its image, in training and in prediction. Images "
        "without text are classified by the image alone.",
    )
    text_fingerprint: str | None = Field(
        None,
        max_length=200,
        description="Fingerprint of the text analyser, with `text`. Beside vectors: of the one that read the texts.",
    )
    features: list[FeatureColumn] | None = Field(
        None,
        max_length=200,
        description="Numbers of each item beside its vectors, such as counts of objects. They are scaled within each "
        "fold, and predictions need them too.",
    )
    zero_shot: ZeroShotPrompts | None = Field(
        None,
        description="Zero-shot in place of a linear probe: the cosines with the prompts of the classes, calibrated "
        "with the codes by one temperature and a bias for each class. Needs few codes, of items of one modality. The "
        "report has the figures of the scores as they are beside those of the calibrated ones.",
    )
    strengths: list[float] | None = Field(
        None, min_length=1, max_length=50, description="Candidate values of C, the inverse regularisation strength."
    )
    rare: str | None = Field(
        None,
        max_length=200,
        description="Treatment of classes with fewer training examples than folds. Left out: an error. drop: their "
        "items are left out. merge:NAME: they become one class of this name.",
        examples=["merge:other"],
    )
    folds: int = Field(5, ge=2, le=20, description="Number of outer folds of the cross-validation, for the report.")
    inner_folds: int = Field(
        3, ge=2, le=20, description="Number of inner folds, for the choice of C and for calibration."
    )
    repeats: int = Field(
        1,
        ge=1,
        le=20,
        description="Number of repeats of the cross-validation with other folds; figures are means over the repeats.",
    )
    balanced: bool = Field(False, description="Give all classes the same total weight in training.")
    calibrate: bool = Field(True, description="Calibrate the probabilities on out-of-fold predictions.")
    resamples: int = Field(1000, ge=1, le=10_000, description="Number of bootstrap resamples, for the intervals.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same numbers.")
    mode: Mode = Field("sync", description="sync: the answer is the classifier. job: the answer is a job.")


class PredictRequest(ItemsOrVectors, ItemsOfCollection):
    """Items for which a classifier makes predictions."""

    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE
    crossed: bool = Field(
        False,
        description="Also return the mean prediction of the cross-validation's classifiers, which `estimate` needs.",
    )
    ids: list[str] | None = IDS_OF_VECTORS
    features: list[FeatureColumn] | None = Field(
        None, max_length=200, description="Numbers of each item, for a classifier that was trained with features."
    )
    coverage: float | None = Field(
        None,
        ge=0.5,
        lt=1,
        description="Coverage of prediction sets: `set` of each item has its code with this probability, by conformal "
        "prediction from the coded items of the training. For numbers, the coverage of `interval`. Not for videos.",
        examples=[0.9],
    )
    each_class: bool = Field(
        False,
        description="Apply `coverage` to the items of each class, so that sets miss rare classes no more often.",
    )


class Moments(Message):
    """A summary of the `crossed` predictions of a corpus, from which an estimate is computed."""

    n: int = Field(ge=2, le=2**53, description="Number of items of the corpus.")
    mean: list[float] = Field(description="Mean crossed probability of each label, or mean crossed value.")
    variance: list[float] = Field(description="Variance of the same, with denominator n - 1.")


class EstimateRequest(ItemsOfCollection):
    """A corpus whose prevalence, or mean, is estimated."""

    corpus: Moments | None = Field(
        None,
        description="Crossed predictions of all items of the corpus, coded ones included, unless `vectors` or a "
        "`collection` are sent.",
    )
    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None, description="Vectors of all items of the corpus, coded ones included, unless `corpus` is sent."
    )
    confidence: float = Field(0.95, gt=0.5, le=0.9999, description="Confidence level of the interval.")


class PageRequest(Message):
    """Images for the page of the report; none of them is stored."""

    input: Posts = Field(
        description="Images with the ids of items; `worst` of the report lists those that appear.", max_length=100
    )
    pictures: PageMode = PICTURES


class Predicted(Datum):
    """The prediction for one item."""

    label: str | None = Field(None, description="Most probable label; for a binary task, by the threshold.")
    probabilities: dict[str, float] | None = Field(None, description="Calibrated probabilities by label.")
    value: float | None = Field(None, description="Predicted value, for a continuous task.")
    interval: tuple[float | None, float | None] | None = Field(
        None,
        description="Prediction interval of the value, with the `coverage` of the request, else 95 %; bounds are null "
        "with fewer than 19 coded items.",
    )
    set: list[str] | None = Field(
        None,
        description="Prediction set with the `coverage` of the request: the labels that the item may have. Several: "
        "the classifier cannot tell them apart. None: the item is unlike the coded ones.",
    )
    crossed: list[float] | None = Field(
        None, description="Mean prediction of the classifiers of the cross-validation, if requested."
    )


class PredictAnswer(BaseModel):
    """Predictions, one per item."""

    classifier: str = Field(description="Name and version of the classifier.", examples=["protest@1"])
    task: Task = Field(description="Kind of task: binary, categorical or continuous.")
    labels: list[str] = Field(description="Labels, in the order of the probabilities.")
    data: list[Predicted | FailedEntry] = Field(description="One entry per item, in order.")
    model: str = Field(description="Name of the encoder; for a fine-tuned network, of the classifier.")
    truncated: list[int] = Field(description="Indexes of texts that were cut at the model's maximum.")
    unknown: list[int] = Field(
        description="Indexes of texts of which the model knows no token: their vectors say nothing about them."
    )
    first_of_many: list[Index] = FIRST_OF_MANY
    coverage: float | None = Field(None, description="Coverage of the sets or intervals, if the request had one.")
    each_class: bool = Field(False, description="Whether the coverage applies to each class.")
    remarks: list[str] = Field([], description="Remarks on the sets.")
    receipt: Receipt | None = Field(
        description="Receipt of the vectors: how they were made; null if the request contained vectors."
    )


class Encoder(BaseModel):
    """An encoder that a classifier needs."""

    modality: Modality = Field(description="Modality: image or text.")
    model: str = Field(description="Name of the model when the classifier was trained.")
    fingerprint: str = Field(description="Fingerprint that a running model must have.")
    dimension: int = Field(description="Length of a vector.")


class ClassifierCard(BaseModel):
    """A trained classifier."""

    id: str = Field(description="Name and version of the classifier.", examples=["protest@1"])
    object: Literal["classifier"] = Field("classifier", description="Type of the object.")
    name: str = Field(description="Name without the version.", examples=["protest"])
    version: int = Field(description="Version number, from 1.")
    kind: Literal["linear", "network"] = Field(
        description="Kind of classifier. linear: a linear probe on embeddings. network: a fine-tuned network."
    )
    task: Task = Field(description="Kind of task: binary, categorical or continuous.")
    labels: list[str] = Field(
        description="Labels, in the order of the probabilities; negative, positive for a binary task."
    )
    encoders: list[Encoder] = Field(description="Encoders that the classifier needs; empty for a network.")
    features: list[str] = Field([], description="Names of the features that predictions need beside the items.")
    fingerprint: str | None = Field(description="Fingerprint of a network; null for a linear probe.")
    threshold: float = Field(description="Probability of the positive class from which an item is positive.")
    bounds: tuple[float, float] | None = Field(
        description="Lower and upper bound of predicted values; null without bounds."
    )
    partial: bool = Field(description="Whether items may lack one of two modalities.")
    created: str = Field(description="Time of the training, ISO 8601.")
    owner: str | None = Field(description="Owner: first digits of the SHA-256 of the API key; null without keys.")
    versions: list[int] = Field(description="All versions of this name.")
    coded: int | None = Field(
        None,
        description="Number of coded items that the classifier was trained on; null for one of an earlier version of "
        "the service, whose report states it as n.",
    )
    usable: bool = Field(description="Whether the server runs the models that the classifier needs.")
    made_with: dict[str, Any] = Field(
        description="Origin: receipts of the encoders by modality, and versions of libraries."
    )


class ClassifierAnswer(ClassifierCard):
    """A trained classifier with its report."""

    report: dict[str, Any] = Field(
        description="Report of the evaluation, as described in docs/classifiers.md. Its parts that name items or "
        "coders are left out for other keys than the owner's, and listed in its `withheld`."
    )
    worst: list[dict[str, Any]] = Field(
        description="Wrong predictions with the highest confidence; empty for other keys than the owner's."
    )


class DamagedClassifier(BaseModel):
    """A classifier whose newest version cannot be read."""

    name: str = Field(description="Name without the version, by which it can be deleted.")
    code: str = Field(description="Code of the problem.")
    message: str = Field(description="The file and its problem.")


class ClassifierList(BaseModel):
    """One page of the list of classifiers."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[ClassifierCard] = Field(description="Newest version of each classifier, by name.")
    damaged: list[DamagedClassifier] = Field([], description="Classifiers of this page whose files are damaged.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")


class Deleted(BaseModel):
    """The versions that were deleted."""

    deleted: list[str] = Field(description="Deleted names and versions; their numbers are not used again.")


class Estimated(BaseModel):
    """The prevalence of a label in the corpus, or the mean of the values."""

    value: float = Field(description="Prevalence, or mean, of the corpus, corrected for the classifier's errors.")
    low: float = Field(description="Lower bound of the interval.")
    high: float = Field(description="Upper bound of the interval.")
    naive: float = Field(description="Mean of the predictions alone, biased by their errors.")
    classical: tuple[float, float, float] = Field(
        description="Estimate from the coded items alone: value, lower bound, upper bound."
    )
    n_coded: int = Field(description="Number of coded items.")
    n_corpus: int = Field(description="Number of items of the corpus.")


class EstimateAnswer(BaseModel):
    """The prevalence, or mean, of a corpus."""

    classifier: str = Field(description="Name and version of the classifier.")
    confidence: float = Field(description="Confidence level of the intervals.")
    estimates: dict[str, Estimated] = Field(
        description='Estimates by label; that of a continuous task under "mean", and under "" as before.'
    )
    remarks: list[str] = Field([], description="Remarks on why the coded items may not represent the corpus.")


class FineTuneRequest(Message):
    """Fine-tuning of an image network on images in a folder of the server, below DAGUERRE_DATA."""

    name: str = NAME
    folder: str = Field(
        max_length=1024,
        description="Path relative to DAGUERRE_DATA: a folder that contains train/CLASS/…, and optionally validation/ "
        "and test/; or a .csv with the columns path and target, and optionally split, weight and group.",
        examples=["protests"],
    )
    task: Task = Field("categorical", description="Kind of task: binary, categorical or continuous.")
    start: str = Field(
        "embedded",
        max_length=1024,
        description="Network to start from: `embedded`, the name of an imported image model, or the folder of a "
        "transformers image model, relative to DAGUERRE_DATA.",
    )
    positive: str | None = Field(None, description="Positive class of a binary task, whose probability is returned.")
    bounds: tuple[float, float] | None = Field(None, description="Lower and upper bound of a continuous target.")
    unfreeze: Literal["none", "last", "all"] = Field("last", description="Layers that are trained after the head.")
    epochs: int = Field(15, ge=1, le=1000, description="Maximum number of epochs of each stage after the head.")
    head_epochs: int = Field(40, ge=1, le=1000, description="Maximum number of epochs of the head alone.")
    patience: int = Field(
        5, ge=1, le=1000, description="Number of epochs without a lower loss after which a stage ends."
    )
    batch: int = Field(32, ge=1, le=4096, description="Number of images in a batch.")
    flip: bool = Field(True, description="Flip half of the images horizontally in training.")
    crop: float = Field(0.2, ge=0, lt=1, description="Maximum share of the side that random cropping removes.")
    colour: float = Field(0.1, ge=0, lt=1, description="Maximum random change of brightness, contrast and saturation.")
    balanced: bool = Field(False, description="Give all classes the same total weight in training.")
    validation: float = Field(
        0.2, ge=0.05, le=0.5, description="Share of the images for validation, if the folder has no validation/."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed; on a CPU, the same seed gives the same network.")
