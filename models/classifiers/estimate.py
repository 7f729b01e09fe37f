"""Prevalence and means in a corpus, estimated from a classifier's predictions and corrected for its errors.

Estimates from predicted labels are biased even if nine in ten labels are correct. The doubly robust mean adds to the
mean of all predictions the weighted mean of their errors on coded items. It is unbiased for any classifier, if the
inclusion probabilities are correct; a better classifier gives a shorter interval (design-based supervised learning:
Egami, Hinck, Stewart & Wei 2023, NeurIPS; prediction-powered inference: Angelopoulos et al. 2023, Science 382:669).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.classifiers.head import Float
from models.classifiers.report import Report
from models.errors import TrainingError
from models.intervals import wilson


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


@dataclass(frozen=True, kw_only=True)
class Moments:
    """The number of a corpus's predictions, their mean, and their variance with the divisor n - 1."""

    n: int
    mean: float
    variance: float


def corpus_estimates(report: Report, corpus: Sequence[Moments], *, confidence: float = 0.95) -> dict[str, Estimate]:
    """Estimate each class's prevalence in a corpus, or the mean of a continuous target (under the name "").

    The coded items are those of the report's cross-validation, with their weights: they must be a random sample of the
    corpus whose inclusion probabilities the weights describe. Items that were selected by hand, or coded because they
    were easy, allow no estimate. Intervals hold for each class separately.

    Parameters
    ----------
    corpus : for each label (or the one value), the moments of `Head.crossed` over every item of the corpus, coded ones
        too. (Predictions of the head itself make intervals too short: with 100 coded items they covered 92 %.)

    Raises
    ------
    TrainingError : the report has no out-of-fold predictions; see also `corrected_mean`.
    """
    own = report.out_of_fold
    if own is None:
        raise TrainingError("estimate: a fine-tuned network has no out-of-fold predictions; train a linear probe")
    names = report.labels or ("",)
    weights = np.asarray(own.weight, np.float64)
    inclusion = weights.min() / weights  # up to a constant factor, which cancels
    if not report.labels:
        coded, predicted = np.asarray(own.target, np.float64)[:, None], np.asarray(own.value, np.float64)[:, None]
    else:
        coded = (np.asarray(own.target)[:, None] == np.asarray(names)).astype(np.float64)
        predicted = np.asarray(own.probabilities, np.float64)
    return {
        name: corrected_mean(
            moments,
            coded[:, c],
            predicted[:, c],
            inclusion,
            proportion=bool(report.labels),
            confidence=confidence,
        )
        for c, (name, moments) in enumerate(zip(names, corpus, strict=True))
    }


def corrected_mean(
    corpus: Moments,
    coded: Float,
    coded_predictions: Float,
    inclusion_prob: Float | None = None,
    *,
    proportion: bool,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the mean of a quantity in a corpus: the prevalence of a class, or the mean of a number.

    Parameters
    ----------
    corpus : moments of the predictions of every item, coded ones too: probabilities of the class, or values.
    coded : (n,) true codes of the sample: 0 or 1 for a class.
    coded_predictions : (n,) out-of-fold predictions, by models that were not trained on the item.
    inclusion_prob : (n,) inclusion probabilities of the coded items; None: equal ones (a simple random sample).
    proportion : True for a class: the interval is Wilson's (1927) with the effective sample size, so that it stays
        within 0 and 1 and holds for rare classes. False: Student's t interval.

    Raises
    ------
    TrainingError : fewer than two codes, arrays of different lengths, more codes than items in the corpus, numbers that
        are not finite, inclusion probabilities out of range.
    """
    n = len(coded)
    if n < 2 or len(coded_predictions) != n:
        raise TrainingError(
            f"estimate: got {n} codes and {len(coded_predictions)} predictions of them; both need the same number, "
            "at least 2",
            code="lengths_differ",
        )
    if n > corpus.n:
        raise TrainingError(
            f"estimate: got {n} coded items for a corpus of {corpus.n}; give predictions of the whole corpus"
        )
    moments = np.array([corpus.mean, corpus.variance])
    for name, values in (("corpus", moments), ("coded", coded), ("coded_predictions", coded_predictions)):
        if not np.isfinite(values).all():
            raise TrainingError(f"estimate: {name} has numbers that are not finite; leave those items out")
    if inclusion_prob is not None and not ((inclusion_prob > 0) & (inclusion_prob <= 1)).all():
        raise TrainingError("inclusion_prob: must be above 0 and at most 1 for every item", code="bad_weights")
    weights = np.ones(n) if inclusion_prob is None else 1 / inclusion_prob
    share = weights / weights.sum()
    errors = coded - coded_predictions
    value = corpus.mean + float(share @ errors)
    plain = float(share @ coded)
    low, high = _interval(value, errors, share, corpus.variance / corpus.n, proportion, confidence)
    classical = _interval(plain, coded, share, 0.0, proportion, confidence)
    return Estimate(
        value=float(np.clip(value, 0, 1)) if proportion else value,
        low=low,
        high=high,
        naive=corpus.mean,
        classical=(plain, *classical),
        n_coded=n,
        n_corpus=corpus.n,
    )


def _interval(
    value: float, residuals: Float, share: Float, around: float, proportion: bool, confidence: float
) -> tuple[float, float]:
    """The interval of `value`: a weighted (Hájek) mean of `residuals` plus a term of variance `around`."""
    from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

    n = len(residuals)
    parts = share**2 * (residuals - share @ residuals) ** 2
    variance = float(parts.sum()) * n / (n - 1)
    # degrees of freedom by the variance of that variance (Satterthwaite 1946): few for rare classes
    uncertainty = float(((parts - parts.mean()) ** 2).sum()) * n / (n - 1)
    freedom = float(np.clip(2 * variance**2 / uncertainty, 2, n - 1)) if uncertainty > 0 else n - 1
    variance += around
    z = float(stdtrit(freedom, (1 + confidence) / 2))
    if not proportion:
        half = z * float(np.sqrt(variance))
        return value - half, value + half
    p = min(max(value, 0.0), 1.0)
    # m independent codes have the variance p(1 - p) / m, which gives the effective sample size m
    effective = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else 1 / float((share**2).sum())
    return wilson(p, effective, z)
