"""The complete clustering: run the method, measure stability, describe the clusters, and convert them to JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering import describe
from models.clustering.iterative import MethodResult
from models.clustering.methods import run
from models.clustering.options import NOTES, Options
from models.clustering.project import Map, Projection, project
from models.clustering.silhouettes import ReportProgress, mean_by_cluster, silhouettes
from models.clustering.vectors import Rows, prepare
from models.errors import ClusteringError

WIDEST = 1e12  # ratio of the largest weight to the smallest
SHARE = 0.8  # of the items that a stability rerun uses


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """A clustering and its description.

    Attributes
    ----------
    result : labels (n,), silhouettes (n,) at extraction, trace.
    final : (n,) silhouettes within the final clustering; NaN for unclustered items, and where there is one cluster.
    stability : adjusted Rand index of each rerun with this clustering; None without reruns.
    """

    options: Options
    n: int
    dimension: int
    result: MethodResult
    final: NDArray[np.float32]
    clusters: tuple[Mapping[str, Any], ...]
    comparison: Mapping[str, Any] | None
    stability: tuple[float, ...] | None
    map: Map | None
    projection: Projection
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Content of the JSON answer; NaN becomes None."""
        result, stable = self.result, self.stability
        return {
            "method": self.options.method,
            "n": self.n,
            "dimension": self.dimension,
            "params": self.options.to_json(),
            "labels": result.labels.tolist(),
            "silhouettes": _numbers(result.silhouettes),
            "silhouettes_final": _numbers(self.final),
            "unclustered": int((result.labels < 0).sum()),
            "clusters": list(self.clusters),
            "trace": [one.to_json() for one in result.trace],
            "ended": result.ended,
            "thresholds": [{"threshold": t, "clusters": c, "items": i} for t, c, i in result.thresholds] or None,
            "stability": None
            if stable is None
            else {
                "resamples": len(stable),
                "share": SHARE,
                "ari": list(stable),
                "mean": float(np.mean(stable)),
                "low": float(min(stable)),
                "high": float(max(stable)),
            },
            "comparison": None if self.comparison is None else dict(self.comparison),
            "coordinates": None if self.map is None else np.round(self.map.coordinates, 5).tolist(),
            "projection": None if self.map is None else self.projection,
            "explained": None if self.map is None or self.map.explained is None else list(self.map.explained),
            "remarks": list(self.remarks),
            "notes": list(NOTES) if self.options.method == "iterative-kmeans" else [],
        }


def cluster(
    rows: NDArray[np.floating],
    options: Options,
    *,
    weights: Sequence[float] | None = None,
    known: Sequence[Any] | None = None,
    vocabulary: describe.Vocabulary | None = None,
    projection: Projection = "pca",
    resamples: int = 0,
    report: ReportProgress = lambda progress, stage: None,
) -> Clustering:
    """Cluster `rows`, (n, d) floating point, which may be memory-mapped: one copy in float32 is held in memory.

    Parameters
    ----------
    weights : (n,) positive weights of the items in k-means and in mean silhouettes.
    known : (n,) labels to compare with; None for an item whose label is not known.
    vocabulary : names that the clusters may get.
    resamples : number of reruns on 80 % of the items, for stability.
    report : called with the progress (0 to 1) and the current step.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items, too_many_items, invalid_option, invalid_weights,
        lengths_differ, not_installed.
    """
    options = options.with_defaults()
    n = len(rows)
    item_weights = _weights(weights, n)
    if known is not None and len(known) != n:
        raise ClusteringError(
            f"known: {len(known)} labels for {n} items; give one label for each item", "lengths_differ"
        )
    report(0.0, "reading vectors")
    x = prepare(rows, normalize=options.normalize, angles=options.metric == "cosine")
    whole = 0.85 / (1 + SHARE * resamples)  # share of the time that one run on all items takes
    result = run(x, options, weights=item_weights, report=lambda part, stage: report(0.05 + whole * part, stage))
    labels = result.labels
    stable = _stability(x, options, item_weights, labels, resamples, report, whole)
    report(0.9, "describing clusters")
    final = silhouettes(x, labels, metric=options.metric)
    k = int(labels.max(initial=-1)) + 1
    exemplars = describe.exemplars(x, labels, metric=options.metric, seed=options.seed)
    similar = describe.similar_clusters(x, labels, metric=options.metric)
    names = None if vocabulary is None else describe.name_clusters(x, labels, vocabulary)
    size = np.bincount(labels[labels >= 0], minlength=k)
    at_extraction, at_end = (
        [float(mean) if np.isfinite(mean) else None for mean in mean_by_cluster(values, labels, k, item_weights)]
        for values in (result.silhouettes, final)
    )
    clusters = tuple(
        {
            "id": c,
            "size": int(size[c]),
            "silhouette": at_extraction[c],
            "silhouette_final": at_end[c],
            "pass": result.passes[c],
            "medoid": exemplars[c].nearest[0],
            "exemplars": {kind: list(rows) for kind, rows in asdict(exemplars[c]).items()},
            "names": None if names is None else [asdict(name) for name in names[c]],
            "similar": [asdict(other) for other in similar[c]],
        }
        for c in range(k)
    )
    report(0.97, "drawing the map")
    return Clustering(
        options=options,
        n=n,
        dimension=rows.shape[1],
        result=result,
        final=final,
        clusters=clusters,
        comparison=None if known is None else describe.compare_with_known(labels, known),
        stability=stable,
        map=None if projection == "none" else project(x, by=projection, seed=options.seed),
        projection=projection,
        remarks=_remarks(result, n, k, options),
    )


