"""Checks, copies and sums of the vectors to cluster, block by block."""

import mmap

import numpy as np
from numpy.typing import NDArray

from models.errors import ClusteringError

Rows = NDArray[np.float32]
BLOCK = 2**24  # numbers of a block: 64 MiB
SHORTEST, LONGEST = 1e-15, 1e15  # of vectors that are not scaled: float32 holds their squares


def block_rows(width: int) -> int:
    """Number of rows of `width` numbers in a block."""
    return max(1, BLOCK // max(width, 1))


def prepare(rows: NDArray[np.floating], *, normalize: bool, angles: bool) -> Rows:
    """Check and copy `rows` (n, d) to float32, block by block: they may be memory-mapped.

    Parameters
    ----------
    normalize : scale each row to unit length.
    angles : whether the rows will be compared by cosine, which is undefined for a vector of zeros.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items, invalid_option; names the first such row.
    """
    if rows.ndim != 2 or not len(rows) or not rows.shape[1]:
        raise ClusteringError(
            f"vectors: got an array of shape {tuple(rows.shape)}; give one of shape (items, dimension), not empty",
            "too_few_items",
        )
    n, d = rows.shape
    copy = np.empty((n, d), np.float32)
    for start in range(0, n, block_rows(d)):
        part = np.asarray(rows[start : start + block_rows(d)], np.float32)
        finite = np.isfinite(part).all(axis=1)
        if not finite.all():
            bad = start + int(np.flatnonzero(~finite)[0])
            raise ClusteringError(
                f"vectors: the vector of item {bad} has NaN or infinity; leave the item out", "nan_vectors"
            )
        if normalize or angles:
            lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
            if not lengths.all():
                bad = start + int(np.flatnonzero(lengths == 0)[0])
                raise ClusteringError(
                    f"vectors: the vector of item {bad} is all zeros and has no direction; leave the item out, or set "
                    "metric to euclidean and normalize to false",
                    "zero_vectors",
                )
            if not normalize and (short := np.flatnonzero(lengths < SHORTEST)).size:
                raise _out_of_range(start + int(short[0]), float(lengths[short[0]]))
            if normalize:
                part = (part / lengths[:, None]).astype(np.float32)
        if (long := np.flatnonzero(np.abs(part).max(axis=1) > LONGEST)).size:
            raise _out_of_range(start + int(long[0]), float(np.abs(part[long[0]]).max()))
        copy[start : start + len(part)] = part
    forget(rows)
    return copy


def _out_of_range(index: int, size: float) -> ClusteringError:
    return ClusteringError(
        f"vectors: the vector of item {index} has numbers of about {size:.0e}, whose squares float32 cannot hold; set "
        "normalize to true, or scale the vectors",
        "invalid_option",
    )


def forget(rows: NDArray[np.floating]) -> None:
    """Release the memory of the pages of a memory-mapped array; they can be read again."""
    mapped = getattr(rows, "_mmap", None)
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def order_by_content(x: Rows) -> NDArray[np.intp]:
    """An order of the rows, (n,), that depends on their numbers alone and not on the order in which they came."""
    factors = np.random.default_rng(0).integers(0, 2**64, x.shape[1], np.uint64, endpoint=False) | np.uint64(1)
    keys = np.empty(len(x), np.uint64)
    step = block_rows(x.shape[1])
    for start in range(0, len(x), step):
        part = (x[start : start + step] + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
        keys[start : start + step] = (part * factors).sum(axis=1, dtype=np.uint64)  # modulo 2**64
    return np.argsort(keys, kind="stable")


def keep_first(x: Rows, keep: NDArray[np.bool_]) -> None:
    """Move the rows of `x` that are kept to its front and the others behind them, in place and in their order."""
    reorder(x, np.concatenate([np.flatnonzero(keep), np.flatnonzero(~keep)]))


def reorder(x: Rows, order: NDArray[np.intp]) -> None:
    """Replace `x` by `x[order]`, a few columns at a time: `x` may take half of the memory."""
    width = max(1, BLOCK // max(len(x), 1))
    for start in range(0, x.shape[1], width):
        x[:, start : start + width] = x[order, start : start + width]


def lengths_of(x: Rows) -> NDArray[np.float32]:
    """Euclidean lengths of the rows, (n,)."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x)), np.float32)


def sums_of_units(x: Rows, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, scaled to length 1: (k, d)."""
    total = np.zeros((k, x.shape[1]))
    step = block_rows(x.shape[1])
    for start in range(0, len(x), step):
        part = x[start : start + step]
        total += sums(part / lengths_of(part)[:, None], labels[start : start + step], k)
    return total


def sums(x: Rows, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, (k, d); rows with label -1 are left out."""
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
