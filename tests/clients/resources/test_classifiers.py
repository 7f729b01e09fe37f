"""The SDK trains, predicts and estimates, over HTTP and gRPC."""

import asyncio
import uuid

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from daguerre import AsyncClient, Classifier, Client, DaguerreWarning, InvalidRequestError, NotFoundError
from daguerre.errors import FingerprintMismatchError
from daguerre.inputs.alignment import ItemIndex, sent_ids
from tests.clients.conftest import address
from tests.e2e import harness

GLAD = ["a happy day", "joy and laughter", "what a lovely morning", "wonderful news", "she smiled", "great success"]
SAD = ["a sad day", "grief and tears", "what an awful morning", "terrible news", "she wept", "bitter failure"]
TEXTS = [f"{text}, number {i}" for i in range(3) for text in (*GLAD, *SAD)]
TARGETS = (["glad"] * 6 + ["sad"] * 6) * 3
QUICK = {"strengths": [10.0], "folds": 3, "inner_folds": 2, "resamples": 50}


def name() -> str:
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def mood(inline) -> str:
    with Client(inline.url) as client:
        return client.train_classifier(name(), texts=TEXTS, targets=TARGETS, **QUICK).id


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """Eight photos of two kinds, in a folder."""
    folder = tmp_path_factory.mktemp("coded")
    for i in range(4):
        for kind in ("coffee", "chelsea"):
            (folder / f"{kind}{i}.jpg").write_bytes(harness.jpeg(kind, width=64 + 8 * i))
    return folder


def test_a_classifier_trains_and_predicts(client: Client, coded, tmp_path):
    codes = {f"coffee{i}.jpg": "coffee" for i in range(4)} | {f"chelsea{i}.jpg": "cat" for i in range(4)}
    clf = client.train_classifier(name(), images=coded, targets=codes, strengths=[10.0], folds=2, inner_folds=2)
    assert isinstance(clf, Classifier)
    assert (clf.version, clf.task, clf.labels) == (1, "binary", ["cat", "coffee"])
    assert set(clf.report["out_of_fold"]["ids"]) == set(codes)  # no folder of this machine
    assert clf.report.figures["accuracy"].value == 1
    assert "accuracy" in repr(clf.report)
    assert any("examples" in note for note in clf.report.notes)
    found = clf.predict(images=coded)
    assert [
        label == ("coffee" if "coffee" in id else "cat") for id, label in zip(found.ids, found.predicted, strict=True)
    ]
    assert np.allclose(found.probabilities.sum(axis=1), 1)
    table = found.to_pandas()
    assert list(table.columns) == ["label", "cat", "coffee", "classifier", "fingerprint", "remark", "error"]
    assert set(table["classifier"]) == {clf.id}
    assert set(table["fingerprint"]) == {found.receipt.fingerprint}
    assert len(clf.report.to_pandas()) == 8
    clf.save_report(tmp_path / "report.html")
    assert "<html" in (tmp_path / "report.html").read_text()
    for pictures in ("blurred", "none"):  # these predictions are all right: the mode itself is tested with the page
        clf.save_report(tmp_path / f"{pictures}.html", pictures=pictures)
    with pytest.raises(ValueError, match="pictures: got 'small'"):
        clf.save_report(tmp_path / "small.html", pictures="small")
    assert clf.onnx(tmp_path / "head.onnx") == (tmp_path / "head.onnx").read_bytes()
    assert client.classifier(clf.id).report["n"] == 8
    assert clf.name in {each["name"] for each in client.classifiers()}
    assert any(job.result == {"classifier": clf.id} for job in client.jobs())
    assert clf.delete() == [clf.id]
    with pytest.raises(NotFoundError):
        client.classifier(clf.id)


