"""Requests and answers of comparisons of representations: vectors of several encoders, judged by coded pairs."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, create_model, model_validator

from models.catalog.spec import Modality
from models.clustering.options import Options
from service.schemas.annotation import CodedPairs
from service.schemas.base import Message
from service.schemas.clusters import ClusterRequest
from service.schemas.common import Mode, OnError, Receipt
from service.schemas.items import Unusable, Vectors

MOST_REPRESENTATIONS = 20
DEFAULT_GRID = ("iterative-kmeans", "kmeans", "hdbscan")
MOST_OPTIONS = 100  # combinations of a grid

_FIELDS: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in ClusterRequest.model_fields.items()
    if name in Options.__dataclass_fields__
}
_PARAMETERS: Any = create_model("Parameters", __base__=Message, __module__="pydantic", **_FIELDS)


class ClusterOptions(_PARAMETERS):  # the parameters of ClusterRequest, with their rules
    """One combination of parameters of a clustering; those that are left out have the defaults of a clustering."""

    def options(self) -> Options:
        """The options as `models` takes them. Raises ClusteringError."""
        return Options(**self.model_dump()).with_defaults()

    def chosen(self) -> dict[str, Any]:
        """The parameters that are not left out, the method first."""
        given: dict[str, Any] = self.model_dump(exclude_unset=True)
        return {"method": self.options().method, **given}


class Representation(Vectors):
    """Vectors of all items by one encoder: as data, in a file or in a collection."""

    name: str = Field(min_length=1, max_length=100, description="Name of the representation.", examples=["clip"])
    modality: Modality = Field("image", description="Modality of the embedded items: image or text.")
    model: str = Field("", max_length=200, description="Model that made the vectors; `colour-histogram` is a baseline.")
    fingerprint: str = Field("", max_length=200, description="Fingerprint in the receipt of the vectors.")
    data: str | None = Field(
        None,
        description="Base64 of little-endian float32, row by row; a row of NaN for an item without a vector. "
        "Left out in a form, where the part `vectors[0]` is a .npy file of the first representation, and so on.",
    )
    dimension: int = Field(
        0, ge=0, description="Length of each vector. Left out only with `collection`.", examples=[1280]
    )
    collection: str | None = Field(
        None,
        max_length=100,
        description="Name of a collection (/v1/collections) that has the vectors of `ids`, in place of `data`. Its "
        "model and fingerprint count; those that are sent must be the same.",
        examples=[None],
    )

    def _missing(self) -> list[str]:
        return [] if self.dimension or self.collection is not None else ["dimension"]


def _distinct(values: list[Representation]) -> list[Representation]:
    """Raise ValueError if a name occurs twice."""
    names = [each.name for each in values]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ValueError(f"[{i}] has the name {name!r} again; give each representation a name of its own")
    return values


class RepresentationsRequest(CodedPairs):
    """Vectors of the same items by several encoders, and pairs of items that people have coded."""

    vectors: Annotated[list[Representation], AfterValidator(_distinct)] = Field(
        min_length=1,
        max_length=MOST_REPRESENTATIONS,
        description="Representations: the vectors of each encoder, for the same items in the same order.",
    )
    ids: list[str] | None = Field(
        None,
        description="Ids of the items, in whose order the vectors of collections are taken. Left out: all items of "
        "each collection, in the order of their ids.",
    )
    grid: list[ClusterOptions] | None = Field(
        None,
        max_length=MOST_OPTIONS,
        description="Combinations of clustering parameters, each of which is tried on each representation. Left out or "
        "empty: iterative-kmeans, kmeans and hdbscan with their defaults.",
        examples=[[{"method": "kmeans", "k": 20}, {"method": "hdbscan", "min_cluster_size": 10}]],
    )
    cosines_only: bool = Field(
        False, description="Compare the cosines of pairs alone, which need no clustering and no grid."
    )
    on_error: OnError = Field(
        "fail",
        description="Handling of items that lack a vector in some representation. `fail`: the request fails. `skip`: "
        "they and their pairs are left out and counted.",
    )
    mode: Mode = Field("sync", description="sync: the answer is the comparison. job: the answer is a job.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.cosines_only and self.grid:
            raise ValueError("cosines_only needs no grid; leave out one of them")
        return self

    @property
    def combinations(self) -> list[ClusterOptions]:
        """The combinations that are tried."""
        if self.cosines_only:
            return []
        return self.grid or [ClusterOptions.model_validate({"method": method}) for method in DEFAULT_GRID]


class Interval(BaseModel):
    """A figure with its bootstrap interval; null where it is not defined."""

    value: float | None = Field(description="Value of the figure.")
    low: float | None = Field(description="Lower bound of the interval.")
    high: float | None = Field(description="Upper bound of the interval.")


class RankedRepresentation(BaseModel):
    """One representation, judged without a clustering."""

    name: str = Field(description="Name, as requested.")
    model: str = Field(description="Model that made the vectors, as requested.")
    fingerprint: str = Field(description="Fingerprint of the vectors, as requested.")
    dimension: int = Field(description="Length of a vector.")
    baseline: bool = Field(description="Whether the vectors are colour histograms, which know nothing of content.")
    auc: Interval = Field(
        description="Probability that a pair that people put together has a higher cosine than one that they did not; "
        "0.5: the cosine says nothing."
    )
    difference: Interval | None = Field(
        description="AUC minus that of the first representation, on the same resamples; null for the first."
    )
    receipt: Receipt | None = Field(description="Receipt of the vectors, as requested.")


class RankedConfiguration(BaseModel):
    """One representation, clustered with one combination of parameters."""

    name: str = Field(description="Representation and parameters, as one text.")
    representation: str = Field(description="Name of the representation.")
    parameters: dict[str, Any] = Field(description="Parameters of the clustering that were given, and the method.")
    clusters: int = Field(description="Number of clusters.")
    unclustered: int = Field(description="Number of items without a cluster.")
    precision: Interval = Field(description="Share of pairs in one cluster that people put together.")
    recall: Interval | None = Field(
        description="Share of pairs that people put together that are in one cluster; null where the pairs allow no "
        "estimate."
    )
    f1: Interval | None = Field(description="Harmonic mean of precision and recall; null where recall is.")


class RepresentationsAnswer(BaseModel):
    """A comparison of representations."""

    id: str = Field(description="Id of the job that computed the comparison.")
    object: Literal["representations"] = Field("representations", description="Type of the object.")
    n: int = Field(description="Number of items.")
    n_pairs: int = Field(description="Number of coded pairs that were used.")
    together: int = Field(description="Number of these pairs that people put together.")
    criterion: Literal["f1", "precision"] = Field(description="Figure by which the configurations are ranked.")
    representations: list[RankedRepresentation] = Field(description="Representations, the highest AUC first.")
    configurations: list[RankedConfiguration] = Field(
        description="Representations and parameters, the best by the criterion first; empty with `cosines_only`."
    )
    winner: dict[str, Any] | None = Field(
        description="Best configuration, chosen on one part of the pairs and scored on the other; null with fewer than "
        "two configurations, or too few pairs."
    )
    params: dict[str, Any] = Field(description="Parameters of the comparison.")
    remarks: list[str] = Field(description="Remarks on limits of the comparison.")
    unusable: list[Unusable] = Field(description="Items that lack a vector in some representation.")
    created: str = Field(description="Time of the computation, ISO 8601.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that computed the clusterings.")
