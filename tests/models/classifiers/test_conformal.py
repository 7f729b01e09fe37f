"""Prediction sets against the published rules, written with loops, and their coverage in simulated studies."""

from dataclasses import replace
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.classifiers.conformal import (
    Conformal,
    check_coverage,
    conformal_of,
    intervals,
    label_sets,
    scores_of,
)
from models.classifiers.report import Predictions, Report
from models.errors import TrainingError
from tests.models.classifiers.set_studies import LEVELS, simulate


def predictions(rng, n, k=3, folds=4, groups=None, weights=None):
    """Random out-of-fold predictions of n items, and the probabilities of 20 new ones by each fold."""
    p = rng.dirichlet(np.ones(k), n).round(6)
    labels = tuple("abcdef"[:k])
    own = Predictions(
        ids=tuple(f"i{i}" for i in range(n)),
        target=tuple(labels[c] for c in rng.integers(0, k, n)),
        weight=tuple(np.ones(n) if weights is None else weights),
        probabilities=tuple(map(tuple, p)),
        fold=tuple(int(f) for f in (np.arange(n) % folds)),
        group=None if groups is None else tuple(groups),
    )
    return own, labels, [rng.dirichlet(np.ones(k), 20).round(6) for _ in range(folds)]


def by_the_book(own, labels, new, coverage, only=None):
    """Romano, Sesia & Candès (2020), CV+: a label is in unless c (n + 1) scores or more are below its own."""
    n = len(own.ids)
    sets = np.zeros((len(new[0]), len(labels)), bool)
    for j in range(len(new[0])):
        for c, label in enumerate(labels):
            count = of = 0
            for i in range(n):
                if only and own.target[i] != label:
                    continue
                of += 1
                mine = 1 - own.probabilities[i][labels.index(own.target[i])]
                count += mine < 1 - new[own.fold[i]][j][c]
            sets[j, c] = count < coverage * (of + 1) - 1e-6
    return sets


@pytest.mark.parametrize("each_class", [False, True])
def test_sets_are_those_of_the_paper(each_class):
    rng = np.random.default_rng(0)
    for n in (19, 20, 57):
        own, labels, new = predictions(rng, n)
        for coverage in (0.5, 0.8, 0.9, 0.95):
            found = label_sets(scores_of(own, labels), new, coverage, each_class=each_class)
            assert (found == by_the_book(own, labels, new, coverage, only=each_class)).all()


def test_one_fold_is_split_conformal_with_its_quantile():
    rng = np.random.default_rng(1)
    own, labels, new = predictions(rng, 40, folds=1)
    scores = sorted(1 - own.probabilities[i][labels.index(code)] for i, code in enumerate(own.target))
    quantile = scores[ceil(0.9 * 41) - 1]
    assert (label_sets(scores_of(own, labels), new, 0.9) == (1 - new[0] <= quantile + 1e-12)).all()


def test_intervals_are_those_of_the_paper():
    """Barber, Candès, Ramdas & Tibshirani (2021): order statistics of predictions minus and plus residuals."""
    rng = np.random.default_rng(2)
    n, folds = 43, 5
    fold, value, target = np.arange(n) % folds, rng.normal(size=n), rng.normal(size=n)
    own = Predictions(
        ids=tuple(map(str, range(n))),
        target=tuple(target),
        weight=(1.0,) * n,
        value=tuple(value),
        fold=tuple(map(int, fold)),
    )
    new = [rng.normal(size=6) for _ in range(folds)]
    for coverage in (0.6, 0.9):
        low, high = intervals(scores_of(own, ()), new, coverage)
        for j in range(6):
            centre, off = np.array([new[f][j] for f in fold]), np.abs(target - value)
            assert high[j] == pytest.approx(np.sort(centre + off)[ceil(coverage * (n + 1) - 1e-9) - 1])
            assert low[j] == pytest.approx(np.sort(centre - off)[floor((1 - coverage) * (n + 1) + 1e-9) - 1])
    low, high = intervals(scores_of(own, ()), new, 0.99)  # 43 codes are too few
    assert np.isinf(low).all()
    assert np.isinf(high).all()


def test_weights_and_groups_count_as_the_items_that_they_stand_for():
    """Integer weights are copies, but for the weight of the new item: the heaviest item's, or the heaviest group's."""
    rng = np.random.default_rng(3)
    weights = rng.integers(1, 5, 60).astype(float)
    groups = np.repeat(np.arange(15), 4)
    own, labels, new = predictions(rng, 60, weights=weights)
    for group in (None, groups):
        heaviest = weights.max() if group is None else max(weights[group == g].sum() for g in range(15))
        found = label_sets(scores_of(replace(own, group=None if group is None else tuple(group)), labels), new, 0.85)
        for j in range(20):
            for c in range(3):
                below = sum(
                    w
                    for i, w in enumerate(weights)
                    if 1 - own.probabilities[i][labels.index(own.target[i])] < 1 - new[own.fold[i]][j][c]
                )
                assert found[j, c] == (below < 0.85 * (weights.sum() + heaviest))


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 80), st.integers(2, 5), st.integers(0, 2**32 - 1), st.floats(0.3, 0.8))
def test_sets_grow_with_the_coverage(n, k, seed, coverage):
    own, labels, new = predictions(np.random.default_rng(seed), n, k=k)
    conformal = scores_of(own, labels)
    for each_class in (False, True):
        smaller, larger = (
            label_sets(conformal, new, level, each_class=each_class) for level in (coverage, coverage + 0.15)
        )
        assert (smaller <= larger).all()


