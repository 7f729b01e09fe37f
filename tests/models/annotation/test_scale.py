"""The model of Bradley & Terry against scikit-learn, a published example, and simulated comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from models.annotation.scale import draw_comparisons, fit_scale
from models.errors import AgreementError
from tests.models.annotation.scale_simulations import coverage

# Agresti, Categorical Data Analysis (2002), table 10.10: American League 1987, wins of the row over the column
TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
WINS = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)


def games():
    rows = [(TEAMS[i], TEAMS[j], TEAMS[i]) for i in range(7) for j in range(7) for _ in range(WINS[i, j])]
    return [list(column) for column in zip(*rows, strict=True)]


def test_baseball_scores_are_agrestis():
    """Relative to Baltimore: 1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0; of Milwaukee the standard error is 0.34."""
    found = {each.item: each for each in fit_scale(*games()).items}
    relative = [found[team].score - found["Baltimore"].score for team in TEAMS]
    assert relative == pytest.approx([1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0], abs=0.006)
    assert sum(each.score for each in found.values()) == pytest.approx(0, abs=1e-9)
    assert found["Milwaukee"].wins == WINS[0].sum()
    assert found["Milwaukee"].comparisons == WINS[0].sum() + WINS[:, 0].sum()


def design(a, b, names):
    x = np.zeros((len(a), len(names)))
    for row, (first, second) in enumerate(zip(a, b, strict=True)):
        x[row, names.index(first)], x[row, names.index(second)] = 1, -1
    return x


def test_scores_and_errors_are_those_of_a_logistic_regression_on_differences():
    """A tie is one row won and one lost, of weight one half each; standard errors from the design's information."""
    rng = np.random.default_rng(0)
    names = [f"p{i}" for i in range(12)]
    true = rng.normal(size=12)
    i = rng.integers(0, 12, 400)
    j = (i + rng.integers(1, 12, 400)) % 12
    p = 1 / (1 + np.exp(true[j] - true[i]))
    result = np.where(rng.random(400) < 0.15, 0.5, rng.random(400) < p)
    words = np.where(result == 0.5, "tie", np.where(result == 1, "a", "b")).tolist()
    a, b = [names[k] for k in i], [names[k] for k in j]
    found = fit_scale(a, b, words)
    x = design(a, b, names)
    both, weights = np.vstack([x, x]), np.concatenate([result, 1 - result])
    target = np.repeat([1, 0], 400)
    kept = weights > 0
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=2000)
    theirs.fit(both[kept], target[kept], weights[kept])
    scores = theirs.coef_[0] - theirs.coef_[0].mean()
    ours = {each.item: each for each in found.items}
    assert [ours[name].score for name in names] == pytest.approx(scores, abs=1e-4)
    chance = 1 / (1 + np.exp(-x @ scores))
    covariance = np.linalg.pinv((x * (chance * (1 - chance))[:, None]).T @ x)
    assert [ours[name].se for name in names] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)
    low = ours["p0"].score - 1.959964 * ours["p0"].se
    assert ours["p0"].low == pytest.approx(low)
    assert found.ties == words.count("tie")
    assert [each.score for each in found.items] == sorted((each.score for each in found.items), reverse=True)
    penalised = LogisticRegression(C=1 / 2.0, fit_intercept=False, tol=1e-10, max_iter=2000)
    penalised.fit(both[kept], target[kept], weights[kept])
    ridged = {each.item: each.score for each in fit_scale(a, b, words, ridge=2).items}
    assert [ridged[name] for name in names] == pytest.approx(penalised.coef_[0], abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4), st.sampled_from("ab=")), min_size=1, max_size=25))
