"""The linear probe: scikit-learn's numbers, honest folds, calibration, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge

from models.classifiers import probe
from models.classifiers.head import Block, Head, calibrated_probabilities, concatenate_blocks
from models.classifiers.probe import Options, calibration, cross_validate, fit, splits
from models.classifiers.problem import make_problem
from models.errors import TrainingError

BLOCK = Block(modality="image", model="m", fingerprint="f", dimension=64)


def digits(n=400):
    data = load_digits()
    return data.data[:n], data.target[:n]


def posed(x, y, task="categorical", **options):
    return make_problem(
        [x],
        list(y),
        task=task,
        blocks=[Block(modality="image", model="m", fingerprint="f", dimension=x.shape[1])],
        **options,
    )


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)


def test_it_is_scikit_learns_model():
    """Called directly on the same vectors, with the C that was chosen: equal within 1e-6."""
    x, y = digits()
    problem = posed(x, y)
    options = Options(calibrate=False)
    found = fit(problem, options)
    assert found.strength == options.strengths[int(np.argmin(found.losses))]
    direct = LogisticRegression(C=found.strength, max_iter=1000, tol=1e-12, solver="newton-cholesky").fit(unit(x), y)
    assert np.abs(found.coef - direct.coef_).max() < 1e-6 * np.abs(direct.coef_).max()
    assert (
        np.abs(calibrated_probabilities(found.decision(problem.x), 1, 0) - direct.predict_proba(unit(x))).max() < 1e-6
    )
    binary = fit(posed(x, y > 4, "binary"), Options(calibrate=False))
    twice = LogisticRegression(C=binary.strength, max_iter=1000, tol=1e-12, solver="newton-cholesky").fit(
        unit(x), y > 4
    )
    assert (
        np.abs(calibrated_probabilities(binary.decision(problem.x), 1, 0) - twice.predict_proba(unit(x))).max() < 1e-6
    )
    number = fit(posed(x, y.astype(float), "continuous"), Options())
    ridge = Ridge(alpha=1 / number.strength).fit(unit(x), y)
    assert np.abs(number.decision(problem.x)[:, 0] - ridge.predict(unit(x))).max() < 1e-6


def test_weights_are_honoured_as_scikit_learn_honours_them():
    x, y = digits()
    w = np.random.default_rng(0).uniform(0.2, 5, len(y))
    found = fit(posed(x, y, sample_weight=w), Options(strengths=(10.0,), calibrate=False))
    direct = LogisticRegression(C=10.0, max_iter=1000, tol=1e-12, solver="newton-cholesky").fit(
        unit(x), y, sample_weight=w / w.mean()
    )
    assert np.abs(found.coef - direct.coef_).max() < 1e-6
    inverse = fit(posed(x, y, inclusion_prob=1 / (w + 1)), Options(strengths=(10.0,), calibrate=False))
    again = fit(posed(x, y, sample_weight=w + 1), Options(strengths=(10.0,), calibrate=False))
    assert np.abs(inverse.coef - again.coef).max() < 1e-6


def test_a_group_lies_on_one_side_of_every_split():
    x, y = digits()
    groups = np.random.default_rng(0).integers(0, 30, len(y))
    for task, targets in (("categorical", y), ("continuous", y.astype(float))):
        problem = posed(x, targets, task, groups=groups)
        tested = []
        for train, test in splits(problem, np.arange(len(y)), 5, 0):
            assert not set(groups[train]) & set(groups[test])
            tested += test.tolist()
        assert sorted(tested) == list(range(len(y)))


def test_what_is_reported_was_not_seen():
    """Labels that mean nothing: out of fold nothing is learnt, though each model knows its own items by heart."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((120, 64)), rng.integers(0, 2, 120)
    problem = posed(x, y, "binary")
    out = cross_validate(problem, Options(strengths=(1000.0,)))
    chosen = (out.decision[:, 0] > 0).astype(int)
    assert abs((chosen == y).mean() - 0.5) < 0.15
    whole = fit(problem, Options(strengths=(1000.0,), calibrate=False))
    assert ((whole.decision(problem.x)[:, 0] > 0) == y).all()


