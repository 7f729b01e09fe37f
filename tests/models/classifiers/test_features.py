"""Numbers beside the vectors, against scikit-learn's scaler and regressions, and a head's graph with them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from models.classifiers.head import Block
from models.classifiers.onnx_head import head_graph
from models.classifiers.probe import Options, cross_validate, fit
from models.classifiers.problem import Problem, make_problem
from models.classifiers.store import Store
from models.classifiers.train import train
from models.errors import TrainingError

D = 6
BLOCKS = (Block(modality="image", model="embedded", fingerprint="f", dimension=D),)


def material(n=80, seed=0, m=2):
    """Unit vectors, features of which the first decides the code, and weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, D)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    features = rng.normal(size=(n, m)) * 10.0 ** np.arange(m) + 1000
    score = features[:, 0] - 1000 + 2 * x[:, 0] + 0.5 * rng.normal(size=n)
    return x, features, score, rng.uniform(0.5, 2, n)


def problem(x, features, targets, weights, task="binary", **other) -> Problem:
    columns = {f"f{j}": features[:, j].tolist() for j in range(features.shape[1])}
    return make_problem(
        [x], list(targets), task=task, blocks=BLOCKS, sample_weight=weights.tolist(), features=columns, **other
    )


def columns(x, features, rows, weights):
    """Vectors beside features that are scaled as scikit-learn does it among `rows`."""
    scaler = StandardScaler().fit(features[rows], sample_weight=weights[rows])
    return np.hstack([x, scaler.transform(features) / np.sqrt(features.shape[1])])


@pytest.mark.parametrize("task", ["binary", "categorical", "continuous"])
def test_a_fold_is_scikit_learns_on_features_scaled_within_it(task):
    x, features, score, weights = material()
    targets = {"binary": score > 0, "categorical": np.digitize(score, [-0.5, 0.5]), "continuous": score}[task]
    made = problem(x, features, targets.tolist() if task != "binary" else np.where(targets, "yes", "no"), weights, task)
    options = Options(strengths=(2.0,), calibrate=False, folds=4)
    out = cross_validate(made, options)
    for number in range(4):
        train_rows, test = np.flatnonzero(out.fold != number), np.flatnonzero(out.fold == number)
        both = columns(x.astype(np.float64), features, train_rows, made.weights)
        if task == "continuous":
            oracle = Ridge(alpha=0.5).fit(both[train_rows], made.y[train_rows], made.weights[train_rows])
            expected = oracle.predict(both[test])[:, None]
        else:
            oracle = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000)
            oracle.fit(both[train_rows], made.y[train_rows], made.weights[train_rows])
            expected = oracle.decision_function(both[test]).reshape(len(test), -1)
        assert np.abs(out.decision[test] - expected).max() < 2e-5


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-1e5, 1e5), factor=st.floats(1e-6, 1e6))
def test_units_of_features_change_nothing(shift, factor):
    x, features, score, weights = material(seed=1)
    codes = np.where(score > 0, "yes", "no")
    options = Options(strengths=(2.0,), calibrate=False)
    first, second = problem(x, features, codes, weights), problem(x, (features + shift) * factor, codes, weights)
    difference = fit(first, options).decision(first.x) - fit(second, options).decision(second.x)
    assert np.abs(difference).max() < 1e-4


def test_what_features_tell_is_learnt_and_kept(tmp_path):
    x, features, score, weights = material(n=120, seed=2)
    codes = np.where(score > 0, "yes", "no")
    made = problem(x, features, codes, weights)
    head, report = train(made, Options(strengths=(10.0,)), resamples=50)
    alone = make_problem([x], list(codes), task="binary", blocks=BLOCKS)
    _, without = train(alone, Options(strengths=(10.0,)), resamples=50)
    both, vectors = (each.cross_validated.figures["accuracy"] for each in (report, without))
    assert both.low > vectors.value
    assert [each["name"] for each in report.features] == ["f0", "f1"]
    assert report.features[0]["centre"] == pytest.approx(features[:, 0].mean())
    assert "f0, f1" in next(note.message for note in report.notes if note.code == "features")
    stored = Store(tmp_path).save("posts", head, report.to_json(), created="2026-01-01T00:00:00+00:00")
    assert stored.head.features == head.features
    expected = head.probabilities(made.x)
    again = stored.head.probabilities(stored.head.inputs([x], features, len(x)))
    assert np.array_equal(again, expected)

    import onnxruntime

    session = onnxruntime.InferenceSession(head_graph(head), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"vectors": x, "features": features})
    assert np.abs(found - expected).max() < 1e-5


def test_an_item_without_a_number_is_left_out():
    x, features, score, weights = material()
    features[3, 1] = np.nan
    made = problem(x, features, np.where(score > 0, "yes", "no"), weights)
    assert [(item.name, item.code) for item in made.dropped] == [("3", "no_feature")]
    assert "'f1'" in made.dropped[0].reason
    assert len(made) == 79


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c | {"f0": [1.0] * 80}, "every coded item"),
        (lambda c: c | {"f0": c["f0"][:-1]}, "79 values for 80 items"),
        (lambda c: c | {"f0": ["red", *c["f0"][1:]]}, "'red'"),
        (lambda c: c | {"f0": [float("inf"), *c["f0"][1:]]}, "'inf'"),
        (lambda c: c | {f"x{i}": c["f0"] for i in range(200)}, "at most 200"),
        (lambda c: c | {"": c["f0"]}, "0 characters"),
    ],
)
def test_other_columns_are_refused(change, says):
    x, features, score, _ = material()
    given_columns = change({f"f{j}": features[:, j].tolist() for j in range(2)})
    with pytest.raises(TrainingError, match=says):
        make_problem(
            [x], np.where(score > 0, "yes", "no").tolist(), task="binary", blocks=BLOCKS, features=given_columns
        )
