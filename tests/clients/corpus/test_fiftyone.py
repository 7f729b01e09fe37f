"""Labels and boxes for FiftyOne: there and back, relative boxes, one variable in a file."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import daguerre
from daguerre.cli import main
from daguerre.corpus.exchange.formats import FORMATS
from daguerre.corpus.exchange.marks import Mark, marks_of, tasks_of

FORMAT = FORMATS["fiftyone"]
TEXT = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1)


@given(
    variable=TEXT,
    codes=st.dictionaries(TEXT, st.one_of(TEXT, st.lists(TEXT, min_size=2, max_size=4)), min_size=1, max_size=6),
    predicted=st.booleans(),
    score=st.floats(0, 1),
)
def test_codes_come_back(variable, codes, predicted, score):
    about = {"variable": variable, "by": "m 1", "predicted": predicted, "score": score if predicted else None}
    marks = [Mark(item=item, value=value, **about) for item, value in codes.items()]
    text = FORMAT.write(tasks_of(marks))
    assert list(marks_of(FORMAT.read(text))) == marks
    content = json.loads(text)
    assert set(content["labels"]) == set(codes)


def test_boxes_are_relative():
    box = Mark(
        item="a.jpg", variable="label", value="cat", by="m", predicted=True, box=(10, 20, 30, 40), size=(100, 200)
    )
    (entry,) = json.loads(FORMAT.write(tasks_of([box])))["labels"]["a.jpg"]
    assert entry["bounding_box"] == pytest.approx([0.1, 0.1, 0.3, 0.2])
    assert entry["label"] == "cat"


def test_several_variables_and_boxes_beside_labels_are_refused():
    plain = Mark(item="a", variable="v", value="x", by="m")
    with pytest.raises(ValueError, match="one variable from a file, and there are 'v', 'w'; write a file for each"):
        FORMAT.write(tasks_of([plain, Mark(item="a", variable="w", value="x", by="m")]))
    box = Mark(item="b", variable="v", value="x", by="m", box=(0, 0, 1, 1), size=(2, 2))
    with pytest.raises(ValueError, match="boxes or labels of whole pictures"):
        FORMAT.write(tasks_of([plain, box]))


@pytest.mark.parametrize("content", ["[]", "{}", '{"labels": []}'])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="has no object `labels`; export a FiftyOneImageClassificationDataset"):
        daguerre.read_annotations(tmp_path / "a.json", "fiftyone")


def test_labels_by_their_number_are_read():
    text = json.dumps(
        {"classes": ["cat", "dog"], "labels": {"a": 1, "b": {"label": "cat", "confidence": 0.5}, "c": None}}
    )
    found = {mark.item: (mark.value, mark.score) for mark in marks_of(FORMAT.read(text))}
    assert found == {"a": ("dog", None), "b": ("cat", 0.5)}


def test_the_command_line_writes_labels_and_the_paths_of_pictures(tmp_path):
    (tmp_path / "photos" / "b").mkdir(parents=True)
    (tmp_path / "photos" / "b" / "a.jpg").write_bytes(b"a picture")
    (tmp_path / "out.jpg").write_bytes(b"another")
    (tmp_path / "t.csv").write_text("id,label,score\nb/a.jpg,cat,0.9\nc.jpg,,\n../out.jpg,dog,0.5\n")
    arguments = ["export", str(tmp_path / "t.csv"), "--for", "fiftyone", "--root", str(tmp_path / "photos")]
    done = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    entry = json.loads((tmp_path / "out.json").read_text())["labels"]["b/a.jpg"]
    assert entry == {"label": "cat", "confidence": 0.9, "attributes": {"model": "daguerre"}}
    paths = json.loads((tmp_path / "out.paths.json").read_text())
    assert paths == {"b/a.jpg": str(tmp_path / "photos" / "b" / "a.jpg")}
    assert "1 items have no file there, the first is '../out.jpg'" in done.output
    assert "1 items have no label in the table, and are left out" in done.output
    done = CliRunner().invoke(main, [*arguments[:-1], str(tmp_path / "photos" / "b"), "-o", str(tmp_path / "o.json")])
    assert done.exit_code != 0
    assert "has no file of any item, the first is 'b/a.jpg'; give the folder of the ids" in done.output


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": {"label": "x", "confidence": "0.5"}}, "a: its confidence is '0.5', and must be a number from 0 to 1"),
        ({"a": {"label": ["x", "y"]}}, "a: its label is no text"),
        ({"a": 7}, "a: its label is number 7, and there are 1 classes"),
        ({"a": [{"label": "x", "bounding_box": [0, 0, 1, 1]}]}, "a: has boxes"),
    ],
)
def test_other_types_are_refused_by_the_item(labels, message):
    with pytest.raises(ValueError, match=message):
        list(FORMAT.read(json.dumps({"classes": ["x"], "labels": labels})))


def test_other_files_are_refused_whatever_they_are(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="is nested too deeply"):
        daguerre.read_annotations(tmp_path / "a.json", "fiftyone")
    with pytest.raises(ValueError, match="classes: is no list"):
        list(FORMAT.read('{"classes": 5, "labels": {}}'))


@pytest.mark.parametrize(("program", "option"), [("cvat", "--root"), ("cvat", "--vectors")])
def test_options_of_other_programs_are_refused(tmp_path, program, option):
    (tmp_path / "t.csv").write_text("id,label\na.jpg,cat\n")
    value = str(tmp_path if option == "--root" else tmp_path / "t.csv")
    arguments = ["export", str(tmp_path / "t.csv"), "--for", program, option, value]
    done = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "out.json")])
    assert done.exit_code == 2
    assert f"{option} applies only to --for" in done.output
