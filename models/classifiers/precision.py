"""The number of coded items that a 95 % interval of a given width needs, and the width that a number of items gives.

The width of an interval is the distance of its limits: 0.03 is a share plus or minus 0.015. It is that of
`estimate.corrected_mean` for a corpus much larger than the sample.
"""

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.classifiers.records import Spread
from models.correction import means
from models.errors import ClusteringError

MOST = 2**31 - 1  # coded items


def spread_of(
    coded: Float, predicted: Float, weights: Float, groups: NDArray[np.intp] | None = None, *, share: bool = False
) -> Spread:
    """The spread of one quantity: codes, out-of-fold predictions, weights and groups of the coded items, (n,) each.

    `share` : the codes are 0 and 1. Where no item is predicted wrongly, as many errors count as may not have been seen.
    """
    n, part = len(coded), weights / weights.sum()
    sample = means.Coded(
        code=coded,
        prediction=predicted,
        weight=weights,
        unit=np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1],
        stratum=np.zeros(n, np.intp),
    )
    corpus = means.Corpus(n=MOST, size=np.ones(1), mean=np.array([part @ predicted]), variance=0.0)
    found = means.corrected_mean(sample, corpus, share=False)
    errors = coded - found.slope * predicted
    alike = float(part @ (errors - part @ errors) ** 2) * n / (n - 1)  # of items with equal weights
    variance = found.corrected.se**2 * n
    unseen = means.unseen_errors(sample) if share else None
    return Spread(
        share=float(part @ coded),
        variance=alike if unseen is None else min(max(alike, unseen * (1 - unseen)), found.classical.se**2 * n),
        coded_variance=found.classical.se**2 * n,
        freedom=found.corrected.freedom / n,
        design=variance / alike if alike > 0 else 1.0,
    )


def worst_spread(share: float = 0.5) -> Spread:
    """The spread of a share without a classifier: that of the codes alone, largest for a share of one half."""
    variance = share * (1 - share)
    return Spread(share=share, variance=variance, coded_variance=variance, freedom=1.0)


def interval_width(spread: Spread, n: float, *, proportion: bool, corrected: bool = True) -> float:
    """The width of the 95 % interval that `n` coded items give, of equal weights or of the same design.

    Parameters
    ----------
    proportion : whether the quantity is a share.
    corrected : with the predictions of the classifier; False: from the codes alone.
    """
    variance = (spread.variance * spread.design if corrected else spread.coded_variance) / n
    freedom = float(np.clip(spread.freedom * n, 2, max(2, n - 1)))
    low, high = means.limits(spread.share, variance, freedom, share=proportion, edge=n)
    return high - low


def items_for_width(spread: Spread, width: float, *, proportion: bool, corrected: bool = True) -> int:
    """The smallest number of coded items, at least 2, whose 95 % interval is at most `width` wide.

    Raises ClusteringError for a width that no number of items gives.
    """
    if not (np.isfinite(width) and width > 0 and (width < 1 or not proportion)):
        rule = "above 0 and below 1, such as 0.05" if proportion else "above 0"
        raise ClusteringError(f"for_width: got {width:g}; must be {rule}", code="invalid_size")

    def enough(n: int) -> bool:
        return interval_width(spread, n, proportion=proportion, corrected=corrected) <= width

    high = 2
    while not enough(high):
        high *= 2
        if high > MOST:
            raise ClusteringError(
                f"for_width: got {width:g}, which needs more than {MOST:,} coded items; give a larger width",
                code="invalid_size",
            )
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
