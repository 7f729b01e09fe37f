"""Estimates beside those of design-based supervised learning, written anew from its papers.

Egami, Hinck, Stewart & Wei (2023, NeurIPS; 2024, Sociological Methods & Research), as R's package dsl has them: each
item's moment by its prediction g, plus R / π times the difference of the moments by its code and by g, where R says
whether it is coded and π is the probability of that; the sandwich variance of all items. g is cross-fitted from the
labels and covariates. With a predicted outcome that is a regression of the pseudo-outcome g + R / π (y - g).
"""

import numpy as np
import pytest

from models.correction.means import Coded, Corpus, corrected_mean
from models.correction.regression import corrected_regression
from tests.models.correction.test_regression import NAMES, TRUE, Rows, data

N, CODES = 2000, 300


def dsl(x, y, x_predicted, y_predicted, coded, probability, family="linear"):
    """Coefficients and standard errors; codes (x, y) count only where `coded`, of which `probability` is the chance."""
    factor = coded / probability
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        pairs = ((x, y, factor), (x_predicted, y_predicted, 1 - factor))
        scores, jacobian = np.zeros(x.shape), np.zeros((x.shape[1],) * 2)
        for columns, outcome, weight in pairs:
            mean = columns @ beta if family == "linear" else 1 / (1 + np.exp(-columns @ beta))
            slope = np.ones(len(mean)) if family == "linear" else mean * (1 - mean)
            scores += columns * (weight * (outcome - mean))[:, None]
            jacobian += (columns.T * (weight * slope)) @ columns
        step = np.linalg.solve(jacobian, scores.sum(axis=0))
        beta = beta + step
        if np.abs(step).max() < 1e-12:
            break
    bread = np.linalg.inv(jacobian)
    return beta, np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread.T))


def cross_fitted(target, features, coded, rng, folds=5):
    """Predictions of every item by a linear regression of the coded items of the other folds."""
    fold = rng.integers(0, folds, len(target))
    g = np.empty(len(target))
    for k in range(folds):
        train, own = coded & (fold != k), fold == k
        g[own] = features[own] @ np.linalg.lstsq(features[train], target[train])[0]
    return g


def draw(rng):
    coded = np.zeros(N, bool)
    coded[rng.permutation(N)[:CODES]] = True
    return coded


def means(y, f, coded, slope=None):
    n = int(coded.sum())
    sample = Coded(
        code=y[coded], prediction=f[coded], weight=np.ones(n), unit=np.arange(n), stratum=np.zeros(n, np.intp)
    )
    corpus = Corpus(n=N, size=np.array([1.0 * N]), mean=np.array([f.mean()]), variance=float(f.var(ddof=1)) / N)
    return corrected_mean(sample, corpus, share=False, slope=slope)


def regression(x, y, xp, yp, coded, family="linear", slope=None):
    n, ones = int(coded.sum()), np.ones(N)
    own = np.arange(n)
    found = corrected_regression(
        NAMES[: x.shape[1]],
        Rows(x=x[coded], y=y[coded], weight=ones[:n], unit=own),
        Rows(x=xp[coded], y=yp[coded], weight=ones[:n], unit=own),
        Rows(x=xp, y=yp, weight=ones, unit=np.arange(N)),
        family=family,
        slope=slope,
    )
    return np.array([each.corrected[:2] for each in found]).T


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_at_slope_one_is_equal(seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(N) < 0.3) * 1.0
    f = np.clip(0.15 + 0.5 * y + 0.2 * rng.normal(size=N), 0, 1)
    coded, one = draw(rng), np.ones((N, 1))
    ours = means(y, f, coded, slope=1.0).corrected
    value, error = dsl(one, y, one, f, coded, CODES / N)
    assert ours.value == pytest.approx(value[0], abs=1e-12)
    # theirs counts the mean error of g as variance, as if the number of codes were random, and the covariance of f and
    # y - f over the corpus, which ours leaves out since it is 0 at the slope that is fitted
    e = (y - f)[coded]
    known = e.mean() ** 2 * (1 / CODES - 1 / N) + 2 * np.cov(f[coded], e)[0, 1] / N
    assert ours.se**2 == pytest.approx(error[0] ** 2 - known, rel=0.01)


