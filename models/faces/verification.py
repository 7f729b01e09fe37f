"""Verification: error rates of the decision that two faces are of one person, by pairs that people coded."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor, isnan

import numpy as np
from numpy.typing import NDArray

from models.errors import FaceError
from models.faces.coded_pairs import MOST_PAIRS, CodedPairs
from models.faces.rates import PairUnits, difference
from models.intervals import Figure
from models.stopping import Check, unchecked

Int = NDArray[np.int64]
Float = NDArray[np.float64]
FEWEST = 5  # persons of a rate: the coverage of intervals is simulated from this number on
MOST_GROUPS = 12
SHOWN = 12  # of the worst pairs of each kind
STEP = 0.01  # between thresholds of the curve
LAST = round(1 / STEP)  # steps to the highest threshold
BLOCK = 2**18  # pairs whose cosines are computed at once
UNDEFINED = Figure(value=np.nan, low=np.nan, high=np.nan)


@dataclass(frozen=True, kw_only=True)
class Rate(Figure):
    """An error rate with its 95 % interval; NaN where it is not inferred.

    Attributes
    ----------
    errors, pairs, persons : numbers of errors, of pairs, and of the people in these.
    """

    errors: int
    pairs: int
    persons: int


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    threshold: float
    false_match: Figure
    false_non_match: Figure


@dataclass(frozen=True, kw_only=True)
class WishedRate:
    """The thresholds for a wished false match rate.

    Attributes
    ----------
    threshold : lowest cosine at which the false match rate of these pairs is not above `rate`; None where fewer than
        1 / rate pairs of different people were coded, or where too many of them have a cosine of 1.
    safe_threshold : lowest threshold of the curve at which the upper limit of the interval is not above `rate`.
    false_non_match, safe_false_non_match : rates at the two thresholds.
    """

    rate: float
    threshold: float | None
    false_non_match: Figure
    safe_threshold: float | None
    safe_false_non_match: Figure


@dataclass(frozen=True, kw_only=True)
class GroupRates:
    """Rates of pairs of which both faces are of the group."""

    group: str
    false_match: Rate
    false_non_match: Rate


@dataclass(frozen=True, kw_only=True)
class GroupDifference:
    """Rates of group `a` minus those of group `b`; NaN where one of them is not inferred."""

    a: str
    b: str
    false_match: Figure
    false_non_match: Figure


@dataclass(frozen=True, kw_only=True)
class CodedPair:
    """Indices of two faces, and their cosine."""

    a: int
    b: int
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Errors at a threshold, and over thresholds.

    Attributes
    ----------
    false_match : pairs of different people with a cosine of at least the threshold.
    false_non_match : pairs of one person with less.
    equal_error_threshold, equal_error_rate : where the two rates are nearest, and their mean there.
    highest_different, lowest_same : the worst pairs of each kind, for a look at their codes.
    """

    false_match: Rate
    false_non_match: Rate
    equal_error_threshold: float
    equal_error_rate: float
    curve: tuple[CurvePoint, ...]
    wished: tuple[WishedRate, ...]
    groups: tuple[GroupRates, ...]
    differences: tuple[GroupDifference, ...]
    highest_different: tuple[CodedPair, ...]
    lowest_same: tuple[CodedPair, ...]
    remarks: tuple[str, ...]


