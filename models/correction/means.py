"""Corrected means and shares: predictions of every item, and codes of a probability sample of them.

The mean of all predictions is biased by their errors. It is corrected by the coded sample: with predictions f, codes y
and weights w (1 / inclusion probability), the estimate is mean(y) + λ (mean of f over all items - mean of f over coded
items), where means of coded items are weighted. λ = 1 is the doubly robust mean (Egami, Hinck, Stewart & Wei 2023,
NeurIPS); the λ used here minimises the variance (PPI++: Angelopoulos, Duchi & Zrnic 2024, arXiv:2311.01453), so that
useless or badly scaled predictions do no harm: λ is 0 where they do not help, and the estimate is that of the codes
alone. Variances are those of a jackknife that leaves out one unit (an item, or a cluster of items) of a stratum at a
time and fits λ again (JKn: Wolter 2007, Introduction to Variance Estimation, ch. 4). Where the predictions of a share
agree with every code, the variance of the errors that may have been missed is added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import EstimateError
from models.intervals import wilson

Float = NDArray[np.float64]
Int = NDArray[np.intp]
FEWEST = 1e-12  # variance of predictions, relative to that of codes, below which they are constant


@dataclass(frozen=True, kw_only=True)
class Coded:
    """The coded items of a sample.

    Attributes
    ----------
    code, prediction : (n,) numbers; 0 or 1, and probabilities or 0 or 1, for a share.
    weight : (n,) positive; 1 / inclusion probability, up to a factor for each stratum.
    unit : (n,) indices from 0: items of one unit (cluster) are not independent.
    stratum : (n,) indices from 0.
    """

    code: Float
    prediction: Float
    weight: Float
    unit: Int
    stratum: Int

    def of(self, rows: NDArray[np.bool_] | Int) -> "Coded":
        """Some of the items, without strata."""
        return Coded(
            code=self.code[rows],
            prediction=self.prediction[rows],
            weight=self.weight[rows],
            unit=self.unit[rows],
            stratum=np.zeros(len(self.code[rows]), np.intp),
        )


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The predictions of every item, coded ones too.

    Attributes
    ----------
    n : number of items.
    size, mean : (strata,) number of items of each stratum, and mean of their predictions.
    variance : that of the mean of all predictions, as a random sample of more items.
    """

    n: int
    size: Float
    mean: Float
    variance: float

    @property
    def whole_mean(self) -> float:
        """The mean of all predictions."""
        return float(self.size @ self.mean / self.size.sum())


