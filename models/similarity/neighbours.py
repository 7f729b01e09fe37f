"""The k nearest (or farthest) rows to each query, by cosine or Euclidean distance: exact, and in bounded memory.

Blocks of float32 products only choose candidates, with a margin above their worst rounding error (Higham, "Accuracy and
Stability of Numerical Algorithms", 2002, section 3.1). The candidates are scored again in float64, one pair at a time
in one order of summation, rounded to float32 and ranked, equal scores by the lower index. Results are therefore the
same bit for bit for every block size, BLAS and number of threads, and equal rows have equal scores.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ClusteringError
from models.stopping import Check, unchecked

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int = NDArray[np.int64]
Metric = Literal["cosine", "euclidean"]
BLOCK_BYTES = 64 * 2**20
FINITE_AT_ONCE = 2**14  # rows


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
    block_bytes: int = BLOCK_BYTES,
    check: Check = unchecked,
) -> Neighbours:
    """Find the k rows with the highest cosine to each query, or with the lowest distance.

    Parameters
    ----------
    rows, queries : (n, d) and (m, d) float32.
    k : number of rows, reduced to n if it is larger.
    exclude : (m,) index of one row for each query, itself, that is not among its neighbours.
    farthest : find the lowest cosines or the highest distances instead.
    block_bytes : approximate memory used beside `rows`, `queries`, a scaled copy of each and the answer; at least 8 n.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    ClusteringError : NaN or infinity, a vector of zeros under cosine, dimensions that differ, k below 1.
    """
    sign = -1 if farthest else 1
    x, q = finite_rows(rows, "rows", check), finite_rows(queries, "queries", check)
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
    scoring = _Scoring(x, q, metric, sign)
    direction = -sign if metric == "cosine" else sign  # of sorting: high cosines, low distances first
    step = max(1, block_bytes // (8 * n))  # the products and their partitioned copy
    for start in range(0, m, step):
        check()
        close = scoring.closeness(slice(start, start + step))
        if own is not None:
            close[np.arange(len(close)), own[start : start + step]] = -np.inf
        floor = np.partition(close, n - k, axis=1)[:, n - k] - scoring.margin[start : start + step]
        for at, (row, least) in enumerate(zip(close, floor, strict=True), start):
            check()
            candidates = np.flatnonzero(row >= least)
            exact = scoring.exact(candidates, at, chunk=max(1, block_bytes // (8 * d)))
            best = np.argsort(exact * direction, kind="stable")[:k]
            indexes[at], scores[at] = candidates[best], exact[best]
    return Neighbours(indexes=indexes, scores=scores)


def finite_rows(values: ArrayLike, name: str, check: Check = unchecked) -> Float32:
    """Convert to (n, d) float32 in C order. Raises ClusteringError for NaN and infinity; `name` is for the message."""
    with np.errstate(over="ignore"):  # a float64 outside float32 becomes infinite and is refused
        rows = np.ascontiguousarray(values, np.float32)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ClusteringError(
            f"{name}: got an array of shape {rows.shape}; give a 2-D array of rows (n, d)", "bad_shape"
        )
    finite = np.empty(len(rows), bool)
    for start in range(0, len(rows), FINITE_AT_ONCE):
        check()
        finite[start : start + FINITE_AT_ONCE] = np.isfinite(rows[start : start + FINITE_AT_ONCE]).all(axis=1)
    if not finite.all():
        raise ClusteringError(
            f"{name}: row {int(np.argmin(finite))} has NaN or infinity ({int((~finite).sum())} such rows); drop them, "
            "or embed those images again",
            "nan_vectors",
        )
    return rows


def lengths(rows: Float32, name: str) -> Float64:
    """Euclidean lengths, (n,). Raises ClusteringError for a length of 0, which has no cosine."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), 4096):
        block = rows[start : start + 4096].astype(
            np.float64
        )  # einsum's own casting would change the order of summation
        found[start : start + 4096] = np.sqrt(np.einsum("ij,ij->i", block, block))
    if not found.all():
        raise ClusteringError(
            f"{name}: row {int(np.argmin(found))} is all zeros ({int((found == 0).sum())} such rows) and has no "
            'cosine; drop them, or use metric="euclidean" where available',
            "zero_vectors",
        )
    return found


def unit_rows(rows: Float32, length: Float64) -> Float32:
    """Divide rows by their lengths, with one rounding."""
    return np.divide(rows, length[:, None], out=np.empty_like(rows), casting="same_kind")


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
    """Closeness in float32 for the choice of candidates: q·x - |x|²/2, or q·x of unit vectors under cosine.

    `margin` (m,) is twice the largest error of the closeness: a row that is further below the k-th is no candidate.
    """

    def __init__(self, x: Float32, q: Float32, metric: Metric, sign: int) -> None:
        self.x, self.q, self.metric = x, q, metric
        relative = (x.shape[1] + 8) * 2.0**-23
        if metric == "cosine":
            self.lengths, self.q_lengths = lengths(x, "rows"), lengths(q, "queries")
            self.rows, scaled = unit_rows(x, self.lengths), unit_rows(q, self.q_lengths)
            self.half: Float32 = np.zeros(len(x), np.float32)
            self.margin: Float32 = np.full(len(q), relative, np.float32)
        else:
            scale = max(float(np.abs(x).max()), float(np.abs(q).max())) or 1.0  # so that no square overflows
            self.rows, scaled = x / np.float32(scale), q / np.float32(scale)
            squares, q_squares = np.einsum("ij,ij->i", self.rows, self.rows), np.einsum("ij,ij->i", scaled, scaled)
            self.half = squares / 2
            self.margin = relative * (np.sqrt(squares.max()) + np.sqrt(q_squares)) ** 2
        self.scaled, self.half = scaled * sign, self.half * sign

    def closeness(self, block: slice) -> Float32:
        close = self.scaled[block] @ self.rows.T  # (block, n)
        close -= self.half
        return close

    def exact(self, candidates: Int, at: int, *, chunk: int) -> Float32:
        """Exact scores of the candidates for query `at`, (candidates,)."""
        query = self.q[at].astype(np.float64)
        found = np.empty(len(candidates), np.float32)
        for start in range(0, len(candidates), chunk):
            some = candidates[start : start + chunk]
            rows = self.x[some].astype(np.float64)
            if self.metric == "cosine":
                products = np.einsum("ij,j->i", rows, query)
                found[start : start + chunk] = products / (self.lengths[some] * self.q_lengths[at])
            else:
                rows -= query
                found[start : start + chunk] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        return found
