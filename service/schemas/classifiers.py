"""Requests and answers of classifiers on the wire. Both transports share them."""

from typing import Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from models.annotation.agreement import Level
from models.catalog.spec import Modality
from models.classifiers.codes import Rule
from models.classifiers.head import Task
from service.schemas.base import Message
from service.schemas.common import MODE, SAMPLING, Datum, FailedEntry, Mode, Receipt
from service.schemas.items import Encodable, ItemsOrVectors, Post
from service.schemas.video import Sampling

Code = StrictStr | StrictBool | StrictInt | StrictFloat | None
NAME = Field(
    description="Small letters, digits, '-', '_' and '.'. A name that there is already gets a new version.",
    examples=["protest"],
)


class Codes(Message):
    """A long table, coder by item: what several people have coded."""

    coder: list[str] = Field(description="Who coded, row by row.", examples=[["anna", "ben"]])
    item: list[str] = Field(description="The item's id.", examples=[["post-17", "post-17"]])
    code: list[Code] = Field(description="What they coded; null for nothing.", examples=[["protest", "protest"]])
    rule: Rule = Field("majority", description="How one target is made of them: majority, unanimous or mean.")
    level: Level | None = Field(None, description="Of measurement, for the coders' agreement. Left out: by the rule.")


class TrainRequest(Encodable):
    """Coded items to learn from: a linear probe on their embeddings, with a report by nested cross-validation."""

    name: str = NAME
    task: Task = Field(description="binary, categorical or continuous.", examples=["categorical"])
    targets: list[Code] | None = Field(
        None, description="A code for each item; null: not coded, and left out.", examples=[["protest", "other"]]
    )
    codes: Codes | None = Field(None, description="In place of `targets`: what several coders said.")
    groups: list[str | int] | None = Field(
        None, description="Who made each item, say: items of one group never lie on both sides of a split."
    )
    sample_weight: list[float] | None = Field(None, description="For each item, above 0.")
    inclusion_prob: list[float] | None = Field(
        None, description="In place of weights: each item's probability to be in the sample."
    )
    split: list[Literal["train", "test"]] | None = Field(
        None, description="`test` items are held out: nothing is learnt from them, and the report has their figures."
    )
    labels: list[str] | None = Field(None, description="The order of the classes; of a binary task negative, positive.")
    bounds: tuple[float, float] | None = Field(None, description="Of a continuous target: it cannot leave them.")
    partial: bool = Field(False, description="Take items that lack one of two modalities.")
    strengths: list[float] | None = Field(None, min_length=1, max_length=50, description="Candidates for C.")
    folds: int = Field(5, ge=2, le=20, description="Of the report.")
    inner_folds: int = Field(3, ge=2, le=20, description="Of each choice of C and calibration.")
    balanced: bool = Field(False, description="Give all classes the same weight in learning.")
    calibrate: bool = Field(True, description="Calibrate probabilities out of fold.")
    resamples: int = Field(1000, ge=1, le=10_000, description="Of the bootstrap.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same numbers.")
    mode: Mode = Field("sync", description="sync: the answer is the classifier. job: a job, to be asked for later.")


class PredictRequest(ItemsOrVectors):
    """Items to predict."""

    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE
    crossed: bool = Field(
        False, description="Also the mean prediction of the cross-validation's heads, which `estimate` takes."
    )


class Moments(Message):
    """What an estimate needs of the corpus: `crossed` predictions, summed up."""

    n: int = Field(ge=2, description="Items of the corpus.")
    mean: list[float] = Field(description="Of each label's crossed probability, or of the value.")
    variance: list[float] = Field(description="With n - 1.")


class EstimateRequest(Message):
    """A corpus whose prevalence, or mean, is asked for."""

    corpus: Moments = Field(description="Crossed predictions of every item of it, coded ones too.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the interval.")


class PageRequest(Message):
    """Pictures for the report's page; none of them is kept."""

    input: list[Post] = Field(description="Images with the ids of items: see `worst` of the report.", max_length=100)


class Predicted(Datum):
    label: str | None = Field(None, description="The most probable one; of a binary task by the threshold.")
    probabilities: dict[str, float] | None = Field(None, description="By label, calibrated.")
    value: float | None = Field(None, description="Of a continuous task.")
    interval: tuple[float | None, float | None] | None = Field(
        None, description="95 % prediction interval of the value; null: not known, from fewer than 19 coded items."
    )
    crossed: list[float] | None = Field(None, description="Where it was asked for.")


class PredictAnswer(BaseModel):
    classifier: str = Field(description="Name and version.", examples=["protest@1"])
    task: Task = Field(description="binary, categorical or continuous.")
    labels: list[str] = Field(description="In the order of the probabilities.")
    data: list[Predicted | FailedEntry] = Field(description="One entry per item, in order.")
    model: str = Field(description="The encoder; of a fine-tuned network the classifier.")
    truncated: list[int] = Field(description="Texts that were cut, by index.")
    receipt: Receipt | None = Field(description="How the vectors were made; null where you sent them.")


