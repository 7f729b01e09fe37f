"""The records of a multiverse: configurations, their choices, and the spread of their estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.correction.means import Value
from models.intervals import Float

Kind = Literal["level", "difference", "trend", "coefficient"]
Side = Literal["above", "below", "neither"]


@dataclass(frozen=True)
class Ends:
    """An estimate with its standard error and interval."""

    value: float
    se: float
    low: float
    high: float

    @classmethod
    def of(cls, value: Value, sign: int = 1) -> Self:
        """The estimate, or with sign -1 its negative."""
        low, high = sorted((sign * value.low, sign * value.high))
        return cls(sign * value.value, value.se, low, high)

    @property
    def side(self) -> Side:
        """Whether the whole interval is above or below zero."""
        return "above" if self.low > 0 else "below" if self.high < 0 else "neither"


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """The quantity that is estimated: a share or mean ("level"), a difference of two parts, a trend or a coefficient.

    Attributes
    ----------
    label : whose share it is; "" for numbers.
    by, a, b : of a difference: the column, and the values whose parts are compared, the first minus the second.
    term : of a coefficient: its name.
    """

    kind: Kind
    label: str = ""
    share: bool = True
    by: str | None = None
    a: str | None = None
    b: str | None = None
    term: str | None = None

    @property
    def compares(self) -> bool:
        """Whether zero means no effect."""
        return self.kind != "level"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration with its estimates; without codes there is no corrected one.

    Attributes
    ----------
    choices : value by name of the choice.
    uncorrected : by the predictions alone.
    slope : λ, the weight of the predictions.
    worth : number of coded items that would give codes alone the same standard error; None for differences.
    """

    choices: Mapping[str, str]
    uncorrected: float
    corrected: Ends | None = None
    slope: float | None = None
    worth: float | None = None


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The spread of the estimates of all configurations."""

    lowest: float
    lower_quartile: float
    median: float
    upper_quartile: float
    highest: float
    sd: float


@dataclass(frozen=True, kw_only=True)
class ChoiceMeans:
    """The mean estimates of the configurations with one value of a choice."""

    value: str
    configurations: int
    uncorrected: float
    corrected: float | None


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A choice.

    Attributes
    ----------
    explained, explained_corrected : share of the variance of the uncorrected (corrected) estimates between the means
        of its values; None where all are equal, or there is one value.
    """

    name: str
    values: tuple[ChoiceMeans, ...]
    explained: float | None
    explained_corrected: float | None


@dataclass(frozen=True, kw_only=True)
class Signs:
    """Numbers of configurations by the sign of their estimates, and by the side of zero on which their intervals lie.

    Attributes
    ----------
    codes : side on which the interval of the codes alone lies; None without codes.
    other_sign, other_sign_corrected : number whose estimate has not the sign of that by the codes alone.
    other_side : number whose corrected interval lies on another side of zero than that of the codes alone.
    """

    positive: int
    negative: int
    corrected_positive: int | None
    corrected_negative: int | None
    corrected_above: int | None
    corrected_below: int | None
    codes: Side | None
    other_sign: int | None
    other_sign_corrected: int | None
    other_side: int | None


@dataclass(frozen=True, kw_only=True)
class Multiverse:
    """The estimates of all configurations.

    Attributes
    ----------
    n, n_coded : numbers of items, and of coded ones; None without codes.
    classical : the estimate by the codes alone; None without codes.
    average : the estimates by the mean of the predictions of all configurations, as one column, without choices.
    uncorrected, corrected : spread of the estimates.
    covering : number of corrected intervals that hold the estimate by the codes alone.
    within : number of uncorrected estimates inside the interval of the codes alone.
    signs : None for a share or a mean.
    """

    estimand: Estimand
    n: int
    n_coded: int | None
    classical: Ends | None
    configurations: tuple[Configuration, ...]
    average: Configuration
    factors: tuple[Factor, ...]
    uncorrected: Spread
    corrected: Spread | None
    covering: int | None
    within: int | None
    signs: Signs | None
    remarks: tuple[str, ...]


def spread_of(values: Float) -> Spread:
    """The spread of estimates (k,)."""
    lowest, lower, median, upper, highest = (float(each) for each in np.percentile(values, (0, 25, 50, 75, 100)))
    return Spread(
        lowest=lowest,
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        highest=highest,
        sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
    )


def factors_of(configurations: Sequence[Configuration]) -> tuple[Factor, ...]:
    """The choices with the mean estimates of each of their values, in the order of the configurations."""
    uncorrected = np.array([each.uncorrected for each in configurations])
    corrected = np.array([np.nan if each.corrected is None else each.corrected.value for each in configurations])
    coded = not np.isnan(corrected).any()
    factors = []
    for name in configurations[0].choices:
        chosen = np.array([each.choices[name] for each in configurations], dtype=object)
        rows = {value: np.flatnonzero(chosen == value) for value in dict.fromkeys(chosen.tolist())}
        means = tuple(
            ChoiceMeans(
                value=value,
                configurations=len(own),
                uncorrected=float(uncorrected[own].mean()),
                corrected=float(corrected[own].mean()) if coded else None,
            )
            for value, own in rows.items()
        )
        factors.append(
            Factor(
                name=name,
                values=means,
                explained=_between(uncorrected, list(rows.values())),
                explained_corrected=_between(corrected, list(rows.values())) if coded else None,
            )
        )
    return tuple(factors)


def _between(values: Float, rows: Sequence[NDArray[np.intp]]) -> float | None:
    """The share of the sum of squares that is between the means of groups of rows."""
    centred = values - values.mean()
    total = float(centred @ centred)
    if len(rows) < 2 or total <= 1e-24 * len(values):
        return None
    return min(1.0, sum(len(own) * float(centred[own].mean()) ** 2 for own in rows) / total)


def signs_of(configurations: Sequence[Configuration], classical: Ends | None) -> Signs:
    """Numbers of configurations by sign and side of zero."""
    uncorrected = np.sign([each.uncorrected for each in configurations])
    positive, negative = int((uncorrected > 0).sum()), int((uncorrected < 0).sum())
    if classical is None:
        return Signs(positive=positive, negative=negative, **dict.fromkeys(_CODED))
    corrected = [each.corrected for each in configurations if each.corrected is not None]
    signs, sides = np.sign([each.value for each in corrected]), [each.side for each in corrected]
    return Signs(
        positive=positive,
        negative=negative,
        corrected_positive=int((signs > 0).sum()),
        corrected_negative=int((signs < 0).sum()),
        corrected_above=sides.count("above"),
        corrected_below=sides.count("below"),
        codes=classical.side,
        other_sign=int((uncorrected != np.sign(classical.value)).sum()),
        other_sign_corrected=int((signs != np.sign(classical.value)).sum()),
        other_side=sum(side != classical.side for side in sides),
    )


_CODED = (
    *("corrected_positive", "corrected_negative", "corrected_above", "corrected_below"),
    *("codes", "other_sign", "other_sign_corrected", "other_side"),
)
