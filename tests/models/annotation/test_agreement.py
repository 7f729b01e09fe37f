"""Agreement against published worked examples and scikit-learn; what says nothing is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from models.annotation.agreement import agreement, alpha, percent
from models.errors import AgreementError

N = np.nan
KRIPPENDORFF = np.array(  # 2011, section C: four observers, twelve units, codes missing
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
).T


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_example(level, value):
    assert alpha(KRIPPENDORFF, level) == pytest.approx(value, abs=0.0005)


def test_alpha_of_two_observers_is_that_of_his_first_example():
    """Section A: ten units, binary, two observers: 0.095."""
    a = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    b = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha(np.array([a, b], float).T) == pytest.approx(0.095, abs=0.0005)


def long(table):
    rows = [(f"c{j}", f"i{i}", table[i, j]) for i in range(len(table)) for j in range(table.shape[1])]
    return [list(column) for column in zip(*rows, strict=True)]


def test_a_long_table_with_missing_codes_is_the_same():
    coder, item, code = long(KRIPPENDORFF)
    found = agreement(coder, item, code, level="interval", resamples=200)
    assert found.alpha.value == pytest.approx(0.849, abs=0.0005)
    assert found.alpha.low < found.alpha.value < found.alpha.high
    assert (found.coders, found.items, found.kappa) == (("c0", "c1", "c2", "c3"), 11, None)
    dropped = [(c, i, k) for c, i, k in zip(coder, item, code, strict=True) if not np.isnan(k)]
    again = agreement(*zip(*dropped, strict=True), level="interval", resamples=200)
    assert again.alpha == found.alpha


def test_kappa_is_scikit_learns_and_takes_words():
    rng = np.random.default_rng(0)
    a = rng.choice(["protest", "press", "other"], 100)
    b = np.where(rng.random(100) < 0.7, a, rng.choice(["protest", "press", "other"], 100))
    items = [f"i{i}" for i in range(100)]
    found = agreement(["A"] * 100 + ["B"] * 100, items * 2, [*a, *b], resamples=300)
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(cohen_kappa_score(a, b))
    assert found.percent.value == pytest.approx((a == b).mean())
    assert found.kappa.low < found.kappa.value < found.kappa.high


def test_intervals_cover_the_alpha_of_many_items():
    rng = np.random.default_rng(1)

    def codes(n):
        truth = rng.integers(0, 3, n)
        return np.stack([np.where(rng.random(n) < 0.8, truth, rng.integers(0, 3, n)) for _ in range(3)], axis=1).astype(
            float
        )

    true = alpha(codes(20_000))
    held = 0
    for _ in range(60):
        found = agreement(*long(codes(60)), resamples=100).alpha
        held += found.low <= true <= found.high
    assert held >= 50


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, N]), min_size=2, max_size=4), min_size=1, max_size=20))
def test_alpha_is_at_most_1_and_only_1_where_all_agree(rows):
    width = max(map(len, rows))
    table = np.array([row + [N] * (width - len(row)) for row in rows])
    found = alpha(table)
    if not np.isnan(found):
        assert found <= 1
        agreed = all(len(set(row[~np.isnan(row)])) <= 1 for row in table)
        assert (found == 1) == agreed
    assert np.isnan(percent(table)) or 0 <= percent(table) <= 1


def test_where_nothing_varies_there_is_no_coefficient():
    found = agreement(["a", "b"] * 5, [i for i in range(5) for _ in range(2)], ["yes"] * 10, resamples=10)
    assert found.percent.value == 1
    assert np.isnan(found.alpha.value)
    assert found.kappa is not None
    assert np.isnan(found.kappa.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ((["a"], [1], ["x", "y"]), "all three"),
        ((["a", "a"], [1, 2], ["x", "y"]), "1 coders"),
        ((["a", "b"], [1, 2], ["x", "y"]), "0 items"),
        ((["a", "a", "b"], [1, 1, 1], ["x", "y", "x"]), "two codes"),
        (([], [], []), "0 coders"),
    ],
)
def test_a_table_that_says_nothing_is_refused(table, said):
    with pytest.raises(AgreementError, match=said):
        agreement(*table)


def test_words_are_no_numbers():
    with pytest.raises(AgreementError, match="nominal"):
        agreement(["a", "b"], [1, 1], ["x", "y"], level="interval")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_as_many_values_as_items_need_no_square_of_them(level):
    """A column of free text, or of measurements: 20,000 values are no table of 400 million."""
    values = np.arange(20_000.0).repeat(2).tolist()
    found = agreement(["a", "b"] * 20_000, np.arange(20_000).repeat(2).tolist(), values, level=level, resamples=5)
    assert (found.alpha.value, found.percent.value) == (1, 1)
    assert found.kappa is not None
    assert found.kappa.value == 1


@pytest.mark.parametrize(
    ("codes", "level", "remarked"),
    [
        ([0.5 * i for i in range(20)], "nominal", True),
        ([str(i) for i in range(60)], "nominal", True),
        ([i % 5 for i in range(60)], "nominal", False),  # a scale of few points may be labels
        ([f"c{i}" for i in range(60)], "nominal", False),
        ([0.5 * i for i in range(20)], "interval", False),
    ],
)
def test_quantities_under_level_nominal_are_remarked(codes, level, remarked):
    n = len(codes)
    items = list(range(n)) * 2
    found = agreement(["a"] * n + ["b"] * n, items, [*codes, *codes], level=level, resamples=10)
    assert any('level="interval"' in remark for remark in found.remarks) == remarked
    assert found.level == level


@pytest.mark.parametrize(("factor", "offset"), [(1, 1e9), (1e-6, 0), (1e12, -1e15)])
def test_alpha_of_numbers_has_no_zero_and_no_unit(factor, offset):
    rng = np.random.default_rng(0)
    true = rng.integers(1, 8, 50)
    table = np.stack([true + rng.integers(-1, 2, 50), true + rng.integers(-1, 2, 50)], axis=1).astype(float)
    for level in ("interval", "ordinal"):
        assert alpha(table * factor + offset, level) == pytest.approx(alpha(table, level), rel=1e-6)
