"""Errors by group: against counts made by hand, and the coverage of their intervals."""

import numpy as np
import pytest

from models.errors import AgreementError
from models.validations.by_group import Judged, by_group
from models.validations.tables import CodeTable, Labeller
from models.validations.validations import validate

CODES = ["woman"] * 6 + ["man"] * 6
PREDICTED = ["woman", "woman", "man", "undecided", "woman", "woman", "man", "man", "man", "undecided", "woman", "man"]
BY = ["a", "a", "a", "b", "b", "b"] * 2


def asked(predicted, codes, by, **more):
    ids = [str(i) for i in range(len(codes))]
    labeller = Labeller(name="guess", item=ids, value=list(predicted))
    return validate([labeller], CodeTable(item=ids, code=list(codes), by=by), resamples=20, **more)


def test_undecided_predictions_are_counted_as_errors_and_as_a_share():
    result = asked(PREDICTED, CODES, BY)
    whole, first, second = result.by_group
    assert [each.group for each in result.by_group] == [None, "a", "b"]
    assert (whole.n, whole.undecided, first.undecided, second.undecided) == (12, 2, 0, 2)
    assert {name: each.value for name, each in whole.figures.items()} == pytest.approx(
        {
            "accuracy": 8 / 12,
            "undecided": 2 / 12,
            "accuracy_decided": 8 / 10,
            "recall[man]": 4 / 6,
            "precision[man]": 4 / 5,
            "recall[woman]": 4 / 6,
            "precision[woman]": 4 / 5,
        }
    )
    assert first.figures["accuracy"].value == 5 / 6
    assert second.figures["accuracy_decided"].value == 3 / 4
    (gap,) = result.group_differences
    assert (gap.a, gap.b) == ("a", "b")
    assert gap.figures["undecided"].value == pytest.approx(-2 / 6)
    assert any("2 of 12 predictions (16.7%) are 'undecided'" in remark for remark in result.remarks)


def test_numbers_have_a_mean_absolute_error_and_a_bias():
    codes, predicted = [20.5, 30, 40, 50, 60, 70], [25.5, 30, 50, 40, 50, 60]
    result = asked(predicted, codes, ["a", "a", "a", "b", "b", "b"])
    values = {each.group: {name: figure.value for name, figure in each.figures.items()} for each in result.by_group}
    assert values["a"] == pytest.approx({"mae": 5, "bias": 5})
    assert values["b"] == pytest.approx({"mae": 10, "bias": -10})
    assert result.group_differences[0].figures["bias"].value == pytest.approx(15)
    assert result.by_group[0].figures["mae"] == result.validated[0].measured.figures["mae"]  # one interval


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (["a"] * 12, "have 1 groups: a; a comparison takes 2 to 12"),
        ([None] * 12, "have 0 groups"),
        ([str(i) for i in range(12)] + ["x"], "by: got 13 for 12 codes"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(by, words):
    with pytest.raises(AgreementError, match=words):
        asked(PREDICTED, CODES, by)


def test_an_item_without_a_group_is_in_none():
    result = asked(PREDICTED, CODES, [None, *BY[1:]])
    assert [each.n for each in result.by_group] == [11, 6, 5]
    assert any("1 of 12 items have no group" in remark for remark in result.remarks)


@pytest.mark.parametrize("clustered", [False, True])
def test_coverage_of_figures_and_differences_by_group(clustered):
    """2 groups, 40 and 90 items, shares .8 and .6, errors of ages with a bias: at least 93 % of 95 %."""
    rng = np.random.default_rng(7)
    sizes, shares, biases, runs = (90, 40), (0.8, 0.6), (4.0, -1.0), 500
    by = ["large"] * sizes[0] + ["small"] * sizes[1]
    clusters = np.concatenate([np.arange(45).repeat(2), 45 + np.arange(20).repeat(2)]) if clustered else None
    hits = {name: 0 for name in ("share", "gap", "bias", "bias gap", "mae", "mae gap")}
    draws = rng.normal(size=100_000)
    absolute = [float(np.abs(bias + 8 * draws).mean()) for bias in biases]
    for _ in range(runs):

        def normal() -> np.ndarray:
            if clusters is None:
                return rng.normal(size=sum(sizes))
            return np.sqrt(0.5) * rng.normal(size=65)[clusters] + np.sqrt(0.5) * rng.normal(size=sum(sizes))

        from scipy.stats import norm

        right = norm.cdf(normal()) < np.repeat(shares, sizes)
        errors = np.repeat(biases, sizes) + 8 * normal()
        common = {"name": "x", "weights": np.ones(sum(sizes)), "by": by, "clusters": clusters}
        labels = Judged(target=["yes"] * sum(sizes), predicted=np.where(right, "yes", "no").tolist(), **common)
        made, gaps, _ = by_group(labels, ["yes"])
        hits["share"] += made[2].figures["accuracy"].low <= shares[1] <= made[2].figures["accuracy"].high
        hits["gap"] += gaps[0].figures["accuracy"].low <= 0.2 <= gaps[0].figures["accuracy"].high
        numbers = Judged(target=[0.0] * sum(sizes), predicted=errors.tolist(), **common)
        made, gaps, _ = by_group(numbers, [])
        hits["bias"] += made[2].figures["bias"].low <= biases[1] <= made[2].figures["bias"].high
        hits["bias gap"] += gaps[0].figures["bias"].low <= 5.0 <= gaps[0].figures["bias"].high
        hits["mae"] += made[2].figures["mae"].low <= absolute[1] <= made[2].figures["mae"].high
        gap = absolute[0] - absolute[1]
        hits["mae gap"] += gaps[0].figures["mae"].low <= gap <= gaps[0].figures["mae"].high
    coverage = {name: n / runs for name, n in hits.items()}
    print(coverage)
    assert all(0.925 <= each <= 0.99 for each in coverage.values()), coverage
