"""The tree of merges of a clustering, which can be cut at any number or distance."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from daguerre.types.common import Double

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Hierarchy:
    """A tree of merges, the nearest first.

    Attributes
    ----------
    of : "items" for agglomerative, "clusters" of the result for other methods.
    method, metric : linkage, and metric of the distances. Those of clusters are means over pairs of their items, of
        cosine or squared Euclidean distances.
    leaves : (m,) items by index, or clusters by number.
    linkage : (m - 1, 4) in scipy's format, for scipy.cluster.hierarchy: two nodes (a leaf is its place in `leaves`, row
        i is node m + i), their distance, and the number of leaves below.
    """

    of: Literal["items", "clusters"]
    metric: str
    method: str
    leaves: Int
    linkage: Double

    def cut(self, clusters: int | None, distance: float | None) -> Int:
        """Group of each leaf, (m,), from 0, in the order of the leaves. Raises ValueError.

        Merges at equal distances are made together, so that there can be fewer groups than `clusters`.
        """
        m = len(self.leaves)
        heights = self.linkage[:, 2]
        if clusters is not None and distance is None:
            if isinstance(clusters, bool) or not 1 <= clusters <= m:
                raise ValueError(f"clusters: got {clusters}; the hierarchy has {m} {self.of}, give 1 to {m}")
            merges = m - clusters
            lowest = 0.0 if merges == 0 else heights[merges - 1]
            merges = max(merges, int(np.searchsorted(heights, lowest, side="right")))
        elif distance is not None and clusters is None:
            merges = int(np.searchsorted(heights, distance, side="left"))
        else:
            raise ValueError("cut: give either a number of clusters or a distance")
        group = np.arange(2 * m - 1)
        for i, (a, b) in enumerate(self.linkage[:merges, :2].astype(np.int64).tolist()):
            group[[a, b]] = m + i
        for node in range(m + merges - 1, -1, -1):  # from the last merge down to the leaves
            group[node] = group[group[node]]
        return np.unique(group[:m], return_inverse=True)[1].astype(np.int64)