class _Kind:
    """Pairs of one kind with their cosines, in the order of these."""

    def __init__(self, pairs: CodedPairs, cosines: Float, which: Int, *, different: bool) -> None:
        order = which[np.argsort(cosines[which], kind="stable")]
        self.a, self.b, self.cosines, self.different = pairs.a[order], pairs.b[order], cosines[order], different
        first, second = pairs.person[self.a], pairs.person[self.b]
        self.units = PairUnits.among(first, second if different else None)
        self.curve: list[tuple[float, Figure]] = []

    def _wrong(self, threshold: float) -> slice:
        """The pairs that are errors at a threshold."""
        at = int(np.searchsorted(self.cosines, threshold, side="left"))
        return slice(at, None) if self.different else slice(0, at)

    def rate(self, threshold: float) -> Figure:
        """The error rate at a threshold, with limits that agree with those of the curve."""
        figure = self.units.rate(self.units.counts(self._wrong(threshold)))
        if not self.curve or isnan(figure.value):
            return figure
        below = [each for t, each in self.curve if t <= threshold]
        above = [each for t, each in self.curve if t >= threshold]
        higher, lower = (below, above) if self.different else (above, below)
        return Figure(
            value=figure.value,
            low=max([figure.low, *(each.low for each in lower)]),
            high=min([figure.high, *(each.high for each in higher)]),
        )

    def draw(self, thresholds: Sequence[float], check: Check) -> list[Figure]:
        """The error rates at rising thresholds.

        A false match rate cannot rise with the threshold, and a false non-match rate cannot fall. A limit at one
        threshold is therefore one at others: the lowest upper limit and the highest lower limit of these are taken.
        """
        raw = self._rates(thresholds, check)
        lows, highs = np.array([each.low for each in raw]), np.array([each.high for each in raw])
        if self.different:
            lows, highs = np.maximum.accumulate(lows[::-1])[::-1], np.minimum.accumulate(highs)
        else:
            lows, highs = np.maximum.accumulate(lows), np.minimum.accumulate(highs[::-1])[::-1]
        rows = zip(raw, lows.tolist(), highs.tolist(), strict=True)
        figures = [Figure(value=each.value, low=low, high=high) for each, low, high in rows]
        self.curve = list(zip(thresholds, figures, strict=True))
        return figures

    def _rates(self, thresholds: Sequence[float], check: Check) -> list[Figure]:
        """The error rates at rising thresholds; each pair is counted once."""
        found, at, errors = [], 0, self.units.counts(slice(None)) if self.different else self.units.counts(slice(0))
        for threshold in thresholds:
            check()
            to = int(np.searchsorted(self.cosines, threshold, side="left"))
            errors = errors + (-1 if self.different else 1) * self.units.counts(slice(at, to))
            at = to
            found.append(self.units.rate(errors))
        return found

    def counted(self, threshold: float) -> Rate:
        """The rate with its numbers; without an interval for fewer than FEWEST people."""
        figure, n = self.rate(threshold), len(self.cosines)
        known = self.units.persons >= FEWEST
        return Rate(
            value=figure.value,
            low=figure.low if known else np.nan,
            high=figure.high if known else np.nan,
            errors=len(range(*self._wrong(threshold).indices(n))),
            pairs=n,
            persons=self.units.persons,
        )


def verify(
    units: Float,
    pairs: CodedPairs,
    threshold: float,
    *,
    wished: Sequence[float] = (0.01, 0.001),
    check: Check = unchecked,
) -> Verification:
    """Error rates of pairs of faces (n, d), vectors of length 1, with 95 % intervals.

    Raises FaceError where a rate cannot be inferred: no pairs of one kind, or of fewer than FEWEST people.
    """
    cosines = np.empty(len(pairs.a))
    for at in range(0, len(cosines), BLOCK):
        check()
        part = slice(at, at + BLOCK)
        cosines[part] = np.einsum("ij,ij->i", units[pairs.a[part]], units[pairs.b[part]])
    different = _Kind(pairs, cosines, np.flatnonzero(~pairs.same), different=True)
    same = _Kind(pairs, cosines, np.flatnonzero(pairs.same), different=False)
    _enough(different, same)
    low, high = floor(cosines.min() / STEP), ceil(cosines.max() / STEP) + 1
    low, high = max(-LAST, min(low, LAST - 1)), min(high, LAST)
    thresholds = [round(k * STEP, 6) for k in range(low, high + 1)]
    rows = zip(thresholds, different.draw(thresholds, check), same.draw(thresholds, check), strict=True)
    curve = [CurvePoint(threshold=t, false_match=one, false_non_match=other) for t, one, other in rows]
    equal, rate = _equal_error(different.cosines, same.cosines)
    wishes = tuple(_wish(each, different, same, curve) for each in wished)
    groups, differences, remarks = _by_group(pairs, cosines, threshold, thresholds, check)
    remarks += [_untold(each.rate, different.units.pairs) for each in wishes if each.threshold is None]
    return Verification(
        false_match=different.counted(threshold),
        false_non_match=same.counted(threshold),
        equal_error_threshold=equal,
        equal_error_rate=rate,
        curve=tuple(curve),
        wished=wishes,
        groups=groups,
        differences=differences,
        highest_different=_worst(different, slice(None, -SHOWN - 1, -1)),
        lowest_same=_worst(same, slice(None, SHOWN)),
        remarks=tuple(remarks),
    )


