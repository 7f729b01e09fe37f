"""Requests and answers of analyses of a study that write columns: zero-shot labels, clusters, duplicates."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from models.clustering.options import Cohesion, Fit, KRule, Linkage, Method, Metric, Start
from models.clustering.project import Projection
from service.schemas.base import Message
from service.schemas.clusters import ClusterRequest
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.zero_shot import NoneOfThese, ZeroShotOptions

Prefix = Annotated[str, Field(pattern=r"^[^<>=!\x00-\x1f]{1,60}$")]
ColumnKinds = dict[str, Literal["number", "text"]]
MOST_VARIANTS = 6
MOST_SHOWN = 24  # pictures of a preview
MODEL: Any = Field(
    None,
    description="Model whose vectors are read, as of GET /v1/studies/{name}/embeddings. Left out: the only one.",
    examples=["embedded"],
)
# fields with the defaults, limits and descriptions of the same options of requests without a study
_ZERO_SHOT: Any = ZeroShotOptions.model_fields
_CLUSTER: Any = ClusterRequest.model_fields
_DUPLICATES: Any = DuplicatesRequest.model_fields


class StudyLabels(Message):
    """Labels and templates of zero-shot scores, as of POST /v1/zero-shot."""

    labels: list[str] | None = _ZERO_SHOT["labels"]
    preset: str | None = _ZERO_SHOT["preset"]
    templates: list[str] | None = _ZERO_SHOT["templates"]
    multi_label: bool = _ZERO_SHOT["multi_label"]
    negatives: list[str] | None = _ZERO_SHOT["negatives"]
    none_of_these: NoneOfThese | None = _ZERO_SHOT["none_of_these"]


class StudyZeroShotRequest(StudyLabels):
    """Labels for all items of a study that have a vector."""

    model: str | None = MODEL
    prefix: Prefix = Field(
        "label",
        description="Name of the column of labels. The columns of scores are `score` and `score:LABEL`; with another "
        "prefix P they are `P:score` and `P:score:LABEL`.",
    )
    each_label: bool = Field(True, description="Whether the scores of each label have a column too.")


class StudyAnalysis(BaseModel):
    """An analysis of a study, and the columns that it has written."""

    study: str = Field(description="Name of the study.")
    run: int = Field(description="Number of the analysis, as in GET /v1/studies/{name}/runs.")
    columns: ColumnKinds = Field(description="Kind of each column that was written, by name.")
    n: int = Field(description="Number of items that have a value.")
    missing: int = Field(description="Number of items without a vector, which have none.")
    counts: dict[str, int] = Field(description="Number of items by label.")
    none: int = Field(0, description="Number of items that no label fits.")
    model: str = Field(description="Model of the vectors.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    receipt: dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")


class StudyVariant(StudyLabels):
    """Labels, templates and a model, whose scores are compared with those of other variants."""

    model: str | None = Field(
        None,
        description="Name of a model of GET /v1/models. Left out: the only one that has vectors of the study, or else "
        "the first.",
        examples=["embedded"],
    )


class ZeroShotPreviewRequest(Message):
    """A few items, whose scores under several variants are shown side by side. Nothing is kept."""

    variants: list[StudyVariant] = Field(
        min_length=1, max_length=MOST_VARIANTS, description="Variants: labels, templates and models."
    )
    keys: list[str] | None = Field(
        None, min_length=1, max_length=MOST_SHOWN, description="Keys of the items. Left out: some drawn by `seed`."
    )
    size: int = Field(12, ge=1, le=MOST_SHOWN, description="Number of items that are drawn without `keys`.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same items.")


class PreviewItem(BaseModel):
    """An item of a preview."""

    key: str = Field(description="Key of the item.")
    id: str = Field(description="Id of the item.")


class PreviewScores(BaseModel):
    """Scores of one item."""

    label: str | None = Field(description="Label with the highest score; null where none fits.")
    scores: list[float] = Field(description="Scores of the labels, in their order.")
    cosines: list[float] = Field(description="Cosine of the item with each label.")
    none_score: float | None = Field(None, description="Score of `none_of_these.text`.")


class VariantScores(BaseModel):
    """Scores of the items under one variant."""

    labels: list[str] = Field(description="Labels of the variant, or of its preset.")
    model: str = Field(description="Name of the model.")
    templates: list[str] = Field(description="Prompt templates used.")
    logit_scale: float = Field(description="Factor applied to cosines before the softmax or sigmoid.")
    data: list[PreviewScores | None] = Field(
        description="Scores of each item, in the order of `items`; null for one without a vector or a usable picture."
    )


class ZeroShotPreview(BaseModel):
    """Scores of a few items under several variants."""

    items: list[PreviewItem] = Field(description="Items.")
    variants: list[VariantScores] = Field(description="Scores under each variant, in the order of the request.")
    remarks: list[str] = Field(description="Remarks on items without scores.")


class StudyClustersRequest(Message):
    """Options of a clustering of all items of a study that have a vector, as of POST /v1/clusters."""

    model: str | None = MODEL
    prefix: Prefix = Field(
        "cluster",
        description="Name of the column of clusters. The others are `silhouette`, `x`, `y` and, if clusters have "
        "names, `name`; with another prefix P they are `P:silhouette`, `P:x`, `P:y` and `P:name`.",
    )
    known: str | None = Field(
        None, max_length=100, description="Column with known labels, for ARI, NMI and purity.", examples=["class"]
    )
    method: Method = _CLUSTER["method"]
    metric: Metric = _CLUSTER["metric"]
    normalize: bool = _CLUSTER["normalize"]
    threshold: float | None = _CLUSTER["threshold"]
    step: int = _CLUSTER["step"]
    sample_size: int = _CLUSTER["sample_size"]
    window: int = _CLUSTER["window"]
    stop_size: int = _CLUSTER["stop_size"]
    fit: Fit = _CLUSTER["fit"]
    min_improvement: float | None = _CLUSTER["min_improvement"]
    k_rule: KRule | None = _CLUSTER["k_rule"]
    k_min: int | None = _CLUSTER["k_min"]
    k_max: int | None = _CLUSTER["k_max"]
    restarts: int | None = _CLUSTER["restarts"]
    start: Start | None = _CLUSTER["start"]
    cohesion: Cohesion = _CLUSTER["cohesion"]
    min_cluster_size: int | None = _CLUSTER["min_cluster_size"]
    patience: int = _CLUSTER["patience"]
    k: int | None = _CLUSTER["k"]
    min_samples: int | None = _CLUSTER["min_samples"]
    linkage: Linkage = _CLUSTER["linkage"]
    distance: float | None = _CLUSTER["distance"]
    seed: int = _CLUSTER["seed"]
    vocabulary: list[str] | None = _CLUSTER["vocabulary"]
    projection: Projection = _CLUSTER["projection"]
    resamples: int = _CLUSTER["resamples"]


class StudyDuplicatesRequest(Message):
    """Options of a search for duplicates among all items of a study, as of POST /v1/duplicates."""

    kind: Literal["exact", "near", "semantic"] = _DUPLICATES["kind"]
    model: str | None = Field(
        None, description="Model whose vectors are compared, for kind semantic. Left out: the only one."
    )
    prefix: Prefix = Field(
        "duplicate",
        description="Name of the column with the group of each duplicate. Another, `duplicate_kept`, says whether an "
        "item is kept when all but one of each group are removed; with another prefix P it is `P:kept`.",
    )
    threshold: float | None = _DUPLICATES["threshold"]
    bits: int = _DUPLICATES["bits"]
    linkage: Literal["single", "star"] = _DUPLICATES["linkage"]
    method: Literal["auto", "exact", "approximate"] = _DUPLICATES["method"]
    compare_pictures: bool = Field(
        True,
        description="Whether the pictures of groups of kind semantic are compared block by block, for which each is "
        "decoded: pictures of one layout with different content are then kept.",
    )


class StudyRun(BaseModel):
    """An analysis of a study."""

    number: int = Field(description="Number of the analysis.")
    operation: str = Field(description="Operation: zero_shot, clusters, duplicates, train, predict or estimate.")
    options: dict[str, Any] = Field(description="Options as they were requested, with their defaults.")
    columns: list[str] = Field(description="Columns that it has written, which no later one has replaced.")
    result: dict[str, Any] = Field(description="Figures of the result.")
    receipt: dict[str, Any] | None = Field(description="Receipt of the vectors; null where none were used.")
    created: str = Field(description="Time of the end, ISO 8601.")


class StudyRunList(BaseModel):
    """The analyses of a study."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[StudyRun] = Field(description="Analyses, the newest first.")
