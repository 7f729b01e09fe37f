"""Estimates as they are requested and answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.correction.means import Mean, Value
from models.correction.regression import Coefficient, Family

Role = Literal["outcome", "covariate"]


@dataclass(frozen=True, kw_only=True)
class CorpusTable:
    """The items of the corpus and what is known of each.

    Attributes
    ----------
    item : (n,) ids, coded items too.
    group : (n,) units that are not independent inside (author, account); None: items are independent.
    stratum : (n,) strata of the sample; estimates are post-stratified by their known sizes.
    by : by name, (n,) values whose parts of the corpus have estimates of their own.
    time : (n,) numbers; estimates have a linear trend.
    covariates : by name, (n,) numbers or categories of the regression.
    outcome : (n,) numbers; the outcome of the regression where what is coded is a covariate.
    """

    item: Sequence[Any]
    group: Sequence[Any] | None = None
    stratum: Sequence[Any] | None = None
    by: Mapping[str, Sequence[Any]] | None = None
    time: Sequence[Any] | None = None
    covariates: Mapping[str, Sequence[Any]] | None = None
    outcome: Sequence[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """The estimate of a part of the corpus; None where too few of its items are coded.

    Attributes
    ----------
    by, value : name of the column, and its value in this part.
    n, n_coded : numbers of items, and of coded ones.
    naive : the mean of the predictions.
    """

    by: str
    value: str
    n: int
    n_coded: int
    naive: float
    mean: Mean | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The estimate of the part `a` minus that of the part `b`."""

    by: str
    a: str
    b: str
    corrected: Value
    classical: Value
    naive: float


@dataclass(frozen=True, kw_only=True)
class Needed:
    """The number of coded items that an interval of a given width needs.

    Attributes
    ----------
    width : the width that is wanted: the distance of the limits.
    items, items_classical : number of coded items, with predictions and with codes alone; None: more than the
        corpus has.
    curve : number of coded items, width with predictions, width with codes alone.
    """

    width: float
    items: int | None
    items_classical: int | None
    curve: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A regression. `label` is that of the predicted outcome, "" for numbers and for predicted covariates."""

    family: Family
    role: Role
    coefficients: tuple[Coefficient, ...]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The estimates of one label by the predictions of one labeller.

    Attributes
    ----------
    label : "" for the mean of numbers.
    trend : the slope of time, and the regression's constant.
    """

    labeller: str
    label: str
    mean: Mean
    parts: tuple[Part, ...] = ()
    differences: tuple[Difference, ...] = ()
    trend: Coefficient | None = None
    regression: Regression | None = None
    needed: Needed | None = None


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """The estimates of a corpus.

    Attributes
    ----------
    labels : those that are estimated; of two classes the positive one; empty for numbers.
    n, n_coded : number of items, and of those with a code that counts.
    groups : number of groups of the corpus; groups_coded : of coded items; None without groups.
    strata : number of strata that are used; None without strata.
    effective : effective sample size under the weights.
    """

    task: str
    labels: tuple[str, ...]
    positive: str | None
    rule: str
    n: int
    n_coded: int
    groups: int | None
    groups_coded: int | None
    strata: int | None
    weighted: bool
    effective: float
    estimates: tuple[Estimate, ...]
    remarks: tuple[str, ...]
