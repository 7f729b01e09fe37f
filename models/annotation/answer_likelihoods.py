"""Probabilities of the answers to a question, by the likelihood that a model gives to each of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Score = Literal["mean", "sum"]
RECIPES: Mapping[Score, str] = {
    "mean": "1: softmax of the mean log-probability per token, end of the answer included",
    "sum": "1: softmax of the sum of the log-probabilities of the tokens, end of the answer included",
}


class Scored(NamedTuple):
    """An answer with the sum of the log-probabilities of its tokens, and their number."""

    log_probability: float
    tokens: int


def shares(answers: Sequence[Scored], score: Score) -> list[float]:
    """Probabilities, (n,), which sum to 1: the softmax of the scores of the answers.

    Parameters
    ----------
    score : "sum": the log-probability of the whole answer. The probabilities are those of a model that may write
        nothing else; each further token lowers that of a long name. "mean": that sum, divided by the number of tokens,
        so that the length of a name does not decide; the probabilities are flatter.
    """
    scores = [each.log_probability / (each.tokens if score == "mean" else 1) for each in answers]
    most = max(scores)
    weights = [math.exp(each - most) for each in scores]
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
