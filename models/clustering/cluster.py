"""The complete clustering: run the method, measure stability, describe the clusters, and convert them to JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering import describe, stability
from models.clustering.blocks import Held, Mapper, Rows, View, watched
from models.clustering.hierarchy import Hierarchy, link_clusters
from models.clustering.iterative import MethodResult
from models.clustering.methods import run
from models.clustering.names import LIKELY, Name, Vocabulary, name_clusters, words_of_clusters
from models.clustering.options import NOTES, Options
from models.clustering.project import Map, Projection, project
from models.clustering.remarks import remarks_on
from models.clustering.silhouettes import ReportProgress, mean_by_cluster, silhouettes
from models.clustering.vectors import prepare, store
from models.errors import ClusteringError

COPY = "prepared.npy"  # vectors that are not held in memory
WIDEST = 1e12  # ratio of the largest weight to the smallest
NamesFrom = Literal["vocabulary", "texts", "built-in vocabulary"]


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """A clustering and its description.

    Attributes
    ----------
    result : labels (n,), silhouettes (n,) at extraction, trace.
    final : (n,) silhouettes within the final clustering; NaN for unclustered items, and where there is one cluster.
    stability : agreement of reruns with this clustering; None without reruns.
    names_from : where suggested names come from; None without names.
    hierarchy : of items (agglomerative), else of clusters; None for fewer than two or very many clusters.
    """

    options: Options
    n: int
    dimension: int
    result: MethodResult
    final: NDArray[np.float32]
    clusters: tuple[Mapping[str, Any], ...]
    comparison: Mapping[str, Any] | None
    stability: stability.Stability | None
    names_from: NamesFrom | None
    hierarchy: Hierarchy | None
    map: Map | None
    projection: Projection
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Content of the JSON answer; NaN becomes None."""
        result = self.result
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
            "stability": None if self.stability is None else self.stability.to_json(),
            "names_from": self.names_from,
            "hierarchy": None if self.hierarchy is None else self.hierarchy.to_json(),
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
    vocabulary: Vocabulary | None = None,
    texts: Sequence[str] | None = None,
    built_in: bool = False,
    projection: Projection = "pca",
    resamples: int = 0,
    which: NDArray[np.intp] | None = None,
    folder: Path | None = None,
    mapper: Mapper[Any, Any] = map,
    report: ReportProgress = lambda progress, stage: None,
) -> Clustering:
    """Cluster `rows`, (n, d) floating point, which may be memory-mapped.

    One copy in float32 is held in memory, or from 1 GiB on in a file of `folder`, which is read in blocks. The result
    is the same.

    Parameters
    ----------
    which : indexes of the rows that are the items; None: all.
    folder : an existing folder for the copy; None: memory, whatever the size.
    mapper : computes blocks, of which several may run at once (models/clustering/blocks.py).
    weights : (n,) positive weights of the items in k-means and in mean silhouettes.
    known : (n,) labels to compare with; None for an item whose label is not known.
    vocabulary : names that the clusters may get; `built_in` if the caller did not choose them.
    texts : (n,) text of each item, blank for none, of which words are suggested as names without a vocabulary.
    resamples : number of reruns on 80 % of the items, at most 20,000, for stability.
    report : called with the progress (0 to 1) and the current step.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items, too_many_items, invalid_option, invalid_weights,
        lengths_differ, not_installed.
    """
    n = len(rows) if which is None else len(which)
    options = options.with_defaults()
    item_weights = _weights(weights, n)
    if known is not None and len(known) != n:
        raise ClusteringError(
            f"known: {len(known)} labels for {n} items; give one label for each item", "lengths_differ"
        )
    by_size = options.start is None
    options = options.for_size(n, rows.shape[1] if rows.ndim == 2 else 1)
    report, mapper = watched(report, mapper)
    report(0.0, "reading vectors")
    scale, angles = options.normalize, options.metric == "cosine"
    source = (
        Held(prepare(rows, normalize=scale, angles=angles, which=which))
        if folder is None
        else store(rows, folder / COPY, normalize=scale, angles=angles, which=which)
    )
    x = View(source, mapper=mapper)
    part_again = min(stability.SHARE, stability.MOST / n)
    whole = 0.85 / (1 + part_again * resamples)  # share of the time that one run on all items takes
    result = run(x, options, weights=item_weights, report=lambda part, stage: report(0.05 + whole * part, stage))
    labels = result.labels

    def again(rows: Rows, changed: Options, rerun_weights: NDArray[np.float64] | None, i: int) -> NDArray[np.intp]:
        begun, named = 0.05 + whole * (1 + part_again * i), f"rerun {i + 1} of {resamples}"
        return run(
            rows,
            changed,
            weights=rerun_weights,
            report=lambda part, stage: report(begun + whole * part_again * part, f"{named}: {stage}"),
        ).labels

    stable = stability.measure(x, options, labels, weights=item_weights, resamples=resamples, again=again)
    report(0.9, "describing clusters")
    final = silhouettes(x, labels, metric=options.metric)
    k = int(labels.max(initial=-1)) + 1
    exemplars = describe.exemplars(x, labels, metric=options.metric, seed=options.seed)
    distances = describe.Distances.of(x, labels, metric=options.metric)
    similar = describe.similar_clusters(distances)
    names: tuple[tuple[Name, ...], ...] | None = None
    names_from: NamesFrom | None = None
    if vocabulary is not None:
        names = name_clusters(x, labels, vocabulary, least=LIKELY if built_in else 0.0)
        names_from = "built-in vocabulary" if built_in else "vocabulary"
    elif texts is not None:
        names, names_from = words_of_clusters(texts, labels), "texts"
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
            "jaccard": None if stable is None or np.isnan(stable.jaccard[c]) else float(stable.jaccard[c]),
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
        names_from=names_from,
        hierarchy=result.hierarchy or link_clusters(distances, options.metric),
        remarks=remarks_on(
            result, n=n, options=options, by_size=by_size, similar=similar, stability=stable, resamples=resamples
        ),
    )


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


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    """Round to six decimals, the precision of float32; NaN becomes None."""
    return [None if np.isnan(value) else value for value in np.round(values.astype(np.float64), 6).tolist()]
