"""Calibrated zero-shot and prediction sets in the SDK and on the command line, over HTTP and gRPC."""

import csv

import numpy as np
import pytest

from daguerre import Client, DaguerreWarning, InvalidRequestError
from tests.clients.cli.test_group import run
from tests.clients.resources.test_classifiers import name
from tests.e2e.test_prediction_sets import CATS, CUPS, TARGETS, TEXTS

PROMPTS = {"cat": "a cat", "cup": "a cup of coffee"}
QUICK = {"folds": 4, "resamples": 30}


@pytest.fixture(scope="module")
def trained(inline):
    with Client(inline.url) as client:
        clf = client.train_classifier(name(), texts=TEXTS, targets=TARGETS, zero_shot=PROMPTS, **QUICK)
        return clf.id


def test_sets_are_columns_and_rows_of_the_predictions(client: Client, trained):
    clf = client.classifier(trained)
    found = clf.predict(texts=[*CATS, *CUPS], coverage=0.9)
    assert found.coverage == 0.9
    assert all(set(each) <= {"cat", "cup"} for each in found.sets)
    table = found.to_pandas()
    assert list(table.columns) == [
        "label",
        "cat",
        "cup",
        "set",
        "set_size",
        "classifier",
        "fingerprint",
        "remark",
        "error",
    ]
    assert list(table["set_size"]) == [len(each) for each in found.sets]
    assert list(table["set"]) == [" | ".join(each) for each in found.sets]
    assert found[2:5].sets == found.sets[2:5]
    again = clf.predict(embeddings=client.embed(texts=[*CATS, *CUPS]), coverage=0.9)
    assert again.sets == found.sets
    assert clf.predict(texts=CATS).sets is None
    with pytest.raises(InvalidRequestError, match="needs more than the 36 coded items"):
        clf.predict(texts=CATS, coverage=0.99)


def test_the_report_prints_the_scores_as_they_are(client: Client, trained):
    report = client.classifier(trained).report
    printed = repr(report)
    assert "the same items by the zero-shot scores as they are" in printed
    assert "prediction sets of coverage 0.9: they cover" in printed
    assert set(report.uncalibrated) == set(report.figures)
    assert report["zero_shot"]["prompts"] == PROMPTS


def test_a_list_of_classes_are_their_own_prompts_and_templates_need_prompts(client: Client):
    texts, targets = TEXTS[:24], TARGETS[:24]
    clf = client.train_classifier(
        name(), texts=texts, targets=targets, zero_shot=["cat", "cup"], templates=["a photo of a {}"], **QUICK
    )
    own = clf.report["zero_shot"]
    assert own["prompts"] == {"cat": "cat", "cup": "cup"}
    assert own["templates"] == ["a photo of a {}"]
    with pytest.raises(ValueError, match="templates: are for zero_shot"):
        client.train_classifier(name(), texts=texts, targets=targets, templates=["{}"])
    few = texts[:18]  # of which six are cups
    clf = client.train_classifier(name(), texts=few, targets=targets[:18], zero_shot=PROMPTS, **QUICK)
    with pytest.warns(DaguerreWarning, match="cup has too few coded items for a coverage of 0.9"):
        found = clf.predict(texts=CATS, coverage=0.9, each_class=True)
    assert all("cup" in each for each in found.sets)


def test_the_command_line_trains_with_prompts_and_writes_sets(inline, tmp_path):
    coded, new, out = tmp_path / "coded.csv", tmp_path / "new.txt", tmp_path / "out.csv"
    with coded.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "target"), *zip(TEXTS, TARGETS, strict=True)])
    new.write_text("\n".join(CATS))
    own = name()
    prompts = ("--zero-shot", "cat=a cat", "--zero-shot", "cup=a cup of coffee", "--template", "{}")
    done = run(inline, "train", own, coded, *prompts, "--folds", "4")
    assert "zero-shot scores as they are" in done.stderr
    run(inline, "predict", own, "--texts", new, "--coverage", "0.8", "-o", out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {"set", "set_size"} <= set(rows[0])
    sizes = np.array([int(row["set_size"]) for row in rows])
    assert [len([each for each in row["set"].split(" | ") if each]) for row in rows] == sizes.tolist()
    for wrong, message in (
        (("predict", own, "--texts", new, "--each-class", "-o", out), "--each-class is for --coverage"),
        (("train", own, coded, "--zero-shot", "cat", "--zero-shot", "cat=a cat"), "is given twice"),
    ):
        assert message in run("http://x", *wrong, code=2).stderr
