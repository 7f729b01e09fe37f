"""Figures with percentile intervals of a bootstrap, intervals of shares, and ratios that may be undefined."""

from dataclasses import dataclass

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


def wilson(share: float, n: float, z: float = 1.959964) -> tuple[float, float]:
    """The interval of a share of `n` items (Wilson 1927, JASA 22:209); 95 % by default."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def ratio(above: Float, below: Float, empty: float = np.nan) -> Float:
    """Elementwise ratio; `empty` where the denominator is not above 0."""
    quotient: Float = np.divide(above, below, out=np.full(np.shape(above), empty), where=below > 0)
    return quotient
