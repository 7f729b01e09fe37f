"""Requests and answers of clusterings on the wire. Both transports share them."""

from typing import Any, Literal

from pydantic import BaseModel, Field, StrictInt, StrictStr

from models.clustering.options import Cohesion, Fit, KRule, Linkage, Method, Metric, Options
from models.clustering.project import Projection
from service.schemas.base import Message
from service.schemas.common import SAMPLING, Mode, Receipt
from service.schemas.items import Encodable, Post, Unusable
from service.schemas.video import Sampling

Label = StrictStr | StrictInt
PageMode = Literal["thumbnails", "blurred", "none"]


class ClusterRequest(Encodable):
    """Items to group, or their vectors. Of images and texts both, vectors are joined side by side."""

    sampling: Sampling | None = SAMPLING
    method: Method = Field("iterative-kmeans", description="iterative-kmeans, kmeans, hdbscan or agglomerative.")
    metric: Metric = Field("cosine", description="Of silhouettes, and of agglomerative's distances.")
    normalize: bool = Field(True, description="Vectors to unit length.")
    threshold: float | None = Field(
        None, description="Mean silhouette that a cohesive cluster exceeds. Left out: 0.08 for cosine, 0.04 else."
    )
    step: int = Field(5, description="Between the K's that are tried.")
    sample_size: int = Field(1000, description="Items on which K is chosen, drawn anew in each pass.")
    window: int = Field(3, description="K's whose scores are averaged to see whether they improve.")
    stop_size: int = Field(20, description="It ends when so many items or fewer are left.")
    fit: Fit = Field("silhouette", description="What scores a K: the mean silhouette, or the inertia.")
    min_improvement: float | None = Field(
        None, description="That the average must exceed; relative for inertia. Left out: 0, and 0.02 for inertia."
    )
    k_rule: KRule = Field("stop", description="The K at which the search stops, or the one with the best score.")
    k_min: int | None = Field(None, description="The first K. Left out: step.")
    k_max: int | None = Field(None, description="The last K. Left out: what the sample allows.")
    restarts: int = Field(1, le=100, description="k-means from so many starts; the best is kept.")
    cohesion: Cohesion = Field("cluster", description="A cohesive cluster keeps all items, or those above threshold.")
    min_cluster_size: int | None = Field(None, description="Left out: 2; of hdbscan 5.")
    patience: int = Field(3, description="Passes without a cohesive cluster, in a row, after which it ends.")
    k: int | None = Field(None, description="Clusters, of kmeans (left out: chosen as above) and agglomerative.")
    min_samples: int | None = Field(None, description="Of hdbscan. Left out: min_cluster_size.")
    linkage: Linkage = Field("average", description="Of agglomerative.")
    distance: float | None = Field(None, gt=0, description="Of agglomerative, in place of k: where merging ends.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same clusters.")
    weights: list[float] | None = Field(None, description="For each item, above 0.")
    known: list[Label | None] | None = Field(
        None, description="Labels that are known, for ARI, NMI and purity; null for an item without."
    )
    vocabulary: list[str] | None = Field(
        None, min_length=2, description="Names that clusters may get, by zero-shot.", examples=[["a cat", "a rocket"]]
    )
    projection: Projection = Field("pca", description="Of the 2-D map. umap needs the extra `umap` on the server.")
    resamples: int = Field(0, ge=0, le=100, description="Reruns on 80 % of the items, for stability.")
    mode: Mode = Field("sync", description="sync: the answer is the clustering. job: a job, to be asked for later.")

    def options(self) -> Options:
        """Raises ClusteringError."""
        names = Options.__dataclass_fields__
        return Options(**{name: getattr(self, name) for name in names}).with_defaults()


class ClusterPageRequest(Message):
    """Pictures for the report; none of them is kept."""

    pictures: PageMode = Field("thumbnails", description="thumbnails; blurred; or none.")
    input: list[Post] | None = Field(None, description="Images with the ids of items, those of exemplars first of all.")


class ClusterExemplars(BaseModel):
    nearest: list[int] = Field(description="To the cluster's mean, by index; the first is the medoid.")
    random: list[int] = Field(description="Drawn at random.")
    farthest: list[int] = Field(description="From the mean.")


class ClusterName(BaseModel):
    label: str = Field(description="Of your vocabulary.")
    score: float = Field(description="Mean of the items' zero-shot probabilities.")
    cosine: float = Field(description="Mean cosine of the items with it.")


class SimilarCluster(BaseModel):
    cluster: int = Field(description="The other one.")
    distance: float = Field(description="Between the two, over that within the wider one: at 1 they may well be one.")
    cosine: float = Field(description="Of the two means.")


class Cluster(BaseModel):
    id: int = Field(description="As in `labels`.")
    size: int = Field(description="Items.")
    silhouette: float | None = Field(description="Mean at extraction, against what was left then.")
    silhouette_final: float | None = Field(description="Mean within the whole answer; null of a single cluster.")
    taken_in: int = Field(alias="pass", description="The pass that took it.")
    medoid: int = Field(description="The item nearest to the mean.")
    exemplars: ClusterExemplars = Field(description="Items to look at.")
    names: list[ClusterName] | None = Field(description="The likeliest three; null without a vocabulary.")
    similar: list[SimilarCluster] = Field(description="Clusters that it can hardly be told from.")


class ClusterAnswer(BaseModel):
    id: str = Field(description="That of the job which made it.")
    object: Literal["clustering"] = Field("clustering", description="What it is.")
    method: Method = Field(description="As asked for.")
    n: int = Field(description="Items.")
    dimension: int = Field(description="Numbers of one vector.")
    ids: list[str] = Field(description="A name for each item.")
    params: dict[str, Any] = Field(description="Every parameter that the method looked at, defaults too.")
    labels: list[int] = Field(description="Cluster of each item; -1: in none.")
    silhouettes: list[float | None] = Field(description="At extraction, against what was left then.")
    silhouettes_final: list[float | None] = Field(description="Within the whole answer.")
    unclustered: int = Field(description="Items with -1, without those that could not be used.")
    clusters: list[Cluster] = Field(description="By number.")
    trace: list[dict[str, Any]] = Field(description="Each pass: the K's tried, their scores, what it took.")
    ended: str = Field(description="stop_size, patience, all_taken, too_few; one_pass of other methods.")
    thresholds: list[dict[str, Any]] | None = Field(description="What other thresholds take in the first pass.")
    stability: dict[str, Any] | None = Field(description="Adjusted Rand index of reruns with the answer.")
    comparison: dict[str, Any] | None = Field(description="With known labels: ARI, NMI, purity.")
    coordinates: list[tuple[float, float]] | None = Field(description="Of the map, for each item.")
    projection: str | None = Field(description="Which map it is.")
    explained: list[float] | None = Field(description="Shares of the variance that the map shows.")
    remarks: list[str] = Field(description="What to be careful about.")
    notes: list[str] = Field(description="How the source was read.")
    unusable: list[Unusable] = Field(description="Items that could not be used; their label is -1.")
    shown: list[int] = Field(description="Items whose pictures the report shows: exemplars, and some unclustered ones.")
    model: str = Field(description="The model of the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="How they were made.")
    created: str = Field(description="ISO 8601.")
    libraries: dict[str, str] = Field(description="Versions of what computed it.")
