"""Draws of items to be coded, without replacement, each with its inclusion probability.

Quotas of strata are real numbers; they are rounded at random, so that every item's probability is exactly its
stratum's quota over its size, none is 0, and Horvitz-Thompson totals are unbiased (systematic rounding: Cox 1987).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ClusteringError

Allocation = Literal["proportional", "equal", "floor"]
Int = NDArray[np.int64]
Float = NDArray[np.float64]
UNFIT = (
    "A purposive draw: its items were chosen for what they score, so nothing that is computed from them says anything "
    "about the corpus. Use it to look, or to find rare things to learn from."
)


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """`probability` of each of its items to be drawn."""

    stratum: str
    population: int
    drawn: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What was drawn.

    Attributes
    ----------
    indexes : (size,) in random order; of a purposive draw the best score first.
    inclusion_prob : (size,); None of a purposive draw, where it is not defined.
    """

    design: str
    n: int
    indexes: Int
    inclusion_prob: Float | None
    strata: tuple[Stratum, ...] = ()
    fit_for_inference: bool = True
    remarks: tuple[str, ...] = ()


def simple(n: int, size: int, *, seed: int = 0) -> Draw:
    """Each of `n` items alike. Raises ClusteringError."""
    _check(n, size)
    indexes = np.random.default_rng(seed).choice(n, size, replace=False)
    return Draw(design="simple", n=n, indexes=indexes.astype(np.int64), inclusion_prob=np.full(size, size / n))


def stratified(
    strata: Sequence[Hashable],
    size: int,
    *,
    allocation: Allocation = "proportional",
    floor: int = 0,
    seed: int = 0,
) -> Draw:
    """So many of each stratum; what is in no cluster (-1) is a stratum like others.

    Parameters
    ----------
    strata : (n,) the stratum of each item.
    allocation : proportional to strata's sizes; equal numbers, where small strata give all they have; or at least
        `floor` of each (or all of it), and the rest in proportion to what is left.

    Raises
    ------
    ClusteringError : invalid_size.
    """
    n = len(strata)
    _check(n, size)
    names = list(dict.fromkeys(strata))
    place = {name: i for i, name in enumerate(names)}
    which = np.array([place[each] for each in strata], np.intp)
    population = np.bincount(which, minlength=len(names))
    quotas = quotas_of(population, size, allocation=allocation, floor=floor)
    rng = np.random.default_rng(seed)
    drawn = rounded(quotas, rng)
    indexes = np.concatenate(
        [rng.choice(np.flatnonzero(which == h), drawn[h], replace=False) for h in range(len(names))]
    )
    rng.shuffle(indexes)
    probability = quotas / population
    remarks: tuple[str, ...] = ()
    if (drawn == 0).any():
        remarks = (
            f"{int((drawn == 0).sum())} of {len(names)} strata are too small for a place of their own and none of "
            "their items was drawn this time; each had its chance, so totals are unbiased. To see all, use floor.",
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


def purposive(scores: Sequence[float], size: int) -> Draw:
    """The `size` highest scores, the lower index first among equals. Raises ClusteringError."""
    given = np.asarray(scores, np.float64)
    _check(len(given), size)
    if not np.isfinite(given).all():
        bad = int(np.flatnonzero(~np.isfinite(given))[0])
        raise ClusteringError(f"scores: that of item {bad} is {given[bad]}; give finite numbers", code="invalid_scores")
    return Draw(
        design="purposive",
        n=len(given),
        indexes=np.argsort(-given, kind="stable")[:size].astype(np.int64),
        inclusion_prob=None,
        fit_for_inference=False,
        remarks=(UNFIT,),
    )


def quotas_of(population: NDArray[np.intp], size: int, *, allocation: Allocation, floor: int = 0) -> Float:
    """How many of each stratum on average, (strata,): they sum to `size`, and none exceeds its population."""
    if allocation == "proportional":
        return np.asarray(size * population / population.sum())
    if allocation == "equal":
        return _level(population.astype(np.float64), float(size))
    least = np.minimum(floor, population)
    if least.sum() > size:
        raise ClusteringError(
            f"floor: {floor} of each of {len(population)} strata are {int(least.sum())} items, more than the size "
            f"{size}; lower it, or draw more",
            code="invalid_size",
        )
    left = population - least
    return np.asarray(least + (size - least.sum()) * left / max(int(left.sum()), 1), np.float64)


def _level(room: Float, size: float) -> Float:
    """As much to each as to the others, but no more than it has room for."""
    quotas, open_ = np.zeros(len(room)), np.ones(len(room), bool)
    while open_.any():
        share = (size - quotas[~open_].sum()) / open_.sum()
        full = open_ & (room <= share)
        if not full.any():
            quotas[open_] = share
            break
        quotas[full] = room[full]
        open_ &= ~full
    return quotas


def rounded(quotas: Float, rng: np.random.Generator) -> Int:
    """Whole numbers with the same sum whose means are `quotas`: each is the quota rounded down or up."""
    order = rng.permutation(len(quotas))
    ends = np.concatenate([[0.0], np.cumsum(quotas[order])])
    ends[-1] = round(ends[-1])
    steps = np.floor(ends + rng.random() - 1e-12)
    steps[-1] = steps[0] + ends[-1]
    found = np.empty(len(quotas), np.int64)
    found[order] = np.diff(steps).astype(np.int64)
    return np.clip(found, np.floor(quotas + 1e-9), np.ceil(quotas - 1e-9)).astype(np.int64)


def _check(n: int, size: int) -> None:
    if not 1 <= size <= n:
        raise ClusteringError(f"size: {size} of {n} items; draw between 1 and all of them", code="invalid_size")
