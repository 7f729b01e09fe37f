"""Calibrated zero-shot against scipy and scikit-learn on the equivalent problems, and as a classifier."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from models.classifiers.head import Block
from models.classifiers.onnx_head import head_graph
from models.classifiers.probe import Options
from models.classifiers.problem import make_problem
from models.classifiers.records import Prompts
from models.classifiers.report import Report
from models.classifiers.train import train
from models.classifiers.zero_shot import SMALLEST, calibrate_logits, in_order
from models.errors import TrainingError

D = 12
BLOCK = [Block(modality="image", model="m", fingerprint="f", dimension=D)]


def scipys(z, y, w):
    """The penalised log loss, minimised by scipy without our gradient."""

    def loss(parameters):
        log_p = log_softmax(parameters[0] * z + parameters[1:], axis=1)
        return -w @ log_p[np.arange(len(y)), y] + (parameters[0] - 1) ** 2 / 2 + (parameters[1:] ** 2).sum() / 50

    start = np.concatenate([[1.0], np.zeros(z.shape[1])])
    bounds = [(SMALLEST, None)] + [(None, None)] * z.shape[1]
    return minimize(loss, start, method="SLSQP", bounds=bounds, options={"ftol": 1e-14, "maxiter": 500}).x


@pytest.mark.parametrize("k", [2, 3, 6])
def test_temperature_and_biases_are_scipys(k):
    rng = np.random.default_rng(k)
    y = rng.integers(0, k, 80)
    z = 3 * rng.normal(size=(80, k)) + 4 * np.eye(k)[y] + np.linspace(0, 6, k)
    w = rng.uniform(0.2, 2, 80)
    slope, biases, reached = calibrate_logits(z, y, w)
    expected = scipys(z, y, w)
    assert reached
    assert slope == pytest.approx(expected[0], abs=2e-4)
    assert biases == pytest.approx(expected[1:], abs=2e-3)
    assert biases.sum() == pytest.approx(0, abs=1e-8)  # only differences count


def test_with_many_codes_it_is_the_logistic_regression_on_the_difference():
    """Two classes: without a penalty that matters, scikit-learn's unpenalised model of one feature."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 20_000)
    z = rng.normal(size=(20_000, 2)) * 4 + np.array([1.0, 0.0]) + 2 * np.eye(2)[y]
    slope, biases, _ = calibrate_logits(z, y, np.ones(len(y)))
    difference = (z[:, 1] - z[:, 0])[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(difference, y)
    assert slope == pytest.approx(oracle.coef_[0, 0], abs=1e-3)
    assert biases[1] - biases[0] == pytest.approx(oracle.intercept_[0], abs=2e-3)


def test_scores_that_go_against_the_codes_get_the_smallest_slope_and_separable_ones_stay_finite():
    y = np.arange(60) % 3
    against = -5 * np.eye(3)[y]
    slope, biases, reached = calibrate_logits(against, y, np.ones(60))
    assert (slope, reached) == (SMALLEST, True)
    assert np.abs(biases).max() < 0.02
    expected = scipys(against, y, np.ones(60))
    assert biases == pytest.approx(expected[1:], abs=1e-3)
    slope, biases, reached = calibrate_logits(20 * np.eye(3)[y], y, np.ones(60))
    assert reached
    assert 0.5 < slope < 2
    assert np.isfinite(biases).all()


def example(n=150, seed=0, scale=60.0, labels=("a", "b", "c"), **settings):
    """Items whose zero-shot scores are overconfident and favour the first class."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(3, D))
    y = rng.choice(3, n, p=(0.2, 0.3, 0.5))
    x = means[y] + 1.3 * rng.normal(size=(n, D))
    directions = means + 0.4 * rng.normal(size=means.shape)
    directions[0] += 0.25 * means.sum(axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    prompts = Prompts(
        labels=labels, texts=labels, templates=("{}",), directions=scale * directions, logit_scale=scale, model="m"
    )
    problem = make_problem([x], [labels[c] for c in y], task="categorical", blocks=BLOCK, **settings)
    return dataclasses.replace(problem, prompts=in_order(prompts, problem.labels)), prompts


@pytest.fixture(scope="module")
def trained():
    problem, prompts = example()
    return problem, prompts, *train(problem, Options(folds=5), resamples=50)


def test_the_head_is_the_cosines_divided_by_the_temperature_plus_biases(trained):
    problem, prompts, head, report = trained
    own = report.zero_shot
    z = problem.x.astype(float) @ prompts.directions.T / own.temperature + np.array([own.biases[c] for c in "abc"])
    expected = np.exp(log_softmax(z, axis=1))
    assert head.probabilities(problem.x) == pytest.approx(expected, abs=1e-9)
    assert head_graph(head)  # the ONNX graph is that of any linear head
    assert (report.strength, report.fold_strengths) == (None, None)
    assert len(own.fold_temperatures) == 5


def test_a_few_codes_make_sure_scores_honest(trained):
    """The raw scores are measured on the same items; the calibrated ones out of fold."""
    problem, _, _, report = trained
    raw, own = report.zero_shot.uncalibrated, report.zero_shot.calibrated
    assert raw.confidence - raw.accuracy > 0.1
    assert abs(own.confidence - own.accuracy) < 0.05
    assert own.error < raw.error / 2
    figures, plain = report.cross_validated.figures, report.uncalibrated.figures
    assert plain["accuracy"].value == pytest.approx(raw.accuracy)
    assert figures["log_loss"].value < plain["log_loss"].value
    assert figures["brier"].value < plain["brier"].value
    assert report.uncalibrated.n == report.cross_validated.n == len(problem)


def test_out_of_fold_predictions_do_not_see_their_own_codes():
    """Codes that are drawn at random: calibration on the items themselves would find the largest share at least."""
    rng = np.random.default_rng(5)
    problem, _ = example(n=60)
    y = rng.permutation(np.arange(60) % 3)
    _, report = train(dataclasses.replace(problem, y=y), Options(folds=5), resamples=20)
    assert report.cross_validated.figures["accuracy"].value < 0.5
    assert report.cross_validated.figures["log_loss"].value > np.log(3) * 0.98


def test_the_report_is_json_and_has_the_sets(trained):
    *_, report = trained
    back = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert Report.from_json(back).to_json() == report.to_json()
    public = report.without_items()
    assert public.zero_shot == report.zero_shot
    assert public.sets == report.sets
    levels = {(each.coverage, each.each_class) for each in report.sets}
    assert levels == {(c, each) for c in (0.8, 0.9, 0.95) for each in (False, True)}
    for each in report.sets:
        assert each.items == "out_of_fold"
        assert each.covered.high > each.coverage
        assert 0 <= each.empty + each.single <= 1
        assert set(each.classes) == {"a", "b", "c"}


def test_groups_weights_and_test_items_are_respected():
    labels = ("a", "b", "c")
    groups = [i // 5 for i in range(150)]
    weights = (1 + np.arange(150) % 3).tolist()
    problem, _ = example(groups=groups, sample_weight=weights)
    held_out, _ = example(n=40, seed=0, labels=labels, folds=None)
    held_out = dataclasses.replace(held_out, prompts=None)
    _, report = train(problem, Options(folds=3), held_out=held_out, resamples=20)
    fold = np.array(report.out_of_fold.fold)
    assert all(len(set(fold[np.array(groups) == g])) == 1 for g in range(30))
    assert {each.items for each in report.sets} == {"out_of_fold", "held_out"}
    raw = report.zero_shot.uncalibrated
    right = np.array(report.out_of_fold.target) == np.array(
        [labels[c] for c in (problem.x.astype(float) @ problem.prompts.directions.T).argmax(axis=1)]
    )
    assert raw.accuracy == pytest.approx(np.average(right, weights=weights))


def test_scores_without_a_relation_to_the_codes_are_remarked_on():
    problem, _ = example()
    against = dataclasses.replace(problem.prompts, directions=-problem.prompts.directions)
    _, report = train(dataclasses.replace(problem, prompts=against), Options(folds=3), resamples=20)
    assert any(note.code == "unrelated_scores" for note in report.notes)


def test_a_class_without_a_prompt_is_named():
    _, prompts = example()
    assert in_order(prompts, ("c", "a")).texts == ("c", "a")
    with pytest.raises(TrainingError, match=r"zero_shot: class .d. of the codes has no prompt"):
        in_order(prompts, ("a", "d"))
