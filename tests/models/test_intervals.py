"""Intervals of shares against scipy's, at the edge, under weights and groups; their coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.intervals import Figure, effective_size, mean_figure, share_figure


@given(st.integers(1, 300), st.data())
def test_the_interval_of_equal_weights_is_scipys(n, data):
    hits = data.draw(st.integers(0, n))
    found = share_figure(np.arange(n) < hits)
    expected = binomtest(hits, n).proportion_ci(0.95, "wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 100)), min_size=1, max_size=60), st.integers(1, 9))
def test_any_interval_contains_its_share_and_has_a_width(rows, groups):
    hits, weights = (np.array(column, float) for column in zip(*rows, strict=True))
    found = share_figure(hits, weights)
    clustered = share_figure(hits, weights, np.arange(len(rows)) % groups)
    for figure in (found, clustered):
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
        assert figure.high - figure.low > 0.001
    assert share_figure(hits, 7 * weights).low == pytest.approx(found.low)
    assert effective_size(hits, weights) <= len(rows) * (1 + 1e-9)


def test_none_of_six_is_an_upper_limit_and_not_a_point():
    expected = binomtest(0, 6).proportion_ci(0.95, "wilson")
    assert share_figure(np.zeros(6)).high == pytest.approx(expected.high, abs=1e-6)
    # Kish: weights 1, 1, 1, 1, 1, 5 are worth 10²/30 items
    assert effective_size(np.zeros(6), np.array([1.0, 1, 1, 1, 1, 5])) == pytest.approx(100 / 30)
    # three groups in which all items are alike are worth three items
    assert effective_size(np.ones(6), np.ones(6), np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(3)
    assert share_figure(np.zeros(6), confidence=0.99).high > expected.high


def test_items_without_weight_are_not_in_the_domain():
    assert share_figure([1, 0, 1], [1, 1, 0]) == share_figure([1, 0])
    nothing = share_figure([1, 0], [0, 0], value=0.0)
    assert nothing.value == 0
    assert np.isnan([nothing.low, nothing.high]).all()


def test_the_mean_of_one_share_is_that_share():
    figure = Figure(value=0.2, low=0.1, high=0.5)
    one = mean_figure([figure])
    assert (one.value, one.low, one.high) == pytest.approx((0.2, 0.1, 0.5))
    four = mean_figure([figure] * 4)
    assert (four.low, four.high) == pytest.approx((0.15, 0.35))


DESIGNS = ("equal", "weights", "groups")


def simulate(n: int, p: float, design: str, studies: int, seed: int) -> float:
    """The share of studies whose 95 % interval contains p."""
    rng = np.random.default_rng(seed)
    covered = 0
    for _ in range(studies):
        hits, weights, groups = rng.random(n) < p, None, None
        if design == "weights":  # Kish's effective size is about half of n
            weights = rng.lognormal(0, 0.8, n)
        elif design == "groups":  # of five items, with an intraclass correlation of 0.2
            groups = np.arange(n) // 5
            own = rng.beta(4 * p, 4 * (1 - p), groups.max() + 1) if 0 < p < 1 else np.full(groups.max() + 1, p)
            hits = rng.random(n) < own[groups]
        found = share_figure(hits, weights, groups)
        covered += found.low - 1e-12 <= p <= found.high + 1e-12
    return covered / studies


@pytest.mark.parametrize("design", DESIGNS)
def test_coverage_of_a_share_at_the_edge(design):
    for p in (0.0, 0.98):
        assert simulate(40, p, design, 300, 1) > 0.91


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n", [6, 20, 100])
@pytest.mark.parametrize("p", [0.0, 0.02, 0.5, 0.98])
def test_coverage(n, p, design):
    """The table of docs/classifiers.md. Wilson's limit of 1 in 6 is above .02, so that coverage is .98^6 there."""
    assert simulate(n, p, design, 4000, 0) > (0.87 if n == 6 and p in (0.02, 0.98) else 0.925)
