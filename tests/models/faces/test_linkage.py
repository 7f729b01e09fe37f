"""Average linkage of faces, against scipy's on the full matrix and a search through all pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from models.faces import linkage as ours
from models.faces.corrections import corrections
from models.faces.persons import group_persons

THRESHOLDS = (-1.0, 0.0, 0.363, 0.6, 1.0)


def units(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings have the same groups."""
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a.tolist())) == len(set(b.tolist()))


def clouds(rng: np.random.Generator, n: int, d: int, k: int, spread: float) -> np.ndarray:
    return units(rng.standard_normal((k, d))[rng.integers(0, k, n)] + spread * rng.standard_normal((n, d)))


def tied(rng: np.random.Generator, n: int) -> np.ndarray:
    """Blocks of equal vectors, and vectors that have the same cosine with all others of their block."""
    block = np.full((6, 6), 0.5) + 0.5 * np.eye(6)
    basis = np.linalg.cholesky(np.kron(np.eye(4), block))
    return basis[rng.integers(0, len(basis), n)]


@pytest.mark.parametrize("chain", [False, True])
def test_groups_are_those_of_scipy(chain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if chain:
        monkeypatch.setattr(ours, "PRODUCTIVE", -(10**6))  # after one round of mutual neighbours
    rng = np.random.default_rng(5)
    for trial in range(6):
        n = int(rng.integers(2, 120))
        x = (
            units(rng.standard_normal((n, int(rng.choice([2, 3, 16, 128])))))
            if trial % 3 == 0
            else clouds(rng, n, 32, int(rng.integers(1, 20)), float(rng.uniform(0.2, 1.5)))
            if trial % 3 == 1
            else tied(rng, n)
        )
        tree = linkage(np.maximum(0, 1 - x @ x.T)[np.triu_indices(n, 1)], "average")
        for threshold in THRESHOLDS:
            found = ours.linked(x, np.arange(n), threshold)
            assert alike(found, fcluster(tree, 1 - threshold + 1e-10, "distance")), (trial, threshold)


def slowly(x: np.ndarray, start: np.ndarray, threshold: float, apart: list[np.ndarray]) -> np.ndarray:
    """The most similar two groups that may be merged, over and over, by the mean of all cosines."""
    cosines, labels = x @ x.T, start.copy()
    holders = [{int(g): int(g) for g in each} for each in apart]  # a group of each set → the group it is in
    while True:
        names = np.unique(labels)
        best, pair = threshold - 1e-12, None
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                if any(len({a, b} & set(held.values())) == 2 for held in holders):
                    continue
                mean = cosines[np.ix_(labels == a, labels == b)].mean()
                if mean >= best and (pair is None or mean > best):
                    best, pair = mean, (a, b)
        if pair is None:
            return labels
        labels[labels == pair[1]] = pair[0]
        for held in holders:
            for group, now in held.items():
                held[group] = pair[0] if now == pair[1] else now


@pytest.mark.parametrize("chain", [False, True])
def test_faces_that_are_kept_apart_and_put_together_stay_so(chain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if chain:
        monkeypatch.setattr(ours, "PRODUCTIVE", -(10**6))
    rng = np.random.default_rng(6)
    for _ in range(8):
        n = int(rng.integers(6, 24))
        x = clouds(rng, n, 8, 4, 0.7)
        start = np.unique(rng.integers(0, int(0.8 * n) + 1, n), return_inverse=True)[1]
        k = int(start.max()) + 1
        apart = [rng.choice(k, min(k, int(rng.integers(2, 5))), replace=False) for _ in range(3)]
        for threshold in (-1.0, 0.1, 0.4):
            assert alike(ours.linked(x, start, threshold, apart=apart), slowly(x, start, threshold, apart))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-2, 2)] * 3).filter(any), min_size=1, max_size=25),
    st.randoms(use_true_random=False),
    st.sampled_from((-0.5, 0.0, 0.363, 0.7, 1.0)),
)
def test_another_order_of_the_faces_gives_the_same_persons(vectors, random, threshold) -> None:
    """Small integers give many ties, which are decided by the vectors and ids, not by the order."""
    x = np.array(vectors, np.float32)
    ids = [f"f{i}" for i in range(len(x))]
    order = list(range(len(x)))
    random.shuffle(order)
    first = group_persons(x, ids, threshold)
    second = group_persons(x[order], [ids[i] for i in order], threshold)
    assert second.labels.tolist() == first.labels[order].tolist()
    assert second.close.tolist() == first.close[order].tolist()
    np.testing.assert_array_equal(second.cosines, first.cosines[order])


@pytest.mark.parametrize("kept", [0, ours.UNIONS])
def test_many_lists_of_different_people_leave_room_for_checks(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "UNIONS", kept)
    rng = np.random.default_rng(2)
    x, calls = units(rng.standard_normal((60, 8))), {1000: 0, 10**9: 0}
    apart = [np.sort(rng.permutation(60)[:40]) for _ in range(5)]
    for cells in calls:
        monkeypatch.setattr(ours, "BARRED", cells)

        def check(cells: int = cells) -> None:
            calls[cells] += 1

        found = ours.linked(x, np.arange(60), 0.2, apart=apart, check=check)
    assert calls[1000] > 2 * calls[10**9]
    pairs = [pair for each in apart for pair in combinations(each.tolist(), 2)]
    assert all(found[a] != found[b] for a, b in pairs)
    same = ours.linked(x, np.arange(60), 0.2, apart=[np.array(pair) for pair in set(pairs)])
    assert alike(found, same)


def test_a_list_that_is_repeated_is_one() -> None:
    made = corrections(list("abcd"), [["a", "b"]], [["a", "c"], ["c", "b"], ["c", "a"], ["c", "d"]])
    assert [each.tolist() for each in made.apart] == [[0, 1], [1, 2]]