def test_embeddings_serve_as_well_as_items(client: Client, mood):
    clf = client.classifier(mood)
    with pytest.warns(DaguerreWarning, match="1 of 3"):
        made = client.embed(texts=["pure joy", "", "deep grief"])
    with pytest.warns(DaguerreWarning, match="1 of 3"):
        by_items = clf.predict(texts=["pure joy", "", "deep grief"])
    with pytest.warns(DaguerreWarning, match="1 of 3"):
        by_vectors = clf.predict(embeddings=made)
    assert by_items.predicted == by_vectors.predicted == ["glad", None, "sad"]
    assert np.allclose(by_items.probabilities, by_vectors.probabilities, atol=1e-6, equal_nan=True)
    assert [e.index for e in by_vectors.errors] == [e.index for e in by_items.errors] == [1]
    assert by_vectors.errors[0].code == "invalid_text"
    assert by_vectors.receipt == made.receipt
    again = client.train_classifier(name(), embeddings=client.embed(texts=TEXTS), targets=TARGETS, **QUICK)
    assert np.allclose(
        again.report["out_of_fold"]["probabilities"], clf.report["out_of_fold"]["probabilities"], atol=1e-4
    )


def test_vectors_of_another_space_never_leave(client: Client, mood):
    from dataclasses import replace

    made = client.embed(texts=["joy"])
    foreign = replace(made, receipt=replace(made.receipt, fingerprint="0" * 32))
    with pytest.raises(FingerprintMismatchError, match="embed with that model"):
        client.classifier(mood).predict(embeddings=foreign)


def test_both_modalities_and_a_missing_text(client: Client, coded):
    images = sorted(str(path) for path in coded.iterdir())
    texts = ["a cat" if "chelsea" in path else "a cup of coffee" for path in images]
    targets = ["cat" if "chelsea" in path else "coffee" for path in images]
    few = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}
    clf = client.train_classifier(name(), images=images, texts=[None, *texts[1:]], targets=targets, partial=True, **few)
    assert clf.modalities == ["image", "text"]
    assert clf.report["n"] == 8
    assert clf.predict(images=images, texts=texts).predicted == targets
    with pytest.warns(DaguerreWarning, match="1 of 8 items were left out of the training, because each has no text"):
        without = client.train_classifier(name(), images=images, texts=[*texts[:-1], None], targets=targets, **few)
    assert [each["code"] for each in without.report["dropped"]] == ["no_vector"]


def test_the_corpus_is_estimated(client: Client, mood):
    with pytest.warns(
        DaguerreWarning, match=r"9\.6 % of errors are compatible .* allows for errors that were not seen"
    ):
        found = client.classifier(mood).estimate(texts=TEXTS)
    assert found["glad"].low < 0.5 < found["glad"].high
    assert found["glad"].n_corpus == 36
    with pytest.warns(DaguerreWarning, match="allows for errors"):
        again = client.classifier(mood).estimate(embeddings=client.embed(texts=TEXTS))
    assert again["glad"].value == pytest.approx(found["glad"].value, abs=1e-6)


def test_codes_of_coders_and_numbers(client: Client):
    ids = [f"t{i}" for i in range(36)]
    codes = [("anna", id, code) for id, code in zip(ids, TARGETS, strict=True)]
    codes += [("ben", id, code) for id, code in zip(ids[:12], TARGETS[:12], strict=True)]
    clf = client.train_classifier(name(), texts=TEXTS, ids=ids, codes=codes, **QUICK)
    assert clf.report["codes"]["agreement"]["alpha"]["value"] == 1
    numbers = [5.0 if target == "glad" else 1.5 for target in TARGETS]
    clf = client.train_classifier(name(), texts=TEXTS, targets=numbers, task="continuous", bounds=(1, 5), **QUICK)
    with pytest.warns(DaguerreWarning, match="1 of 2"):
        found = clf.predict(texts=["pure joy", ""])
    assert 1 <= found.low[0] <= found.values[0] <= found.high[0] <= 5
    assert np.isnan(found.values[1])
    assert list(found.to_pandas().columns) == ["value", "low", "high", "classifier", "fingerprint", "remark", "error"]


def test_what_the_server_refuses_is_said(client: Client):
    with pytest.raises(InvalidRequestError, match="all 36 are 'glad'"):
        client.train_classifier(name(), texts=TEXTS, targets=["glad"] * 36)
    with pytest.raises(InvalidRequestError, match="a-z, 0-9"):
        client.train_classifier("No Name", texts=TEXTS, targets=TARGETS)


def test_asynchronous_code_has_the_same(inline, mood):
    async def run():
        async with AsyncClient(inline.url) as client:
            clf = await client.classifier(mood)
            return (await clf.predict(texts=["joy"])).predicted

    assert asyncio.run(run()) == ["glad"]