def test_a_scale_is_the_maximum_or_its_refusal_names_items(rows):
    """At a maximum each item has won as often as the model expects (the score equations)."""
    a = [f"p{i}" for i, _, _ in rows]
    b = [f"p{(i + step) % 5}" for i, step, _ in rows]
    try:
        found = fit_scale(a, b, [word for _, _, word in rows])
    except AgreementError as exc:
        assert any(name in str(exc) for name in {*a, *b})  # noqa: PT017
        if "no comparisons connect" not in str(exc):
            fit_scale(a, b, [word for _, _, word in rows], ridge=0.1)
        return
    score = {each.item: each.score for each in found.items}
    for each in found.items:
        expected = sum(
            1 / (1 + np.exp(score[other] - score[each.item]))
            for first, second in zip(a, b, strict=True)
            for own, other in ((first, second), (second, first))
            if own == each.item
        )
        assert expected == pytest.approx(each.wins, abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("x", "y", "a"), ("y", "x", "a"), ("u", "v", "a"), ("v", "u", "a")], "connect 2 sets of items, of 2 .x, y"),
        ([("x", "y", "a"), ("x", "z", "a"), ("y", "z", "a"), ("z", "y", "a")], "x has won all comparisons with"),
        ([("x", "y", "b"), ("x", "z", "b"), ("y", "z", "a"), ("z", "y", "a")], "x has lost all comparisons"),
        (
            [("x", "y", "a"), ("y", "x", "a"), ("x", "u", "a"), ("u", "v", "a"), ("v", "u", "a")],
            "(x, y have won|u, v have lost) all",
        ),
        ([("x", "x", "a")], "compares 'x' with itself"),
        ([("x", "y", "z")], "got 'z' in row 0, which compares 'x' and 'y'"),
        ([("x", "y", None)], "got 0 items"),
    ],
)
def test_comparisons_without_a_scale_are_refused(rows, told):
    with pytest.raises(AgreementError, match=told):
        fit_scale(*zip(*rows, strict=True))


def test_a_ridge_gives_a_scale_to_items_that_always_win():
    found = fit_scale(["x", "x", "y"], ["y", "z", "z"], ["a", "x", "tie"], ridge=0.1)
    assert found.items[0].item == "x"
    assert np.isfinite(found.items[0].se)
    assert any("ridge of 0.1" in remark for remark in found.remarks)


def test_winners_are_read_as_people_write_them():
    words = ["a", "A", "left", "x", "First", "b", "right", "y", "second", "=", "Tie", "equal", None, "", float("nan")]
    found = fit_scale(["x"] * 15, ["y"] * 15, words)
    assert (found.comparisons, found.ties, found.missing) == (12, 3, 3)
    assert {each.item: each.wins for each in found.items} == {"x": 6.5, "y": 5.5}
    assert "3 of 15 comparisons have no winner and are left out" in found.remarks
    assert any("3 of 12 comparisons are ties" in remark for remark in found.remarks)
    turned = fit_scale(["b", "b"], ["a", "a"], ["b", "a"])  # an id that is a word is an id
    assert {each.item: each.wins for each in turned.items} == {"a": 1, "b": 1}
    with pytest.raises(AgreementError, match="'b' in row 1 is a word for one of its items, and 'a' is an id"):
        fit_scale(["x", "a", "x"], ["a", "x", "a"], ["a", "b", "b"])
    with pytest.raises(AgreementError, match="ridge: got 1e-09"):
        fit_scale(["x", "y"], ["y", "x"], ["x", "y"], ridge=1e-9)


def test_too_many_pairs_are_refused():
    with pytest.raises(AgreementError, match=r"1,999,000 pairs, at most 100,000"):
        draw_comparisons(2000, 1999)


@pytest.mark.parametrize(("n", "per_item"), [(3, 2), (4, 3), (30, 2), (30, 9), (200, 10)])
def test_drawn_pairs_connect_all_items_evenly(n, per_item):
    drawn = draw_comparisons(n, per_item, seed=1)
    pairs = {frozenset(pair) for pair in zip(drawn.a, drawn.b, strict=True)}
    assert len(pairs) == len(drawn.a) == -(-n * per_item // 2)
    assert all(len(pair) == 2 for pair in pairs)
    degree = np.bincount([*drawn.a, *drawn.b], minlength=n)
    assert degree.min() >= min(2, per_item)
    assert degree.max() <= per_item + 4
    rng = np.random.default_rng(0)
    winners = ["tie" if rng.random() < 0.5 else "a" for _ in drawn.a]
    fit_scale([str(i) for i in drawn.a], [str(i) for i in drawn.b], winners, ridge=0.1)  # connected
    assert draw_comparisons(n, per_item, seed=1) == drawn
    if n > 4:
        assert draw_comparisons(n, per_item, seed=2) != drawn


@pytest.mark.parametrize(("n", "per_item"), [(2, 2), (5, 5), (5, 1), (3000, 10)])
def test_pairs_that_cannot_be_drawn_are_refused(n, per_item):
    with pytest.raises(AgreementError):
        draw_comparisons(n, per_item)


def test_intervals_cover_the_true_scores():
    """60 studies; `python -m bench.agreement scale` prints the table of the documentation."""
    held = coverage(20, 19, studies=60, seed=1)
    assert held["intervals"] >= 0.92
