"""How far coders agree: percent agreement, Cohen's kappa, Krippendorff's alpha, with bootstrap intervals over items."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import AgreementError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
Measure = Callable[[Float], Float]
AT_ONCE = 2**22  # numbers: resamples times items


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A coefficient with its 95 % interval. NaN where it is not defined: nobody disagrees on anything that varies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What coders agree on.

    Attributes
    ----------
    percent : share of pairs of codes of one item that are equal, each item with two or more codes the same weight.
    kappa : Cohen's (1960), for two coders on the items that both have coded; None for more.
    alpha : Krippendorff's (2011), for any number of coders and missing codes.
    items : with two or more codes; only they say something.
    """

    coders: tuple[str, ...]
    items: int
    level: Level
    percent: Coefficient
    kappa: Coefficient | None
    alpha: Coefficient


def agreement(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    level: Level = "nominal",
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Agreement in a long table of codes; missing ones are rows that are not there.

    Parameters
    ----------
    coder, item, code : (rows,) who coded what as what. Numbers where `level` is ordinal or interval.
    resamples : of items, for the intervals.

    Raises
    ------
    AgreementError : lengths that differ, a coder who codes an item twice, one coder only, no item with two codes,
        codes that are no numbers where numbers are needed.
    """
    table, coders = _table(coder, item, code, level)
    enough = (~np.isnan(table)).sum(axis=1) >= 2
    if len(coders) < 2 or not enough.any():
        raise AgreementError(
            f"codes: {len(coders)} coders and {int(enough.sum())} items that two have coded; agreement needs two "
            "coders and at least one item in common"
        )
    kept = table[enough]
    rng = np.random.default_rng(seed)
    measures: dict[str, Measure] = {"percent": percents(kept), "alpha": alphas(kept, level)}
    if len(coders) == 2:
        measures["kappa"] = kappas(kept)
    drawn: dict[str, list[Float]] = {name: [] for name in measures}
    n = len(kept)
    step = max(1, AT_ONCE // kept.size)
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(many)]).astype(np.float64)
        for name, measure in measures.items():
            drawn[name].append(measure(times))

    def with_interval(name: str) -> Coefficient:
        values = np.concatenate(drawn[name])
        there = values[~np.isnan(values)]
        low, high = np.percentile(there, [2.5, 97.5]) if len(there) else (np.nan, np.nan)
        return Coefficient(value=float(measures[name](np.ones((1, n)))[0]), low=float(low), high=float(high))

    return Agreement(
        coders=coders,
        items=int(enough.sum()),
        level=level,
        percent=with_interval("percent"),
        kappa=with_interval("kappa") if len(coders) == 2 else None,
        alpha=with_interval("alpha"),
    )


def percent(table: Float) -> float:
    """Mean over items of the share of their pairs of codes that are equal; table (items, coders), NaN for missing."""
    kept = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return float(percents(kept)(np.ones((1, len(kept))))[0])


def kappa(table: Float) -> float:
    """Cohen's kappa of two columns, over the rows that both have."""
    return float(kappas(table)(np.ones((1, len(table))))[0])


def alpha(table: Float, level: Level = "nominal") -> float:
    """Krippendorff's alpha: one less observed over expected disagreement, from the coincidences of values within items.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C.
    """
    kept = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return float(alphas(kept, level)(np.ones((1, len(kept))))[0])


def percents(table: Float) -> Measure:
    """Of tables that hold each item so many times, (r, items) to (r,); each item has two codes or more."""
    counts, _ = _counts(table)
    m, squares = _rows(counts)
    shares = (squares - m) / np.maximum(m * (m - 1), 1)
    return lambda times: _over(times @ shares, times.sum(axis=1))


def kappas(table: Float) -> Measure:
    """As `percents`, of two coders: (observed - expected) / (1 - expected), over the items that both have coded."""
    there: NDArray[np.bool_] = np.all(~np.isnan(table), axis=1)
    both = np.where(there[:, None], table, 0)
    counted = np.where(there[:, None], table, np.nan)
    values = np.unique(counted[there])
    first, second = (_counts(counted[:, j : j + 1], values)[0] for j in (0, 1))
    equal = (both[:, 0] == both[:, 1]) & there

    def measure(times: Float) -> Float:
        n = times @ there
        observed = _over(times @ equal, n)
        expected = _over((_drawn(times, first) * _drawn(times, second)).sum(axis=1), n**2)
        return _over(observed - expected, np.where(expected < 1 - 1e-12, 1 - expected, 0))

    return measure


def alphas(table: Float, level: Level) -> Measure:
    """As `percents`. A distance between values is a difference of positions: none, ranks, or the values themselves."""
    counts, values = _counts(table)
    m, squares = _rows(counts)
    within = 1 / np.maximum(m - 1, 1)

    def disagreement(n: Float, squares: Float, sums: Float) -> Float:
        return 2 * (n * squares - sums**2)  # sum over all pairs of squared differences

    def measure(times: Float) -> Float:
        totals = _drawn(times, counts)  # (r, values)
        n = totals.sum(axis=1)
        if level == "nominal":
            observed = times @ (within * (m**2 - squares))
            expected = n**2 - np.square(totals).sum(axis=1)
        elif level == "interval":
            observed = times @ (within * disagreement(m, counts @ values**2, counts @ values))
            expected = disagreement(n, totals @ values**2, totals @ values)
        else:
            ranks = np.cumsum(totals, axis=1) - totals / 2  # the middle of each value's ranks
            expected = disagreement(n, (totals * ranks**2).sum(axis=1), (totals * ranks).sum(axis=1))
            observed = np.array(
                [
                    row @ (within * disagreement(m, counts @ rank**2, counts @ rank))
                    for row, rank in zip(times, ranks, strict=True)
                ]
            )
        return 1 - _over(observed * np.maximum(n - 1, 0), np.where(expected > 1e-9 * n, expected, 0))

    return measure


def _counts(table: Float, values: Float | None = None) -> "tuple[csr_array, Float]":
    """How often each item has each value, (items, values), most of them 0; and the values."""
    from scipy.sparse import csr_array  # here, because the start of the service can do without scipy

    items, columns = np.nonzero(~np.isnan(table))
    given = table[items, columns]
    if values is None:
        values = np.unique(given)
    where = (items, np.searchsorted(values, given))
    return csr_array((np.ones(len(given)), where), shape=(len(table), len(values))), values


def _rows(counts: "csr_array") -> tuple[Float, Float]:
    """Codes of each item, and the sum of its squared counts."""
    return np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.multiply(counts).sum(axis=1)).ravel()


