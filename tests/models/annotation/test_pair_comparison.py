"""Clusterings judged by pairs: scikit-learn's figures, unbiased under unequal draws, intervals that cover."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.metrics.cluster import pair_confusion_matrix

from models.annotation import pair_comparison as module
from models.annotation.pair_comparison import compare_with_pairs
from models.annotation.pairs import draw_pairs
from models.errors import ClusteringError

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 6, 120)
GOOD = np.where(RNG.random(120) < 0.1, RNG.integers(0, 6, 120), TRUTH)
POOR = np.where(RNG.random(120) < 0.6, RNG.integers(0, 6, 120), TRUTH)
EVERY = np.array(list(combinations(range(120), 2)))


def whole(**options):
    a, b = EVERY.T
    return compare_with_pairs(a, b, TRUTH[a] == TRUTH[b], {"good": GOOD, "poor": POOR}, **{"resamples": 20, **options})


def test_of_all_pairs_it_is_pair_counting():
    for each, labels in zip(whole().configurations, (GOOD, POOR), strict=True):
        (tn, fp), (fn, tp) = pair_confusion_matrix(TRUTH, labels) // 2
        assert each.precision.value == pytest.approx(tp / (tp + fp))
        assert each.recall is not None
        assert each.recall.value == pytest.approx(tp / (tp + fn))
        assert tn + fp + fn + tp == each.pairs


def test_weights_are_scikit_learns():
    which = RNG.choice(len(EVERY), 300, replace=False)
    a, b = EVERY[which].T
    probability = RNG.uniform(0.05, 1, 300)
    same = TRUTH[a] == TRUTH[b]
    found = compare_with_pairs(a, b, same, {"good": GOOD}, inclusion_prob=probability, resamples=10).configurations[0]
    said = GOOD[a] == GOOD[b]
    assert found.precision.value == pytest.approx(precision_score(same, said, sample_weight=1 / probability))
    assert found.recall is not None
    assert found.f1 is not None
    assert found.recall.value == pytest.approx(recall_score(same, said, sample_weight=1 / probability))
    assert found.f1.value == pytest.approx(f1_score(same, said, sample_weight=1 / probability))


def test_drawn_pairs_give_the_corpus_figures_and_intervals_cover_them():
    true = {each.name: each for each in whole().configurations}
    values, covered = [], 0
    for seed in range(200):
        drawn = draw_pairs({"good": GOOD, "poor": POOR}, 80, 160, disputed=80, seed=seed).pairs
        a, b = np.array([(p.a, p.b) for p in drawn]).T
        found = compare_with_pairs(
            a,
            b,
            TRUTH[a] == TRUTH[b],
            {"good": GOOD, "poor": POOR},
            inclusion_prob=[p.inclusion_prob for p in drawn],
            stratum=[p.stratum for p in drawn],
            resamples=200,
            held_out=0,
            seed=seed,
        )
        recall = found.configurations[0].recall
        assert recall is not None
        values.append(recall.value)
        covered += recall.low <= true["good"].recall.value <= recall.high
    assert np.mean(values) == pytest.approx(true["good"].recall.value, abs=0.02)
    assert 0.88 <= covered / 200 <= 0.99


def test_the_better_one_wins_and_its_lead_is_told_from_chance():
    found = whole(resamples=200)
    assert found.winner is not None
    assert (found.winner.name, found.winner.runner_up, found.winner.criterion) == ("good", "poor", "f1")
    assert found.winner.difference is not None
    assert found.winner.difference.low > 0
    assert found.winner.selected_pairs + found.winner.held_out_pairs == found.n_pairs
    assert any("larger than chance" in each for each in found.remarks)
    a, b = EVERY.T
    same = compare_with_pairs(a[:60], b[:60], TRUTH[a[:60]] == TRUTH[b[:60]], {"one": GOOD, "two": GOOD.copy()})
    assert any("may be due to chance" in each for each in same.remarks)


def test_recall_is_refused_without_pairs_from_between():
    drawn = draw_pairs({"good": GOOD}, 50, 0).pairs
    a, b = np.array([(p.a, p.b) for p in drawn]).T
    found = compare_with_pairs(
        a, b, TRUTH[a] == TRUTH[b], {"good": GOOD, "poor": POOR}, stratum=[p.stratum for p in drawn]
    )
    assert [each.recall for each in found.configurations] == [None, None]
    assert any("Recall and F1 are not given" in each for each in found.remarks)
    assert found.winner is not None
    assert found.winner.criterion == "precision"


def test_what_is_in_no_cluster_counts_as_is_said():
    labels = np.array([0, 0, -1, -1, 1, 1])
    a, b = np.array(list(combinations(range(6), 2))).T
    same = np.array([x // 2 == y // 2 for x, y in zip(a, b, strict=True)])
    alone = compare_with_pairs(a, b, same, {"c": labels}, resamples=10)
    assert alone.configurations[0].recall is not None
    assert alone.configurations[0].recall.value == pytest.approx(2 / 3)  # the pair of -1 is apart
    without = compare_with_pairs(a, b, same, {"c": labels}, unclustered="exclude", resamples=10)
    assert without.n_pairs == 6
    assert without.configurations[0].recall is not None
    assert without.configurations[0].recall.value == 1
    assert "9 pairs" in without.remarks[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: compare_with_pairs([0], [0], [True], {"c": np.array([0, 1])}),
        lambda: compare_with_pairs([0], [5], [True], {"c": np.array([0, 1])}),
        lambda: compare_with_pairs([0], [1, 2], [True], {"c": np.array([0, 1, 2])}),
        lambda: compare_with_pairs([0], [1], [True], {"c": np.array([0, 1]), "d": np.array([0])}),
        lambda: compare_with_pairs([0], [1], [True], {"c": np.array([0, 1])}, inclusion_prob=[0.0]),
        lambda: compare_with_pairs([0], [1], [True], {"c": np.array([0, -1])}, unclustered="exclude"),
    ],
)
def test_what_cannot_be_judged_is_refused(call):
    with pytest.raises(ClusteringError):
        call()


def test_blocks_of_resamples_change_nothing(monkeypatch):
    one = whole(resamples=50)
    monkeypatch.setattr(module, "AT_ONCE", 3 * len(EVERY))
    two = whole(resamples=50)
    assert [each.precision.value for each in one.configurations] == [
        each.precision.value for each in two.configurations
    ]
    low = [(each.recall.low, each.recall.high) for each in one.configurations]
    assert np.allclose(low, [(each.recall.low, each.recall.high) for each in two.configurations], atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("within", "between"), [(80, 160), (200, 400)])
def test_intervals_of_precision_and_f1_cover_as_often_as_stated(within, between):
    true = whole().configurations[1]
    covered = {"precision": 0, "f1": 0}
    for seed in range(1000):
        drawn = draw_pairs({"good": GOOD}, within, between, seed=seed).pairs
        a, b = np.array([(p.a, p.b) for p in drawn]).T
        found = compare_with_pairs(
            *(a, b, TRUTH[a] == TRUTH[b], {"poor": POOR}),
            inclusion_prob=[p.inclusion_prob for p in drawn],
            stratum=[p.stratum for p in drawn],
            resamples=300,
            held_out=0,
            seed=seed,
        ).configurations[0]
        for name in covered:
            covered[name] += getattr(found, name).low <= getattr(true, name).value <= getattr(found, name).high
    print(f"{within} + {between} pairs: covered {covered}")
    assert all(870 <= times <= 985 for times in covered.values())
