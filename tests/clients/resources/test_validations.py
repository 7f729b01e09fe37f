"""The SDK validates predictions of any kind against codes of any kind, the same over HTTP and gRPC."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from daguerre import APIError, Client
from daguerre.corpus.validations import read_predictions, validation_fields

N = 40
RNG = np.random.default_rng(3)
IDS = [f"birds/b{i}.png" for i in range(N)]
CODES = ["cat" if i % 4 == 0 else "dog" for i in range(N)]
LABELS = [code if i % 5 else "dog" for i, code in enumerate(CODES)]
CAT = [0.9 if label == "cat" else 0.2 for label in LABELS]
FEW: dict[str, Any] = {"resamples": 20}
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.RemarkWarning")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    frame = pd.DataFrame({"id": IDS, "label": LABELS, "cat": CAT, "dog": [1 - p for p in CAT]})
    frame.assign(remark="", error="").to_csv(tmp_path / "zero-shot.csv", index=False)
    sample = pd.DataFrame({"id": IDS, "stratum": 0, "inclusion_prob": 0.5, "anna": CODES, "ben": LABELS})
    sample.to_csv(tmp_path / "sample.csv", index=False)
    return tmp_path


def test_tables_are_validated_compared_and_shown(client: Client, tables: Path):
    found = client.validate([tables / "zero-shot.csv"], tables / "sample.csv", **FEW)
    assert found.coders == ["anna", "ben"]
    assert found.positive == "dog"
    assert found.figures["accuracy"].value == 1  # on the items on which the coders agree
    assert found.threshold is not None
    assert {(each.a, each.b) for each in found.agreement} == {
        *(("zero-shot", "anna"), ("zero-shot", "ben"), ("anna", "ben"))
    }
    assert set(found.to_pandas().columns) == {"predictions", "figure", "value", "low", "high", "baseline"}
    for of in ("agreement", "thresholds"):
        assert len(found.to_pandas(of))
    found.report(tables / "page.html", tables=tables / "tables")
    page = (tables / "page.html").read_text()
    assert "Text for a methods section" in page
    assert list((tables / "tables").glob("*.tex"))
    two = client.validate({"one": tables / "zero-shot.csv", "all dogs": dict.fromkeys(IDS, "dog")}, CODES_BY_ID, **FEW)
    [difference] = two.differences
    assert difference.figures["accuracy"].value == pytest.approx(np.mean(np.array(LABELS) == CODES) - 0.75)


CODES_BY_ID = dict(zip(IDS, CODES, strict=True))
FORMS: dict[str, Any] = {
    "mapping": dict(zip(IDS, LABELS, strict=True)),
    "series": pd.Series(LABELS, index=IDS),
    "frame": pd.DataFrame({"id": IDS, "label": LABELS}),
    "indexed frame": pd.DataFrame({"label": LABELS}, index=pd.Index(IDS, name="id")),
    "a column of another name": pd.DataFrame({"id": IDS, "machine": LABELS}),
    "file names": {id.rpartition("/")[2]: label for id, label in zip(IDS, LABELS, strict=True)},
    "longer paths": {f"corpus/{id}": label for id, label in zip(IDS, LABELS, strict=True)},
    "backslashes": {id.replace("/", "\\"): label for id, label in zip(IDS, LABELS, strict=True)},
    "scores": pd.DataFrame({"id": IDS, "cat": CAT, "dog": [1 - p for p in CAT]}),
    "scores of the positive class": dict(zip(IDS, [1 - score for score in CAT], strict=True)),
}


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_read_in_any_form(client: Client, form: str):
    found = client.validate(FORMS[form], CODES_BY_ID, **FEW)
    assert found.figures["accuracy"].value == pytest.approx(np.mean(np.array(LABELS) == CODES))


@pytest.mark.parametrize(
    "codes",
    [
        pd.Series(CODES, index=IDS),
        pd.DataFrame({"path": IDS, "target": CODES}),
        pd.DataFrame({"item": IDS, "coder": "anna", "code": CODES}),
        {"anna": pd.Series(CODES, index=IDS)},
    ],
)
def test_codes_are_read_in_any_form(codes: Any):
    read = validation_fields(FORMS["mapping"], codes)
    assert read.codes["item"] == IDS
    assert read.codes["code"] == CODES


def test_lists_of_one_length_go_by_their_order(client: Client):
    found = client.validate(LABELS, CODES, **FEW)
    assert found.figures["accuracy"].value == pytest.approx(np.mean(np.array(LABELS) == CODES))


def test_predictions_that_nobody_coded_are_counted_and_not_sent():
    many = {**FORMS["mapping"], **{f"x{i}": "dog" for i in range(500)}}
    [sent] = validation_fields(many, CODES_BY_ID).predictions
    assert len(sent["item"]) == N
    assert sent["without_code"] == 500


def test_failed_items_are_no_predictions():
    frame = pd.DataFrame({"id": IDS, "label": LABELS, "error": ["invalid_image", *[""] * (N - 1)]})
    [read] = read_predictions(frame)
    assert read.ids == IDS[1:]
    assert read.failed == 1


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (pd.DataFrame({"label": ["cat", "dog"], "x": ["a", "b"]}).set_index("x").reset_index(drop=True), "id or path"),
        (pd.DataFrame({"id": IDS, "a": LABELS, "b": LABELS}), "name of the column"),
    ],
)
def test_tables_without_predictions_are_refused(predictions: pd.DataFrame, message: str):
    with pytest.raises(ValueError, match=message):
        validation_fields(predictions, CODES_BY_ID)


def test_labels_that_are_no_codes_are_refused_with_the_way_out(client: Client):
    with pytest.raises(APIError, match="rename"):
        client.validate({id: f"a {label}" for id, label in FORMS["mapping"].items()}, CODES_BY_ID, **FEW)
    renamed = client.validate(
        {id: f"a {label}" for id, label in FORMS["mapping"].items()},
        CODES_BY_ID,
        rename={"a cat": "cat", "a dog": "dog"},
        **FEW,
    )
    assert renamed.labels == ["cat", "dog"]


@pytest.mark.thorough
@pytest.mark.parametrize("task", ["binary", "continuous"])
@pytest.mark.parametrize("form", ["frame", "csv", "parquet"])
@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_a_table_of_predictions_names_the_classifier_that_was_trained_on_the_items(
    client: Client, tmp_path: Path, task: Any, form: str
):
    """Name the right one of several versions, for labels and for numbers."""
    ids = [f"t{i}" for i in range(24)]
    texts = [f"{'pure joy' if i % 2 else 'deep grief'} number {i}" for i in range(24)]
    codes = [5.0 + i % 7 if i % 2 else float(i % 5) for i in range(24)]
    targets: list[Any] = codes if task == "continuous" else ["glad" if i % 2 else "sad" for i in range(24)]
    quick: dict[str, Any] = {"folds": 2, "inner_folds": 2, "strengths": [1.0], "task": task}
    known = f"origin-{task}-{form}"
    first, second = (
        client.train_classifier(known, texts=texts, ids=ids, targets=targets, seed=seed, **quick) for seed in (0, 1)
    )
    frame = first.predict(texts=texts, ids=ids).to_pandas().reset_index()
    path = tmp_path / f"predictions.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "parquet":
        frame.to_parquet(path)
    given: Any = frame if form == "frame" else path
    coded = dict(zip(ids, targets, strict=True))
    remarks = client.validate(given, coded, **FEW).remarks
    assert any(f"{first.id} was trained on 24 of these 24 coded items" in each for each in remarks)
    assert not any(second.id in each or "if these are" in each for each in remarks)
    with pytest.raises(ValueError, match=f"names {first.id}, and {second.id} was given"):
        client.validate({"p": (second, given)}, coded, **FEW)
    if form == "frame":
        mixed = pd.concat([frame[:12], frame[12:].assign(classifier=second.id)])
        with pytest.raises(ValueError, match="names 2"):
            client.validate(mixed, coded, **FEW)
        first.delete()
        assert any("not on this server" in each for each in client.validate(given, coded, **FEW).remarks)


@pytest.mark.parametrize("task", ["binary", "continuous"])
@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_a_classifier_is_validated_on_all_repeats_of_its_cross_validation(client: Client, task: Any):
    """The figures are those of its report, which are means over the repeats."""
    rng = np.random.default_rng(5)
    ids = [f"t{i}" for i in range(30)]
    targets: list[Any] = (
        rng.normal(size=30).round(2).tolist() if task == "continuous" else list(rng.choice(["a", "b"], 30))
    )
    texts = [f"text {i} about {rng.choice(['joy', 'grief', 'rain'])}" for i in range(30)]
    clf = client.train_classifier(
        f"repeats-{task}",
        texts=texts,
        ids=ids,
        targets=targets,
        task=task,
        repeats=3,
        folds=2,
        inner_folds=2,
        strengths=[1.0],
    )
    coded = dict(zip(ids, targets, strict=True))
    found = client.validate({"p": clf, "q": dict.fromkeys(ids, targets[0])}, coded, task=task, **FEW)

    def tolerance(name: str) -> float:  # reports have six digits of a probability, so that a few ranks are tied
        return 0.02 if "auc" in name or name == "spearman" else 1e-5

    shared = set(found.figures) & set(clf.report.figures)
    assert len(shared) >= 3
    for name in shared:
        assert found.figures[name].value == pytest.approx(clf.report.figures[name].value, abs=tolerance(name)), name
    [difference] = found.differences
    name = "mae" if task == "continuous" else "accuracy"
    other = found.predictions["q"].figures[name].value
    assert difference.figures[name].value == pytest.approx(found.figures[name].value - other, abs=1e-6)


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_coders_who_differ_on_every_item_are_named_as_the_reason(client: Client):
    ids = [f"t{i}" for i in range(12)]
    codes = {"anna": dict.fromkeys(ids, "cat"), "ben": dict.fromkeys(ids, "dog")}
    with pytest.raises(APIError, match=r"coders differ on all 12 items.*third coder.*adjudicator"):
        client.validate(dict.fromkeys(ids, "cat"), codes, **FEW)
    rows = [(coder, id, code) for coder, own in codes.items() for id, code in own.items()]
    with pytest.raises(APIError, match=r"coders differ on all 12 items.*rule both"):
        client.train_classifier("ties", texts=ids, ids=ids, codes=rows)
    with pytest.raises(APIError, match="all 12 items are test"):
        client.train_classifier("tests", texts=ids, ids=ids, targets=["a", "b"] * 6, split=["test"] * 12)