def _stability(
    x: Rows,
    options: Options,
    weights: NDArray[np.float64] | None,
    labels: NDArray[np.intp],
    resamples: int,
    report: ReportProgress,
    whole: float,
) -> tuple[float, ...] | None:
    """Adjusted Rand index of the clustering and each rerun with another seed, on the items of the rerun.

    The unclustered items count as one group.
    """
    from sklearn.metrics import adjusted_rand_score

    if not resamples:
        return None
    indexes = []
    for i in range(resamples):
        rng = np.random.default_rng((options.seed, i))
        which = np.sort(rng.choice(len(x), max(1, round(SHARE * len(x))), replace=False))
        again = replace(options, seed=int(rng.integers(2**31)))
        if again.k is not None:
            again = replace(again, k=min(again.k, len(which)))
        begun = 0.05 + whole * (1 + SHARE * i)

        def report_rerun(part: float, stage: str, begun: float = begun, i: int = i) -> None:
            report(begun + whole * SHARE * part, f"rerun {i + 1} of {resamples}: {stage}")

        rerun = run(x[which], again, weights=None if weights is None else weights[which], report=report_rerun)
        indexes.append(float(adjusted_rand_score(labels[which], rerun.labels)))
    return tuple(indexes)


def _weights(weights: Sequence[float] | None, n: int) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    if len(weights) != n:
        raise ClusteringError(
            f"weights: {len(weights)} weights for {n} items; give one weight for each item", "lengths_differ"
        )
    values = np.asarray(weights, np.float64)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise ClusteringError(
            f"weights: the weight of item {bad[0]} is {values[bad[0]]}; give numbers above 0", "invalid_weights"
        )
    low, high = (values.min(), values.max()) if n else (1.0, 1.0)
    if low < high / WIDEST:
        raise ClusteringError(
            f"weights: got {low:g} to {high:g}, of which the smallest would count for nothing; give weights that "
            f"differ by a factor of {WIDEST:g} at most",
            "invalid_weights",
        )
    if not 1 / WIDEST < low <= high < WIDEST:
        return values / high  # k-means computes in float32; only their ratios matter
    return values


def _remarks(result: MethodResult, n: int, k: int, options: Options) -> tuple[str, ...]:
    remarks = list(result.remarks)
    low = [one.number for one in result.trace if one.choice.edge == "low"]
    high = [one.number for one in result.trace if one.choice.edge in ("high", "only")]
    if low:
        remarks.append(
            f"In {_passes(low)} the search for K stopped at the first K at which it can. The score may decrease from "
            "the smallest K on whatever the number of groups: look at the curve, and try a smaller step, or k_rule "
            "gaps."
        )
    if high:
        remarks.append(
            f"In {_passes(high)} the search for K ended at the last possible K while the score still improved: raise "
            "k_max, or sample_size if there are more images."
        )
    if not k:
        remarks.append(_why_none(result, n, options))
    elif (left := int((result.labels < 0).sum())) > n / 2:
        remarks.append(f"{left:,} of {n:,} images, more than half, are in no cluster.")
    if k == 1:
        remarks.append("There is one cluster: silhouettes within the final clustering are not defined.")
    return tuple(remarks)


def _why_none(result: MethodResult, n: int, options: Options) -> str:
    """Why there is no cluster."""
    if options.method != "iterative-kmeans":
        size = f"min_cluster_size {options.min_cluster_size}"
        return f"No cluster was found at {size}: try a smaller one, or the vectors may hold no groups."
    if not result.trace and result.ended == "stop_size":
        return (
            f"Nothing was clustered: {n:,} items are not more than stop_size {options.stop_size}, at which the method "
            "stops before its first pass. Set a smaller stop_size, or choose another method."
        )
    if not result.trace:
        return f"Nothing was clustered: {n:,} items are too few for the smallest K. Set a smaller step or k_min."
    return "No cluster is cohesive. Look at the table of thresholds: the vectors may hold no groups."


def _passes(numbers: Sequence[int]) -> str:
    return f"pass {numbers[0]}" if len(numbers) == 1 else f"passes {', '.join(map(str, numbers))}"


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    """Round to six decimals, the precision of float32; NaN becomes None."""
    return [None if np.isnan(value) else value for value in np.round(values.astype(np.float64), 6).tolist()]
