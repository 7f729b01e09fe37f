"""Probabilities of answers, against scipy and a search through all sets of categories."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from models.annotation.answer_likelihoods import Scored, chosen, covered, shares

SCORED = st.builds(Scored, st.floats(-500, 0), st.integers(1, 30))


@given(st.lists(SCORED, min_size=1, max_size=20))
def test_shares_are_the_softmax_of_scores(answers):
    sums = np.array([each.log_probability for each in answers])
    tokens = np.array([each.tokens for each in answers])
    np.testing.assert_allclose(shares(answers, "mean"), softmax(sums / tokens), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(shares(answers, "sum"), softmax(sums), rtol=1e-9, atol=1e-300)


def test_length_decides_by_the_sum_alone():
    short, long = Scored(-2.0, 1), Scored(-6.0, 4)
    assert shares([short, long], "mean")[1] > 0.5
    assert shares([short, long], "sum")[1] < 0.5
    assert covered([short, long]) == math.exp(-2) + math.exp(-6)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0.01, 0.99), min_size=1, max_size=6))
def test_the_chosen_set_is_the_most_probable_one_that_is_not_empty(each):
    def probability(some):
        return math.prod(p if name in some else 1 - p for name, p in each.items())

    sets = [some for n in range(1, len(each) + 1) for some in itertools.combinations(each, n)]
    assert math.isclose(probability(chosen(each)), max(map(probability, sets)), rel_tol=1e-9)
