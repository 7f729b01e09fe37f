"""Agreement of coders: percent agreement, Cohen's kappa, Krippendorff's alpha, with bootstrap intervals over items."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.codes import finite, lost_zeros, read_codes, read_ids
from models.errors import AgreementError, quoted
from models.intervals import Figure, percentile_figure, ratio
from models.stopping import Check, unchecked

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
Measure = Callable[[Float], Float]
AT_ONCE = 2**22  # largest number of resamples times items computed in one step


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Coefficients of agreement with 95 % intervals; NaN where undefined: all codes are equal.

    Attributes
    ----------
    percent : share of equal codes among pairs of codes of one item; items with two or more codes have equal weight.
    kappa : Cohen's (1960), for two coders on the items that both have coded; None for more coders.
    alpha : Krippendorff's (2011), for any number of coders and missing codes.
    items : number of items with two or more codes; others are ignored.
    missing : number of rows without a code.
    remarks : texts that count as missing, items that may have lost zeros.
    """

    coders: tuple[str, ...]
    items: int
    level: Level
    percent: Figure
    kappa: Figure | None
    alpha: Figure
    missing: int = 0
    remarks: tuple[str, ...] = ()


def agreement(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    *,
    level: Level = "nominal",
    missing: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    check: Check = unchecked,
) -> Agreement:
    """Compute the agreement of coders from a long table of codes.

    Parameters
    ----------
    coder, item, code : (rows,) each; missing codes are missing rows, None, NaN, blank, or texts in `missing`. Codes are
        numbers where `level` is ordinal or interval; otherwise models.codes says which are equal.
    missing : texts that are no codes; None: those of models.codes.
    resamples : number of bootstrap samples of items.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    AgreementError : columns of different lengths, two codes of one coder for one item, a single coder, no item with
        two codes, codes that are not numbers where numbers are needed.
    """
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: got {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table needs all "
            "three"
        )
    column = read_codes(code, missing)
    check()
    items = read_ids(item, "item")
    check()
    numbers = _indices(column.names) if level == "nominal" else _numbers(column.values)
    check()
    table = _Codes.of(read_ids(coder, "coder"), items, numbers)
    check()
    coders = table.coders
    zeros = lost_zeros(items)
    remarks = (*column.remarks("codes"), *([zeros] if zeros else []))
    enough = np.bincount(table.item, minlength=table.items) >= 2
    if len(coders) < 2 or not enough.any():
        raise AgreementError(
            f"codes: got {len(coders)} coders and {int(enough.sum())} items that two of them coded; agreement needs "
            "two coders and at least one item in common" + "".join(f"; {remark}" for remark in remarks)
        )
    kept = table.only(enough)
    rng = np.random.default_rng(seed)
    counts, different = kept.counts()
    measures: dict[str, Measure] = {"percent": _percent(counts), "alpha": _alpha(counts, different, level)}
    if len(coders) == 2:
        measures["kappa"] = kappa_measure(kept.dense())
    values: dict[str, list[Float]] = {name: [] for name in measures}
    n = kept.items
    step = max(1, AT_ONCE // (n * len(coders)))
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(many)]).astype(np.float64)
        for name, measure in measures.items():
            check()
            values[name].append(measure(times))

    def with_interval(name: str) -> Figure:
        return percentile_figure(measures[name](np.ones((1, n)))[0], np.concatenate(values[name]))

    return Agreement(
        coders=coders,
        items=int(enough.sum()),
        level=level,
        percent=with_interval("percent"),
        kappa=with_interval("kappa") if len(coders) == 2 else None,
        alpha=with_interval("alpha"),
        missing=column.missing,
        remarks=remarks,
    )


def percent(table: Float) -> float:
    """Percent agreement of a table (items, coders), NaN for missing: mean over items of the share of equal pairs."""
    kept = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return float(percent_measure(kept)(np.ones((1, len(kept))))[0])


def kappa(table: Float) -> float:
    """Cohen's kappa of a table (items, 2), over the items that both have coded."""
    return float(kappa_measure(table)(np.ones((1, len(table))))[0])


def alpha(table: Float, level: Level = "nominal") -> float:
    """Krippendorff's alpha of a table (items, coders): 1 minus observed over expected disagreement.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, section C.
    """
    kept = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return float(alpha_measure(kept, level)(np.ones((1, len(kept))))[0])


def percent_measure(table: Float) -> Measure:
    """Percent agreement of resamples: how often each item was drawn (r, items) → (r,); items have two codes or more."""
    return _percent(_counts(table)[0])


def _percent(counts: "csr_array") -> Measure:
    m, squares = _rows(counts)
    shares = (squares - m) / np.maximum(m * (m - 1), 1)
    return lambda times: ratio(times @ shares, times.sum(axis=1))


