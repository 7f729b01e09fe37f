"""Parameters of a clustering: one for every choice that the source of iterative k-means leaves open."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from models.errors import ClusteringError

Method = Literal["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"]
Metric = Literal["cosine", "euclidean"]
Fit = Literal["silhouette", "inertia"]
KRule = Literal["gaps", "stop", "best"]
Cohesion = Literal["cluster", "image"]
Linkage = Literal["average", "complete", "single", "ward"]
Start = Literal["all", "sample"]

HELD = 2**30  # bytes in float32 of vectors that are held in memory: 524,288 of 512
THRESHOLDS: Mapping[Metric, float] = {"cosine": 0.08, "euclidean": 0.04}
IMPROVEMENTS: Mapping[Fit, float] = {"silhouette": 0.0, "inertia": 0.02}
RESTARTS: Mapping[Method, int] = {"kmeans": 10}  # 1 for others
NOTES = (
    "The source names no metric for its silhouette threshold of 0.04, most plausibly Euclidean on unit vectors. Cosine "
    "distance is half the squared Euclidean one, under which small silhouettes nearly double: hence 0.08 for cosine.",
    "A cluster's silhouette is the mean of its images'. It is cohesive if that exceeds the threshold; a cluster of "
    "fewer than min_cluster_size images never is.",
    "k_rule gaps, the default, is not in the source: k-means with more clusters than there are, whose neighbouring "
    "pieces are merged where there is no gap between them, is compared by its mean silhouette with k-means at the best "
    "K. Clusters with a gap inside are then divided, and a pass whose mean silhouette is not above the threshold keeps "
    "nothing. k_rule stop is the source's rule.",
    "K is chosen on a random sample of what is left: k-means for k_min, k_min + step, … until the moving average of "
    "the score over the last `window` of them no longer improves on the one before.",
    "Passes in which no cluster is cohesive are repeated with another sample, `patience` times in a row; what is left "
    "then, or when stop_size images or fewer are left, is unclustered (-1).",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Parameters of a clustering. None is a default that depends on other parameters; `with_defaults` fills it in.

    Attributes
    ----------
    metric : distance for silhouettes. k-means itself is Euclidean, on unit vectors where `normalize`.
    threshold : mean silhouette that a cohesive cluster exceeds. None: 0.08 for cosine, 0.04 for Euclidean.
    gap_threshold : the same for clusters with gaps around them. None: `threshold` if that is given, else 0.
    step, sample_size, window, k_min, k_max : parameters of the search for K. k_min None: step. k_max None: one less
        than the sample.
    fit, min_improvement : score of a K, and the least improvement of its moving average; relative for inertia.
    k_rule : "stop" takes the K at which the search stopped, "best" the K with the best score, "gaps" the best of that
        and of merged pieces (gaps.py). None: gaps for iterative-kmeans, best for kmeans.
    restarts : number of k-means starts, the best of which is kept. None: 10 for kmeans, 1 for iterative-kmeans, whose
        later passes correct a poor start.
    start : items on which k-means++ chooses the start of k-means on all items, under k_rule best and stop and for
        kmeans: all of them, in memory, or a sample of 20,000. None: all up to HELD bytes of vectors, else a sample.
    cohesion : a cohesive cluster keeps all of its images, or only those above the threshold.
    k : number of clusters for kmeans and agglomerative; None: kmeans searches for it.
    min_samples : parameter of hdbscan.
    distance : for agglomerative, instead of k: clusters nearer than this are merged.
    """

    method: Method = "iterative-kmeans"
    metric: Metric = "cosine"
    normalize: bool = True
    threshold: float | None = None
    gap_threshold: float | None = None
    step: int = 5
    sample_size: int = 1000
    window: int = 3
    stop_size: int = 20
    fit: Fit = "silhouette"
    min_improvement: float | None = None
    k_rule: KRule | None = None
    k_min: int | None = None
    k_max: int | None = None
    restarts: int | None = None
    start: Start | None = None
    cohesion: Cohesion = "cluster"
    min_cluster_size: int | None = None
    patience: int = 3
    k: int | None = None
    min_samples: int | None = None
    linkage: Linkage = "average"
    distance: float | None = None
    seed: int = 0

    @property
    def starts(self) -> int:
        """Number of k-means starts, with the default of the method."""
        return self.restarts if self.restarts is not None else RESTARTS.get(self.method, 1)

    def with_defaults(self) -> "Options":
        """Copy with every default filled in. Raises ClusteringError: invalid_option."""
        filled = {
            "threshold": THRESHOLDS[self.metric] if self.threshold is None else self.threshold,
            "gap_threshold": (self.threshold or 0.0) if self.gap_threshold is None else self.gap_threshold,
            "k_rule": self.k_rule or ("gaps" if self.method == "iterative-kmeans" else "best"),
            "min_improvement": IMPROVEMENTS[self.fit] if self.min_improvement is None else self.min_improvement,
            "restarts": self.starts,
            "k_min": max(self.step, 2) if self.k_min is None else self.k_min,
            "min_cluster_size": (5 if self.method == "hdbscan" else 2)
            if self.min_cluster_size is None
            else self.min_cluster_size,
        }
        complete = Options(**{**asdict(self), **filled})
        complete._check()
        return complete

    def for_size(self, n: int, dimension: int) -> "Options":
        """Copy with `start` filled in for vectors (n, dimension). Raises ClusteringError: too_many_items."""
        large = 4 * n * dimension > HELD
        if self.start == "all" and large and self._starts_on_all:
            raise ClusteringError(
                f"start: got all for {n:,} items of {dimension} numbers, which are more than the "
                f"{HELD / 2**30:g} GiB that are held in memory; leave it out, or use sample",
                "too_many_items",
            )
        return replace(self, start=self.start or ("sample" if large else "all"))

    @property
    def _starts_on_all(self) -> bool:
        """Whether k-means++ chooses a start on all items, unless `start` is sample."""
        return self.method == "kmeans" or (self.method == "iterative-kmeans" and self.k_rule != "gaps")

    def _check(self) -> None:
        assert self.k_min is not None
        assert self.min_cluster_size is not None
        assert self.threshold is not None
        least = {
            "step": 1,
            "sample_size": 10,
            "window": 1,
            "stop_size": 0,
            "k_min": 2,
            "restarts": 1,
            "min_cluster_size": 2,
            "patience": 1,
            "k": 1,
            "min_samples": 1,
        }
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ClusteringError(f"{name}: got {value}; give at least {bound}", "invalid_option")
        if self.k_max is not None and self.k_max < self.k_min:
            raise ClusteringError(f"k_max: got {self.k_max}, below k_min {self.k_min}; raise k_max", "invalid_option")
        if not -1 <= self.threshold <= 1:
            raise ClusteringError(f"threshold: got {self.threshold}; silhouettes are from -1 to 1", "invalid_option")
        if self.linkage == "ward" and self.metric == "cosine" and not self.normalize:
            raise ClusteringError(
                "linkage: ward needs Euclidean distances; set normalize to true, or metric to euclidean",
                "invalid_option",
            )
        if self.method == "agglomerative" and (self.k is None) == (self.distance is None):
            raise ClusteringError(
                "k: agglomerative needs either k or distance; give exactly one of them", "invalid_option"
            )
        if self.method == "kmeans" and self.k_rule == "gaps":
            raise ClusteringError(
                "k_rule: gaps merges pieces, which kmeans does not; use best or stop, or method iterative-kmeans",
                "invalid_option",
            )
        if self.method == "iterative-kmeans" and self.k is not None:
            raise ClusteringError(
                "k: iterative-kmeans chooses k itself; leave it out, or set method to kmeans", "invalid_option"
            )

    def to_json(self) -> dict[str, Any]:
        """Parameters that the method uses, by name."""
        every = asdict(self)
        used = {
            "iterative-kmeans": set(every)
            - {"k", "min_samples", "linkage", "distance"}
            - ({"start"} if self.k_rule == "gaps" else {"gap_threshold"}),
            "kmeans": {"metric", "normalize", "k", "restarts", "start", "seed", "method"}
            | (
                {"step", "sample_size", "window", "fit", "min_improvement", "k_rule", "k_min", "k_max"}
                if self.k is None
                else set()
            ),
            "hdbscan": {"metric", "normalize", "min_cluster_size", "min_samples", "method"},
            "agglomerative": {"metric", "normalize", "k", "distance", "linkage", "method"},
        }[self.method]
        return {name: value for name, value in every.items() if name in used and name != "method"}
