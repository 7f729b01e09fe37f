"""Pairs of rows: their exact cosines, which rows are equal, and groups from pairs that come in any order."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ClusteringError
from models.similarity.groups import Bool, Float, Int
from models.vectors import forget, row_lengths, single

Float32 = NDArray[np.float32]
PAIRS_AT_ONCE = 2048
MOST_PAIRS = 50_000_000  # that star linkage holds, in 8 bytes each
BLOCK = 2**22  # numbers of a block


class Rows:
    """Chosen rows of an array that may be memory-mapped; `rows[places]` are unit vectors in float32."""

    def __init__(self, rows: NDArray[Any], which: Int | None, lengths: Float) -> None:
        self._rows, self._which, self._lengths = rows, which, lengths
        self.dimension = rows.shape[1]

    @classmethod
    def of(cls, rows: NDArray[Any], which: Int | None, lengths: Float | None, check: Callable[[], None]) -> "Rows":
        """Rows with a direction. Raises ClusteringError for another one."""
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise ClusteringError(
                f"embeddings: got an array of shape {rows.shape}; give a 2-D array of rows (n, d)", "bad_shape"
            )
        known = row_lengths(rows, check) if lengths is None else lengths
        chosen = known if which is None else known[which]
        for bad, code, what in (
            (~np.isfinite(chosen), "nan_vectors", "has NaN or infinity"),
            (chosen == 0, "zero_vectors", "is all zeros and has no cosine"),
        ):
            if bad.any():
                raise ClusteringError(
                    f"embeddings: row {int(np.argmax(bad))} {what} ({int(bad.sum())} such rows); drop them", code
                )
        return cls(rows, which, known)

    def __len__(self) -> int:
        return len(self._rows if self._which is None else self._which)

    def chosen(self, places: Int) -> "Rows":
        """Some of these rows."""
        if len(places) == len(self):
            return self
        return Rows(self._rows, places if self._which is None else self._which[places], self._lengths)

    def _at(self, key: slice | Int) -> slice | Int:
        return key if self._which is None else self._which[key]

    def plain(self, key: slice | Int) -> Float32:
        """Rows as they are, in float32."""
        return single(self._rows[self._at(key)])

    def __getitem__(self, key: slice | Int) -> Float32:
        rows = self.plain(key)
        length = self._lengths[self._at(key)]
        return np.divide(rows, length[:, None], out=np.empty_like(rows), casting="same_kind")

    def _exact(self, places: Int) -> Float:
        """Unit vectors in float64."""
        return np.asarray(self.plain(places) / self._lengths[self._at(places)][:, None])

    def similarity(self, left: Int, right: Int) -> Float:
        """Cosines of (a,) and (b,) rows, (a, b), rounded to 7 decimals."""
        return np.asarray((self._exact(left) @ self._exact(right).T).round(7))

    def within(self, left: Int, right: Int, threshold: float) -> Bool:
        """Which pairs have a cosine of at least `threshold`, (pairs,)."""
        found = np.empty(len(left), bool)
        for start in range(0, len(left), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            cosines = np.einsum("ij,ij->i", self._exact(left[part]), self._exact(right[part]))
            found[part] = cosines.round(7) >= threshold
        return found

    def forget(self) -> None:
        """Release the memory of the pages that were read of a memory-mapped array."""
        forget(self._rows)


def equal_rows(rows: Rows, check: Callable[[], None]) -> Int:
    """For each row the place of the first row that is equal to it, (n,)."""
    n, step = len(rows), max(1, BLOCK // rows.dimension)
    factors = np.random.default_rng(0).integers(0, 2**64, rows.dimension, np.uint64) | np.uint64(1)
    hashes = np.empty(n, np.uint64)
    for start in range(0, n, step):
        check()
        part = (rows.plain(slice(start, start + step)) + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
        for at in range(0, len(part), 512):
            few = part[at : at + 512]
            hashes[start + at : start + at + len(few)] = (few * factors).sum(axis=1, dtype=np.uint64)
        rows.forget()
    _, heads, groups = np.unique(hashes, return_index=True, return_inverse=True)
    first: Int = heads[groups].astype(np.int64)
    others = np.flatnonzero(first != np.arange(n))
    for start in range(0, len(others), step):
        check()
        some = others[start : start + step]
        other = (rows.plain(some) != rows.plain(first[some])).any(axis=1)
        first[some[other]] = some[other]  # of another row with the same hash
    return first


def keys_of(left: Int, right: Int, n: int) -> Int:
    """One number for each pair of places below n, whatever their order."""
    return np.minimum(left, right) * n + np.maximum(left, right)


class Components:
    """Connected components of n places, by pairs that are joined from time to time."""

    def __init__(self, n: int) -> None:
        self._labels = np.arange(n)
        self._left: list[Int] = []
        self._right: list[Int] = []
        self._waiting = 0

    def apart(self, left: Int, right: Int) -> Bool:
        """Which pairs are not known to be in one component, (pairs,)."""
        return np.asarray(self._labels[left] != self._labels[right])

    def join(self, left: Int, right: Int) -> None:
        """Join the components of each pair."""
        self._left.append(left)
        self._right.append(right)
        self._waiting += len(left)
        if self._waiting > max(4096, len(self._labels) // 16):
            self._merge()

    def labels(self) -> Int:
        """Labels of the places, equal within a component, (n,)."""
        self._merge()
        return self._labels

    def _merge(self) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not self._waiting:
            return
        n = len(self._labels)
        edges = self._labels[np.concatenate(self._left)], self._labels[np.concatenate(self._right)]
        graph = coo_array((np.ones(self._waiting, np.float32), edges), shape=(n, n))
        _, component = connected_components(graph, directed=False)
        self._labels = component.astype(np.int64)[self._labels]
        self._left, self._right, self._waiting = [], [], 0


def starred(keys: Int, n: int, order: Int) -> Int:
    """Labels (n,) under star linkage: in `order`, a free place represents itself and all free ones paired with it.

    Parameters
    ----------
    keys : `keys_of` the pairs, each once.
    """
    left, right = np.divmod(keys, n)
    ends = np.concatenate([left, right])
    by = np.argsort(ends, kind="stable")
    others = np.concatenate([right, left])[by]
    starts = np.searchsorted(ends[by], np.arange(n + 1))
    labels, free = np.arange(n), np.ones(n, bool)
    for place in order[np.diff(starts)[order] > 0].tolist():
        if free[place]:
            near = others[starts[place] : starts[place + 1]]
            taken = near[free[near]]
            labels[taken], free[taken], free[place] = place, False, False
    return labels
