"""Draws: exact sizes, true inclusion probabilities, unbiased totals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotation.sampling import purposive, round_at_random, simple, stratified, stratum_quotas
from models.errors import ClusteringError

STRATA = ["a"] * 500 + ["b"] * 120 + ["c"] * 30 + ["d"] * 4 + [-1] * 46
DESIGNS = ({}, {"allocation": "equal"}, {"allocation": "floor", "floor": 10})


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    share=st.floats(0, 1),
    allocation=st.sampled_from(["proportional", "equal", "floor"]),
    seed=st.integers(0, 1000),
)
def test_a_draw_has_its_size_and_takes_no_item_twice(sizes, share, allocation, seed):
    strata = np.repeat(np.arange(len(sizes)), sizes).tolist()
    size = max(1, round(share * len(strata)))
    floor = min(2, size // len(sizes))
    draw = stratified(strata, size, allocation=allocation, floor=floor, seed=seed)
    assert len(draw.indexes) == len(set(draw.indexes.tolist())) == size
    assert sum(each.drawn for each in draw.strata) == size
    assert draw.inclusion_prob is not None
    assert ((draw.inclusion_prob > 0) & (draw.inclusion_prob <= 1 + 1e-12)).all()
    expected = sum(each.population * each.probability for each in draw.strata)
    assert expected == pytest.approx(size)
    for each in draw.strata:
        quota = each.population * each.probability
        assert np.floor(quota - 1e-6) <= each.drawn <= np.ceil(quota + 1e-6)
        if allocation == "floor":
            assert each.drawn >= min(floor, each.population)


@settings(max_examples=100, deadline=None)
@given(quotas=st.lists(st.floats(0, 9), min_size=1, max_size=20), seed=st.integers(0, 1000))
def test_rounding_keeps_the_sum_and_its_neighbours(quotas, seed):
    q = np.array(quotas)
    q[-1] += np.ceil(q.sum()) - q.sum()
    found = round_at_random(q, np.random.default_rng(seed))
    assert found.sum() == round(q.sum())
    assert ((found >= np.floor(q - 1e-6)) & (found <= np.ceil(q + 1e-6))).all()


@pytest.mark.parametrize("options", DESIGNS, ids=lambda o: o.get("allocation", "proportional"))
def test_the_probabilities_are_true_and_totals_unbiased(options):
    y = np.random.default_rng(1).gamma(2, 1, len(STRATA)) + np.array([ord(str(s)[0]) % 7 for s in STRATA])
    times, totals = np.zeros(len(STRATA)), []
    probability = np.zeros(len(STRATA))
    draws = 1500
    for seed in range(draws):
        draw = stratified(STRATA, 61, seed=seed, **options)
        times[draw.indexes] += 1
        probability[draw.indexes] = draw.inclusion_prob
        totals.append((y[draw.indexes] / draw.inclusion_prob).sum())
    off = (times / draws - probability) / np.sqrt(probability * (1 - probability) / draws + 1e-12)
    assert np.abs(off[probability < 1]).max() < 5
    assert (times[probability == 1] == draws).all()
    z = (np.mean(totals) - y.sum()) / (np.std(totals) / np.sqrt(draws))
    assert abs(z) < 3.5


def test_equal_gives_what_small_strata_lack_to_the_others():
    assert stratum_quotas(np.array([500, 120, 30, 4]), 100, allocation="equal").tolist() == [33, 33, 30, 4]
    drawn = {each.stratum: each.drawn for each in stratified(STRATA, 100, allocation="equal").strata}
    assert drawn["d"] == 4
    assert sum(drawn.values()) == 100


def test_simple_and_purposive():
    draw = simple(50, 10, seed=3)
    assert draw.inclusion_prob is not None
    assert set(draw.inclusion_prob) == {0.2}
    assert draw.fit_for_inference
    best = purposive([0.1, 0.9, 0.5, 0.9], 3)
    assert best.indexes.tolist() == [1, 3, 2]
    assert best.inclusion_prob is None
    assert not best.fit_for_inference
    assert "purposive" in best.remarks[0].lower()


def test_strata_without_a_place_are_told_of():
    draw = stratified([*("a" * 995), *"bcdef"], 10)
    assert any(each.drawn == 0 for each in draw.strata)
    assert "strata are too small" in draw.remarks[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: simple(5, 6),
        lambda: simple(5, 0),
        lambda: stratified(["a"], 2),
        lambda: stratified(STRATA, 20, allocation="floor", floor=10),
        lambda: purposive([1.0, float("nan")], 1),
    ],
)
def test_what_cannot_be_drawn_is_refused(call):
    with pytest.raises(ClusteringError):
        call()
