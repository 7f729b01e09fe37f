"""Weighted kappa, Gwet's AC1 and AC2 and the ICC, against scikit-learn, R, published tables and sums by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from models.annotation.agreement import agreement
from models.annotation.icc import icc
from models.errors import AgreementError
from tests.models.annotation.agreement_simulations import CELLS, coverage
from tests.models.annotation.test_agreement import KRIPPENDORFF, long

# drawn in R 4.2.2: a <- sample(1:5, 60, TRUE); b <- pmin(5, pmax(1, a + sample(-1:1, 60, TRUE))), seed 1
A = [int(c) for c in "141253233155221551155221414322444241141232252133431451145545"]
B = [int(c) for c in "131352144255231552245212515312355141242321252122422452155435"]
# Shrout & Fleiss (1979), table 2: six targets and four judges
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def pair(a, b, **options):
    n = len(a)
    return agreement(["a"] * n + ["b"] * n, [*range(n)] * 2, [*a, *b], **options)


def test_weighted_kappa_is_that_of_the_r_package_psych():
    """psych 2.2.9: cohen.kappa(cbind(a, b)), and with w = 1 - |i - j| / 4."""
    for level in ("ordinal", "interval"):
        found = pair(A, B, level=level, resamples=200)
        assert found.kappa_quadratic.value == pytest.approx(0.87597093, abs=1e-8)
        assert found.kappa_linear.value == pytest.approx(0.67196819, abs=1e-8)
        assert found.kappa.value == pytest.approx(cohen_kappa_score(A, B))
        assert found.kappa_linear.low < found.kappa_linear.value < found.kappa_linear.high
        both = found.details.pairs[0]
        assert (both.kappa_linear, both.kappa_quadratic, both.ac1) == (
            found.kappa_linear,
            found.kappa_quadratic,
            found.ac1,
        )


def test_names_of_categories_have_no_weights():
    found = pair(A, B, resamples=20)
    assert (found.kappa_linear, found.kappa_quadratic, found.ac2_linear, found.icc) == (None, None, None, None)
    assert found.details.pairs[0].kappa_linear is None
    assert found.ac1 is not None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([1, 2, 4, 7, None]), min_size=3, max_size=3), min_size=2, max_size=15),
    st.sampled_from(["ordinal", "interval"]),
)
def test_each_pair_has_the_weighted_kappa_of_scikit_learn(table, level):
    """Under level interval codes 1, 2, 4 and 7 lie on a grid of 1 to 7, of which some are not used."""
    rows = [(f"c{j}", i, code) for i, row in enumerate(table) for j, code in enumerate(row) if code is not None]
    try:
        found = agreement(*zip(*rows, strict=True), level=level, resamples=2) if rows else None
    except AgreementError:
        return
    if found is None:
        return
    used = sorted({code for _, _, code in rows})
    grid = used if level == "ordinal" else list(range(used[0], used[-1] + 1))
    for both in found.details.pairs:
        i, j = int(both.a[1]), int(both.b[1])
        kept = [(row[i], row[j]) for row in table if row[i] is not None and row[j] is not None]
        for weights in ("linear", "quadratic"):
            value = getattr(both, f"kappa_{weights}").value
            if len(set(sum(kept, ()))) > 1:
                assert value == pytest.approx(cohen_kappa_score(*zip(*kept, strict=True), labels=grid, weights=weights))
            else:
                assert np.isnan(value)


def by_hand(table, level, weights):
    """AC1 and AC2 by sums over pairs of codes and of categories, as Gwet (2014) writes them."""
    rows = [[code for code in row if not np.isnan(code)] for row in table]
    rows = [row for row in rows if row]
    used = sorted({code for row in rows for code in row})
    at = {code: (code if level == "interval" else i) for i, code in enumerate(used)}
    far = at[used[-1]] - at[used[0]]

    def weight(a, b):
        apart = abs(at[a] - at[b]) / far
        return float(a == b) if weights is None else 1 - (apart if weights == "linear" else apart**2)

    observed = [np.mean([weight(a, b) for a, b in permutations(row, 2)]) for row in rows if len(row) > 1]
    share = {code: np.mean([row.count(code) / len(row) for row in rows]) for code in used}
    q = len(used)
    total = sum(weight(a, b) for a in used for b in used)
    chance = total / (q * (q - 1)) * sum(p * (1 - p) for p in share.values())
    return (np.mean(observed) - chance) / (1 - chance)


def test_gwets_ac1_is_that_of_his_example():
    """Gwet (2014), four raters and twelve units with missing codes: 0.77544."""
    found = agreement(*long(KRIPPENDORFF), resamples=200)
    assert found.ac1.value == pytest.approx(0.77544, abs=5e-6)
    assert found.ac1.low < found.ac1.value <= found.ac1.high


def test_gwets_coefficients_of_two_raters_under_high_agreement():
    """Gwet (2008), table 1: of 125 items 118 are coded + by both, 5 and 2 by one of them: AC1 0.9408, kappa -0.0234."""
    a, b = ["+"] * 123 + ["-"] * 2, ["+"] * 118 + ["-"] * 5 + ["+"] * 2
    found = pair(a, b, resamples=200)
    assert found.ac1.value == pytest.approx(0.9408, abs=5e-5)
    assert found.kappa.value == pytest.approx(-0.0234, abs=5e-5)
    assert (found.most_common, round(found.most_common_share, 4)) == ("+", 0.972)
    assert any("97.2 % of the codes are '+'" in remark and "0.941" in remark for remark in found.remarks)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([1.0, 2.0, 4.0, np.nan]), min_size=3, max_size=3), min_size=2, max_size=12),
    st.sampled_from(["nominal", "ordinal", "interval"]),
)
def test_gwets_coefficients_are_sums_over_pairs_of_codes(table, level):
    try:
        found = agreement(*long(np.array(table)), level=level, resamples=2)
    except AgreementError:
        return
    if found.details.n_categories == 1:
        assert np.isnan(found.ac1.value)
        return
    for name, weights in (("ac1", None), ("ac2_linear", "linear"), ("ac2_quadratic", "quadratic")):
        if level != "nominal" or weights is None:
            assert getattr(found, name).value == pytest.approx(by_hand(table, level, weights), abs=1e-9)


def test_the_icc_is_that_of_shrout_and_fleiss_and_its_interval_that_of_psych():
    found = icc(JUDGES)
    assert (round(found.agreement.value, 2), round(found.consistency.value, 2)) == (0.29, 0.71)
    assert (found.agreement.low, found.agreement.high) == pytest.approx((0.0187865, 0.761084), abs=1e-6)
    assert (found.consistency.low, found.consistency.high) == pytest.approx((0.3424648, 0.945858), abs=1e-6)
    shifted = icc(1000 * JUDGES + 1e6)
    assert shifted.agreement.low == pytest.approx(found.agreement.low)
    whole = agreement(*long(JUDGES), level="interval", resamples=20)
    assert whole.icc == found
    assert not any("ICC" in remark for remark in whole.remarks)


@pytest.mark.parametrize(
    ("table", "agreed", "consistent"),
    [
        ([[1, 1], [2, 2], [4, 4]], 1.0, 1.0),  # coders agree exactly
        ([[1, 2], [2, 3], [4, 5]], 14 / 17, 1.0),  # one codes higher by 1
        ([[3, 3], [3, 3]], np.nan, np.nan),
        ([[1, 2]], np.nan, np.nan),
    ],
)
def test_an_icc_without_error_or_variance(table, agreed, consistent):
    found = icc(np.array(table, float))
    assert found.agreement.value == pytest.approx(agreed, nan_ok=True)
    assert found.consistency.value == pytest.approx(consistent, nan_ok=True)
    assert np.isnan(found.consistency.low)


def test_items_with_a_missing_code_are_left_out_of_the_icc_with_a_remark():
    table = np.vstack([JUDGES, [[5, 4, np.nan, 6]]])
    found = agreement(*long(table), level="interval", resamples=20)
    assert found.icc == icc(JUDGES)
    assert "the ICC is of the 6 of 7 items that all 4 coders have coded; alpha is of all of them" in found.remarks
    crowd = agreement(["a", "b", "b", "c"], [1, 1, 2, 2], [1, 2, 2, 2], level="interval", resamples=20)
    assert np.isnan(crowd.icc.agreement.value)
    assert any("0 of 2 items have a code of each of the 3 coders" in remark for remark in crowd.remarks)


def test_resamples_without_a_value_are_counted():
    """Twelve items with one disagreement: resamples that miss it have a single code."""
    found = pair([0] * 12, [0] * 11 + [1], resamples=1000)
    rest = (11 / 12) ** 12
    assert found.alpha.undefined == found.kappa.undefined == pytest.approx(1000 * rest, abs=60)
    assert found.ac1.undefined == 0
    assert any(f"alpha in {found.alpha.undefined}" in remark for remark in found.remarks)
    several = agreement(*long(np.array([[0, 0, 0]] * 11 + [[0, 1, 0]], float)), resamples=500)
    assert several.details.pairs[0].kappa.undefined > 0
    assert any("kappa of 3 pairs of coders" in remark for remark in several.remarks)
    few = pair([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], resamples=1000)
    assert 0 < few.alpha.undefined < 100
    assert not any("resamples" in remark for remark in few.remarks)
    clear = pair(A, B, level="ordinal", resamples=300)
    assert not any("resamples" in remark for remark in clear.remarks)


@pytest.mark.parametrize(("share", "told"), [(0.89, False), (0.9, True), (1.0, True)])
def test_a_category_with_nine_tenths_of_the_codes_has_a_remark(share, told):
    codes = ["no"] * round(100 * share) + ["yes"] * round(100 * (1 - share))
    found = pair(codes, codes, resamples=50)
    assert found.most_common_share == pytest.approx(share)
    assert any("'no'" in remark for remark in found.remarks) is told


def test_more_than_fifty_codes_have_no_ac():
    found = pair(range(60), range(60), level="interval", resamples=20)
    assert (found.ac1, found.ac2_linear, found.ac2_quadratic) == (None, None, None)
    assert found.kappa_linear.value == found.kappa_quadratic.value == 1
    assert found.details.pairs[0].ac1 is None


@pytest.mark.parametrize("name", ["ordinal, 2 coders", "nominal, p .3, 3 coders, 20 % missing", "interval, 3 coders"])
def test_the_new_intervals_cover(name):
    """60 studies of 60 items; `python -m bench.agreement` prints the whole table, with 1,000."""
    for figure, share in coverage(CELLS[name], 60, studies=60, resamples=100, seed=3).items():
        assert share >= 0.85, figure


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_the_new_intervals_cover_in_every_cell(name):
    for figure, share in coverage(CELLS[name], 100, studies=400, resamples=300, seed=4).items():
        assert share >= 0.85, figure
