"""Metrics against scikit-learn, with weights; intervals against simulation; baselines."""

from time import thread_time

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as reference

from models.classifiers import estimate
from models.classifiers.metrics import bootstrap_figures, class_metrics, confusion, majority, reliability, value_metrics
from models.errors import TrainingError
from models.stopping import checked_by

LABELS = ("a", "b", "c")


def problem(n=300, k=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    p = rng.dirichlet(np.ones(k), n) * 0.6 + 0.4 * np.eye(k)[y]
    return y, p / p.sum(axis=1, keepdims=True), p.argmax(axis=1), rng.uniform(0.2, 4, n)


def test_figures_are_scikit_learns():
    y, p, chosen, w = problem()
    found = class_metrics(y, p, chosen, LABELS)(w)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, chosen, sample_weight=w))
    assert found["f1_macro"] == pytest.approx(reference.f1_score(y, chosen, average="macro", sample_weight=w))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, chosen, sample_weight=w))
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, p, sample_weight=w))
    assert found["precision[b]"] == pytest.approx(
        reference.precision_score(y, chosen, labels=[1], average="macro", sample_weight=w)
    )
    areas = [reference.roc_auc_score(y == c, p[:, c], sample_weight=w) for c in range(3)]
    assert found["roc_auc"] == pytest.approx(np.mean(areas))
    two, q, guess, v = problem(k=2)
    binary = class_metrics(two, q, guess, ("no", "yes"))(v)
    assert binary["brier"] == pytest.approx(reference.brier_score_loss(two, q[:, 1], sample_weight=v))
    assert binary["pr_auc"] == pytest.approx(reference.average_precision_score(two, q[:, 1], sample_weight=v))
    assert (confusion(y, chosen, 3, w) == reference.confusion_matrix(y, chosen, sample_weight=w)).all()


def test_numbers_are_scikit_learns():
    rng = np.random.default_rng(0)
    y, w = rng.standard_normal(200), rng.uniform(0.2, 4, 200)
    guess = y + rng.standard_normal(200)
    found = value_metrics(y, guess)(w)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y, guess, sample_weight=w))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(y, guess, sample_weight=w))
    assert found["r2"] == pytest.approx(reference.r2_score(y, guess, sample_weight=w))
    assert value_metrics(y, guess)(np.ones(200))["spearman"] == pytest.approx(spearmanr(y, guess).statistic)
    times = rng.integers(1, 4, 200)  # an item of weight 3 counts as three items
    repeated = spearmanr(np.repeat(y, times), np.repeat(guess, times)).statistic
    assert value_metrics(y, guess)(times.astype(float))["spearman"] == pytest.approx(repeated)


def test_weights_undo_a_design():
    """F1 on a sample that was stratified by class is not the corpus's; with inverse inclusion probabilities it is."""
    rng = np.random.default_rng(0)
    y = (rng.random(200_000) < 0.05).astype(int)
    p = np.clip(0.3 * y + rng.random(200_000) * 0.6, 0, 1)
    chosen = (p > 0.45).astype(int)
    corpus = reference.f1_score(y, chosen)
    inclusion = np.where(y == 1, 0.2, 0.02)
    sample = np.flatnonzero(rng.random(200_000) < inclusion)
    measure = class_metrics(y[sample], np.stack([1 - p[sample], p[sample]], axis=1), chosen[sample], ("no", "yes"))
    assert measure(1 / inclusion[sample])["f1[yes]"] == pytest.approx(corpus, abs=0.03)
    assert measure(np.ones(len(sample)))["f1[yes]"] > corpus + 0.2


def test_intervals_cover_what_they_should():
    """About 95 % of the intervals hold the truth; where items come in groups, only those that draw whole groups do."""
    rng = np.random.default_rng(0)
    plain = grouped = ignored = 0
    authors = np.repeat(np.arange(20), 4)

    def accuracy(hits, groups):
        measure = lambda weights: {"accuracy": weights @ hits / weights.sum(axis=-1)}  # noqa: E731
        figure = bootstrap_figures(measure, np.ones(80), groups=groups, resamples=150)["accuracy"]
        return figure.low <= 0.7 <= figure.high

    for _ in range(200):
        plain += accuracy(rng.random(80) < 0.7, None)
        hits = np.repeat(rng.random(20) < 0.7, 4)  # each author's four items are all right or all wrong
        grouped += accuracy(hits, authors)
        ignored += accuracy(hits, None)
    assert plain > 176
    assert grouped > 168
    assert ignored < 160


def test_a_class_that_is_missing_from_a_resample_has_no_area_there():
    y = np.array([0] * 30 + [1])
    figure = bootstrap_figures(
        class_metrics(y, np.full((31, 2), 0.5), np.zeros(31, int), ("a", "b")), np.ones(31), groups=None
    )["roc_auc"]
    assert figure.value == 0.5
    assert np.isfinite(figure.low)


def test_the_baseline_is_the_most_frequent_class_by_weight():
    y = np.array([0, 0, 0, 1])
    chosen, shares = majority(y, np.array([1.0, 1, 1, 9]), 2)
    assert chosen.tolist() == [1] * 4
    assert shares[0].tolist() == [0.25, 0.75]


