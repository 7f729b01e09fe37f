"""Hierarchies of items or of clusters in scipy's linkage format, which can be cut at any number or distance."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Rows
from models.clustering.describe import Distances
from models.clustering.options import Metric, Options

Float = NDArray[np.float64]
MOST_CLUSTERS = 2000  # of which a hierarchy is made
EQUAL = 1e-12  # smaller distances are rounding errors between identical items


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """A tree of merges.

    Attributes
    ----------
    of : whether the leaves are items or the clusters of the result.
    leaves : (m,) the items by index, or the clusters by number.
    linkage : (m-1, 4) in scipy's format: the two nodes that are merged (a leaf is its place in `leaves`, row i is node
        m + i), their distance, and the number of leaves below.
    """

    of: Literal["items", "clusters"]
    metric: Metric
    method: str
    leaves: NDArray[np.intp]
    linkage: Float

    def to_json(self) -> dict[str, Any]:
        rows = [[int(a), int(b), float(f"{height:.7g}"), int(many)] for a, b, height, many in self.linkage.tolist()]
        return {
            "of": self.of,
            "metric": self.metric,
            "method": self.method,
            "leaves": self.leaves.tolist(),
            "linkage": rows,
        }


def link_items(x: Rows, options: Options) -> Float:
    """Linkage of the rows (n, d), n >= 2, by scipy. Distances of identical rows are 0."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    metric = "euclidean" if options.linkage == "ward" else options.metric
    distances = pdist(x.astype(np.float64), metric)
    distances[distances < EQUAL] = 0
    return np.asarray(linkage(distances, options.linkage))


def cut(linkage: Float, *, k: int | None = None, distance: float | None = None) -> NDArray[np.intp]:
    """Labels (n,) from 0 of at most `k` clusters, or of those nearer to each other than `distance` merged.

    Merges at equal distances are made together, so that identical items are never in two clusters.
    """
    from scipy.cluster.hierarchy import fcluster

    if k is not None:
        merges = len(linkage) + 1 - k
        highest = linkage[merges - 1, 2] if merges else 0.0
    else:
        assert distance is not None
        highest = np.nextafter(distance, 0)
    labels = fcluster(linkage, highest, "distance")
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)


def link_clusters(distances: Distances, metric: Metric) -> Hierarchy | None:
    """Merge the two nearest clusters until one is left; None for fewer than two or more than 2,000 clusters.

    The distance of two groups of clusters is the mean over all pairs of their items (average linkage of the items,
    with the clusters as they are).
    """
    k = len(distances.size)
    if not 2 <= k <= MOST_CLUSTERS:
        return None
    apart, size = distances.between.copy(), distances.size.astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    node, below = np.arange(k), np.ones(k, np.intp)
    linkage = np.empty((k - 1, 4))
    for step in range(k - 1):
        i, j = divmod(int(np.argmin(apart)), k)
        below[i] += below[j]
        linkage[step] = (*sorted((node[i], node[j])), apart[i, j], below[i])
        mean = (size[i] * apart[i] + size[j] * apart[j]) / (size[i] + size[j])
        apart[i], apart[:, i], apart[i, i] = mean, mean, np.inf
        apart[j], apart[:, j] = np.inf, np.inf
        size[i] += size[j]
        node[i] = k + step
    linkage[:, 2] = np.maximum.accumulate(linkage[:, 2])  # rounding never lowers a later merge
    return Hierarchy(of="clusters", metric=metric, method="average", leaves=np.arange(k), linkage=linkage)
