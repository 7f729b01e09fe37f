"""Samples of items to be coded, without replacement, with inclusion probabilities.

Quotas of strata are real numbers and are rounded at random, so that the probability of an item is exactly the quota of
its stratum over its size, never 0, and Horvitz-Thompson totals are unbiased (systematic rounding: Cox 1987).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ClusteringError
from models.stopping import Check, unchecked

Allocation = Literal["proportional", "equal", "floor"]
Int = NDArray[np.int64]
Float = NDArray[np.float64]
PURPOSIVE_REMARK = (
    "A purposive sample: its items were selected by their scores, so figures computed from them do not describe the "
    "corpus. Use it to inspect items, or to find rare examples for training."
)


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """A stratum; `probability` is the inclusion probability of each of its items."""

    stratum: str
    population: int
    drawn: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A sample.

    Attributes
    ----------
    indexes : (size,) in random order; in a purposive sample by score, highest first; in a diverse one in the order in
        which they were drawn.
    inclusion_prob : (size,); None for a purposive sample, where it is not defined.
    candidates, copies, smallest_distance : of a diverse sample: number of items that were compared, number of those
        left out as copies of a drawn item, and smallest cosine distance between two drawn items (None: one item).
    """

    design: str
    n: int
    indexes: Int
    inclusion_prob: Float | None
    strata: tuple[Stratum, ...] = ()
    fit_for_inference: bool = True
    remarks: tuple[str, ...] = ()
    candidates: int | None = None
    copies: int | None = None
    smallest_distance: float | None = None


def simple(n: int, size: int, *, seed: int = 0) -> Draw:
    """Draw a simple random sample of `size` of `n` items. Raises ClusteringError for an invalid size."""
    check_size(n, size)
    indexes = np.random.default_rng(seed).choice(n, size, replace=False)
    return Draw(design="simple", n=n, indexes=indexes.astype(np.int64), inclusion_prob=np.full(size, size / n))


def stratified(
    strata: Sequence[Hashable],
    size: int,
    *,
    allocation: Allocation = "proportional",
    floor: int = 0,
    seed: int = 0,
    check: Check = unchecked,
) -> Draw:
    """Draw a stratified sample.

    Parameters
    ----------
    strata : (n,) the stratum of each item; items in no cluster (-1) are a stratum like others.
    allocation : "proportional" to the sizes of strata; "equal" numbers, or all items of a small stratum; "floor": at
        least `floor` of each stratum (or all of it), and the rest in proportion to the remaining items.
    check : called between steps of less than a second; what it raises ends the computation.

    Raises
    ------
    ClusteringError : invalid_size.
    """
    n = len(strata)
    check_size(n, size)
    names = list(dict.fromkeys(strata))
    place = {name: i for i, name in enumerate(names)}
    which = np.array([place[stratum] for stratum in strata], np.intp)
    population = np.bincount(which, minlength=len(names))
    check()
    quotas = stratum_quotas(population, size, allocation=allocation, floor=floor)
    rng = np.random.default_rng(seed)
    drawn = round_at_random(quotas, rng)
    parts = []
    for members, many in zip(members_of(which, len(names)), drawn, strict=True):
        check()
        parts.append(rng.choice(members, many, replace=False))
    indexes = np.concatenate(parts)
    rng.shuffle(indexes)
    probability = quotas / population
    remarks: tuple[str, ...] = ()
    if (drawn == 0).any():
        remarks = (
            f"{int((drawn == 0).sum())} of {len(names)} strata are too small for a quota of one item, and none of "
            "their items was drawn; every item could have been, so totals are unbiased. Use floor to draw from all.",
        )
    return Draw(
        design="stratified",
        n=n,
        indexes=indexes.astype(np.int64),
        inclusion_prob=probability[which[indexes]],
        strata=tuple(
            Stratum(
                stratum=str(name), population=int(population[h]), drawn=int(drawn[h]), probability=float(probability[h])
            )
            for h, name in enumerate(names)
        ),
        remarks=remarks,
    )


def members_of(groups: NDArray[np.integer], n: int) -> Iterator[Int]:
    """The indexes of the members of each of `n` groups in turn, ascending; `groups` is the group of each item."""
    order = np.argsort(groups, kind="stable")
    start = 0
    for end in np.cumsum(np.bincount(groups, minlength=n)).tolist():
        yield order[start:end]
        start = end


def purposive(scores: Sequence[float], size: int) -> Draw:
    """Select the `size` items with the highest scores, the lower index first among equals. Raises ClusteringError."""
    values = finite_scores(scores)
    check_size(len(values), size)
    return Draw(
        design="purposive",
        n=len(values),
        indexes=np.argsort(-values, kind="stable")[:size].astype(np.int64),
        inclusion_prob=None,
        fit_for_inference=False,
        remarks=(PURPOSIVE_REMARK,),
    )


def finite_scores(scores: Sequence[float]) -> Float:
    """The scores as an array, (n,). Raises ClusteringError for NaN and infinity."""
    values = np.asarray(scores, np.float64)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ClusteringError(f"scores: got {values[bad]} for item {bad}; must be finite", code="invalid_scores")
    return values


def stratum_quotas(population: NDArray[np.intp], size: int, *, allocation: Allocation, floor: int = 0) -> Float:
    """The mean number of items drawn from each stratum, (strata,): sums to `size`, and none exceeds its population."""
    if allocation == "proportional":
        return np.asarray(size * population / population.sum())
    if allocation == "equal":
        return _level(population.astype(np.float64), float(size))
    least = np.minimum(floor, population)
    if least.sum() > size:
        raise ClusteringError(
            f"floor: got {floor}, which needs {int(least.sum())} items of {len(population)} strata, more than the size "
            f"{size}; use a lower floor or a larger size",
            code="invalid_size",
        )
    left = population - least
    return np.asarray(least + (size - least.sum()) * left / max(int(left.sum()), 1), np.float64)


def _level(population: Float, size: float) -> Float:
    """Equal quotas, but none above its population."""
    quotas, unfilled = np.zeros(len(population)), np.ones(len(population), bool)
    while unfilled.any():
        share = (size - quotas[~unfilled].sum()) / unfilled.sum()
        full = unfilled & (population <= share)
        if not full.any():
            quotas[unfilled] = share
            break
        quotas[full] = population[full]
        unfilled &= ~full
    return quotas


def round_at_random(quotas: Float, rng: np.random.Generator) -> Int:
    """Round quotas up or down at random, so that the sum is kept and the expected values are the quotas."""
    order = rng.permutation(len(quotas))
    ends = np.concatenate([[0.0], np.cumsum(quotas[order])])
    ends[-1] = round(ends[-1])
    steps = np.floor(ends + rng.random() - 1e-12)
    steps[-1] = steps[0] + ends[-1]
    rounded = np.empty(len(quotas), np.int64)
    rounded[order] = np.diff(steps).astype(np.int64)
    return np.clip(rounded, np.floor(quotas + 1e-9), np.ceil(quotas - 1e-9)).astype(np.int64)


def check_size(n: int, size: int) -> None:
    """Raise ClusteringError unless `size` of `n` items can be drawn."""
    if not 1 <= size <= n:
        raise ClusteringError(
            f"size: got {size:,}, and there are {n:,} items to draw from; give a size from 1 to {n:,}",
            code="invalid_size",
        )
