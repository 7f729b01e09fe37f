"""Diverse purposive samples: among the items with the highest scores, each draw is the farthest from those before it.

Farthest-first traversal (Gonzalez 1985): no other choice from the same candidates has a smallest distance more than
twice as large. The same items give the same draw in whatever order they come: they are ranked by score, equal scores by
a hash of the numbers of the vector, and equal vectors by id. Only items without ids that are equal in both go by their
order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.annotation.sampling import Draw, check_size, finite_scores
from models.errors import ClusteringError
from models.stopping import Check, unchecked

Rows = NDArray[np.floating]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
MOST_CANDIDATES = 100_000
MOST_COMPARISONS = 200_000_000  # candidates times size
CANDIDATE_BYTES = 2**28  # of their vectors in float32
COPY = 1e-6  # cosine distance up to which two vectors are those of copies: they may be from different batches
BATCH = 1024  # candidates whose distances are kept up to date
BLOCK = 2**20  # numbers that are looked at together


def diverse(
    vectors: Rows,
    size: int,
    *,
    diversity: float,
    scores: Sequence[float] | None = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    check: Check = unchecked,
) -> Draw:
    """Select `size` items with high scores that are far from one another, by cosine.

    The candidates are the size^(1 - diversity) · n^diversity items with the highest scores, and no more than the limits
    `MOST_CANDIDATES`, `CANDIDATE_BYTES` and `MOST_COMPARISONS` allow, but at least `size`. The first draw is the
    highest score, each further one the candidate farthest from its nearest drawn item. A copy of a drawn item is not
    drawn while others are left: where all candidates that are left are copies, the next ones by score are added.

    Parameters
    ----------
    vectors : (n, d), scaled to unit length here; may be memory-mapped.
    diversity : 0: the highest scores, without copies; 1: all items are candidates.
    scores : (n,); None: the candidates are drawn at random, by `seed`, so that 0 is a simple random sample without
        copies.
    ids : (n,), by which one of several items with the same vector and score is selected; None: the first.
    check : called between steps of less than a second; what it raises ends the computation.

    Returns
    -------
    Draw : `indexes` in the order in which they were drawn.

    Raises
    ------
    ClusteringError : invalid_size, invalid_scores, lengths_differ, bad_shape, nan_vectors, zero_vectors.
    """
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ClusteringError(
            f"vectors: got an array of shape {tuple(vectors.shape)}; give one of shape (items, dimension)", "bad_shape"
        )
    n, d = vectors.shape
    values = None if scores is None else finite_scores(scores)
    if values is not None and len(values) != n:
        raise ClusteringError(f"vectors: {n:,} for {len(values):,} scores; give one of each item", "lengths_differ")
    check_size(n, size)
    _check_rows(vectors, check)
    order = _ranked(vectors, values, ids, seed, check)
    wanted = round(size ** (1 - diversity) * n**diversity)
    most = max(size, min(MOST_CANDIDATES, CANDIDATE_BYTES // (4 * d), MOST_COMPARISONS // size))
    many = max(size, min(wanted, most, n))
    drawn, closest, looked_at, copies = _draw(vectors, order, size, many, check)
    repeated = size - len(drawn)
    if repeated:
        rest = order[~np.isin(order, drawn)]
        drawn = np.concatenate([drawn, rest[:repeated]])
    copies -= repeated
    distance = None if size == 1 else 0.0 if repeated else max(0.0, 1.0 - closest)
    best = "drawn at random" if values is None else "with the highest scores"
    chosen = f"all {n:,} items" if looked_at == n else f"the {looked_at:,} of {n:,} items {best}"
    lowest = "" if values is None else f" (the lowest is {values[order[:looked_at]].min():.4g})"
    remarks = [
        f"A purposive sample: its items were selected {'' if values is None else 'by their scores and '}to differ from "
        "one another, so figures computed from them do not describe the corpus. Use it to inspect items, or to find "
        "examples for training.",
        f"Diversity {diversity:g}: {chosen}{lowest} were candidates, and each draw is the candidate farthest from "
        "those before it.",
    ]
    if distance is not None:
        remarks.append(f"The smallest cosine distance between two drawn items is {distance:.4g}.")
    if wanted > most:
        remarks.append(
            f"Diversity {diversity:g} asks for {wanted:,} candidates; for {size:,} draws from vectors of {d} numbers "
            f"at most {most:,} are compared."
        )
    if copies:
        remarks.append(f"{copies:,} candidates that are copies of a drawn item were left out.")
    if repeated:
        remarks.append(
            f"Only {size - repeated:,} of {n:,} items differ from one another, so {repeated:,} of the drawn items are "
            "copies of others; a smaller size has none."
        )
    return Draw(
        design="purposive",
        n=n,
        indexes=drawn,
        inclusion_prob=None,
        fit_for_inference=False,
        remarks=tuple(remarks),
        candidates=looked_at,
        copies=copies,
        smallest_distance=distance,
    )


def _check_rows(vectors: Rows, check: Check) -> None:
    """Raise ClusteringError for NaN, infinity and vectors of zeros, naming the first such item."""
    for start, part in _blocks(vectors, None, check):
        for bad, problem, code in (
            (~np.isfinite(part).all(axis=1), "has NaN or infinity", "nan_vectors"),
            (~part.any(axis=1), "is all zeros and has no direction", "zero_vectors"),
        ):
            if bad.any():
                raise ClusteringError(
                    f"vectors: the vector of item {start + int(np.argmax(bad))} {problem}; leave the item out", code
                )


def _blocks(vectors: Rows, places: Int | None, check: Check) -> Iterator[tuple[int, Float32]]:
    """Blocks of the rows, or of those at `places`, in float32, with the place of the first."""
    step = max(1, BLOCK // vectors.shape[1])
    for start in range(0, len(vectors) if places is None else len(places), step):
        check()
        block = slice(start, start + step)
        with np.errstate(over="ignore"):  # a float64 outside float32 becomes infinite and is refused
            yield start, np.asarray(vectors[block if places is None else places[block]], np.float32)


def _ranked(
    vectors: Rows, scores: NDArray[np.float64] | None, ids: Sequence[str] | None, seed: int, check: Check
) -> Int:
    """All items, the best first, (n,): by score, then by a hash of the vector and the seed, then by id."""
    falling = np.zeros(len(vectors)) if scores is None else -scores
    order = np.argsort(falling, kind="stable")
    same = np.diff(falling[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    keys = _content_keys(vectors, order[tied], seed, check)
    by_key = np.lexsort((keys, falling[order[tied]]))
    order[tied] = order[tied][by_key]
    if ids is not None:
        keys = keys[by_key]
        same = (keys[1:] == keys[:-1]) & (np.diff(falling[order[tied]]) == 0)
        for run in np.split(tied, np.flatnonzero(~same) + 1):
            if len(run) > 1:
                order[run] = sorted(order[run].tolist(), key=ids.__getitem__)
    return order.astype(np.int64)


def _content_keys(vectors: Rows, places: Int, seed: int, check: Check) -> NDArray[np.uint64]:
    """A hash of each vector at `places`, equal for equal vectors."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 2**64, vectors.shape[1], np.uint64, endpoint=False) | np.uint64(1)
    keys = np.empty(len(places), np.uint64)
    for start, part in _blocks(vectors, places, check):
        bits = (part + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
        keys[start : start + len(part)] = (bits * factors).sum(axis=1, dtype=np.uint64)  # modulo 2**64
    return keys


def _draw(vectors: Rows, order: Int, size: int, many: int, check: Check) -> tuple[Int, float, int, int]:
    """The items drawn, fewer than `size` if the rest are copies; their highest cosine; candidates; copies left out."""
    drawn: list[int] = []
    centres = np.empty((size, vectors.shape[1]), np.float32)
    closest, looked_at, copies = -1.0, 0, 0
    while len(drawn) < size and looked_at < len(order):
        missing = size - len(drawn)
        chunk = order[looked_at : looked_at + -(-missing * many // size)]
        looked_at += len(chunk)
        traversal = Traversal(_units(vectors, chunk, check), centres, len(drawn), check)
        picked: list[int] = []
        while len(drawn) + len(picked) < size:
            check()
            place, cosine = traversal.next()
            if cosine >= 1 - COPY:
                copies += len(chunk) - len(picked)
                break
            closest = max(closest, cosine)
            traversal.take(place)
            picked.append(place)
        else:
            keys = _content_keys(vectors, chunk, 0, check)
            copies += int(np.isin(keys, keys[picked]).sum()) - len(picked)
        drawn += chunk[picked].tolist()
    return np.array(drawn, np.int64), closest, looked_at, copies


def _units(vectors: Rows, places: Int, check: Check) -> Float32:
    """The vectors at `places`, scaled to unit length."""
    units = np.empty((len(places), vectors.shape[1]), np.float32)
    for start, part in _blocks(vectors, places, check):
        wide = part.astype(np.float64)
        units[start : start + len(part)] = wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    return units


class Traversal:
    """Farthest-first traversal of unit vectors, (m, d), from centres.

    The highest cosine of a vector with the centres only rises, so an old one is a lower bound. A batch of the vectors
    with the lowest ones is kept up to date; the others are looked at again only when all of the batch have come above
    them. The result is that of comparing all vectors with each new centre.

    Parameters
    ----------
    centres : (k, d) with room for all that will be taken; the first `n` are there.
    """

    def __init__(self, units: Float32, centres: Float32, n: int, check: Check) -> None:
        self._units, self._centres, self._n, self._check = units, centres, n, check
        self._cosines = np.full(len(units), -np.inf, np.float32)  # the highest with the first `_seen` centres
        self._seen = np.zeros(len(units), np.intp)
        self._batch: NDArray[np.intp] = np.empty(0, np.intp)
        self._rows = units[:0]  # of the batch
        self._above = np.float32(-np.inf)  # the lowest bound outside of the batch

    def next(self) -> tuple[int, float]:
        """The place of the vector that is farthest from all centres, and its highest cosine with them."""
        if not self._n:
            return 0, -1.0
        self._update()
        while not len(self._batch) or self._cosines[self._batch].min() > self._above:
            self._check()
            m = len(self._units)
            lowest = np.argpartition(self._cosines, BATCH) if m > BATCH else np.arange(m)
            self._batch = np.sort(lowest[:BATCH])
            self._rows = self._units[self._batch]
            self._above = self._cosines[lowest[BATCH]] if m > BATCH else np.float32(np.inf)
            self._update()
        place = int(self._batch[np.argmin(self._cosines[self._batch])])
        return place, float(self._cosines[place])

    def take(self, place: int) -> None:
        """Make a vector a centre."""
        self._centres[self._n] = self._units[place]
        self._n += 1

    def _update(self) -> None:
        """Compare the batch with the centres that it has not been compared with."""
        if not len(self._batch):
            return
        since = int(self._seen[self._batch].min())
        if since < self._n:
            products = self._rows @ self._centres[since : self._n].T
            self._cosines[self._batch] = np.maximum(self._cosines[self._batch], products.max(axis=1))
            self._seen[self._batch] = self._n
