"""Differences in annotation between groups of coders: do viewers of different parties see different things?

Coders are the units that are drawn: intervals leave out one coder at a time (a jackknife within each group) and take
Student's quantile for the number of coders, since percentiles of a bootstrap of three coders are far too narrow.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.annotation.agreement import agreement, code_numbers
from models.annotation.code_list import CodeList
from models.annotation.group_shares import Pooled, item_difference, jackknifed, pooled, welch
from models.annotation.weighted import Level
from models.codes import in_order, read_codes, read_ids
from models.errors import AgreementError, listed
from models.intervals import Figure, Resampled, ratio, resampled_figure, share_figure
from models.stopping import Check, unchecked

Float = NDArray[np.float64]
MOST_GROUPS = 6
MOST_CATEGORIES = 50
MOST_ITEMS = 1000  # listed for each two groups
NO_FIGURE = Figure(value=nan, low=nan, high=nan)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of coders; percent agreement and alpha are None where no item has two of their codes."""

    group: str
    coders: tuple[str, ...]
    codes: int
    items: int
    percent: Figure | None
    alpha: Figure | None


@dataclass(frozen=True, kw_only=True)
class Overall:
    """A difference of two groups, the mean over the items that both have coded, a minus b.

    Attributes
    ----------
    category : whose share is compared; None: the mean of codes that are numbers.
    value_a, value_b : mean over items of the share of a group's codes, or of their mean.
    difference : with an interval for other coders of the same groups and these items.
    difference_of_items : with an interval for other coders and other items, which is somewhat too wide.
    """

    a: str
    b: str
    category: str | None
    items: int
    value_a: float
    value_b: float
    difference: Figure
    difference_of_items: Figure


@dataclass(frozen=True, kw_only=True)
class Between:
    """Agreement of two groups on the items that both have coded.

    Attributes
    ----------
    percent : the probability that a coder of each group give an item the same code.
    kappa : 1 minus observed over expected disagreement of a coder of each group; of numbers by squared differences.
    """

    a: str
    b: str
    items: int
    percent: Figure
    kappa: Resampled


@dataclass(frozen=True, kw_only=True)
class ItemDifference:
    """An item on which two groups differ.

    Attributes
    ----------
    category : with the largest difference of shares; None for numbers.
    distance : half the sum of the absolute differences of all shares; of numbers the absolute difference.
    difference : for other coders: Newcombe's interval (1998) of shares, Welch's of means.
    """

    item: str
    a: str
    b: str
    category: str | None
    value_a: float
    value_b: float
    codes_a: int
    codes_b: int
    difference: Figure
    distance: float


@dataclass(frozen=True, kw_only=True)
class GroupDifferences:
    """Differences between groups of coders; `items` has those on which they differ the most first."""

    level: Level
    groups: tuple[Group, ...]
    overall: tuple[Overall, ...]
    between: tuple[Between, ...]
    items: tuple[ItemDifference, ...]
    n_items: int
    missing: int
    remarks: tuple[str, ...]


