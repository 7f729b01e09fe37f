"""The k nearest (or farthest) rows to each query, by cosine or Euclidean distance: exact, and in bounded memory.

Blocks of float32 products only choose candidates, with a margin above their worst rounding error (Higham, "Accuracy and
Stability of Numerical Algorithms", 2002, section 3.1). The candidates are scored again in float64, one pair at a time
in one order of summation, rounded to float32 and ranked, equal scores by the lower index. Results are therefore the
same bit for bit for every block size, BLAS and number of threads, and equal rows have equal scores. The rows may be
memory-mapped and of any type of floats: a block of them is converted at a time, and none is copied as a whole.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ClusteringError
from models.stopping import Check, unchecked
from models.vectors import row_lengths, single

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int = NDArray[np.int64]
Metric = Literal["cosine", "euclidean"]
BLOCK_BYTES = 32 * 2**20
FINITE_AT_ONCE = 2**14  # rows
MOST_QUERIES = 1024  # that are compared with a block of rows at once
SHORTEST, LONGEST = 1e-15, 1e15  # rows whose products with unit vectors float32 holds with its full precision


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Neighbours of m queries, the best first.

    Attributes
    ----------
    indexes : (m, k) int64 indexes of rows.
    scores : (m, k) float32, cosines or Euclidean distances.
    """

    indexes: Int
    scores: Float32


