"""Error rates of pairs of faces with intervals that respect that pairs of one person are not independent.

A pair of two people depends on every other pair with one of them, and a pair of one person on every other pair of that
person. The variance of a rate is therefore summed over pairs that share a person (Fafchamps & Gubert 2007, J. Dev.
Econ. 83:326; Aronow, Samii & Assenova 2015, Political Analysis 23:564), and the rate has Wilson's interval for the
number of independent pairs of that variance, as Fogliato, Patil & Perona (2024, IJCV 132:5346) recommend for faces,
with Student's quantile for the number of persons.

Few errors say little about their dependence. One more error is therefore added to those that were seen, whose
dependence is the highest possible one: all pairs of two people err together, and a person's pairs with all others are
correlated by one half. Without any error the number of independent pairs of different people is half that of persons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.intervals import Figure, wilson

Int = NDArray[np.int64]
Float = NDArray[np.float64]
TAIL = 0.975  # of a 95 % interval


@dataclass(frozen=True, kw_only=True)
class PairUnits:
    """Pairs of faces, counted by the one or two people of each.

    Attributes
    ----------
    of : (pairs,) index of the unit, one person or two people, of each pair.
    sizes : (units,) number of pairs.
    members : one or two arrays (units,), indices of the people of each unit.
    persons : number of people.
    """

    of: Int
    sizes: Float
    members: tuple[Int, ...]
    persons: int

    @classmethod
    def among(cls, first: Int, second: Int | None = None) -> "PairUnits":
        """The units of pairs of faces of person `first`, (pairs,), or of the two people `first` and `second`."""
        if second is None:
            persons, of = np.unique(first, return_inverse=True)
            return cls(
                of=of.astype(np.int64),
                sizes=np.bincount(of).astype(np.float64),
                members=(np.arange(len(persons)),),
                persons=len(persons),
            )
        persons, places = np.unique(np.concatenate([first, second]), return_inverse=True)
        ends = np.sort(places.reshape(2, -1), axis=0)
        keys, of = np.unique(ends[0] * len(persons) + ends[1], return_inverse=True)
        return cls(
            of=of.astype(np.int64),
            sizes=np.bincount(of).astype(np.float64),
            members=(keys // len(persons), keys % len(persons)),
            persons=len(persons),
        )

    @property
    def pairs(self) -> int:
        return len(self.of)

    def counts(self, pairs: slice) -> Float:
        """The number of these pairs in each unit, (units,)."""
        return np.bincount(self.of[pairs], minlength=len(self.sizes)).astype(np.float64)

    def rate(self, errors: Float) -> Figure:
        """The share of pairs that are errors, `errors` (units,) in each unit, with its 95 % interval.

        It is NaN without pairs.
        """
        if not self.pairs:
            return Figure(value=np.nan, low=np.nan, high=np.nan)
        share = float(errors.sum() / self.pairs)
        low, high = wilson(share, self.independent(errors), _quantile(self.persons - 1))
        return Figure(value=share, low=low, high=high)

    def independent(self, y: Float) -> float:
        """The number of independent pairs that would give the rate the same variance; `y` (units,) are its errors."""
        m = self.sizes
        total = float(m.sum())
        share = float(y.sum()) / total
        binomial = share * (1 - share)
        full = float(m @ m)
        if len(self.members) == 2:
            full += (self._square(m) - 2 * full) / 2
        if binomial == 0:
            return total**2 / full
        e = y - share * m
        own = float(e @ e)
        seen = own + max(0.0, self._square(e) - 2 * own) if len(self.members) == 2 else own
        units = min(int((y > 0).sum()), int((y < m).sum()))
        variance = (units * seen + binomial * full) / (units + 1)
        return min(total, binomial * total**2 / variance)

    def _square(self, values: Float) -> float:
        """The sum over people of the squared sum of the values of their units."""
        sums = sum(np.bincount(each, values, self.persons) for each in self.members)
        return float(np.asarray(sums) @ np.asarray(sums))


def difference(a: Figure, b: Figure) -> Figure:
    """`a` minus `b`, two independent rates, by the method of variance estimates recovery (Zou & Donner 2008)."""
    value = a.value - b.value
    down = float(np.hypot(a.value - a.low, b.high - b.value))
    up = float(np.hypot(a.high - a.value, b.value - b.low))
    return Figure(value=value, low=max(-1.0, value - down), high=min(1.0, value + up))


def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

    return float(stdtrit(max(1, freedom), TAIL))
