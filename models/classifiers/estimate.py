"""How common is it in the corpus? A classifier's answer, corrected for its errors by the coded sample.

Labels that are right nine times in ten still bias what is computed from them. The doubly robust mean takes the mean of
all predictions and adds the weighted mean of what they missed on coded items; it is right whatever the classifier is
worth, if inclusion probabilities are, and the better the classifier the shorter its interval (design-based supervised
learning: Egami, Hinck, Stewart & Wei 2023, NeurIPS; prediction-powered inference: Angelopoulos et al. 2023, Science
382:669).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from models.classifiers.head import Float
from models.errors import TrainingError


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean of the corpus with its 95 % interval.

    Attributes
    ----------
    naive : the mean of the predictions alone.
    classical : the mean of the coded items alone, with its interval.
    """

    value: float
    low: float
    high: float
    naive: float
    classical: tuple[float, float, float]
    n_coded: int
    n_corpus: int


def mean(
    predictions: Float,
    coded: Float,
    coded_predictions: Float,
    inclusion_prob: Float | None = None,
    *,
    proportion: bool,
    confidence: float = 0.95,
) -> Estimate:
    """The corpus's mean of a quantity: a class's prevalence, or a number's mean.

    Parameters
    ----------
    predictions : (N,) of every item of the corpus, coded ones too: the class's probability, or the value.
    coded : (n,) true codes of the sample: 0 or 1 for a class.
    coded_predictions : (n,) out-of-fold: by models that have not seen the item.
    inclusion_prob : (n,) of each coded item in the sample; None: all the same (a simple random sample).
    proportion : of a class: the interval is Wilson's (1927) with the effective sample size, so that it stays within
        0 and 1 and holds for rare classes. Otherwise Student's t.
    """
    big, n = len(predictions), len(coded)
    if n < 2 or len(coded_predictions) != n:
        raise TrainingError(
            f"estimate: {n} codes and {len(coded_predictions)} predictions of them; give two or more of each",
            code="lengths_differ",
        )
    if n > big:
        raise TrainingError(f"estimate: {n} coded items in a corpus of {big}; give predictions of the whole corpus")
    for name, values in (("predictions", predictions), ("coded", coded), ("coded_predictions", coded_predictions)):
        if not np.isfinite(values).all():
            raise TrainingError(f"estimate: {name} has numbers that are not finite; leave those items out")
    if inclusion_prob is not None and not ((inclusion_prob > 0) & (inclusion_prob <= 1)).all():
        raise TrainingError("inclusion_prob: each lies above 0 and is at most 1", code="bad_weights")
    weights = np.ones(n) if inclusion_prob is None else 1 / inclusion_prob
    share = weights / weights.sum()
    naive = float(predictions.mean())
    missed = coded - coded_predictions
    correction = float(share @ missed)
    value = naive + correction
    around = float(predictions.var(ddof=1)) / big
    plain = float(share @ coded)
    low, high = _interval(value, missed, share, around, proportion, confidence)
    classical = _interval(plain, coded, share, 0.0, proportion, confidence)
    return Estimate(
        value=float(np.clip(value, 0, 1)) if proportion else value,
        low=low,
        high=high,
        naive=naive,
        classical=(plain, *classical),
        n_coded=n,
        n_corpus=big,
    )


def _interval(
    value: float, residuals: Float, share: Float, around: float, proportion: bool, confidence: float
) -> tuple[float, float]:
    """Of `value`, whose error is a weighted mean of `residuals` (Hájek's) and something of variance `around`."""
    n = len(residuals)
    parts = share**2 * (residuals - share @ residuals) ** 2
    variance = float(parts.sum()) * n / (n - 1)
    # how well that variance is known: degrees of freedom by its own variance (Satterthwaite 1946), few for rare classes
    known = float(((parts - parts.mean()) ** 2).sum()) * n / (n - 1)
    freedom = float(np.clip(2 * variance**2 / known, 2, n - 1)) if known > 0 else n - 1
    variance += around
    z = float(t.ppf((1 + confidence) / 2, freedom))
    if not proportion:
        half = z * float(np.sqrt(variance))
        return value - half, value + half
    p = min(max(value, 0.0), 1.0)
    # the variance of a sample of m independent codes is p(1 - p) / m: m is what ours is worth
    worth = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else 1 / float((share**2).sum())
    middle = (p + z**2 / (2 * worth)) / (1 + z**2 / worth)
    half = z / (1 + z**2 / worth) * float(np.sqrt(p * (1 - p) / worth + z**2 / (4 * worth**2)))
    return max(0.0, middle - half), min(1.0, middle + half)
