"""A continuous scale from pairwise comparisons ("which picture is more violent?"), by the model of Bradley & Terry.

The logit of the probability that a beats b is the difference of their scores. Scores are centred at 0.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.codes import is_missing, read_ids
from models.errors import AgreementError, listed, quoted
from models.intervals import normal_quantile
from models.stopping import Check, checkpoint, unchecked

Float = NDArray[np.float64]
Int = NDArray[np.intp]
MOST_ITEMS = 2000  # of a scale
MOST_PAIRS = 100_000  # of a draw
LEAST_RIDGE = 1e-3  # a smaller one leaves scores that are not finite without it as good as unbounded
STEPS = 100
TOLERANCE = 1e-10  # largest change of a score at which the iteration ends
FIRST, SECOND = frozenset(("a", "left", "first")), frozenset(("b", "right", "second"))
TIES = frozenset(("tie", "=", "equal", "same", "both", "neither"))


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """An item: its score, standard error and 95 % interval; wins count a tie as one half."""

    item: str
    score: float
    se: float
    low: float
    high: float
    comparisons: int
    wins: float


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A scale.

    Attributes
    ----------
    items : the highest score first.
    comparisons, ties, missing : numbers of comparisons that count, of ties among them, and of rows without a winner.
    reliability : 1 minus the mean squared standard error over the variance of the scores; 0 where it is negative.
    """

    items: tuple[Scaled, ...]
    comparisons: int
    ties: int
    missing: int
    ridge: float
    reliability: float
    log_likelihood: float
    remarks: tuple[str, ...]


def fit_scale(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    winner: Sequence[Hashable | None],
    *,
    ridge: float = 0.0,
    check: Check = unchecked,
) -> Scale:
    """Fit the model of Bradley & Terry by maximum likelihood (Newton's method); no random numbers are drawn.

    Parameters
    ----------
    a, b : (rows,) the items of each comparison.
    winner : (rows,) the id of the winner; or "a" or "b" (left or right, first or second); or "tie" (=, equal, same),
        which counts as half a win of each; None, NaN or blank for no answer.
    ridge : penalty, half of it times the sum of squared scores, which draws scores towards 0. With 0 an item or a set
        of items that has won all, or lost all, its comparisons with the others has no finite score.

    Raises
    ------
    AgreementError : columns of different lengths, an item compared with itself, a winner that is neither item, too few
        or too many items, items that no chain of comparisons connects, items without a finite score.

    Source: Bradley & Terry, Biometrika 1952, 39:324; Ford, American Mathematical Monthly 1957, 64(8):28, for which
    comparisons have a finite solution.
    """
    if not len(a) == len(b) == len(winner):
        raise AgreementError(
            f"winner: got {len(a)} first items, {len(b)} second items and {len(winner)} winners; each comparison needs "
            "all three"
        )
    first, second = read_ids(a, "a"), read_ids(b, "b")
    check()
    given = [row for row, value in enumerate(winner) if not is_missing(value)]
    words = dict(zip(given, read_ids([winner[row] for row in given], "winner"), strict=True))
    check()
    _require_one_meaning(first, second, words)
    results = [_result(*pair, words.get(row), row) for row, pair in enumerate(zip(first, second, strict=True))]
    rows = [i for i, result in enumerate(results) if result is not None]
    names = list(dict.fromkeys(name for i in rows for name in (first[i], second[i])))
    n = len(names)
    if n < 2 or n > MOST_ITEMS:
        raise AgreementError(
            f"winner: got {n:,} items with comparisons that have a winner; a scale needs from 2 to {MOST_ITEMS:,}"
        )
    place = {name: i for i, name in enumerate(names)}
    i = np.array([place[first[row]] for row in rows], np.intp)
    j = np.array([place[second[row]] for row in rows], np.intp)
    y = np.array([results[row] for row in rows], np.float64)
    check()
    _require_connected(i, j, n, names)
    apart = _unbeaten(i, j, y, n)
    if apart and not ridge:
        raise AgreementError(
            f"winner: {_sentence([names[k] for k in apart[0]], apart[1])}, so that no finite score is the most likely; "
            "compare them more often, leave them out, or set ridge (such as 0.1), which draws all scores towards 0"
        )
    if 0 < ridge < LEAST_RIDGE:
        raise AgreementError(f"ridge: got {ridge:g}; give 0, or from {LEAST_RIDGE:g} on, such as 0.1")
    scores, covariance, likelihood = _newton(i, j, y, n, ridge, check)
    se = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    half = normal_quantile(0.95) * se
    played = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
    wins = np.bincount(i, y, n) + np.bincount(j, 1 - y, n)
    variance = float(scores.var(ddof=1))
    ties = int((y == 0.5).sum())
    order = sorted(range(n), key=lambda k: (-scores[k], names[k]))
    return Scale(
        items=tuple(
            Scaled(
                item=names[k],
                score=float(scores[k]),
                se=float(se[k]),
                low=float(scores[k] - half[k]),
                high=float(scores[k] + half[k]),
                comparisons=int(played[k]),
                wins=float(wins[k]),
            )
            for k in order
        ),
        comparisons=len(rows),
        ties=ties,
        missing=len(results) - len(rows),
        ridge=float(ridge),
        reliability=max(0.0, 1 - float(np.square(se).mean()) / variance) if variance > 0 else 0.0,
        log_likelihood=likelihood,
        remarks=tuple(_remarks(len(rows), ties, len(results), n, ridge, played)),
    )


