"""Intervals over pictures for means and ratios of sums, by a bootstrap whose draws are studentised."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.intervals import Figure
from models.stopping import Check, unchecked

Floats = NDArray[np.float64]
PICTURES = 20  # pictures below which no interval is given: simulated coverage falls below 80 % (docs/analyses.md)
FEW = 5  # pictures with errors below which no interval is given: percentiles of their draws have no width on one side
RESAMPLES = 1000
CELLS = 2_000_000  # counts of pictures in resamples that are held at once


def ratio_figures(
    above: Floats, below: Floats, *, seed: int, resamples: int = RESAMPLES, check: Check = unchecked
) -> list[Figure]:
    """Ratios of sums over pictures, each with a 95 % interval that takes pictures as drawn independently.

    The bootstrap draws whole pictures, and the ratio of each draw is divided by its own standard error (linearised;
    Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, ch. 10). The percentiles of these give limits
    that are wider on the side where few pictures hold most of the errors.

    Parameters
    ----------
    above : (k, n) numerators by picture.
    below : (n,) denominators by picture, at least 0; ones for a mean.
    check : called between blocks of resamples.

    Returns
    -------
    k figures; limits are NaN for fewer than PICTURES pictures, for fewer than FEW whose numerator is not 0, and where
    all pictures have the same ratio. The value is NaN without a denominator.
    """
    k, n = above.shape
    total = below.sum()
    if not total > 0:
        return [Figure(value=np.nan, low=np.nan, high=np.nan)] * k
    values = above.sum(1) / total
    residuals = above - values[:, None] * below
    errors = np.sqrt((residuals**2).sum(1) * n / max(n - 1, 1)) / total
    if n < PICTURES:
        return [Figure(value=float(value), low=np.nan, high=np.nan) for value in values]
    rng = np.random.default_rng(seed)
    factors = np.concatenate([above, below[None], above**2, above * below, below[None] ** 2])
    drawn = np.empty((k, resamples))
    step = max(1, CELLS // n)
    for start in range(0, resamples, step):
        check()
        few = min(step, resamples - start)
        counts = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(few)]).astype(np.float64)
        sums = counts @ factors.T
        parts = np.split(sums, [k, k + 1, 2 * k + 1, 3 * k + 1], axis=1)
        ours, lengths, squares, products, length_squares = parts
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = ours / lengths
            spread = squares - 2 * ratios * products + ratios**2 * length_squares
            own = np.sqrt(np.maximum(spread, 0) * n / (n - 1)) / lengths
            drawn[:, start : start + few] = ((ratios - values) / own).T
    figures = [_figure(value, error, row) for value, error, row in zip(values, errors, drawn, strict=True)]
    return [
        Figure(value=figure.value, low=np.nan, high=np.nan)
        if np.count_nonzero(row) < FEW
        else replace(figure, low=max(figure.low, 0.0))
        if row.min() >= 0
        else figure
        for figure, row in zip(figures, above, strict=True)
    ]


def _figure(value: float, error: float, drawn: Floats) -> Figure:
    defined = drawn[np.isfinite(drawn)]
    if error <= 1e-12 * max(abs(value), 1e-300) or 2 * len(defined) < len(drawn):
        return Figure(value=float(value), low=np.nan, high=np.nan)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Figure(
        value=float(value), low=float(min(value, value - high * error)), high=float(max(value, value - low * error))
    )
