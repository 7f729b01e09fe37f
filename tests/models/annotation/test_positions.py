"""Position bias: against SciPy's tests, counts by hand, and simulated labellers."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from models.annotation import positions
from models.annotation.positions import Question, clear, position_bias, sentence
from models.errors import AgreementError


def simulated(rng, n, k, bias, *, kind="nominal", repeats=1):
    """Items whose category is their own, but for a share `bias` of lazy ones that get the first in the question."""
    shares = rng.dirichlet(np.ones(k))
    for item in range(n):
        own, lazy = int(rng.choice(k, p=shares)), rng.random() < bias
        for _ in range(repeats):
            order = rng.permutation(k) if kind == "nominal" else np.arange(k)[:: rng.choice([-1, 1])]
            yield Question(item=item, order=order.tolist(), chosen=[int(order[0]) if lazy else own])


def test_the_test_is_the_exact_multinomial_one():
    """With three categories and eight answers, all tables can be listed."""
    rng = np.random.default_rng(0)
    questions = [*simulated(rng, 8, 3, 0.6)]
    found = position_bias("v", list("abc"), questions)
    seen = np.array([place.chosen for place in found.places])
    tables = [(a, b, 8 - a - b) for a in range(9) for b in range(9 - a)]
    exact = sum(
        stats.multinomial.pmf(table, 8, [1 / 3] * 3)
        for table in tables
        if np.square(np.array(table) - 8 / 3).sum() >= np.square(seen - 8 / 3).sum() - 1e-9
    )
    assert found.p == pytest.approx(exact, abs=0.015)
    assert [place.expected for place in found.places] == pytest.approx([1 / 3] * 3)


def test_of_two_ordinal_categories_it_is_the_sign_test():
    rng = np.random.default_rng(1)
    found = position_bias("v", ["low", "high"], [*simulated(rng, 50, 2, 0.4, kind="ordinal")], kind="ordinal")
    exact = stats.binomtest(found.places[0].chosen, 50, 0.5).pvalue
    assert found.p == pytest.approx(exact, abs=0.015)


def test_several_choices_are_placed_as_subsets():
    """Two choices of three categories leave one out, which is the same as one choice."""
    rng = np.random.default_rng(2)
    single = [*simulated(rng, 60, 3, 0.3)]
    left_out = [Question(item=q.item, order=q.order, chosen=[c for c in range(3) if c not in q.chosen]) for q in single]
    one, two = (position_bias("v", list("abc"), questions) for questions in (single, left_out))
    assert one.p == pytest.approx(two.p, abs=0.02)
    assert [p.chosen + q.chosen for p, q in zip(one.places, two.places, strict=True)] == [60] * 3
    assert two.difference.value == pytest.approx(-one.difference.value)


def test_shares_by_category_are_counted_and_compared_by_newcombe():
    rng = np.random.default_rng(3)
    questions = [*simulated(rng, 200, 3, 0.3)]
    found = position_bias("v", list("abc"), questions)
    for c, each in enumerate(found.categories):
        early = [c in q.chosen for q in questions if q.order[0] == c]
        late = [c in q.chosen for q in questions if q.order[-1] == c]
        assert (each.early, each.late) == (len(early), len(late))
        assert (each.share_early, each.share_late) == pytest.approx((np.mean(early), np.mean(late)))
        theirs = confint_proportions_2indep(
            sum(early), len(early), sum(late), len(late), compare="diff", method="newcomb"
        )
        assert (each.difference.low, each.difference.high) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("kind", "n", "k", "bias", "repeats"), [
    ("nominal", 25, 2, 0.0, 1), ("nominal", 60, 4, 0.3, 1), ("ordinal", 60, 5, 0.3, 1), ("nominal", 30, 3, 0.3, 3),
])  # fmt: skip
def test_intervals_cover_and_the_test_keeps_its_level(monkeypatch, kind, n, k, bias, repeats):
    monkeypatch.setattr(positions, "DRAWS", 99)
    rng = np.random.default_rng(4)
    found = [
        position_bias("v", list("abcde"[:k]), [*simulated(rng, n, k, bias, kind=kind, repeats=repeats)], kind=kind)
        for _ in range(300)
    ]
    assert 0.92 <= np.mean([each.difference.low <= bias <= each.difference.high for each in found]) <= 0.995
    if kind == "nominal":
        true = bias + (1 - bias) / k
        shares = [each.places[0].share for each in found]
        assert 0.92 <= np.mean([share.low <= true <= share.high for share in shares]) <= 0.995
    if not bias:
        assert np.mean([each.p <= 0.05 for each in found]) <= 0.08


def test_answers_that_follow_their_item_are_consistent_and_others_are_not():
    rng = np.random.default_rng(5)
    firm = position_bias("v", list("abc"), [*simulated(rng, 40, 3, 0.0, repeats=3)])
    lazy = position_bias("v", list("abc"), [*simulated(rng, 40, 3, 1.0, repeats=3)])
    assert firm.consistency.same.value == firm.consistency.unanimous.value == 1
    assert lazy.consistency.same_order.value == 1
    assert lazy.consistency.other_order.value < 0.5  # two orders with the same first category: 1 in 5
    assert lazy.consistency.items == 40
    assert (firm.p > 0.01, lazy.p < 0.001) == (True, True)
    assert "first of 3 categories" in sentence(lazy)
    assert clear([firm, lazy]) == [False, True]


def test_holms_rule_counts_the_variables():
    rng = np.random.default_rng(6)
    some = position_bias("v", list("abc"), [*simulated(rng, 40, 3, 0.45)])
    assert clear([some]) == [some.p < 0.01]
    none = [position_bias("w", list("ab"), [*simulated(rng, 40, 2, 0)]) for _ in range(40)]
    assert not clear([position_bias("v", list("abc"), [*simulated(rng, 10, 3, 1.0)])])[0]  # too few
    assert clear([some, *none]).count(True) <= clear([some]).count(True)


@pytest.mark.parametrize(("question", "kind", "message"), [
    (Question(item=0, order=[0, 1, 1], chosen=[0]), "nominal", "each of 3"),
    (Question(item=0, order=[0, 2, 1], chosen=[0]), "ordinal", "in the reverse of it"),
    (Question(item=0, order=[0, 1, 2], chosen=[3]), "nominal", "0 to 2"),
    (Question(item=0, order=[0, 1, 2], chosen=[]), "nominal", "without a choice"),
])  # fmt: skip
def test_questions_that_cannot_be_are_refused(question, kind, message):
    with pytest.raises(AgreementError, match=message):
        position_bias("v", list("abc"), [question], kind=kind)


def test_all_orders_alike_change_nothing():
    """Each order once for each item: whatever the items are, all places are chosen equally often."""
    questions = [Question(item=i, order=order, chosen=[i % 3]) for i in range(4) for order in permutations(range(3))]
    found = position_bias("v", list("abc"), questions)
    assert [place.chosen for place in found.places] == [8, 8, 8]
    assert found.p == 1
    assert found.difference.value == 0