def _drawn(times: Float, counts: "csr_array") -> Float:
    """(r, items) and (items, values) to (r, values)."""
    return np.asarray((counts.T @ times.T).T)


def _over(above: Float, below: Float) -> Float:
    """NaN where it is not defined."""
    found: Float = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return found


def _table(
    coder: Sequence[Hashable], item: Sequence[Hashable], code: Sequence[Any], level: Level
) -> tuple[Float, tuple[str, ...]]:
    """(items, coders) of numbers, NaN for missing."""
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table has all three"
        )
    coders, items = list(dict.fromkeys(coder)), list(dict.fromkeys(item))
    columns, rows = {c: i for i, c in enumerate(coders)}, {c: i for i, c in enumerate(items)}
    given = _numbers(code) if level != "nominal" else _places(code)
    table = np.full((len(items), len(coders)), np.nan)
    for who, what, value in zip(coder, item, given, strict=True):
        place = rows[what], columns[who]
        if not np.isnan(table[place]) and not np.isnan(value):
            raise AgreementError(f"codes: {who!r} codes {what!r} twice; keep one of the two rows")
        table[place] = value
    return table, tuple(str(c) for c in coders)


def _numbers(code: Sequence[Any]) -> list[float]:
    try:
        return [float("nan") if value is None else float(value) for value in code]
    except (TypeError, ValueError) as exc:
        raise AgreementError(
            f'codes: {exc}; ordinal and interval codes are numbers, others are level="nominal"'
        ) from exc


def _places(code: Sequence[Any]) -> list[float]:
    """Codes by name as numbers; None, NaN and "" are missing."""
    known: dict[str, int] = {}
    found = []
    for value in code:
        missing = value is None or (isinstance(value, float) and np.isnan(value)) or str(value).strip() == ""
        found.append(float("nan") if missing else float(known.setdefault(str(value).strip(), len(known))))
    return found