def compare_coder_groups(
    coder: Sequence[Hashable],
    item: Sequence[Hashable],
    code: Sequence[Any],
    groups: Mapping[str, str],
    *,
    level: Level = "nominal",
    missing: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    check: Check = unchecked,
) -> GroupDifferences:
    """Compare the codes of groups of coders.

    Parameters
    ----------
    coder, item, code : (rows,) a long table, as for `agreement`.
    groups : the group of each coder; coders without one are left out.
    level : nominal: shares of categories are compared; ordinal or interval: means of codes, which are numbers.
    resamples : number of bootstrap resamples of items, for the agreement within and between groups.

    Raises
    ------
    AgreementError : as for `agreement`; fewer than two groups with codes, or more than MOST_GROUPS; no item that two
        groups have coded; more than MOST_CATEGORIES categories.
    """
    if not len(coder) == len(item) == len(code):
        raise AgreementError(
            f"codes: got {len(coder)} coders, {len(item)} items and {len(code)} codes; each row of the table needs all "
            "three"
        )
    column = read_codes(code, missing)
    names, items = read_ids(coder, "coder"), read_ids(item, "item")
    check()
    known = {str(who).strip(): str(group).strip() for who, group in groups.items()}
    rows = [i for i, who in enumerate(names) if known.get(who)]
    outside = list(dict.fromkeys(who for who in names if not known.get(who)))
    remarks = list(column.remarks("codes"))
    if outside:
        remarks.append(
            f"{listed(outside)} {'has' if len(outside) == 1 else 'have'} no group: "
            f"{len(names) - len(rows):,} of {len(names):,} rows are left out"
        )
    words = [column.names[i] for i in rows]
    if level == "nominal":
        order = list(in_order({word: None for word in words if word is not None}))
        place = {word: float(i) for i, word in enumerate(order)}
        numbers = [nan if word is None else place[word] for word in words]
        if len(order) > MOST_CATEGORIES:
            raise AgreementError(
                f"codes: got {len(order):,} different codes, at most {MOST_CATEGORIES} categories are compared; if "
                'they are quantities, set level="interval"'
            )
    else:
        order, numbers = [], code_numbers([column.values[i] for i in rows])
    table = CodeList.of([names[i] for i in rows], [items[i] for i in rows], numbers)
    check()
    ids = list(dict.fromkeys(items[i] for i in rows))
    of_coder = [known[who] for who in table.coders]
    found = list(in_order(dict.fromkeys(of_coder)))
    if not 2 <= len(found) <= MOST_GROUPS:
        raise AgreementError(
            f"groups: got {len(found)} groups of coders who have codes ({listed(found) or 'none'}); a comparison needs "
            f"from 2 to {MOST_GROUPS}: give the group of each coder by the coder's name"
        )
    member = np.array([found.index(group) for group in of_coder], np.intp)
    pools = [pooled(table, member == g, len(order)) for g in range(len(found))]
    overall: list[Overall] = []
    between: list[Between] = []
    differing: list[ItemDifference] = []
    rng = np.random.default_rng(seed)
    for g, h in combinations(range(len(found)), 2):
        check()
        both = (pools[g].codes > 0) & (pools[h].codes > 0)
        if not both.any():
            remarks.append(f"{found[g]} and {found[h]} have no item in common and are not compared")
            continue
        named: Any = {"a": found[g], "b": found[h]}
        overall += [
            Overall(
                **named,
                category=order[c] if order else None,
                items=int(both.sum()),
                value_a=float(pools[g].means[both, c].mean()),
                value_b=float(pools[h].means[both, c].mean()),
                **dict[str, Any](overall_intervals(pools[g], pools[h], c)),
            )
            for c in range(pools[g].means.shape[1])
        ]
        between.append(Between(**named, items=int(both.sum()), **_between(pools[g], pools[h], both, resamples, rng)))
        check()
        differing += _items(pools[g], pools[h], both, ids, order, named)
    if not between:
        raise AgreementError(
            f"codes: no item was coded by two of the groups {listed(found)}; let coders of each group code the "
            "same items"
        )
    lone = [group for g, group in enumerate(found) if (member == g).sum() < 2]
    if lone:
        remarks.append(
            f"{listed(lone)} {'has' if len(lone) == 1 else 'have'} a single coder: a difference of coders cannot be "
            "told from one of groups, and overall differences have no interval"
        )
    few = [group for g, group in enumerate(found) if 2 <= (member == g).sum() < 5]
    if few:
        remarks.append(f"{listed(few)}: fewer than five coders; intervals are wide, since coders are what is drawn")
    shown = sorted(differing, key=lambda each: -each.distance)
    if shown:
        compared = sum(each.items for each in between)
        remarks.append(
            f"the intervals of items are at 95 % each by itself: of {compared:,} comparisons of items about "
            f"{max(1, round(0.05 * compared)):,} would leave out 0 by chance if groups did not differ at all"
        )
    by_name = [names[i] for i in rows]
    own = [[i for i, who in enumerate(by_name) if known[who] == group] for group in found]
    return GroupDifferences(
        level=level,
        groups=tuple(
            _group(group, part, by_name, [items[i] for i in rows], numbers, level, resamples, seed, check)
            for group, part in zip(found, own, strict=True)
        ),
        overall=tuple(overall),
        between=tuple(between),
        items=tuple(shown[: MOST_ITEMS * len(between)]),
        n_items=len({each.item for each in differing}),
        missing=column.missing,
        remarks=tuple(remarks),
    )


