"""Figures with intervals: Wilson's for shares, percentiles of a bootstrap for others; and ratios that may be undefined.

A bootstrap of a share at the edge (0 of 6, 6 of 6) draws the same share every time, and its interval has no width.
Shares therefore have Wilson's interval (1927, JASA 22:209), with unequal weights or groups for the effective sample
size of Korn & Graubard (1998, Survey Methodology 24:193).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def percentile_figure(value: float, drawn: ArrayLike, confidence: float = 0.95) -> Figure:
    """A figure with the percentile interval of its bootstrap values `drawn`, those that are NaN left out."""
    values = np.asarray(drawn, np.float64)
    values = values[~np.isnan(values)]
    tail = round(50 * (1 - confidence), 10)
    low, high = np.percentile(values, [tail, 100 - tail]) if len(values) else (np.nan, np.nan)
    return Figure(value=float(value), low=float(low), high=float(high))


@dataclass(frozen=True, kw_only=True)
class Resampled(Figure):
    """A figure with a bootstrap interval, and the number of resamples in which it is undefined, which are left out."""

    undefined: int = 0


def resampled_figure(value: float, drawn: ArrayLike) -> Resampled:
    """`percentile_figure` at 95 %, with the number of values that it leaves out."""
    figure = percentile_figure(value, drawn)
    undefined = int(np.isnan(np.asarray(drawn, np.float64)).sum())
    return Resampled(value=figure.value, low=figure.low, high=figure.high, undefined=undefined)


def wilson(share: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """The interval of a share of `n` items (Wilson 1927, JASA 22:209); 95 % by default."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # exact at 0 and 1


def share_figure(
    hits: ArrayLike,
    weights: ArrayLike | None = None,
    groups: NDArray[np.integer] | None = None,
    *,
    value: float | None = None,
    confidence: float = 0.95,
) -> Figure:
    """A share of items with Wilson's interval for the effective number of items; NaN without items.

    Parameters
    ----------
    hits : (n,) 1 for an item that counts, 0 for one that does not, or a share of it between.
    weights : (n,) not negative; None: equal ones. Items with weight 0 are not in the domain, and are left out.
    groups : (n,) indices: items of one group are not independent. None: every item is.
    value : the share, where it is not the weighted mean of `hits`.
    """
    y = np.asarray(hits, np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    there = w > 0
    if not there.any():
        return Figure(value=np.nan if value is None else float(value), low=np.nan, high=np.nan)
    y, w = y[there], w[there]
    share = float(w @ y / w.sum())
    unit = None if groups is None else np.unique(np.asarray(groups)[there], return_inverse=True)[1]
    shown = share if value is None else float(value)
    low, high = wilson(min(max(shown, 0.0), 1.0), effective_size(y, w, unit), normal_quantile(confidence))
    return Figure(value=shown, low=low, high=high)


def effective_size(y: Float, w: Float, groups: NDArray[np.integer] | None = None) -> float:
    """The number of equally weighted, independent items that would give a share the same variance.

    At the edge, where no variance is seen, it is Kish's (1965) of the weights, of which a group counts as one.
    Elsewhere it is the share's own, with Student's quantile for the number of groups, and at most Kish's of the items:
    a share of few items with small weights by chance must not pass for a precise one.

    Parameters
    ----------
    y, w : (n,) shares from 0 to 1, and positive weights.
    groups : (n,) indices from 0 on.
    """
    n = len(y)
    part = w / w.sum()
    p = float(part @ y)
    units = n if groups is None else int(groups.max()) + 1
    whole, error = part, part * (y - p)
    if groups is not None:
        whole, error = np.bincount(groups, part), np.bincount(groups, error)
    variance = float(error @ error)
    if units == 1 or variance < 1e-24 or not 0 < p < 1:
        return 1 / float(whole @ whole)
    size = p * (1 - p) / variance
    if units < n:
        from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

        size *= (1 - 1 / units) / (1 - 1 / n)
        size *= float(stdtrit(n - 1, 0.975) / stdtrit(units - 1, 0.975)) ** 2
    return min(size, 1 / float(part @ part))


def mean_figure(parts: Sequence[Figure], weights: Sequence[float] | None = None) -> Figure:
    """The mean, or weighted sum, of independent shares, with limits by the method of variance estimates recovery.

    Each limit is as far from the sum as the square root of the summed squared distances of the parts' limits (Zou &
    Donner 2008, Stat. Med. 27:1693).
    """
    c = np.full(len(parts), 1 / len(parts)) if weights is None else np.asarray(weights, np.float64)
    value, low, high = (np.array([getattr(part, name) for part in parts]) for name in ("value", "low", "high"))
    mean = float(c @ value)
    down, up = (float(np.sqrt(((c * distance) ** 2).sum())) for distance in (value - low, high - value))
    return Figure(value=mean, low=mean - down, high=mean + up)


def normal_quantile(confidence: float) -> float:
    """The quantile of the normal distribution beyond which (1 - confidence) / 2 lies."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def ratio(above: Float, below: Float, empty: float = np.nan) -> Float:
    """Elementwise ratio; `empty` where the denominator is not above 0."""
    quotient: Float = np.divide(above, below, out=np.full(np.shape(above), empty), where=below > 0)
    return quotient
