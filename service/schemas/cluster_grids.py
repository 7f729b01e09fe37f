"""Requests and answers of grids of clusterings: the same vectors with many combinations of parameters."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.schemas.codes import MISSING_TEXTS, Code
from service.schemas.common import SAMPLING, Mode, Receipt
from service.schemas.items import Encodable, Unusable
from service.schemas.references import ItemsOfCollection
from service.schemas.representations import MOST_OPTIONS, ClusterOptions
from service.schemas.video import Sampling


class ClusterGridRequest(Encodable, ItemsOfCollection):
    """Items to group, or their vectors, with each of several combinations of parameters."""

    sampling: Sampling | None = SAMPLING
    grid: list[ClusterOptions] = Field(
        min_length=1,
        max_length=MOST_OPTIONS,
        description="Combinations of clustering parameters, each of which is tried.",
        examples=[[{"method": "kmeans", "k": 10}, {"method": "kmeans", "k": 20}]],
    )
    known: list[Code] | None = Field(
        None, description="Known label of each item, for the adjusted Rand index; null: not known."
    )
    missing: list[str] | None = MISSING_TEXTS
    resamples: int = Field(
        3,
        ge=0,
        le=20,
        description="Number of reruns of each clustering on 80 % of the items, at most 20,000, for stability. 0: it is "
        "not measured.",
    )
    mode: Mode = Field("sync", description="sync: the answer is the grid. job: the answer is a job.")


class ClusterSizes(BaseModel):
    """Quantiles of the number of items in a cluster."""

    smallest: int = Field(description="Size of the smallest cluster.")
    q25: float = Field(description="First quartile.")
    median: float = Field(description="Median.")
    q75: float = Field(description="Third quartile.")
    largest: int = Field(description="Size of the largest cluster.")


class ClusterGridRow(BaseModel):
    """One clustering of the grid."""

    name: str = Field(description="Method and parameters, as one text.")
    parameters: dict[str, Any] = Field(description="Parameters that were given, and the method.")
    clusters: int = Field(description="Number of clusters.")
    unclustered: int = Field(description="Number of items without a cluster.")
    silhouette: float | None = Field(
        description="Mean silhouette of the items in clusters, among the resulting clusters; null for fewer than two."
    )
    stability: float | None = Field(
        description="Mean adjusted Rand index between the clustering and its reruns; null without reruns."
    )
    sizes: ClusterSizes | None = Field(description="Sizes of the clusters; null without a cluster.")
    ari: float | None = Field(description="Adjusted Rand index with the known labels; null without them.")
    nmi: float | None = Field(description="Normalised mutual information with the known labels; null without them.")
    purity: float | None = Field(description="Purity with the known labels; null without them.")


class ClusterGridAnswer(BaseModel):
    """A grid of clusterings."""

    id: str = Field(description="Id of the job that computed the grid.")
    object: Literal["cluster_grid"] = Field("cluster_grid", description="Type of the object.")
    n: int = Field(description="Number of items.")
    dimension: int = Field(description="Length of a vector.")
    rows: list[ClusterGridRow] = Field(description="Clusterings, in the order of the grid.")
    params: dict[str, Any] = Field(description="Parameters that hold for all clusterings.")
    remarks: list[str] = Field(description="Remarks on limits of the comparison.")
    unusable: list[Unusable] = Field(description="Items that were left out.")
    model: str = Field(description="Model that made the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")
    created: str = Field(description="Time of the computation, ISO 8601.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that computed the clusterings.")
