"""Numbers of coded items for a width, by their definition and by simulation; learning curves against refits."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from models.classifiers.estimate import Moments, corrected_mean
from models.classifiers.head import Block
from models.classifiers.learning import first_part
from models.classifiers.precision import interval_width, items_for_width, spread_of, worst_spread
from models.classifiers.probe import Options, splits
from models.classifiers.problem import make_problem
from models.classifiers.train import train
from models.errors import ClusteringError


def test_the_number_is_the_smallest_that_reaches_the_width():
    for share in (0.5, 0.1, 0.01):
        for width in (0.3, 0.1, 0.03, 0.01):
            n = items_for_width(worst_spread(share), width, proportion=True)
            assert interval_width(worst_spread(share), n, proportion=True) <= width
            assert n == 2 or interval_width(worst_spread(share), n - 1, proportion=True) > width
    # the textbook's 1.96² p (1 - p) / (width / 2)², up to Student's quantile and Wilson's centre
    assert items_for_width(worst_spread(), 0.03, proportion=True) == pytest.approx(1.96**2 * 0.25 / 0.015**2, rel=0.002)


@pytest.mark.parametrize("width", [0.0, -1.0, 1.0, 3.0, float("nan"), 1e-9])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(ClusteringError, match="for_width"):
        items_for_width(worst_spread(), width, proportion=True)


def study(rng, n, p=0.3, weights=None):
    """Codes of a class, and imperfect probabilities of it."""
    coded = (rng.random(n) < p).astype(float)
    return coded, np.clip(0.25 + 0.5 * coded + rng.normal(0, 0.15, n), 0, 1)


@pytest.mark.parametrize("unequal", [False, True])
def test_a_study_of_the_planned_size_reaches_the_width(unequal):
    """With the spread of a pilot of 200, the corrected interval of a new sample has the width that was asked for."""
    rng = np.random.default_rng(0)
    width = 0.06
    pilot = spread_of(*study(rng, 200), np.ones(200))
    n = items_for_width(pilot, width, proportion=True)
    if unequal:  # weights 1 and 3, as of strata: Kish's design effect is 1.25
        n = round(n * 1.25)
    alone = items_for_width(worst_spread(0.3), width, proportion=True)
    assert n < 0.6 * alone
    widths = []
    for _ in range(200):
        coded, predicted = study(rng, n)
        inclusion = np.where(rng.random(n) < 0.5, 1.0, 1 / 3) if unequal else None
        corpus = Moments(n=10**9, mean=0.4, variance=0.08)
        found = corrected_mean(corpus, coded, predicted, inclusion, proportion=True)
        widths.append(found.high - found.low)
    assert np.mean(widths) == pytest.approx(width, rel=0.15)


BLOCK = [Block(modality="image", model="m", fingerprint="f", dimension=6)]


def problem(n=160, **more):
    rng = np.random.default_rng(1)
    y = np.arange(n) % 3
    x = rng.standard_normal((n, 6)) + 1.2 * rng.standard_normal((3, 6))[y]
    return make_problem([x], [f"c{i}" for i in y], task="categorical", blocks=BLOCK, folds=4, **more)


@pytest.fixture(scope="module")
def trained():
    options = Options(strengths=(1.0,), folds=4, inner_folds=2)
    return options, train(problem(), options, resamples=10)[1]


def test_a_point_is_scikit_learns_accuracy_on_the_same_part(trained):
    report = trained[1]
    whole = problem()
    chosen = np.empty(len(whole), int)
    for number, (rows, test) in enumerate(splits(whole, np.arange(len(whole)), 4, 0)):
        part = first_part(whole, rows, 0.5, np.random.default_rng([0, number]))
        assert len(part) == round(0.5 * len(rows))
        assert np.bincount(whole.y[part]).min() >= 0.4 * len(part) / 3  # the classes' shares are kept
        chosen[test] = LogisticRegression(C=1.0, max_iter=5000).fit(whole.x[part], whole.y[part]).predict(whole.x[test])
    (point,) = (point for point in report.learning.points if point.n == 80)
    assert point.score.value == pytest.approx(accuracy_score(whole.y, chosen), abs=1.5 / len(whole))


def test_the_last_point_is_the_report(trained):
    report = trained[1]
    last = report.learning.points[-1]
    assert last.n == report.n
    assert last.score.value == pytest.approx(report.cross_validated.figures["accuracy"].value)
    own = report.out_of_fold
    coded = np.asarray(own.target) == "c1"
    predicted = np.asarray(own.probabilities)[:, 1]
    found = corrected_mean(Moments(n=10**9, mean=predicted.mean(), variance=0), coded * 1.0, predicted, proportion=True)
    assert last.width["c1"] == pytest.approx(found.high - found.low, rel=0.02)
    widths = [point.width["c1"] for point in report.learning.points]
    assert widths[0] > widths[-1]


def test_groups_stay_whole_and_numbers_have_r2():
    whole = problem(groups=[i // 4 for i in range(160)])
    part = first_part(whole, np.arange(160), 0.3, np.random.default_rng(0))
    assert set(np.bincount(whole.groups[part]).tolist()) <= {0, 4}
    assert len(part) == 48
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 6))
    numbers = make_problem([x], list(x[:, 0]), task="continuous", blocks=BLOCK)
    learning = train(numbers, Options(strengths=(10.0,)), resamples=10)[1].learning
    assert learning.score == "r2"
    assert list(learning.spreads) == [""]
    assert learning.points[0].width[""] > learning.points[-1].width[""]