def test_the_mean_at_the_fitted_slope_is_equal_with_the_same_function_of_the_prediction():
    rng = np.random.default_rng(2)
    y = (rng.random(N) < 0.3) * 1.0
    f = np.clip(0.15 + 0.5 * y + 0.2 * rng.normal(size=N), 0, 1)
    coded, one = draw(rng), np.ones((N, 1))
    found = means(y, f, coded)
    g = y[coded].mean() + found.slope * (f - f[coded].mean())
    value, error = dsl(one, y, one, g, coded, CODES / N)
    assert found.corrected.value == pytest.approx(value[0], abs=1e-12)
    assert found.corrected.se == pytest.approx(error[0], rel=0.01)


def test_the_linear_regression_is_equal_where_the_sample_has_the_covariates_of_the_corpus():
    """Coded items of each group in proportion: the two estimators differ by the inverse of X'X alone."""
    rng = np.random.default_rng(3)
    group = np.repeat([0.0, 1.0], N // 2)
    y = 0.3 * group + rng.normal(size=N)
    f = y + 0.4 * rng.normal(size=N) + 0.3 * group
    x = np.column_stack([np.ones(N), group])
    coded = np.zeros(N, bool)
    for first in (0, N // 2):
        coded[first + rng.permutation(N // 2)[: CODES // 2]] = True
    value, error = regression(x, y, x, f, coded, slope=1.0)
    theirs, their_error = dsl(x, y, x, f, coded, CODES / N)
    assert value == pytest.approx(theirs, abs=1e-9)
    assert error == pytest.approx(their_error, rel=0.05)  # apart by the covariance of f and y - f, as above


KINDS = ("ours, prediction f, slope 1", "dsl, f", "ours, cross-fitted g, slope 1", "dsl, g", "ours, f")


def compared(family, predicted, studies, seed=4):
    """Estimates and standard errors of KINDS in simulated studies, (studies, 5, 3) each."""
    rng = np.random.default_rng(seed)
    values, errors = [], []
    for _ in range(studies):
        x, y, xp, yp, _ = data(rng, N, family=family, predicted=predicted)
        coded = draw(rng)
        xg, yg = xp.copy(), yp.copy()
        if predicted == "outcome":
            yg = cross_fitted(y, np.column_stack([x, yp]), coded, rng)
        else:
            xg[:, 2] = cross_fitted(x[:, 2], np.column_stack([xp, y]), coded, rng)
        inside = np.clip(yg, 0, 1) if family == "logistic" else yg
        found = [
            regression(x, y, xp, yp, coded, family, slope=1.0),
            dsl(x, y, xp, yp, coded, CODES / N, family),
            regression(x, y, xg, inside, coded, family, slope=1.0),
            dsl(x, y, xg, yg, coded, CODES / N, family),
            regression(x, y, xp, yp, coded, family),
        ]
        values.append([each[0] for each in found])
        errors.append([each[1] for each in found])
    return np.array(values), np.array(errors)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_regressions_of_a_predicted_outcome_agree(family):
    values, errors = compared(family, "outcome", 60)
    spread = values.std(axis=0)
    for ours, theirs, apart in ((0, 1, 0.5), (2, 3, 0.2)):  # in standard deviations
        gap = values[:, ours] - values[:, theirs]
        assert (np.abs(gap).mean(axis=0) < apart * spread[theirs]).all()
        assert (np.abs(gap.mean(axis=0)) < 3 * gap.std(axis=0) / 60**0.5 + 0.05 * spread[theirs]).all()
    assert np.median(errors[:, 2] / errors[:, 3], axis=0) == pytest.approx(1, abs=0.05)
    assert np.median(errors[:, 4] / errors[:, 3], axis=0) == pytest.approx(1, abs=0.06)
    assert ((np.abs(values - TRUE) < 1.96 * errors).mean(axis=(0, 2)) >= 0.9).all()


def main():
    """Print the figures of docs/estimates.md."""
    print("| model, predicted | | " + " | ".join(KINDS) + " | apart |\n| --- | --- |" + " --- |" * 6)
    for family in ("linear", "logistic"):
        for predicted in ("outcome", "covariate"):
            values, errors = compared(family, predicted, 1000)
            bias, spread = values.mean(axis=0) - TRUE, values.std(axis=0)
            held = 100 * (np.abs(values - TRUE) < 1.96 * errors).mean(axis=0)
            gap = np.abs(values[:, 2] - values[:, 3]).mean(axis=0) / spread[3]
            for j, name in enumerate(NAMES):
                cells = (
                    f"{bias[k, j]:+.3f}, {spread[k, j]:.3f}, {errors[:, k, j].mean():.3f}, {held[k, j]:.1f}"
                    for k in range(len(KINDS))
                )
                print(f"| {family}, {predicted} | {name} | {' | '.join(cells)} | {gap[j]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