@dataclass(frozen=True, kw_only=True)
class Value:
    """An estimate.

    Attributes
    ----------
    deviations : (units,) its change when a unit is left out, scaled so that the variance of the coded part is the sum
        of squares; of differences of two estimates too.
    around : the variance that the predictions of the whole corpus add.
    unseen : the variance of errors of predictions that were not seen in the coded part, where there are none.
    freedom : degrees of freedom of the standard error.
    """

    value: float
    se: float
    low: float
    high: float
    deviations: Float
    around: float = 0.0
    freedom: float = np.inf
    unseen: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A corrected mean beside the two that it is made of.

    Attributes
    ----------
    corrected, classical : by codes and predictions, and by codes alone.
    naive : the mean of all predictions.
    slope : λ.
    worth : number of coded items that would give codes alone the same standard error.
    n_coded, n_units, n : numbers of coded items, of their units, and of all items.
    """

    corrected: Value
    classical: Value
    naive: float
    slope: float
    worth: float
    n_coded: int
    n_units: int
    n: int


def corrected_mean(
    coded: Coded,
    corpus: Corpus,
    *,
    share: bool,
    confidence: float = 0.95,
    slope: float | None = None,
) -> Mean:
    """Estimate the mean of what is coded over the corpus.

    Parameters
    ----------
    share : codes are 0 or 1: intervals are Wilson's (1927) for the effective sample size, else Student's t. Where no
        coded item is predicted wrongly, the corrected one is as wide as errors that were not seen may make it.
    slope : λ, where it is not to be fitted (of a part of a sample, that of the whole).

    Raises
    ------
    EstimateError : fewer than two units, or a stratum of fewer than two.
    """
    check(coded)
    jackknife = _Jackknife(coded, corpus.size / corpus.size.sum())
    plain, without = jackknife.codes()
    classical = _value(plain, jackknife.scaled(without - plain), 0.0, coded, share=share, confidence=confidence)
    best = _Candidate(classical, 0.0)
    slopes = jackknife.slopes() if slope is None else (slope, np.full(len(without), slope))
    if slopes[0] > 0:
        shift = corpus.mean - jackknife.predictions  # (strata,)
        value = plain + slopes[0] * float(jackknife.shares @ shift)
        left_out = without + slopes[1] * (float(jackknife.shares @ corpus.mean) - jackknife.predictions_without)
        around = slopes[0] * slopes[0] * corpus.variance
        unseen = (unseen_errors(coded, confidence) or 0.0) / t_quantile(np.inf, confidence) if share else 0.0
        deviations = jackknife.scaled(left_out - value)
        found = _value(value, deviations, around, coded, share=share, confidence=confidence, unseen=_squared(unseen))
        if found.high - found.low < classical.high - classical.low:
            best = _Candidate(found, slopes[0])
    n = len(coded.code)
    return Mean(
        corrected=best.value,
        classical=classical,
        naive=corpus.whole_mean,
        slope=best.slope,
        worth=n * _squared(classical.se / best.value.se) if best.value.se > 0 else float(n),
        n_coded=n,
        n_units=int(coded.unit.max()) + 1,
        n=corpus.n,
    )


def difference(first: Value, second: Value, confidence: float = 0.95) -> Value:
    """The first estimate minus the second, whose deviations are those of the same units.

    The predictions of the two parts of the corpus are taken as independent.
    """
    deviations = first.deviations - second.deviations
    around = first.around + second.around
    unseen = first.unseen + second.unseen
    value = first.value - second.value
    variance = float(deviations @ deviations) + around + unseen
    freedom = satterthwaite(deviations**2, around + unseen)
    half = t_quantile(freedom, confidence) * variance**0.5
    return Value(
        value=value,
        se=variance**0.5,
        low=value - half,
        high=value + half,
        deviations=deviations,
        around=around,
        freedom=freedom,
        unseen=unseen,
    )


def check(coded: Coded) -> None:
    """Raise EstimateError where the variance of the sample can't be estimated."""
    units = np.zeros(int(coded.stratum.max(initial=0)) + 1, np.intp)
    pairs = np.unique(np.stack([coded.stratum, coded.unit]), axis=1)
    np.add.at(units, pairs[0], 1)
    if len(coded.code) < 2 or units.min() < 2:
        what = "item" if len(coded.code) == int(coded.unit.max(initial=0)) + 1 else "group"
        raise EstimateError(
            f"codes: {int(units.min())} coded {what} is too few for a standard error; code at least two (in each "
            "stratum)",
            code="too_few_codes",
        )


@dataclass(frozen=True)
class _Candidate:
    value: Value
    slope: float


class _Jackknife:
    """Weighted means of the codes and predictions of each stratum, whole and with each unit left out.

    Every statistic is a function of eight sums of each stratum, of which those of a unit are taken away. A unit may
    have items in several strata.
    """

    def __init__(self, coded: Coded, shares: Float) -> None:
        self.shares = shares
        n_units = int(coded.unit.max()) + 1
        n_strata = len(shares)
        self._centre = (float(coded.code.mean()), float(coded.prediction.mean()))
        y, f, w = coded.code - self._centre[0], coded.prediction - self._centre[1], coded.weight
        columns = np.stack([w, w * y, w * f, w * w, w * w * y, w * w * f, w * w * y * f, w * w * f * f])
        pair, inverse = np.unique(coded.unit * n_strata + coded.stratum, return_inverse=True)
        self._unit, self._stratum = np.divmod(pair, n_strata)
        of_pairs: Float = np.stack([np.bincount(inverse, column, len(pair)) for column in columns]).astype(np.float64)
        of_strata: Float = np.stack([np.bincount(self._stratum, column, n_strata) for column in of_pairs]).astype(
            np.float64
        )
        self._n_units = n_units
        self._whole = self._statistics(of_strata)
        self._without = self._statistics(of_strata[:, self._stratum] - of_pairs)
        self.predictions = self._whole[1] + self._centre[1]  # (strata,)
        in_strata = np.bincount(self._unit, minlength=n_units)
        if (in_strata == 1).all():
            of_stratum = np.bincount(self._stratum, minlength=n_strata)[self._stratum]
            number = np.zeros(n_units)
            number[self._unit] = of_stratum
        else:
            number = np.full(n_units, float(n_units))
        self._factor = np.sqrt((number - 1) / number)

    def _statistics(self, sums: Float) -> Float:
        """Means of y and f, and the moments of λ, of columns of the eight sums: (8, k) → (4, k)."""
        w, wy, wf, ww, wwy, wwf, wwyf, wwff = sums
        y, f = wy / w, wf / w
        cross = (wwyf - y * wwf - f * wwy + y * f * ww) / w**2
        square = (wwff - 2 * f * wwf + f * f * ww) / w**2
        return np.stack([y, f, cross, square])

    def _totals(self, weight: Float, row: int) -> tuple[float, Float]:
        """The weighted sum over strata of a statistic, whole and without each unit, (units,)."""
        whole = float(weight @ self._whole[row])
        change = weight[self._stratum] * (self._without[row] - self._whole[row][self._stratum])
        without: Float = whole + np.bincount(self._unit, change, self._n_units).astype(np.float64)
        return whole, without

    def codes(self) -> tuple[float, Float]:
        """The mean of the codes over the corpus, and that without each unit."""
        whole, without = self._totals(self.shares, 0)
        return whole + self._centre[0], without + self._centre[0]

    @property
    def predictions_without(self) -> Float:
        """The mean of the predictions of coded items over the corpus, without each unit."""
        return self._totals(self.shares, 1)[1] + self._centre[1]

    def slopes(self) -> tuple[float, Float]:
        """λ, and that without each unit; 0 where the predictions of coded items are constant."""
        cross, cross_without = self._totals(self.shares**2, 2)
        square, square_without = self._totals(self.shares**2, 3)
        least = max(square, 0.0) * FEWEST
        if square <= 0 or cross <= 0:
            return 0.0, np.zeros(self._n_units)
        some = square_without > least
        without: Float = np.zeros(self._n_units)
        np.divide(np.maximum(cross_without, 0), square_without, out=without, where=some)
        return cross / square, without

    def scaled(self, changes: Float) -> Float:
        """Changes of an estimate, scaled so that the sum of their squares is its variance."""
        return changes * self._factor