def test_it_is_the_same_every_time_and_says_how_far_it_is():
    x, y = digits(200)
    said = []
    one = cross_validate(
        posed(x, y), Options(strengths=(1.0, 10.0), folds=4), lambda progress, stage: said.append((progress, stage))
    )
    two = cross_validate(posed(x, y), Options(strengths=(1.0, 10.0), folds=4))
    assert (one.decision == two.decision).all()
    assert [progress for progress, _ in said] == [0, 0.25, 0.5, 0.75]
    assert (one.decision.argmax(axis=1) == y).mean() > 0.8


def test_calibration_lowers_the_loss_of_overconfident_decisions():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-(z + 0.5)))).astype(int)
    slope, offset = calibration(4 * z[:, None], y, np.ones(4000))
    assert (slope, offset) == (pytest.approx(0.25, abs=0.03), pytest.approx(0.5, abs=0.1))
    logits = rng.standard_normal((4000, 3))
    several = np.array([rng.choice(3, p=p) for p in calibrated_probabilities(logits, 1, 0)])
    assert calibration(5 * logits, several, np.ones(4000))[0] == pytest.approx(0.2, abs=0.02)
    slope, _ = calibration(np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]), np.ones(4))
    assert np.isfinite(slope)  # separable


@given(seed=st.integers(0, 1000), k=st.integers(1, 5))
def test_probabilities_are_probabilities(seed, k):
    rng = np.random.default_rng(seed)
    found = calibrated_probabilities(rng.normal(0, 300, (7, k)), 2.0, -1.0)
    assert found.shape == (7, max(k, 2))
    assert np.allclose(found.sum(axis=1), 1)
    assert ((found >= 0) & (found <= 1)).all()


def test_bounded_values_and_their_intervals_stay_in_bounds():
    head = Head(task="continuous", blocks=(BLOCK,), labels=(), coef=np.full((1, 64), 9.0), intercept=np.zeros(1),
                bounds=(0.0, 1.0), spread=0.3)  # fmt: skip
    value, low, high = head.values(unit(np.random.default_rng(0).standard_normal((50, 64))))
    for found in (value, low, high):
        assert found.min() >= 0
        assert found.max() <= 1
    assert ((low <= value) & (value <= high)).all()


