"""Position bias: whether a category is chosen more often where it stands in a question.

The order of the categories is drawn for each question, so that under the hypothesis of no bias the places of the
chosen categories are those of a random order, whatever the items are. The test is exact by that hypothesis: it draws
the places again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import AgreementError, quoted
from models.intervals import Figure, normal_quantile, share_figure, wilson
from models.stopping import Check, unchecked

Kind = Literal["nominal", "ordinal"]
Float = NDArray[np.float64]
Int = NDArray[np.intp]
DRAWS = 9999  # of the test
CLEAR = 0.01  # p value, by Holm's rule over the variables of an answer, from which a bias is called clear
FEW = 20  # questions below which nothing is told
MOST_CATEGORIES = 200


@dataclass(frozen=True, kw_only=True)
class Question:
    """One answered question: `order` has all categories by number, `chosen` those of the answer.

    `item` is a number from 0 on: questions about one item are not independent.
    """

    item: int
    order: Sequence[int]
    chosen: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the question, from 1 on.

    Attributes
    ----------
    share : of the questions in which the category in this place was chosen, with its interval.
    expected : the share without bias. For one choice of k unordered categories it is 1 / k.
    """

    place: int
    chosen: int
    share: Figure
    expected: float


@dataclass(frozen=True, kw_only=True)
class CategoryPlaces:
    """A category in an early and in a late place.

    Attributes
    ----------
    early, late : number of questions in which it stood there.
    share_early, share_late : of these, the share in which it was chosen.
    difference : early minus late, with its interval; NaN where it stood in one of them alone.
    """

    category: str
    early: int
    late: int
    share_early: float
    share_late: float
    difference: Figure


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """Equal answers to questions about the same item.

    Attributes
    ----------
    items : those that were asked about more than once.
    same : share of the pairs of questions about an item that have the same answer, the mean over items.
    same_order, other_order : the same of pairs with the categories in the same order, and in different ones; None
        where there are no such pairs.
    unanimous : share of the items of which all answers are the same.
    """

    items: int
    same: Figure
    same_order: Figure | None
    other_order: Figure | None
    unanimous: Figure


@dataclass(frozen=True, kw_only=True)
class PositionBias:
    """Position bias of a variable.

    Attributes
    ----------
    questions, items : answered with a category.
    early, late : the places that are compared: the first and the last one; of ordinal categories, whose order is
        reversed, the first and the second half.
    difference : share of the questions with a choice in an early place, minus that with one in a late place; 0 without
        bias.
    p : probability of places that are so uneven, or more, without bias.
    """

    variable: str
    kind: Kind
    questions: int
    items: int
    early: tuple[int, ...]
    late: tuple[int, ...]
    places: tuple[Place, ...]
    categories: tuple[CategoryPlaces, ...]
    difference: Figure
    p: float
    consistency: Consistency | None


def position_bias(
    variable: str,
    categories: Sequence[str],
    questions: Sequence[Question],
    *,
    kind: Kind = "nominal",
    confidence: float = 0.95,
    seed: int = 0,
    check: Check = unchecked,
) -> PositionBias:
    """Measure the position bias of the answers about one variable.

    Parameters
    ----------
    kind : nominal: each order is as probable as any other. ordinal: the order of `categories` or its reverse.
    seed : of the test's draws.

    Raises
    ------
    AgreementError : an order that is none of these, a choice that is no category, or no question.
    """
    k = len(categories)
    if not 2 <= k <= MOST_CATEGORIES:
        raise AgreementError(
            f"{variable}: has {k} categories, and their places are compared for 2 to {MOST_CATEGORIES}; leave it out"
        )
    _check(variable, k, questions, kind)
    n = len(questions)
    order = np.array([each.order for each in questions], np.intp)
    chosen = np.zeros((n, k), bool)  # by category
    for i, each in enumerate(questions):
        chosen[i, list(each.chosen)] = True
    at = np.take_along_axis(chosen, order, axis=1)  # by place
    items = np.unique([each.item for each in questions], return_inverse=True)[1]
    groups = None if len(np.unique(items)) == n else items
    half = k // 2 if kind == "ordinal" else 1
    early, late = tuple(range(1, half + 1)), tuple(range(k - half + 1, k + 1))
    check()
    expected = at.mean(axis=0)
    expected = (expected + expected[::-1]) / 2 if kind == "ordinal" else np.full(k, expected.mean())
    places = tuple(
        Place(
            place=p + 1,
            chosen=int(at[:, p].sum()),
            share=share_figure(at[:, p], groups=groups, confidence=confidence),
            expected=float(expected[p]),
        )
        for p in range(k)
    )
    gap = at[:, :half].sum(axis=1) - at[:, k - half :].sum(axis=1).astype(np.float64)
    rng = np.random.default_rng(seed)
    p = _reversed_test(order, chosen, k, rng, check) if kind == "ordinal" else _permuted_test(at, rng, check)
    return PositionBias(
        variable=variable,
        kind=kind,
        questions=n,
        items=int(items.max()) + 1,
        early=early,
        late=late,
        places=places,
        categories=tuple(_by_category(categories, order, chosen, half, confidence)),
        difference=_mean_difference(gap, items, confidence),
        p=p,
        consistency=_consistency(order, chosen, items, confidence) if groups is not None else None,
    )


