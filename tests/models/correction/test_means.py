"""Corrected means against estimates and jackknives that are computed anew for each item left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.correction.means import Coded, Corpus, corrected_mean, difference
from models.errors import EstimateError


def sample(rng, n=60, *, groups=None, strata=1, weighted=False):
    y = (rng.random(n) < 0.35) * 1.0
    return Coded(
        code=y,
        prediction=np.clip(0.1 + 0.6 * y + 0.2 * rng.normal(size=n), 0, 1),
        weight=rng.uniform(1, 5, n) if weighted else np.ones(n),
        unit=np.arange(n) if groups is None else np.arange(n) % groups,
        stratum=np.arange(n) % strata if groups is None else (np.arange(n) % groups) % strata,
    )


def corpus(strata=1, n=2000):
    rng = np.random.default_rng(9)
    size = np.full(strata, n / strata)
    return Corpus(n=n, size=size, mean=rng.uniform(0.3, 0.4, strata), variance=0.08 / n)


def by_definition(coded, whole):
    """The estimate and λ of some items, by weighted means and moments of each stratum."""
    shares = whole.size / whole.size.sum()
    value, shift, cross, square = 0.0, 0.0, 0.0, 0.0
    for h, share in enumerate(shares):
        rows = coded.stratum == h
        w = coded.weight[rows] / coded.weight[rows].sum()
        y, f = coded.code[rows], coded.prediction[rows]
        value += share * (w @ y)
        shift += share * (whole.mean[h] - w @ f)
        cross += share**2 * (w**2 @ ((y - w @ y) * (f - w @ f)))
        square += share**2 * (w**2 @ (f - w @ f) ** 2)
    return value + max(cross / square, 0) * shift, cross / square


@pytest.mark.parametrize(
    ("groups", "strata", "weighted"), [(None, 1, False), (None, 3, True), (12, 1, False), (12, 3, True)]
)
def test_the_estimate_and_its_jackknife(groups, strata, weighted):
    rng = np.random.default_rng(1)
    coded, whole = sample(rng, groups=groups, strata=strata, weighted=weighted), corpus(strata)
    found = corrected_mean(coded, whole, share=False)
    value, slope = by_definition(coded, whole)
    assert found.slope == pytest.approx(slope)
    assert found.corrected.value == pytest.approx(value)
    variance = slope**2 * whole.variance
    for unit in range(int(coded.unit.max()) + 1):
        rest = coded.unit != unit
        stratum = coded.stratum[~rest][0]
        m = len(set(coded.unit[coded.stratum == stratum].tolist()))
        left_out = Coded(**{name: column[rest] for name, column in vars(coded).items()})
        variance += (m - 1) / m * (by_definition(left_out, whole)[0] - value) ** 2
    assert found.corrected.se == pytest.approx(variance**0.5)


def test_codes_alone_have_the_textbooks_interval():
    from scipy import stats

    rng = np.random.default_rng(2)
    coded = sample(rng, 40)
    found = corrected_mean(coded, corpus(), share=False, slope=0.0)
    se = coded.code.std(ddof=1) / 40**0.5
    assert found.classical.se == pytest.approx(se)
    assert found.slope == 0
    assert found.corrected == found.classical
    # the degrees of freedom allow for the few items of a class: at most n - 1
    half = (found.classical.high - found.classical.low) / 2
    assert stats.t.ppf(0.975, 39) * se <= half * (1 + 1e-9)


def test_the_mean_of_disjoint_items_is_that_of_prediction_powered_inference():
    """λ of all items is λ (N - n) / N of the items that are not coded (Angelopoulos et al. 2023)."""
    rng = np.random.default_rng(3)
    coded = sample(rng, 100)
    others = np.clip(rng.normal(0.35, 0.3, 900), 0, 1)
    predictions = np.concatenate([coded.prediction, others])
    whole = Corpus(
        n=1000, size=np.array([1000.0]), mean=np.array([predictions.mean()]), variance=predictions.var(ddof=1) / 1000
    )
    found = corrected_mean(coded, whole, share=False)
    power = found.slope * 900 / 1000
    expected = power * others.mean() + (coded.code - power * coded.prediction).mean()
    assert found.corrected.value == pytest.approx(expected)


def test_useless_predictions_do_no_harm():
    rng = np.random.default_rng(4)
    coded = sample(rng, 80)
    useless = Coded(**{**vars(coded), "prediction": np.full(80, 0.5)})
    opposite = Coded(**{**vars(coded), "prediction": 1 - coded.prediction})
    for each in (useless, opposite):
        found = corrected_mean(each, corpus(), share=True)
        assert found.slope == 0
        assert found.corrected == found.classical
        assert found.worth == pytest.approx(80)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(4, 40), st.booleans(), st.sampled_from([None, 3]))
def test_the_interval_is_never_wider_than_that_of_the_codes(seed, n, share, groups):
    rng = np.random.default_rng(seed)
    coded = sample(rng, n, groups=groups, weighted=bool(seed % 2))
    found = corrected_mean(coded, corpus(), share=share)
    ours, theirs = (each.high - each.low for each in (found.corrected, found.classical))
    assert np.isfinite([ours, theirs]).all()
    assert ours <= theirs
    assert found.corrected.low <= found.corrected.value <= found.corrected.high
    if share:
        assert 0 <= found.corrected.low <= found.corrected.high <= 1


def test_all_codes_equal_have_an_interval_with_a_width():
    n = 50
    coded = Coded(
        code=np.zeros(n), prediction=np.full(n, 0.1), weight=np.ones(n), unit=np.arange(n), stratum=np.zeros(n, int)
    )
    found = corrected_mean(coded, corpus(), share=True)
    assert (found.corrected.value, found.corrected.low) == (0, 0)
    assert 0.05 < found.corrected.high < 0.1  # Wilson's of 0 of 50 is 0.071


def test_a_difference_of_parts_that_share_units_allows_for_them():
    rng = np.random.default_rng(5)
    coded = sample(rng, 80)
    found = corrected_mean(coded, corpus(), share=False).corrected
    nothing = difference(found, found)
    assert (nothing.value, nothing.se) == (0, pytest.approx((2 * found.around) ** 0.5))


@pytest.mark.parametrize("changed", ["items", "strata"])
def test_too_few_items_are_refused(changed):
    one = sample(np.random.default_rng(0), 1)
    if changed == "strata":
        one = sample(np.random.default_rng(0), 5, strata=3)
    with pytest.raises(EstimateError, match="too few for a standard error; code at least two"):
        corrected_mean(one, corpus(int(one.stratum.max()) + 1), share=True)


def study(rng, n, p, design, *, balanced=False, size=3000, auc=0.9):
    """A study with predictions of a given AUC, whose probabilities are those of a training set of equal classes."""
    from scipy.stats import norm

    d = 2**0.5 * norm.ppf(auc)
    group = np.repeat(np.arange(size // 10), 10)
    chance = np.full(size, p)
    if design == "groups":
        chance = rng.beta(4 * p, 4 * (1 - p), size // 10)[group]
    y = (rng.random(size) < chance) * 1.0
    score = rng.normal(d * y, 1)
    prior = 0.5 if balanced else p
    f = 1 / (1 + np.exp(-(np.log(prior / (1 - prior)) + d * score - d * d / 2)))
    weight = np.ones(size)
    if design == "unequal":
        inclusion = np.minimum(1, n * (0.3 + f) / (0.3 + f).sum())
        rows, weight = np.flatnonzero(rng.random(size) < inclusion), 1 / inclusion
    elif design == "groups":
        rows = np.flatnonzero(np.isin(group, rng.permutation(size // 10)[: n // 10]))
    else:
        rows = rng.permutation(size)[:n]
    unit = np.arange(len(rows)) if design != "groups" else np.unique(group[rows], return_inverse=True)[1]
    error = np.bincount(group, f - f.mean()) if design == "groups" else f - f.mean()
    whole = Corpus(n=size, size=np.array([1.0 * size]), mean=np.array([f.mean()]), variance=error @ error / size**2)
    zeros = np.zeros(len(rows), int)
    return Coded(code=y[rows], prediction=f[rows], weight=weight[rows], unit=unit, stratum=zeros), whole


def simulate(n, p, design, balanced, replications, seed=1):
    """Coverage with predictions, coverage of codes alone, and the widths relative to codes alone, (replications,)."""
    rng = np.random.default_rng(seed)
    held, plain, widths = 0, 0, []
    for _ in range(replications):
        found = corrected_mean(*study(rng, n, p, design, balanced=balanced), share=True)
        held += found.corrected.low <= p <= found.corrected.high
        plain += found.classical.low <= p <= found.classical.high
        widths.append((found.corrected.high - found.corrected.low) / (found.classical.high - found.classical.low))
    return held / replications, plain / replications, np.array(widths)


def test_groups_keep_the_coverage_that_items_alone_would_lose():
    """40 whole accounts of 10 images: intervals for independent images cover three quarters."""
    rng = np.random.default_rng(0)
    grouped, single = 0, 0
    for _ in range(200):
        coded, whole = study(rng, 400, 0.3, "groups", auc=0.6)
        found = corrected_mean(coded, whole, share=True).corrected
        alone = Coded(**{**vars(coded), "unit": np.arange(len(coded.code))})
        wrong = corrected_mean(alone, whole, share=True).corrected
        grouped += found.low <= 0.3 <= found.high
        single += wrong.low <= 0.3 <= wrong.high
    assert grouped >= 0.91 * 200
    assert single <= 0.88 * 200


@pytest.mark.slow
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("design", ["simple", "unequal", "groups"])
@pytest.mark.parametrize("p", [0.05, 0.3])
@pytest.mark.parametrize("n", [50, 100, 500])
def test_coverage_in_every_cell(n, p, design, balanced):
    held, plain, widths = simulate(n, p, design, balanced, 2000)
    print(f"n {n}, share {p}, {design}, balanced {balanced}: {held:.3f}, codes alone {plain:.3f}, {np.median(widths)}")
    assert held > 0.93
    assert widths.max() <= 1.0


@pytest.mark.parametrize(("n", "wrong"), [(50, 0.01), (50, 0.03), (100, 0.02)])
def test_errors_that_were_not_seen_have_a_variance(n, wrong):
    """Labels of which a few are wrong in one direction: most samples have none of them, or one."""
    rng = np.random.default_rng(n)
    covered, narrower = 0, 0
    for _ in range(200):
        code = (rng.random(5000) < 0.3).astype(np.float64)
        prediction = np.where((code == 1) & (rng.random(5000) < wrong / 0.3), 0.0, code)
        rows = rng.choice(5000, n, replace=False)
        coded = Coded(
            code=code[rows],
            prediction=prediction[rows],
            weight=np.ones(n),
            unit=np.arange(n),
            stratum=np.zeros(n, np.intp),
        )
        corpus = Corpus(
            n=5000, size=np.array([5000.0]), mean=np.array([prediction.mean()]), variance=prediction.var() / 5000
        )
        found = corrected_mean(coded, corpus, share=True)
        covered += found.corrected.low <= code.mean() <= found.corrected.high
        narrower += found.corrected.high - found.corrected.low < found.classical.high - found.classical.low
    assert covered >= 188  # without the allowance 75 to 180
    assert narrower == 200
