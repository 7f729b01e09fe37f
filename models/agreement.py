"""How far coders agree: percent agreement, Cohen's kappa, Krippendorff's alpha, with bootstrap intervals over items."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from models.errors import AgreementError

Float = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]


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
    draws = [rng.integers(0, len(kept), len(kept)) for _ in range(resamples)]

    def with_interval(measure: Callable[[Float], float]) -> Coefficient:
        drawn = [x for rows in draws if not np.isnan(x := measure(kept[rows]))]
        low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
        return Coefficient(value=measure(kept), low=float(low), high=float(high))

    return Agreement(
        coders=coders,
        items=int(enough.sum()),
        level=level,
        percent=with_interval(percent),
        kappa=with_interval(kappa) if len(coders) == 2 else None,
        alpha=with_interval(lambda rows: alpha(rows, level)),
    )


def percent(table: Float) -> float:
    """Mean over items of the share of their pairs of codes that are equal; table (items, coders), NaN for missing."""
    shares = []
    for row in table:
        codes = row[~np.isnan(row)]
        pairs = [a == b for a, b in combinations(codes, 2)]
        if pairs:
            shares.append(np.mean(pairs))
    return float(np.mean(shares)) if shares else float("nan")


def kappa(table: Float) -> float:
    """Cohen's kappa of two columns, over the rows that both have; scikit-learn's."""
    both = table[~np.isnan(table).any(axis=1)]
    if len(both) == 0 or len(np.unique(both)) < 2:
        return float("nan")
    return float(cohen_kappa_score(both[:, 0].astype(int), both[:, 1].astype(int)))


def alpha(table: Float, level: Level = "nominal") -> float:
    """Krippendorff's alpha: one less observed over expected disagreement, from the coincidences of values within items.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C.
    """
    values = np.unique(table[~np.isnan(table)])
    coincidences = np.zeros((len(values), len(values)))
    for row in table:
        codes = row[~np.isnan(row)]
        if len(codes) < 2:
            continue
        counts = np.bincount(np.searchsorted(values, codes), minlength=len(values)).astype(float)
        coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(codes) - 1)
    totals = coincidences.sum(axis=1)
    n = totals.sum()
    distance = _distance(values, totals, level)
    observed = float((coincidences * distance).sum())
    expected = float((np.outer(totals, totals) * distance).sum()) / (n - 1) if n > 1 else 0.0
    return 1 - observed / expected if expected > 0 else float("nan")


def _distance(values: Float, totals: Float, level: Level) -> Float:
    """Squared distances between values: different at all, by ranks, or by numbers."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return np.asarray((values[:, None] - values[None, :]) ** 2)
    ranks = np.cumsum(totals) - totals / 2  # the middle of each value's ranks
    return np.asarray((ranks[:, None] - ranks[None, :]) ** 2)


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
