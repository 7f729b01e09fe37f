"""Evaluation of representations by coded pairs without a clustering: the AUC of the cosine of a pair.

The AUC is the probability that a pair that people put together has a higher cosine than one that they did not; an equal
cosine counts half (Hanley and McNeil 1982, Radiology 143:29). The weight of a pair is 1 over its inclusion probability.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.annotation.pair_comparison import Float, bootstrapped, check_columns, design
from models.intervals import Figure, percentile_figure, ratio
from models.stopping import Check, unchecked

FEW = 20  # pairs of one kind below which the intervals of the AUC cover less often than stated


@dataclass(frozen=True, kw_only=True)
class Separation:
    """AUC of one representation, and its difference from the first of the ranking, on the same resamples."""

    name: str
    auc: Figure
    difference: Figure | None


def pair_cosines(rows: NDArray[np.floating], a: NDArray[np.int64], b: NDArray[np.int64]) -> Float:
    """Cosines (p,) of the pairs of `rows` (n, d) at `a` and `b` (p,); the rows need not have length 1."""
    step = max(1, 2**22 // rows.shape[1])
    found = np.empty(len(a))
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        x, y = (np.asarray(rows[end[part]], np.float64) for end in (a, b))
        lengths = np.sqrt(np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", y, y))
        found[part] = np.einsum("ij,ij->i", x, y) / lengths
    return np.round(found, 12)  # identical vectors have one cosine, whatever the rounding of their sums


def separate(
    same: Sequence[bool],
    cosines: Mapping[str, Float],
    *,
    inclusion_prob: Sequence[float] | None = None,
    stratum: Sequence[str] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    check: Check = unchecked,
) -> tuple[tuple[Separation, ...], tuple[str, ...]]:
    """Rank representations by the AUC of the cosines of coded pairs.

    Parameters
    ----------
    same : (p,) whether people put the two items of each pair together.
    cosines : name → cosine of each pair (p,).
    inclusion_prob, stratum : (p,) of each pair, from `draw_pairs`; None: equal probabilities, one stratum.
    resamples : number of bootstrap samples of pairs, drawn within strata; all representations share them.

    Returns
    -------
    The representations, the highest AUC first, NaN where all pairs are coded alike; and remarks.
    """
    check_columns(len(same), {"inclusion_prob": inclusion_prob, "stratum": stratum})
    truth = np.asarray(same, bool)
    weight, strata = design(len(truth), inclusion_prob, stratum)
    measures = {name: _auc(values, truth) for name, values in cosines.items()}
    samples = bootstrapped(measures, weight, strata, resamples, np.random.default_rng(seed), check)
    ranking = sorted(samples, key=lambda name: (np.isnan(samples[name][0]), -samples[name][0]))
    first = samples[ranking[0]]

    def difference(name: str) -> Figure | None:
        if name == ranking[0]:
            return None
        value, drawn = samples[name]
        return percentile_figure(value - first[0], drawn - first[1], confidence)

    ranked = tuple(
        Separation(name=name, auc=percentile_figure(*samples[name], confidence), difference=difference(name))
        for name in ranking
    )
    return ranked, _remarks(truth, ranked)


def _remarks(truth: NDArray[np.bool_], ranked: Sequence[Separation]) -> tuple[str, ...]:
    together, apart = int(truth.sum()), int((~truth).sum())
    if not together or not apart:
        kind = "together" if together else "apart"
        return (f"The AUC is not given: people put all {len(truth):,} pairs {kind}; code pairs of both kinds.",)
    remarks = []
    if min(together, apart) < FEW:
        remarks.append(
            f"People put {together:,} pairs together and {apart:,} apart: with fewer than {FEW} of one kind the "
            "intervals of the AUC are too narrow."
        )
    if perfect := [each.name for each in ranked if each.auc.value in (0, 1)]:
        remarks.append(
            f"{', '.join(perfect)}: the cosine separates the coded pairs completely, which leaves the bootstrap no "
            "variation: the interval is too narrow."
        )
    return tuple(remarks)


def _auc(cosines: Float, truth: NDArray[np.bool_]) -> Callable[[Float], Float]:
    """A function from weights of the pairs (r, p) to the weighted AUC (r,)."""
    order = np.argsort(cosines, kind="stable")
    ordered = cosines[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))  # of equal cosines
    positive = truth[order]

    def measure(weights: Float) -> Float:
        sorted_weights = weights[:, order]
        together = np.add.reduceat(sorted_weights * positive, starts, axis=1)
        apart = np.add.reduceat(sorted_weights * ~positive, starts, axis=1)
        below = np.cumsum(apart, axis=1) - apart / 2
        return ratio((together * below).sum(axis=1), together.sum(axis=1) * apart.sum(axis=1))

    return measure
