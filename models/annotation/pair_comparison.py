"""Clusterings judged by coded pairs: weighted pair precision, recall and F1, and which clustering does best.

A pair weighs 1 over its inclusion probability, which undoes the design of the draw. Precision: of the pairs that a
clustering puts together, the share that people do; recall: of those that people put together, the share that it does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.annotation.pairs import Unclustered
from models.errors import ClusteringError

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Criterion = Literal["f1", "precision"]
AT_ONCE = 2**22  # numbers: resamples times pairs
SHARED = 0.2  # of pairs with an item in common, from which intervals are said to be too narrow


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with its bootstrap interval; NaN where nothing defines it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What one clustering gets. Recall and F1 are None where the pairs cannot tell them."""

    name: str
    pairs: int
    together: int
    precision: Figure
    recall: Figure | None
    f1: Figure | None


@dataclass(frozen=True, kw_only=True)
class Winner:
    """Chosen by `criterion` on one part of the pairs, which flatters it; scored on the other.

    `difference` to the runner-up is on the held-out part: told from noise where its interval leaves out 0.
    """

    name: str
    criterion: Criterion
    selected_pairs: int
    selected_value: float
    held_out_pairs: int
    held_out: Figure
    runner_up: str | None
    difference: Figure | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    n_pairs: int
    unclustered: Unclustered
    configurations: tuple[Configuration, ...]
    winner: Winner | None
    remarks: tuple[str, ...]


