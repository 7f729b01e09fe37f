"""Simulated studies with two groups of coders, and the share of intervals that hold the true difference."""

import numpy as np

from models.annotation.code_list import CodeList
from models.annotation.coder_groups import overall_intervals
from models.annotation.group_shares import pooled


def coverage(
    coders: int, items: int, *, studies: int, seed: int, missing: float = 0.2, bootstrap: bool = False
) -> dict[str, float]:
    """The share of studies whose interval holds the true difference of the share of a binary code.

    A coder of group l codes an item as 1 with a probability that depends on the item, on the coder and on the group.
    For these items the true difference is that of the probabilities of all coders; for others, of all items too.
    `bootstrap` adds the percentiles of resampled coders.
    """
    rng = np.random.default_rng([seed, coders, items])
    held = {"these items": 0, "other items too": 0, "bootstrap of coders": 0}
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    weights = weights / weights.sum()

    def expected(at: np.ndarray) -> np.ndarray:
        return _logistic(at[..., None] + 0.7 * nodes) @ weights  # over coders

    def gap(hard: np.ndarray, more: np.ndarray) -> np.ndarray:
        return expected(hard + 0.5 + more) - expected(hard - more)

    many = np.random.default_rng(0)
    everywhere = float(gap(many.normal(size=50_000), 0.3 * many.normal(size=50_000)).mean())
    for _ in range(studies):
        hard, more = rng.normal(size=items), 0.3 * rng.normal(size=items)
        level = np.concatenate([np.tile(hard + 0.5 + more, (coders, 1)), np.tile(hard - more, (coders, 1))])
        chance = _logistic(level + 0.7 * rng.normal(size=(2 * coders, 1)))
        codes = (rng.random(chance.shape) < chance).astype(float)
        there = rng.random(chance.shape) >= missing
        coder, item = np.nonzero(there)
        table = CodeList(item, coder, codes[there], items, tuple(map(str, range(2 * coders))))
        pools = [pooled(table, np.arange(2 * coders) // coders == g, 2) for g in (0, 1)]
        found = overall_intervals(*pools, 1)
        here = float(gap(hard, more).mean())
        for name, figure, true in (
            ("these items", found["difference"], here),
            ("other items too", found["difference_of_items"], everywhere),
        ):
            held[name] += figure.low <= true <= figure.high
        if bootstrap:
            low, high = _bootstrap(codes, there, coders, rng)
            held["bootstrap of coders"] += low <= here <= high
    return {name: count / studies for name, count in held.items()}


def _bootstrap(codes: np.ndarray, there: np.ndarray, coders: int, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles of 100 resamples of coders within groups, for comparison."""
    drawn = []
    for _ in range(100):
        rows = [coders * g + rng.integers(0, coders, coders) for g in (0, 1)]
        number = [there[own].sum(axis=0) for own in rows]
        total = [(codes * there)[own].sum(axis=0) for own in rows]
        both = (number[0] > 0) & (number[1] > 0)
        drawn.append((total[0][both] / number[0][both] - total[1][both] / number[1][both]).mean())
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
