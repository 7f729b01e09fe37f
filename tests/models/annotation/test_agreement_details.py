"""Categories, pairs of coders and differing items, against scikit-learn and counts by hand."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from models.annotation.agreement import agreement


def long(table, coders="abcdefgh"):
    rows = [(coders[j], f"i{i}", row[j]) for i, row in enumerate(table) for j in range(len(row)) if row[j] is not None]
    return [list(column) for column in zip(*rows, strict=True)]


def test_positive_and_negative_agreement_are_those_of_the_four_cells():
    """40 and 45 items agreed, 9 and 6 not: 2a / (2a + b + c) (Cicchetti & Feinstein 1990)."""
    cells = {("yes", "yes"): 40, ("yes", "no"): 9, ("no", "yes"): 6, ("no", "no"): 45}
    found = agreement(*long([pair for pair, n in cells.items() for _ in range(n)]), resamples=200).details
    no, yes = found.categories
    assert (no.category, yes.category) == ("no", "yes")
    assert yes.agreement.value == pytest.approx(80 / 95)
    assert no.agreement.value == pytest.approx(90 / 105)
    assert (yes.codes, yes.items, no.codes, no.items) == (95, 55, 105, 60)
    assert yes.agreement.low < yes.agreement.value < yes.agreement.high
    assert found.pairs[0].table == ((45, 6), (9, 40))  # the first coder's codes in rows
    assert [(each.coder, each.counts) for each in found.coders] == [("a", (51, 49)), ("b", (54, 46))]
    assert (found.n_differ, len(found.differ)) == (15, 15)


def test_each_pair_has_the_kappa_and_the_table_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200)
    table = np.stack([np.where(rng.random(200) < 0.8, truth, rng.integers(0, 4, 200)) for _ in range(3)], axis=1)
    found = agreement(*long(table.tolist()), resamples=300)
    assert found.kappa is None
    assert [(pair.a, pair.b) for pair in found.details.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair, (i, j) in zip(found.details.pairs, combinations(range(3), 2), strict=True):
        assert pair.kappa.value == pytest.approx(cohen_kappa_score(table[:, i], table[:, j]))
        assert pair.kappa.low < pair.kappa.value < pair.kappa.high
        assert np.array_equal(pair.table, confusion_matrix(table[:, i], table[:, j]))
        assert pair.percent.value == pytest.approx((table[:, i] == table[:, j]).mean())
    differ = [f"i{i}" for i, row in enumerate(table) if len(set(row)) > 1]
    assert [each.item for each in found.details.differ] == differ
    assert found.details.differ[0].codes == tuple(str(code) for code in table[int(differ[0][1:])])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["x", "y", "z", None]), min_size=3, max_size=3), min_size=2, max_size=12).filter(
        lambda table: any(sum(code is not None for code in row) > 1 for row in table)
    )
)
def test_specific_agreement_of_several_coders_is_pooled_over_pairs(table):
    """The share of ordered pairs of codes of one item, the first of the category, whose second is of it too."""
    try:
        found = agreement(*long(table), resamples=1).details
    except ValueError:
        return
    for each in found.categories:
        pairs = [(a, b) for row in table for i, a in enumerate(row) for j, b in enumerate(row) if i != j and a and b]
        own = [b == each.category for a, b in pairs if a == each.category]
        if own:
            assert each.agreement.value == pytest.approx(np.mean(own))
        else:
            assert np.isnan(each.agreement.value)


def test_intervals_of_specific_agreement_cover_the_true_one():
    rng = np.random.default_rng(1)
    true = 2 * 0.3 * 0.64 / (0.3 * 1.6)  # a category of 30 %, which each coder recognises in 80 %, and never elsewhere
    held = 0
    for _ in range(60):
        rare = rng.random(120) < 0.3
        table = [["x" if r and rng.random() < 0.8 else "y" for _ in range(2)] for r in rare]
        found = next(e for e in agreement(*long(table), resamples=200).details.categories if e.category == "x")
        held += found.agreement.low <= true <= found.agreement.high
    assert held >= 52


def test_an_interval_at_the_edge_has_a_width():
    found = agreement(*long([["x", "x"]] * 6 + [["y", "y"]] * 6), resamples=20).details
    for each in found.categories:
        assert (each.agreement.value, each.agreement.high) == (1, 1)
        assert each.agreement.low == pytest.approx(2 * 0.6097 / 1.6097, abs=0.001)  # Wilson's limit of 6 of 6


def test_too_many_categories_are_counted_and_not_listed():
    found = agreement(*long([[f"k{i}", f"k{i + i % 2}"] for i in range(120)]), resamples=20).details
    assert (found.n_categories, found.categories, found.pairs[0].table) == (121, (), ())
    assert found.n_differ == 60
    assert found.pairs[0].kappa.value == pytest.approx(
        cohen_kappa_score([f"k{i}" for i in range(120)], [f"k{i + i % 2}" for i in range(120)])
    )


def test_a_coder_without_codes_is_left_out_with_a_remark():
    coder, item, code = long([["x", "x"], ["y", "x"]])
    found = agreement([*coder, "c", "c"], [*item, "i0", "i1"], [*code, None, ""], resamples=20)
    assert found.coders == ("a", "b")
    assert found.kappa is not None
    assert "c has no codes and is left out of the 3 coders" in found.remarks


def test_codes_that_differ_in_capitals_are_told_apart_with_a_remark():
    found = agreement(*long([["Protest ", "protest"], ["Protest", "Protest"], ["other", "other"]]), resamples=20)
    assert [each.category for each in found.details.categories] == ["Protest", "other", "protest"]
    assert any("differ only in capitals" in remark for remark in found.remarks)
