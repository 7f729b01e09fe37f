"""Coefficients by which two codes may agree in part: weighted kappa (Cohen 1968), and Gwet's AC1 and AC2.

A weight is 1 for equal codes and 0 for those farthest apart: 1 - d (linear) or 1 - d² (quadratic), where d is the
distance of two codes as a share of the largest distance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from models.annotation.code_list import CodeList, sparse_counts
from models.intervals import ratio

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["linear", "quadratic"]
Measure = Callable[[Float], Float]
WEIGHTS: tuple[Weights, ...] = ("linear", "quadratic")


def weights_of(level: Level) -> tuple[Weights, ...]:
    """The weights that suit codes of a level: none for names of categories."""
    return () if level == "nominal" else WEIGHTS


def positions(values: Float, level: Level) -> Float:
    """Positions from 0 to 1 of different codes in order, (values,): their ranks, or under level interval themselves."""
    places = values if level == "interval" else np.arange(len(values), dtype=np.float64)
    place: Float = (places - places[0]) / max(float(places[-1] - places[0]), np.finfo(np.float64).tiny)
    return place


def weighted_kappa(first: Float, second: Float, weights: Weights) -> Measure:
    """Weighted kappa of resamples: how often each unit was drawn (r, units) → (r,).

    Parameters
    ----------
    first, second : (units,) positions of the codes of two coders, NaN where there is none.

    Source: Cohen, "Weighted kappa", Psychological Bulletin 1968, 70:213. With quadratic weights and positions that are
    the codes themselves it is Lin's (1989) concordance correlation with variances over n.
    """
    both = ~(np.isnan(first) | np.isnan(second))
    x, y = np.where(both, first, 0.0), np.where(both, second, 0.0)
    if weights == "quadratic":
        columns = np.stack([both, (x - y) ** 2, x, y, x**2, y**2], axis=1).astype(np.float64)

        def measure(times: Float) -> Float:
            n, observed, *sums = (times @ columns).T
            a, b, aa, bb = (ratio(each, n) for each in sums)
            return _one_minus(ratio(observed, n), aa + bb - 2 * a * b)

        return measure
    units = np.flatnonzero(both)
    values = np.unique(np.concatenate([x[units], y[units]]))
    own, other = (sparse_counts(units, each[units], len(x), values)[0] for each in (x, y))
    gaps, distance = np.diff(values), np.abs(x - y)

    def linear(times: Float) -> Float:
        n = times @ both
        below = [np.cumsum(np.asarray((each.T @ times.T).T), axis=1)[:, :-1] for each in (own, other)]
        f, g = (ratio(each, np.broadcast_to(n[:, None], each.shape)) for each in below)
        return _one_minus(ratio(times @ distance, n), (f + g - 2 * f * g) @ gaps)

    return linear


def _one_minus(observed: Float, expected: Float) -> Float:
    """1 minus observed over expected disagreement; NaN where none is expected."""
    return 1 - ratio(observed, np.where(expected > 1e-12, expected, 0))


@dataclass(frozen=True)
class Gwet:
    """Gwet's AC1, or with weights AC2: (observed - expected) / (1 - expected) agreement.

    Chance agreement is that of codes given at random to items that are hard to code, whose share is estimated by how
    evenly the categories are used, so that it is low where one category has nearly all codes.

    Attributes
    ----------
    agreement : (units,) mean weight of the pairs of codes of each unit, 0 for one with a single code.
    paired : (units,) 1 for a unit with two codes or more.
    shares : (units, values) sparse, the share of each value among the codes of a unit.
    spread : sum of all weights over q (q - 1), for q categories; NaN for a single one.

    Source: Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement", British
    Journal of Mathematical and Statistical Psychology 2008, 61:29; Handbook of Inter-Rater Reliability, 2014, chapter 3
    (AC2, and missing codes: chance agreement is that of all items with a code, observed agreement that of those with
    two).
    """

    agreement: Float
    paired: Float
    shares: "csr_array"
    spread: float

    def measure(self, times: Float) -> Float:
        """The coefficient of resamples: how often each unit was drawn (r, units) → (r,)."""
        observed = ratio(times @ self.agreement, times @ self.paired)
        total = times.sum(axis=1)
        found = np.asarray((self.shares.T @ times.T).T) / total[:, None]
        expected = self.spread * (1 - np.square(found).sum(axis=1))
        coefficient: Float = (observed - expected) / (1 - expected)
        return coefficient


def gwet(codes: CodeList, place: Float, values: Float, weights: Weights | None) -> Gwet:
    """Gwet's coefficient of codes, of which each item has one at least.

    Parameters
    ----------
    place : (values,) positions of the different codes.
    values : (values,) the different codes, in order; categories that nobody has used are not known.
    """
    counts, _ = sparse_counts(codes.item, codes.code, codes.items, values)
    m = np.bincount(codes.item, minlength=codes.items).astype(np.float64)
    pairs = m * (m - 1)
    index = np.searchsorted(values, codes.code)
    if weights is None:
        together = np.asarray(counts.multiply(counts).sum(axis=1)).ravel() - m
    else:
        together = pairs - _distances(codes.item, place[index], m, weights)
    return Gwet(
        agreement=ratio(together, pairs, 0.0),
        paired=(m > 1).astype(np.float64),
        shares=counts.multiply(1 / m[:, None]).tocsr(),
        spread=spread(place, weights),
    )


def spread(place: Float, weights: Weights | None) -> float:
    """The sum of the weights of all pairs of q categories over q (q - 1); NaN for a single category."""
    q = len(place)
    if q < 2:
        return float("nan")
    if weights is None:
        return 1 / (q - 1)
    apart = np.abs(place[:, None] - place[None])
    return float((1 - (apart if weights == "linear" else apart**2)).sum() / (q * (q - 1)))


def _distances(item: NDArray[np.intp], place: Float, m: Float, weights: Weights) -> Float:
    """The sum of the distances of all ordered pairs of codes of an item, (items,)."""
    n = len(m)
    if weights == "quadratic":
        sums, squares = np.bincount(item, place, n), np.bincount(item, place**2, n)
        return np.maximum(2 * (m * squares - sums**2), 0)
    order = np.lexsort((place, item))
    item, place = item[order], place[order]
    rank = np.arange(len(item)) - np.searchsorted(item, item)  # of a code among those of its item, from 0
    return np.maximum(2 * np.bincount(item, place * (2 * rank + 1 - m[item]), n), 0)
