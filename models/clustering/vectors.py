"""Checks, copies and sums of the vectors to cluster, block by block."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import ROWS, Data, Held, Rows, Source, Stored, View
from models.clustering.options import HELD
from models.errors import ClusteringError
from models.vectors import forget

BLOCK = 2**24  # numbers of a block: 64 MiB
SHORTEST, LONGEST = 1e-15, 1e15  # of vectors that are not scaled: float32 holds their squares


def block_rows(width: int) -> int:
    """Number of rows of `width` numbers in a block."""
    return max(1, BLOCK // max(width, 1))


def prepare(
    rows: NDArray[np.floating], *, normalize: bool, angles: bool, which: NDArray[np.intp] | None = None
) -> Rows:
    """Check and copy `rows` (n, d), or `which` of them, to float32, block by block: they may be memory-mapped.

    Parameters
    ----------
    normalize : scale each row to unit length.
    angles : whether the rows will be compared by cosine, which is undefined for a vector of zeros.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items, invalid_option; names the first such row.
    """
    copy = np.empty(_shape(rows, which), np.float32)
    _fill(copy, rows, which, normalize=normalize, angles=angles)
    return copy


def store(
    rows: NDArray[np.floating],
    path: Path,
    *,
    normalize: bool,
    angles: bool,
    which: NDArray[np.intp] | None = None,
) -> Source:
    """The same as `prepare` for vectors that may not fit the memory: from HELD bytes on the copy is the file `path`."""
    shape = _shape(rows, which)
    if 4 * shape[0] * shape[1] <= HELD:
        return Held(prepare(rows, normalize=normalize, angles=angles, which=which))
    copy = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    _fill(copy, rows, which, normalize=normalize, angles=angles)
    return Stored(path, shape)


def _shape(rows: NDArray[np.floating], which: NDArray[np.intp] | None) -> tuple[int, int]:
    if rows.ndim != 2 or not len(rows) or not rows.shape[1]:
        raise ClusteringError(
            f"vectors: got an array of shape {tuple(rows.shape)}; give one of shape (items, dimension), not empty",
            "too_few_items",
        )
    return len(rows) if which is None else len(which), rows.shape[1]


def _fill(
    copy: Rows, rows: NDArray[np.floating], which: NDArray[np.intp] | None, *, normalize: bool, angles: bool
) -> None:
    for start in range(0, len(copy), ROWS):
        place = slice(start, min(start + ROWS, len(copy)))
        part = np.asarray(rows[place if which is None else which[place]], np.float32)
        copy[place] = _checked(
            part, normalize, angles, np.arange(place.start, place.stop) if which is None else which[place]
        )
        forget(copy)
        forget(rows)


def _checked(part: Rows, normalize: bool, angles: bool, places: NDArray[np.intp]) -> Rows:
    """A block, scaled where `normalize`; `places` are the indexes of its rows for errors."""
    finite = np.isfinite(part).all(axis=1)
    if not finite.all():
        bad = int(places[~finite][0])
        raise ClusteringError(
            f"vectors: the vector of item {bad} has NaN or infinity; leave the item out", "nan_vectors"
        )
    if normalize or angles:
        lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
        if not lengths.all():
            bad = int(places[lengths == 0][0])
            raise ClusteringError(
                f"vectors: the vector of item {bad} is all zeros and has no direction; leave the item out, or set "
                "metric to euclidean and normalize to false",
                "zero_vectors",
            )
        if not normalize and (short := np.flatnonzero(lengths < SHORTEST)).size:
            raise _out_of_range(int(places[short[0]]), float(lengths[short[0]]))
        if normalize:
            part = (part / lengths[:, None]).astype(np.float32)
    if (long := np.flatnonzero(np.abs(part).max(axis=1) > LONGEST)).size:
        raise _out_of_range(int(places[long[0]]), float(np.abs(part[long[0]]).max()))
    return part


def _out_of_range(index: int, size: float) -> ClusteringError:
    return ClusteringError(
        f"vectors: the vector of item {index} has numbers of about {size:.0e}, whose squares float32 cannot hold; set "
        "normalize to true, or scale the vectors",
        "invalid_option",
    )


def order_by_content(x: Data) -> NDArray[np.intp]:
    """An order of the rows, (n,), that depends on their numbers alone and not on the order in which they came."""
    factors = np.random.default_rng(0).integers(0, 2**64, x.shape[1], np.uint64, endpoint=False) | np.uint64(1)
    keys = View.of(x).each(_keys, factors, dtype=np.uint64)
    return np.argsort(keys, kind="stable")


def _keys(part: Rows, factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    numbers = (part + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    return np.asarray((numbers * factors).sum(axis=1, dtype=np.uint64))  # modulo 2**64


def lengths_of(x: Rows) -> NDArray[np.float32]:
    """Euclidean lengths of the rows, (n,)."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x)), np.float32)


def are_units(x: Data) -> bool:
    """Whether all rows have length 1 but for rounding."""
    return all(View.of(x).map(_are_units))


def _are_units(part: Rows) -> bool:
    return bool(np.abs(lengths_of(part) - 1).max() < 1e-5)


def sums_of_units(x: Data, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, scaled to length 1: (k, d)."""
    return _total(View.of(x).map(_sums_of_units, k, along=(labels,)), (k, x.shape[1]))


def sums(x: Data, labels: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, (k, d); rows with label -1 are left out."""
    return _total(View.of(x).map(sums_of_block, k, along=(labels,)), (k, x.shape[1]))


def _total(parts: Iterable[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.float64]:
    total = np.zeros(shape)
    for part in parts:
        total += part
    return total


def _sums_of_units(x: Rows, k: int, labels: NDArray[np.intp]) -> NDArray[np.float64]:
    return sums_of_block(x / lengths_of(x)[:, None], k, labels)


def sums_of_block(
    x: Rows, k: int, labels: NDArray[np.intp], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Sums of the rows of each cluster of one block, (k, d), in float64; rows with label -1 are left out."""
    from scipy.sparse import csr_array

    which = np.flatnonzero(labels >= 0)
    counted = np.ones(len(which)) if weights is None else weights[which]
    one_hot = csr_array((counted, (labels[which], which)), shape=(k, len(x)))
    return np.asarray(one_hot @ x)
