"""Agreement by category, by coder and by pair of coders, and the items on which coders differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.annotation.code_list import CodeList
from models.annotation.weighted import Gwet, Level, spread, weighted_kappa, weights_of
from models.codes import in_order
from models.intervals import Figure, Resampled, ratio, resampled_figure, wilson
from models.stopping import Check

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_CATEGORIES = 50  # of which each is listed, and of which pairs of coders have a table
MOST_CODERS = 1000  # listed
MOST_PAIRS = 45  # of coders: those of 10
MOST_PAIRED = 200  # coders of whom pairs are compared
MOST_DIFFER = 100_000  # items listed
AT_ONCE = 2**21  # numbers drawn in one step
OF_PAIR = ("percent", "kappa", "kappa_linear", "kappa_quadratic", "ac1")


@dataclass(frozen=True, kw_only=True)
class Category:
    """A category.

    Attributes
    ----------
    codes : number of its codes.
    items : number of items with two or more codes of which one at least is this category.
    agreement : specific agreement: the probability that a second coder gives the category to an item to which a coder
        has given it; of two coders and two categories, positive and negative agreement (Cicchetti & Feinstein 1990, J.
        Clin. Epidemiol. 43:551); of several coders pooled over their pairs. NaN where no item is coded twice.
    """

    category: str
    codes: int
    items: int
    agreement: Figure


@dataclass(frozen=True, kw_only=True)
class Coder:
    """A coder; `counts` are the numbers of codes in the order of the categories."""

    coder: str
    codes: int
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CoderPair:
    """Two coders on the items that both have coded.

    Attributes
    ----------
    kappa : Cohen's (1960).
    kappa_linear, kappa_quadratic : weighted kappa, where the level is ordinal or interval; otherwise None.
    ac1 : Gwet's (2008); None for too many categories.
    table : (categories, categories) numbers of items, the first coder's codes in rows; empty for too many categories.
    """

    a: str
    b: str
    items: int
    percent: Figure
    kappa: Figure
    kappa_linear: Figure | None = None
    kappa_quadratic: Figure | None = None
    ac1: Figure | None = None
    table: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class DifferingItem:
    """An item on which coders differ: the coders who have coded it, and the code of each."""

    item: str
    coders: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Details:
    """Details of an agreement.

    Attributes
    ----------
    n_categories, n_pairs, n_differ : the numbers that there are; the lists may be shorter. n_pairs is None, and there
        are no pairs, for more than MOST_PAIRED coders.
    categories : in order; empty where there are more than MOST_CATEGORIES.
    pairs : those with the most items in common.
    differ : items in the order of the table.
    """

    n_categories: int
    categories: tuple[Category, ...]
    coders: tuple[Coder, ...]
    n_pairs: int | None
    pairs: tuple[CoderPair, ...]
    n_differ: int
    differ: tuple[DifferingItem, ...]


def specific(counts: "csr_array") -> Callable[[Float], Float] | None:
    """Specific agreement of resamples, (r, items) → (r, categories); None for too many categories.

    `counts`, (items, categories), is how often each item has each category.
    """
    if counts.shape[1] > MOST_CATEGORIES:
        return None
    table = counts.toarray()
    equal = table * (table - 1)
    pairs = table * (table.sum(axis=1, keepdims=True) - 1)
    return lambda times: ratio(times @ equal, times @ pairs)


def edge_figure(figure: Figure, n: int, of: Callable[[float], float] = lambda share: share) -> Figure:
    """The figure with Wilson's interval of `n` items where it is 0 or 1, where a bootstrap has no width.

    `of` is the figure as an increasing function of a share.
    """
    if figure.value not in (0, 1) or n < 1:
        return figure
    low, high = wilson(figure.value, n)
    return Resampled(value=figure.value, low=of(low), high=of(high), undefined=getattr(figure, "undefined", 0))


def details(
    codes: CodeList,
    enough: NDArray[np.bool_],
    *,
    items: Sequence[str],
    names: Mapping[float, str | None],
    specific: tuple[Float, Float] | None,
    only: Mapping[str, Figure] | None,
    place: Float,
    level: Level,
    resamples: int,
    rng: np.random.Generator,
    check: Check,
) -> Details:
    """Details of the codes.

    Parameters
    ----------
    enough : (items,) whether an item has two or more codes.
    items, names : names of the items, and of the numbers that stand for codes.
    specific : the specific agreement of each category of items with two or more codes, (categories,), and that of each
        resample, (r, categories).
    only : the figures of two coders, where there are no more: those of their pair.
    place : (values,) positions of the different codes, for weights.
    """
    values = np.unique(codes.code)
    order = in_order({str(names[value]): value for value in values.tolist()})
    place_of = {value: i for i, value in enumerate(order.values())}
    index = np.array([place_of[value] for value in codes.code.tolist()], np.intp)
    check()
    k = len(order) if len(order) <= MOST_CATEGORIES else 0
    by_item = np.argsort(codes.item, kind="stable")
    starts = np.searchsorted(codes.item[by_item], np.arange(codes.items + 1))
    check()
    first = np.full(codes.items, -1, np.intp)
    first[codes.item[::-1]] = index[::-1]
    differ = np.zeros(codes.items, bool)
    differ[codes.item[index != first[codes.item]]] = True
    check()
    words = list(order)
    differing = []
    for number, i in enumerate(np.flatnonzero(differ)[:MOST_DIFFER].tolist()):
        if number % 10_000 == 0:
            check()
        rows = by_item[starts[i] : starts[i + 1]]
        rows = rows[np.argsort(codes.coder[rows], kind="stable")]
        differing.append(
            DifferingItem(
                item=items[i],
                coders=tuple(codes.coders[c] for c in codes.coder[rows].tolist()),
                codes=tuple(words[c] for c in index[rows].tolist()),
            )
        )
    check()
    common = _common(codes)
    check()
    paired = [] if common is None else np.argwhere(common).tolist()
    if only is not None:
        resamples = 0
    most = [] if common is None else sorted(paired, key=lambda pair: -common[tuple(pair)])[:MOST_PAIRS]
    placed = np.empty(len(order))
    placed[[place_of[value] for value in values.tolist()]] = place
    pairs = tuple(_pair(codes, index, a, b, k, placed, level, resamples, rng, check) for a, b in sorted(most))
    if only is not None:
        own: dict[str, Any] = {name: only[name] for name in OF_PAIR if name in only}
        pairs = tuple(replace(pair, **own) for pair in pairs)
    return Details(
        n_categories=len(order),
        categories=_categories(codes, enough, index, order, specific) if k else (),
        coders=_coders(codes, index, k),
        n_pairs=None if common is None else len(paired),
        pairs=pairs,
        n_differ=int(differ.sum()),
        differ=tuple(differing),
    )


def _categories(
    codes: CodeList,
    enough: NDArray[np.bool_],
    index: NDArray[np.intp],
    order: Mapping[str, float],
    specific: tuple[Float, Float] | None,
) -> tuple[Category, ...]:
    counts = np.bincount(index, minlength=len(order))
    several = enough[codes.item]
    column = {value: c for c, value in enumerate(np.unique(codes.code[several]).tolist())}  # as in `specific`
    found = []
    for c, (name, value) in enumerate(order.items()):
        items = len(np.unique(codes.item[(index == c) & several]))
        figure: Figure = Figure(value=np.nan, low=np.nan, high=np.nan)
        if specific is not None and value in column:
            at = column[value]
            figure = resampled_figure(specific[0][at], specific[1][:, at])
            # of two coders, 2p / (1 + p), where p is the share of its items on which both gave the category
            figure = edge_figure(figure, items, lambda share: 2 * share / (1 + share))
        found.append(Category(category=name, codes=int(counts[c]), items=items, agreement=figure))
    return tuple(found)


def _coders(codes: CodeList, index: NDArray[np.intp], k: int) -> tuple[Coder, ...]:
    total = np.bincount(codes.coder, minlength=len(codes.coders))
    listed = min(len(codes.coders), MOST_CODERS)
    cells = np.bincount(codes.coder * k + index, minlength=len(codes.coders) * k).reshape(-1, k) if k else None
    return tuple(
        Coder(
            coder=codes.coders[i],
            codes=int(total[i]),
            counts=() if cells is None else tuple(cells[i].tolist()),
        )
        for i in range(listed)
    )


def _common(codes: CodeList) -> Int | None:
    """Number of items that two coders have in common, (coders, coders), 0 on and below the diagonal; None for many."""
    from scipy.sparse import csr_array  # here, because the service starts without scipy

    if len(codes.coders) > MOST_PAIRED:
        return None
    where = (codes.coder, codes.item)
    there = csr_array((np.ones(len(codes.code)), where), shape=(len(codes.coders), codes.items))
    return np.asarray(np.triu((there @ there.T).toarray(), 1), np.int64)


def _pair(
    codes: CodeList,
    index: NDArray[np.intp],
    a: int,
    b: int,
    k: int,
    placed: Float,
    level: Level,
    resamples: int,
    rng: np.random.Generator,
    check: Check,
) -> CoderPair:
    """Two coders; the bootstrap draws items, which is a multinomial draw of the cells of their table."""
    columns = np.full((2, codes.items), -1, np.intp)
    for row, coder in enumerate((a, b)):
        own = codes.coder == coder
        columns[row, codes.item[own]] = index[own]
    both = (columns >= 0).all(axis=0)
    first, second = columns[:, both]
    n = int(both.sum())
    width = int(index.max()) + 1
    cells, counts = np.unique(first * width + second, return_counts=True)
    rows, columns_of = np.divmod(cells, width)
    measures = {
        "": lambda times: np.stack(_figures(times, rows, columns_of)),
        **{
            f"kappa_{weights}": weighted_kappa(placed[rows], placed[columns_of], weights)
            for weights in weights_of(level)
        },
        **({"ac1": _ac1(rows, columns_of, k)} if k else {}),
    }
    drawn: dict[str, list[Float]] = {name: [] for name in measures}
    step = max(1, AT_ONCE // len(cells))
    for start in range(0, resamples if k else 0, step):
        times = rng.multinomial(n, counts / n, size=min(step, resamples - start)).astype(np.float64)
        for name, measure in measures.items():
            check()
            drawn[name].append(measure(times))
    check()
    table = np.zeros((k, k), np.int64)
    if k:
        table[rows, columns_of] = counts

    def figure(name: str, at: int | None = None) -> Resampled:
        value = measures[name](counts[None].astype(np.float64))
        resampled = np.concatenate(drawn[name], axis=-1) if drawn[name] else np.zeros((*value.shape[:-1], 0))
        return resampled_figure(*((value[0], resampled) if at is None else (value[at, 0], resampled[at])))

    return CoderPair(
        a=codes.coders[a],
        b=codes.coders[b],
        items=n,
        percent=edge_figure(figure("", 0), n),
        kappa=figure("", 1),
        **{name: figure(name) for name in measures if name},
        table=tuple(tuple(line) for line in table.tolist()),
    )


def _ac1(row: NDArray[np.intp], column: NDArray[np.intp], k: int) -> Callable[[Float], Float]:
    """Gwet's AC1 of tables whose cells have these counts, of k categories: (r, cells) → (r,)."""
    from scipy.sparse import csr_array  # here, because the service starts without scipy

    cells = np.arange(len(row))
    halves = np.full(2 * len(row), 0.5)
    where = (np.concatenate([cells, cells]), np.concatenate([row, column]))
    shares = csr_array((halves, where), shape=(len(row), k))
    equal = (row == column).astype(np.float64)
    coefficient = Gwet(equal, np.ones(len(row)), shares, spread(np.arange(k, dtype=np.float64), None))
    return coefficient.measure


def _figures(times: Float, row: NDArray[np.intp], column: NDArray[np.intp]) -> tuple[Float, Float]:
    """Share of equal codes, and Cohen's kappa, of tables whose cells have these counts: (r, cells) → (r,) each."""
    n = times.sum(axis=1)
    observed = times @ (row == column) / n
    from scipy.sparse import csr_array  # here, because the service starts without scipy

    width = int(max(row.max(), column.max())) + 1
    cells, ones = np.arange(len(row)), np.ones(len(row))
    rows, columns = (csr_array((ones, (cells, each)), shape=(len(row), width)) for each in (row, column))
    expected = ((times @ rows) * (times @ columns)).sum(axis=1) / n**2
    return observed, ratio(observed - expected, np.where(expected < 1 - 1e-12, 1 - expected, 0))
