"""Probabilities of the answers to a question, by the likelihood that a model gives to each of them."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

RECIPE = "1: softmax of the mean log-probability per token, end of the answer included"


class Scored(NamedTuple):
    """An answer with the sum of the log-probabilities of its tokens, and their number."""

    log_probability: float
    tokens: int


def shares(answers: Sequence[Scored]) -> list[float]:
    """Probabilities, (n,), which sum to 1: the softmax of the mean log-probability per token.

    The sum alone would favour short answers: each further token can only lower it.
    """
    means = [each.log_probability / each.tokens for each in answers]
    most = max(means)
    weights = [math.exp(mean - most) for mean in means]
    return [weight / sum(weights) for weight in weights]


def covered(answers: Sequence[Scored]) -> float:
    """Probability that the model, free to write anything, writes one of the answers."""
    return min(1.0, math.fsum(math.exp(each.log_probability) for each in answers))


def chosen(shares: Mapping[str, float]) -> list[str]:
    """The most probable set of categories with at least one, if each applies by its share and independently.

    These are all categories above one half; where there is none, the one with the largest share.
    """
    several = [name for name, share in shares.items() if share > 0.5]
    return several or [max(shares, key=lambda name: shares[name])]