def test_a_classifier_by_two_clients_is_the_same(inline, mood):
    said = []
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme)) as client:
            clf = client.classifier(mood)
            said.append((clf.card, dict(clf.report), clf.predict(texts=TEXTS, crossed=True)))
    (one, report, found), (two, other, told) = said
    one = {key: value for key, value in one.items() if key not in ("report", "worst")}
    assert one == {key: value for key, value in two.items() if key not in ("report", "worst")}
    assert report == other
    assert np.allclose(found.probabilities, told.probabilities, atol=1e-6)
    assert np.allclose(found.crossed, told.crossed, atol=1e-6)


def test_targets_find_their_items():
    paths = ["/a/b/one.jpg", "/a/c/two.jpg"]
    assert sent_ids(paths) == ["b/one.jpg", "c/two.jpg"]
    assert sent_ids(["0", "1"]) == ["0", "1"]
    items = ItemIndex(paths, sent_ids(paths))
    assert items.column("targets", {"one.jpg": 1}) == [1, None]
    assert items.column("targets", {"c/two.jpg": "x"}) == [None, "x"]
    with pytest.raises(ValueError, match=r"'three\.jpg'"):
        items.column("targets", {"three.jpg": 1})
    with pytest.raises(ValueError, match="1 for 2"):
        items.column("targets", [1])
    assert items.column("targets", [np.float64("nan"), np.int64(3)]) == [None, 3]


@pytest.fixture(scope="module")
def glad(inline):
    """Vectors of 36 texts, half of them glad."""
    with Client(inline.url) as client:
        return client.embed(texts=TEXTS)


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        ([1, 0, 1.0, 0.0, "1", "0", True, False, "1.0"], ["0", "1"]),
        ([True, False], ["false", "true"]),
        (["yes", 1], ["1", "yes"]),
        ([9007199254740993, 9007199254740992], ["9007199254740992", "9007199254740993"]),
        (["1.1", "1.10", "1.1", "1.10", "x"], ["1.1", "1.10", "x"]),
    ],
)
def test_equal_codes_are_one_class(client: Client, glad, targets, labels):
    every = (targets * 36)[:36]
    clf = client.train_classifier(name(), embeddings=glad, targets=every, **QUICK)
    assert sorted(clf.labels) == labels
    assert clf.task == ("binary" if len(labels) == 2 else "categorical")
    if len(labels) == 2:
        chosen = {"1": 1.0, "0": "0.0", "true": True, "false": False}
        order = [chosen.get(label, label) for label in reversed(labels)]
        clf = client.train_classifier(name(), embeddings=glad, targets=every, labels=order, **QUICK)
        assert clf.labels == labels[::-1]


def test_missing_targets_are_left_out_and_counted(client: Client, glad):
    absent = [None, np.nan, pd.NA, pd.NaT, "", "NA", "NA"]
    with pytest.warns(DaguerreWarning) as warned:
        clf = client.train_classifier(name(), embeddings=glad, targets=[*absent, *TARGETS[7:]], **QUICK)
    texts = [str(each.message) for each in warned]
    assert "7 of 36 items were left out of the training, because each has no code" in texts[0]
    assert "2 of 36 codes count as missing: 2 'NA'" in texts[1]
    assert (clf.report["n"], len(clf.report["dropped"])) == (29, 7)
    named = ["NA" if target == "sad" else target for target in TARGETS]
    clf = client.train_classifier(name(), embeddings=glad, targets=named, missing=[], **QUICK)
    assert clf.labels == ["NA", "glad"]


def test_numbers_that_may_be_quantities_need_a_task(client: Client, glad):
    with pytest.raises(InvalidRequestError, match='set task="continuous"'):
        client.train_classifier(name(), embeddings=glad, targets=[0.5, 1.5] * 18, **QUICK)