def compare(
    a: Sequence[int],
    b: Sequence[int],
    same: Sequence[bool],
    clusterings: Mapping[str, NDArray[np.integer]],
    *,
    inclusion_prob: Sequence[float] | None = None,
    stratum: Sequence[str] | None = None,
    unclustered: Unclustered = "singletons",
    held_out: float = 0.5,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Judge `clusterings` by pairs that people have coded.

    Parameters
    ----------
    a, b, same : (p,) each: two items, and whether people put them together.
    clusterings : by name, (n,) each; -1 for an item in no cluster.
    inclusion_prob, stratum : (p,) as drawn. Left out: each pair alike, one stratum.
    unclustered : an item of -1 is a cluster by itself; or its pairs are left out, for all clusterings.
    held_out : share of the pairs that the winner is scored on; 0: no winner.

    Raises
    ------
    ClusteringError : lengths_differ, invalid_pairs.
    """
    first, second = np.asarray(a, np.int64), np.asarray(b, np.int64)
    labels = {name: np.asarray(each, np.int64) for name, each in clusterings.items()}
    _check(first, second, same, inclusion_prob, stratum, labels)
    truth = np.asarray(same, bool)
    weight = np.ones(len(truth)) if inclusion_prob is None else 1 / np.asarray(inclusion_prob, np.float64)
    strata = np.zeros(len(truth), np.intp)
    if stratum is not None:
        strata = np.unique(np.asarray(stratum, str), return_inverse=True)[1].astype(np.intp)
    remarks = []
    kept = np.ones(len(truth), bool)
    if unclustered == "exclude":
        kept = np.all([(each[first] >= 0) & (each[second] >= 0) for each in labels.values()], axis=0)
        if not kept.all():
            remarks.append(f"{int((~kept).sum())} pairs with an item in no cluster were left out, for all clusterings.")
        if not kept.any():
            raise ClusteringError(
                "a: every pair has an item that some clustering leaves out; use unclustered singletons",
                code="invalid_pairs",
            )
    elif any((each < 0).any() for each in labels.values()):
        remarks.append("An item in no cluster (-1) counts as a cluster by itself: its pairs are apart.")
    first, second, truth = first[kept], second[kept], truth[kept]
    weight, strata = weight[kept], strata[kept]
    said = {name: (each[first] == each[second]) & (each[first] >= 0) for name, each in labels.items()}
    recalls = not all(each.all() for each in said.values())
    if stratum is not None:
        recalls = recalls and "between" in {s for s, k in zip(stratum, kept, strict=True) if k}
    if not recalls:
        remarks.append(
            "Recall and F1 are not given: no pairs from between clusters were coded, so nobody knows what the "
            "clusterings miss."
        )
    if stratum is None and inclusion_prob is None:
        remarks.append("All pairs weigh the same: right only if each pair of the corpus was as likely to be drawn.")
    items, times = np.unique(np.concatenate([first, second]), return_counts=True)
    if np.isin(first, items[times > 1]).mean() > SHARED or np.isin(second, items[times > 1]).mean() > SHARED:
        remarks.append(
            "Many pairs have an item in common. The bootstrap draws pairs as if they were independent: intervals may "
            "be too narrow."
        )
    rng = np.random.default_rng(seed)
    asked = ("precision", "recall", "f1") if recalls else ("precision",)
    measures = {(name, which): partial(_measure, which, each, truth) for name, each in said.items() for which in asked}
    found = _bootstrapped(measures, weight, strata, resamples, rng)

    def figures(name: str, which: str) -> Figure:
        return _figure(*found[name, which], confidence)

    configurations = tuple(
        Configuration(
            name=name,
            pairs=len(truth),
            together=int(each.sum()),
            precision=figures(name, "precision"),
            recall=figures(name, "recall") if recalls else None,
            f1=figures(name, "f1") if recalls else None,
        )
        for name, each in said.items()
    )
    criterion: Criterion = "f1" if recalls else "precision"
    winner = None
    if held_out > 0:
        winner = _winner(said, truth, weight, strata, criterion, held_out, resamples, confidence, rng)
        if winner is None:
            remarks.append("There are too few pairs to choose a clustering on some and score it on others.")
        elif winner.difference is not None:
            apart = winner.difference.low > 0
            remarks.append(
                f"{winner.name} was chosen by {criterion} on {winner.selected_pairs} pairs. On the "
                f"{winner.held_out_pairs} others its lead over {winner.runner_up} "
                + ("is larger than chance explains." if apart else "cannot be told from chance.")
            )
    return Comparison(
        n_pairs=len(truth),
        unclustered=unclustered,
        configurations=configurations,
        winner=winner,
        remarks=tuple(remarks),
    )


def _measure(which: str, said: Bool, truth: Bool, weights: Float) -> Float:
    """For each row of weights, (r, p)."""
    both = weights @ (said & truth)
    ours, theirs = weights @ said, weights @ truth
    above, below = {"precision": (both, ours), "recall": (both, theirs), "f1": (2 * both, ours + theirs)}[which]
    found: Float = np.divide(above, below, out=np.full(len(weights), np.nan), where=below > 0)
    return found


def _bootstrapped(
    measures: Mapping[Any, Callable[[Float], Float]],
    weight: Float,
    strata: NDArray[np.intp],
    resamples: int,
    rng: np.random.Generator,
) -> dict[Any, tuple[float, Float]]:
    """Each measure's value, and its values in bootstrap samples with as many pairs of each stratum as there are.

    All measures see the same samples, so many at once as fit into memory.
    """
    drawn: dict[Any, list[Float]] = {key: [] for key in measures}
    places = [np.flatnonzero(strata == h) for h in np.unique(strata)]
    step = max(1, AT_ONCE // len(strata))
    for start in range(0, resamples, step):
        times = np.zeros((min(step, resamples - start), len(strata)))
        for where in places:
            times[:, where] = rng.multinomial(len(where), np.full(len(where), 1 / len(where)), size=len(times))
        for key, measure in measures.items():
            drawn[key].append(measure(weight * times))
    return {key: (float(measure(weight[None])[0]), np.concatenate(drawn[key])) for key, measure in measures.items()}


def _figure(value: float, drawn: Float, confidence: float) -> Figure:
    there = drawn[~np.isnan(drawn)]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(there, [tail, 100 - tail]) if len(there) else (np.nan, np.nan)
    return Figure(value=value, low=float(low), high=float(high))


def _winner(
    said: Mapping[str, Bool],
    truth: Bool,
    weight: Float,
    strata: NDArray[np.intp],
    criterion: Criterion,
    held_out: float,
    resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Winner | None:
    """None where a part would have too few pairs, or nothing to score."""
    apart = np.zeros(len(truth), bool)
    for h in np.unique(strata):
        where = rng.permutation(np.flatnonzero(strata == h))
        apart[where[: round(held_out * len(where))]] = True
    if len(said) < 2 or min(apart.sum(), (~apart).sum()) < 10:
        return None
    scores = {
        name: float(_measure(criterion, each[~apart], truth[~apart], weight[None, ~apart])[0])
        for name, each in said.items()
    }
    ranked = sorted((name for name in scores if not np.isnan(scores[name])), key=lambda name: -scores[name])
    if len(ranked) < 2:
        return None
    best, second = ranked[:2]
    measures = {name: partial(_measure, criterion, said[name][apart], truth[apart]) for name in (best, second)}
    values = _bootstrapped(measures, weight[apart], strata[apart], resamples, rng)
    return Winner(
        name=best,
        criterion=criterion,
        selected_pairs=int((~apart).sum()),
        selected_value=scores[best],
        held_out_pairs=int(apart.sum()),
        held_out=_figure(*values[best], confidence),
        runner_up=second,
        difference=_figure(values[best][0] - values[second][0], values[best][1] - values[second][1], confidence),
    )


def _check(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    same: Sequence[bool],
    inclusion_prob: Sequence[float] | None,
    stratum: Sequence[str] | None,
    labels: Mapping[str, NDArray[np.int64]],
) -> None:
    given = {"b": b, "same": same, "inclusion_prob": inclusion_prob, "stratum": stratum}
    for name, each in given.items():
        if each is not None and len(each) != len(a):
            raise ClusteringError(f"{name}: {len(each)} for {len(a)} pairs; give one for each", code="lengths_differ")
    if not len(a) or not labels:
        raise ClusteringError("a: no pairs, or no clusterings; give both", code="invalid_pairs")
    sizes = {len(each) for each in labels.values()}
    if len(sizes) > 1:
        raise ClusteringError(
            f"clusterings: of {' and '.join(map(str, sorted(sizes)))} items; all are of the same ones",
            code="lengths_differ",
        )
    n = sizes.pop()
    bad = np.flatnonzero((a < 0) | (b < 0) | (a >= n) | (b >= n) | (a == b))
    if len(bad):
        raise ClusteringError(
            f"a: pair {bad[0]} is of items {a[bad[0]]} and {b[bad[0]]}; give two different ones of 0 to {n - 1}",
            code="invalid_pairs",
        )
    if inclusion_prob is not None:
        probability = np.asarray(inclusion_prob, np.float64)
        wrong = np.flatnonzero(~((probability > 0) & (probability <= 1)))
        if len(wrong):
            raise ClusteringError(
                f"inclusion_prob: that of pair {wrong[0]} is {probability[wrong[0]]}; probabilities are above 0 and at "
                "most 1",
                code="invalid_pairs",
            )
