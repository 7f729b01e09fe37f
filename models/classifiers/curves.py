"""ROC and precision-recall curves of a class against the rest, with weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.intervals import ratio


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Points by falling threshold, one for each different score: (m,) each.

    Attributes
    ----------
    threshold : items with this score or a higher one count as positive.
    false_positive : share of the other classes' items that count as positive.
    recall : share of the class's items that count as positive.
    precision : share of the items that count as positive that are of the class.
    prevalence : share of the class.
    """

    threshold: Float
    false_positive: Float
    recall: Float
    precision: Float
    prevalence: float


def class_curves(positive: NDArray[np.bool_], score: Float, weights: Float) -> Curves | None:
    """The curves of a class; None where all items, or none, are of the class.

    Parameters
    ----------
    positive : (n,) whether each item is of the class.
    score : (n,) probability of the class.
    weights : (n,) positive.
    """
    if positive.all() or not positive.any():
        return None
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    above = np.cumsum(weights[order])[ends]
    true = np.cumsum((weights * positive)[order])[ends]
    return Curves(
        threshold=score[order][ends],
        false_positive=np.asarray((above - true) / (above[-1] - true[-1])),
        recall=np.asarray(true / true[-1]),
        precision=ratio(true, above, 0.0),
        prevalence=float(true[-1] / above[-1]),
    )
