"""Evaluation of findings by coded boxes and texts, from Python and the command line, over HTTP and gRPC."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont

import daguerre
from models.analysers import evaluation_boxes, evaluation_text
from models.analysers.spec import Finding
from tests.e2e import harness

EDGES = ["x", "y", "width", "height"]
BOXES = {edge: [1, 1] for edge in EDGES}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two photos with an object, one without, one with a line of text, and a file that is none."""
    folder = tmp_path_factory.mktemp("evaluated")
    for name in ("astronaut", "chelsea", "retina"):
        (folder / f"{name}.jpg").write_bytes(harness.jpeg(name, width=300))
    page = Image.new("RGB", (640, 120), "white")
    ImageDraw.Draw(page).text((20, 30), "Families belong together", fill="black", font=ImageFont.load_default(40))
    page.save(folder / "page.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


@pytest.fixture(scope="module")
def found(inline, pictures):
    with daguerre.Client(inline.url) as client, pytest.warns(daguerre.DaguerreWarning):
        return client.analyse(pictures, {"objects": {"min_score": 0.05}, "text": {}})


@pytest.fixture
def coded(found) -> pd.DataFrame:
    """The person and the cat as they were found, moved a little; a cat that is not there; a picture without objects."""
    table = found.to_pandas()
    best = table[table.analyser == "objects"].sort_values("score", ascending=False)
    rows = [
        best[best.id == "astronaut.jpg"].iloc[0][["id", "label", *EDGES]].tolist(),
        best[best.id == "chelsea.jpg"].iloc[0][["id", "label", *EDGES]].tolist(),
        ["chelsea.jpg", "cat", 1, 1, 20, 20],
        ["retina.jpg", None, None, None, None, None],
    ]
    made = pd.DataFrame(rows, columns=["id", "label", *EDGES])
    made["x"] += 2
    return made


def evaluated(client, findings, **options):
    with pytest.warns(daguerre.RemarkWarning):
        return client.evaluate(findings, **options)


def test_boxes_have_the_figures_of_the_function(client, found, coded):
    report = evaluated(client, found, boxes=coded)
    ids = ["astronaut.jpg", "chelsea.jpg", "retina.jpg"]
    table = found.to_pandas()

    def findings(rows):
        by_id = {id: [] for id in ids}
        for row in rows.itertuples():
            if row.id in by_id and isinstance(row.label, str):
                box = (row.x, row.y, row.width, row.height)
                by_id[row.id].append(Finding(label=row.label, box=box, score=getattr(row, "score", None)))
        return list(by_id.values())

    own = evaluation_boxes.evaluate(findings(table[table.analyser == "objects"]), findings(coded))
    assert report.answer["boxes"]["pictures"] == 3
    assert report.boxes.ap == pytest.approx(own.overall.ap)
    assert report.boxes.recall.value == pytest.approx(2 / 3)
    assert set(report.labels) == {"person", "cat"}
    for label, figures in own.labels.items():
        assert report.labels[label].ap50 == pytest.approx(figures.ap50)
        assert report.labels[label].precision.value == pytest.approx(figures.precision.value)
        assert report.labels[label].suggested["f1"] == pytest.approx(figures.best.f1)
    assert report.boxes.count_error.low is None
    assert any("same boxes" in remark for remark in report.remarks)
    assert any("1 of 4 analysed pictures have no row" in remark for remark in report.remarks)
    table = report.to_pandas()
    assert set(table.columns) == {"findings", "label", "figure", "value", "low", "high"}
    assert "AP at .5" in repr(report)


def test_all_pictures_count_where_all_were_coded(client, found, coded):
    report = evaluated(client, found, boxes=coded[coded.label.notna()], all_coded=True)
    assert report.answer["boxes"]["pictures"] == 4
    assert not any("have no row" in remark for remark in report.remarks)


def test_texts_have_error_rates(client, found, pictures, tmp_path):
    true = {"page.png": "Families belong tugether", "chelsea.jpg": "", "broken.jpg": "x", "absent.jpg": "y"}
    report = evaluated(client, found, texts=true)
    report.report(tmp_path / "page.html", images=pictures)
    html = (tmp_path / "page.html").read_text()
    assert html.count("data:image/jpeg") == 1
    for words in ("1 error in 24 characters", "1 of 4 texts are blank", "character error rate"):
        assert words in html.replace("\u00a0", " ")
    assert evaluated(client, found, texts=true).tables(tmp_path / "tables") is None
    assert "evaluation-texts.csv" in {path.name for path in (tmp_path / "tables").iterdir()}
    assert report.texts.pictures == 1
    assert report.texts.character_error_rate.value == pytest.approx(1 / 24)
    assert report.texts.word_error_rate.value == pytest.approx(1 / 3)
    for words in ("1 of 4 texts are blank", "1 of 3 coded pictures were not analysed", "could not be analysed"):
        assert any(words in remark for remark in report.remarks), report.remarks
    empty = evaluated(client, found, texts=true, blank="none", ignore_case=True, whitespace="remove")
    assert empty.texts.pictures == 2
    assert empty.answer["texts"]["whitespace"] == "remove"
    rates = evaluation_text.error_rates([("Families belong tugether", "Families belong together")])
    assert report.texts.each[0]["character_edits"] == rates.character_edits
    assert report.to_pandas("texts").id.tolist() == ["page.png"]


def test_results_evaluate_themselves(client, pictures):
    read = client.read_text(pictures / "page.png")
    with pytest.warns(daguerre.RemarkWarning, match="no interval"):
        report = read.evaluate(texts=pd.Series({"page.png": "families BELONG together"}), ignore_case=True)
    assert report.texts.exact.value == 1


def test_coco_and_other_ids_are_read(client, found, coded, pictures, tmp_path):
    rows = coded[coded.label.notna()]
    labels = {"person": 1, "cat": 2}
    names = ["astronaut.jpg", "chelsea.jpg", "retina.jpg"]
    coco = {
        "images": [{"id": i, "file_name": f"data/photos/{name}"} for i, name in enumerate(names)],
        "categories": [{"id": number, "name": name} for name, number in labels.items()],
        "annotations": [
            {
                "image_id": names.index(row.id),
                "category_id": labels[row.label],
                "bbox": [getattr(row, e) for e in EDGES],
            }
            for row in rows.itertuples()
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    table = evaluated(client, found, boxes=coded)
    assert evaluated(client, found, boxes=tmp_path / "coco.json").boxes.ap == table.boxes.ap
    assert evaluated(client, found, boxes=coco).answer["boxes"]["pictures"] == 3
    with pytest.raises(ValueError, match="crowds"):
        client.evaluate(found, boxes={**coco, "annotations": [{**coco["annotations"][0], "iscrowd": 1}]})
    moved = coded.assign(path=[str(pictures / id) for id in coded.id]).drop(columns="id")
    assert evaluated(client, found, boxes=moved).boxes.ap == table.boxes.ap


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, ValueError, "boxes: give coded boxes, or texts="),
        ({"texts": {"other.jpg": "a"}}, ValueError, "no picture is both coded and analysed"),
        ({"texts": {"page.png": "a"}, "blank": "x"}, ValueError, "blank: got 'x'"),
        ({"boxes": {"id": ["a"], "label": ["b"]}}, ValueError, "needs the columns x, y, width, height"),
        ({"boxes": {"id": ["chelsea.jpg"], "label": ["cat"], "x": [1], "y": [1], "width": [None], "height": [3]}},
            ValueError, "row 1: has 'cat' and the box"),
        ({"boxes": {"id": ["chelsea.jpg"], "label": ["cat"], "x": ["a"], "y": [1], "width": [2], "height": [3]}},
            ValueError, "'a' is no number"),
        ({"boxes": {"id": ["chelsea.jpg"], "label": ["cat"], "x": [1], "y": [1], "width": [0], "height": [3]}},
            daguerre.InvalidRequestError, "boxes of 'chelsea.jpg': box"),
        ({"boxes": {"id": ["chelsea.jpg"] * 2, "label": ["cat"] * 2, "coder": ["a", "b"], **BOXES}},
            ValueError, "the boxes of 2 coders"),
        ({"texts": {"page.png": "a" * 50_001}}, daguerre.InvalidRequestError, "at most 50,000"),
        ({"texts": pd.DataFrame({"id": ["page.png"] * 2, "text": ["a", "b"]})}, ValueError, "has several rows"),
    ],
)  # fmt: skip
def test_codes_that_cannot_be_used_are_refused(client, found, options, error, words):
    with pytest.raises(error, match=words):
        client.evaluate(found, **options)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "neither boxes nor texts"),
        ({"texts": {"item": ["a"], "true": [], "read": [""]}}, "texts.true: has 0 texts for 1 pictures"),
        ({"texts": {"item": ["a", "a"], "true": ["", ""], "read": ["", ""]}}, "'a' appears twice"),
        ({"boxes": {"pictures": ["a"], "found": {"item": ["a"]}, "coded": {}}}, "boxes.found.label: has 0 values"),
        ({"boxes": {"pictures": [], "found": {}, "coded": {}}}, "pictures"),
    ],
)
def test_the_service_refuses_rows_that_do_not_fit(inline, body, words):
    with inline.client() as http:
        answer = http.post("/v1/evaluations", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_files_are_evaluated_from_the_command_line(inline, pictures, coded, found, tmp_path):
    coded.to_csv(tmp_path / "coded.csv", index=False)
    (tmp_path / "texts.csv").write_text("id,text\npage.png,Families belong together\n")
    with daguerre.Client(inline.url) as client, pytest.warns(daguerre.DaguerreWarning):
        client.analyse_corpus(pictures, tmp_path / "f.parquet", {"objects": {"min_score": 0.05}, "text": {}})
    found.to_pandas().to_csv(tmp_path / "f.csv", index=False)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "DAGUERRE_URL": inline.url}
        line = [sys.executable, "-m", "daguerre", "evaluate", *arguments]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    ran = run("f.parquet", "--boxes", "coded.csv", "--texts", "texts.csv", "-o", "out.csv")
    assert ran.returncode == 0, ran.stderr
    assert "all labels: AP" in ran.stdout
    assert "character error rate 0.000" in ran.stdout
    assert "chosen and measured on the same boxes" in ran.stderr
    assert "--all-coded" in ran.stderr
    figures = pd.read_csv(tmp_path / "out.csv")
    assert {"ap", "recall", "character_error_rate"} <= set(figures.figure)
    (tmp_path / "more.csv").write_text((tmp_path / "coded.csv").read_text() + "without.jpg,,,,,\n")
    of_csv = run("f.csv", "--boxes", "more.csv", "--texts", "texts.csv", "--json")
    assert of_csv.returncode == 0, of_csv.stderr
    answer = json.loads(of_csv.stdout)
    ap = figures[(figures.label == "all") & (figures.figure == "ap")].value.iloc[0]
    np.testing.assert_allclose(answer["boxes"]["overall"]["ap"], ap, rtol=1e-5)
    table = found.to_pandas()
    table[table.id != "retina.jpg"].to_csv(tmp_path / "some.csv", index=False)
    assert "does not list the pictures" in run("some.csv", "--boxes", "coded.csv").stderr
    assert run("f.parquet").returncode == 2
