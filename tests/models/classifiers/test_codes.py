"""Codes of several coders to one target: by the rule that is stated, with what disagreed kept."""

import numpy as np
import pytest

from models.classifiers.codes import aggregate_codes
from models.errors import AgreementError

CODER = ["A", "B", "C"] * 4
ITEM = [f"i{i}" for i in range(4) for _ in range(3)]
CODE = ["protest", "protest", "press", "press", "press", "press"]
CODE += ["protest", "press", None, None, "", float("nan")]


def test_the_majority_wins_and_a_tie_is_dropped():
    found = aggregate_codes(CODER, ITEM, CODE, resamples=20)
    assert (found.items, found.targets) == (("i0", "i1"), ("protest", "press"))
    assert found.n_codes == (3, 3)
    assert found.disagreement == (pytest.approx(1 / 3), 0)
    assert [(item.name, item.reason) for item in found.dropped] == [
        ("i2", "a tie: 1 protest, 1 press"),
        ("i3", "has no code"),
    ]
    assert found.agreement is not None
    assert found.agreement.items == 3
    assert "ties are dropped" in found.rule_in_words


def test_unanimous_drops_whatever_is_disputed():
    found = aggregate_codes(CODER, ITEM, CODE, rule="unanimous", resamples=20)
    assert found.items == ("i1",)
    assert found.dropped[0].reason == "coders differ: 2 protest, 1 press"


def test_numbers_are_averaged_and_their_spread_is_kept():
    found = aggregate_codes(["A", "B", "A"], ["x", "x", "y"], [1, "3", 2.5], rule="mean", resamples=20)
    assert found.targets == (2.0, 2.5)
    assert found.disagreement == (1.0, 0.0)
    assert found.agreement is not None
    assert found.agreement.level == "interval"


def test_one_coder_agrees_with_nobody():
    found = aggregate_codes(["A"] * 3, [1, 2, 3], ["a", "b", "a"])
    assert found.agreement is None
    assert found.items == ("1", "2", "3")


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        ((["A", "A"], [1, 1], ["a", "a"]), {}, "two codes"),
        ((["A"], [1], ["a", "b"]), {}, "all three"),
        ((["A"], [1], ["a"]), {"rule": "mean"}, "majority"),
        ((["A"], [1], ["a"]), {"rule": "median"}, "the rules are majority"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(table, options, said):
    with pytest.raises(AgreementError, match=said):
        aggregate_codes(*table, **options)


def test_it_is_the_same_every_time():
    rng = np.random.default_rng(0)
    table = (["A", "B"] * 50, [i // 2 for i in range(100)], rng.choice(["a", "b"], 100).tolist())
    assert aggregate_codes(*table, resamples=50) == aggregate_codes(*table, resamples=50)
