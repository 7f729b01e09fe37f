"""Intervals of accuracy, precision, recall and F1 against scipy's, at the edge, under weights, groups and repeats."""

import numpy as np
import pytest
from scipy.stats import binomtest

from models.classifiers.measure import evaluate

LABELS = ("a", "b", "c")


def figures(y, outputs, *, weights=None, groups=None, repeated=(), labels=LABELS):
    measured, _ = evaluate(
        np.asarray(y),
        np.asarray(outputs, float),
        task="categorical",
        labels=labels,
        threshold=0.5,
        ids=[str(i) for i in range(len(y))],
        weights=np.ones(len(y)) if weights is None else weights,
        groups=groups,
        resamples=50,
        seed=0,
        repeated=repeated,
    )
    return measured


def wilson(hits, n):
    found = binomtest(hits, n).proportion_ci(0.95, "wilson")
    return found.low, found.high


def test_recall_of_none_of_six_has_a_width():
    y = np.array([0] * 20 + [1] * 6)
    found = figures(y, np.tile([1.0, 0.0, 0.0], (26, 1)), labels=LABELS).figures
    assert (found["recall[b]"].low, found["recall[b]"].high) == pytest.approx(wilson(0, 6), abs=1e-6)
    assert (found["recall[a]"].low, found["recall[a]"].high) == pytest.approx(wilson(20, 20), abs=1e-6)
    assert (found["precision[a]"].low, found["precision[a]"].high) == pytest.approx(wilson(20, 26), abs=1e-6)
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx(wilson(20, 26), abs=1e-6)
    # F1 = 2J / (1 + J) of the items that are the class or predicted as it
    low, high = wilson(20, 26)
    assert found["f1[a]"].low == pytest.approx(2 * low / (1 + low))
    assert found["f1[a]"].high == pytest.approx(2 * high / (1 + high))
    assert found["f1[b]"].value == 0
    assert found["f1[b]"].high > 0.2
    assert np.isnan(found["precision[b]"].low)  # never predicted: no item has a share
    assert found["balanced_accuracy"].low < 0.5 < found["balanced_accuracy"].high


def test_all_right_is_no_certainty():
    y = np.arange(30) % 3
    for groups in (None, np.arange(30) // 3):
        found = figures(y, np.eye(3)[y], weights=np.tile([1.0, 2.0, 3.0], 10), groups=groups).figures
        for name in ("accuracy", "balanced_accuracy", "precision_macro", "recall[a]", "precision[b]", "f1[c]"):
            assert found[name].value == 1
            assert 0.5 < found[name].low < 0.95, name
            assert found[name].high == 1


def test_figures_of_repeats_are_means_with_the_interval_of_one():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    runs = [np.eye(3)[np.where(rng.random(60) < 0.7, y, rng.integers(0, 3, 60))] for _ in range(3)]
    each = [figures(y, run).figures for run in runs]
    found = figures(y, runs[0], repeated=runs[1:])
    for name in ("accuracy", "f1_macro", "recall[a]", "precision[b]", "roc_auc"):
        assert found.figures[name].value == pytest.approx(np.mean([one[name].value for one in each]))
        assert found.repeats[name] == pytest.approx([one[name].value for one in each])
    share = found.figures["accuracy"]
    assert share.high - share.low > 0.9 * min(one["accuracy"].high - one["accuracy"].low for one in each)
    same = figures(y, runs[0], repeated=[runs[0]] * 4)
    for name, figure in each[0].items():
        assert same.figures[name].low == pytest.approx(figure.low, nan_ok=True), name
    assert figures(y, runs[0]).repeats is None