def _check(variable: str, k: int, questions: Sequence[Question], kind: Kind) -> None:
    if not questions:
        raise AgreementError(f"{variable}: no question was answered with a category; leave it out")
    forward = list(range(k))
    for i, each in enumerate(questions):
        order = list(each.order)
        if sorted(order) != forward:
            raise AgreementError(
                f"{variable}: the order of question {i} is {quoted(str(order))}, and has to have each of {k} "
                "categories once, by its number from 0 on"
            )
        if kind == "ordinal" and order not in (forward, forward[::-1]):
            raise AgreementError(
                f"{variable}: the order of question {i} is {quoted(str(order))}, and ordinal categories are asked in "
                'their order or in the reverse of it; set its kind to "nominal" if any order may occur'
            )
        if len(set(each.chosen)) != len(each.chosen) or not set(each.chosen) <= set(forward) or not each.chosen:
            raise AgreementError(
                f"{variable}: question {i} has the choice {quoted(str(list(each.chosen)))}; give one or several of the "
                f"numbers 0 to {k - 1}, each once, and leave questions without a choice out"
            )


def _permuted_test(at: NDArray[np.bool_], rng: np.random.Generator, check: Check) -> float:
    """The share of draws of places that are as uneven as those of the choices, by the sum of squares.

    Questions with m choices have these in m random places of the k.
    """
    k = at.shape[1]
    seen = at.sum(axis=0)
    sizes, many = np.unique(at.sum(axis=1), return_counts=True)
    drawn = np.zeros((DRAWS, k), np.int64)
    for size, count in zip(sizes.tolist(), many.tolist(), strict=True):
        left = np.zeros((DRAWS, size + 1), np.int64)  # questions by the number of choices that are still to be placed
        left[:, size] = count
        for place in range(k):
            check()
            for more in range(1, size + 1):  # upwards: those that move down are not looked at again
                hits = rng.binomial(left[:, more], min(more / (k - place), 1.0))
                drawn[:, place] += hits
                left[:, more] -= hits
                left[:, more - 1] += hits
    return _tail(((seen - seen.mean()) ** 2).sum(), ((drawn - drawn.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))


def _reversed_test(order: Int, chosen: NDArray[np.bool_], k: int, rng: np.random.Generator, check: Check) -> float:
    """The same for orders that are reversed for a random half of the questions.

    Categories that change their places with one another are a pair, and questions that have both of a pair, or that
    of the middle, say nothing about it.
    """
    forward = order[:, 0] == 0
    seen, drawn = 0.0, np.zeros(DRAWS)
    pairs = [(c, k - 1 - c) for c in range(k // 2)]
    gap = np.stack([chosen[:, a].astype(np.int64) - chosen[:, b] for a, b in pairs], axis=1)  # (n, pairs) of -1, 0, 1
    size = np.maximum(np.abs(gap).sum(axis=0), 1)
    signed = gap * np.where(forward, 1, -1)[:, None]
    seen = float((signed.sum(axis=0) ** 2 / size).sum())
    rows, many = np.unique(gap, axis=0, return_counts=True)
    total = np.zeros((DRAWS, len(pairs)))
    for row, count in zip(rows, many.tolist(), strict=True):
        check()
        total += (2 * rng.binomial(count, 0.5, DRAWS) - count)[:, None] * row
    drawn = (total**2 / size).sum(axis=1)
    return _tail(seen, drawn)


def _tail(seen: float, drawn: Float) -> float:
    return float((1 + (drawn >= seen - 1e-9).sum()) / (len(drawn) + 1))


def _mean_difference(gap: Float, items: Int, confidence: float) -> Figure:
    """The mean of differences from -1 to 1 with an interval over items (Bonett & Price 2012, JEBS 37:479).

    Two items are added for the interval, one of each sign, which keeps it from having no width at the edge.
    """
    size = np.bincount(items)
    total = np.bincount(items, gap)
    n, mean_size = len(size), float(size.mean())
    value = float(gap.mean())
    padded = np.concatenate([total, [mean_size, -mean_size]])
    sizes = np.concatenate([size, [mean_size, mean_size]])
    centre = float(padded.sum() / sizes.sum())
    error = (padded - centre * sizes) / sizes.sum()
    half = normal_quantile(confidence) * float(np.sqrt(error @ error))
    if len(gap) > n and n > 1:  # the items are clusters of questions: Student's quantile for their number
        from scipy.special import stdtrit  # the quantiles of scipy.stats.t, whose import takes seconds

        half *= float(stdtrit(n - 1, (1 + confidence) / 2)) / normal_quantile(confidence)
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return Figure(value=value, low=min(low, value), high=max(high, value))


def _by_category(
    categories: Sequence[str], order: Int, chosen: NDArray[np.bool_], half: int, confidence: float
) -> list[CategoryPlaces]:
    k = len(categories)
    places = np.argsort(order, axis=1)  # (n, k): the place of each category
    z = normal_quantile(confidence)
    found = []
    for c, name in enumerate(categories):
        early, late = places[:, c] < half, places[:, c] >= k - half
        n, m = int(early.sum()), int(late.sum())
        if not n or not m:
            nothing = Figure(value=np.nan, low=np.nan, high=np.nan)
            share = [float(chosen[rows, c].mean()) if rows.any() else np.nan for rows in (early, late)]
            found.append(_category(name, n, m, share, nothing))
            continue
        a, b = float(chosen[early, c].mean()), float(chosen[late, c].mean())
        (la, ua), (lb, ub) = wilson(a, n, z), wilson(b, m, z)  # Newcombe's method 10 (1998, Stat. Med. 17:873)
        low = a - b - ((a - la) ** 2 + (ub - b) ** 2) ** 0.5
        high = a - b + ((ua - a) ** 2 + (b - lb) ** 2) ** 0.5
        found.append(_category(name, n, m, [a, b], Figure(value=a - b, low=low, high=high)))
    return found


def _category(name: str, early: int, late: int, share: Sequence[float], difference: Figure) -> CategoryPlaces:
    return CategoryPlaces(
        category=name, early=early, late=late, share_early=share[0], share_late=share[1], difference=difference
    )


def _consistency(order: Int, chosen: NDArray[np.bool_], items: Int, confidence: float) -> Consistency | None:
    """Pairs of questions about an item; None where no item has two."""
    answers = np.unique(chosen, axis=0, return_inverse=True)[1].reshape(-1)
    orders = np.unique(order, axis=0, return_inverse=True)[1].reshape(-1)
    rows = np.argsort(items, kind="stable")
    starts = np.flatnonzero(np.diff(items[rows], prepend=-1))
    same: list[float] = []
    unanimous: list[bool] = []
    within: list[float] = []
    between: list[float] = []
    for group in np.split(rows, starts[1:]):
        if len(group) < 2:
            continue
        a, b = np.triu_indices(len(group), 1)
        equal = answers[group[a]] == answers[group[b]]
        alike = orders[group[a]] == orders[group[b]]
        same.append(float(equal.mean()))
        unanimous.append(bool(equal.all()))
        if alike.any():
            within.append(float(equal[alike].mean()))
        if not alike.all():
            between.append(float(equal[~alike].mean()))
    if not same:
        return None
    return Consistency(
        items=len(same),
        same=share_figure(same, confidence=confidence),
        same_order=share_figure(within, confidence=confidence) if within else None,
        other_order=share_figure(between, confidence=confidence) if between else None,
        unanimous=share_figure(unanimous, confidence=confidence),
    )


def clear(found: Sequence[PositionBias]) -> list[bool]:
    """Whether the bias of each variable is clear: p below CLEAR by Holm's rule (1979), of FEW questions or more."""
    rank = sorted(range(len(found)), key=lambda i: found[i].p)
    told, result = True, [False] * len(found)
    for step, i in enumerate(rank):
        told = told and found[i].p * (len(found) - step) < CLEAR
        result[i] = told and found[i].questions >= FEW
    return result


def sentence(one: PositionBias) -> str:
    """A remark on a clear bias."""
    most = max(one.places, key=lambda place: place.share.value - place.expected)
    where = "first" if most.place == 1 else "last" if most.place == len(one.places) else f"{most.place}th"
    where = {2: "second", 3: "third"}.get(most.place, where) if where.endswith("th") else where
    return (
        f"{one.variable}: the order of the categories moves the answers: the {where} of {len(one.places)} categories "
        f"in the question was chosen in {100 * most.share.value:.0f} % of {one.questions:,} answers, where "
        f"{100 * most.expected:.0f} % would be expected without position bias (p = {one.p:.2g}); keep the orders "
        "permuted, so that no category gains by its place, and correct estimates by human codes"
    )