def overall_intervals(a: Pooled, b: Pooled, column: int) -> dict[str, Figure]:
    """The overall difference of a column, for these items and for others."""
    value, parts, spread, n = jackknifed(a, b, column)
    return {
        "difference": welch(value, parts),
        "difference_of_items": welch(value, [*parts, (spread / n, n - 1)] if n > 1 else [(nan, 0)]),
    }


def _between(a: Pooled, b: Pooled, both: NDArray[np.bool_], resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Percent agreement and kappa of a coder of each group."""
    first, second = a.means[both], b.means[both]
    if a.nominal:
        equal = (first * second).sum(axis=1)
        apart = 1 - equal
    else:
        equal = a.equal_to(b, both)
        apart = (a.squares[both] + b.squares[both]) - 2 * first[:, 0] * second[:, 0]
    n = len(first)

    def kappa(times: Float) -> Float:
        p, q = times @ first / n, times @ second / n
        if a.nominal:
            expected = 1 - (p * q).sum(axis=1)
        else:
            expected = times @ (a.squares[both] + b.squares[both]) / n - 2 * p[:, 0] * q[:, 0]
        return 1 - ratio(times @ apart / n, np.where(expected > 1e-12, expected, 0))

    step = max(1, 2**20 // n)
    drawn = [
        kappa(rng.multinomial(n, np.full(n, 1 / n), size=min(step, resamples - start)).astype(np.float64))
        for start in range(0, resamples, step)
    ]
    whole = kappa(np.ones((1, n)))[0]
    return {"percent": share_figure(equal), "kappa": resampled_figure(whole, np.concatenate(drawn))}


def _items(
    a: Pooled, b: Pooled, both: NDArray[np.bool_], ids: Sequence[str], order: Sequence[str], named: Mapping[str, str]
) -> list[ItemDifference]:
    """The items on which two groups differ, at most MOST_ITEMS, in order of their distance."""
    gaps = a.means - b.means
    distance = np.where(both, np.abs(gaps).sum(axis=1) / (2 if a.nominal else 1), 0)
    ranked = np.argsort(-distance, kind="stable")[:MOST_ITEMS]
    found = []
    for i in ranked[distance[ranked] > 0].tolist():
        c = int(np.abs(gaps[i]).argmax())
        own: Any = dict(named)
        found.append(
            ItemDifference(
                **own,
                item=ids[i],
                category=order[c] if order else None,
                value_a=float(a.means[i, c]),
                value_b=float(b.means[i, c]),
                codes_a=int(a.codes[i]),
                codes_b=int(b.codes[i]),
                difference=item_difference(a, b, i, c),
                distance=float(distance[i]),
            )
        )
    return found


def _group(
    group: str,
    rows: Sequence[int],
    coder: Sequence[str],
    item: Sequence[str],
    numbers: Sequence[float],
    level: Level,
    resamples: int,
    seed: int,
    check: Check,
) -> Group:
    """A group, and the agreement of its coders."""
    coded = [i for i in rows if numbers[i] == numbers[i]]
    columns = ([coder[i] for i in coded], [item[i] for i in coded], [numbers[i] for i in coded])
    try:
        own = agreement(*columns, level=level, resamples=resamples, seed=seed, check=check)
    except AgreementError:  # a single coder, or no item that two of them have coded
        own = None
    return Group(
        group=group,
        coders=tuple(dict.fromkeys(columns[0])),
        codes=len(coded),
        items=len(set(columns[1])),
        percent=None if own is None else own.percent,
        alpha=None if own is None else own.alpha,
    )
