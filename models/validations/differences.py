"""Paired differences between two sets of predictions of the same coded items, with 95 % intervals.

Both are measured on the same bootstrap resamples of items (or groups), so that what is hard for both cancels. Where
few items decide, a bootstrap of the difference in accuracy is too narrow: it has no width where none differ. There the
interval is that of Bonett & Price (2012, J. Educ. Behav. Stat. 37:479), a Wald interval with one more item on each
side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.metrics import Measure
from models.intervals import Figure, Float

FEW = 20  # items on which exactly one of the two is right, up to which their interval is that of Bonett & Price
Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The figures of `a` minus those of `b`, on the items that both predicted.

    Attributes
    ----------
    only_a, only_b : number of items that only `a`, or only `b`, predicted correctly; None for numbers.
    """

    a: str
    b: str
    n: int
    only_a: int | None
    only_b: int | None
    figures: Mapping[str, Figure]


def difference(
    names: tuple[str, str],
    measures: tuple[Measure, Measure],
    right: tuple[Float, Float] | None,
    weights: Float,
    *,
    groups: NDArray[np.intp] | None,
    resamples: int,
    seed: int,
) -> Difference:
    """Compare two sets of predictions of the same items.

    Parameters
    ----------
    names : of the two.
    measures : the figures of each as functions of weights; those that both have are compared.
    right : (n,) 1 for a correct prediction, 0 for another, or the share of repeats in which it is correct; None for
        numbers.
    weights : (n,) positive.
    groups : (n,) groups, drawn whole; None: items are drawn.
    """
    first, second = measures

    def measure(w: Float) -> dict[str, Float]:
        a, b = first(w), second(w)
        return {name: a[name] - b[name] for name in a if name in b}

    figures = metrics.bootstrap_figures(measure, weights, groups=groups, resamples=resamples, seed=seed)
    only_a = only_b = None
    if right is not None:
        at_a, at_b = (np.asarray(each, np.float64) for each in right)
        a_alone, b_alone = at_a * (1 - at_b), at_b * (1 - at_a)
        only_a, only_b = round(float(a_alone.sum())), round(float(b_alone.sum()))
        if only_a + only_b <= FEW:
            figures["accuracy"] = few_discordant(a_alone, b_alone, weights, groups)
    return Difference(a=names[0], b=names[1], n=len(weights), only_a=only_a, only_b=only_b, figures=figures)


def few_discordant(
    a_alone: NDArray[Any], b_alone: NDArray[Any], weights: Float, groups: NDArray[np.intp] | None
) -> Figure:
    """The difference in accuracy with the interval of Bonett & Price, for the effective number of items or groups."""
    unit = np.arange(len(weights)) if groups is None else np.unique(groups, return_inverse=True)[1]
    mass = np.bincount(unit, weights)
    n = float(mass.sum() ** 2 / (mass**2).sum())
    share = weights / weights.sum()
    p, q = float(share @ a_alone), float(share @ b_alone)
    adjusted_p, adjusted_q = (n * p + 1) / (n + 2), (n * q + 1) / (n + 2)
    centre = adjusted_p - adjusted_q
    half = Z * float(np.sqrt((adjusted_p + adjusted_q - centre**2) / (n + 2)))
    return Figure(value=p - q, low=max(-1.0, centre - half), high=min(1.0, centre + half))
