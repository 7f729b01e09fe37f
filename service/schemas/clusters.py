"""Requests and answers of clusterings, for HTTP and gRPC."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from models.catalog.spec import VectorModality
from models.clustering.cluster import NamesFrom
from models.clustering.options import Cohesion, Fit, KRule, Linkage, Method, Metric, Options, Start
from models.clustering.project import Projection
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code
from service.schemas.common import SAMPLING, Mode, Receipt
from service.schemas.items import Encodable, Posts, Unusable
from service.schemas.references import ItemsOfCollection
from service.schemas.video import Sampling

PageMode = Literal["blurred", "blurred_whole", "thumbnails", "none"]  # blurred: faces are
PICTURES: PageMode = Field(
    "blurred",
    description="Form of the images. blurred: faces are blurred, or the whole image where the server has no detector "
    "of faces. blurred_whole: the whole image is blurred. thumbnails: images as they are. none: no images.",
)


class ClusterRequest(Encodable, ItemsOfCollection):
    """Items to group, or their vectors. Vectors of images and of texts are concatenated."""

    sampling: Sampling | None = SAMPLING
    method: Method = Field(
        "iterative-kmeans", description="Method: iterative-kmeans, kmeans, hdbscan or agglomerative."
    )
    metric: Metric = Field("cosine", description="Metric of silhouettes, and of distances in agglomerative clustering.")
    normalize: bool = Field(True, description="Scale vectors to unit length.")
    threshold: float | None = Field(
        None,
        description="Mean silhouette that a cohesive cluster must exceed. Left out: 0.08 for cosine, else 0.04; 0 for "
        "clusters with gaps around them.",
    )
    step: int = Field(5, description="Step between the values of K that are tried.")
    sample_size: int = Field(1000, description="Number of items on which K is chosen, drawn anew in each pass.")
    window: int = Field(3, description="Number of K values whose scores are averaged to test for improvement.")
    stop_size: int = Field(20, description="Number of remaining items at or below which the method stops.")
    fit: Fit = Field("silhouette", description="Score of a K: the mean silhouette or the inertia.")
    min_improvement: float | None = Field(
        None,
        description="Improvement that the average must exceed; relative for inertia. Left out: 0, or 0.02 for inertia.",
    )
    k_rule: KRule | None = Field(
        None,
        description="Choice of the clusters in a pass. gaps: merged pieces between which there is no gap, or k-means "
        "with the best K, whichever has the better mean silhouette. best: k-means with the best K. stop: k-means with "
        "the K at which the search stops, as in the source of the method. Left out: gaps, or best for kmeans.",
    )
    k_min: int | None = Field(None, description="Smallest K that is tried. Left out: step.")
    k_max: int | None = Field(
        None, description="Largest K that is tried. Left out: the largest that the sample allows."
    )
    restarts: int | None = Field(
        None,
        le=100,
        description="Number of k-means restarts, of which the best is kept. Left out: 10 for kmeans, 1 for others.",
    )
    start: Start | None = Field(
        None,
        description="Items on which k-means++ chooses the start of k-means, for kmeans and for k_rule best and stop. "
        "all: all items, in memory. sample: 20,000 of them, drawn by the seed. Left out: all, or a sample where the "
        "vectors are more than 1 GiB.",
    )
    cohesion: Cohesion = Field(
        "cluster",
        description="Items that a cohesive cluster keeps. cluster: all. image: those above the threshold.",
    )
    min_cluster_size: int | None = Field(
        None, description="Minimum size of a cluster; smaller ones are dropped. Left out: 2, or 5 for hdbscan."
    )
    patience: int = Field(
        3, description="Number of successive passes without a cohesive cluster after which the method stops."
    )
    k: int | None = Field(
        None, description="Number of clusters for kmeans and agglomerative. Left out for kmeans: chosen by score."
    )
    min_samples: int | None = Field(None, description="min_samples of hdbscan. Left out: min_cluster_size.")
    linkage: Linkage = Field("average", description="Linkage of agglomerative clustering.")
    distance: float | None = Field(
        None, gt=0, description="Distance at which agglomerative clustering stops merging, in place of k."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same seed, same clusters.")
    weights: list[float] | None = Field(None, description="Weight of each item, above 0.")
    known: list[Code] | None = Field(
        None, description="Known label of each item, for ARI, NMI and purity; null: not known."
    )
    missing: list[str] | None = MISSING_TEXTS
    vocabulary: list[str] | None = Field(
        None,
        min_length=2,
        description="Candidate names of clusters, which are assigned by zero-shot.",
        examples=[["a cat", "a rocket"]],
    )
    texts: list[str] | None = Field(
        None,
        description="Text of each item, blank for none: without a vocabulary, words that distinguish the clusters are "
        "suggested as names. Left out: the texts of `input`.",
    )
    projection: Projection = Field(
        "pca", description="Method of the 2-D map. umap needs the extra `umap` on the server."
    )
    resamples: int = Field(
        3,
        ge=0,
        le=100,
        description="Number of reruns on 80 % of the items, at most 20,000, for stability. 0: it is not measured.",
    )
    mode: Mode = Field("sync", description="sync: the answer is the clustering. job: the answer is a job.")

    def options(self) -> Options:
        """The options as `models` takes them. Raises ClusteringError."""
        names = set(Options.__dataclass_fields__) & set(type(self).model_fields)
        return Options(**{name: getattr(self, name) for name in names}).with_defaults()


class ClusterPageRequest(Message):
    """Images for the report; none of them is stored."""

    pictures: PageMode = PICTURES
    input: Posts | None = Field(
        None, description="Images with the ids of items; `shown` of the clustering lists those that appear."
    )


class ClusterExemplars(BaseModel):
    """Typical and atypical items of a cluster, by index."""

    nearest: list[int] = Field(description="Items nearest to the cluster's mean; the first is the medoid.")
    random: list[int] = Field(description="Items drawn at random.")
    farthest: list[int] = Field(description="Items farthest from the mean.")


class ClusterName(BaseModel):
    """A suggested name of a cluster, with its scores."""

    label: str = Field(description="Name from the vocabulary, or a word of the texts.")
    score: float = Field(
        description="Mean of the items' zero-shot probabilities; the class-based TF-IDF of a word of the texts."
    )
    cosine: float | None = Field(description="Mean cosine of the items with the name; null for a word of the texts.")


class SimilarCluster(BaseModel):
    """A cluster near to another one."""

    cluster: int = Field(description="Number of the similar cluster.")
    distance: float = Field(
        description="Distance between the clusters divided by the distance within the wider one; about 1: probably one "
        "cluster."
    )
    cosine: float = Field(description="Cosine of the two means.")


class Cluster(BaseModel):
    """One cluster."""

    id: int = Field(description="Number of the cluster, as in `labels`.")
    size: int = Field(description="Number of items.")
    silhouette: float | None = Field(description="Mean silhouette at extraction, among the items that remained then.")
    silhouette_final: float | None = Field(
        description="Mean silhouette in the final clustering; null for a single cluster."
    )
    taken_in: int = Field(alias="pass", description="Number of the pass that extracted the cluster.")
    medoid: int = Field(description="Index of the item nearest to the mean.")
    exemplars: ClusterExemplars = Field(description="Typical and atypical items.")
    names: list[ClusterName] | None = Field(
        description="Suggested names: the three most probable of a vocabulary, or five words of the texts; null if "
        "`names_from` is."
    )
    similar: list[SimilarCluster] = Field(description="Clusters that are hardly distinguishable from this one.")
    jaccard: float | None = Field(
        description="Cluster-wise Jaccard coefficient: overlap with the most similar cluster of a rerun, mean over the "
        "reruns; null without reruns, or where they drew fewer than two items of the cluster."
    )


class ClusterHierarchy(BaseModel):
    """A tree of merges that can be cut at any number or distance."""

    of: Literal["items", "clusters"] = Field(
        description="Leaves of the tree: items for agglomerative, the clusters of the result for other methods."
    )
    metric: Metric = Field(
        description="Metric of the distances. For clusters, distances are means over pairs of their items, of cosine "
        "or squared Euclidean distances."
    )
    method: Linkage = Field(description="Linkage.")
    leaves: list[int] = Field(description="Item index or cluster number of each leaf.")
    linkage: list[tuple[float, float, float, float]] = Field(
        description="A row for each merge, nearest first, in scipy's format: two nodes (a leaf is its place in "
        "`leaves`; row i is node m + i of m leaves), their distance, and the number of leaves below."
    )


class ClusterAnswer(BaseModel):
    """A clustering."""

    id: str = Field(description="Id of the job that computed the clustering.")
    object: Literal["clustering"] = Field("clustering", description="Type of the object.")
    method: Method = Field(description="Method, as requested.")
    n: int = Field(description="Number of items.")
    dimension: int = Field(description="Length of a vector.")
    modality: VectorModality | None = Field(
        None,
        description="Modality of the items: image, text or face; null for both, and in older answers.",
    )
    ids: list[str] = Field(description="Id of each item.")
    params: dict[str, Any] = Field(description="Every parameter that the method used, defaults included.")
    labels: list[int] = Field(description="Cluster of each item; -1: no cluster.")
    silhouettes: list[float | None] = Field(
        description="Silhouette of each item at extraction, among the items that remained then."
    )
    silhouettes_final: list[float | None] = Field(description="Silhouette of each item in the final clustering.")
    unclustered: int = Field(description="Number of items without a cluster, unusable ones not counted.")
    clusters: list[Cluster] = Field(description="Clusters, by number.")
    trace: list[dict[str, Any]] = Field(
        description="Passes: the values of K that were tried, their scores, the extracted clusters."
    )
    ended: str = Field(
        description="Reason why the method stopped: stop_size, patience, all_taken or too_few; one_pass for other "
        "methods."
    )
    thresholds: list[dict[str, Any]] | None = Field(
        description="Clusters and items that other thresholds would extract in the first pass."
    )
    stability: dict[str, Any] | None = Field(
        description="Adjusted Rand index between reruns and the clustering; null for fewer than 10 items, or none in "
        "a cluster."
    )
    names_from: NamesFrom | None = Field(
        description="Source of the suggested names: the vocabulary of the request, words of the texts, or the names of "
        "ImageNet's classes (built-in vocabulary) for image vectors of a model that has them; null without names."
    )
    hierarchy: ClusterHierarchy | None = Field(
        description="Tree of items or clusters; null for fewer than two or more than 2,000 clusters."
    )
    comparison: dict[str, Any] | None = Field(description="Comparison with the known labels: ARI, NMI and purity.")
    coordinates: list[tuple[float, float]] | None = Field(description="Coordinates of each item on the 2-D map.")
    projection: str | None = Field(description="Method of the map.")
    explained: list[float] | None = Field(description="Share of the variance that each axis of the map explains.")
    remarks: list[str] = Field(description="Remarks on limits of the clustering.")
    notes: list[str] = Field(description="Notes on how ambiguous parts of the method's source were interpreted.")
    unusable: list[Unusable] = Field(description="Unusable items; their label is -1.")
    shown: list[int] = Field(
        description="Items whose images the report shows: exemplars and some items without a cluster."
    )
    model: str = Field(description="Model that made the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")
    created: str = Field(description="Time of the computation, ISO 8601.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that computed the clustering.")
