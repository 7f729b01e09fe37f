"""Prevalence and means in a corpus, estimated from a classifier's predictions and corrected for its errors.

Estimates from predicted labels are biased even if nine in ten labels are correct. See `models.correction.means`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.classifiers.report import Report
from models.correction import means
from models.errors import EstimateError, TrainingError

REPEATED = ("coders_differ", "no_probabilities", "purposive", "uncoded", "no_errors")  # notes of a report


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean of the corpus with its 95 % interval.

    Attributes
    ----------
    naive : the mean of the predictions alone.
    classical : the mean of the coded items alone, with its interval.
    slope : the weight λ of the predictions: 0 where they do not help, and the estimate is the classical one.
    worth : number of coded items that would give the classical estimate the same standard error.
    groups : number of groups of the coded items; None without groups.
    """

    value: float
    low: float
    high: float
    naive: float
    classical: tuple[float, float, float]
    n_coded: int
    n_corpus: int
    slope: float = 1.0
    worth: float = 0.0
    groups: int | None = None


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
    were easy, allow no estimate. Intervals hold for each class separately. Groups that were given at training are units
    of the standard error. Strata are not used: the variance is that of independent draws with these probabilities,
    which is not too small for items that are drawn from strata.

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
    if not report.labels:
        coded, predicted = np.asarray(own.target, np.float64)[:, None], np.asarray(own.value, np.float64)[:, None]
    else:
        coded = (np.asarray(own.target)[:, None] == np.asarray(names)).astype(np.float64)
        predicted = np.asarray(own.probabilities, np.float64)
    groups = None if own.group is None else np.asarray(own.group, np.intp)
    if report.codes is not None and report.codes["rule"] == "both":  # rows of an item are not independent
        _, first, item = np.unique(own.ids, return_index=True, return_inverse=True)
        coded, predicted = (item_means(rows, item, weights) for rows in (coded, predicted))
        weights = np.bincount(item, weights).astype(np.float64)
        groups = None if groups is None else groups[first]
    inclusion = weights.min() / weights  # up to a constant factor, which cancels
    return {
        name: corrected_mean(
            moments,
            coded[:, c],
            predicted[:, c],
            inclusion,
            groups=groups,
            proportion=bool(report.labels),
            confidence=confidence,
        )
        for c, (name, moments) in enumerate(zip(names, corpus, strict=True))
    }


def item_means(rows: Float, item: NDArray[np.intp], weights: Float) -> Float:
    """Weighted means of the rows (n, k) of each item, (items, k)."""
    total = np.bincount(item, weights)
    return np.stack([np.bincount(item, weights * column) / total for column in rows.T], axis=1)


def remarks(report: Report) -> list[str]:
    """Notes of the report that say why its estimates may be wrong, or their intervals too narrow."""
    return [note.message for note in report.notes if note.code in REPEATED]


def corrected_mean(
    corpus: Moments,
    coded: Float,
    coded_predictions: Float,
    inclusion_prob: Float | None = None,
    *,
    proportion: bool,
    groups: NDArray[np.intp] | None = None,
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
    groups : (n,) indices: items of one group (author, account) are not independent. None: every item is.

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
    unit = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    sample = means.Coded(
        code=coded,
        prediction=coded_predictions,
        weight=np.ones(n) if inclusion_prob is None else 1 / inclusion_prob,
        unit=unit,
        stratum=np.zeros(n, np.intp),
    )
    try:
        means.check(sample)
    except EstimateError as exc:
        raise TrainingError(exc.message, code=exc.code) from exc
    around = corpus.variance / corpus.n * (1.0 if groups is None else means.design_effect(sample))
    whole = means.Corpus(n=corpus.n, size=np.array([float(corpus.n)]), mean=np.array([corpus.mean]), variance=around)
    found = means.corrected_mean(sample, whole, share=proportion, confidence=confidence)
    return Estimate(
        value=found.corrected.value,
        low=found.corrected.low,
        high=found.corrected.high,
        naive=corpus.mean,
        classical=(found.classical.value, found.classical.low, found.classical.high),
        n_coded=n,
        n_corpus=corpus.n,
        slope=found.slope,
        worth=found.worth,
        groups=None if groups is None else found.n_units,
    )
