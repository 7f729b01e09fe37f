"""Pairs: the strata are those of full enumeration, each pair of one as likely as the others, none twice."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotation.pairs import draw_pairs
from models.errors import ClusteringError


def enumerated(clusterings, unclustered):
    """Every pair and its stratum, from the definition."""
    n = len(clusterings[0])
    found = {}
    for a, b in combinations(range(n), 2):
        if unclustered == "exclude" and any(c[a] < 0 or c[b] < 0 for c in clusterings):
            continue
        together = [c[a] == c[b] and c[a] >= 0 for c in clusterings]
        found[a, b] = "within" if all(together) else "disputed" if any(together) else "between"
    return found


@settings(max_examples=120, deadline=None)
@given(
    n=st.integers(2, 40),
    many=st.integers(1, 3),
    k=st.integers(1, 6),
    seed=st.integers(0, 500),
    unclustered=st.sampled_from(["singletons", "exclude"]),
    share=st.floats(0, 1),
)
def test_the_strata_are_those_of_enumeration(n, many, k, seed, unclustered, share):
    rng = np.random.default_rng(seed)
    given_ = {f"c{i}": rng.integers(-1, k, n) for i in range(many)}
    every = enumerated(list(given_.values()), unclustered)
    counts = {s: list(every.values()).count(s) for s in ("within", "between", "disputed")}
    asked = {s: round(share * count) for s, count in counts.items()}
    found = draw_pairs(given_, **asked, unclustered=unclustered, seed=seed)
    assert dict(found.population) == counts
    drawn = [(p.a, p.b) for p in found.pairs]
    assert len(drawn) == len(set(drawn)) == sum(asked.values())
    for pair in found.pairs:
        assert every[pair.a, pair.b] == pair.stratum
        assert pair.inclusion_prob == pytest.approx(asked[pair.stratum] / counts[pair.stratum])
        if many == 1 and pair.stratum == "within":
            assert given_["c0"][pair.a] == given_["c0"][pair.b] == pair.cluster


@pytest.mark.parametrize("n", [60, 400])  # listed, and drawn without a list
def test_every_pair_of_a_stratum_is_as_likely(n):
    """Pairs of large corpora are proposed and dropped; those that are left must be uniform."""
    rng = np.random.default_rng(0)
    given_ = {"a": rng.integers(0, 3, n) ** 2, "b": rng.integers(-1, 4, n)}
    totals = {}
    a_of = {"between": [], "disputed": []}
    for seed in range(60):
        found = draw_pairs(given_, 30, 60, disputed=60, seed=seed)
        for pair in found.pairs:
            totals[pair.stratum] = totals.get(pair.stratum, 0) + 1
            if pair.stratum != "within":
                a_of[pair.stratum].append((pair.a, pair.b))
    assert totals == {"within": 1800, "between": 3600, "disputed": 3600}
    every = enumerated([given_["a"], given_["b"]], "singletons")
    for stratum, drawn in a_of.items():
        there = np.array([pair for pair, each in every.items() if each == stratum])
        cells = [(u, v) for u in range(-1, 4) for v in range(-1, 4) if u <= v]  # by the clusters of b: a coarse table
        place = {cell: i for i, cell in enumerate(cells)}

        def table(pairs, place=place):
            counts = np.zeros(len(place))
            for x, y in pairs:
                counts[place[tuple(sorted((int(given_["b"][x]), int(given_["b"][y]))))]] += 1
            return counts

        expected = table(there) / len(there) * len(drawn)
        seen = table(drawn)
        kept = expected > 5
        chi = ((seen - expected)[kept] ** 2 / expected[kept]).sum()
        assert chi < kept.sum() + 5 * np.sqrt(2 * kept.sum()), (stratum, chi, kept.sum())


def test_equal_allocation_gives_each_cluster_its_pairs_and_true_probabilities():
    labels = np.repeat([0, 1, 2, 3], [100, 30, 3, 1])
    times = {}
    for seed in range(300):
        found = draw_pairs({"c": labels}, 31, 0, allocation="equal", seed=seed)
        assert len(found.pairs) == 31
        counts = np.bincount([p.cluster for p in found.pairs], minlength=3)
        assert counts[2] == 3
        assert set(counts[:2]) == {14}
        for pair in found.pairs:
            times[pair.a, pair.b] = times.get((pair.a, pair.b), 0) + 1
            assert pair.inclusion_prob == pytest.approx({0: 14 / 4950, 1: 14 / 435, 2: 1.0}[pair.cluster])
    assert np.mean([times.get((a, b), 0) for a, b in combinations(range(100, 130), 2)]) == pytest.approx(300 * 14 / 435)


def test_a_million_items_need_no_list_of_pairs():
    labels = np.random.default_rng(0).integers(0, 40, 1_000_000)
    labels[:10] = -1
    found = draw_pairs({"c": labels, "d": labels // 2}, 50, 50, disputed=50)
    assert len(found.pairs) == 150
    assert sum(found.population.values()) == 1_000_000 * 999_999 // 2


def test_a_stratum_without_enough_pairs_is_told_of_and_so_is_a_draw_without_between_pairs():
    with pytest.raises(ClusteringError, match="there are 1"):
        draw_pairs({"c": np.array([0, 0, 1])}, 2, 0)
    with pytest.raises(ClusteringError, match="3 and 2"):
        draw_pairs({"c": np.array([0, 0, 1]), "d": np.array([0, 0])}, 1, 0)
    assert any("recall cannot" in each for each in draw_pairs({"c": np.array([0, 0, 1])}, 1, 0).remarks)
