"""Samples of pairs of items for people to code ("do these two belong together?"), with inclusion probabilities.

Strata are pairs in one cluster (within), pairs in different clusters (between) and, for several clusterings, pairs on
which they differ (disputed), so that one coded sample compares all clusterings. No list of all pairs is made.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.annotation.sampling import members_of, round_at_random, stratum_quotas
from models.errors import ClusteringError
from models.stopping import Check, unchecked

Unclustered = Literal["singletons", "exclude"]
Ints = NDArray[np.int64]
MOST = 8  # clusterings at once
TRIES = 400  # rounds of drawing before a stratum is rejected as too small


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two items, a < b; `cluster` is set for a within pair of a single clustering."""

    a: int
    b: int
    stratum: str
    cluster: int | None
    inclusion_prob: float


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs in random order, and the number of existing and of drawn pairs in each stratum."""

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
    check: Check = unchecked,
) -> Pairs:
    """Draw pairs without replacement.

    Parameters
    ----------
    clusterings : name → cluster of each item (n,); -1 for an item in no cluster.
    within, between, disputed : number of pairs in one cluster in all clusterings, in none, in some but not all of them.
    unclustered : "singletons": an item in no cluster is a cluster by itself; "exclude": it is not drawn or counted.
    allocation : of the within pairs of a single clustering: "proportional", equal probabilities; "equal", the same
        number from each cluster on average.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    ClusteringError : lengths_differ, invalid_option, too_few_pairs.
    """
    labels = [np.asarray(clusters, np.int64) for clusters in clusterings.values()]
    if not labels or len({len(clusters) for clusters in labels}) != 1:
        raise ClusteringError(
            "clusterings: got " + (" and ".join(str(len(clusters)) for clusters in labels) or "no") + " items; give "
            "the cluster of each item in every clustering",
            code="lengths_differ",
        )
    if len(labels) > MOST:
        raise ClusteringError(f"clusterings: got {len(labels)}; give at most {MOST}", code="invalid_option")
    if len(labels) > 1 and allocation == "equal":
        raise ClusteringError(
            f"allocation: equal needs a single clustering (got {len(labels)}); use proportional", code="invalid_option"
        )
    n = len(labels[0])
    kept = np.arange(n)
    if unclustered == "exclude":
        kept = np.flatnonzero(np.all([clusters >= 0 for clusters in labels], axis=0))
    parts = [_partition(clusters[kept]) for clusters in labels]
    drawer = _Drawer(parts, seed, check)
    counts = {"within": within, "between": between, "disputed": disputed}
    population = drawer.population()
    for name, count in counts.items():
        if count > population[name]:
            raise ClusteringError(
                f"{name}: got {count}, but there are {population[name]:,} such pairs; use fewer", code="too_few_pairs"
            )
    pairs: list[Pair] = []
    for name, count in counts.items():
        if not count:
            continue
        if name == "within" and allocation == "equal":
            pairs += _equal(drawer, labels[0][kept], kept, count, seed, check)
            continue
        probability = count / population[name]
        for a, b in drawer.draw(name, count, population[name]):
            own = int(labels[0][kept[a]]) if name == "within" and len(labels) == 1 else None
            pairs.append(_pair(kept, a, b, name, own, probability))
    random.Random(seed).shuffle(pairs)
    remarks = []
    excluded = n - len(kept)
    if excluded:
        remarks.append(f"{excluded:,} items in no cluster were not drawn: figures describe the other items.")
    elif any((clusters < 0).any() for clusters in labels):
        remarks.append("An item in no cluster counts as a cluster by itself.")
    if not between:
        remarks.append("No pairs between clusters were drawn: precision can be estimated, recall cannot.")
    if len(labels) > 1 and not disputed and population["disputed"]:
        remarks.append(
            "No disputed pairs were drawn: differences between the clusterings cannot be estimated, and their "
            "precision and recall only with bias."
        )
    return Pairs(pairs=tuple(pairs), n=n, population=population, drawn=counts, remarks=tuple(remarks))


def _pair(kept: Ints, a: int, b: int, stratum: str, cluster: int | None, probability: float) -> Pair:
    low, high = sorted((int(kept[a]), int(kept[b])))
    return Pair(a=low, b=high, stratum=stratum, cluster=cluster, inclusion_prob=probability)


def _partition(labels: Ints) -> Ints:
    """Clusters as 0 to k-1, where an item in no cluster is a cluster by itself."""
    labels = labels.copy()
    alone = np.flatnonzero(labels < 0)
    labels[alone] = labels.max(initial=-1) + 1 + np.arange(len(alone))
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _pairs_in(labels: Ints) -> Ints:
    """The number of pairs in each cluster."""
    size = np.bincount(labels).astype(np.int64)
    return size * (size - 1) // 2


def _joint(parts: list[Ints]) -> Ints:
    """The common refinement: items are in one cluster if they are in all of `parts`."""
    joint = parts[0]
    for part in parts[1:]:
        joint = np.unique(joint * (part.max(initial=0) + 1) + part, return_inverse=True)[1].astype(np.int64)
    return joint


class _Drawer:
    """Draws pairs of a stratum with equal probabilities."""

    def __init__(self, parts: list[Ints], seed: int, check: Check) -> None:
        self._parts = parts
        self._check = check
        self._all = _joint(parts)
        self._random = random.Random(seed)
        self._rng = np.random.default_rng(seed)
        self._orders = [np.argsort(part, kind="stable") for part in parts]
        self._sizes = [np.bincount(part).astype(np.int64) for part in parts]
        self._begins = [np.concatenate([[0], np.cumsum(size)[:-1]]) for size in self._sizes]

    def population(self) -> dict[str, int]:
        """The number of pairs in each stratum; pairs in one cluster of any clustering by inclusion and exclusion."""
        n = len(self._all)
        some = 0
        for many in range(1, len(self._parts) + 1):
            for chosen in combinations(self._parts, many):
                self._check()
                some += (-1) ** (many + 1) * int(_pairs_in(_joint(list(chosen))).sum())
        within = int(_pairs_in(self._all).sum())
        return {"within": within, "between": n * (n - 1) // 2 - some, "disputed": some - within}

    def draw(self, stratum: str, count: int, of: int) -> list[tuple[int, int]]:
        """Draw `count` different pairs of a stratum of `of` pairs."""
        if stratum == "within":
            return self.ranked(self._all, self._random.sample(range(of), count))
        propose = self._propose_between if stratum == "between" else self._propose_disputed
        if 2 * count > of or len(self._all) <= 300:  # few enough to list all pairs
            return self._listed(stratum, count, of)
        pairs: dict[tuple[int, int], None] = {}
        for _ in range(TRIES):
            self._check()
            for a, b in propose(max(1024, 2 * count)):
                if len(pairs) < count:
                    pairs[(min(a, b), max(a, b))] = None
            if len(pairs) == count:
                return list(pairs)
        raise ClusteringError(
            f"{stratum}: got {count}, too many of {of:,} pairs for random draws; use fewer", code="too_few_pairs"
        )

    def _listed(self, stratum: str, count: int, of: int) -> list[tuple[int, int]]:
        if len(self._all) > 5000:
            raise ClusteringError(
                f"{stratum}: got {count}, more than half of the {of:,} pairs; use fewer", code="too_few_pairs"
            )
        a, b = np.triu_indices(len(self._all), 1)
        together = np.sum([part[a] == part[b] for part in self._parts], axis=0)
        mask = together == 0 if stratum == "between" else (together > 0) & (together < len(self._parts))
        chosen = self._rng.choice(np.flatnonzero(mask), count, replace=False)
        return [(int(a[i]), int(b[i])) for i in chosen]

    def ranked(self, part: Ints, ranks: list[int]) -> list[tuple[int, int]]:
        """Pairs by their positions in the list of all pairs within clusters, without making that list."""
        order = np.argsort(part, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(part))[:-1]])
        ends = np.cumsum(_pairs_in(part))
        pairs = []
        for rank in ranks:
            c = int(np.searchsorted(ends, rank, side="right"))
            rest = rank - (int(ends[c - 1]) if c else 0)
            high = int((1 + np.sqrt(1 + 8 * rest)) // 2)  # pairs (low, high), low < high, by high
            while high * (high - 1) // 2 > rest:
                high -= 1
            while (high + 1) * high // 2 <= rest:
                high += 1
            low = rest - high * (high - 1) // 2
            pairs.append((int(order[begins[c] + low]), int(order[begins[c] + high])))
        return pairs

    def _propose_between(self, many: int) -> list[tuple[int, int]]:
        """Pairs in different clusters of the first clustering; those in one cluster of another are dropped."""
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
        """Disputed pairs, drawn from clusterings and kept with 1 over the number that have the pair in one cluster."""
        totals = np.array([_pairs_in(part).sum() for part in self._parts], np.float64)
        which = self._rng.choice(len(self._parts), many, p=totals / totals.sum())
        pairs: list[tuple[int, int]] = []
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
            pairs += zip(a[kept].tolist(), b[kept].tolist(), strict=True)
        self._random.shuffle(pairs)
        return pairs


def _equal(drawer: _Drawer, labels: Ints, kept: Ints, count: int, seed: int, check: Check) -> list[Pair]:
    """Within pairs, the same number from each cluster that has as many."""
    clustered = np.flatnonzero(labels >= 0)
    names, number = np.unique(labels[clustered], return_inverse=True)
    large = np.bincount(number, minlength=len(names)) > 1
    clusters = names[large].tolist()
    available = _pairs_in(number)[large]
    groups = (clustered[places] for places, some in zip(members_of(number, len(names)), large, strict=True) if some)
    quotas = stratum_quotas(available, count, allocation="equal")
    drawn = round_at_random(quotas, np.random.default_rng(seed))
    pairs = []
    for c, members, many, quota, of in zip(clusters, groups, drawn.tolist(), quotas, available.tolist(), strict=True):
        check()
        ranks = random.Random(f"{seed}-{c}").sample(range(of), many)
        for a, b in drawer.ranked(np.zeros(len(members), np.int64), ranks):
            pairs.append(_pair(kept, int(members[a]), int(members[b]), "within", int(c), float(quota / of)))
    return pairs