def _require_one_meaning(first: Sequence[str], second: Sequence[str], words: Mapping[int, str]) -> None:
    """Raise AgreementError where winners are words for the first or second item, and some ids are such words too."""
    ids = sorted({name for name in (*first, *second) if name.casefold() in FIRST | SECOND})
    for row, name in words.items() if ids else ():
        if name.casefold() in FIRST | SECOND and name not in (first[row], second[row]):
            raise AgreementError(
                f"winner: {quoted(name)} in row {row} is a word for one of its items, and {quoted(ids[0])} is an id "
                "too: rename that item, or give the ids of all winners"
            )


def _result(a: str, b: str, name: str | None, row: int) -> float | None:
    """1 where a has won, 0 where b has, one half for a tie, None for no answer."""
    if a == b:
        raise AgreementError(f"b: row {row} compares {quoted(a)} with itself; give two different items")
    if name is None:
        return None
    word = name.casefold()
    if name in (a, b):
        return float(name == a)
    if word in FIRST | SECOND:
        return float(word in FIRST)
    if word in TIES:
        return 0.5
    raise AgreementError(
        f"winner: got {quoted(name)} in row {row}, which compares {quoted(a)} and {quoted(b)}; give the id of one of "
        'them, "a", "b" or "tie"'
    )


def _require_connected(i: Int, j: Int, n: int, names: Sequence[str]) -> None:
    """Raise AgreementError where some items are in no chain of comparisons with the others, with their names."""
    from scipy.sparse import csr_array  # here, because the service starts without scipy
    from scipy.sparse.csgraph import connected_components

    graph = csr_array((np.ones(len(i)), (i, j)), shape=(n, n))
    parts, member = connected_components(graph, directed=False)
    if parts > 1:
        sizes = np.bincount(member)
        sets = [
            [names[k] for k in np.flatnonzero(member == part).tolist()] for part in np.argsort(-sizes, kind="stable")
        ]
        told = "; ".join(f"{len(each):,} ({listed(each, 3)})" for each in sets[:5])
        raise AgreementError(
            f"winner: no comparisons connect {parts:,} sets of items, of {told}{'; …' if parts > 5 else ''}: their "
            "scores have no common scale; compare items of different sets, or scale each set by itself"
        )


