"""Vectors, checked and made ready: float32, of unit length where that is asked for, in a copy of one's own."""

import mmap

import numpy as np
from numpy.typing import NDArray

from models.errors import ClusteringError

Rows = NDArray[np.float32]
BLOCK = 2**24  # numbers handled at once: 64 MiB


def block_rows(width: int) -> int:
    """Rows of `width` numbers that are handled at once."""
    return max(1, BLOCK // max(width, 1))


def prepared(rows: NDArray[np.floating], *, normalize: bool, angles: bool) -> Rows:
    """A copy of `rows`, (n, d) float32; made block by block, `rows` may lie on disk.

    Parameters
    ----------
    normalize : to unit length.
    angles : whether they will be compared by cosine, which a zero vector has none of.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items; naming the first such row.
    """
    if rows.ndim != 2 or not len(rows) or not rows.shape[1]:
        raise ClusteringError(
            f"vectors: an array of shape {tuple(rows.shape)}; send (items, dimension)", code="too_few_items"
        )
    n, d = rows.shape
    made = np.empty((n, d), np.float32)
    for start in range(0, n, block_rows(d)):
        part = np.asarray(rows[start : start + block_rows(d)], np.float32)
        finite = np.isfinite(part).all(axis=1)
        if not finite.all():
            bad = start + int(np.flatnonzero(~finite)[0])
            raise ClusteringError(
                f"vectors: that of item {bad} has a NaN or infinity; leave the item out", code="nan_vectors"
            )
        if normalize or angles:
            lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
            if not lengths.all():
                bad = start + int(np.flatnonzero(lengths == 0)[0])
                raise ClusteringError(
                    f"vectors: that of item {bad} is all zeros, which points nowhere; leave the item out, or set "
                    "metric euclidean and normalize false",
                    code="zero_vectors",
                )
            if normalize:
                part = (part / lengths[:, None]).astype(np.float32)
        made[start : start + len(part)] = part
    forget(rows)
    return made


def forget(rows: NDArray[np.floating]) -> None:
    """Give back the memory of pages that were read from a mapped file: they can be read again."""
    mapped = getattr(rows, "_mmap", None)
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def keep_first(x: Rows, keep: NDArray[np.bool_]) -> None:
    """Move the rows of `x` that are kept to its front and the others behind them, each in their order, in place."""
    reorder(x, np.concatenate([np.flatnonzero(keep), np.flatnonzero(~keep)]))


def reorder(x: Rows, order: NDArray[np.intp]) -> None:
    """`x[order]` in the place of `x`, a few columns at a time: it may be half of the memory there is."""
    width = max(1, BLOCK // max(len(x), 1))
    for start in range(0, x.shape[1], width):
        x[:, start : start + width] = x[order, start : start + width]


def lengths_of(x: Rows) -> NDArray[np.float32]:
    """(n,)"""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x)), np.float32)


def sums_of_units(x: Rows, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """`sums` of the rows at length 1."""
    total = np.zeros((k, x.shape[1]))
    step = block_rows(x.shape[1])
    for start in range(0, len(x), step):
        part = x[start : start + step]
        total += sums(part / lengths_of(part)[:, None], labels[start : start + step], k)
    return total


def sums(x: Rows, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, (k, d); rows of label -1 are in none."""
    from scipy.sparse import csr_array

    total = np.zeros((k, x.shape[1]))
    step = 8192  # rows whose sum in float32 is exact enough, added up in float64
    for start in range(0, len(x), step):
        part = labels[start : start + step]
        which = np.flatnonzero(part >= 0)
        one_hot = csr_array(
            (np.ones(len(which), np.float32), (part[which], which)), shape=(k, len(part)), dtype=np.float32
        )
        total += one_hot @ x[start : start + step]
    return total