def test_the_reliability_curve_says_how_often_it_is_true():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    curve = reliability(rng.random(20_000) < p, p, np.ones(20_000))
    assert len(curve) == 10
    assert all(abs(point.predicted - point.observed) < 0.04 for point in curve)
    assert sum(point.n for point in curve) == 20_000
    (single,) = reliability(np.array([True]), np.array([1.0]), np.ones(1))
    assert (single.high, single.observed) == (1.0, 1.0)


def corpus_mean(predictions, *coded, **options):
    corpus = estimate.Moments(n=len(predictions), mean=predictions.mean(), variance=predictions.var(ddof=1))
    return estimate.corrected_mean(corpus, *coded, **options)


def coverage(prevalence: float, n: int, design: str, replications: int, seed: int = 0) -> tuple[float, float, float]:
    """Shares of intervals that hold the truth, and mean widths of ours over those of the codes alone."""
    rng = np.random.default_rng(seed)
    size, held, ours, theirs, naive = 10_000, 0, 0.0, 0.0, 0.0
    for _ in range(replications):
        y = (rng.random(size) < prevalence).astype(float)
        z = 3 * (y - 0.5) + rng.normal(size=size) + np.log(prevalence / (1 - prevalence))
        p = 1 / (1 + np.exp(-1.3 * z - 0.5))  # good, and badly calibrated
        if design == "simple":
            rows, inclusion = rng.choice(size, n, replace=False), None
        else:
            chance = np.minimum(1, n * (0.3 + p) / (0.3 + p).sum())
            rows = np.flatnonzero(rng.random(size) < chance)
            inclusion = chance[rows]
        found = corpus_mean(p, y[rows], p[rows], inclusion, proportion=True)
        held += found.low <= prevalence <= found.high
        ours += found.high - found.low
        theirs += found.classical[2] - found.classical[1]
        naive += found.naive
    return held / replications, ours / theirs, naive / replications


def test_the_corrected_estimate_holds_where_the_naive_one_is_wrong():
    held, width, naive = coverage(0.05, 500, "simple", 200)
    assert held > 0.9
    assert width < 0.9
    assert abs(naive - 0.05) > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("design", ["simple", "unequal"])
@pytest.mark.parametrize("n", [100, 500])
@pytest.mark.parametrize("prevalence", [0.05, 0.3])
def test_coverage_is_between_93_and_97_in_every_cell(prevalence, n, design):
    held, width, naive = coverage(prevalence, n, design, 2000)
    print(
        f"prevalence {prevalence}, n {n}, {design}: {held:.3f}, width {width:.2f} of the codes alone, naive {naive:.3f}"
    )
    assert 0.93 <= held <= 0.97


def test_a_mean_of_numbers_is_corrected_too():
    rng = np.random.default_rng(0)
    y = rng.normal(3, 1, 5000)
    p = 0.5 * y + rng.normal(0, 0.5, 5000)
    rows = rng.choice(5000, 400, replace=False)
    found = corpus_mean(p, y[rows], p[rows], proportion=False)
    assert found.low < 3 < found.high
    assert abs(found.naive - 3) > 1
    assert found.high - found.low < found.classical[2] - found.classical[1]


@pytest.mark.parametrize(
    "wrong",
    [
        (np.ones(5), np.ones(1), np.ones(1)),
        (np.ones(5), np.ones(3), np.ones(2)),
        (np.ones(2), np.ones(3), np.ones(3)),
        (np.array([np.nan, 1, 1]), np.ones(2), np.ones(2)),
        (np.ones(5), np.ones(3), np.ones(3), np.array([0.5, 0, 1])),
    ],
)
def test_an_estimate_of_nothing_is_refused(wrong):
    with pytest.raises(TrainingError):
        corpus_mean(*wrong, proportion=True)


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c")])
@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_at_once_are_the_resamples_one_by_one(labels, grouped):
    """Figures of a table of weights are those of its rows, whatever the number of rows in a step."""
    rng = np.random.default_rng(1)
    k, n = len(labels), 90
    y, p, w = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).round(1), rng.uniform(0.2, 3, n)
    groups = rng.integers(0, 30, n) if grouped else None
    absent = np.minimum(y, k - 2)  # nobody coded the last class
    for measure in (
        *(class_metrics(each, p, p.argmax(1), labels) for each in (y, absent)),
        value_metrics(y + p[:, 0], p[:, 1]),
    ):
        found = bootstrap_figures(measure, w, groups=groups, resamples=40, seed=5)
        draws = np.random.default_rng(5)
        unit = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
        m = unit.max() + 1
        rows = [measure(w * np.bincount(draws.integers(0, m, m), minlength=m)[unit]) for _ in range(40)]
        for name, figure in found.items():
            values = np.array([row[name] for row in rows])
            if np.isnan(values).all():
                assert np.isnan(figure.low)
                continue
            low, high = np.percentile(values[~np.isnan(values)], [2.5, 97.5])
            assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-12)


def test_a_long_bootstrap_can_be_stopped_between_short_steps():
    rng = np.random.default_rng(2)
    y, p = rng.integers(0, 2, 20_000), rng.dirichlet(np.ones(2), 20_000)
    steps = []
    with checked_by(lambda: steps.append(thread_time())):
        bootstrap_figures(class_metrics(y, p, p.argmax(1), ("no", "yes")), np.ones(20_000), groups=None, resamples=100)
    assert len(steps) > 10
    assert max(np.diff(steps)) < 1