def _unbeaten(i: Int, j: Int, y: Float, n: int) -> tuple[list[int], bool] | None:
    """A set of items that has won all (True) or lost all comparisons with the others; None where there is none."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    won, lost = y > 0, y < 1
    winners, losers = np.concatenate([i[won], j[lost]]), np.concatenate([j[won], i[lost]])
    graph = csr_array((np.ones(len(winners)), (winners, losers)), shape=(n, n))
    parts, member = connected_components(graph, directed=True, connection="strong")
    if parts == 1:
        return None
    across = member[winners] != member[losers]
    beaten = np.zeros(parts, bool)
    beaten[member[losers][across]] = True
    has_won = np.zeros(parts, bool)
    has_won[member[winners][across]] = True
    ends = [(part, not beaten[part]) for part in range(parts) if not beaten[part] or not has_won[part]]
    part, all_won = min(ends, key=lambda end: (int((member == end[0]).sum()), not end[1]))
    return np.flatnonzero(member == part).tolist(), bool(all_won)


def _sentence(names: Sequence[str], all_won: bool) -> str:
    have = "has" if len(names) == 1 else "have"
    return f"{listed(names)} {have} {'won' if all_won else 'lost'} all comparisons with the other items"


def _newton(i: Int, j: Int, y: Float, n: int, ridge: float, check: Check) -> tuple[Float, Float, float]:
    """Scores, centred at 0, their covariance, and the logarithm of the likelihood."""
    scores: Float = np.zeros(n)

    def likelihood(at: Float) -> float:
        gap = at[i] - at[j]
        return float((y * gap - np.logaddexp(0, gap)).sum() - ridge / 2 * at @ at)

    information: Float = np.zeros((n, n))
    value = likelihood(scores)
    for _ in range(STEPS):
        check()
        chance = 1 / (1 + np.exp(-(scores[i] - scores[j])))
        error, weight = y - chance, chance * (1 - chance)
        gradient = np.bincount(i, error, n) - np.bincount(j, error, n) - ridge * scores
        information = np.zeros((n, n))
        np.add.at(information, (i, j), -weight)
        information += information.T
        np.fill_diagonal(information, np.bincount(i, weight, n) + np.bincount(j, weight, n) + ridge)
        step = np.linalg.solve(information + 1 / n, gradient)  # generalised, for steps whose sum is 0
        size = 1.0
        while likelihood(scores + size * step) < value and size > 1e-6:
            size /= 2
        moved = scores + size * step
        scores = moved - float(moved.mean())
        value = likelihood(scores)
        if np.abs(step).max() < TOLERANCE:
            break
    inverse = np.asarray(np.linalg.inv(information + 1 / n) - 1 / (n + ridge * n), np.float64)
    return scores, inverse, value + ridge / 2 * float(scores @ scores)


def _remarks(rows: int, ties: int, given: int, n: int, ridge: float, played: Int) -> list[str]:
    remarks = []
    if given > rows:
        remarks.append(f"{given - rows:,} of {given:,} comparisons have no winner and are left out")
    if ties:
        remarks.append(f"{ties:,} of {rows:,} comparisons are ties, which count as half a win of each item")
    if ridge:
        remarks.append(f"scores are drawn towards 0 by a ridge of {ridge:g}: intervals are narrower, and not centred")
    if rows < 5 * n:
        few = int((played < 5).sum())
        remarks.append(
            f"{rows:,} comparisons of {n:,} items are {2 * rows / n:.1f} of each, {few:,} items have fewer than five: "
            "scores are far from certain, and differences of extreme ones too large; ten of each or more are usual"
        )
    return remarks


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Pairs of items to be compared, in random order; `a` and `b` are indices, the order of the two is random too."""

    a: tuple[int, ...]
    b: tuple[int, ...]
    per_item: float


def draw_comparisons(n: int, per_item: int, *, seed: int = 0) -> Comparisons:
    """Draw pairs of items so that each item is in about the same number of different pairs, and all are connected.

    Each round joins all items in a circle in random order, which is two pairs of each; pairs that were drawn before are
    left out, so that items near the largest possible number may have fewer.

    Raises
    ------
    AgreementError : fewer than 3 items or too many, more pairs of each item than there are other items.
    """
    if not 3 <= n <= MOST_ITEMS:
        raise AgreementError(f"ids: got {n:,} items to compare; give from 3 to {MOST_ITEMS:,}")
    if not 2 <= per_item < n:
        raise AgreementError(
            f"per_item: got {per_item}; give from 2 to {n - 1}, the number of other items with which one is compared"
        )
    wanted = -(-n * per_item // 2)
    if wanted > MOST_PAIRS:
        raise AgreementError(
            f"per_item: got {per_item} for {n:,} items, which is {wanted:,} pairs, at most {MOST_PAIRS:,}; ten of each "
            "item are usual"
        )
    rng = np.random.default_rng(seed)
    pairs: dict[tuple[int, int], None] = {}
    for _ in range(50 * per_item):
        checkpoint()
        circle = rng.permutation(n).tolist()
        for x, z in zip(circle, [*circle[1:], circle[0]], strict=True):
            if len(pairs) < wanted:
                pairs[min(x, z), max(x, z)] = None
        if len(pairs) == wanted:
            break
    order = rng.permutation(len(pairs))
    every = list(pairs)
    turned = rng.random(len(pairs)) < 0.5
    drawn = [every[k][::-1] if turn else every[k] for k, turn in zip(order.tolist(), turned.tolist(), strict=True)]
    return Comparisons(a=tuple(x for x, _ in drawn), b=tuple(z for _, z in drawn), per_item=2 * len(drawn) / n)
