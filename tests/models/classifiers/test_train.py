"""Training: a head and a report that hold together, notes that a careful reader would ask for."""

import dataclasses
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict

from models.classifiers.head import Block
from models.classifiers.probe import Options
from models.classifiers.problem import make_problem
from models.classifiers.records import Note
from models.classifiers.remarks import count_near_duplicates
from models.classifiers.report import PARTLY_PRIVATE, PRIVATE, Report
from models.classifiers.train import train
from models.classifiers.worst import worst
from models.errors import TrainingError

QUICK = Options(strengths=(1.0, 100.0), folds=4, inner_folds=2)


def block(d):
    return [Block(modality="image", model="m", fingerprint="f", dimension=d)]


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data[:300], data.target[:300]


@pytest.fixture(scope="module")
def trained(digits):
    x, y = digits
    targets = [str(d) if d < 3 else "other" for d in y]
    targets[7] = None
    problem = make_problem([x], targets, task="categorical", blocks=block(64), ids=[f"i{i}" for i in range(300)])
    return problem, *train(problem, QUICK, resamples=50)


def test_the_report_says_everything_and_is_json(trained):
    _, head, report = trained
    back = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert Report.from_json(back).to_json() == report.to_json()
    assert (back["n"], back["labels"], sum(back["counts"].values())) == (299, ["0", "1", "2", "other"], 299)
    assert back["dropped"] == [{"name": "i7", "code": "no_target", "reason": "has no code"}]
    figures, baseline = back["cross_validated"]["figures"], back["cross_validated"]["baseline"]
    for name in ("accuracy", "f1_macro", "precision[0]", "recall[other]", "roc_auc", "pr_auc", "brier", "log_loss"):
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"]
        assert name in baseline
    assert figures["accuracy"]["value"] > baseline["accuracy"]["value"] > 0.6
    assert np.array(back["cross_validated"]["confusion"]).sum() == 299
    assert len(back["out_of_fold"]["ids"]) == len(back["out_of_fold"]["fold"]) == 299
    assert set(back["cross_validated"]["reliability"]) == set(head.labels)
    assert back["fold_strengths"] == list(report.fold_strengths)


def test_out_of_fold_figures_are_about_those_of_scikit_learn(digits, trained):
    """Other folds and another calibration, so only about."""
    from sklearn.linear_model import LogisticRegression

    problem, _, report = trained
    direct = cross_val_predict(LogisticRegression(C=100, max_iter=1000), problem.x, problem.y, cv=4)
    ours = report.cross_validated.figures["accuracy"].value
    assert abs(ours - (direct == problem.y).mean()) < 0.03


def test_progress_is_heard_and_may_cancel(digits):
    x, y = digits
    problem = make_problem([x], list(y > 4), task="binary", blocks=block(64))
    heard = []
    train(problem, QUICK, resamples=20, progress=lambda progress, stage: heard.append(progress))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0

    class Cancelled(Exception):
        pass

    def cancel(progress, stage):
        raise Cancelled

    with pytest.raises(Cancelled):
        train(problem, QUICK, progress=cancel)


def test_numbers_have_a_prediction_interval_that_covers(digits):
    x, y = digits
    rng = np.random.default_rng(0)
    target = np.clip(y / 9 + rng.normal(0, 0.1, 300), 0, 1)
    problem = make_problem([x[:200]], list(target[:200]), task="continuous", blocks=block(64), bounds=(0, 1))
    other = make_problem([x[200:]], list(target[200:]), task="continuous", blocks=block(64), bounds=(0, 1))
    head, report = train(problem, QUICK, held_out=other, resamples=50)
    value, low, high = head.values(other.x)
    assert 0.88 <= ((low <= other.y) & (other.y <= high)).mean() <= 1
    assert value.min() >= 0
    assert value.max() <= 1
    figures = report.held_out.figures
    assert figures["mae"].value == pytest.approx(np.abs(value - other.y).mean())
    assert figures["r2"].value > report.held_out.baseline["r2"].value


