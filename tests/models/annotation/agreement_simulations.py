"""Simulated studies with two or more coders, and the share of intervals of agreement that hold the true coefficient."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.annotation.agreement import bootstrap, measures_of
from models.annotation.code_list import CodeList
from models.annotation.icc import icc
from models.annotation.weighted import Level, positions
from models.intervals import resampled_figure
from models.stopping import unchecked

Float = NDArray[np.float64]
MANY = 20_000  # items whose coefficients are taken as the true ones


def nominal(prevalence: float, coders: int, missing: float = 0) -> Callable[[int, np.random.Generator], Float]:
    """Binary codes: coders recognise each item's class in 85 % (of the rare class) and 95 % (of the other)."""

    def draw(n: int, rng: np.random.Generator) -> Float:
        rare = rng.random(n) < prevalence
        right = rng.random((n, coders)) < np.where(rare, 0.85, 0.95)[:, None]
        codes = np.where(right, rare[:, None], ~rare[:, None]).astype(float)
        codes[rng.random((n, coders)) < missing] = np.nan
        return codes

    return draw


def ordinal(coders: int) -> Callable[[int, np.random.Generator], Float]:
    """Codes 1 to 5: a normal trait and errors with 0.6 of its standard deviation, cut at -1.5, -.5, .5 and 1.5."""

    def draw(n: int, rng: np.random.Generator) -> Float:
        trait = rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, coders))
        return 1.0 + np.digitize(trait, [-1.5, -0.5, 0.5, 1.5])

    return draw


def interval(coders: int) -> Callable[[int, np.random.Generator], Float]:
    """Quantities: a normal trait, the coders' means (standard deviation 0.3), and errors (0.6)."""

    def draw(n: int, rng: np.random.Generator) -> Float:
        trait, means = rng.normal(size=(n, 1)), 0.3 * rng.normal(size=(1, coders))
        return trait + means + 0.6 * rng.normal(size=(n, coders))

    return draw


CELLS: Mapping[str, tuple[Level, Callable[[int, np.random.Generator], Float]]] = {
    "nominal, p .05, 2 coders": ("nominal", nominal(0.05, 2)),
    "nominal, p .3, 2 coders": ("nominal", nominal(0.3, 2)),
    "nominal, p .3, 3 coders, 20 % missing": ("nominal", nominal(0.3, 3, 0.2)),
    "ordinal, 2 coders": ("ordinal", ordinal(2)),
    "ordinal, 4 coders": ("ordinal", ordinal(4)),
    "interval, 3 coders": ("interval", interval(3)),
    "interval, 10 coders": ("interval", interval(10)),
}
FIGURES = ("kappa", "alpha", "kappa_linear", "kappa_quadratic", "ac1", "ac2_linear", "ac2_quadratic")


def figures(codes: Float, level: Level, resamples: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Value and limits of every coefficient; of quantities the two forms of the ICC alone."""
    if level == "interval":
        correlations = icc(codes)
        both = {"ICC(A,1)": correlations.agreement, "ICC(C,1)": correlations.consistency}
        return {name: (each.value, each.low, each.high) for name, each in both.items()}
    items, coders = np.nonzero(~np.isnan(codes))
    names = tuple(str(coder) for coder in range(codes.shape[1]))
    table = CodeList(items.astype(np.intp), coders.astype(np.intp), codes[items, coders], len(codes), names)
    enough = np.bincount(items, minlength=len(codes)) >= 2
    kept, every = table.only(enough), np.unique(table.code)
    alone = np.bincount(items, minlength=len(codes)) == 1
    single = np.bincount(np.searchsorted(every, table.only(alone).code), minlength=len(every))
    measures = measures_of(kept, every, positions(every, level), single, level, seed)
    measures = {name: measures[name] for name in FIGURES if name in measures}
    drawn = bootstrap(measures, kept.items, len(names), resamples, np.random.default_rng(seed), unchecked)
    whole = {name: float(measure(np.ones((1, kept.items)))[0]) for name, measure in measures.items()}
    found = {name: resampled_figure(value, drawn[name]) for name, value in whole.items()}
    return {name: (each.value, each.low, each.high) for name, each in found.items()}


@cache
def truth(name: str) -> dict[str, float]:
    """The coefficients of many items; of the ICC, whose coders are a sample too, those of the variances."""
    level, draw = CELLS[name]
    if level == "interval":
        return {"ICC(A,1)": 1 / (1 + 0.3**2 + 0.6**2), "ICC(C,1)": 1 / (1 + 0.6**2)}
    return {key: value for key, (value, _, _) in figures(draw(MANY, np.random.default_rng(7)), level, 1, 0).items()}


def coverage(
    cell: tuple[Level, Callable[[int, np.random.Generator], Float]], n: int, *, studies: int, resamples: int, seed: int
) -> dict[str, float]:
    """The share of studies of n items whose interval holds the true coefficient; undefined intervals do not."""
    level, draw = cell
    true = truth(next(name for name, each in CELLS.items() if each is cell))
    rng = np.random.default_rng([seed, n])
    held = dict.fromkeys(true, 0)
    for study in range(studies):
        found = figures(draw(n, rng), level, resamples, study)
        for name, value in true.items():
            _, low, high = found[name]
            held[name] += low <= value <= high
    return {name: count / studies for name, count in held.items()}