def test_probabilities_of_one_are_ties_and_not_misses():
    """A report rounds probabilities: a new item with 1 - 1e-9 must not count as less typical than coded ones with 1."""
    own, labels, _ = predictions(np.random.default_rng(0), 40, k=2, folds=1)
    sure = replace(own, probabilities=tuple((1.0, 0.0) if code == "a" else (0.0, 1.0) for code in own.target))
    new = [np.array([[1 - 1e-9, 1e-9]])]
    assert label_sets(scores_of(sure, labels), new, 0.9).tolist() == [[True, False]]


def test_too_few_codes_are_refused_and_rare_classes_are_in_every_set():
    own, labels, new = predictions(np.random.default_rng(0), 18)
    conformal = scores_of(own, labels)
    assert conformal.largest_coverage() == pytest.approx(18 / 19)
    with pytest.raises(TrainingError, match=r"coverage: 0.95 needs more than the 18 coded items .* 0.947 can be"):
        check_coverage(conformal, 0.95, each_class=False)
    assert check_coverage(conformal, 0.9, each_class=False) == []
    with pytest.raises(TrainingError, match="than any class has"):
        check_coverage(conformal, 0.95, each_class=True)
    uneven = replace(own, target=("a",) * 16 + ("b", "c"))
    remarks = check_coverage(scores_of(uneven, labels), 0.7, each_class=True)
    assert [remark.split(" has too few")[0] for remark in remarks] == ["b", "c"]
    found = label_sets(scores_of(uneven, labels), new, 0.7, each_class=True)
    assert found[:, 1:].all()
    assert not found[:, 0].all()
    groups = replace(own, group=tuple(i // 6 for i in range(18)))
    with pytest.raises(TrainingError, match="3 groups of coded items"):
        check_coverage(scores_of(groups, labels), 0.8, each_class=False)
    numbers = Conformal(
        labels=(),
        label=None,
        score=np.ones(30),
        fold=np.zeros(30, int),
        weight=np.ones(30),
        unit=np.arange(30),
    )
    with pytest.raises(TrainingError, match="numbers have no classes"):
        check_coverage(numbers, 0.9, each_class=True)


def test_a_network_without_test_images_has_no_sets():
    report = Report(
        **{"task": "binary", "n": 4, "labels": ("a", "b"), "counts": {}, "groups": None, "bounds": None},
        **{"dropped": (), "notes": (), "options": {}, "held_out": None, "held_out_predictions": None},
        **{"libraries": {}, "seconds": 0.0, "kind": "network"},
    )
    with pytest.raises(TrainingError, match="add test/ to its folder"):
        conformal_of(report)
    own, labels, new = predictions(np.random.default_rng(0), 30, k=2, folds=1)
    tested = replace(report, labels=labels, held_out_predictions=replace(own, fold=None))
    assert (label_sets(conformal_of(tested), new, 0.8) == label_sets(scores_of(own, labels), new, 0.8)).all()
    with pytest.raises(TrainingError, match="of an earlier version"):
        conformal_of(replace(report, kind="linear", labels=labels, groups=3, out_of_fold=own))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "design", "each_class"),
    [
        ("zero-shot", "simple", False),
        ("zero-shot", "weights", False),
        ("probe", "simple", True),
        ("probe", "groups", False),
        ("numbers", "simple", False),
    ],
)
def test_sets_cover_what_they_state(kind, design, each_class):
    """150 studies: within four standard errors, and at most three points above where nothing makes sets larger."""
    covered, _, classes, error = simulate(
        kind, 80, 150, design=design, **({} if kind == "numbers" else {"each_class": each_class})
    )
    assert (covered > np.array(LEVELS) - 4 * error).all(), covered
    if each_class:
        assert (classes > np.array(LEVELS)[:, None] - 0.04).all(), classes
    elif design == "simple":
        assert (covered < np.array(LEVELS) + 0.03).all(), covered


@pytest.mark.slow
@pytest.mark.parametrize("design", ["simple", "weights", "groups"])
@pytest.mark.parametrize("kind", ["zero-shot", "probe", "numbers"])
@pytest.mark.parametrize("n", [50, 100, 500])
def test_sets_cover_what_they_state_in_thousands_of_studies(kind, design, n):
    covered, _, _, _ = simulate(kind, n, 2000, design=design)
    assert (covered > np.array(LEVELS) - 0.01).all(), covered