def test_groups_of_numbers_are_equal_after_a_gap(client: Client, glad):
    groups = [i // 3 if i % 2 else float(i // 3) for i in range(36)]
    clf = client.train_classifier(name(), embeddings=glad, targets=TARGETS, groups=groups, **QUICK)
    assert clf.report["groups"] == 12
    with pytest.raises(ValueError, match="groups: 1 of 36 items have none"):
        client.train_classifier(name(), embeddings=glad, targets=TARGETS, groups=[None, *groups[1:]])


def test_codes_in_a_table_find_their_items(client: Client, glad):
    rows = [("a", i, target) for i, target in enumerate(TARGETS)]
    table = pd.DataFrame([*rows, ("b", 0.0, "glad"), ("b", 1.0, "glad")], columns=["coder", "item", "code"])
    clf = client.train_classifier(name(), embeddings=glad, codes=table, **QUICK)
    assert clf.report["codes"]["agreement"]["items"] == 2
    with pytest.raises(
        InvalidRequestError, match=r"1 items are not among the ids, the first is '00'.*zeros at the front"
    ):
        client.train_classifier(name(), embeddings=glad, codes=[*rows, ("b", "00", "glad")])
    with pytest.raises(ValueError, match="no column 'item'; it has coder, code; it needs coder, item, code"):
        client.train_classifier(name(), embeddings=glad, codes=table[["coder", "code"]])


def test_files_that_are_not_there_are_counted(client: Client, coded):
    with pytest.raises(ValueError, match=r"2 of 2 items cannot be used, the first, gone"):
        client.train_classifier(name(), images=["gone.jpg", "lost.jpg"], targets=["a", "b"])
    with pytest.raises(ValueError, match="got a list for the folder"):
        client.train_classifier(name(), images=coded, targets=["a", "b"] * 4)


def test_the_command_line_trains_and_predicts(inline, coded, tmp_path):
    import csv
    import io
    import json

    from tests.clients.cli.test_group import run

    table = tmp_path / "labels.csv"
    rows = [f"{path},{'cat' if 'chelsea' in path.name else 'coffee'}" for path in sorted(coded.iterdir())]
    table.write_text("path,target\n" + "\n".join(rows) + "\n")
    called = name()
    page = tmp_path / "report.html"
    done = run(inline, "train", called, table, "--folds", "2", "--report", page, "--json")
    said = json.loads(done.stdout)
    assert said["classifier"] == f"{called}@1"
    assert said["figures"]["accuracy"]["value"] == 1
    assert "baseline" in done.stderr
    assert f"{called}@1" in page.read_text()
    out = list(csv.DictReader(io.StringIO(run(inline, "predict", called, coded).stdout)))
    assert {row["label"] for row in out} == {"cat", "coffee"}
    assert all((row["label"] == "cat") == ("chelsea" in row["id"]) for row in out)
    assert f"{called}@1" in run(inline, "classifiers").stdout
    assert "succeeded" in run(inline, "jobs").stdout
    folder = tmp_path / "data"
    for split, numbers in (("train", range(3)), ("test", (3,))):
        for kind in ("coffee", "chelsea"):
            (folder / split / kind).mkdir(parents=True)
            for i in numbers:
                Image.open(coded / f"{kind}{i}.jpg").save(folder / split / kind / f"{i}.jpg")
    done = run(inline, "train", name(), "--folder", folder, "--folds", "2")
    assert "6 items (3 chelsea, 3 coffee)" in done.stderr
    assert (
        "needs a column 'target'" in run(inline, "train", name(), _table(tmp_path, "path,text\nx,y\n"), code=2).stderr
    )
    assert "give either a table" in run(inline, "train", name(), code=2).stderr
    assert "add --report" in run(inline, "train", name(), table, "--pictures", "blurred", code=2).stderr
    run(inline, "classifiers", "--report", called, page, "--pictures", "none")
    assert "made without pictures" in page.read_text() or "No prediction that was measured is wrong" in page.read_text()


def _table(tmp_path, text):
    path = tmp_path / "other.csv"
    path.write_text(text)
    return path


def test_items_that_were_not_drawn_are_no_part_of_the_sample(inline):
    with Client(inline.url) as client:
        made = client.embed(texts=TEXTS)
        drawn = made.ids[:-6]
        clf = client.train_classifier(
            name(),
            embeddings=made,
            targets=dict(zip(drawn, TARGETS, strict=False)),
            inclusion_prob=dict.fromkeys(drawn, 0.5),
            **QUICK,
        )
        assert clf.report["n"] == len(drawn)
        assert clf.report["dropped"] == []
        assert not any("no code yet" in note for note in clf.report.notes)
