"""Starts of k-means by greedy k-means++ (Arthur and Vassilvitskii 2007), bit for bit those of scikit-learn.

scikit-learn converts the rows to float64 in each of its k steps. Here they are converted once, and several K share
their starts: with one seed, the draws for K = 25 are the first ones of those for K = 30, as long as both try the same
number of candidates in each step (2 + log K, rounded down).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Rows
from models.clustering.vectors import block_rows

WHOLE = 2**28  # bytes: rows that take more than this in float64 are converted block by block, in every step


@dataclass
class _Start:
    """A list of chosen rows that may grow."""

    random: np.random.RandomState
    trials: int
    chosen: list[int]
    nearest: NDArray[np.float32]  # (n,) squared distance to the nearest of those chosen
    potential: Any  # weighted sum of `nearest`


class Seeding:
    """Starts for the rows of `x`, (n, d) float32, which must not change, from one seed; `weights` (n,) of the rows."""

    def __init__(self, x: Rows, *, seed: int, weights: NDArray[np.float64] | None = None) -> None:
        self._x, self._mean, self._seed = x, x.mean(axis=0), seed
        self._doubles = (x - self._mean).astype(np.float64) if 8 * x.size <= WHOLE else None
        self._weights = np.ones(len(x), np.float32) if weights is None else weights.astype(np.float32)
        self._squares = np.concatenate([np.einsum("ij,ij->i", part, part) for _, part in self._parts()])
        self._starts: dict[int, _Start] = {}

    def start(self, k: int) -> NDArray[np.intp]:
        """Indexes of the rows to start from, (k,)."""
        trials = 2 + int(np.log(k))
        start = self._starts.get(trials)
        if start is None:
            start = self._starts[trials] = self._first(trials)
        while len(start.chosen) < k:
            self._next(start)
        return np.array(start.chosen[:k], np.intp)

    def _first(self, trials: int) -> _Start:
        random = np.random.RandomState(self._seed)
        first = int(random.choice(len(self._x), p=self._weights / self._weights.sum()))
        nearest = self._distances(np.array([first]))
        return _Start(random, trials, [first], nearest[0], (nearest @ self._weights)[0])

    def _next(self, start: _Start) -> None:
        """Add the candidate that lowers the potential most; rows are drawn in proportion to their squared distance."""
        values = start.random.uniform(size=start.trials) * start.potential
        candidates = np.searchsorted(np.cumsum(self._weights * start.nearest), values)
        np.clip(candidates, None, len(self._x) - 1, out=candidates)  # rounding may lead beyond the last
        distances = self._distances(candidates)
        np.minimum(start.nearest, distances, out=distances)
        potentials = distances @ self._weights.reshape(-1, 1)
        best = int(np.argmin(potentials))
        start.potential = potentials[best]
        start.nearest = distances[best].copy()
        start.chosen.append(int(candidates[best]))

    def _distances(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """Squared distances of some rows to all, (some, n), in float64 until the last step, as in scikit-learn."""
        centres = (self._x[which] - self._mean).astype(np.float64)
        own = np.einsum("ij,ij->i", centres, centres)[:, None]
        distances = np.empty((len(which), len(self._x)), np.float32)
        for place, part in self._parts():
            d = -2 * (centres @ part.T)
            d += own
            d += self._squares[place]
            distances[:, place] = d
        return np.maximum(distances, 0, out=distances)

    def _parts(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Blocks of the centred rows in float64, each with its slice."""
        if self._doubles is not None:
            yield slice(0, len(self._x)), self._doubles
            return
        step = block_rows(2 * self._x.shape[1])
        for start in range(0, len(self._x), step):
            place = slice(start, start + step)
            yield place, (self._x[place] - self._mean).astype(np.float64)
