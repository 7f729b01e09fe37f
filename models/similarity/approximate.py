"""Semantic duplicates of millions of vectors by an inverted index, without a comparison of all pairs.

Vectors are assigned to cells by k-means (inverted file) and kept with 8 bits for each number (scalar quantizer), both
by faiss (Douze et al., "The Faiss library", 2024). Each vector is compared with those of its nearest cells, with a
margin for the rounding; pairs above it are compared again by their exact cosines. So no pair is wrong, and pairs whose
vectors lie in cells far apart are missed. A random sample of rows is compared with all others to count them. Equal rows
are grouped before, and only one of them is searched for.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ClusteringError
from models.similarity.groups import (
    Bytes,
    Duplicates,
    Float,
    Int,
    Linkage,
    Recall,
    checked_preference,
    groups_of,
    separated,
)
from models.similarity.pairs import MOST_PAIRS, Components, Rows, equal_rows, keys_of, starred
from models.similarity.threshold import given, learned
from models.stopping import Check

Float32 = NDArray[np.float32]
Report = Callable[[float, str], None]
PACKAGE = "faiss"
PROBES = 8  # cells that each vector is compared with
SAMPLE = 1000  # rows whose pairs are all computed
SAMPLE_PAIRS = 2**20  # pairs from which fewer rows are sampled
BLOCK = 2**22  # numbers of a block of vectors
HITS = 2**21  # pairs that one batch of queries is meant to give
MOST_QUERIES = 4096  # of a batch
FEWEST_OF_CELL = 64  # vectors for each cell, from which cells are learned
MOST_CELLS = 16_384
ROUNDS = 10  # of k-means


def available() -> bool:
    """Whether the package of the index is installed."""
    return find_spec(PACKAGE) is not None


def silent(progress: float, stage: str) -> None:
    """The report of a search that nobody watches."""


def approximate(
    rows: NDArray[Any],
    *,
    which: Int | None = None,
    lengths: Float | None = None,
    threshold: float | None = None,
    unrelated: float | None = None,
    linkage: Linkage = "single",
    preference: ArrayLike | None = None,
    miniatures: Bytes | None = None,
    probes: int = PROBES,
    seed: int = 0,
    threads: int = 1,
    report: Report = silent,
) -> Duplicates:
    """Items whose vectors have a cosine of at least `threshold`, of which some may be missed.

    Groups are those of `models.similarity.duplicates.semantic` where all pairs were found. They are the same for the
    same vectors, seed, machine and number of threads.

    Parameters
    ----------
    rows : (N, d) floats, which may be memory-mapped: they are read in blocks.
    which : (n,) ascending indexes of the rows to compare; None: all. The result's indexes are places in it.
    lengths : (N,) of `models.vectors.row_lengths`, if they are known.
    threshold, unrelated, linkage, preference, miniatures : as for `semantic`.
    probes : number of cells that each vector is compared with: more find more, and take longer.
    threads : number of threads of the index.
    report : called with the progress, 0 to 1, and the step, between steps; what it raises ends the search.

    Raises
    ------
    ClusteringError : missing_package without faiss; too_many_pairs; NaN, infinity or a vector of zeros; a threshold
        that is no cosine; a preference that does not fit.
    """
    if not available():
        raise ClusteringError(
            'method: "approximate" needs the package faiss on the server, of the extra daguerre-service[large]; '
            'install it, or send method "exact"',
            "missing_package",
        )
    if threshold is not None and not -1 <= threshold <= 1:
        raise ClusteringError(
            f"threshold: got {threshold}; it is a cosine, at most 1, and for near-copies 0.9 or more", "bad_option"
        )
    if linkage not in ("single", "star"):
        raise ClusteringError(f'linkage: got {linkage!r}; it is "single" or "star"', "bad_option")
    report(0.05, "looking for equal vectors")
    check: Check = lambda: report(0.05, "looking for equal vectors")  # noqa: E731
    every = Rows.of(rows, which, lengths, check)
    n = len(every)
    wanted = checked_preference(preference, n)
    first = equal_rows(every, check)
    distinct = np.flatnonzero(first == np.arange(n))
    some = every.chosen(distinct)
    rule = learned(every, unrelated) if threshold is None else given(every, threshold)
    search = _Search(some, float(rule.value), seed, threads, report)
    groups, recall = search.groups(linkage, _ranks(wanted, first, distinct), probes)
    labels = groups[np.searchsorted(distinct, first)]
    if linkage == "star":  # the label is the item that is kept: of equal rows, the one that is preferred
        labels = _kept(wanted, first)[distinct[labels]]
    report(0.95, "grouping")
    within = lambda left, right: every.similarity(left, right) >= rule.value  # noqa: E731
    labels, contents = separated(labels, wanted, miniatures, within, linkage)
    return Duplicates(
        kind="semantic",
        threshold=float(rule.value),
        linkage=linkage,
        n=n,
        groups=groups_of(every.similarity, labels, wanted, linkage),
        origin=rule.origin,
        reason=rule.reason,
        method="approximate",
        recall=recall,
        **{**contents, "remarks": (*rule.remarks, _remark(recall, n - len(distinct)), *contents.get("remarks", ()))},
    )


def _kept(wanted: Float, first: Int) -> Int:
    """For each item the one of the items equal to it that has the highest preference, then the lowest index, (n,)."""
    order = np.lexsort((np.arange(len(first)), -wanted, first))
    found = np.empty(len(first), np.int64)
    heads = np.flatnonzero(np.diff(first[order], prepend=-1))
    found[first[order[heads]]] = order[heads]
    return found[first]


def _ranks(wanted: Float, first: Int, distinct: Int) -> Int:
    """The order in which distinct rows become representatives, (distinct,): by preference, then by index."""
    kept = _kept(wanted, first)[distinct]
    return np.lexsort((kept, -wanted[kept]))


def _remark(recall: Recall, equal: int) -> str:
    text = (
        "approximate: each vector was compared with those of the nearest cells of an index, so that pairs can be missed"
    )
    if recall.pairs == 0:
        share = f"{recall.rows:,} random rows have no pair within the threshold, so that the share found is not known"
    else:
        share = f"of {recall.pairs:,} pairs of {recall.rows:,} random rows, {recall.found:,} were found"
    return f"{text}; {share}" + (f"; {equal:,} items equal others and were found by that" if equal else "")


class _Search:
    """An index of distinct rows, and the search for their pairs."""

    def __init__(self, rows: Rows, threshold: float, seed: int, threads: int, report: Report) -> None:
        self.rows, self.threshold, self.report = rows, threshold, report
        self.margin = (rows.dimension + 8) * 2.0**-24  # above a float32 product's error
        self.rng = np.random.default_rng(seed)
        self.seed, self.threads = seed, threads

    def groups(self, linkage: Linkage, order: Int, probes: int) -> tuple[Int, Recall]:
        """Labels of the rows, (n,), under star linkage those of representatives; and the share found of a sample."""
        n = len(self.rows)
        sample, known = self._sampled()
        if n < 2:
            return np.arange(n), Recall(rows=len(sample), pairs=0, found=0)
        mask = np.zeros(n, bool)
        mask[sample] = True
        components = Components(n)
        edges: list[Int] = []  # keys of pairs, for star linkage
        held = 0
        seen: list[Int] = []  # keys of pairs of the sample that were found
        for left, right in self._hits(self._index(probes)):
            watched = mask[left] | mask[right]
            if linkage == "single":
                useful = components.apart(left, right) | watched
                left, right, watched = left[useful], right[useful], watched[useful]
            good = self.rows.within(left, right, self.threshold)
            left, right, watched = left[good], right[good], watched[good]
            seen.append(keys_of(left[watched], right[watched], n))
            if linkage == "single":
                components.join(left, right)
            else:
                edges.append(keys_of(left, right, n))
                held += len(edges[-1])
                if held > 2 * MOST_PAIRS:
                    edges = [np.unique(np.concatenate(edges))]
                    held = len(edges[0])
                    if held > MOST_PAIRS:
                        raise ClusteringError(
                            f"threshold: more than {MOST_PAIRS:,} pairs have a cosine of at least "
                            f"{self.threshold:g}, which star linkage cannot hold; choose a higher threshold, or "
                            'linkage "single"',
                            "too_many_pairs",
                        )
        found = np.intersect1d(known, np.unique(np.concatenate([*seen, np.empty(0, np.int64)])), assume_unique=True)
        recall = Recall(rows=len(sample), pairs=len(known), found=len(found))
        if linkage == "single":
            return components.labels(), recall
        return starred(np.unique(np.concatenate([*edges, np.empty(0, np.int64)])), n, order), recall

    def _sampled(self) -> tuple[Int, Int]:
        """Random rows, and the keys of all their pairs within the threshold."""
        n = len(self.rows)
        sample = self.rng.choice(n, min(SAMPLE, n), replace=False)
        unit = self.rows[sample]
        lefts, rights = [np.empty(0, np.int64)], [np.empty(0, np.int64)]  # places in the sample, and rows
        count = 0
        for start, block in self._blocks("comparing a sample with all", 0.05, 0.15):
            left, right = np.nonzero(unit[: len(sample)] @ block.T >= np.float32(self.threshold - self.margin))
            right = right + start
            apart = sample[left] != right
            left, right = left[apart], right[apart]
            good = self.rows.within(sample[left], right, self.threshold)
            lefts.append(left[good])
            rights.append(right[good])
            count += int(good.sum())
            while count > SAMPLE_PAIRS and len(sample) > 1:
                sample = sample[: len(sample) // 2]
                left, right = np.concatenate(lefts), np.concatenate(rights)
                kept = left < len(sample)
                lefts, rights, count = [left[kept]], [right[kept]], int(kept.sum())
        left, right = sample[np.concatenate(lefts)], np.concatenate(rights)
        return sample, np.unique(keys_of(left, right, n))

    def _blocks(self, stage: str, low: float, high: float) -> Iterator[tuple[int, Float32]]:
        """Blocks of unit vectors with the place of the first, and reports of the progress."""
        n = len(self.rows)
        step = max(1, BLOCK // self.rows.dimension)
        for start in range(0, n, step):
            self.report(low + (high - low) * start / n, stage)
            yield start, self.rows[start : start + step]
            self.rows.forget()

    def _index(self, probes: int) -> Any:
        import faiss

        n, d = len(self.rows), self.rows.dimension
        cells = int(np.clip(2 ** round(np.log2(max(1.0, n**0.5))), 1, min(MOST_CELLS, max(1, n // FEWEST_OF_CELL))))
        faiss.omp_set_num_threads(self.threads)
        index: Any = faiss.index_factory(d, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.niter, index.cp.spherical = self.seed + 1, ROUNDS, True
        index.cp.min_points_per_centroid = 1  # no warning of a few points
        self.report(0.15, f"learning {cells:,} cells")
        learnt_from = np.sort(self.rng.choice(n, min(n, FEWEST_OF_CELL * cells), replace=False))
        index.train(self.rows[learnt_from])
        for _, block in self._blocks("adding vectors to the index", 0.25, 0.4):
            index.add(block)
        index.nprobe = min(probes, cells)
        return index

    def _hits(self, index: Any) -> Iterator[tuple[Int, Int]]:
        """Pairs that may lie within the threshold, as places of rows: most of them twice, from both sides."""
        n = len(self.rows)
        radius = self.threshold - self._slack(index)
        order = self.rng.permutation(n)
        start, size = 0, 64
        while start < n:
            self.report(0.4 + 0.55 * start / n, "comparing vectors of the same cells")
            asked = np.sort(order[start : start + size])
            limits, _, found = index.range_search(self.rows[asked], radius)
            counts = np.diff(limits.astype(np.int64))
            left, right = np.repeat(asked, counts), found.astype(np.int64)
            apart = left != right
            yield left[apart], right[apart]
            start += len(asked)
            size = int(np.clip(HITS * len(asked) // max(1, len(found)), 1, min(MOST_QUERIES, 4 * size)))
            self.rows.forget()

    def _slack(self, index: Any) -> float:
        """The largest error of a product of the index, among those of up to 1,000 rows with each other."""
        some = self.rows[np.sort(self.rng.choice(len(self.rows), min(1000, len(self.rows)), replace=False))]
        errors = some - index.sa_decode(index.sa_encode(some))
        return float(np.abs(some @ errors.T).max()) + 1e-5
