"""Corrected regressions against statsmodels, jackknives by hand, and simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import brentq

from models.correction.regression import Rows, corrected_regression, design
from models.errors import EstimateError

TRUE = np.array([-0.3, 0.8, 0.5])
NAMES = ["(constant)", "x", "z"]


def truth(family, predicted, prevalence):
    """The coefficients with which a predicted binary outcome has a prevalence; TRUE otherwise."""
    if prevalence is None or (family, predicted) != ("logistic", "outcome"):
        return TRUE
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)

    def surplus(constant):
        eta = constant + TRUE[1] * nodes[:, None] + TRUE[2] * np.array([0, 1])
        return weights / weights.sum() @ (1 / (1 + np.exp(-eta))) @ [0.6, 0.4] - prevalence

    return np.array([brentq(surplus, -9, 9), *TRUE[1:]])


def data(rng, size=2000, *, family="linear", predicted="outcome", groups=False, prevalence=None):
    """Matrices and outcomes with codes and with predictions, and the group of each item.

    `prevalence` is that of what is predicted, where it is binary.
    """
    group = np.repeat(np.arange(size // 10), 10) if groups else np.arange(size)
    x = rng.normal(size=size)
    if groups:
        x = 0.7 * x + 0.7 * rng.normal(size=size // 10)[group]
    z = (rng.random(size) < (prevalence if prevalence and predicted == "covariate" else 0.4)) * 1.0
    matrix = np.column_stack([np.ones(size), x, z])
    eta = matrix @ truth(family, predicted, prevalence)
    if family == "linear":
        y = eta + rng.normal(size=size) + (0.5 * rng.normal(size=size // 10)[group] if groups else 0)
    else:
        y = (rng.random(size) < 1 / (1 + np.exp(-eta))) * 1.0
    matrix_predicted, y_predicted = matrix.copy(), y.copy()
    if predicted == "covariate":
        matrix_predicted[:, 2] = np.where(rng.random(size) < 0.9, z, 1 - z)
    elif family == "linear":
        y_predicted = y + 0.5 * rng.normal(size=size) + 0.3 * x
    else:
        y_predicted = np.where(rng.random(size) < 0.9, y, 1 - y)
    return matrix, y, matrix_predicted, y_predicted, group


def fitted(rng, n, family="linear", predicted="outcome", *, groups=False, unequal=False, size=2000, prevalence=None):
    x, y, xp, yp, group = data(rng, size, family=family, predicted=predicted, groups=groups, prevalence=prevalence)
    weight = np.ones(size)
    if groups:
        rows = np.flatnonzero(np.isin(group, rng.permutation(size // 10)[: n // 10]))
    elif unequal:
        chance = 0.5 + (yp > np.median(yp))
        chance *= n / chance.sum()
        rows, weight = np.flatnonzero(rng.random(size) < chance), 1 / chance
    else:
        rows = rng.permutation(size)[:n]
    unit = np.unique(group[rows], return_inverse=True)[1]
    w = weight[rows]
    return (
        Rows(x=x[rows], y=y[rows], weight=w, unit=unit),
        Rows(x=xp[rows], y=yp[rows], weight=w, unit=unit),
        Rows(x=xp, y=yp, weight=np.ones(size), unit=group),
    )


def test_the_coded_regression_is_ordinary_least_squares_with_hc3():
    rows = fitted(np.random.default_rng(0), 120)
    found = corrected_regression(NAMES, *rows, family="linear")
    for which, part in (("coded", rows[0]), ("naive", rows[2])):
        n = len(part.y)
        expected = sm.OLS(part.y, part.x).fit(cov_type="HC3")
        assert [getattr(each, which)[0] for each in found] == pytest.approx(expected.params)
        assert [getattr(each, which)[1] for each in found] == pytest.approx(expected.bse * ((n - 1) / n) ** 0.5)


@pytest.mark.parametrize("unequal", [False, True])
def test_the_logistic_regression_is_that_of_statsmodels(unequal):
    rows = fitted(np.random.default_rng(1), 300, "logistic", unequal=unequal)
    found = corrected_regression(NAMES, *rows, family="logistic")
    part = rows[0]
    weight = part.weight / part.weight.mean()
    expected = sm.GLM(part.y, part.x, family=sm.families.Binomial(), freq_weights=weight).fit(cov_type="HC0")
    assert [each.coded[0] for each in found] == pytest.approx(expected.params, abs=1e-6)
    if not unequal:
        assert [each.coded[1] for each in found] == pytest.approx(expected.bse, rel=0.05)


@pytest.mark.parametrize("groups", [False, True])
def test_the_standard_error_is_a_jackknife(groups):
    rows = fitted(np.random.default_rng(2), 60, groups=groups)
    found = corrected_regression(NAMES, *rows, family="linear")
    part = rows[0]
    units = int(part.unit.max()) + 1
    whole = np.linalg.lstsq(part.x, part.y)[0]
    changes = []
    for unit in range(units):
        rest = part.unit != unit
        changes.append(np.linalg.lstsq(part.x[rest], part.y[rest])[0] - whole)
    expected = np.sqrt((units - 1) / units * np.square(changes).sum(axis=0))
    assert [each.coded[1] for each in found] == pytest.approx(expected)


def test_the_correction_is_the_difference_of_naive_regressions():
    rows = fitted(np.random.default_rng(3), 150)
    for j, each in enumerate(corrected_regression(NAMES, *rows, family="linear")):
        coded, of_coded, everything = (np.linalg.lstsq(part.x, part.y)[0][j] for part in rows)
        assert each.corrected[0] == pytest.approx(coded + each.slope * (everything - of_coded))
        assert each.worth > 150


@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("predicted", ["outcome", "covariate"])
def test_it_covers_where_the_naive_regression_does_not(family, predicted):
    rng = np.random.default_rng(4)
    held, naive, narrower = np.zeros(3), np.zeros(3), []
    for _ in range(60):
        found = corrected_regression(NAMES, *fitted(rng, 150, family, predicted), family=family)
        held += [each.corrected[2] <= true <= each.corrected[3] for each, true in zip(found, TRUE, strict=True)]
        naive += [each.naive[2] <= true <= each.naive[3] for each, true in zip(found, TRUE, strict=True)]
        narrower += [each.corrected[1] / each.coded[1] for each in found]
    assert held.min() >= 0.86 * 60  # 95 % less three standard errors of the simulation
    assert naive.min() < 0.85 * 60
    assert np.median(narrower) < 0.8
    assert max(narrower) <= 1.001


def coverage(family, predicted, n, sample, prevalence, times=2000):
    """Coverage of each coefficient, its widths relative to the coded items alone, and the share of studies refused."""
    rng = np.random.default_rng(5)
    true = truth(family, predicted, prevalence)
    held, ratios, refused = np.zeros(3), [], 0
    for _ in range(times):
        rows = fitted(
            rng, n, family, predicted, groups=sample == "groups", unequal=sample == "unequal", prevalence=prevalence
        )
        try:
            found = corrected_regression(NAMES, *rows, family=family)
        except EstimateError:
            refused += 1
            continue
        held += [each.corrected[2] <= value <= each.corrected[3] for each, value in zip(found, true, strict=True)]
        ratios += [
            (each.corrected[3] - each.corrected[2]) / (each.coded[3] - each.coded[2])
            for each in found
            if each.coded[3] > each.coded[2]
        ]
    return held / max(times - refused, 1), np.array(ratios), refused / times


@pytest.mark.slow
@pytest.mark.parametrize("sample", ["simple", "unequal", "groups"])
@pytest.mark.parametrize("n", [50, 100, 500])
@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("predicted", ["outcome", "covariate"])
def test_coverage_in_every_cell(family, predicted, n, sample):
    shares, ratios, refused = coverage(family, predicted, n, sample, 0.3)
    print(f"{family}, predicted {predicted}, n {n}, {sample}: {shares.round(3)}, {np.median(ratios):.2f}, {refused}")
    assert shares.min() > {50: 0.89, 100: 0.91, 500: 0.93}[n]  # docs/estimates.md has every cell
    assert ratios.max() <= 1 + 1e-9


def test_categories_become_indicators():
    names, x = design({"year": [2001.0, 2002, 2003], "party": ["b", "a", "c"]})
    assert names == ["(constant)", "year", "party=b", "party=c"]
    assert x.tolist() == [[1, 2001, 1, 0], [1, 2002, 0, 0], [1, 2003, 0, 1]]
    with pytest.raises(EstimateError, match="has 300 categories"):
        design({"id": [str(i) for i in range(300)]})


def test_columns_that_follow_from_others_are_named():
    coded, of_coded, everything = fitted(np.random.default_rng(0), 60)

    def doubled(rows):
        return Rows(x=np.column_stack([rows.x, 2 * rows.x[:, 1]]), y=rows.y, weight=rows.weight, unit=rows.unit)

    with pytest.raises(EstimateError, match=r"among the coded items, twice is a linear combination"):
        corrected_regression([*NAMES, "twice"], doubled(coded), doubled(of_coded), doubled(everything), family="linear")


def test_separated_and_too_few_items_are_refused():
    rng = np.random.default_rng(0)
    coded, of_coded, everything = fitted(rng, 40, "logistic")
    apart = Rows(x=coded.x, y=(coded.x[:, 1] > 0) * 1.0, weight=coded.weight, unit=coded.unit)
    with pytest.raises(EstimateError, match="the coded items are separated by the covariates"):
        corrected_regression(NAMES, apart, of_coded, everything, family="logistic")
    few = fitted(rng, 3)
    with pytest.raises(EstimateError, match=r"3 coded items .* are too few for a regression with 3 coefficients"):
        corrected_regression(NAMES, *few, family="linear")


def test_large_covariates_do_not_lose_digits():
    coded, of_coded, everything = fitted(np.random.default_rng(6), 150)

    def years(rows):
        x = rows.x.copy()
        x[:, 1] = x[:, 1] * 1e6 + 2e9
        return Rows(x=x, y=rows.y, weight=rows.weight, unit=rows.unit)

    plain = corrected_regression(NAMES, coded, of_coded, everything, family="linear")
    far = corrected_regression(NAMES, *(years(rows) for rows in (coded, of_coded, everything)), family="linear")
    assert far[1].corrected[0] * 1e6 == pytest.approx(plain[1].corrected[0], rel=1e-5)
    assert far[1].corrected[1] * 1e6 == pytest.approx(plain[1].corrected[1], rel=1e-5)
