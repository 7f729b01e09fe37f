"""Average linkage by cosine, exact, in memory that grows with the number of faces and not with its square.

The mean cosine of all pairs of two groups of unit vectors is the product of the means of the groups. Groups that are
each other's nearest are merged at once, which gives the groups of the usual order of merges, since no merged group is
nearer to a third one than the nearer of its parts was (Bruynooghe 1977; Murtagh 1983, Comput. J. 26:354). A group whose
nearest lies below the threshold is final for the same reason. Both stay true where some groups must not be merged.
Where few groups are each other's nearest, the chain of nearest neighbours goes on, at most three searches a group.

Products in single precision choose candidates, which are compared in double precision.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.stopping import Check, unchecked

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
CELLS = 2**23  # cosines of a block
GATHERED = 2**15  # candidates that are compared at once
BARRED = 2**24  # groups that are left out between two checks
UNION = 64  # groups that cost as much as the call for a set of them
UNIONS = 2**22  # groups in the unions of sets that are kept
ROUNDING = 1e-12  # cosines that differ by less are equal
NONE = np.empty(0, np.int64)
PRODUCTIVE = 8  # searches for one merge, above which the chain takes over


def linked(
    units: Float,
    start: Int,
    threshold: float,
    *,
    apart: Sequence[Int] = (),
    check: Check = unchecked,
) -> Int:
    """The groups of average linkage, cut where the highest mean cosine of two groups is below `threshold`.

    Parameters
    ----------
    units : (n, d) vectors of length 1.
    start : (n,) the groups from which the linkage starts, 0 to k - 1.
    apart : sets of those groups, each two of which are never merged.
    check : called between steps of less than a second.

    Returns
    -------
    The group of each face, (n,), numbered from 0 on in no particular order.
    """
    work = _Groups(units, start, apart)
    searched = merged = 0
    todo = np.arange(work.size)
    nearest, cosine = np.zeros(work.size, np.int64), np.full(work.size, -np.inf)
    while len(todo):
        nearest[todo], cosine[todo] = work.search(todo, check)
        searched += len(todo)
        going = work.alive & (cosine >= threshold - ROUNDING)
        mutual = going & (nearest[nearest] == np.arange(work.size)) & (np.arange(work.size) < nearest)
        pairs = np.flatnonzero(mutual)
        if not len(pairs):
            break
        gone = np.zeros(work.size, bool)
        for i in pairs.tolist():
            j = int(nearest[i])
            work.merge(i, j)
            gone[[i, j]] = True
        merged += len(pairs)
        work.drop(np.flatnonzero(~going))
        if searched > 2 * len(start) + PRODUCTIVE * merged:
            break
        todo = np.flatnonzero(work.alive & (gone | gone[nearest]))
        if 2 * work.alive.sum() < work.size:
            new = work.compact()
            kept = np.flatnonzero(new >= 0)
            nearest, cosine = new[nearest[kept]], cosine[kept]
            todo = new[todo]
    _chain(work, threshold, check)
    return work.labels()


def _chain(work: "_Groups", threshold: float, check: Check) -> None:
    """Merge the groups that are left by the chain of nearest neighbours."""
    stack: list[int] = []
    first = 0
    while True:
        if not stack:
            if 2 * work.alive.sum() < work.size:
                work.compact()
                first = 0
            left = np.flatnonzero(work.alive[first:])
            if not len(left):
                return
            first += int(left[0])
            stack.append(first)
        top = stack[-1]
        (near,), (value,) = work.search(np.array([top]), check)
        if not value >= threshold - ROUNDING:
            work.drop(np.array([top]))
            stack.pop()
        elif len(stack) > 1 and work.cosine(top, stack[-2]) >= value - ROUNDING:
            low, high = sorted((top, stack[-2]))
            work.merge(low, high)
            del stack[-2:]
            first = min(first, low)
        else:
            stack.append(int(near))


class _Groups:
    """Groups with their means; those that are merged into others, or are final, are no longer `alive`."""

    def __init__(self, units: Float, start: Int, apart: Sequence[Int]) -> None:
        k = int(start.max()) + 1
        self.start = start
        self.counts = np.bincount(start, minlength=k).astype(np.float64)
        self.means = sums_of(units, start, k) / self.counts[:, None]
        self.small = self.means.astype(np.float32)
        self.alive = np.ones(k, bool)
        self.origin = np.arange(k)  # a group of `start` by which each is known
        self.place = np.arange(k)  # of each group of `start` that another is known by
        self.into = np.arange(k)  # the group of `start` that each was merged into
        self.sets: dict[int, set[int]] = {}
        self.holders: list[set[int]] = [set(map(int, each)) for each in apart]
        for number, each in enumerate(self.holders):
            for group in each:
                self.sets.setdefault(group, set()).add(number)

    @property
    def size(self) -> int:
        return len(self.means)

    def search(self, which: Int, check: Check) -> tuple[Int, Float]:
        """The group with the highest mean cosine to each of `which`, and that cosine; -inf without any."""
        closed = np.flatnonzero(~self.alive)
        places: dict[int, Int] = {}
        unions: dict[frozenset[int], Int] = {}
        kept = cells = 0

        def barred(row: int) -> Int:
            nonlocal kept, cells
            numbers = frozenset(self.sets.get(int(self.origin[which[row]]), ()))
            if not numbers:
                return NONE
            found = unions.get(numbers)
            if found is None:
                for number in numbers - places.keys():
                    places[number] = self.place[sorted(self.holders[number])]
                mask = np.zeros(self.size, bool)
                for number in numbers:
                    mask[places[number]] = True
                    cells += len(places[number]) + UNION
                found = np.flatnonzero(mask)
                if kept < UNIONS:
                    unions[numbers] = found
                    kept += len(found)
            cells += len(found) + UNION
            if cells > BARRED:
                cells = 0
                check()
            return found

        out = barred if self.sets else None
        return highest(
            self.means, self.small, self.means, self.small, which, own=which, closed=closed, barred=out, check=check
        )

    def cosine(self, i: int, j: int) -> float:
        return float(self.means[i] @ self.means[j])

    def merge(self, i: int, j: int) -> None:
        """Merge group j into group i."""
        n, m = self.counts[i], self.counts[j]
        self.means[i] = (n * self.means[i] + m * self.means[j]) / (n + m)
        self.small[i] = self.means[i]
        self.counts[i] = n + m
        self.alive[j] = False
        keep, lost = int(self.origin[i]), int(self.origin[j])
        self.into[lost] = keep
        for number in self.sets.pop(lost, ()):
            self.holders[number].discard(lost)
            self.holders[number].add(keep)
            self.sets.setdefault(keep, set()).add(number)

    def drop(self, which: Int) -> None:
        """Leave final groups out of later searches."""
        self.alive[which] = False

    def compact(self) -> Int:
        """Keep the groups that are alive, in their order; the new index of each, -1 for those that are not kept."""
        kept = np.flatnonzero(self.alive)
        new = np.full(self.size, -1)
        new[kept] = np.arange(len(kept))
        for number, group in enumerate(self.origin.tolist()):
            if new[number] < 0 and group in self.sets and self.into[group] == group:
                for each in self.sets.pop(group):  # it is final, so that nobody has to be kept from it
                    self.holders[each].discard(group)
        self.means, self.small, self.counts = self.means[kept], self.small[kept], self.counts[kept]
        self.origin, self.alive = self.origin[kept], self.alive[kept]
        self.place[self.origin] = np.arange(len(kept))
        return new

    def labels(self) -> Int:
        into = self.into
        while not np.array_equal(into, into[into]):
            into = into[into]
        return np.unique(into[self.start], return_inverse=True)[1].astype(np.int64)


def highest(
    queries: Float,
    small_queries: Float32,
    rows: Float,
    small_rows: Float32,
    which: Int,
    *,
    own: Int | None = None,
    closed: Int | None = None,
    barred: Callable[[int], Int] | None = None,
    check: Check = unchecked,
) -> tuple[Int, Float]:
    """The row with the highest product with each query, the lowest one of equal ones, and the product.

    Parameters
    ----------
    queries, rows : (m, d) and (n, d), no longer than 1; `small_…` are the same in single precision.
    which : (q,) indices of queries.
    own : (q,) a row for each of `which` that is left out.
    closed : rows that are left out of all.
    barred : gives the rows that are left out for a place in `which`.

    Returns
    -------
    (q,) indices of rows, and products, -inf for a query for which no row is left.
    """
    n, d = small_rows.shape
    margin = np.float32(2 * (d + 4) * 2**-24)
    found, value = np.zeros(len(which), np.int64), np.full(len(which), -np.inf)
    height = max(1, CELLS // max(1, n))
    for at in range(0, len(which), height):
        check()
        part = which[at : at + height]
        block = small_queries[part] @ small_rows.T
        if closed is not None:
            block[:, closed] = -np.inf
        if own is not None:
            block[np.arange(len(part)), own[at : at + height]] = -np.inf
        if barred is not None:
            for i in range(len(part)):
                block[i, barred(at + i)] = -np.inf
        best = block.max(axis=1)
        best[best == -np.inf] = np.inf  # for these nothing is a candidate
        row, column = np.nonzero(block >= (best - margin)[:, None])
        exact = np.empty(len(row))
        for first in range(0, len(row), GATHERED):
            some = slice(first, first + GATHERED)
            exact[some] = np.einsum("ij,ij->i", queries[part[row[some]]], rows[column[some]])
        order = np.lexsort((column, -exact, row))
        row, first_of = np.unique(row[order], return_index=True)
        found[at + row], value[at + row] = column[order][first_of], exact[order][first_of]
    return found, value


def sums_of(units: Float, labels: Int, k: int) -> Float:
    """The sums of the vectors of each of k groups, (k, d), added in the order of the rows."""
    total = np.zeros((k, units.shape[1]))
    np.add.at(total, labels, units)
    return total