def test_held_out_items_are_measured_with_the_head_itself(digits):
    x, y = digits
    targets = list(np.where(y > 4, "high", "low"))
    problem = make_problem([x[:200]], targets[:200], task="binary", blocks=block(64), labels=["low", "high"])
    other = make_problem([x[200:]], targets[200:], task="binary", blocks=block(64), labels=["low", "high"])
    head, report = train(problem, QUICK, held_out=other, resamples=20)
    chosen = head.choose(head.probabilities(other.x))
    right = np.mean([a == b for a, b in zip(chosen, targets[200:], strict=True)])
    assert report.held_out.figures["accuracy"].value == pytest.approx(right)
    assert list(report.held_out_predictions.label) == chosen
    swapped = make_problem([x[200:]], targets[200:], task="binary", blocks=block(64), labels=["high", "low"])
    with pytest.raises(TrainingError, match="other labels"):
        train(problem, QUICK, held_out=swapped)


def test_notes_smell_leakage_and_duplicates():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 16))
    y = np.where(x[:, 0] > 0, "a", "b")
    x[:, 0] *= 100  # the code is written on the picture
    _, report = train(make_problem([x], list(y), task="binary", blocks=block(16)), QUICK, resamples=10)
    assert {"too_good", "near_duplicates"} <= {note.code for note in report.notes}
    apart = rng.standard_normal((200, 64)).astype(np.float32)
    fold = np.arange(200) % 4
    assert count_near_duplicates(apart, fold) == 0
    apart[1] = 2 * apart[0]  # the same direction, in another fold
    apart[8] = apart[4]  # in the same fold
    assert count_near_duplicates(apart, fold) == 2


def test_a_strength_at_the_edge_is_remarked_on(digits):
    x, y = digits
    problem = make_problem([x], list(y), task="categorical", blocks=block(64))
    _, report = train(problem, Options(strengths=(1e-4, 1e-3), folds=3, inner_folds=2), resamples=5)
    assert "strength_at_the_edge" in {note.code for note in report.notes}


def test_the_same_seed_gives_the_same_report(digits):
    x, y = digits
    problem = make_problem([x], list(y > 4), task="binary", blocks=block(64))
    one, two = (train(problem, QUICK, resamples=20)[1].to_json() for _ in range(2))
    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_the_worst_are_wrong_and_sure_of_it(trained):
    _, _, report = trained
    found = worst(report, 5)
    own = report.out_of_fold
    wrong = [i for i in range(299) if own.label[i] != own.target[i]]
    assert len(found) == min(5, len(wrong))
    assert all(each.predicted != each.target for each in found)
    sure = sorted((max(own.probabilities[i]) for i in wrong), reverse=True)
    assert [each.confidence for each in found] == pytest.approx(sure[: len(found)])


def test_each_part_of_the_report_is_public_or_private():
    """A new part has to be named here: another key than the owner's sees the public ones."""
    figures = {"task", "n", "labels", "counts", "groups", "bounds", "options", "libraries", "seconds", "kind", "format"}
    figures |= {"strength", "strength_losses", "fold_strengths", "cross_validated", "held_out", "validation", "curve"}
    figures |= {"best", "start", "device", "withheld", "learning", "strata", "features"}
    figures |= {"zero_shot", "uncalibrated", "sets"}
    parts = {field.name for field in dataclasses.fields(Report)}
    assert parts == figures | PRIVATE | PARTLY_PRIVATE


def test_without_items_no_item_is_named_and_the_figures_stay(trained):
    _, _, report = trained
    notes = (*report.notes, Note("lost_zeros", "'i07' and 'i7' are two ids"), Note("new", "i8 is odd"))
    coders = {"coders": ["anna", "ben"], "items": 3, "level": "nominal", "kappa": {"value": 0.5}, "remarks": ["i9"]}
    codes = {"rule": "majority", "agreement": coders, "items": ["i1"], "n_codes": [2], "disagreement": [0.5]}
    public = replace(report, notes=notes, codes=codes).without_items()
    text = json.dumps(public.to_json())
    assert not re.search(r"\bi\d+\b|anna|ben", text)
    assert public.cross_validated == report.cross_validated
    assert public.codes["agreement"]["kappa"] == {"value": 0.5}
    assert public.codes["agreement"]["coders"] == ["coder 1", "coder 2"]
    assert set(public.withheld) == {"codes", "dropped", "notes", "out_of_fold", "worst"}
    assert Report.from_json(json.loads(text)).withheld == public.withheld
    assert worst(public) == ()


@pytest.mark.parametrize("damage", [{"labels": "secret"}, {"cross_validated": {"figures": "secret"}}, {"n": "secret"}])
def test_a_damaged_report_is_refused_without_its_values(trained, damage):
    fields = {**trained[2].to_json(), **damage}
    with pytest.raises(TrainingError) as caught:
        Report.from_json(fields)
    assert "secret" not in caught.value.message
