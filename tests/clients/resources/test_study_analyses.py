"""Analyses of a study by the SDK: the numbers of the methods without a study, for the same vectors and codes."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daguerre import Client, CodingStudy, NotFoundError
from daguerre.errors import APIError, InvalidRequestError
from daguerre.results.embeddings import Embeddings
from service.settings import Settings
from service.stores.studies import Studies
from service.stores.study_items import places_of
from service.stores.study_vectors import append_rows, open_set
from tests.clients.conftest import kinds
from tests.clients.resources.test_studies import code, coded
from tests.e2e.harness import Server

pytestmark = pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
LABELS = ["a cat", "a cup of coffee", "a rocket launch"]
NAMES = {"a cat": "yes", "a cup of coffee": "no", "a rocket launch": "no"}


def give_vectors(home: Path, name: str, vectors: Embeddings) -> None:
    """Write vectors of a result into a study of the server with this home, as its job does."""
    study = Studies(Settings(home=home)).get(name, None)
    good = np.flatnonzero(vectors.ok).tolist()
    with study.database.reading() as db:
        places = places_of(db, [vectors.ids[i] for i in good], "ids")
    rows = vectors.vectors[good]
    made = open_set(
        study,
        model=vectors.model,
        fingerprint=vectors.fingerprint,
        dimension=rows.shape[1],
        receipt=asdict(vectors.receipt),
    )
    assert append_rows(study, made, places, rows) == len(good)


@pytest.fixture(scope="module")
def http(inline: Server) -> Iterator[Client]:
    with Client(inline.url, progress=False) as client:
        yield client


@pytest.fixture(scope="module")
def vectors(http: Client, corpus: Path) -> Embeddings:
    """Vectors of the pictures that can be read."""
    found = http.embed(corpus)
    return found.select([id for id, ok in zip(found.ids, found.ok, strict=True) if ok])


@pytest.fixture(scope="module")
def study(http: Client, inline: Server, corpus: Path, vectors: Embeddings) -> Iterator[CodingStudy]:
    """A coded study with vectors."""
    with suppress(NotFoundError):  # of a run that was interrupted
        http.delete_study("analysed")
    made = coded(http, inline, corpus, "analysed")
    give_vectors(inline.home, "analysed", vectors)
    yield made
    made.delete()


def column(study: CodingStudy, name: str) -> dict[str, Any]:
    return {item["id"]: item["columns"].get(name) for item in study.items()}


def figures_of(estimates: Any) -> list[float]:
    """All numbers of estimates, in one order."""
    return [value for row in estimates.rows() for value in row.values() if isinstance(value, float)]


def test_labels_are_those_of_the_same_vectors_without_a_study(
    http: Client, study: CodingStudy, vectors: Embeddings
) -> None:
    found = study.zero_shot(LABELS)
    alone = http.zero_shot(embeddings=vectors, labels=LABELS)
    assert list(found.columns) == ["label", "score", *(f"score:{label}" for label in LABELS)]
    assert column(study, "label") == dict(zip(alone.ids, alone.best, strict=True))
    for i, label in enumerate(LABELS):
        scores = column(study, f"score:{label}")
        assert [scores[id] for id in alone.ids] == pytest.approx(alone.scores[:, i].tolist())
    assert (found.n, found.missing, sum(found.counts.values())) == (32, 0, 32)
    assert len(study.items(["label=a cat"])) == found.counts["a cat"] >= 9
    again = study.zero_shot(LABELS[:2], none_of_these="something else", each_label=False)
    assert list(again.columns) == ["label", "score"]
    assert "score:a cat" not in study.describe()["columns"]  # those of the run before are gone
    few = http.zero_shot(embeddings=vectors, labels=LABELS[:2], none_of_these="something else")
    assert again.answer["none"] == few.best.count(None)
    newest, before, *_ = study.runs()
    assert (newest["columns"], before["columns"]) == (["label", "score"], [])
    assert newest["receipt"]["fingerprint"] == vectors.fingerprint


def test_columns_that_people_wrote_are_not_overwritten(study: CodingStudy) -> None:
    with pytest.raises(APIError, match="was not made by an analysis") as refused:
        study.zero_shot(LABELS, prefix="kind")
    assert (refused.value.status, refused.value.code) == (409, "column_exists")
    study.zero_shot(LABELS, prefix="mine")
    study.set_columns({"id": [study.items(most=1)[0]["id"]], "mine": ["corrected"]})
    with pytest.raises(APIError, match="was not made by an analysis"):
        study.zero_shot(LABELS, prefix="mine")


def test_a_preview_shows_variants_side_by_side_with_and_without_vectors(
    http: Client, study: CodingStudy, corpus: Path
) -> None:
    variants = [{"labels": LABELS}, {"labels": LABELS, "templates": ["{}"]}, {"labels": ["a cat"], "multi_label": True}]
    keys = [item["key"] for item in study.items(most=5)]
    shown = study.preview(variants, keys=keys)
    ids = [item["id"] for item in shown["items"]]
    for variant, options in zip(shown["variants"], variants, strict=True):
        alone = http.zero_shot([corpus / id for id in ids], **options)
        assert [each["label"] for each in variant["data"]] == alone.best
        assert np.allclose([each["scores"] for each in variant["data"]], alone.scores, atol=1e-5)
    other = http.create_study("without-vectors")
    other.add([corpus / id for id in ids], ids=ids)
    at = {item["id"]: item["key"] for item in other.items()}
    again = other.preview(variants, keys=[at[id] for id in ids])
    for one, two in zip(shown["variants"], again["variants"], strict=True):
        for mine, theirs in zip(one["data"], two["data"], strict=True):
            assert np.allclose(mine["scores"], theirs["scores"], atol=1e-5)
    assert len(study.preview(variants[:1], size=3, seed=1)["items"]) == 3
    other.delete()
    with pytest.raises(InvalidRequestError, match="needs at least 2"):
        study.preview([{"labels": ["a cat"]}])


def test_clusters_and_duplicates_are_those_without_a_study(
    http: Client, study: CodingStudy, vectors: Embeddings, corpus: Path
) -> None:
    found = study.cluster(method="kmeans", k=3, known="kind", resamples=0)
    alone = http.cluster(embeddings=vectors, method="kmeans", k=3, resamples=0)
    cluster = column(study, "cluster")
    assert [cluster[id] for id in alone.ids] == [str(label) for label in alone.labels.tolist()]
    assert found.comparison["ari"] > 0.9
    assert [column(study, "x")[id] for id in alone.ids] == pytest.approx(alone.coordinates[:, 0].tolist(), abs=1e-5)
    (run,) = (each for each in study.runs() if each["operation"] == "clusters")
    assert sum(run["result"]["sizes"].values()) == 32

    for kind in ("exact", "near"):
        groups = study.duplicates(kind, prefix=kind)
        expected = http.duplicates(images=corpus, kind=kind)
        assert {frozenset(each.ids) for each in groups.groups} == {frozenset(each.ids) for each in expected.groups}
        kept = {item["id"] for item in study.items([f"{kind}:kept=yes"])}
        assert kept == set(expected.kept_ids) - {"broken.jpg"}
    semantic = study.duplicates("semantic", threshold=0.99)
    assert {"rocket0.jpg", "rocket_copy.jpg"} <= set(semantic.groups[0].ids)
    assert len(study.items(["duplicate!="])) == sum(len(each.ids) for each in semantic.groups)


def test_training_prediction_and_estimate_are_those_of_the_joined_tables(
    http: Client, study: CodingStudy, vectors: Embeddings
) -> None:
    final = study.codes("cat", layout="final").columns
    clf = study.train("studied", "cat", resamples=50)
    alone = http.train_classifier(
        "studied-alone",
        embeddings=vectors.select(final["id"]),
        targets=dict(zip(final["id"], final["target"], strict=True)),
        inclusion_prob=dict(zip(final["id"], final["inclusion_prob"], strict=True)),
        strata=dict(zip(final["id"], final["stratum"], strict=True)),
        resamples=50,
    )
    assert clf.labels == alone.labels == ["no", "yes"]
    figures = [{name: vars(figure) for name, figure in each.report.figures.items()} for each in (clf, alone)]
    assert figures[0] == figures[1]

    found = study.predict("studied")
    predicted = alone.predict(embeddings=vectors)
    assert list(found.columns) == ["studied", "studied:score"]
    assert column(study, "studied") == dict(zip(predicted.ids, predicted.predicted, strict=True))
    score = column(study, "studied:score")
    assert [score[id] for id in predicted.ids] == pytest.approx(predicted.probabilities[:, 1].tolist())

    corrected = study.estimate("cat", classifier="studied", by="kind")
    table = {"id": predicted.ids, "kind": list(kinds(predicted.ids)), "stratum": list(kinds(predicted.ids))}
    outside = http.estimate(
        table, final, code="target", predictions={"p": (alone, predicted)}, by="kind", stratum="stratum",
        positive="yes",
    )  # fmt: skip
    assert figures_of(corrected) == pytest.approx(figures_of(outside))
    by_column = study.estimate("cat", predictions="studied", by="kind")
    assert figures_of(by_column) == pytest.approx(figures_of(corrected))
    study.zero_shot(LABELS, prefix="guess", each_label=False)
    labels = study.estimate("cat", predictions={"zero-shot": "guess"}, rename=NAMES)
    assert 0.1 < labels.value < 0.6
    operations = [each["operation"] for each in study.runs()]
    assert operations[:4] == ["estimate", "zero_shot", "estimate", "estimate"]
    assert {"train", "predict"} < set(operations)
    for each in (clf, alone):
        each.delete()


def test_designs_that_allow_no_inference_are_refused(study: CodingStudy, inline: Server) -> None:
    study.zero_shot(LABELS, prefix="draw")
    sizes = {
        str(len(study.picture(item["key"], "full"))): {"cat": {"value": "yes"}, "size": {"value": 1}}
        for item in study.items()
    }
    made = study.assign("highest", ["carla"], size=4, design="purposive", scores="draw:score")
    code(inline, made.tokens["carla"], sizes)
    with pytest.raises(InvalidRequestError, match="was drawn by the highest scores") as refused:
        study.estimate("cat", assignment="highest", predictions="draw")
    assert refused.value.code == "not_a_sample"
    made = study.assign("filtered", ["dora"], size=4, filters=["draw=a cat"])
    code(inline, made.tokens["dora"], sizes)
    study.zero_shot(["a dog", "a rocket launch"], prefix="draw")
    with pytest.raises(InvalidRequestError, match="since columns") as refused:
        study.estimate("cat", assignment="filtered", predictions="draw")
    assert refused.value.code == "population_changed"


def test_undrawn_items_that_change_are_a_change_of_the_population(study: CodingStudy, inline: Server) -> None:
    """Equally many items fulfil the filter, and all drawn ones still do."""
    sizes = {
        str(len(study.picture(item["key"], "full"))): {"cat": {"value": "yes" if i % 2 else "no"}, "size": {"value": 1}}
        for i, item in enumerate(study.items())
    }
    ids = [item["id"] for item in study.items()]
    study.zero_shot(LABELS, prefix="again")
    half = dict.fromkeys(ids[:16], "a") | dict.fromkeys(ids[16:], "b")
    study.set_columns({"id": ids, "half": [half[id] for id in ids]})
    made = study.assign("half", ["finn"], size=4, filters=["half=a"])
    code(inline, made.tokens["finn"], sizes)
    assert study.estimate("cat", assignment="half", predictions="again", rename=NAMES).value < 0.9
    drawn = set(study.codes("cat", assignment="half", layout="final").columns["id"])
    leaves = next(id for id in ids[:16] if id not in drawn)
    half |= {leaves: "b", ids[16]: "a"}
    study.set_columns({"id": ids, "half": [half[id] for id in ids]})
    with pytest.raises(InvalidRequestError, match="since columns") as refused:
        study.estimate("cat", assignment="half", predictions="again", rename=NAMES)
    assert refused.value.code == "population_changed"


def test_names_that_a_file_system_takes_for_equal_are_two_files_of_the_archive(
    study: CodingStudy, inline: Server, tmp_path: Path
) -> None:
    for name in ("same", "SAME", "Same"):
        study.assign(name, ["gus"], size=2)
    with zipfile.ZipFile(study.export(tmp_path / "equal.zip")) as archive:
        names = [name.casefold() for name in archive.namelist()]
    assert len(names) == len(set(names))
    assert sum(name.startswith("assignments/same") for name in names) == 3


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_lead_up_are_refused_and_delete_nothing(study: CodingStudy, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of an address"):
        study.delete_column(name)
    with pytest.raises(InvalidRequestError):
        study.set_columns({"id": ["x"], name: ["y"]})
    assert study.describe()["items"] == 32


def test_an_archive_has_what_a_replication_reads(http: Client, study: CodingStudy, tmp_path: Path) -> None:
    with zipfile.ZipFile(study.export(tmp_path / "study.zip")) as archive:
        names = set(archive.namelist())
        read = {name: archive.read(name) for name in names}
    assert {"README.txt", "codebook.json", "items.csv", "runs.json", "assignments.json", "vectors.json"} <= names
    assert json.loads(read["codebook.json"])["variables"][0] == {"name": "cat", "kind": "binary"}
    assert json.loads(read["vectors.json"])[0]["items"] == 32
    for name in ("codes/first-cat-wide.csv", "codes/first-cat-final.csv"):
        (tmp_path / Path(name).name).write_bytes(read[name])
    wide = study.codes("cat", assignment="first")
    found = http.agreement(tmp_path / "first-cat-wide.csv", resamples=20)
    assert found.percent.value == pytest.approx(http.agreement(wide.columns, resamples=20).percent.value)
    header, *rows = io.StringIO(read["items.csv"].decode()).read().splitlines()
    assert (len(rows), header.split(",")[:4]) == (32, ["id", "bytes", "width", "height"])
    assert not any(b"token" in content.lower() for name, content in read.items() if name != "README.txt")
    with pytest.raises(ValueError, match=r"name a \.zip file"):
        study.export(tmp_path / "study.tar")
