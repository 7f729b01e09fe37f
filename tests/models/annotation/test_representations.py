"""Representations judged by pairs: scikit-learn's AUC, unbiased under unequal draws, intervals that cover."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from models.annotation.pairs import draw_pairs
from models.annotation.representations import pair_cosines, separate
from models.errors import ClusteringError
from models.intervals import Figure


def corpus(noise: float, n: int = 200, groups: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, 16) around a centre for each group, and the group of each."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, groups, n)
    return rng.standard_normal((groups, 16))[truth] + noise * rng.standard_normal((n, 16)), truth


def auc_of_all_pairs(rows: np.ndarray, truth: np.ndarray) -> float:
    a, b = np.array(list(combinations(range(len(rows)), 2))).T
    return float(roc_auc_score(truth[a] == truth[b], cosine_similarity(rows)[a, b]))


def drawn(rows: np.ndarray, truth: np.ndarray, seed: int, within: int = 80, between: int = 160) -> Figure:
    """The AUC by pairs of an imperfect clustering, coded by the truth."""
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(len(truth)) < 0.3, rng.integers(0, 8, len(truth)), truth)
    pairs = draw_pairs({"c": labels}, within, between, seed=seed).pairs
    a, b = np.array([(pair.a, pair.b) for pair in pairs]).T
    ranked, _ = separate(
        (truth[a] == truth[b]).tolist(),
        {"r": pair_cosines(rows, a, b)},
        inclusion_prob=[pair.inclusion_prob for pair in pairs],
        stratum=[pair.stratum for pair in pairs],
        resamples=300,
        seed=seed,
    )
    return ranked[0].auc


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.floats(0.01, 1)), min_size=2, max_size=40).filter(
        lambda pairs: len({same for same, *_ in pairs}) == 2
    )
)
@settings(max_examples=60, deadline=None)
def test_the_auc_is_scikit_learns_with_ties_and_weights(pairs: list[tuple[bool, int, float]]) -> None:
    same, cosines, probability = map(list, zip(*pairs, strict=True))
    ranked, _ = separate(same, {"r": np.array(cosines, float)}, inclusion_prob=probability, resamples=2)
    weights = 1 / np.array(probability)
    assert ranked[0].auc.value == pytest.approx(roc_auc_score(same, cosines, sample_weight=weights))


def test_cosines_are_scikit_learns_and_identical_vectors_tie() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 300)).astype(np.float32)
    a, b = np.array(list(combinations(range(50), 2))).T
    np.testing.assert_allclose(pair_cosines(rows, a, b), cosine_similarity(rows)[a, b], atol=1e-6)
    alike = np.tile(rows[:1], (50, 1)) * np.arange(1, 51, dtype=np.float32)[:, None]
    assert len(np.unique(pair_cosines(alike, a, b))) == 1


def test_a_better_representation_is_first_and_the_difference_is_on_the_same_resamples() -> None:
    good, truth = corpus(1.0)
    poor, _ = corpus(3.0)
    a, b = np.array(list(combinations(range(60), 2))).T
    cosines = {"poor": pair_cosines(poor, a, b), "good": pair_cosines(good, a, b)}
    same = (truth[a] == truth[b]).tolist()
    ranked, remarks = separate(same, cosines, resamples=200)
    assert [each.name for each in ranked] == ["good", "poor"]
    assert ranked[0].difference is None
    second = ranked[1]
    assert second.difference is not None
    assert second.difference.value == pytest.approx(second.auc.value - ranked[0].auc.value)
    assert second.difference.high < 0
    assert not remarks
    twice, _ = separate(same, {"one": cosines["good"], "two": cosines["good"]}, resamples=50)
    assert twice[1].difference == Figure(value=0, low=0, high=0)
    again, _ = separate(same, dict(reversed(cosines.items())), resamples=200)
    assert again == ranked


def test_pairs_that_are_all_alike_give_no_auc_and_perfect_ones_are_remarked_on() -> None:
    cosines = {"r": np.array([0.1, 0.2, 0.9])}
    ranked, remarks = separate([True] * 3, cosines)
    assert np.isnan(ranked[0].auc.value)
    assert "all 3 pairs together" in remarks[0]
    ranked, remarks = separate([False, False, True], cosines)
    assert ranked[0].auc.value == 1
    assert "too narrow" in remarks[0]
    assert any("no variation" in remark for remark in remarks)


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ClusteringError, match="inclusion_prob: got 1 for 2 pairs"):
        separate([True, False], {"r": np.array([0.1, 0.2])}, inclusion_prob=[0.5])


def test_drawn_pairs_give_the_auc_of_the_corpus_and_intervals_cover_it() -> None:
    rows, truth = corpus(2.0)
    true = auc_of_all_pairs(rows, truth)
    found = [drawn(rows, truth, seed) for seed in range(200)]
    assert np.mean([each.value for each in found]) == pytest.approx(true, abs=0.015)
    assert 0.88 <= np.mean([each.low <= true <= each.high for each in found]) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "within", "between"), [(1.0, 80, 160), (2.0, 40, 80), (4.0, 200, 400)])
def test_intervals_of_the_auc_cover_as_often_as_stated(noise: float, within: int, between: int) -> None:
    rows, truth = corpus(noise)
    true = auc_of_all_pairs(rows, truth)
    found = [drawn(rows, truth, seed, within, between) for seed in range(1000)]
    covered = np.mean([each.low <= true <= each.high for each in found])
    print(f"noise {noise}, {within} + {between} pairs: AUC {true:.3f}, covered {covered:.3f}")
    assert 0.88 <= covered <= 0.98
