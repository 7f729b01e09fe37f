"""Active draws: exact probabilities, fixed sizes, and estimates from them that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from models.annotation.active import active, inclusion_probabilities, mixture
from models.errors import ClusteringError
from models.estimates.estimates import estimate
from models.estimates.records import CorpusTable
from models.validations.tables import CodeTable, Labeller

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(SCORES, st.floats(0.01, 1), st.floats(0, 1), st.integers(0, 99))
def test_a_draw_has_its_size_and_probabilities_between_0_and_1(scores, uniform, share, seed):
    size = max(1, round(share * len(scores)))
    draw = active(scores, size, uniform=uniform, seed=seed)
    assert len(set(draw.indexes.tolist())) == size
    assert ((draw.inclusion_prob > 0) & (draw.inclusion_prob <= 1)).all()
    assert draw.fit_for_inference
    sizes = mixture(np.array(scores), uniform)
    assert sizes.sum() == pytest.approx(1)
    every = inclusion_probabilities(sizes, size)
    assert every.sum() == pytest.approx(size)
    if size < len(scores):  # the factor of the sizes, by root finding
        factor = brentq(lambda c: np.minimum(1, c * sizes).sum() - size, 0, 2 / sizes.min() * size, xtol=1e-14)
        np.testing.assert_allclose(every, np.minimum(1, factor * sizes), rtol=1e-6)


def test_the_probabilities_are_those_of_the_draws():
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.random(30), np.zeros(20), np.ones(9), [0.5]])
    times, draws = np.zeros(60), 6000
    for seed in range(draws):
        times[active(scores, 25, seed=seed).indexes] += 1
    expected = inclusion_probabilities(mixture(scores, 0.2), 25)
    assert (expected == 1).sum() == 8
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(times / draws - expected) <= 4.5 * error).all()
    assert expected.min() > 0.2 * 25 / 60 * 0.99


def test_scores_are_probabilities():
    with pytest.raises(ClusteringError, match=r"got 1\.5 for item 1, and 1 such; an active draw needs"):
        active([0.5, 1.5], 1)
    with pytest.raises(ClusteringError, match="uniform: got 0"):
        active([0.5, 0.5], 1, uniform=0)
    with pytest.raises(ClusteringError, match="size: got 3"):
        active([0.5, 0.5], 3)


N, SIZE = 1000, 150


def corpus(rng, sharpness):
    """Labels and scores: calibrated for sharpness 1, and more certain than they are right above it."""
    logit = rng.normal(-1.0, 1.5, N)
    label = rng.random(N) < 1 / (1 + np.exp(-logit))
    return label, 1 / (1 + np.exp(-sharpness * logit))


@pytest.mark.thorough
@pytest.mark.parametrize("sharpness", [1, 3])
def test_the_intervals_of_estimates_cover(sharpness):
    """The corrected share and that of codes alone, of 300 samples of as many corpora."""
    rng = np.random.default_rng(2)
    times = 300
    covered, widths, even = np.zeros(2), np.zeros(2), 0.0
    items = [str(i) for i in range(N)]
    for seed in range(times):
        label, score = corpus(rng, sharpness)
        draw = active(score, SIZE, seed=seed)
        labels = ["yes" if each else "no" for each in label]
        codes = CodeTable(
            item=[items[i] for i in draw.indexes],
            code=[labels[i] for i in draw.indexes],
            inclusion_prob=draw.inclusion_prob.tolist(),
        )
        labeller = Labeller(name="m", item=items, scores={"yes": score.tolist(), "no": (1 - score).tolist()})
        (found,) = estimate(CorpusTable(item=items), codes, [labeller], positive="yes").estimates
        for i, value in enumerate((found.mean.corrected, found.mean.classical)):
            covered[i] += value.low <= label.mean() <= value.high
            widths[i] += (value.high - value.low) / times
        even += 2 * 1.96 * (np.var(label.astype(float) - score) / SIZE) ** 0.5 / times
    rate = covered / times
    print(f"sharpness {sharpness}: coverage {rate}, widths {widths}, of a simple sample about {even:.4f}")
    assert (rate > 0.95 - 3 * (0.95 * 0.05 / times) ** 0.5).all()
    assert widths[0] < widths[1]
