"""Thresholds on a score: the curve of scikit-learn, and figures on items that did not choose the threshold."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_curve

from models.validations.thresholds import POINTS, class_curve

OPTIONS = {"groups": None, "recall": 0.8, "seed": 0}


def data(n: int = 150, rare: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < rare
    return positive, rng.random(n) * 0.7 + 0.3 * positive * rng.random(n)


def test_points_are_those_of_scikit_learn():
    positive, score = data()
    weights = np.random.default_rng(1).uniform(1, 3, len(score))
    found = class_curve("x", positive, score, weights, **OPTIONS)
    precision, recall, thresholds = precision_recall_curve(positive, score, sample_weight=weights)
    own = {round(each.threshold, 12): (each.precision, each.recall) for each in found.points}
    theirs = {round(float(t), 12): (p, r) for t, p, r in zip(thresholds, precision[:-1], recall[:-1], strict=True)}
    assert len(own) <= POINTS
    for threshold, point in own.items():
        assert point == pytest.approx(theirs[threshold])


def test_the_best_f1_and_the_best_precision_at_a_recall_are_chosen():
    positive, score = data(rare=0.3)
    weights = np.ones(len(score))
    found = class_curve("x", positive, score, weights, **OPTIONS)
    precision, recall, _ = precision_recall_curve(positive, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best, at_recall = found.thresholds
    assert best.same_items["f1"] == pytest.approx(f1.max())
    assert at_recall.same_items["precision"] == pytest.approx(precision[:-1][recall[:-1] >= 0.8].max())
    assert at_recall.same_items["recall"] >= 0.8


def test_a_threshold_on_noise_looks_better_on_its_own_items():
    optimistic = honest = 0.0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        positive, score = rng.random(120) < 0.1, rng.random(120)
        best = class_curve("x", positive, score, np.ones(120), **OPTIONS).thresholds[0]
        optimistic += best.same_items["f1"] / 8
        honest += best.f1.value / 8
    assert optimistic > 0.22  # predicting all has F1 of about 0.18
    assert honest < 0.2


def test_one_positive_item_is_too_few_for_a_threshold():
    positive = np.arange(50) == 7
    best = class_curve("x", positive, np.linspace(0, 1, 50), np.ones(50), **OPTIONS).thresholds[0]
    assert best.threshold is not None
    assert np.isnan(best.f1.value)


def test_groups_are_on_one_side():
    positive = np.repeat([True, False], [20, 80])
    groups = np.repeat(np.arange(20), 5)  # four groups have all positive items
    score = np.repeat(np.random.default_rng(0).random(20), 5)
    best = class_curve("x", positive, score, np.ones(100), **{**OPTIONS, "groups": groups}).thresholds[0]
    assert best.f1.value <= best.same_items["f1"] + 1e-9


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2])
def test_a_threshold_without_an_error_is_not_certain(groups):
    """Where all are right the interval is that of Wilson for the items of the class, and never without width."""
    positive = np.arange(60) < 12
    score = np.where(positive, 0.9, 0.1)
    best = class_curve("x", positive, score, np.ones(60), groups=groups, recall=0.8, seed=0).thresholds[0]
    n = 12 if groups is None else 6
    low, _ = proportion_confint(n, n)
    assert best.recall.value == best.precision.value == best.f1.value == 1
    assert (best.recall.low, best.recall.high) == pytest.approx((low, 1))
    assert best.precision.low == pytest.approx(low)
    assert 0.5 < best.f1.low < 1


def proportion_confint(k, n):
    interval = binomtest(k, n).proportion_ci(method="wilson")
    return interval.low, interval.high
