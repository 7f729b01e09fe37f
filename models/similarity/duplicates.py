"""Groups of duplicates: equal bytes, perceptual hashes a few bits apart, or embeddings with a high cosine.

All pairs are compared in blocks; neither a matrix nor a list of all pairs is held in memory.
"""

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ClusteringError
from models.images.perceptual import BITS, Hash, distance, hashes
from models.similarity.groups import (
    Bool,
    Bytes,
    Duplicates,
    Float,
    Int,
    Linkage,
    Within,
    checked_preference,
    groups_of,
    in_blocks,
    separated,
)
from models.similarity.neighbours import finite_rows, lengths, unit_rows
from models.similarity.outline import outline
from models.similarity.threshold import given, learned
from models.stopping import Check, unchecked

Float32 = NDArray[np.float32]
BLOCK_BYTES = 64 * 2**20
PAIRS_AT_ONCE = 2048


def exact(digests: Sequence[str | bytes], *, preference: ArrayLike | None = None) -> Duplicates:
    """Group items with the same digest, such as the SHA-256 of the file. Representatives as in `semantic`.

    Parameters
    ----------
    digests : (n,) all str or all bytes, in one spelling: "AB" and "ab" differ.
    """
    wanted = checked_preference(preference, len(digests))
    kinds = {type(digest) for digest in digests}
    empty = [at for at, digest in enumerate(digests) if not digest]
    if not (kinds <= {str} or kinds <= {bytes}) or empty:
        problem = f"item {empty[0]} has none" if empty else f"got types {sorted(kind.__name__ for kind in kinds)}"
        raise ClusteringError(f"digests: {problem}; give one for each item, all str or all bytes", "bad_digests")
    first: dict[str | bytes, int] = {}
    labels = np.array([first.setdefault(digest, at) for at, digest in enumerate(digests)], np.int64)
    groups = groups_of(lambda a, b: np.ones((len(a), len(b))), labels, wanted, "single")
    return Duplicates(kind="exact", threshold=1.0, linkage="single", n=len(digests), groups=groups)


