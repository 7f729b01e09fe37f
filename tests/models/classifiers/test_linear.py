"""Ridge and logistic regression: scikit-learn's numbers, and an optimum where scikit-learn's default stops short."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from models.classifiers.head import calibrated_probabilities
from models.classifiers.linear import SEARCH, logistic, principal_axes, ridge


def problem(n, d, k, seed=0):
    """Vectors as encoders give them: of length 1, with a large common part; every class is there."""
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    x = rng.standard_normal((n, d)) + 0.4 * rng.standard_normal((k, d))[y] + 1
    return x / np.linalg.norm(x, axis=1, keepdims=True), y, rng.uniform(0.2, 5, n)


def oracle(x, y, w, c):
    """Newton's method with the whole Hessian: it ends at the optimum, not near it."""
    return LogisticRegression(C=c, max_iter=1000, tol=1e-12, solver="newton-cholesky").fit(x, y, sample_weight=w)


def probabilities(line, x):
    return calibrated_probabilities(x @ line.coef.T + line.intercept, 1, 0)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0, 1000.0])
@pytest.mark.parametrize(("n", "d", "k"), [(300, 40, 4), (60, 90, 3), (300, 40, 2)])
def test_logistic_regression_is_scikit_learns(n, d, k, strength):
    x, y, w = problem(n, d, k)
    found = logistic(principal_axes(x, w), y, k, strength)
    expected = oracle(x, y, w, strength)
    assert found.converged
    assert np.abs(probabilities(found, x) - expected.predict_proba(x)).max() < 1e-6
    assert np.abs(found.coef - expected.coef_).max() < 1e-6 * max(1, np.abs(expected.coef_).max())


@pytest.mark.parametrize("strength", [0.01, 1.0, 1000.0])
@pytest.mark.parametrize(("n", "d"), [(300, 40), (60, 90)])
def test_ridge_is_scikit_learns(n, d, strength):
    x, _, w = problem(n, d, 2)
    y = np.random.default_rng(1).normal(50, 9, n)
    found = ridge(principal_axes(x, w), y, strength)
    expected = Ridge(alpha=1 / strength).fit(x, y, sample_weight=w)
    assert np.abs(found.coef[0] - expected.coef_).max() < 1e-8
    assert found.intercept[0] == pytest.approx(expected.intercept_, abs=1e-8)


def test_scikit_learns_default_stops_short_of_it():
    """Why there is a solver here: the same model, and its probabilities are not yet those of the optimum."""
    x, y, w = problem(600, 40, 4)
    exact = oracle(x, y, w, 1000.0).predict_proba(x)
    default = LogisticRegression(C=1000.0, max_iter=1000).fit(x, y, sample_weight=w).predict_proba(x)
    ours = probabilities(logistic(principal_axes(x, w), y, 4, 1000.0), x)
    assert np.abs(default - exact).max() > 1e-4
    assert np.abs(ours - exact).max() < 1e-6


def test_where_it_begins_does_not_matter():
    x, y, w = problem(300, 40, 4)
    a = principal_axes(x, w)
    cold = logistic(a, y, 4, 100.0)
    warm = logistic(a, y, 4, 100.0, start=logistic(a, y, 4, 1.0))
    assert np.abs(probabilities(cold, x) - probabilities(warm, x)).max() < 1e-6


def test_the_search_is_near_enough_to_choose_by():
    x, y, w = problem(300, 40, 4)
    exact = logistic(principal_axes(x, w), y, 4, 100.0)
    near = logistic(principal_axes(x, w, exact=False), y, 4, 100.0, tolerance=SEARCH)
    assert np.abs(probabilities(exact, x) - probabilities(near, x)).max() < 0.02


def test_separable_classes_and_vectors_that_are_all_the_same_have_an_optimum_too():
    x = np.concatenate([np.eye(8)[:1].repeat(20, 0), np.eye(8)[1:2].repeat(20, 0)])
    y = np.repeat([0, 1], 20)
    apart = logistic(principal_axes(x, np.ones(40)), y, 2, 1000.0)
    assert apart.converged
    assert np.isfinite(apart.coef).all()
    same = logistic(principal_axes(np.ones((40, 8)), np.ones(40)), np.repeat([0, 1], [10, 30]), 2, 1.0)
    assert probabilities(same, np.ones((1, 8)))[0, 1] == pytest.approx(0.75)
    assert ridge(principal_axes(np.ones((40, 8)), np.ones(40)), y.astype(float), 1.0).coef.max() == 0


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(2, 40))
def test_the_axes_lose_nothing(seed, d, n):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((n, d)) + 2, rng.uniform(0.1, 9, n)
    a = principal_axes(x, w)
    assert a.shares.sum() == pytest.approx(1)
    assert np.allclose(a.rotated @ a.basis.T + a.centre, x)
    assert np.allclose(a.shares @ a.rotated**2, a.variances)