def nearest(
    rows: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: Metric = "cosine",
    exclude: ArrayLike | None = None,
    farthest: bool = False,
    lengths: Float64 | None = None,
    block_bytes: int = BLOCK_BYTES,
    check: Check = unchecked,
) -> Neighbours:
    """Find the k rows with the highest cosine to each query, or with the lowest distance.

    Parameters
    ----------
    rows, queries : (n, d) and (m, d) floats, which count as float32; may be memory-mapped.
    k : number of rows, reduced to n if it is larger.
    exclude : (m,) index of one row for each query, itself, that is not among its neighbours.
    farthest : find the lowest cosines or the highest distances instead.
    lengths : `models.vectors.row_lengths` of the rows, (n,) float64, if they are known: the rows are then read once.
    block_bytes : approximate memory used beside `rows`, `queries`, their lengths and the answer.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    ClusteringError : NaN or infinity, a vector of zeros under cosine, dimensions that differ, k below 1.
    """
    x, q = _matrix(rows, "rows"), _matrix(queries, "queries")
    lengths = row_lengths(x, check) if lengths is None else lengths
    _refuse(~np.isfinite(lengths), "rows")
    q_lengths = row_lengths(q, check)
    _refuse(~np.isfinite(q_lengths), "queries")
    (n, d), m = x.shape, len(q)
    if q.shape[1] != d:
        raise ClusteringError(
            f"queries: got {q.shape[1]} dimensions against {d} of the rows; embed both with the same model", "bad_shape"
        )
    if k < 1 or metric not in ("cosine", "euclidean"):
        raise ClusteringError(
            f'k={k}, metric={metric!r}: k is 1 or more, and the metric "cosine" or "euclidean"', "bad_option"
        )
    own = _excluded(exclude, m, n)
    k = min(k, n if own is None else max(0, n - 1))
    indexes, scores = np.empty((m, k), np.int64), np.empty((m, k), np.float32)
    if k < 1 or m == 0:
        return Neighbours(indexes=indexes, scores=scores)
    if metric == "cosine":
        _refuse_zeros(lengths, "rows")
        _refuse_zeros(q_lengths, "queries")
    step = min(MOST_QUERIES, max(1, block_bytes // (64 * k)))
    for start in range(0, m, step):
        batch = slice(start, min(start + step, m))
        scoring = _Scoring(x, lengths, single(q[batch]), q_lengths[batch], metric, -1 if farthest else 1)
        best = _Best(scoring, k, None if own is None else own[batch], block_bytes)
        height = max(1, min(block_bytes // (8 * scoring.m), block_bytes // (8 * d)))
        for at in range(0, n, height):
            check()
            best.look(at, min(at + height, n), check)
        indexes[batch], scores[batch] = best.result(check)
    return Neighbours(indexes=indexes, scores=scores)


def cosines_of(rows: ArrayLike, query: ArrayLike, *, lengths: Float64, check: Check = unchecked) -> Float32:
    """The cosine of each row to one query, (n,), bit for bit as `nearest` has it.

    Parameters
    ----------
    rows, query : (n, d) and (d,) floats, which count as float32; finite, and not all zeros.
    lengths : `models.vectors.row_lengths` of the rows, (n,).
    """
    x, q = _matrix(rows, "rows"), single(_matrix(np.asarray(query)[None], "query"))
    scoring = _Scoring(x, lengths, q, row_lengths(q, check), "cosine", 1)
    return scoring.exact(np.arange(len(x)), 0, max(1, BLOCK_BYTES // (16 * x.shape[1])), check)


def finite_rows(values: ArrayLike, name: str, check: Check = unchecked) -> Float32:
    """Convert to (n, d) float32 in C order. Raises ClusteringError for NaN and infinity; `name` is for the message."""
    rows = single(_matrix(values, name))
    finite = np.empty(len(rows), bool)
    for start in range(0, len(rows), FINITE_AT_ONCE):
        check()
        finite[start : start + FINITE_AT_ONCE] = np.isfinite(rows[start : start + FINITE_AT_ONCE]).all(axis=1)
    _refuse(~finite, name)
    return rows


def lengths(rows: Float32, name: str) -> Float64:
    """Euclidean lengths, (n,). Raises ClusteringError for a length of 0, which has no cosine."""
    found = row_lengths(rows, unchecked)
    _refuse_zeros(found, name)
    return found


def unit_rows(rows: Float32, length: Float64) -> Float32:
    """Divide rows by their lengths, with one rounding."""
    return np.divide(rows, length[:, None], out=np.empty_like(rows), casting="same_kind")


def _matrix(values: ArrayLike, name: str) -> NDArray[Any]:
    """Values as an array (n, d), without a copy of one. Raises ClusteringError for other shapes."""
    rows = np.asarray(values)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ClusteringError(
            f"{name}: got an array of shape {rows.shape}; give a 2-D array of rows (n, d)", "bad_shape"
        )
    return rows


def _refuse(bad: Bool, name: str) -> None:
    """Raise ClusteringError for rows that are not finite."""
    if bad.any():
        raise ClusteringError(
            f"{name}: row {int(np.argmax(bad))} has NaN or infinity ({int(bad.sum())} such rows); drop them, "
            "or embed those images again",
            "nan_vectors",
        )


def _refuse_zeros(lengths: Float64, name: str) -> None:
    """Raise ClusteringError for rows of length 0."""
    if not lengths.all():
        raise ClusteringError(
            f"{name}: row {int(np.argmin(lengths))} is all zeros ({int((lengths == 0).sum())} such rows) and has no "
            'cosine; drop them, or use metric="euclidean" where available',
            "zero_vectors",
        )


def _excluded(exclude: Any, m: int, n: int) -> Int | None:
    if exclude is None:
        return None
    own = np.asarray(exclude)
    if own.shape != (m,) or (m and own.dtype.kind not in "iu"):
        raise ClusteringError(
            f"exclude: {own.dtype} of shape {own.shape} for {m} queries; give one row's index for each", "bad_option"
        )
    outside = (own < 0) | (own >= n)
    if outside.any():
        at = int(np.argmax(outside))
        raise ClusteringError(f"exclude: {own[at]} for query {at}; the rows go from 0 to {n - 1}", "bad_option")
    return own.astype(np.int64)


class _Scoring:
    """Closeness in float32 for the choice of candidates: q·x - |x|²/2, or the cosine.

    `margin` (m,) is twice the largest error of the closeness: a row that is further below the k-th is no candidate.
    """

    def __init__(
        self, x: NDArray[Any], lengths: Float64, q: Float32, q_lengths: Float64, metric: Metric, sign: int
    ) -> None:
        self.x, self.lengths, self.q, self.q_lengths, self.metric, self.sign = x, lengths, q, q_lengths, metric, sign
        self.m = len(q)
        self.direction = -sign if metric == "cosine" else sign  # of sorting: high cosines, low distances first
        relative = (x.shape[1] + 8) * 2.0**-23
        if metric == "cosine":
            self.scale = np.float32(1)
            scaled = unit_rows(q, q_lengths)
            self.margin: Float32 = np.full(len(q), relative, np.float32)
        else:
            longest = max(float(lengths.max()), float(q_lengths.max())) or 1.0
            self.scale = np.float32(min(longest, 3e38))  # so that no square overflows
            scaled = np.asarray(q / self.scale, np.float32)
            both = (lengths.max() + q_lengths) / float(self.scale)
            self.margin = (relative * both**2).astype(np.float32)
        self.scaled: Float32 = np.multiply(scaled, sign, dtype=np.float32)

    def closeness(self, start: int, end: int) -> Float32:
        """Closeness of each query to the rows from `start` to `end`, (m, rows)."""
        rows, length = single(self.x[start:end]), self.lengths[start:end]
        if self.metric == "euclidean":
            rows = np.asarray(rows / self.scale, np.float32)
            close: Float32 = self.scaled @ rows.T
            close -= np.einsum("ij,ij->i", rows, rows) * np.float32(self.sign / 2)
            return close
        if length.min() < SHORTEST or length.max() > LONGEST:
            return np.asarray(self.scaled @ unit_rows(rows, length).T)
        products: Float32 = self.scaled @ rows.T
        products /= length.astype(np.float32)
        return products

    def exact(self, candidates: Int, at: int, chunk: int, check: Check) -> Float32:
        """Exact scores of the candidates for query `at`, (candidates,)."""
        query = self.q[at].astype(np.float64)
        found = np.empty(len(candidates), np.float32)
        for start in range(0, len(candidates), chunk):
            check()
            some = candidates[start : start + chunk]
            rows = single(self.x[some]).astype(np.float64)
            if self.metric == "cosine":
                products = np.einsum("ij,j->i", rows, query)
                found[start : start + chunk] = products / (self.lengths[some] * self.q_lengths[at])
            else:
                rows -= query
                found[start : start + chunk] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return found


class _Best:
    """Candidates for the k best of each query, among the rows that were looked at, in the order of their indexes.

    A row below `floor` (m,) cannot be among the k best: k others are closer by more than the error. Candidates are
    thinned out by that when they become many, and by their exact scores if that is not enough, as for equal rows.
    """

    def __init__(self, scoring: _Scoring, k: int, own: Int | None, block_bytes: int) -> None:
        self.scoring, self.k, self.own = scoring, k, own
        self.chunk = max(1, block_bytes // (16 * scoring.x.shape[1]))  # rows that are scored again at once
        self.limit = max(2 * scoring.m * k, block_bytes // 256)  # candidates
        self.floor = np.full(scoring.m, -np.inf, np.float32)
        self.parts: list[tuple[Int, Int, Float32]] = []  # query, row and closeness of candidates
        self.count = 0
        self.thinned = 0  # candidates that were left the last time

    def look(self, start: int, end: int, check: Check) -> None:
        """Add the candidates among the rows from `start` to `end`."""
        close = self.scoring.closeness(start, end)
        if self.own is not None:
            here = np.flatnonzero((self.own >= start) & (self.own < end))
            close[here, self.own[here] - start] = np.nan  # which is no candidate
        hits = close >= self.floor[:, None]
        width, k = end - start, self.k + (self.own is not None)
        if width > k and np.count_nonzero(hits) > self.limit:
            kth = np.partition(np.nan_to_num(close, nan=-np.inf), width - k, axis=1)[:, width - k]
            np.maximum(self.floor, kth - self.scoring.margin, out=self.floor)
            hits = close >= self.floor[:, None]
        query, row = np.nonzero(hits)
        if len(query):
            self.parts.append((query, row + start, close[query, row]))
            self.count += len(query)
            if self.count - self.thinned >= self.scoring.m * self.k:
                self._thin(check)

    def _joined(self) -> tuple[Int, Int, Float32]:
        """All candidates, by query and then by row."""
        query, row, close = (np.concatenate(each) for each in zip(*self.parts, strict=True))
        order = np.argsort(query, kind="stable")
        return query[order], row[order], close[order]

    def _thin(self, check: Check) -> None:
        query, row, close = self._joined()
        ranked = np.lexsort((-close, query))
        starts = np.searchsorted(query, np.arange(self.scoring.m + 1))
        full = np.flatnonzero(np.diff(starts) >= self.k)
        kth = close[ranked[starts[full] + self.k - 1]]
        self.floor[full] = np.maximum(self.floor[full], kth - self.scoring.margin[full])
        kept = np.flatnonzero(close >= self.floor[query])
        if len(kept) > self.limit:
            query, row, close = query[kept], row[kept], close[kept]
            kept = self._of_exact(query, row, check)
        self.parts, self.count, self.thinned = [(query[kept], row[kept], close[kept])], len(kept), len(kept)

    def _of_exact(self, query: Int, row: Int, check: Check) -> Int:
        """Places of those candidates that are the k best so far, ascending."""
        kept = []
        starts = np.searchsorted(query, np.arange(self.scoring.m + 1))
        for at, (start, end) in enumerate(pairwise(starts)):
            places = np.arange(start, end)
            if len(places) > self.k:
                exact = self.scoring.exact(row[places], at, self.chunk, check)
                places = np.sort(places[np.argsort(exact * self.scoring.direction, kind="stable")[: self.k]])
            kept.append(places)
        return np.concatenate(kept)

    def result(self, check: Check) -> tuple[Int, Float32]:
        """Rows and exact scores of the k best of each query, (m, k) each."""
        query, row, close = self._joined()
        kept = close >= self.floor[query]
        query, row = query[kept], row[kept]
        indexes, scores = np.empty((self.scoring.m, self.k), np.int64), np.empty((self.scoring.m, self.k), np.float32)
        starts = np.searchsorted(query, np.arange(self.scoring.m + 1))
        for at, (start, end) in enumerate(pairwise(starts)):
            check()
            candidates = row[start:end]
            exact = self.scoring.exact(candidates, at, self.chunk, check)
            best = np.argsort(exact * self.scoring.direction, kind="stable")[: self.k]
            indexes[at], scores[at] = candidates[best], exact[best]
        return indexes, scores
