"""Stability of a clustering: parts of the items are clustered again with another seed, and both results compared."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows
from models.clustering.options import Options

Int = NDArray[np.intp]
SHARE = 0.8  # of the items that a rerun uses
MOST = 20_000  # items that a rerun uses at most
FEWEST = 10  # items that are clustered again at least

Rerun = Callable[[Rows, Options, NDArray[np.float64] | None, int], Int]  # rows, options, weights, number → labels


@dataclass(frozen=True, kw_only=True)
class Stability:
    """Agreement of a clustering with reruns on random parts of the items.

    Attributes
    ----------
    share : of the items in a rerun: 0.8, or fewer so that there are at most 20,000.
    ari : (r,) adjusted Rand index of each rerun, on its items; those in no cluster count as one group.
    jaccard : (k,) cluster-wise Jaccard coefficient (Hennig 2007): the overlap of a cluster with the most similar
        cluster of a rerun, items in both over items in either, and the mean over the reruns that drew at least two of
        the cluster's items; NaN where none did.
    """

    share: float
    ari: NDArray[np.float64]
    jaccard: NDArray[np.float64]

    def to_json(self) -> dict[str, Any]:
        return {
            "resamples": len(self.ari),
            "share": self.share,
            "ari": self.ari.tolist(),
            "mean": float(self.ari.mean()),
            "low": float(self.ari.min()),
            "high": float(self.ari.max()),
        }


def measure(
    x: Data,
    options: Options,
    labels: Int,
    *,
    weights: NDArray[np.float64] | None,
    resamples: int,
    again: Rerun,
) -> Stability | None:
    """Cluster `resamples` parts of the rows (n, d) by `again`; None without reruns, below 10 items, or clusters."""
    from sklearn.metrics import adjusted_rand_score

    n, k = len(x), int(labels.max(initial=-1)) + 1
    if not resamples or n < FEWEST or not k:
        return None
    m = min(round(SHARE * n), MOST)
    ari, overlaps = np.empty(resamples), np.full((resamples, k), np.nan)
    for i in range(resamples):
        rng = np.random.default_rng((options.seed, i))
        which = np.sort(rng.choice(n, m, replace=False))
        changed = replace(
            options,
            seed=int(rng.integers(2**31)),
            k=None if options.k is None else min(options.k, m),
            min_samples=None if options.min_samples is None else min(options.min_samples, m),
        )
        rerun = again(x[which], changed, None if weights is None else weights[which], i)
        ari[i] = adjusted_rand_score(labels[which], rerun)
        overlaps[i] = overlap(labels[which], rerun, k)
    known = np.isfinite(overlaps)
    jaccard = np.where(known.any(axis=0), np.nansum(overlaps, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)
    return Stability(share=m / n, ari=ari, jaccard=jaccard)


def overlap(labels: Int, others: Int, k: int) -> NDArray[np.float64]:
    """Largest Jaccard coefficient of each cluster 0 to k-1 of `labels` (n,) with a cluster of `others` (n,).

    -1 is in no cluster. NaN for a cluster with fewer than two items.
    """
    most = int(others.max(initial=-1)) + 1
    kept = (labels >= 0) & (others >= 0)
    both = np.zeros((k, max(most, 1)))
    np.add.at(both, (labels[kept], others[kept]), 1)
    size = np.bincount(labels[labels >= 0], minlength=k)
    other_size = np.bincount(others[others >= 0], minlength=max(most, 1))
    either = size[:, None] + other_size - both
    return np.where(size > 1, (both / np.maximum(either, 1)).max(axis=1, initial=0), np.nan)
