"""ROC and precision-recall curves against scikit-learn's, with weights and equal scores."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.metrics import precision_recall_curve, roc_curve

from models.classifiers.curves import class_curves


def test_curves_are_scikit_learns():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n = 12 + 20 * seed
        positive, weights = rng.random(n) < 0.3, rng.uniform(0.1, 5, n)
        positive[:2] = True, False
        score = rng.random(n).round(1 if seed % 2 else 6)
        found = class_curves(positive, score, weights)
        rate, recall, threshold = roc_curve(positive, score, sample_weight=weights, drop_intermediate=False)
        assert_allclose(found.false_positive, rate[1:], atol=1e-12)
        assert_allclose(found.recall, recall[1:], atol=1e-12)
        assert_allclose(found.threshold, threshold[1:])
        precision, again, _ = precision_recall_curve(positive, score, sample_weight=weights)
        assert_allclose(found.precision, precision[:-1][::-1], atol=1e-12)
        assert_allclose(found.recall, again[:-1][::-1], atol=1e-12)
        assert_allclose(found.prevalence, np.average(positive, weights=weights))


def test_a_single_class_has_no_curve():
    assert class_curves(np.ones(3, bool), np.arange(3.0), np.ones(3)) is None
    assert class_curves(np.zeros(3, bool), np.arange(3.0), np.ones(3)) is None