def test_blocks_are_normalised_each_and_a_missing_one_says_nothing():
    blocks = [Block(modality="image", model="a", fingerprint="f", dimension=3),
              Block(modality="text", model="b", fingerprint="g", dimension=2)]  # fmt: skip
    images = np.array([[3.0, 0, 4], [np.nan] * 3])
    texts = np.array([[0.0, 2], [1, 0]])
    assert concatenate_blocks([images, texts], blocks, 2).tolist() == [
        pytest.approx([0.6, 0, 0.8, 0, 1]),
        [0, 0, 0, 1, 0],
    ]
    assert concatenate_blocks([None, texts], blocks, 2)[:, :3].tolist() == [[0] * 3] * 2
    for wrong, said in (
        (images[:, :2], "expected"),
        (np.zeros((2, 3)), "all zeros"),
        (np.full((2, 3), np.inf), "finite"),
    ):
        with pytest.raises(TrainingError, match=said):
            concatenate_blocks([wrong, texts], blocks, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"targets": ["a"] * 40}, "one_class"),
        ({"targets": ["a"] * 38 + ["b"] * 2}, "too_few_examples"),
        ({"targets": [str(i) for i in range(40)]}, "too_few_examples"),
        ({"targets": ["a", "b"] * 20, "labels": ["a", "c"]}, "unknown_label"),
        ({"targets": ["a", "b", "c", "d"] * 10, "task": "binary"}, "not_binary"),
        ({"targets": [None] * 40}, "no_items"),
        ({"targets": [1.0] * 40, "task": "continuous"}, "one_value"),
        ({"targets": ["x"] * 40, "task": "continuous"}, "nan_targets"),
        ({"targets": [float("inf")] * 40, "task": "continuous"}, "nan_targets"),
        ({"targets": [0.5, 1.5] * 20, "task": "continuous", "bounds": (0, 1)}, "bad_bounds"),
        ({"targets": [0.5, 0.7] * 20, "task": "continuous", "bounds": (1, 0)}, "bad_bounds"),
        ({"targets": ["a", "b"] * 19}, "lengths_differ"),
        ({"groups": ["g"] * 40}, "too_few_groups"),
        ({"groups": ["g"] * 39}, "lengths_differ"),
        ({"sample_weight": [0.0] * 40}, "bad_weights"),
        ({"inclusion_prob": [1.5] * 40}, "bad_weights"),
        ({"inclusion_prob": [0.5] * 40, "sample_weight": [1.0] * 40}, "bad_weights"),
        ({"labels": [str(i) for i in range(100_000)] + ["a", "b"]}, "too_many_classes"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_words(change, code):
    x = np.random.default_rng(0).standard_normal((40, 64))
    given = {"targets": ["a", "b"] * 20, "task": "categorical", "blocks": [BLOCK], **change}
    with pytest.raises(TrainingError) as caught:
        make_problem([x], given.pop("targets"), **given)
    assert caught.value.code == code
    assert len(caught.value.message) < 400


def test_items_without_a_code_or_a_vector_are_dropped_with_the_reason():
    x = np.random.default_rng(0).standard_normal((40, 64))
    x[3] = np.nan
    targets = ["a", "b"] * 20
    targets[5], targets[6] = None, float("nan")
    problem = make_problem([x], targets, task="categorical", blocks=[BLOCK])
    assert len(problem) == 37
    assert {(item.name, item.code) for item in problem.dropped} == {
        ("3", "no_vector"),
        ("5", "no_target"),
        ("6", "no_target"),
    }
    assert "3" not in problem.ids


def test_a_class_with_few_examples_is_remarked_on():
    x = np.random.default_rng(0).standard_normal((47, 64))
    problem = make_problem([x], ["a"] * 40 + ["b"] * 7, task="binary", blocks=[BLOCK])
    (note,) = problem.notes
    assert (note.code, "'b' has 7 examples" in note.message) == ("few_examples", True)


def test_a_class_that_one_group_holds_is_never_predicted_without_it():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 64))
    y = np.array(["a"] * 25 + ["b"] * 25 + ["c"] * 10)
    groups = [f"g{i % 10}" for i in range(50)] + ["alone"] * 10
    out = cross_validate(posed(x, y, groups=groups), Options(strengths=(1.0,), folds=3, inner_folds=2))
    assert np.isfinite(out.decision).all()
    assert (out.decision[50:].argmax(axis=1) != 2).all()


def test_strengths_are_those_of_unit_vectors():
    assert (probe.STRENGTHS[0], probe.STRENGTHS[-1]) == (0.1, 10_000.0)


def test_the_largest_seed_is_one_like_the_others():
    x, y = digits(120)
    assert fit(posed(x, y), Options(seed=2**32 - 1)).strength > 0


@pytest.mark.parametrize(
    ("name", "weight"), [*(("sample_weight", w) for w in (5e-324, 1e300)), ("inclusion_prob", 5e-324)]
)
def test_weights_of_any_size_count_by_their_ratios(name, weight):
    x, y = digits(120)
    plain = fit(posed(x, y), Options(strengths=(1.0,), calibrate=False))
    found = fit(posed(x, y, **{name: np.full(len(y), weight)}), Options(strengths=(1.0,), calibrate=False))
    np.testing.assert_allclose(found.coef, plain.coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["sample_weight", "inclusion_prob"])
def test_weights_of_which_some_count_for_nothing_are_refused(name):
    x, y = digits(120)
    with pytest.raises(TrainingError, match="the largest may be"):
        posed(x, y, **{name: np.r_[5e-324, np.ones(len(y) - 1)]})
