"""How vectors are clustered: every choice that the source leaves open is a parameter here, with our reading of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from models.errors import ClusteringError

Method = Literal["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"]
Metric = Literal["cosine", "euclidean"]
Fit = Literal["silhouette", "inertia"]
KRule = Literal["stop", "best"]
Cohesion = Literal["cluster", "image"]
Linkage = Literal["average", "complete", "single", "ward"]

THRESHOLDS: Mapping[Metric, float] = {"cosine": 0.08, "euclidean": 0.04}
IMPROVEMENTS: Mapping[Fit, float] = {"silhouette": 0.0, "inertia": 0.02}
NOTES = (
    "The source names no metric for its silhouette threshold of 0.04, most plausibly Euclidean on unit vectors. Cosine "
    "distance is half the squared Euclidean one, under which small silhouettes nearly double: hence 0.08 for cosine.",
    "A cluster's silhouette is the mean of its images'. It is cohesive if that exceeds the threshold; a cluster of "
    "fewer than min_cluster_size images never is.",
    "K is chosen on a random sample of what is left: k-means for k_min, k_min + step, … until the moving average of "
    "the score over the last `window` of them no longer improves on the one before.",
    "Passes in which no cluster is cohesive are repeated with another sample, `patience` times in a row; what is left "
    "then, or when stop_size images or fewer are left, is unclustered (-1).",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Parameters of a clustering. None is a default that depends on others; `settled` fills it in.

    Attributes
    ----------
    metric : of silhouettes. k-means itself is Euclidean, on unit vectors where `normalize`.
    threshold : mean silhouette that a cohesive cluster exceeds. None: 0.08 for cosine, 0.04 for Euclidean.
    step, sample_size, window, k_min, k_max : of the search for K. k_min None: step. k_max None: what the sample allows.
    fit, min_improvement : what scores a K, and how much better the moving average must get; relative for inertia.
    k_rule : "stop" takes the K at which the search stopped, "best" the one of the best score.
    restarts : k-means from so many starts, the best of them kept.
    cohesion : a cohesive cluster keeps all of its images, or only those above the threshold.
    k : of kmeans and agglomerative; None: searched for.
    min_samples : of hdbscan.
    distance : of agglomerative, in place of k: clusters nearer than this are merged.
    """

    method: Method = "iterative-kmeans"
    metric: Metric = "cosine"
    normalize: bool = True
    threshold: float | None = None
    step: int = 5
    sample_size: int = 1000
    window: int = 3
    stop_size: int = 20
    fit: Fit = "silhouette"
    min_improvement: float | None = None
    k_rule: KRule = "stop"
    k_min: int | None = None
    k_max: int | None = None
    restarts: int = 1
    cohesion: Cohesion = "cluster"
    min_cluster_size: int | None = None
    patience: int = 3
    k: int | None = None
    min_samples: int | None = None
    linkage: Linkage = "average"
    distance: float | None = None
    seed: int = 0

    def settled(self) -> "Options":
        """With every default in place. Raises ClusteringError."""
        filled = {
            "threshold": THRESHOLDS[self.metric] if self.threshold is None else self.threshold,
            "min_improvement": IMPROVEMENTS[self.fit] if self.min_improvement is None else self.min_improvement,
            "k_min": max(self.step, 2) if self.k_min is None else self.k_min,
            "min_cluster_size": (5 if self.method == "hdbscan" else 2)
            if self.min_cluster_size is None
            else self.min_cluster_size,
        }
        made = Options(**{**asdict(self), **filled})
        made._check()
        return made

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
                raise ClusteringError(f"{name}: got {value}, at least {bound}", code="invalid_option")
        if self.k_max is not None and self.k_max < self.k_min:
            raise ClusteringError(
                f"k_max: got {self.k_max}, which is below k_min {self.k_min}; raise it", code="invalid_option"
            )
        if not -1 <= self.threshold <= 1:
            raise ClusteringError(
                f"threshold: got {self.threshold}; silhouettes are between -1 and 1", code="invalid_option"
            )
        if self.linkage == "ward" and self.metric == "cosine" and not self.normalize:
            raise ClusteringError(
                "linkage: ward is Euclidean; set normalize, or metric euclidean", code="invalid_option"
            )
        if self.method == "agglomerative" and (self.k is None) == (self.distance is None):
            raise ClusteringError(
                "k: agglomerative takes either k or distance; say how many clusters, or how near", code="invalid_option"
            )
        if self.method == "iterative-kmeans" and self.k is not None:
            raise ClusteringError(
                "k: iterative-kmeans finds it; leave it out, or set method kmeans", code="invalid_option"
            )

    def said(self) -> dict[str, Any]:
        """As the answer has it: what the method looks at, by name."""
        every = asdict(self)
        used = {
            "iterative-kmeans": set(every) - {"k", "min_samples", "linkage", "distance"},
            "kmeans": {"metric", "normalize", "k", "restarts", "seed", "method"}
            | (
                {"step", "sample_size", "window", "fit", "min_improvement", "k_rule", "k_min", "k_max"}
                if self.k is None
                else set()
            ),
            "hdbscan": {"metric", "normalize", "min_cluster_size", "min_samples", "method"},
            "agglomerative": {"metric", "normalize", "k", "distance", "linkage", "method"},
        }[self.method]
        return {name: value for name, value in every.items() if name in used and name != "method"}
