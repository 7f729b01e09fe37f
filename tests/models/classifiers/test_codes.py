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


def two_coders(rule, decided=(), **options):
    """300 items of two coders who differ on 58."""
    names = [f"i{i}" for i in range(300)]
    anna = ["cat" if i % 2 else "dog" for i in range(300)]
    ben = [{"cat": "dog", "dog": "cat"}[code] if i < 58 else code for i, code in enumerate(anna)]
    rows = [("anna", *row) for row in zip(names, anna, strict=True)] + [
        ("ben", *row) for row in zip(names, ben, strict=True)
    ]
    rows += [("carla", names[i], "cat") for i in decided]
    return aggregate_codes(*zip(*rows, strict=True), rule=rule, resamples=5, **options)


def test_what_two_coders_differ_on_is_counted_and_noted():
    found = two_coders("majority")
    assert (found.n_items, found.n_several, found.n_differ, found.n_undecided) == (300, 300, 58, 58)
    assert {item.code for item in found.dropped} == {"coders_differ"}
    (note,) = found.notes()
    assert note.code == "coders_differ"
    assert note.message.startswith("58 of 300 coded items are left out because their coders differ (rule majority)")
    assert "biased" in note.message


def test_an_adjudicator_decides_where_the_others_differ():
    found = two_coders("adjudicated", range(56), adjudicator="carla")
    targets = dict(zip(found.items, found.targets, strict=True))
    assert {targets[f"i{i}"] for i in range(56)} == {"cat"}
    assert (targets["i60"], targets["i61"]) == ("dog", "cat")
    assert [item.name for item in found.dropped] == ["i56", "i57"]
    assert "the adjudicator has no code" in found.dropped[0].reason
    assert "2 of 300" in next(found.notes()).message
    assert found.agreement is not None
    assert found.agreement.coders == ("anna", "ben")  # the adjudicator is no independent coder
    assert set(found.by_coder) == {"anna", "ben"}


def test_an_adjudicator_does_not_overrule_coders_who_agree():
    found = two_coders("adjudicated", [*range(58), 60, 61], adjudicator="carla")
    assert dict(zip(found.items, found.targets, strict=True))["i60"] == "dog"
    (note,) = found.notes()
    assert note.code == "adjudicator_differs"
    assert "on 1 items" in note.message


def test_both_codes_of_an_item_are_kept_with_shares_that_sum_to_one():
    found = two_coders("both")
    assert (len(found.items), found.dropped, list(found.notes())) == (300, (), [])
    assert found.shares is not None
    assert dict(found.shares[0]) == {"dog": 0.5, "cat": 0.5}
    assert found.shares[299] == (("cat", 1.0),)
    three = aggregate_codes(["A", "B", "C"], ["x"] * 3, ["p", "q", "p"], rule="both", resamples=5)
    assert three.shares is not None
    assert dict(three.shares[0]) == {"p": pytest.approx(2 / 3), "q": pytest.approx(1 / 3)}


def test_an_adjudicator_without_the_rule_or_without_codes_is_refused():
    with pytest.raises(AgreementError, match="needs the coder who decides"):
        two_coders("adjudicated")
    with pytest.raises(AgreementError, match="needs the coder who decides"):
        two_coders("majority", [1], adjudicator="carla")
    with pytest.raises(AgreementError, match="'zoe' has no codes; the coders are anna, ben"):
        two_coders("adjudicated", adjudicator="zoe")
