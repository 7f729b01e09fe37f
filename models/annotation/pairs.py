"""Pairs of items for people to code ("do these two belong together?"), each with its inclusion probability.

Strata are pairs that share a cluster (within), that share none (between) and, of several clusterings, those on which
they differ (disputed): so one coded set compares them all. No list of all pairs is made.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.annotation.sampling import quotas_of, rounded
from models.errors import ClusteringError

Unclustered = Literal["singletons", "exclude"]
Ints = NDArray[np.int64]
MOST = 8  # clusterings at once
TRIES = 400  # rounds of drawing until a stratum counts as too small for what is asked of it


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two items, a < b; `cluster` of a within pair of a single clustering."""

    a: int
    b: int
    stratum: str
    cluster: int | None
    inclusion_prob: float


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs in random order, and for each stratum the pairs there are and those drawn."""

    pairs: tuple[Pair, ...]
    n: int
    population: Mapping[str, int]
    drawn: Mapping[str, int]
    remarks: tuple[str, ...]


def draw_pairs(
    clusterings: Mapping[str, NDArray[np.integer]],
    within: int,
    between: int,
    *,
    disputed: int = 0,
    unclustered: Unclustered = "singletons",
    allocation: Literal["proportional", "equal"] = "proportional",
    seed: int = 0,
) -> Pairs:
    """Draw pairs without replacement.

    Parameters
    ----------
    clusterings : by name, (n,) each: the cluster of each item, -1 for none.
    within, between, disputed : pairs that are together in all, in none, in some but not all.
    unclustered : an item of -1 is a cluster by itself, or is not drawn (nor counted).
    allocation : of one clustering's within pairs: each pair alike, or each cluster the same number on average.

    Raises
    ------
    ClusteringError : lengths_differ, invalid_option, too_few_pairs.
    """
    given = [np.asarray(labels, np.int64) for labels in clusterings.values()]
    if not given or len({len(each) for each in given}) != 1:
        raise ClusteringError(
            "clusterings: " + (" and ".join(str(len(each)) for each in given) or "no") + " items; give each item's "
            "cluster in every clustering",
            code="lengths_differ",
        )
    if len(given) > MOST:
        raise ClusteringError(f"clusterings: {len(given)}, at most {MOST} at once", code="invalid_option")
    if len(given) > 1 and allocation == "equal":
        raise ClusteringError(
            "allocation: equal is of one clustering's clusters; use proportional with several", code="invalid_option"
        )
    n = len(given[0])
    kept = np.arange(n)
    if unclustered == "exclude":
        kept = np.flatnonzero(np.all([each >= 0 for each in given], axis=0))
    parts = [_whole(each[kept]) for each in given]
    drawer = _Drawer(parts, seed)
    asked = {"within": within, "between": between, "disputed": disputed}
    population = drawer.population()
    for name, count in asked.items():
        if count > population[name]:
            raise ClusteringError(
                f"{name}: {count} pairs asked for, there are {population[name]:,}; ask for fewer", code="too_few_pairs"
            )
    found: list[Pair] = []
    for name, count in asked.items():
        if not count:
            continue
        if name == "within" and allocation == "equal":
            found += _equal(drawer, given[0][kept], kept, count, seed)
            continue
        probability = count / population[name]
        for a, b in drawer.draw(name, count, population[name]):
            own = int(given[0][kept[a]]) if name == "within" and len(given) == 1 else None
            found.append(_pair(kept, a, b, name, own, probability))
    random.Random(seed).shuffle(found)
    remarks = []
    left_out = n - len(kept)
    if left_out:
        remarks.append(f"{left_out:,} items that are in no cluster were not drawn: figures are of the others.")
    elif any((each < 0).any() for each in given):
        remarks.append("An item in no cluster counts as a cluster by itself.")
    if not between:
        remarks.append("No pairs between clusters: precision can be estimated from these, recall cannot.")
    if len(given) > 1 and not disputed and population["disputed"]:
        remarks.append(
            "No disputed pairs: how the clusterings differ cannot be seen from these, nor their precision or recall "
            "estimated without bias."
        )
    return Pairs(pairs=tuple(found), n=n, population=population, drawn=asked, remarks=tuple(remarks))


def _pair(kept: Ints, a: int, b: int, stratum: str, cluster: int | None, probability: float) -> Pair:
    low, high = sorted((int(kept[a]), int(kept[b])))
    return Pair(a=low, b=high, stratum=stratum, cluster=cluster, inclusion_prob=probability)


def _whole(labels: Ints) -> Ints:
    """Clusters as 0 to k-1, an item of -1 as one of its own."""
    labels = labels.copy()
    alone = np.flatnonzero(labels < 0)
    labels[alone] = labels.max(initial=-1) + 1 + np.arange(len(alone))
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _pairs_in(labels: Ints) -> Ints:
    """Pairs within each cluster."""
    size = np.bincount(labels).astype(np.int64)
    return size * (size - 1) // 2


def _joint(parts: list[Ints]) -> Ints:
    """The partition whose clusters are items that are together in all of `parts`."""
    found = parts[0]
    for each in parts[1:]:
        found = np.unique(found * (each.max(initial=0) + 1) + each, return_inverse=True)[1].astype(np.int64)
    return found


class _Drawer:
    """Draws pairs of a stratum, each alike."""

    def __init__(self, parts: list[Ints], seed: int) -> None:
        self._parts = parts
        self._all = _joint(parts)
        self._random = random.Random(seed)
        self._rng = np.random.default_rng(seed)
        self._orders = [np.argsort(part, kind="stable") for part in parts]
        self._sizes = [np.bincount(part).astype(np.int64) for part in parts]
        self._begins = [np.concatenate([[0], np.cumsum(size)[:-1]]) for size in self._sizes]

    def population(self) -> dict[str, int]:
        """Pairs there are of each stratum; those together in some clustering by inclusion and exclusion."""
        n = len(self._all)
        some = 0
        for many in range(1, len(self._parts) + 1):
            for chosen in combinations(self._parts, many):
                some += (-1) ** (many + 1) * int(_pairs_in(_joint(list(chosen))).sum())
        within = int(_pairs_in(self._all).sum())
        return {"within": within, "between": n * (n - 1) // 2 - some, "disputed": some - within}

    def draw(self, stratum: str, count: int, of: int) -> list[tuple[int, int]]:
        """`count` different pairs."""
        if stratum == "within":
            return self.ranked(self._all, self._random.sample(range(of), count))
        propose = self._propose_between if stratum == "between" else self._propose_disputed
        if 2 * count > of or len(self._all) <= 300:  # few enough to be listed
            return self._listed(stratum, count, of)
        found: dict[tuple[int, int], None] = {}
        for _ in range(TRIES):
            for a, b in propose(max(1024, 2 * count)):
                if len(found) < count:
                    found[(min(a, b), max(a, b))] = None
            if len(found) == count:
                return list(found)
        raise ClusteringError(
            f"{stratum}: {count} of {of:,} pairs are too hard to find by drawing; ask for fewer", code="too_few_pairs"
        )

    def _listed(self, stratum: str, count: int, of: int) -> list[tuple[int, int]]:
        if len(self._all) > 5000:
            raise ClusteringError(
                f"{stratum}: {count} of {of:,} pairs; ask for at most half of them", code="too_few_pairs"
            )
        a, b = np.triu_indices(len(self._all), 1)
        together = np.sum([part[a] == part[b] for part in self._parts], axis=0)
        mask = together == 0 if stratum == "between" else (together > 0) & (together < len(self._parts))
        chosen = self._rng.choice(np.flatnonzero(mask), count, replace=False)
        return [(int(a[i]), int(b[i])) for i in chosen]

    def ranked(self, part: Ints, ranks: list[int]) -> list[tuple[int, int]]:
        """Pairs by their place in a list of all pairs within clusters, which is not made."""
        order = np.argsort(part, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(part))[:-1]])
        ends = np.cumsum(_pairs_in(part))
        found = []
        for rank in ranks:
            c = int(np.searchsorted(ends, rank, side="right"))
            rest = rank - (int(ends[c - 1]) if c else 0)
            high = int((1 + np.sqrt(1 + 8 * rest)) // 2)  # pairs (low, high), low < high, by high
            while high * (high - 1) // 2 > rest:
                high -= 1
            while (high + 1) * high // 2 <= rest:
                high += 1
            low = rest - high * (high - 1) // 2
            found.append((int(order[begins[c] + low]), int(order[begins[c] + high])))
        return found

    def _propose_between(self, many: int) -> list[tuple[int, int]]:
        """Pairs apart in the first clustering, each alike; those that another has together are dropped."""
        size, order, begin = self._sizes[0], self._orders[0], self._begins[0]
        n = len(order)
        weight = size * (n - size)  # ordered pairs that leave a cluster
        c = self._rng.choice(len(size), many, p=weight / weight.sum())
        a = order[begin[c] + self._rng.integers(0, size[c])]
        place = self._rng.integers(0, n - size[c])
        b = order[np.where(place >= begin[c], place + size[c], place)]
        apart = np.all([part[a] != part[b] for part in self._parts], axis=0)
        return list(zip(a[apart].tolist(), b[apart].tolist(), strict=True))

    def _propose_disputed(self, many: int) -> list[tuple[int, int]]:
        """Pairs together in a clustering drawn by how many it has; kept the less often, the more have them together."""
        totals = np.array([_pairs_in(part).sum() for part in self._parts], np.float64)
        which = self._rng.choice(len(self._parts), many, p=totals / totals.sum())
        found: list[tuple[int, int]] = []
        for j in range(len(self._parts)):
            times = int((which == j).sum())
            size, order, begin = self._sizes[j], self._orders[j], self._begins[j]
            weight = (size * (size - 1)).astype(np.float64)
            if not times or not weight.any():
                continue
            c = self._rng.choice(len(size), times, p=weight / weight.sum())
            low = self._rng.integers(0, size[c])
            high = (low + 1 + self._rng.integers(0, size[c] - 1)) % size[c]
            a, b = order[begin[c] + low], order[begin[c] + high]
            together = np.sum([other[a] == other[b] for other in self._parts], axis=0)
            kept = (together < len(self._parts)) & (self._rng.random(times) * together < 1)
            found += zip(a[kept].tolist(), b[kept].tolist(), strict=True)
        self._random.shuffle(found)
        return found


def _equal(drawer: _Drawer, labels: Ints, kept: Ints, count: int, seed: int) -> list[Pair]:
    """Within pairs, each cluster as many as the others where it has them."""
    clusters = [c for c in np.unique(labels[labels >= 0]).tolist() if (labels == c).sum() > 1]
    room = np.array([(labels == c).sum() * ((labels == c).sum() - 1) // 2 for c in clusters], np.intp)
    quotas = quotas_of(room, count, allocation="equal")
    drawn = rounded(quotas, np.random.default_rng(seed))
    found = []
    for c, many, quota, of in zip(clusters, drawn.tolist(), quotas, room.tolist(), strict=True):
        members = np.flatnonzero(labels == c)
        ranks = random.Random(f"{seed}-{c}").sample(range(of), many)
        for a, b in drawer.ranked(np.zeros(len(members), np.int64), ranks):
            found.append(_pair(kept, int(members[a]), int(members[b]), "within", int(c), float(quota / of)))
    return found
