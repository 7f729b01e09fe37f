"""Two coders in one classifier: weighted rows, and the classifier against each coder, against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score

from models.classifiers.codes import UNDECIDED, aggregate_codes
from models.classifiers.estimate import Moments, corpus_estimates, remarks
from models.classifiers.head import Block
from models.classifiers.probe import Options
from models.classifiers.problem import make_problem
from models.classifiers.report import Report
from models.classifiers.train import train

N = 200
BLOCK = [Block(modality="image", model="m", fingerprint="f", dimension=6)]
QUICK = Options(strengths=(10.0,), folds=4, inner_folds=2, calibrate=False)
IDS = [f"i{i}" for i in range(N)]
WORDS = np.array(["no", "yes"])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, N)
    x = rng.standard_normal((N, 6))
    x[:, 0] += 2 * truth
    anna, ben = (np.where(rng.random(N) < 0.88, truth, 1 - truth) for _ in range(2))
    return x / np.linalg.norm(x, axis=1, keepdims=True), WORDS[anna], WORDS[ben]


def trained(data, rule, *, weights=None, groups=None):
    x, anna, ben = data
    codes = aggregate_codes(["anna"] * N + ["ben"] * N, IDS * 2, [*anna, *ben], rule=rule, resamples=5)
    targets = dict(zip(codes.items, codes.targets, strict=True))
    shares = None if codes.shares is None else dict(zip(codes.items, codes.shares, strict=True))
    differ = {item.name for item in codes.dropped if item.code == UNDECIDED}
    problem = make_problem(
        [x.astype(np.float32)],
        [targets.get(id) for id in IDS],
        task="binary",
        blocks=BLOCK,
        ids=IDS,
        folds=4,
        sample_weight=weights,
        groups=groups,
        shares=None if shares is None else [shares[id] for id in IDS],
        undecided=[i for i, id in enumerate(IDS) if id in differ],
    )
    return problem, *train(problem, QUICK, codes=codes, resamples=30)


def test_both_codes_are_rows_whose_weights_sum_to_that_of_their_item(data):
    x, anna, ben = data
    weights = np.linspace(1, 3, N)
    problem, head, report = trained(data, "both", weights=weights.tolist())
    rows = [(i, code) for i in range(N) for code in dict.fromkeys([anna[i], ben[i]])]
    share = np.array([1.0 if anna[i] == ben[i] else 0.5 for i, _ in rows])
    w = weights[[i for i, _ in rows]] * share
    assert np.allclose(problem.weights, w / w.mean())
    model = LogisticRegression(C=10.0, tol=1e-10, max_iter=1000)
    model.fit(x[[i for i, _ in rows]], [code for _, code in rows], sample_weight=w / w.mean())
    assert np.allclose(head.coef, model.coef_, atol=1e-3)
    own = report.out_of_fold
    assert own is not None
    assert report.cross_validated is not None
    assert report.cross_validated.figures["accuracy"].value == pytest.approx(
        accuracy_score(own.target, own.label, sample_weight=w)
    )
    assert report.n == N
    assert report.counts == {"no": int((anna == "no").sum() + ((ben == "no") & (anna != "no")).sum())} | {
        "yes": len(rows) - int((anna == "no").sum() + ((ben == "no") & (anna != "no")).sum())
    }
    assert report.dropped == ()
    folds: dict[str, set[int]] = {}
    for id, fold in zip(own.ids, own.fold or (), strict=True):
        folds.setdefault(id, set()).add(fold)
    assert all(len(each) == 1 for each in folds.values())


@pytest.mark.parametrize("rule", ["both", "majority"])
def test_the_classifier_is_compared_with_each_coder_on_all_items(data, rule):
    x, anna, ben = data
    _problem, head, report = trained(data, rule)
    own = report.out_of_fold
    assert own is not None
    predicted = dict(zip(own.ids, own.label or (), strict=True))
    for i, id in enumerate(IDS):
        if id not in predicted:  # coders differ: in no fold
            yes = np.mean([fold.probabilities(x[i : i + 1])[0, 1] for fold in head.folds])
            predicted[id] = "yes" if yes >= 0.5 else "no"
    labels = np.array([predicted[id] for id in IDS])
    found = report.to_json()["codes"]["comparison"]
    assert [each["items"] for each in found["coders"]] == [N, N]
    for each, codes in zip(found["coders"], (anna, ben), strict=True):
        assert each["figures"]["accuracy"]["value"] == pytest.approx(accuracy_score(codes, labels))
        assert each["figures"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(codes, labels))
    (pair,) = found["pairs"]
    assert pair["coders"]["accuracy"]["value"] == pytest.approx(accuracy_score(anna, ben))
    assert pair["coders"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(anna, ben))
    assert found["n_undecided"] == (int((anna != ben).sum()) if rule == "majority" else 0)


def test_an_item_without_a_target_is_not_predicted_by_heads_that_know_its_group(data):
    x, anna, _ben = data
    groups = [f"g{i // 2}" for i in range(N)]
    _problem, head, report = trained(data, "majority", groups=groups)
    own = report.out_of_fold
    assert own is not None
    fold_of = {groups[int(id[1:])]: fold for id, fold in zip(own.ids, own.fold or (), strict=True)}
    predicted = dict(zip(own.ids, own.label or (), strict=True))
    for i, id in enumerate(IDS):
        if id not in predicted:
            heads = [head.folds[fold_of[groups[i]]]] if groups[i] in fold_of else head.folds
            predicted[id] = "yes" if np.mean([h.probabilities(x[i : i + 1])[0, 1] for h in heads]) >= 0.5 else "no"
    found = report.to_json()["codes"]["comparison"]["coders"][0]["figures"]["accuracy"]["value"]
    assert found == pytest.approx(accuracy_score(anna, [predicted[id] for id in IDS]))


def test_the_corpus_is_estimated_from_items_and_not_from_rows(data):
    _x, anna, ben = data
    _, _head, report = trained(data, "both")
    own = report.out_of_fold
    assert own is not None
    first = {id: p[1] for id, p in zip(own.ids, own.probabilities or (), strict=True)}
    mean = np.array([(anna[i] == "yes") / 2 + (ben[i] == "yes") / 2 for i in range(N)])
    corpus = [Moments(n=5000, mean=value, variance=0.1) for value in (0.5, 0.5)]
    found = corpus_estimates(report, corpus)["yes"]
    predicted = np.array([first[id] for id in IDS])
    slope = np.cov(mean, predicted)[0, 1] / predicted.var(ddof=1)
    errors = mean - slope * predicted
    assert found.n_coded == N
    assert found.slope == pytest.approx(slope, rel=1e-4)
    assert found.value == pytest.approx(slope * 0.5 + errors.mean(), abs=1e-5)
    se = np.sqrt(errors.var(ddof=1) / N + slope**2 * 0.1 / 5000)
    assert found.high - found.low == pytest.approx(2 * 1.97 * se, rel=0.03)
    assert remarks(report) == []


def test_a_report_of_another_key_names_no_coder(data):
    _, _, report = trained(data, "majority")
    text = str(Report.from_json(report.to_json()).without_items().to_json())
    assert "anna" not in text
    assert "'coder 1'" in text
