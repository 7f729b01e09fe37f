"""Dawid & Skene's model against their own data, and against another writing of the algorithm."""

import numpy as np
import pytest

from models.annotation.crowd import dawid_skene, reconcile
from models.errors import AgreementError

# Dawid & Skene (1979), table 1: 45 patients, by three readings of observer 1 and one each of observers 2 to 5
PATIENTS = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 "
    "2322223 4444444 2223343 1111111 2223212 1211111 1112111 1111111 1111111 "
    "2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 "
    "1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 "
    "2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222"
)
OBSERVER = [0, 0, 0, 1, 2, 3, 4]
ROWS = [(i, OBSERVER[j], int(code) - 1) for i, codes in enumerate(PATIENTS.split()) for j, code in enumerate(codes)]


def by_hand(rows, items, coders, k, steps):
    """The algorithm with loops, from the paper's equations 2.3 to 2.5; no logarithms."""
    counts = np.zeros((items, coders, k))
    for i, j, c in rows:
        counts[i, j, c] += 1
    t = counts.sum(axis=1) / counts.sum(axis=(1, 2))[:, None]
    for _ in range(steps):
        p = t.sum(axis=0) / items
        pi = np.einsum("iq,ijl->jql", t, counts)
        pi /= np.maximum(pi.sum(axis=2, keepdims=True), 1e-300)
        for i in range(items):
            weight = [p[q] * np.prod(pi[:, q] ** counts[i]) for q in range(k)]
            t[i] = np.array(weight) / sum(weight)
    return t, p, pi


def test_the_anaesthetists_data_give_the_papers_marginals_and_those_of_another_writing():
    """Table 2 of the paper: shares 0.40, 0.42, 0.11, 0.07."""
    i, j, c = (np.array(column, np.intp) for column in zip(*ROWS, strict=True))
    fit = dawid_skene(i, j, c, 45, 5, 4)
    assert fit.converged
    assert fit.shares.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    t, p, pi = by_hand(ROWS, 45, 5, 4, 300)
    assert fit.shares == pytest.approx(p, abs=1e-5)
    assert fit.posterior == pytest.approx(t, abs=1e-5)
    assert fit.confusion == pytest.approx(pi, abs=1e-5)


def crowd(n=300, seed=0):
    """Three good coders and two who cannot tell b from c, on categories a, b and c."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    good = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
    blind = np.array([[0.9, 0.05, 0.05], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
    rows = []
    for j, matrix in enumerate([good, good, good, blind, blind]):
        rows += [(f"c{j}", f"i{i}", "abc"[rng.choice(3, p=matrix[true])]) for i, true in enumerate(truth)]
    return truth, rows


def test_the_model_knows_who_errs_and_beats_the_majority():
    truth, rows = crowd()
    found = reconcile(*zip(*rows, strict=True))
    words = ["abc"[each] for each in truth]
    right = np.mean([item.label == word for item, word in zip(found.items, words, strict=True)])
    voted = np.mean([item.majority == word for item, word in zip(found.items, words, strict=True)])
    assert right > voted + 0.02
    assert right > 0.95
    assert found.coders[0].accuracy > 0.8
    assert found.coders[3].confusion[1][2] == pytest.approx(0.8, abs=0.1)
    assert sum(item.majority is None for item in found.items) == found.n_ties > 0
    assert all(len(item.majority_tied) > 1 for item in found.items if item.majority is None)
    assert found.n_differ > 0
    assert sum(found.shares) == pytest.approx(1)


def test_the_result_does_not_depend_on_the_order_of_rows():
    _, rows = crowd(60)
    found, again = (reconcile(*zip(*each, strict=True)) for each in (rows, rows[::-1]))
    assert found.shares == pytest.approx(again.shares)
    other = {item.item: item for item in again.items}
    for item in found.items:
        assert other[item.item].label == item.label
        assert item.probabilities == pytest.approx(other[item.item].probabilities)
    assert reconcile(*zip(*rows, strict=True)) == found


def test_two_equal_coders_who_differ_leave_a_tie_open():
    found = reconcile(["a", "b"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], ["x", "x", "y", "y", "x", "y", "y", "x"])
    assert [item.majority for item in found.items] == ["x", "y", None, None]
    assert found.n_ties == 2
    for item in found.items[2:]:
        assert (item.label is None) == bool(item.tied)
    assert any("two coders cannot tell" in remark for remark in found.remarks)
    assert any("2 of 4 items have no majority" in remark for remark in found.remarks)
    assert any("fewer than 10 codes" in remark for remark in found.remarks)


def test_missing_codes_are_counted_and_items_without_one_left_out():
    found = reconcile(["a", "b", "c", "a", "b"], [1, 1, 1, 2, 3], ["x", "x", "y", None, "y"])
    assert (found.missing, [item.item for item in found.items]) == (1, ["1", "3"])


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ((["a", "b"], [1, 1], ["x"]), "all three"),
        ((["a", "b"], [1, 1], ["x", "x"]), "1 different codes"),
        ((["a", "a"], [1, 2], ["x", "y"]), "1 coders"),
        ((["a", "a"], [1, 1], ["x", "y"]), "two codes"),
        ((["a", "b"] * 60, [i for i in range(60) for _ in "ab"], list(range(120))), "120 different codes"),
    ],
)
def test_a_table_that_cannot_be_reconciled_is_refused(table, told):
    with pytest.raises(AgreementError, match=told):
        reconcile(*table)


def test_the_accuracy_of_a_coder_is_that_of_the_categories_which_the_coder_met():
    rows = [(who, f"i{i}", "p" if i < 20 else "q") for who in ("a", "b", "c") for i in range(40)]
    rows += [("solo", f"i{i}", "p") for i in range(20)]
    found = reconcile(*zip(*rows, strict=True))
    assert {each.coder: round(each.accuracy, 3) for each in found.coders} == dict.fromkeys(("a", "b", "c", "solo"), 1.0)
