"""Paired differences of two sets of predictions: their values, their intervals, and the coverage of these."""

import numpy as np
import pytest
from scipy.stats import binomtest

from models.classifiers.metrics import Measure
from models.validations.differences import FEW, difference, few_discordant


def accuracy(right: np.ndarray) -> Measure:
    return lambda w: {"accuracy": w @ right / w.sum(axis=-1)}


def compared(a: np.ndarray, b: np.ndarray, *, resamples: int = 200, seed: int = 0, **more: np.ndarray):
    measures = accuracy(a.astype(float)), accuracy(b.astype(float))
    weights = more.get("weights", np.ones(len(a)))
    return difference(("a", "b"), measures, (a, b), weights, groups=more.get("groups"), resamples=resamples, seed=seed)


def test_the_difference_is_that_of_the_accuracies():
    rng = np.random.default_rng(0)
    a, b = rng.random(200) < 0.9, rng.random(200) < 0.7
    found = compared(a, b)
    assert found.figures["accuracy"].value == pytest.approx(a.mean() - b.mean())
    assert (found.only_a, found.only_b) == ((a & ~b).sum(), (b & ~a).sum())


@pytest.mark.parametrize("seed", range(8))
def test_intervals_agree_with_mcnemars_test(seed: int):
    rng = np.random.default_rng(seed)
    a, b = rng.random(150) < 0.85, rng.random(150) < rng.choice([0.6, 0.85])
    found = compared(a, b)
    p = binomtest(found.only_a, found.only_a + found.only_b).pvalue  # exact, two-sided
    excludes = found.figures["accuracy"].low > 0 or found.figures["accuracy"].high < 0
    assert excludes == (p < 0.05) or 0.01 < p < 0.12  # near the level the two may differ


def test_two_that_never_differ_have_an_interval_with_a_width():
    a = np.array([True] * 40 + [False] * 10)
    found = compared(a, a.copy()).figures["accuracy"]
    assert found.value == 0
    assert found.low < -0.02
    assert found.high > 0.02


def test_the_interval_of_few_is_that_of_bonett_and_price():
    a_alone, b_alone = np.arange(100) < 8, (np.arange(100) >= 8) & (np.arange(100) < 10)
    found = few_discordant(a_alone, b_alone, np.ones(100), None)
    p, q = 9 / 102, 3 / 102
    half = 1.959964 * np.sqrt((p + q - (p - q) ** 2) / 102)
    assert (found.low, found.high) == pytest.approx((p - q - half, p - q + half))


def test_copies_in_groups_do_not_shorten_an_interval():
    rng = np.random.default_rng(3)
    a, b = rng.random(60) < 0.9, rng.random(60) < 0.8
    once = compared(a, b).figures["accuracy"]
    a, b, groups = np.repeat(a, 4), np.repeat(b, 4), np.repeat(np.arange(60), 4)
    copied = compared(a, b, groups=groups).figures["accuracy"]
    assert copied.high - copied.low > 0.8 * (once.high - once.low)


def coverage(n: int, only_a: float, only_b: float, *, groups: int = 1, weighted: bool = False, studies: int = 400):
    """The share of simulated studies whose 95 % interval has the true difference; and how many used Bonett & Price."""
    rng = np.random.default_rng([n, round(1000 * only_a), round(1000 * only_b), groups, weighted])
    held = few = 0
    for study in range(studies):
        u = np.repeat(rng.random(n // groups), groups)
        a, b = (u < only_a) | (u > only_a + only_b), u >= only_a
        more = {"groups": np.repeat(np.arange(n // groups), groups)} if groups > 1 else {}
        if weighted:
            more["weights"] = rng.choice([1.0, 4.0], n)
        found = compared(a, b, resamples=300, seed=study, **more)
        figure = found.figures["accuracy"]
        held += figure.low - 1e-12 <= only_a - only_b <= figure.high + 1e-12
        few += found.only_a + found.only_b <= FEW
    return held / studies, few / studies


CELLS = [
    *((100, 0.05, 0.05), (100, 0.1, 0.02), (100, 0.2, 0.1), (100, 0.02, 0.0)),
    *((300, 0.05, 0.05), (300, 0.1, 0.02), (300, 0.2, 0.1), (300, 0.02, 0.0)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "only_a", "only_b"), CELLS)
@pytest.mark.parametrize("kind", ["alike", "weighted", "groups"])
def test_coverage_of_differences(n: int, only_a: float, only_b: float, kind: str):
    held, _ = coverage(n, only_a, only_b, groups=2 if kind == "groups" else 1, weighted=kind == "weighted")
    assert held >= 0.91, held


def test_intervals_of_a_difference_cover_it():
    held, _ = coverage(100, 0.1, 0.05, studies=40)
    assert held >= 0.88
