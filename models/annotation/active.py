"""Samples that have more of the items of which a classifier is uncertain, with known inclusion probabilities.

The probability of an item is proportional to a mixture of a uniform part and of its uncertainty p (1 - p), the variance
of its label if its score p is right (Zrnic & Candès 2024, "Active statistical inference", arXiv:2403.03208; the mixture
bounds the weights of items that are scored with false certainty). The sample has a fixed size: it is drawn
systematically with these probabilities in a random order (Hartley & Rao 1962; Cox 1987), so that they are exact.
"""

from collections.abc import Sequence

import numpy as np

from models.annotation.sampling import Draw, Float, check_size, finite_scores, round_at_random
from models.errors import ClusteringError


def active(scores: Sequence[float], size: int, *, uniform: float = 0.2, seed: int = 0) -> Draw:
    """Draw `size` items, more of those with uncertain scores.

    Parameters
    ----------
    scores : (n,) probabilities of the positive class, 0 to 1.
    uniform : share of the uniform part, above 0 and at most 1: no probability is below about `uniform` times size / n.

    Raises
    ------
    ClusteringError : invalid_scores, invalid_size.
    """
    values = finite_scores(scores)
    outside = np.flatnonzero((values < 0) | (values > 1))
    if len(outside):
        raise ClusteringError(
            f"scores: got {values[outside[0]]:g} for item {outside[0]}, and {len(outside):,} such; an active draw "
            "needs probabilities from 0 to 1",
            code="invalid_scores",
        )
    if not 0 < uniform <= 1:
        raise ClusteringError(f"uniform: got {uniform:g}; must be above 0 and at most 1", code="invalid_size")
    n = len(values)
    check_size(n, size)
    probability = inclusion_probabilities(mixture(values, uniform), size)
    rng = np.random.default_rng(seed)
    indexes = np.flatnonzero(round_at_random(probability, rng))
    rng.shuffle(indexes)
    certain = int((probability == 1).sum())
    remarks = (
        (f"{certain:,} of {size:,} items were so uncertain beside the others that they were certain to be drawn.",)
        if 0 < certain < n
        else ()
    )
    return Draw(
        design="active",
        n=n,
        indexes=indexes.astype(np.int64),
        inclusion_prob=probability[indexes],
        remarks=remarks,
    )


def mixture(scores: Float, uniform: float) -> Float:
    """The sizes to which probabilities are proportional, (n,), which sum to 1."""
    uncertainty = scores * (1 - scores)
    even = np.full(len(scores), 1 / len(scores))
    if uncertainty.max() <= 0:
        return even
    uncertainty /= uncertainty.max()  # some may be too small to be added up
    return np.asarray(uniform * even + (1 - uniform) * uncertainty / uncertainty.sum())


def inclusion_probabilities(sizes: Float, size: int) -> Float:
    """Probabilities, (n,), that sum to `size` and are proportional to `sizes`, or 1 where that would be above 1."""
    probability = np.ones(len(sizes))
    rest = np.ones(len(sizes), bool)
    while rest.any():
        left = size - (len(sizes) - int(rest.sum()))
        scaled = left * sizes[rest] / sizes[rest].sum()
        if (scaled < 1).all() or left <= 0:
            probability[rest] = scaled
            break
        rest[np.flatnonzero(rest)[scaled >= 1]] = False
    return probability
