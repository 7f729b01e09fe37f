"""Differences between groups of coders, against SciPy, counts by hand and simulated studies."""

from itertools import product
from statistics import mean

import numpy as np
import pytest
from scipy import stats

from models.annotation.coder_groups import compare_coder_groups
from models.errors import AgreementError
from tests.models.annotation.coder_group_simulations import coverage


def rows_of(tables, words=None):
    """Long columns and groups of {group: (coders, items) array}, NaN for no code."""
    rows, groups = [], {}
    for group, table in tables.items():
        for k, codes in enumerate(np.asarray(table, float)):
            groups[f"{group}{k}"] = group
            rows += [
                (f"{group}{k}", f"i{i}", value if words is None else words[int(value)])
                for i, value in enumerate(codes)
                if value == value
            ]
    return [list(column) for column in zip(*rows, strict=True)], groups


def test_the_overall_interval_of_complete_codes_is_welchs_of_the_coders_means():
    rng = np.random.default_rng(0)
    left, right = rng.normal(3, 1, (6, 40)), rng.normal(2.5, 2, (4, 40))
    columns, groups = rows_of({"left": left, "right": right})
    found = compare_coder_groups(*columns, groups, level="interval", resamples=20)
    each = found.overall[0]
    theirs = stats.ttest_ind(left.mean(axis=1), right.mean(axis=1), equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert each.category is None
    assert each.difference.value == pytest.approx(left.mean() - right.mean())
    assert (each.difference.low, each.difference.high) == pytest.approx((interval.low, interval.high))
    wide = each.difference_of_items
    assert wide.low < each.difference.low
    assert wide.high > each.difference.high
    first = next(item for item in found.items if item.item == "i7")
    own = stats.ttest_ind(left[:, 7], right[:, 7], equal_var=False).confidence_interval(0.95)
    assert (first.difference.low, first.difference.high) == pytest.approx((own.low, own.high))


def test_leaving_out_a_coder_is_the_same_as_computing_without():
    """With missing codes, items of a single coder among them."""
    rng = np.random.default_rng(1)
    tables = {group: np.where(rng.random((4, 9)) < 0.4, np.nan, rng.integers(0, 2, (4, 9))) for group in ("l", "r")}
    columns, groups = rows_of(tables, ["no", "yes"])
    found = compare_coder_groups(*columns, groups, resamples=5)
    yes = next(each for each in found.overall if each.category == "yes")

    def difference(left, right):
        some = (~np.isnan(left)).any(axis=0) & (~np.isnan(right)).any(axis=0)
        return np.mean(np.nanmean(left[:, some], axis=0) - np.nanmean(right[:, some], axis=0))

    assert yes.difference.value == pytest.approx(difference(tables["l"], tables["r"]))
    parts = []
    for group in ("l", "r"):
        without = [
            difference(*(np.delete(tables[g], k, axis=0) if g == group else tables[g] for g in ("l", "r")))
            for k in range(4)
        ]
        parts.append(3 / 4 * np.square(np.array(without) - np.mean(without)).sum())
    degrees = sum(parts) ** 2 / sum(part**2 / 3 for part in parts)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(sum(parts))
    assert yes.difference.high - yes.difference.value == pytest.approx(half)


def test_shares_items_and_agreement_are_counts():
    """Item 0: all three of l say a, none of r; item 1: everybody says b."""
    columns, groups = rows_of({"l": [[0, 1], [0, 1], [0, 1]], "r": [[1, 1], [2, 1], [np.nan, 1]]}, ["a", "b", "c"])
    found = compare_coder_groups(*columns, groups, resamples=50)
    assert [each.category for each in found.overall] == ["a", "b", "c"]
    assert (found.overall[0].value_a, found.overall[0].value_b) == (0.5, 0)
    (item,) = found.items
    assert (item.item, item.category, item.value_a, item.value_b, item.distance) == ("i0", "a", 1, 0, 1)
    assert (item.codes_a, item.codes_b, found.n_items) == (3, 2, 1)
    assert (item.difference.value, item.difference.high) == (1, pytest.approx(1))
    pairs = [a == b for i in (0, 1) for a, b in product(*([0, 0, 0], [1, 2]) if i == 0 else ([1] * 3, [1] * 3))]
    assert found.between[0].percent.value == pytest.approx(mean([mean(pairs[:6]), mean(pairs[6:])]))
    assert found.between[0].kappa.value == pytest.approx(1 - 0.5 / (1 - (0.5 * 0 + 0.5 * 0.75 + 0 * 0.25)))
    assert [(group.group, len(group.coders), group.codes, group.items) for group in found.groups] == [
        ("l", 3, 6, 2),
        ("r", 3, 5, 2),
    ]
    assert found.groups[0].percent.value == 1


def test_the_interval_of_an_item_is_newcombes():
    """Newcombe (1998), method 10: 56 of 70 and 48 of 80: 0.0524 to 0.3339."""
    columns, groups = rows_of({"l": [[1]] * 56 + [[0]] * 14, "r": [[1]] * 48 + [[0]] * 32}, ["no", "yes"])
    (item,) = compare_coder_groups(*columns, groups, resamples=5).items
    low, high = item.difference.low, item.difference.high
    if item.category == "no":
        low, high = -high, -low
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_single_coder_has_a_difference_without_an_interval():
    columns, groups = rows_of({"l": [[0, 1, 1]], "r": [[1, 1, 0], [1, 0, 0]]}, ["no", "yes"])
    found = compare_coder_groups(*columns, groups, resamples=5)
    assert np.isnan(found.overall[0].difference.low)
    assert found.groups[0].alpha is None
    assert any("l has a single coder" in remark for remark in found.remarks)
    assert any("r: fewer than five coders" in remark for remark in found.remarks)


def test_coders_without_a_group_are_left_out_with_a_remark():
    columns, groups = rows_of({"l": [[0, 1], [0, 1]], "r": [[1, 1], [0, 1]]}, ["no", "yes"])
    columns = [[*column, extra] for column, extra in zip(columns, ("eva", "i0", "yes"), strict=True)]
    found = compare_coder_groups(*columns, groups, resamples=5)
    assert "eva has no group: 1 of 9 rows are left out" in found.remarks


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"a": "x", "b": "x"}, "got 1 groups"),
        ({}, "got 0 groups"),
        ({"a": "x", "c": "y"}, "no item was coded by two of the groups"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(groups, told):
    with pytest.raises(AgreementError, match=told):
        compare_coder_groups(["a", "b", "c"], [1, 1, 2], ["u", "v", "u"], groups)


def test_words_are_no_numbers():
    with pytest.raises(AgreementError, match="nominal"):
        compare_coder_groups(["a", "b"], [1, 1], ["x", "y"], {"a": "l", "b": "r"}, level="ordinal")


@pytest.mark.parametrize("coders", [3, 5])
def test_intervals_over_coders_cover(coders):
    """200 studies; `python -m bench.agreement groups` prints the table of the documentation, with 2,000."""
    held = coverage(coders, 30, studies=200, seed=1)
    assert held["these items"] >= 0.91
    assert held["other items too"] >= 0.93
