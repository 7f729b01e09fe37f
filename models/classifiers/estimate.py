"""How common is it in the corpus? A classifier's answer, corrected for its errors by the coded sample.

Labels that are right nine times in ten still bias what is computed from them. The doubly robust mean takes the mean of
all predictions and adds the weighted mean of what they missed on coded items; it is right whatever the classifier is
worth, if inclusion probabilities are, and the better the classifier the shorter its interval (design-based supervised
learning: Egami, Hinck, Stewart & Wei 2023, NeurIPS; prediction-powered inference: Angelopoulos et al. 2023, Science
382:669).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.classifiers.head import Float
from models.classifiers.report import Report
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


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What is needed of a corpus's predictions: how many, their mean, and their variance with n - 1."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of(cls, predictions: Float) -> "Moments":
        """Of (N,), at least 2."""
        return cls(n=len(predictions), mean=float(predictions.mean()), variance=float(predictions.var(ddof=1)))


def of_corpus(report: Report, predictions: Float, *, confidence: float = 0.95) -> dict[str, Estimate]:
    """Each class's prevalence in the corpus, or the mean of a number (under "").

    The coded items are those of the report's cross-validation, with their weights: they have to be a random sample of
    the corpus, by inclusion probabilities that the weights state. Of items that were picked by hand, or coded because
    they were easy, nothing follows for the corpus. Intervals hold for each class, not for all at once.

    Parameters
    ----------
    predictions : (N, labels) or (N, 1): `Head.crossed` of every item of the corpus, coded ones too. (Predictions of the
        head itself would make the interval too short: with 100 coded items it covered 92 %.)

    Raises
    ------
    TrainingError : predictions of another shape, or not finite.
    """
    names = report.labels or ("",)
    if predictions.ndim != 2 or predictions.shape[1] != len(names):
        raise TrainingError(
            f"predictions: got an array of shape {predictions.shape}, expected (items, {len(names)}), a column for "
            f"each of {', '.join(report.labels[:5]) or 'one number'}"
        )
    if len(predictions) < 2 or not np.isfinite(predictions).all():
        raise TrainingError("predictions: two or more are needed, all finite; leave the others out")
    return of_moments(report, [Moments.of(column) for column in predictions.T], confidence=confidence)


def of_moments(report: Report, corpus: Sequence[Moments], *, confidence: float = 0.95) -> dict[str, Estimate]:
    """As `of_corpus`, from the moments of each column of its predictions: those of a corpus of any size.

    Raises
    ------
    TrainingError : as many moments as labels; a report without out-of-fold predictions.
    """
    own = report.out_of_fold
    if own is None:
        raise TrainingError("estimate: this classifier has no out-of-fold predictions; train one on embeddings")
    names = report.labels or ("",)
    weights = np.asarray(own.weight, np.float64)
    inclusion = weights.min() / weights  # up to a factor that does not matter
    if not report.labels:
        coded, guessed = np.asarray(own.target, np.float64)[:, None], np.asarray(own.value, np.float64)[:, None]
    else:
        coded = (np.asarray(own.target)[:, None] == np.asarray(names)).astype(np.float64)
        guessed = np.asarray(own.probabilities, np.float64)
    return {
        name: corrected(
            moments,
            coded[:, c],
            guessed[:, c],
            inclusion,
            proportion=bool(report.labels),
            confidence=confidence,
        )
        for c, (name, moments) in enumerate(zip(names, corpus, strict=True))
    }


def mean(
    predictions: Float,
    coded: Float,
    coded_predictions: Float,
    inclusion_prob: Float | None = None,
    *,
    proportion: bool,
    confidence: float = 0.95,
) -> Estimate:
    """The corpus's mean of a quantity, from the predictions (N,) of every item of it; see `corrected`."""
    if len(predictions) < 2 or not np.isfinite(predictions).all():
        raise TrainingError("estimate: predictions has numbers that are not finite; leave those items out")
    return corrected(
        Moments.of(predictions), coded, coded_predictions, inclusion_prob, proportion=proportion, confidence=confidence
    )


def corrected(
    corpus: Moments,
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
    corpus : of the predictions of every item of it, coded ones too: the class's probability, or the value.
    coded : (n,) true codes of the sample: 0 or 1 for a class.
    coded_predictions : (n,) out-of-fold: by models that have not seen the item.
    inclusion_prob : (n,) of each coded item in the sample; None: all the same (a simple random sample).
    proportion : of a class: the interval is Wilson's (1927) with the effective sample size, so that it stays within
        0 and 1 and holds for rare classes. Otherwise Student's t.
    """
    n = len(coded)
    if n < 2 or len(coded_predictions) != n:
        raise TrainingError(
            f"estimate: {n} codes and {len(coded_predictions)} predictions of them; give two or more of each",
            code="lengths_differ",
        )
    if n > corpus.n:
        raise TrainingError(
            f"estimate: {n} coded items in a corpus of {corpus.n}; give predictions of the whole corpus"
        )
    for name, values in (("coded", coded), ("coded_predictions", coded_predictions)):
        if not np.isfinite(values).all():
            raise TrainingError(f"estimate: {name} has numbers that are not finite; leave those items out")
    if inclusion_prob is not None and not ((inclusion_prob > 0) & (inclusion_prob <= 1)).all():
        raise TrainingError("inclusion_prob: each lies above 0 and is at most 1", code="bad_weights")
    weights = np.ones(n) if inclusion_prob is None else 1 / inclusion_prob
    share = weights / weights.sum()
    missed = coded - coded_predictions
    value = corpus.mean + float(share @ missed)
    plain = float(share @ coded)
    low, high = _interval(value, missed, share, corpus.variance / corpus.n, proportion, confidence)
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
    """Of `value`, whose error is a weighted mean of `residuals` (Hájek's) and something of variance `around`."""
    from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

    n = len(residuals)
    parts = share**2 * (residuals - share @ residuals) ** 2
    variance = float(parts.sum()) * n / (n - 1)
    # how well that variance is known: degrees of freedom by its own variance (Satterthwaite 1946), few for rare classes
    known = float(((parts - parts.mean()) ** 2).sum()) * n / (n - 1)
    freedom = float(np.clip(2 * variance**2 / known, 2, n - 1)) if known > 0 else n - 1
    variance += around
    z = float(stdtrit(freedom, (1 + confidence) / 2))
    if not proportion:
        half = z * float(np.sqrt(variance))
        return value - half, value + half
    p = min(max(value, 0.0), 1.0)
    # the variance of a sample of m independent codes is p(1 - p) / m: m is what ours is worth
    worth = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else 1 / float((share**2).sum())
    middle = (p + z**2 / (2 * worth)) / (1 + z**2 / worth)
    half = z / (1 + z**2 / worth) * float(np.sqrt(p * (1 - p) / worth + z**2 / (4 * worth**2)))
    return max(0.0, middle - half), min(1.0, middle + half)