class Encoder(BaseModel):
    modality: Modality = Field(description="image or text.")
    model: str = Field(description="Its name when the classifier was trained.")
    fingerprint: str = Field(description="What a running model must have.")
    dimension: int = Field(description="Numbers of one vector.")


class ClassifierCard(BaseModel):
    """A trained classifier."""

    id: str = Field(description="Name and version.", examples=["protest@1"])
    object: Literal["classifier"] = Field("classifier", description="What it is.")
    name: str = Field(description="Without the version.", examples=["protest"])
    version: int = Field(description="From 1.")
    kind: Literal["linear", "network"] = Field(description="A head on embeddings, or a fine-tuned network.")
    task: Task = Field(description="binary, categorical or continuous.")
    labels: list[str] = Field(description="In the order of the probabilities; (negative, positive) if binary.")
    encoders: list[Encoder] = Field(description="What it needs; none of a network, which is its own.")
    fingerprint: str | None = Field(description="Of a network.")
    threshold: float = Field(description="Of the positive class's probability.")
    bounds: tuple[float, float] | None = Field(description="That a value cannot leave; null where there are none.")
    partial: bool = Field(description="Whether items may lack one of two modalities.")
    created: str = Field(description="ISO 8601.")
    owner: str | None = Field(description="Who trained it: first digits of the SHA-256 of the key.")
    versions: list[int] = Field(description="All there are of this name.")
    usable: bool = Field(description="Whether the models that it needs are running.")
    made_with: dict[str, Any] = Field(description="Receipts of the encoders by modality; versions of libraries.")


class ClassifierAnswer(ClassifierCard):
    report: dict[str, Any] = Field(description="Everything that was measured: docs/classifiers.md.")
    worst: list[dict[str, Any]] = Field(description="The most confidently wrong predictions.")


class ClassifierList(BaseModel):
    object: Literal["list"] = Field("list", description="What it is.")
    data: list[ClassifierCard] = Field(description="The newest version of each name.")
    next_cursor: str | None = Field(None, description="Ask again with it for what follows; null: that is all.")


class Deleted(BaseModel):
    deleted: list[str] = Field(description="Names and versions that are gone, and never used again.")


class Estimated(BaseModel):
    value: float = Field(description="The corpus's prevalence, or mean, corrected for the classifier's errors.")
    low: float = Field(description="Lower end of the interval.")
    high: float = Field(description="Upper end of it.")
    naive: float = Field(description="The mean of the predictions alone: biased by their errors.")
    classical: tuple[float, float, float] = Field(description="From the coded items alone: value, low, high.")
    n_coded: int = Field(description="Coded items.")
    n_corpus: int = Field(description="Items of the corpus.")


class EstimateAnswer(BaseModel):
    classifier: str = Field(description="Name and version.")
    confidence: float = Field(description="Of the intervals.")
    estimates: dict[str, Estimated] = Field(description='By label; of a continuous task under "".')


class FineTuneRequest(Message):
    """An image network to be fine-tuned on images that lie on the server, below its setting DAGUERRE_DATA."""

    name: str = NAME
    folder: str = Field(
        max_length=1024,
        description="Relative: a folder that holds train/CLASS/…, and perhaps validation/ and test/; or a .csv with "
        "the columns path and target, and perhaps split, weight, group.",
        examples=["protests"],
    )
    task: Task = Field("categorical", description="binary, categorical or continuous.")
    start: str = Field(
        "embedded",
        max_length=1024,
        description="The embedded default's image network, the name of an imported model that takes images, or the "
        "folder of a transformers image model, relative too.",
    )
    positive: str | None = Field(None, description="Of a binary task: the class whose probability is given.")
    bounds: tuple[float, float] | None = Field(None, description="Of a continuous target: it cannot leave them.")
    unfreeze: Literal["none", "last", "all"] = Field("last", description="What is trained after the head.")
    epochs: int = Field(15, ge=1, le=1000, description="Of each stage after the head's, at most.")
    head_epochs: int = Field(40, ge=1, le=1000, description="Of the head alone, at most.")
    patience: int = Field(5, ge=1, le=1000, description="A stage ends when its lowest loss is so many epochs old.")
    batch: int = Field(32, ge=1, le=4096, description="Images that are learnt from at once.")
    flip: bool = Field(True, description="Left and right change places, half of the time.")
    crop: float = Field(0.2, ge=0, lt=1, description="At most this part of the side is cut away.")
    colour: float = Field(0.1, ge=0, lt=1, description="Brightness, contrast, saturation change by at most this.")
    balanced: bool = Field(False, description="Rare classes count as much as common ones.")
    validation: float = Field(0.2, ge=0.05, le=0.5, description="Set aside to stop by, where there is no validation/.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same network, on a CPU.")
