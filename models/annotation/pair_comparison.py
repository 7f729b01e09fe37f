"""Evaluation of clusterings by coded pairs: weighted pair precision, recall and F1, and the best clustering.

The weight of a pair is 1 over its inclusion probability, which corrects for the design of the sample. Precision is the
share of pairs in one cluster that people put together; recall is the share of pairs that people put together that are
in one cluster.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.annotation.pairs import Unclustered
from models.annotation.sampling import members_of
from models.errors import ClusteringError
from models.intervals import Figure, mean_figure, percentile_figure, ratio, share_figure
from models.stopping import Check, unchecked

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Criterion = Literal["f1", "precision"]
AT_ONCE = 2**22  # largest number of resamples times pairs computed in one step
MOST_CLUSTERINGS = 1000
MOST_CELLS = 100_000_000  # clusterings times pairs, a byte each
SHARED = 0.2  # share of pairs with an item in common above which a remark on narrow intervals is made


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Figures of one clustering. Recall and F1 are None where the pairs do not allow an estimate."""

    name: str
    pairs: int
    together: int
    precision: Figure
    recall: Figure | None
    f1: Figure | None


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The clustering chosen by `criterion` on one part of the pairs, and its score on the other part.

    The score on the selection part is biased upwards. `difference` to the runner-up is on the held-out part; it is
    significant where its interval does not include 0.
    """

    name: str
    criterion: Criterion
    selected_pairs: int
    selected_value: float
    held_out_pairs: int
    held_out: Figure
    runner_up: str | None
    difference: Figure | None

    def to_json(self) -> dict[str, Any]:
        """The winner as answers have it."""
        return {
            "name": self.name,
            "criterion": self.criterion,
            "selected_on": {"pairs": self.selected_pairs, "value": self.selected_value},
            "held_out": {"pairs": self.held_out_pairs, **asdict(self.held_out)},
            "difference": None if self.difference is None else {"to": self.runner_up, **asdict(self.difference)},
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    n_pairs: int
    unclustered: Unclustered
    configurations: tuple[Configuration, ...]
    winner: Winner | None
    remarks: tuple[str, ...]


def compare_with_pairs(
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
    check: Check = unchecked,
) -> Comparison:
    """Evaluate clusterings by pairs that people have coded.

    Parameters
    ----------
    a, b, same : (p,) each: the indices of two items, and whether people put them together.
    clusterings : name → cluster of each item (n,); -1 for an item in no cluster.
    inclusion_prob, stratum : (p,) of each pair, from `draw_pairs`; None: equal probabilities, one stratum.
    unclustered : "singletons": an item in no cluster is a cluster by itself; "exclude": its pairs are left out, for all
        clusterings.
    held_out : share of the pairs that the winner is scored on; 0: no winner.
    resamples : number of bootstrap samples, drawn within strata.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    ClusteringError : lengths_differ, invalid_pairs, too_large.
    """
    first, second = np.asarray(a, np.int64), np.asarray(b, np.int64)
    labels = {name: np.asarray(clusters, np.int64) for name, clusters in clusterings.items()}
    _check(first, second, same, inclusion_prob, stratum, labels)
    check()
    truth = np.asarray(same, bool)
    weight, strata = design(len(truth), inclusion_prob, stratum)
    remarks = []
    kept = np.ones(len(truth), bool)
    if unclustered == "exclude":
        kept = np.all([(clusters[first] >= 0) & (clusters[second] >= 0) for clusters in labels.values()], axis=0)
        if not kept.all():
            remarks.append(f"{int((~kept).sum())} pairs with an item in no cluster were left out for all clusterings.")
        if not kept.any():
            raise ClusteringError(
                "a: every pair has an item that is in no cluster of some clustering; use unclustered singletons",
                code="invalid_pairs",
            )
    elif any((clusters < 0).any() for clusters in labels.values()):
        remarks.append("An item in no cluster (-1) counts as a cluster by itself.")
    first, second, truth = first[kept], second[kept], truth[kept]
    weight, strata = weight[kept], strata[kept]
    together = {
        name: (clusters[first] == clusters[second]) & (clusters[first] >= 0) for name, clusters in labels.items()
    }
    recalls = not all(pairs.all() for pairs in together.values())
    if stratum is not None:
        recalls = recalls and "between" in {s for s, k in zip(stratum, kept, strict=True) if k}
    if not recalls:
        remarks.append(
            "Recall and F1 are not given: no pairs between clusters were coded, so pairs that the clusterings miss are "
            "unknown."
        )
    if stratum is None and inclusion_prob is None:
        remarks.append(
            "All pairs have equal weight, which is correct only if all pairs of the corpus were equally likely to be "
            "drawn."
        )
    items, times = np.unique(np.concatenate([first, second]), return_counts=True)
    if np.isin(first, items[times > 1]).mean() > SHARED or np.isin(second, items[times > 1]).mean() > SHARED:
        remarks.append(
            "Many pairs have an item in common, but the bootstrap draws pairs as if they were independent: intervals "
            "may be too narrow."
        )
    rng = np.random.default_rng(seed)
    measured = ("precision", "recall", "f1") if recalls else ("precision",)
    measures = {
        (name, which): partial(_measure, which, pairs, truth) for name, pairs in together.items() for which in measured
    }
    samples = bootstrapped(measures, weight, strata, resamples, rng, check)

    def figures(name: str, which: str) -> Figure:
        drawn = percentile_figure(*samples[name, which], confidence)
        return _pair_figure(which, drawn, together[name], truth, weight, strata, confidence)

    configurations = tuple(
        Configuration(
            name=name,
            pairs=len(truth),
            together=int(pairs.sum()),
            precision=figures(name, "precision"),
            recall=figures(name, "recall") if recalls else None,
            f1=figures(name, "f1") if recalls else None,
        )
        for name, pairs in together.items()
    )
    criterion: Criterion = "f1" if recalls else "precision"
    winner = None
    if held_out > 0:
        winner = _winner(together, truth, weight, strata, criterion, held_out, resamples, confidence, rng, check)
        if winner is None:
            remarks.append("There are too few pairs to choose a clustering on one part and score it on another.")
        elif winner.difference is not None:
            apart = winner.difference.low > 0
            remarks.append(
                f"{winner.name} was chosen by {criterion} on {winner.selected_pairs} pairs. On the "
                f"{winner.held_out_pairs} other pairs its lead over {winner.runner_up} "
                + ("is larger than chance explains." if apart else "may be due to chance.")
            )
    return Comparison(
        n_pairs=len(truth),
        unclustered=unclustered,
        configurations=configurations,
        winner=winner,
        remarks=tuple(remarks),
    )


def _measure(which: str, together: Bool, truth: Bool, weights: Float) -> Float:
    """Precision, recall or F1 of pairs (p,) for each row of weights (r, p)."""
    both = weights @ (together & truth)
    predicted, true = weights @ together, weights @ truth
    above, below = {"precision": (both, predicted), "recall": (both, true), "f1": (2 * both, predicted + true)}[which]
    return ratio(above, below)


def _pair_figure(
    which: str, drawn: Figure, together: Bool, truth: Bool, weight: Float, strata: NDArray[np.intp], confidence: float
) -> Figure:
    """A figure with an interval that has a width also where the pairs of a stratum are all coded alike.

    Precision, recall and F1 are functions of a / b, for shares a and b of all pairs: pairs that are together in the
    clustering and for people, and pairs that are wrongly together, apart, or either. The limits of a and b are Wilson's
    in each stratum, combined over strata (`mean_figure`), and those of b / a are by the method of variance estimates
    recovery (Donner & Zou 2012, Stat. Methods Med. Res. 21:347).

    Parameters
    ----------
    drawn : the figure with its bootstrap interval, whose value is kept.
    """
    both = together & truth
    wrong = {"precision": together & ~truth, "recall": truth & ~together, "f1": together != truth}[which]
    if np.isnan(drawn.value):
        return drawn
    of = both | wrong
    if len(np.unique(strata[of] if which == "precision" else strata)) == 1:  # no other stratum adds pairs
        share = share_figure(both[of], weight[of], confidence=confidence)
        limits = [2 * end / (1 + end) if which == "f1" else end for end in (share.low, share.high)]
        return Figure(value=drawn.value, low=limits[0], high=limits[1])
    a, b = (_stratified_share(hits, weight, strata, confidence) for hits in (both, wrong))
    low, high = _ratio_limits(b, a)
    twice = 2 if which == "f1" else 1  # F1 is 2a / (2a + b)
    return Figure(value=drawn.value, low=twice / (twice + high), high=twice / (twice + low))


def _stratified_share(hits: Bool, weight: Float, strata: NDArray[np.intp], confidence: float) -> Figure:
    """The weighted share of pairs, with the limits of its strata combined."""
    places = _by_stratum(strata)
    shares = [share_figure(hits[where], weight[where], confidence=confidence) for where in places]
    return mean_figure(shares, [float(weight[where].sum() / weight.sum()) for where in places])


def _ratio_limits(above: Figure, below: Figure) -> tuple[float, float]:
    """Limits of the ratio of two independent shares, from 0 to infinity."""
    product = above.value * below.value
    first = above.low * below.high * (2 * above.value - above.low) * (2 * below.value - below.high)
    last = above.high * below.low * (2 * above.value - above.high) * (2 * below.value - below.low)
    low = (product - max(product**2 - first, 0) ** 0.5) / (below.high * (2 * below.value - below.high) or np.nan)
    high = (product + max(product**2 - last, 0) ** 0.5) / (below.low * (2 * below.value - below.low) or np.nan)
    return max(0.0, 0.0 if np.isnan(low) else low), np.inf if np.isnan(high) or below.low <= 0 else high


def design(
    n: int, inclusion_prob: Sequence[float] | None, stratum: Sequence[str] | None
) -> tuple[Float, NDArray[np.intp]]:
    """Weight and number of the stratum of each of `n` pairs, (n,) each."""
    weight = np.ones(n) if inclusion_prob is None else 1 / np.asarray(inclusion_prob, np.float64)
    strata = np.zeros(n, np.intp)
    if stratum is not None:
        strata = np.unique(np.asarray(stratum, str), return_inverse=True)[1].astype(np.intp)
    return weight, strata


def bootstrapped(
    measures: Mapping[Any, Callable[[Float], Float]],
    weight: Float,
    strata: NDArray[np.intp],
    resamples: int,
    rng: np.random.Generator,
    check: Check,
) -> dict[Any, tuple[float, Float]]:
    """The value of each measure, and its values in stratified bootstrap samples, which all measures share."""
    drawn: dict[Any, list[Float]] = {key: [] for key in measures}
    places = _by_stratum(strata)
    step = max(1, AT_ONCE // len(strata))
    for start in range(0, resamples, step):
        times = np.zeros((min(step, resamples - start), len(strata)))
        for where in places:
            check()
            times[:, where] = rng.multinomial(len(where), np.full(len(where), 1 / len(where)), size=len(times))
        for key, measure in measures.items():
            check()
            drawn[key].append(measure(weight * times))
    return {key: (float(measure(weight[None])[0]), np.concatenate(drawn[key])) for key, measure in measures.items()}


def _by_stratum(strata: NDArray[np.intp]) -> list[NDArray[np.int64]]:
    """The pairs of each stratum that has any."""
    return [where for where in members_of(strata, int(strata.max(initial=-1)) + 1) if len(where)]


def _winner(
    together: Mapping[str, Bool],
    truth: Bool,
    weight: Float,
    strata: NDArray[np.intp],
    criterion: Criterion,
    held_out: float,
    resamples: int,
    confidence: float,
    rng: np.random.Generator,
    check: Check,
) -> Winner | None:
    """The winner; None where a part would have too few pairs, or fewer than two scores are defined."""
    test = np.zeros(len(truth), bool)
    for members in _by_stratum(strata):
        check()
        where = rng.permutation(members)
        test[where[: round(held_out * len(where))]] = True
    if len(together) < 2 or min(test.sum(), (~test).sum()) < 10:
        return None
    scores = {
        name: float(_measure(criterion, pairs[~test], truth[~test], weight[None, ~test])[0])
        for name, pairs in together.items()
    }
    ranked = sorted((name for name in scores if not np.isnan(scores[name])), key=lambda name: -scores[name])
    if len(ranked) < 2:
        return None
    best, second = ranked[:2]
    measures = {name: partial(_measure, criterion, together[name][test], truth[test]) for name in (best, second)}
    values = bootstrapped(measures, weight[test], strata[test], resamples, rng, check)
    return Winner(
        name=best,
        criterion=criterion,
        selected_pairs=int((~test).sum()),
        selected_value=scores[best],
        held_out_pairs=int(test.sum()),
        held_out=_pair_figure(
            criterion,
            percentile_figure(*values[best], confidence),
            together[best][test],
            truth[test],
            weight[test],
            strata[test],
            confidence,
        ),
        runner_up=second,
        difference=percentile_figure(
            values[best][0] - values[second][0], values[best][1] - values[second][1], confidence
        ),
    )


def _check(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    same: Sequence[bool],
    inclusion_prob: Sequence[float] | None,
    stratum: Sequence[str] | None,
    labels: Mapping[str, NDArray[np.int64]],
) -> None:
    check_columns(len(a), {"b": b, "same": same, "inclusion_prob": inclusion_prob, "stratum": stratum})
    if not len(a) or not labels:
        raise ClusteringError(
            f"a: got {len(a)} pairs and {len(labels)} clusterings; give at least one of each", code="invalid_pairs"
        )
    sizes = {len(clusters) for clusters in labels.values()}
    if len(sizes) > 1:
        raise ClusteringError(
            f"clusterings: got {' and '.join(map(str, sorted(sizes)))} items; all must have the same items",
            code="lengths_differ",
        )
    if len(labels) > MOST_CLUSTERINGS or len(labels) * len(a) > MOST_CELLS:
        raise ClusteringError(
            f"clusterings: got {len(labels):,} for {len(a):,} pairs; at most {MOST_CLUSTERINGS:,} clusterings are "
            f"compared at once, and clusterings times pairs are at most {MOST_CELLS:,}; send fewer",
            code="too_large",
        )
    check_pairs(a, b, sizes.pop(), inclusion_prob)


def check_columns(pairs: int, columns: Mapping[str, Sequence[Any] | NDArray[Any] | None]) -> None:
    """Raise ClusteringError, lengths_differ, unless each column that is not None has a value for each pair."""
    for name, column in columns.items():
        if column is not None and len(column) != pairs:
            raise ClusteringError(
                f"{name}: got {len(column)} for {pairs} pairs; give one for each pair", code="lengths_differ"
            )


def check_pairs(a: NDArray[np.int64], b: NDArray[np.int64], n: int, inclusion_prob: Sequence[float] | None) -> None:
    """Raise ClusteringError, invalid_pairs, unless all are pairs of `n` items with probabilities above 0."""
    bad = np.flatnonzero((a < 0) | (b < 0) | (a >= n) | (b >= n) | (a == b))
    if len(bad):
        raise ClusteringError(
            f"a: pair {bad[0]} has items {a[bad[0]]} and {b[bad[0]]}; give two different items from 0 to {n - 1}",
            code="invalid_pairs",
        )
    if inclusion_prob is not None:
        probability = np.asarray(inclusion_prob, np.float64)
        wrong = np.flatnonzero(~((probability > 0) & (probability <= 1)))
        if len(wrong):
            raise ClusteringError(
                f"inclusion_prob: got {probability[wrong[0]]} for pair {wrong[0]}; must be above 0 and at most 1",
                code="invalid_pairs",
            )
