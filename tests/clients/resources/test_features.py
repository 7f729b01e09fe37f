"""Numbers beside vectors, from training to estimates: by columns, tables and analyses, on both transports."""

import csv
import io
import uuid

import numpy as np
import pandas as pd
import pytest

import daguerre
from tests.clients.cli.test_group import run
from tests.e2e import harness

QUICK = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 50}


def name() -> str:
    return f"f-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Twenty pictures that are nearly alike, and numbers of people in them, which decide the code."""
    folder = tmp_path_factory.mktemp("crowd")
    persons = {f"{i:02}.jpg": n if (n := i * 7 % 20) < 10 else n + 30 for i in range(20)}
    for i, id in enumerate(persons):
        (folder / id).write_bytes(harness.jpeg("coffee", width=64 + i % 3))
    codes = {id: "crowd" if number >= 10 else "few" for id, number in persons.items()}
    return folder, persons, codes


def test_features_decide_where_the_pictures_do_not(client, crowd):
    folder, persons, codes = crowd
    clf = client.train_classifier(name(), folder, targets=codes, features={"persons": persons}, **QUICK)
    assert clf.features == ["persons"]
    assert clf.report.figures["accuracy"].value == 1
    assert clf.report["features"][0]["centre"] == pytest.approx(np.mean(list(persons.values())))
    assert any("persons" in note for note in clf.report.notes)
    found = clf.predict(folder, features={"persons": persons})
    assert dict(zip(found.ids, found.predicted, strict=True)) == codes
    made = client.embed(folder)
    table = pd.DataFrame({"id": [*persons, "other.jpg"], "persons": [*persons.values(), 3], "unused": "x"})
    assert np.array_equal(clf.predict(embeddings=made, features=table).probabilities, found.probabilities)
    with pytest.warns(daguerre.RemarkWarning, match="all predictions are correct"):
        estimate = clf.estimate(embeddings=made, features={"persons": persons})
    assert estimate["crowd"].n_corpus == 20
    assert abs(estimate["crowd"].value - 0.5) < 0.05
    again = client.classifier(clf.id)
    assert again.features == ["persons"]
    session = pytest.importorskip("onnxruntime").InferenceSession(again.onnx(), providers=["CPUExecutionProvider"])
    numbers = np.array([[persons[id]] for id in made.ids], np.float64)
    (by_graph,) = session.run(None, {"vectors": made.vectors, "features": numbers})
    assert np.abs(by_graph - found.probabilities).max() < 1e-5


def test_an_item_without_its_number_fails_alone(client, crowd):
    folder, persons, codes = crowd
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 20 items were left out.*has no value"):
        clf = client.train_classifier(
            name(), folder, targets=codes, features={"persons": persons | {"03.jpg": None}}, **QUICK
        )
    assert [each["code"] for each in clf.report["dropped"]] == ["no_feature"]
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 20"):
        found = clf.predict(folder, features={"persons": persons | {"05.jpg": float("nan")}})
    assert [(error.id, error.code) for error in found.errors] == [("05.jpg", "no_feature")]
    assert found.predicted[5] is None
    assert found.predicted.count(None) == 1


def test_findings_are_features(client, crowd):
    folder, _, codes = crowd
    found = client.visual_features(folder)
    clf = client.train_classifier(
        name(), folder, targets=codes, features=found.values[["brightness", "contrast"]], **QUICK
    )
    assert clf.features == ["brightness", "contrast"]
    assert len(clf.predict(folder, features=found).errors) == 0
    numbers = found.values.assign(same=1)
    with pytest.warns(daguerre.DaguerreWarning, match="since they are constant.*same"):
        every = client.train_classifier(name(), folder, targets=codes, features=numbers, **QUICK)
    assert set(clf.features) < set(every.features) < set(numbers.columns)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (None, "was trained with persons; give those"),
        ({"others": [1] * 20}, "lacks 'persons'"),
        (pd.DataFrame({"id": ["00.jpg"], "n": [1]}), "no column 'persons'"),
        (pd.DataFrame({"id": ["elsewhere.jpg"], "persons": [1]}), "none of the 1 rows"),
        (pd.DataFrame({"id": ["00.jpg", "00.jpg"], "persons": [1, 2]}), "two rows for '00.jpg'"),
        (pd.DataFrame({"id": ["00.jpg"], "persons": ["many"]}), "'many', which is no number"),
        (pd.DataFrame({"persons": [1]}), "needs a column id or path"),
    ],
)
def test_other_features_are_refused(client, crowd, counted, features, says):
    folder, _, _ = crowd
    with pytest.raises((ValueError, daguerre.DaguerreError), match=says):
        client.classifier(counted).predict([str(path) for path in sorted(folder.iterdir())], features=features)


@pytest.fixture(scope="module")
def counted(inline, crowd):
    folder, persons, codes = crowd
    with daguerre.Client(inline.url) as client:
        return client.train_classifier(name(), folder, targets=codes, features={"persons": persons}, **QUICK).id


def test_a_classifier_without_features_takes_none(client, crowd):
    folder, persons, codes = crowd
    plain = client.train_classifier(name(), folder, targets=codes, **QUICK)
    with pytest.raises(ValueError, match="trained with none; leave them out"):
        plain.predict(folder, features={"persons": persons})


def test_the_command_line_takes_columns_of_the_table_or_of_another(inline, crowd, tmp_path):
    folder, persons, codes = crowd
    table, numbers = tmp_path / "coded.csv", tmp_path / "numbers.csv"
    rows = [(id, codes[id], persons[id]) for id in persons]
    table.write_text("path,target,persons\n" + "".join(f"{id},{code},{n}\n" for id, code, n in rows))
    numbers.write_text("id,persons,comment\n" + "".join(f"{id},{n},a text\n" for id, _, n in rows))
    called = name()
    run(inline, "train", called, table, "--root", folder, "--feature", "persons", "--folds", "2")
    out = run(inline, "predict", called, folder, "--features", numbers).stdout
    assert {row["id"]: row["label"] for row in csv.DictReader(io.StringIO(out))} == codes
    table.write_text("path,target\n" + "".join(f"{id},{code}\n" for id, code, _ in rows))
    done = run(inline, "train", called, table, "--root", folder, "--features", numbers, "--folds", "2")
    assert "comment" in done.stderr  # a column that holds no numbers
    assert "needs" not in run(inline, "estimate", called, folder, "--features", numbers).stdout
    for wrong, words in (
        ("comment", "the column comment has 'a text', which is no number"),
        ("age", "no column 'age'"),
    ):
        line = ("train", called, table, "--root", folder, "--features", numbers, "--feature", wrong)
        assert words in run(inline, *line, code=2).stderr
    assert "give --features" in run(inline, "train", called, "--folder", folder, "--feature", "n", code=2).stderr