def near(
    values: Sequence[int | None] | Hash,
    *,
    bits: int = 8,
    linkage: Linkage = "single",
    preference: ArrayLike | None = None,
    miniatures: Bytes | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Duplicates:
    """Group items whose perceptual hashes differ in at most `bits` of 64. Linkage and preference as in `semantic`.

    Parameters
    ----------
    bits : of Tux Paint's 796 stamps, 8 bits find 98 % again as a JPEG of quality 75, 99 % at half size, 97 % at 1.2
        times the brightness, 84 % with 2 % cropped off each side, no mirror image; of their 315,615 pairs, 28 are
        within 8 bits, nearly all drawn alike; from 10 on, birds match bats.
    values : (n,) of `perceptual_hash`. None, a flat image, is in no group and among the `unusable`.
    miniatures : as for `semantic`.
    """
    if not 0 <= bits < BITS // 2:
        raise ClusteringError(
            f"bits: got {bits}; from 0 (the same hash) to 31, and above 8 unrelated pictures begin to match",
            "bad_option",
        )
    found, known = hashes(values)
    wanted = checked_preference(preference, len(found))
    within: Within = lambda a, b: distance(found[a], found[b]) <= bits  # noqa: E731
    labels = _link(within, np.flatnonzero(known), wanted, linkage, block_bytes)
    labels, contents = separated(labels, wanted, miniatures, within, linkage)
    return Duplicates(
        kind="near",
        threshold=float(bits),
        linkage=linkage,
        n=len(found),
        groups=groups_of(lambda a, b: 1 - distance(found[a], found[b]) / BITS, labels, wanted, linkage),
        unusable=tuple(np.flatnonzero(~known).tolist()),
        **contents,
    )


def semantic(
    embeddings: ArrayLike,
    *,
    threshold: float | None = None,
    unrelated: float | None = None,
    linkage: Linkage = "single",
    preference: ArrayLike | None = None,
    miniatures: Bytes | None = None,
    block_bytes: int = BLOCK_BYTES,
    check: Check = unchecked,
) -> Duplicates:
    """Items whose embeddings have a cosine of at least `threshold`.

    Cosines are taken in float64 and rounded to 7 decimals; the float32 products of a block decide only those pairs that
    lie further from the threshold than their rounding error, so that groups don't depend on `block_bytes`.

    Parameters
    ----------
    embeddings : (n, d) float32, of any length but 0.
    threshold : lowest cosine of duplicates. None: learned from the corpus, see models.similarity.threshold.
    unrelated : the model's cosine of unrelated pictures, for a corpus that is too small to learn from.
    linkage : "single": connected components, which can chain: a like b and b like c puts a with c. The representative
        has the highest preference, then in groups of up to 256 such members the highest mean similarity to them, then
        the lowest index. "star": every member is within the threshold of its representative. In order of preference,
        then of index, an item that has no group yet represents one, and takes whatever is within the threshold and has
        none.
    preference : (n,) the highest in a group is kept: the image's area, say.
    miniatures : (n, BYTES) of `models.images.miniature`, zeros for an item without one: groups are then split where
        pictures of one layout have different content.
    block_bytes : about the memory used beside the embeddings and a scaled copy.
    check : called between blocks of pairs; what it raises ends the search.

    Raises
    ------
    ClusteringError : NaN, infinity or a vector of zeros; a threshold that is no cosine; a preference that does not fit.
    """
    if threshold is not None and not -1 <= threshold <= 1:
        raise ClusteringError(
            f"threshold: got {threshold}; it is a cosine, at most 1, and for near-copies 0.9 or more", "bad_option"
        )
    rows = finite_rows(embeddings, "embeddings")
    length = lengths(rows, "embeddings")
    unit = unit_rows(rows, length)
    rule = learned(unit, unrelated) if threshold is None else given(unit, threshold)
    cosine = _Cosine(rows, length, unit, rule.value)
    n = len(rows)
    wanted = checked_preference(preference, n)
    labels = _link(cosine.within, np.arange(n), wanted, linkage, block_bytes, check)
    labels, contents = separated(labels, wanted, miniatures, cosine.within, linkage)
    return Duplicates(
        kind="semantic",
        threshold=float(rule.value),
        linkage=linkage,
        n=n,
        groups=groups_of(cosine.similarity, labels, wanted, linkage),
        origin=rule.origin,
        method="exact",
        reason=rule.reason,
        **{**contents, "remarks": (*rule.remarks, *contents.get("remarks", ()))},
    )


class _Cosine:
    """Cosines of rows, compared with a threshold.

    Most pairs are refused by an upper bound of their cosine: the product of the first few principal components, and of
    the lengths of the rest, which is one coordinate more (`Outline`).
    """

    def __init__(self, rows: Float32, length: Float, unit: Float32, threshold: float) -> None:
        self.rows, self.lengths, self.unit = rows, length, unit
        self.threshold = threshold
        self.margin = (rows.shape[1] + 8) * 2.0**-24  # above a float32 product's error; see neighbours.py
        self.outline = outline(unit, threshold - self.margin)

    def within(self, left: Int, right: Int) -> Bool:
        if self.outline is not None:
            bound = self.outline[left] @ self.outline[right].T
            found: Bool = bound >= np.float32(self.threshold - self.margin)
            hits = np.flatnonzero(found)
            if len(hits) == 0:
                return found
            if len(hits) <= found.size // 32:
                rows, columns = np.divmod(hits, len(right))
                found.ravel()[hits] = self._each(left[rows], right[columns])
                return found
        products = self.unit[left] @ self.unit[right].T
        found = products >= self.threshold - self.margin
        if found.any():
            unsure = found & (products <= self.threshold + self.margin)
            rows, columns = np.flatnonzero(unsure.any(axis=1)), np.flatnonzero(unsure.any(axis=0))
            if len(rows):
                found[np.ix_(rows, columns)] = self.similarity(left[rows], right[columns]) >= self.threshold
        return found

    def _each(self, left: Int, right: Int) -> Bool:
        """Which pairs are within the threshold, (pairs,)."""
        found = np.empty(len(left), bool)
        for start in range(0, len(left), PAIRS_AT_ONCE):
            a, b = left[start : start + PAIRS_AT_ONCE], right[start : start + PAIRS_AT_ONCE]
            products = np.einsum("ij,ij->i", self.unit[a], self.unit[b])
            part = products >= self.threshold - self.margin
            unsure = np.flatnonzero(part & (products <= self.threshold + self.margin))
            a, b = a[unsure], b[unsure]
            exact = np.einsum("ij,ij->i", self.rows[a] / self.lengths[a, None], self.rows[b] / self.lengths[b, None])
            part[unsure] = exact.round(7) >= self.threshold
            found[start : start + PAIRS_AT_ONCE] = part
        return found

    def similarity(self, left: Int, right: Int) -> Float:
        a = self.rows[left] / self.lengths[left, None]
        b = self.rows[right] / self.lengths[right, None]
        return (a @ b.T).round(7)


def _link(
    within: Within, items: Int, wanted: Float, linkage: Linkage, block_bytes: int, check: Check = unchecked
) -> Int:
    """Labels (n,), equal within a group; under star linkage the label is the representative's index."""
    labels = np.arange(len(wanted))
    side = max(1, isqrt(block_bytes // 100))  # a pair that matches takes about 100 bytes while components are merged
    if linkage == "single":
        return _components(within, items, labels, side, check)
    if linkage == "star":
        return _stars(within, items[np.argsort(-wanted[items], kind="stable")], labels, side, check)
    raise ClusteringError(f'linkage: got {linkage!r}; it is "single" or "star"', "bad_option")


def _components(within: Within, items: Int, labels: Int, side: int, check: Check) -> Int:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    for at, left in in_blocks(items, side):
        for _, right in in_blocks(items[at:], side):
            check()
            found = within(left, right)
            if not found.any():
                continue
            found &= labels[left][:, None] != labels[right]  # one group already; also each item with itself
            rows, columns = np.nonzero(found)
            if len(rows):
                edges = labels[left[rows]], labels[right[columns]]
                graph = coo_array((np.ones(len(rows), np.float32), edges), shape=(len(labels), len(labels)))
                _, component = connected_components(graph, directed=False)
                labels = component.astype(np.int64)[labels]
    return labels


def _stars(within: Within, order: Int, labels: Int, side: int, check: Check) -> Int:
    free = np.zeros(len(labels), bool)
    free[order] = True
    for at, block in in_blocks(order, side):
        check()
        left = block[free[block]]
        inside = within(left, left)
        centres = []
        for item, hits in zip(left, inside, strict=True):
            if free[item]:
                taken = left[hits & free[left]]
                labels[taken], free[taken], free[item] = item, False, False
                centres.append(item)
        if not centres:
            continue
        for _, right in in_blocks(order[at + side :], side):
            check()
            rest = right[free[right]]
            hits = within(np.array(centres), rest)  # (centres, rest)
            hit = hits.any(axis=0)
            taken = rest[hit]
            labels[taken], free[taken] = np.array(centres)[hits.argmax(axis=0)[hit]], False
    return labels
