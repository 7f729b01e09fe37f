"""Starts of k-means: greedy k-means++ (Arthur and Vassilvitskii 2007), to the bit those of scikit-learn.

scikit-learn measures distances in float64, converting the rows anew for each of its k steps. Here they are converted
once, and the starts of several K's share what they have in common: with one seed, the draws for K = 25 are the first
ones of those for K = 30, as long as both try as many candidates in each step (2 + log K, rounded down).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.vectors import Rows, block_rows

WHOLE = 2**28  # bytes: rows that are more than this in float64 are converted block by block, in every step


@dataclass
class _Begun:
    """A start that may grow."""

    random: np.random.RandomState
    trials: int
    chosen: list[int]
    nearest: NDArray[np.float32]  # (n,) squared distance to the nearest of those chosen
    potential: Any  # their sum, weighted


class Seeding:
    """Starts for the rows of `x`, (n, d) float32, from one seed; `x` stays as it is meanwhile.

    `weights`: (n,), of the draws.
    """

    def __init__(self, x: Rows, *, seed: int, weights: NDArray[np.float64] | None = None) -> None:
        self._x, self._mean, self._seed = x, x.mean(axis=0), seed
        self._doubles = (x - self._mean).astype(np.float64) if 8 * x.size <= WHOLE else None
        self._weights = np.ones(len(x), np.float32) if weights is None else weights.astype(np.float32)
        self._squares = np.concatenate([np.einsum("ij,ij->i", part, part) for _, part in self._parts()])
        self._begun: dict[int, _Begun] = {}

    def start(self, k: int) -> NDArray[np.intp]:
        """Rows to start from, (k,)."""
        trials = 2 + int(np.log(k))
        begun = self._begun.get(trials)
        if begun is None:
            begun = self._begun[trials] = self._first(trials)
        while len(begun.chosen) < k:
            self._next(begun)
        return np.array(begun.chosen[:k], np.intp)

    def _first(self, trials: int) -> _Begun:
        random = np.random.RandomState(self._seed)
        first = int(random.choice(len(self._x), p=self._weights / self._weights.sum()))
        nearest = self._distances(np.array([first]))
        return _Begun(random, trials, [first], nearest[0], (nearest @ self._weights)[0])

    def _next(self, begun: _Begun) -> None:
        """Add the candidate that lowers the potential most; candidates are drawn by their squared distance."""
        values = begun.random.uniform(size=begun.trials) * begun.potential
        candidates = np.searchsorted(np.cumsum(self._weights * begun.nearest), values)
        np.clip(candidates, None, len(self._x) - 1, out=candidates)  # rounding may lead beyond the last
        distances = self._distances(candidates)
        np.minimum(begun.nearest, distances, out=distances)
        potentials = distances @ self._weights.reshape(-1, 1)
        best = int(np.argmin(potentials))
        begun.potential = potentials[best]
        begun.nearest = distances[best].copy()
        begun.chosen.append(int(candidates[best]))

    def _distances(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """Squared distances of some rows to all, (some, n): float64 until the last step, as scikit-learn has them."""
        centres = (self._x[which] - self._mean).astype(np.float64)
        own = np.einsum("ij,ij->i", centres, centres)[:, None]
        found = np.empty((len(which), len(self._x)), np.float32)
        for place, part in self._parts():
            d = -2 * (centres @ part.T)
            d += own
            d += self._squares[place]
            found[:, place] = d
        return np.maximum(found, 0, out=found)

    def _parts(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """The centred rows in float64, and where they are."""
        if self._doubles is not None:
            yield slice(0, len(self._x)), self._doubles
            return
        step = block_rows(2 * self._x.shape[1])
        for start in range(0, len(self._x), step):
            place = slice(start, start + step)
            yield place, (self._x[place] - self._mean).astype(np.float64)
