"""The other methods, with the same answer: k-means, HDBSCAN and agglomerative clustering, all scikit-learn's."""

import numpy as np
from numpy.typing import NDArray

from models.clustering.choose_k import choose_k, kmeans
from models.clustering.iterative import Found, Pass, Seen, iterative
from models.clustering.options import Options
from models.clustering.silhouettes import Tell, silhouettes
from models.clustering.vectors import Rows
from models.errors import ClusteringError

MOST = {"hdbscan": 50_000, "agglomerative": 20_000}  # items: both look at all pairs, agglomerative keeps them


def run(
    x: Rows,
    options: Options,
    *,
    weights: NDArray[np.float64] | None = None,
    tell: Tell = lambda progress, stage: None,
) -> Found:
    """Cluster the rows of `x`, (n, d) float32 of unit length where `options.normalize`. `options` are settled.

    Raises ClusteringError: too_few_items, too_many_items, invalid_option.
    """
    n = len(x)
    if options.method == "iterative-kmeans":
        return iterative(x, options, weights=weights, tell=tell)
    if n > MOST.get(options.method, n):
        raise ClusteringError(
            f"method: {options.method} looks at all pairs and takes {MOST[options.method]:,} items at most, these are "
            f"{n:,}; use iterative-kmeans or kmeans, or draw a sample",
            code="too_many_items",
        )
    tell(0.1, options.method)
    if options.method == "kmeans":
        return _kmeans(x, options, weights, tell)
    if n < 2:
        return Found(labels=np.full(n, -1, np.intp), silhouettes=np.full(n, np.nan, np.float32))
    return _hdbscan(x, options) if options.method == "hdbscan" else _agglomerative(x, options)


def _kmeans(x: Rows, options: Options, weights: NDArray[np.float64] | None, tell: Tell) -> Found:
    n = len(x)
    trace: tuple[Pass, ...] = ()
    k = options.k
    if k is not None and k > n:
        raise ClusteringError(f"k: {k} clusters of {n} items; ask for fewer", code="too_few_items")
    choice = None
    if k is None:
        if n < 3:
            raise ClusteringError(f"k: cannot be chosen for {n} items; say how many clusters", code="too_few_items")
        rng = np.random.default_rng(options.seed)
        drawn = np.sort(rng.choice(n, options.sample_size, replace=False)) if n > options.sample_size else np.arange(n)
        owed = None if weights is None else weights[drawn]
        choice = choose_k(x[drawn], options, seed=options.seed, weights=owed, tell=tell)
        k = choice.k
    tell(0.5, f"k-means with K = {k}")
    fitted = kmeans(x, k, seed=options.seed, restarts=options.restarts, weights=weights)
    labels = by_size(fitted.labels)
    tell(0.8, "silhouettes")
    each = silhouettes(x, labels, metric=options.metric)
    if choice is not None:
        size = np.bincount(labels)
        mean = np.bincount(labels, weights=np.nan_to_num(each)) / size
        seen = tuple(Seen(size=int(size[c]), silhouette=float(mean[c]), cluster=c) for c in range(fitted.k))
        trace = (
            Pass(
                number=1,
                n=n,
                sample=min(n, options.sample_size),
                seed=options.seed,
                choice=choice,
                clusters=seen,
                taken=n,
            ),
        )
    remarks: tuple[str, ...] = ()
    if fitted.k < k:
        remarks = (f"{k} clusters were asked for and {fitted.k} found: items are identical.",)
    return Found(labels=labels, silhouettes=each, passes=(1,) * fitted.k, trace=trace, remarks=remarks)


def _hdbscan(x: Rows, options: Options) -> Found:
    from sklearn.cluster import HDBSCAN

    assert options.min_cluster_size is not None
    least = min(options.min_cluster_size, len(x))
    samples = options.min_samples
    if samples is not None and samples > len(x):
        raise ClusteringError(f"min_samples: {samples} of {len(x)} items; ask for fewer", code="too_few_items")
    metric = "euclidean" if options.normalize or options.metric == "euclidean" else "cosine"
    model = HDBSCAN(
        min_cluster_size=least,
        min_samples=min(least, len(x)) if samples is None else samples,
        metric=metric,  # of unit vectors Euclidean distance rises with cosine distance
        algorithm="brute" if metric == "cosine" else "auto",
        allow_single_cluster=False,
        copy=True,
    )
    return _of(x, by_size(np.asarray(model.fit(x).labels_, np.intp)), options)


def _agglomerative(x: Rows, options: Options) -> Found:
    from sklearn.cluster import AgglomerativeClustering

    if options.k is not None and options.k > len(x):
        raise ClusteringError(f"k: {options.k} clusters of {len(x)} items; ask for fewer", code="too_few_items")
    model = AgglomerativeClustering(
        n_clusters=options.k,
        distance_threshold=options.distance,
        linkage=options.linkage,
        metric="euclidean" if options.linkage == "ward" else options.metric,
    )
    return _of(x, by_size(np.asarray(model.fit(x).labels_, np.intp)), options)


def _of(x: Rows, labels: NDArray[np.intp], options: Options) -> Found:
    k = int(labels.max(initial=-1)) + 1
    return Found(labels=labels, silhouettes=silhouettes(x, labels, metric=options.metric), passes=(1,) * k)


def by_size(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Numbered by size, the biggest 0; -1 stays."""
    k = int(labels.max(initial=-1)) + 1
    numbers = np.empty(k + 1, np.intp)
    numbers[np.argsort(-np.bincount(labels[labels >= 0], minlength=k), kind="stable")] = np.arange(k)
    numbers[k] = -1
    return numbers[labels]
