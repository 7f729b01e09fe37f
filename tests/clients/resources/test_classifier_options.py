"""Rare classes, repeats, test items and learning curves in the report of the SDK, over HTTP and gRPC."""

import json

import numpy as np
import pytest

from daguerre import Client, DaguerreWarning, InvalidRequestError
from tests.clients.cli.test_group import run
from tests.clients.resources.test_classifiers import GLAD, SAD, name
from tests.e2e import harness

TEXTS = [f"{text}, number {i}" for i in range(4) for text in (*GLAD, *SAD)]
TARGETS = (["glad"] * 6 + ["sad"] * 6) * 4
QUICK = {"strengths": [10.0], "folds": 3, "inner_folds": 2, "resamples": 50}
RARE = ["a dull day", "grey and flat", "nothing happened"]


@pytest.fixture(scope="module")
def vectors(inline):
    with Client(inline.url) as client:
        return client.embed(texts=[*TEXTS, *RARE])


@pytest.fixture(scope="module")
def usual(inline):
    with Client(inline.url) as client:
        return client.embed(texts=TEXTS)


def test_test_items_come_first_and_repeats_show_their_range(client: Client, usual):
    split = ["train"] * 36 + ["test"] * 12
    clf = client.train_classifier(name(), embeddings=usual, targets=TARGETS, split=split, repeats=2, **QUICK)
    printed = repr(clf.report)
    assert printed.index("test items, held out (12 items)") < printed.index("out of fold (36 items)")
    assert "2 repeats" in printed
    assert "wide with these 36 coded items" in printed
    assert clf.report.of == "out of fold"
    assert set(clf.report.held_out) == set(clf.report.figures)
    values = clf.report.measured["repeats"]["accuracy"]
    assert clf.report.figures["accuracy"].value == pytest.approx(np.mean(values))
    assert [point["n"] for point in clf.report.learning][-1] == 36
    for figure in (clf.report.held_out["accuracy"], clf.report.held_out["recall[sad]"]):
        assert figure.high - figure.low > 0.1  # however the twelve are predicted


@pytest.mark.parametrize("rare", ["drop", "merge:glad"])
def test_rare_classes_have_ways_out(client: Client, vectors, rare):
    targets = [*TARGETS, "dull", "dull", "grey"]
    with pytest.raises(InvalidRequestError, match='rare="drop"'):
        client.train_classifier(name(), embeddings=vectors, targets=targets, **QUICK)
    with pytest.warns(DaguerreWarning, match=r"2 classes have fewer than 3 examples.*'dull' \(2\), 'grey' \(1\)"):
        clf = client.train_classifier(name(), embeddings=vectors, targets=targets, rare=rare, **QUICK)
    assert (clf.task, clf.labels) == ("binary", ["glad", "sad"])
    assert clf.report["counts"]["glad"] == (24 if rare == "drop" else 27)
    assert len(clf.report["dropped"]) == (3 if rare == "drop" else 0)
    assert "fewer than 3 examples" in repr(clf.report)


def test_a_way_that_is_none_is_refused(client: Client, vectors):
    with pytest.raises(InvalidRequestError, match='must be "drop", or "merge:"'):
        client.train_classifier(name(), embeddings=vectors, targets=[*TARGETS, "a", "a", "a"], rare="hide", **QUICK)


def test_the_command_prints_the_test_figures_first(inline, tmp_path):
    folder = tmp_path / "stamps"
    for part, many in (("train", 4), ("test", 2)):
        for kind in ("coffee", "chelsea"):
            (folder / part / kind).mkdir(parents=True)
            for i in range(many):
                (folder / part / kind / f"{kind}{i}.jpg").write_bytes(harness.jpeg(kind, width=64 + 8 * i))
    (folder / "train" / "odd").mkdir()
    (folder / "train" / "odd" / "one.jpg").write_bytes(harness.jpeg("coffee", width=99))
    page = tmp_path / "page.html"
    arguments = ("train", name(), "--folder", folder, "--folds", "2", "--report", page)
    done = run(inline, *arguments, "--rare", "drop", "--repeats", "2", "--json")
    assert done.stderr.index("test items, held out (4 items)") < done.stderr.index("out of fold (8 items)")
    assert "'odd' (1)" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["held_out"]["accuracy"]["low"] < 0.9
    text = page.read_text()
    for words in ("Caveats", "Training data", "Confusion matrix", "Methods paragraph", "Number of coded items"):
        assert words in text


def test_a_categorical_task_may_have_two_classes(client: Client, usual):
    clf = client.train_classifier(name(), embeddings=usual, targets=TARGETS, task="categorical", **QUICK)
    assert client.classifier(clf.id).predict(texts=["a happy day"]).probabilities.sum() == pytest.approx(1)
