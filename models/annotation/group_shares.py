"""Codes of a group of coders pooled by item, and differences of two groups with intervals over coders."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from models.annotation.code_list import CodeList
from models.intervals import Figure, wilson

Float = NDArray[np.float64]
Int = NDArray[np.intp]


@dataclass(frozen=True)
class Pooled:
    """The codes of a group.

    Attributes
    ----------
    nominal : whether columns are shares of categories, rather than the one mean of numbers.
    codes : (items,) number of the group's codes.
    means : (items, columns) share of each category, or mean of the numbers; 0 without codes.
    squares : (items,) mean square of the numbers.
    item, coder : (rows,) of its codes, coders from 0 on; values : (rows, columns) what a code adds.
    """

    nominal: bool
    codes: Int
    means: Float
    squares: Float
    item: Int
    coder: Int
    values: Float

    def equal_to(self, other: "Pooled", both: NDArray[np.bool_]) -> Float:
        """The share of equal numbers among pairs of a code of each group, of the items in `both`."""
        own, theirs = self._by_item(), other._by_item()
        return np.array([np.mean(np.equal.outer(own[i], theirs[i])) for i in np.flatnonzero(both).tolist()])

    def _by_item(self) -> dict[int, list[float]]:
        codes: dict[int, list[float]] = {}
        for i, value in zip(self.item.tolist(), self.values[:, 0].tolist(), strict=True):
            codes.setdefault(i, []).append(value)
        return codes


def pooled(table: CodeList, members: NDArray[np.bool_], categories: int) -> Pooled:
    """Pool the codes of the coders in `members`; `categories` is 0 for numbers, else codes are 0 to categories - 1."""
    rows = members[table.coder]
    item, code = table.item[rows], table.code[rows]
    coder = (np.cumsum(members) - 1)[table.coder[rows]]
    values = np.eye(categories)[code.astype(np.intp)] if categories else code[:, None]
    codes = np.bincount(item, minlength=table.items)
    sums = np.stack([np.bincount(item, column, table.items) for column in values.T], axis=1)
    divisor = np.maximum(codes, 1)
    squares = np.bincount(item, code**2, table.items) / divisor
    return Pooled(bool(categories), codes, sums / divisor[:, None], squares, item, coder, values)


def jackknifed(a: Pooled, b: Pooled, column: int) -> tuple[float, list[tuple[float, float]], float, int]:
    """The mean difference of two groups, a minus b, over the items that both have coded.

    Returns the difference; for each group its variance over coders by leaving out one at a time, with its degrees of
    freedom (NaN for one coder); the variance of the difference over items; and the number of items.
    """
    both = (a.codes > 0) & (b.codes > 0)
    gaps = np.where(both, a.means[:, column] - b.means[:, column], 0)
    n = int(both.sum())
    total = float(gaps.sum())
    parts = []
    for pool, sign in ((a, 1.0), (b, -1.0)):
        coders = int(pool.coder.max()) + 1
        there = both[pool.item]
        item, coder, value = pool.item[there], pool.coder[there], pool.values[there, column]
        rest = pool.codes[item] - 1
        old = pool.means[item, column]
        change = sign * np.divide(old - value, rest, out=np.zeros(len(rest)), where=rest > 0)
        change[rest == 0] = -gaps[item[rest == 0]]  # the item is left without a code of the group
        left = n - np.bincount(coder[rest == 0], minlength=coders)
        sums = total + np.bincount(coder, change, coders)
        without = np.divide(sums, left, out=np.full(coders, nan), where=left > 0)
        variance = (coders - 1) / coders * float(np.square(without - without.mean()).sum()) if coders > 1 else nan
        parts.append((variance, coders - 1.0))
    return total / n, parts, float(gaps[both].var(ddof=1)) if n > 1 else nan, n


def welch(value: float, parts: Sequence[tuple[float, float]]) -> Figure:
    """A figure whose variance is the sum of independent ones, (variance, degrees of freedom), with a 95 % interval.

    Degrees of freedom are Satterthwaite's (1946); bounds are NaN where a variance is not known, or all are 0.
    """
    from scipy.special import stdtrit  # here, because the service starts without scipy

    variance = sum(part for part, _ in parts)
    if isnan(variance) or variance <= 1e-24:
        return Figure(value=value, low=nan, high=nan)
    degrees = variance**2 / sum(part**2 / max(freedom, 1.0) for part, freedom in parts)
    half = float(stdtrit(degrees, 0.975)) * sqrt(variance)
    return Figure(value=value, low=value - half, high=value + half)


def item_difference(a: Pooled, b: Pooled, item: int, column: int) -> Figure:
    """The difference of two groups on an item: Newcombe's interval of shares (method 10), Welch's of means."""
    p, q = float(a.means[item, column]), float(b.means[item, column])
    if a.nominal:
        (low_p, high_p), (low_q, high_q) = wilson(p, int(a.codes[item])), wilson(q, int(b.codes[item]))
        low = p - q - sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
        return Figure(value=p - q, low=low, high=p - q + sqrt((high_p - p) ** 2 + (q - low_q) ** 2))
    parts = []
    for pool, mean in ((a, p), (b, q)):
        m = int(pool.codes[item])
        spread = max(0.0, float(pool.squares[item]) - mean**2) * m / (m - 1) if m > 1 else nan
        parts.append((spread / m, m - 1.0))
    return welch(p - q, parts)
