"""Agreement of coders: percent, kappa, Krippendorff's alpha, Gwet's AC, ICC, with intervals over items.

Percent agreement is a share of items and has Wilson's interval, the ICC one of the F distribution; the others have a
bootstrap.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.annotation import agreement_remarks, weighted
from models.annotation.agreement_details import MOST_CATEGORIES, Details, details, specific
from models.annotation.code_list import CodeList, sparse_counts
from models.annotation.icc import Icc, icc
from models.annotation.weighted import Measure, gwet, positions, weighted_kappa, weights_of
from models.codes import finite, lost_zeros, read_codes, read_ids
from models.errors import AgreementError, quoted
from models.intervals import Figure, ratio, resampled_figure, share_figure
from models.stopping import Check, unchecked

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Level = weighted.Level
LARGEST = 1e100  # code: sums of its squares are finite
AT_ONCE = 2**20  # largest number of resamples times items computed in one step
OPTIONAL = ("kappa", "kappa_linear", "kappa_quadratic", "ac1", "ac2_linear", "ac2_quadratic")


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Coefficients of agreement with 95 % intervals; NaN where undefined: all codes are equal.

    Attributes
    ----------
    percent : share of equal codes among pairs of codes of one item; items with two or more codes have equal weight.
    kappa : Cohen's (1960), for two coders on the items that both have coded; None for more coders.
    kappa_linear, kappa_quadratic : weighted kappa (Cohen 1968) of two coders, where the level is ordinal, by ranks of
        the codes found, or interval, by the codes; otherwise None.
    alpha : Krippendorff's (2011), for any number of coders and missing codes.
    ac1 : Gwet's (2008), for any number of coders and missing codes; None for more than MOST_CATEGORIES codes.
    ac2_linear, ac2_quadratic : Gwet's AC2 with the weights of weighted kappa; None under level nominal.
    icc : intraclass correlations, under level interval, of the items that all coders have coded; otherwise None.
    most_common, most_common_share : the most frequent code, and its share of the codes of the items that count.
    items : number of items with two or more codes; others are ignored.
    missing : number of rows without a code.
    remarks : coders without codes, texts that count as missing, codes that are written alike, items that may have lost
        zeros, a category with nearly all codes, resamples in which a coefficient is undefined.
    details : categories, coders, pairs of coders, and the items on which coders differ.
    """

    coders: tuple[str, ...]
    items: int
    level: Level
    percent: Figure
    kappa: Figure | None
    alpha: Figure
    kappa_linear: Figure | None = None
    kappa_quadratic: Figure | None = None
    ac1: Figure | None = None
    ac2_linear: Figure | None = None
    ac2_quadratic: Figure | None = None
    icc: Icc | None = None
    most_common: str | None = None
    most_common_share: float | None = None
    missing: int = 0
    remarks: tuple[str, ...] = ()
    details: Details | None = None


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
    numbers = _indices(column.names) if level == "nominal" else code_numbers(column.values)
    check()
    names = read_ids(coder, "coder")
    table = CodeList.of(names, items, numbers)
    check()
    coders = table.coders
    zeros = lost_zeros(items)
    remarks = [
        *agreement_remarks.without_codes(names, coders),
        *column.remarks("codes"),
        *([zeros] if zeros else []),
        *(agreement_remarks.quantities(column) if level == "nominal" else ()),
    ]
    enough = np.bincount(table.item, minlength=table.items) >= 2
    if len(coders) < 2 or not enough.any():
        raise AgreementError(
            f"codes: got {len(coders)} coders and {int(enough.sum())} items that two of them coded; agreement needs "
            "two coders and at least one item in common" + "".join(f"; {remark}" for remark in remarks)
        )
    kept = table.only(enough)
    every = np.unique(table.code)
    place = positions(every, level)
    rng = np.random.default_rng(seed)
    single = np.bincount(np.searchsorted(every, table.only(~enough).code), minlength=len(every))
    measures = measures_of(kept, every, place, single, level, seed)
    values = bootstrap(measures, kept.items, len(coders), resamples, rng, check)
    counts, different = kept.counts()
    n = kept.items
    whole = {name: measure(np.ones((1, n)))[0] for name, measure in measures.items()}
    figures: dict[str, Figure] = {
        name: resampled_figure(value, values[name]) for name, value in whole.items() if name != "specific"
    }
    figures["percent"] = share_figure(_equal_shares(counts))
    totals = np.asarray(counts.sum(axis=0)).ravel()
    most = int(totals.argmax())
    named = dict(zip(numbers, column.names, strict=True))
    most_common, share = str(named[different[most]]), float(totals[most] / totals.sum())
    correlations = icc(kept.dense()) if level == "interval" else None
    found = details(
        table,
        enough,
        items=list(dict.fromkeys(items)),
        names=named,
        specific=(whole["specific"], values["specific"]) if "specific" in measures else None,
        only=figures if len(coders) == 2 else None,
        place=place,
        level=level,
        resamples=resamples,
        rng=rng,
        check=check,
    )
    remarks += [
        *agreement_remarks.prevalence(most_common, share, int(totals.sum()), figures),
        *agreement_remarks.undefined(figures, found, resamples, share),
        *agreement_remarks.correlations(correlations, len(coders), kept.items),
    ]
    optional: dict[str, Any] = {name: figures.get(name) for name in OPTIONAL}
    return Agreement(
        coders=coders,
        items=int(enough.sum()),
        level=level,
        **optional,
        percent=figures["percent"],
        alpha=figures["alpha"],
        icc=correlations,
        most_common=most_common,
        most_common_share=share,
        missing=column.missing,
        remarks=tuple(remarks),
        details=found,
    )