def _enough(different: _Kind, same: _Kind) -> None:
    for kind, rate, what, way in (
        (different, "false match rate", "pairs of different people", "of different people"),
        (same, "false non-match rate", "pairs of one person", "of the same person on several pictures"),
    ):
        if not len(kind.cosines):
            raise FaceError(
                f"pairs: there are no {what}, from which the {rate} is inferred; code pairs {way}", "no_pairs"
            )
        if kind.units.persons < FEWEST:
            raise FaceError(
                f"pairs: the {what} are of {_people(kind.units.persons)}, and the {rate} of people who are not coded "
                f"cannot be inferred from fewer than {FEWEST}; code pairs {way}, of more people",
                "too_few_persons",
            )


def _people(n: int) -> str:
    return f"{n} person" if n == 1 else f"{n} people"


def _equal_error(different: Float, same: Float) -> tuple[float, float]:
    """The cosine at which the two error rates are nearest, and their mean there. Both arrays are sorted."""
    t = np.unique(np.concatenate([different, same]))
    false_match = 1 - np.searchsorted(different, t, side="left") / len(different)
    false_non_match = np.searchsorted(same, t, side="left") / len(same)
    best = int(np.argmin(np.abs(false_match - false_non_match)))
    return float(np.clip(t[best], -1, 1)), float(false_match[best] + false_non_match[best]) / 2


def _untold(rate: float, pairs: int) -> str:
    """The remark on a wished rate without a threshold."""
    if pairs * rate >= 1:
        return (
            f"a false match rate of {rate:g} is reached at no cosine: too many pairs of different people have equal "
            "vectors; look at their codes"
        )
    needed = f"{ceil(1 / rate):,} or more are" if rate * MOST_PAIRS >= 1 else f"more than {MOST_PAIRS:,} would be"
    return f"a false match rate of {rate:g} cannot be told from {pairs:,} pairs of different people: {needed} needed"


def _wish(rate: float, different: _Kind, same: _Kind, curve: Sequence[CurvePoint]) -> WishedRate:
    n = len(different.cosines)
    threshold = None
    if n * rate >= 1:
        allowed = floor(n * rate + 1e-9)
        threshold = -1.0 if allowed >= n else (floor(different.cosines[n - 1 - allowed] * 1e6) + 1) / 1e6
        threshold = None if threshold > 1 else max(-1.0, threshold)
    safe = next((point.threshold for point in curve if point.false_match.high <= rate), None)
    return WishedRate(
        rate=rate,
        threshold=threshold,
        false_non_match=UNDEFINED if threshold is None else same.rate(threshold),
        safe_threshold=safe,
        safe_false_non_match=UNDEFINED if safe is None else same.rate(safe),
    )


def _by_group(
    pairs: CodedPairs, cosines: Float, threshold: float, thresholds: Sequence[float], check: Check
) -> tuple[tuple[GroupRates, ...], tuple[GroupDifference, ...], list[str]]:
    if pairs.group is None:
        return (), (), []
    if len(pairs.groups) > MOST_GROUPS:
        raise FaceError(
            f"groups: there are {len(pairs.groups)}, at most {MOST_GROUPS} are compared; join some", "too_many_groups"
        )
    found, remarks = [], []
    for number, name in enumerate(pairs.groups):
        check()
        inside = (pairs.group[pairs.a] == number) & (pairs.group[pairs.b] == number)
        rates = {}
        for kind, key in ((True, "false_match"), (False, "false_non_match")):
            which = np.flatnonzero(inside & (pairs.same != kind))
            pairs_of_group = _Kind(pairs, cosines, which, different=kind)
            if len(which):
                pairs_of_group.draw(thresholds, check)
            rates[key] = pairs_of_group.counted(threshold)
            if rates[key].persons < FEWEST:
                words = "false match" if kind else "false non-match"
                remarks.append(
                    f"group {name[:60]!r}: its {words} rate is of {_people(rates[key].persons)}, and has no interval: "
                    f"{FEWEST} or more are needed"
                )
        found.append(GroupRates(group=name, **rates))
    differences = tuple(
        GroupDifference(
            a=one.group,
            b=other.group,
            false_match=difference(one.false_match, other.false_match),
            false_non_match=difference(one.false_non_match, other.false_non_match),
        )
        for one, other in combinations(found, 2)
    )
    return tuple(found), differences, remarks


def _worst(kind: _Kind, part: slice) -> tuple[CodedPair, ...]:
    rows = zip(kind.a[part].tolist(), kind.b[part].tolist(), kind.cosines[part].tolist(), strict=True)
    return tuple(CodedPair(a=a, b=b, cosine=min(1.0, cosine)) for a, b, cosine in rows)
