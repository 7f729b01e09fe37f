"""Description of a clustering: medoids, exemplars, similar clusters, and agreement with known labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.clustering.options import Metric
from models.clustering.vectors import sums, sums_of_units

EXEMPLARS = 9  # of each kind
SIMILAR = 1.08  # clusters nearer than this times the mean distance within the wider one: one group cut in two


@dataclass(frozen=True, kw_only=True)
class Similar:
    """A cluster that is about as near to another as that one's images are to each other.

    `distance` is the mean distance between images of the two clusters divided by that within the wider of them: at 1
    the boundary between them is arbitrary. `cosine` is that of the two means.
    """

    cluster: int
    distance: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Exemplars:
    """Indexes of the rows nearest to the cluster's mean, of rows drawn at random, and of the farthest rows."""

    nearest: tuple[int, ...]
    random: tuple[int, ...]
    farthest: tuple[int, ...]


def exemplars(
    x: Data, labels: NDArray[np.intp], *, metric: Metric, seed: int, many: int = EXEMPLARS
) -> tuple[Exemplars, ...]:
    """Choose exemplars of each cluster. The nearest row is the medoid under cosine and squared Euclidean distance."""
    k = int(labels.max(initial=-1)) + 1
    near = _nearness(x, labels, k, metric)
    order = np.lexsort((np.arange(len(x)), -near, labels))
    order = order[np.count_nonzero(labels < 0) :]
    ends = np.cumsum(np.bincount(labels[labels >= 0], minlength=k))
    rng = np.random.default_rng(seed)
    chosen = []
    for c in range(k):
        members = order[ends[c - 1] if c else 0 : ends[c]]
        drawn = rng.choice(members, min(many, len(members)), replace=False)
        chosen.append(
            Exemplars(
                nearest=tuple(members[:many].tolist()),
                random=tuple(drawn.tolist()),
                farthest=tuple(members[::-1][:many].tolist()),
            )
        )
    return tuple(chosen)


def _nearness(x: Data, labels: NDArray[np.intp], k: int, metric: Metric) -> NDArray[np.float64]:
    """Nearness of each row to its cluster's mean, (n,): a cosine, or the negative squared distance."""
    means = _means(x, labels, k, metric)
    return View.of(x).each(_nearness_of_block, means, metric, dtype=np.float64, along=(labels,))


def _nearness_of_block(
    x: Rows, means: NDArray[np.float64], metric: Metric, own: NDArray[np.intp]
) -> NDArray[np.float64]:
    part = x.astype(np.float64)
    mean = means[np.maximum(own, 0)] if len(means) else np.zeros_like(part)
    if metric == "cosine":
        return np.asarray(np.einsum("ij,ij->i", part, mean) / np.linalg.norm(part, axis=1))
    return np.asarray(-np.square(part - mean).sum(axis=1))


def _means(x: Data, labels: NDArray[np.intp], k: int, metric: Metric) -> NDArray[np.float64]:
    """Means of the clusters, (k, d); under cosine, of the unit vectors."""
    total = sums_of_units(x, labels, k) if metric == "cosine" else sums(x, labels, k)
    return np.asarray(total / np.maximum(np.bincount(labels[labels >= 0], minlength=k), 1)[:, None])


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Mean distances over pairs of items in two clusters, (k, k), and within each cluster, (k,); `cosine` of the means.

    Distances are cosine or squared Euclidean: for both, the mean over pairs follows from the clusters' means.
    """

    between: NDArray[np.float64]
    within: NDArray[np.float64]
    cosine: NDArray[np.float64]
    size: NDArray[np.intp]

    @classmethod
    def of(cls, x: Data, labels: NDArray[np.intp], *, metric: Metric) -> "Distances":
        """Measure the clusters 0 to k-1 of the rows (n, d)."""
        k = int(labels.max(initial=-1)) + 1
        means = _means(x, labels, k, metric)
        size = np.bincount(labels[labels >= 0], minlength=k)
        lengths = np.linalg.norm(means, axis=1)
        spread = 1 - lengths**2 if metric == "cosine" else _spread(x, labels, means, size)
        within = spread * size / np.maximum(size - 1, 1) * (1 if metric == "cosine" else 2)
        if metric == "cosine":
            between = 1 - means @ means.T
        else:
            square = lengths**2
            between = square[:, None] + square - 2 * means @ means.T + spread[:, None] + spread
        cosine = means @ means.T / np.maximum(lengths[:, None] * lengths, 1e-12)
        return cls(between=np.maximum(between, 0), within=within, cosine=cosine, size=size)


def similar_clusters(distances: Distances) -> tuple[tuple[Similar, ...], ...]:
    """Find for each cluster the clusters that are hardly distinct from it, nearest first: candidates for merging."""
    between, within = distances.between, distances.within
    wider = np.maximum(within[:, None], within)
    ratio = np.where(wider > 1e-9, between / np.maximum(wider, 1e-9), np.where(between > 1e-9, np.inf, 1.0))
    np.fill_diagonal(ratio, np.inf)
    return tuple(
        tuple(
            Similar(cluster=int(j), distance=float(ratio[i, j]), cosine=float(distances.cosine[i, j]))
            for j in np.argsort(ratio[i], kind="stable")[:5]
            if ratio[i, j] < SIMILAR
        )
        for i in range(len(ratio))
    )


def _spread(
    x: Data, labels: NDArray[np.intp], means: NDArray[np.float64], size: NDArray[np.intp]
) -> NDArray[np.float64]:
    near = -_nearness(x, labels, len(means), "euclidean")
    kept = labels >= 0
    return np.asarray(np.bincount(labels[kept], weights=near[kept], minlength=len(means)) / size)


def compare_with_known(labels: NDArray[np.intp], known: Sequence[Any]) -> dict[str, Any] | None:
    """Compute ARI, NMI and purity against known labels; items whose known label is None are ignored.

    The unclustered items count as one group, and are left out in `clustered_only`.
    """
    labelled = np.array([label is not None for label in known], bool)
    names = np.array([str(label) for label in known], object)
    if not labelled.any():
        return None

    def figures(which: NDArray[np.bool_]) -> dict[str, Any] | None:
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
        from sklearn.metrics.cluster import contingency_matrix

        if not which.any():
            return None
        ours, theirs = labels[which], names[which]
        table = contingency_matrix(theirs, ours)
        return {
            "n": int(which.sum()),
            "classes": len(set(theirs)),
            "ari": float(adjusted_rand_score(theirs, ours)),
            "nmi": float(normalized_mutual_info_score(theirs, ours)),
            "purity": float(table.max(axis=0).sum() / table.sum()),
        }

    overall = figures(labelled)
    assert overall is not None
    return {**overall, "clustered_only": figures(labelled & (labels >= 0))}
