"""The choice of the clustering method, and k-means and HDBSCAN by scikit-learn, agglomerative by scipy."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.clustering.choose_k import choose_k
from models.clustering.hierarchy import Hierarchy, cut, link_items
from models.clustering.iterative import MethodResult, Pass, PassCluster, iterative
from models.clustering.lloyd import kmeans_of_all
from models.clustering.options import Options
from models.clustering.silhouettes import ReportProgress, mean_by_cluster, silhouettes
from models.clustering.vectors import order_by_content
from models.errors import ClusteringError

MOST_EUCLIDEAN = 100_000  # items whose Euclidean silhouettes are computed
MOST = {"hdbscan": 50_000, "agglomerative": 20_000}  # items: both compare all pairs, agglomerative stores them


def run(
    x: Data,
    options: Options,
    *,
    weights: NDArray[np.float64] | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> MethodResult:
    """Cluster the rows of `x`, (n, d) float32, of unit length where `options.normalize`.

    The result does not depend on the order of the rows; with more than 16,384, but for the rounding of sums in
    float64. `options` have their defaults filled in. Raises ClusteringError: too_few_items, too_many_items.
    """
    x = View.of(x)
    options = options.for_size(*x.shape)
    if options.metric == "euclidean" and len(x) > MOST_EUCLIDEAN and options.method not in MOST:
        raise ClusteringError(
            f"metric: got euclidean for {len(x):,} items, whose silhouettes need the distances of all pairs and are "
            f"computed for at most {MOST_EUCLIDEAN:,}; use cosine, or draw a sample",
            "too_many_items",
        )
    order = order_by_content(x)
    result = _run(x.only(order), options, None if weights is None else weights[order], report)
    back = np.argsort(order)
    hierarchy = None if result.hierarchy is None else replace(result.hierarchy, leaves=order[result.hierarchy.leaves])
    return replace(result, labels=result.labels[back], silhouettes=result.silhouettes[back], hierarchy=hierarchy)


def _run(x: View, options: Options, weights: NDArray[np.float64] | None, report: ReportProgress) -> MethodResult:
    n = len(x)
    if options.method == "iterative-kmeans":
        return iterative(x, options, weights=weights, report=report)
    if n > MOST.get(options.method, n):
        raise ClusteringError(
            f"method: got {options.method} for {n:,} items, which compares all pairs and takes at most "
            f"{MOST[options.method]:,}; use iterative-kmeans or kmeans, or draw a sample",
            "too_many_items",
        )
    report(0.1, options.method)
    if options.method == "kmeans":
        return _kmeans(x, options, weights, report)
    if n < 2:
        return MethodResult(labels=np.full(n, -1, np.intp), silhouettes=np.full(n, np.nan, np.float32))
    return _hdbscan(x.array(), options) if options.method == "hdbscan" else _agglomerative(x.array(), options)


def _kmeans(x: View, options: Options, weights: NDArray[np.float64] | None, report: ReportProgress) -> MethodResult:
    n = len(x)
    trace: tuple[Pass, ...] = ()
    k = options.k
    if k is not None and k > n:
        raise ClusteringError(f"k: got {k} for {n} items; k is at most the number of items", "too_few_items")
    choice = None
    if k is None:
        if n < 3:
            raise ClusteringError(f"k: the search for K needs at least 3 items, got {n}; give k", "too_few_items")
        rng = np.random.default_rng(options.seed)
        drawn = np.sort(rng.choice(n, options.sample_size, replace=False)) if n > options.sample_size else np.arange(n)
        drawn_weights = None if weights is None else weights[drawn]
        choice = choose_k(x[drawn], options, seed=options.seed, weights=drawn_weights, report=report)
        k = choice.k
    report(0.5, f"k-means with K = {k}")
    fitted = kmeans_of_all(
        x, k, options, seed=options.seed, weights=weights, report=lambda part, s: report(0.5 + 0.3 * part, s)
    )
    labels = by_size(fitted.labels)
    report(0.8, "silhouettes")
    values = silhouettes(x, labels, metric=options.metric)
    if choice is not None:
        size = np.bincount(labels)
        mean = mean_by_cluster(np.nan_to_num(values), labels, fitted.k)
        clusters = tuple(PassCluster(size=int(size[c]), silhouette=float(mean[c]), cluster=c) for c in range(fitted.k))
        trace = (
            Pass(
                number=1,
                n=n,
                sample=min(n, options.sample_size),
                seed=options.seed,
                choice=choice,
                clusters=clusters,
                taken=n,
            ),
        )
    remarks: tuple[str, ...] = ()
    if fitted.k < k:
        remarks = (_fewer(k, fitted.k, "items are identical"),)
    return MethodResult(labels=labels, silhouettes=values, passes=(1,) * fitted.k, trace=trace, remarks=remarks)


def _hdbscan(x: Rows, options: Options) -> MethodResult:
    from sklearn.cluster import HDBSCAN

    assert options.min_cluster_size is not None
    least = min(options.min_cluster_size, len(x))
    samples = options.min_samples
    if samples is not None and samples > len(x):
        raise ClusteringError(
            f"min_samples: got {samples} for {len(x)} items; it is at most the number of items", "too_few_items"
        )
    metric = "euclidean" if options.normalize or options.metric == "euclidean" else "cosine"
    choice: dict[str, Any] = {
        "min_cluster_size": least,
        "min_samples": min(least, len(x)) if samples is None else samples,
        "metric": metric,  # between unit vectors, Euclidean distance increases with cosine distance
        "algorithm": "brute" if metric == "cosine" else "auto",
        "copy": True,
    }
    labels = np.asarray(HDBSCAN(**choice).fit(x).labels_, np.intp)
    remarks: tuple[str, ...] = ()
    if labels.max() < 0:
        dense = int((HDBSCAN(**choice, allow_single_cluster=True).fit(x).labels_ >= 0).sum())
        if dense > len(x) / 2:
            remarks = (
                f"No cluster was found because {dense:,} of {len(x):,} items form a single dense group, which HDBSCAN "
                f"does not report. To divide it, try a smaller min_cluster_size than {options.min_cluster_size}, or "
                "method kmeans.",
            )
    return replace(_result(x, by_size(labels), options), remarks=remarks)


def _agglomerative(x: Rows, options: Options) -> MethodResult:
    if options.k is not None and options.k > len(x):
        raise ClusteringError(
            f"k: got {options.k} for {len(x)} items; k is at most the number of items", "too_few_items"
        )
    linkage = link_items(x, options)
    labels = by_size(cut(linkage, k=options.k, distance=options.distance))
    many = int(labels.max()) + 1
    remarks: tuple[str, ...] = ()
    if options.k is not None and many < options.k:
        remarks = (_fewer(options.k, many, "groups at equal distances are merged together, as identical items are"),)
    hierarchy = Hierarchy(
        of="items",
        metric="euclidean" if options.linkage == "ward" else options.metric,
        method=options.linkage,
        leaves=np.arange(len(x)),
        linkage=linkage,
    )
    return replace(_result(x, labels, options), hierarchy=hierarchy, remarks=remarks)


def _fewer(asked: int, found: int, why: str) -> str:
    return f"{asked} clusters were requested and {found} found, because {why}."


def _result(x: Rows, labels: NDArray[np.intp], options: Options) -> MethodResult:
    k = int(labels.max(initial=-1)) + 1
    return MethodResult(labels=labels, silhouettes=silhouettes(x, labels, metric=options.metric), passes=(1,) * k)


def by_size(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Renumber clusters by size, the largest as 0; -1 stays."""
    k = int(labels.max(initial=-1)) + 1
    numbers = np.empty(k + 1, np.intp)
    numbers[np.argsort(-np.bincount(labels[labels >= 0], minlength=k), kind="stable")] = np.arange(k)
    numbers[k] = -1
    return numbers[labels]