def kappa_measure(table: Float) -> Measure:
    """Kappa of resamples, as in `percent_measure`: (observed - expected) / (1 - expected)."""
    complete: NDArray[np.bool_] = np.all(~np.isnan(table), axis=1)
    counted = np.where(complete[:, None], table, np.nan)
    values = np.unique(counted[complete])
    first, second = (_counts(counted[:, j : j + 1], values)[0] for j in (0, 1))
    equal = counted[:, 0] == counted[:, 1]  # False for NaN

    def measure(times: Float) -> Float:
        n = times @ complete
        observed = ratio(times @ equal, n)
        expected = ratio((_totals(times, first) * _totals(times, second)).sum(axis=1), n**2)
        return ratio(observed - expected, np.where(expected < 1 - 1e-12, 1 - expected, 0))

    return measure


def alpha_measure(table: Float, level: Level) -> Measure:
    """Alpha of resamples, as in `percent_measure`; distances are 0 or 1, of ranks, or of the values, by `level`."""
    return _alpha(*_counts(table), level)


def _alpha(counts: "csr_array", values: Float, level: Level) -> Measure:
    m, squares = _rows(counts)
    within = 1 / np.maximum(m - 1, 1)

    def disagreement(n: Float, squares: Float, sums: Float) -> Float:
        return 2 * (n * squares - sums**2)  # sum over all pairs of squared differences

    def measure(times: Float) -> Float:
        totals = _totals(times, counts)  # (r, values)
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
        return 1 - ratio(observed * np.maximum(n - 1, 0), np.where(expected > 1e-9 * n, expected, 0))

    return measure


def _counts(table: Float, values: Float | None = None) -> "tuple[csr_array, Float]":
    """Number of times each item has each value, (items, values), sparse; and the values."""
    items, columns = np.nonzero(~np.isnan(table))
    return _sparse(items, table[items, columns], len(table), values)


def _sparse(items: NDArray[np.intp], codes: Float, n: int, values: Float | None = None) -> "tuple[csr_array, Float]":
    """`_counts` of codes that are given with the indices of their items, (codes,) each; `n` items."""
    from scipy.sparse import csr_array  # here, because the service starts without scipy

    if values is None:
        values = np.unique(codes)
    where = (items, np.searchsorted(values, codes))
    return csr_array((np.ones(len(codes)), where), shape=(n, len(values))), values


def _rows(counts: "csr_array") -> tuple[Float, Float]:
    """The number of codes of each item, and the sum of its squared counts: (items,) each."""
    return np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.multiply(counts).sum(axis=1)).ravel()


def _totals(times: Float, counts: "csr_array") -> Float:
    """Number of times each value occurs in each resample: (r, items) and (items, values) → (r, values)."""
    return np.asarray((counts.T @ times.T).T)


@dataclass(frozen=True)
class _Codes:
    """Codes as numbers without missing ones: crowds of coders share few items, so that a table would be mostly empty.

    Attributes
    ----------
    item, coder : (codes,) indices.
    code : (codes,)
    items : number of items.
    """

    item: NDArray[np.intp]
    coder: NDArray[np.intp]
    code: Float
    items: int
    coders: tuple[str, ...]

    @classmethod
    def of(cls, coder: Sequence[str], item: Sequence[str], numbers: Sequence[float]) -> "_Codes":
        """The codes of a long table. Raises AgreementError for two codes of one coder for one item."""
        coders, items = list(dict.fromkeys(coder)), list(dict.fromkeys(item))
        columns, rows = {c: i for i, c in enumerate(coders)}, {c: i for i, c in enumerate(items)}
        codes: dict[tuple[int, int], float] = {}
        for who, what, value in zip(coder, item, numbers, strict=True):
            if value != value:  # NaN
                continue
            place = rows[what], columns[who]
            if place in codes:
                raise AgreementError(
                    f"codes: coder {quoted(who)} has two codes for item {quoted(what)}; keep one of the two rows"
                )
            codes[place] = value
        places = np.array(list(codes), np.intp).reshape(-1, 2)
        return cls(places[:, 0], places[:, 1], np.array(list(codes.values()), np.float64), len(items), tuple(coders))

    def only(self, items: NDArray[np.bool_]) -> "_Codes":
        """The codes of some items, which are numbered anew."""
        some = items[self.item]
        number = np.cumsum(items) - 1
        return replace(
            self, item=number[self.item[some]], coder=self.coder[some], code=self.code[some], items=int(items.sum())
        )

    def counts(self) -> "tuple[csr_array, Float]":
        """As `_counts`."""
        return _sparse(self.item, self.code, self.items)

    def dense(self) -> Float:
        """A table (items, coders), NaN for missing."""
        table = np.full((self.items, len(self.coders)), np.nan)
        table[self.item, self.coder] = self.code
        return table


def _numbers(code: Sequence[Any]) -> list[float]:
    try:
        return [float("nan") if value is None else finite(value) for value in code]
    except (TypeError, ValueError) as exc:
        raise AgreementError(
            f'codes: {exc}; ordinal and interval codes must be numbers, use level="nominal" for others'
        ) from exc


def _indices(names: Sequence[str | None]) -> list[float]:
    """An index for each different code; NaN for None."""
    index: dict[str, int] = {}
    return [float("nan") if name is None else float(index.setdefault(name, len(index))) for name in names]