def measures_of(
    kept: CodeList, values: Float, place: Float, single: NDArray[np.intp], level: Level, seed: int
) -> dict[str, Measure]:
    """The coefficients of resamples by name, (r, items) → (r,), of items with two codes or more.

    Parameters
    ----------
    values, place : (values,) the different codes of all items, and their positions.
    single : (values,) the number of items with that code alone.
    """
    counts, different = kept.counts()
    measures: dict[str, Measure] = {"alpha": _alpha(counts, different, level)}
    if own := specific(counts):
        measures["specific"] = own
    if len(kept.coders) == 2:
        measures["kappa"] = kappa_measure(kept.dense())
        placed = replace(kept, code=place[np.searchsorted(values, kept.code)]).dense()
        for weights in weights_of(level):
            measures[f"kappa_{weights}"] = weighted_kappa(placed[:, 0], placed[:, 1], weights)
    return measures | (_gwet(kept, values, place, single, level, seed) if len(values) <= MOST_CATEGORIES else {})


def bootstrap(
    measures: Mapping[str, Measure], n: int, coders: int, resamples: int, rng: np.random.Generator, check: Check
) -> dict[str, Float]:
    """The values of each measure in resamples of n items, (resamples, …) each."""
    values: dict[str, list[Float]] = {name: [] for name in measures}
    step = max(1, AT_ONCE // (n * coders))
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        times = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(many)]).astype(np.float64)
        for name, measure in measures.items():
            check()
            values[name].append(measure(times))
    return {name: np.concatenate(drawn) for name, drawn in values.items()}


def _gwet(
    kept: CodeList, values: Float, place: Float, single: NDArray[np.intp], level: Level, seed: int
) -> dict[str, Measure]:
    """Gwet's coefficients of resamples, (r, items) → (r,).

    Items with a single code count in chance agreement. They are drawn beside the others: `single` is the number of
    them with each value, (values,), which stand for one unit each.
    """
    q = len(values)
    units = replace(
        kept,
        item=np.concatenate([kept.item, kept.items + np.arange(q)]),
        coder=np.concatenate([kept.coder, np.zeros(q, np.intp)]),
        code=np.concatenate([kept.code, values]),
        items=kept.items + q,
    )
    alone = int(single.sum())

    def of(weights: weighted.Weights | None) -> Measure:
        coefficient = gwet(units, place, values, weights)
        rng = np.random.default_rng([seed, 1])

        def measure(times: Float) -> Float:
            extra = np.tile(single, (len(times), 1))
            if alone and not (times == 1).all():
                extra = rng.multinomial(alone, single / alone, size=len(times))
            return coefficient.measure(np.hstack([times, extra]))

        return measure

    return {"ac1": of(None), **{f"ac2_{weights}": of(weights) for weights in weights_of(level)}}


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
    shares = _equal_shares(counts)
    return lambda times: ratio(times @ shares, times.sum(axis=1))


def _equal_shares(counts: "csr_array") -> Float:
    """The share of equal codes among the pairs of codes of each item, (items,)."""
    m, squares = _rows(counts)
    return (squares - m) / np.maximum(m * (m - 1), 1)


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
    extent = float(np.ptp(values)) if len(values) else 0.0
    if extent > 0:  # distances have no zero: large codes would lose the digits that tell them apart
        values = (values - values.mean()) / extent

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
            middles = np.cumsum(totals, axis=1) - totals / 2  # of each value's ranks
            ranks = middles / np.maximum(n, 1)[:, None] - 0.5
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
    return sparse_counts(items, table[items, columns], len(table), values)


def _rows(counts: "csr_array") -> tuple[Float, Float]:
    """The number of codes of each item, and the sum of its squared counts: (items,) each."""
    return np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.multiply(counts).sum(axis=1)).ravel()


def _totals(times: Float, counts: "csr_array") -> Float:
    """Number of times each value occurs in each resample: (r, items) and (items, values) → (r, values)."""
    return np.asarray((counts.T @ times.T).T)


def code_numbers(code: Sequence[Any]) -> list[float]:
    """Ordinal or interval codes as numbers, NaN for None. Raises AgreementError."""
    numbers = []
    for value in code:
        try:
            number = float("nan") if value is None else finite(value)
        except (TypeError, ValueError) as exc:
            raise AgreementError(
                f"codes: {quoted(value)} is not a number; ordinal and interval codes are numbers (1 for low, 2 for "
                'medium), use level="nominal" for names'
            ) from exc
        if abs(number) > LARGEST:
            raise AgreementError(
                f"codes: {quoted(value)} is too large; ordinal and interval codes are up to {LARGEST:g}"
            )
        numbers.append(number)
    return numbers


def _indices(names: Sequence[str | None]) -> list[float]:
    """An index for each different code; NaN for None."""
    index: dict[str, int] = {}
    return [float("nan") if name is None else float(index.setdefault(name, len(index))) for name in names]