def _value(
    value: float,
    deviations: Float,
    around: float,
    coded: Coded,
    *,
    share: bool,
    confidence: float,
    unseen: float = 0.0,
) -> Value:
    variance = float(deviations @ deviations) + around + unseen
    freedom = satterthwaite(deviations**2, around + unseen)
    part = np.bincount(coded.unit, coded.weight / coded.weight.sum())
    low, high = limits(value, variance, freedom, share=share, edge=1 / float(part @ part), confidence=confidence)
    value = min(max(value, 0.0), 1.0) if share else value
    return Value(
        value=value,
        se=variance**0.5,
        low=low,
        high=high,
        deviations=deviations,
        around=around,
        freedom=freedom,
        unseen=unseen,
    )


def limits(
    value: float, variance: float, freedom: float, *, share: bool, edge: float, confidence: float = 0.95
) -> tuple[float, float]:
    """The limits of a mean of a given variance: Student's t, or Wilson's for a share with the size that it implies.

    `edge` is the effective sample size of a share without variance: that of the weights, of which a unit counts as one.
    """
    quantile = t_quantile(freedom, confidence)
    if not share:
        half = quantile * variance**0.5
        return value - half, value + half
    p = min(max(value, 0.0), 1.0)
    # m independent codes have the variance p(1 - p) / m, which gives the effective sample size m
    size = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else edge
    return wilson(p, size, quantile) if size > 1e-9 else (0.0, 1.0)


def design_effect(coded: Coded) -> float:
    """The variance of a mean of predictions with units, over that with independent items; at least 1."""
    part = coded.weight / coded.weight.sum()
    error = part * (coded.prediction - part @ coded.prediction)
    of_units = np.bincount(coded.unit, error)
    own = float(error @ error)
    return max(1.0, float(of_units @ of_units) / own) if own > 0 else 1.0


def unseen_errors(coded: Coded, confidence: float = 0.95) -> float | None:
    """The share of wrong predictions up to which codes without one are compatible; None where a prediction is wrong.

    It is Wilson's upper limit (1927) for the effective number of units. The jackknife's variance of errors that were
    not seen is 0. All may have the same direction, so that a corrected share may be off by as much as this limit.
    """
    if ((coded.prediction >= 0.5) != (coded.code >= 0.5)).any():
        return None
    part = np.bincount(coded.unit, coded.weight / coded.weight.sum())
    return wilson(0.0, 1 / float(part @ part), t_quantile(np.inf, confidence))[1]


def _squared(number: float) -> float:
    return number * number  # infinite where it is too large, while ** raises OverflowError


def satterthwaite(parts: Float, around: float = 0.0) -> float:
    """Degrees of freedom of a variance that is the sum of `parts`, by the variance of that sum (Satterthwaite 1946)."""
    n = len(parts)
    uncertainty = float(((parts - parts.mean()) ** 2).sum()) * n / (n - 1)
    whole = float(parts.sum()) + around
    return float(np.clip(2 * whole * (whole / uncertainty), 2, n - 1)) if uncertainty > 0 else float(n - 1)


def t_quantile(freedom: float, confidence: float) -> float:
    """The quantile of Student's t beyond which (1 - confidence) / 2 lies."""
    from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

    return float(stdtrit(freedom, (1 + confidence) / 2))
