"""Codes and pre-labels in files of Label Studio, CVAT and 4CAT: there and back, and against the programs' own forms."""

import csv
import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import daguerre
from daguerre import prelabels, read_annotations, write_annotations
from daguerre.cli import main
from daguerre.corpus.exchange.formats import FORMATS
from daguerre.corpus.exchange.marks import Mark, marks_of, tasks_of

WORDS = st.text(
    st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters="\ufffe\uffff,()\ufeff"), min_size=1
)
NAMES = WORDS.map(str.strip).filter(lambda name: name and not name.startswith(("=", "+", "-", "@", "'", "{")))
CODERS = st.sampled_from(["anna", "ben@example.org"])
MARKS = st.lists(
    st.builds(Mark, item=NAMES, variable=NAMES, value=NAMES, by=CODERS),
    min_size=1, max_size=8, unique_by=lambda mark: (mark.item, mark.variable, mark.by),
)  # fmt: skip


def facts(marks):
    return sorted((mark.item, mark.variable, mark.by, str(mark.value), mark.predicted, mark.score) for mark in marks)


@pytest.mark.parametrize("program", ["label-studio", "cvat"])
@given(marks=MARKS, score=st.none() | st.floats(0, 1))
def test_codes_of_several_coders_come_back(program, marks, score):
    """Also as pre-labels, with the version of the model in place of the coder."""
    marks += [Mark(item="a", variable="v", value="b", by="m 1", predicted=True, score=score)]
    made = FORMATS[program].write(tasks_of(marks))
    assert facts(marks_of(FORMATS[program].read(made))) == facts(marks)


@given(marks=MARKS)
def test_4cat_keeps_all_but_who_made_the_codes_of_one_coder(marks):
    fields = {(mark.variable, mark.by) for mark in marks}
    text = FORMATS["4cat"].write(tasks_of(marks))
    found = list(marks_of(FORMATS["4cat"].read(text)))
    alone = {v for v, _ in fields if sum(v == other for other, _ in fields) == 1}
    expected = [(m.item, m.variable, "4cat" if m.variable in alone else m.by, m.value) for m in marks]
    assert sorted((m.item, m.variable, m.by, m.value) for m in found) == sorted(expected)
    assert next(csv.reader([text.splitlines()[0]]))[0] == "item_id"


@given(marks=st.lists(
    st.builds(
        Mark, item=st.text(min_size=1), variable=st.text(), by=CODERS, predicted=st.booleans(),
        value=st.one_of(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False), st.integers(),
        st.lists(st.text(), min_size=2)),
    ), min_size=1, max_size=8,
))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ndjson_keeps_codes_and_coders(tmp_path, marks):
    """Read and written by the file's name; each line is a JSON object."""
    write_annotations(tasks_of(marks), tmp_path / "codes.ndjson")
    lines = (tmp_path / "codes.ndjson").read_text().splitlines()
    assert all(json.loads(line)["item_id"] for line in lines)
    assert facts(marks_of(read_annotations(tmp_path / "codes.ndjson"))) == facts(marks)


def test_an_export_of_cvat_is_read(tmp_path):
    """As CVAT writes it: tags and boxes, with attributes of their own."""
    (tmp_path / "annotations.xml").write_text("""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>4</id><name>stamps</name></task></meta>
  <image id="0" name="cats/cat.jpg" subset="default" task_id="4" width="640" height="480">
    <tag label="cat" source="manual"></tag>
    <box label="car" source="manual" occluded="0" xtl="64.00" ytl="48.00" xbr="320.00" ybr="240.00" z_order="0">
      <attribute name="parked">true</attribute></box>
    <polygon label="tree" points="1,2;3,4;5,6" z_order="0"></polygon>
  </image></annotations>""")
    with pytest.warns(daguerre.RemarkWarning, match="shapes that are not read: 1 of polygon"):
        (task,) = read_annotations(tmp_path / "annotations.xml")
    (annotation,) = task["annotations"]
    tag, box = annotation["result"]
    assert (task["data"]["id"], tag["value"]) == ("cats/cat.jpg", {"choices": ["cat"]})
    assert box["value"] == {**{"x": 10, "y": 10, "width": 40, "height": 40, "rotation": 0}, "rectanglelabels": ["car"]}
    assert (box["original_width"], box["original_height"]) == (640, 480)


def test_an_export_of_4cat_is_read(tmp_path):
    """The CSV of its processor "Export annotations"."""
    (tmp_path / "a.csv").write_text(
        "id,dataset,item_id,field_name,label,type,value,author,by_processor\n"
        '1,d,post-1,f,mood,dropdown,glad,anna,False\n2,d,post-1,g,signs,checkbox,"flag,banner",anna,False\n'
        "3,d,post-2,f,mood,text,sad,blip,True\n"
    )
    first, second = read_annotations(tmp_path / "a.csv")
    assert [each["value"]["choices"] for each in first["annotations"][0]["result"]] == [["glad"], ["flag", "banner"]]
    assert second["predictions"][0]["model_version"] == "blip"


def test_results_become_pre_labels(inline, photos, tmp_path):
    """The SDK and the tables of the command line give the same scores."""
    with daguerre.Client(inline.url, progress=False) as client:
        scores = client.zero_shot(images=photos, labels=["a cat", "a rocket"])
    scores.to_pandas().to_csv(tmp_path / "scores.csv")
    tasks = prelabels(scores, variable="subject")
    assert [task["data"]["id"] for task in tasks] == list(scores.ids)
    for task, best, row in zip(tasks, scores.best, scores.scores, strict=True):
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == f"{scores.model} {scores.fingerprint}"
        (result,) = prediction["result"]
        assert (result["from_name"], result["type"], result["value"]) == ("subject", "choices", {"choices": [best]})
        assert prediction["score"] == result["score"] == pytest.approx(row.max(), rel=1e-6)
    again = prelabels(tmp_path / "scores.csv", variable="subject", version=f"{scores.model} {scores.fingerprint}")
    assert [task["data"] for task in again] == [task["data"] for task in tasks]
    for program, name in (("label-studio", "t.json"), ("cvat", "t.xml"), ("4cat", "t.csv")):
        write_annotations(tasks, tmp_path / name, program)
        found = [mark.value for mark in marks_of(read_annotations(tmp_path / name, program))]
        assert found == list(scores.best)


def test_boxes_of_objects_go_to_cvat_in_pixels(tmp_path):
    table = {
        **{"id": ["a.jpg"] * 2, "label": ["car", "cat"], "score": [0.9, 0.5], "x": [10, 0.5], "y": [20, 0]},
        **{"width": [30, 99], "height": [40, 50], "image_width": [100, 100], "image_height": [200, 200]},
    }
    write_annotations(prelabels(table, version="nanodet 1"), tmp_path / "boxes.xml")
    (image,) = ElementTree.parse(tmp_path / "boxes.xml").getroot().iter("image")
    assert (image.get("name"), image.get("width"), image.get("height")) == ("a.jpg", "100", "200")
    corners = [[float(box.get(name)) for name in ("xtl", "ytl", "xbr", "ybr")] for box in image.iter("box")]
    assert corners == [[10, 20, 40, 60], [0.5, 0, 99.5, 50]]
    assert [box.get("source") for box in image.iter("box")] == ["auto", "auto"]
    with pytest.raises(ValueError, match="4CAT's annotations are of whole items"):
        write_annotations(prelabels(table), tmp_path / "boxes.csv", "4cat")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{}", "is no list of tasks"),
        ("a.json", "x", "Expecting value"),
        ("a.xml", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', "document type"),
        ("a.xml", "<html/>", "begins with <html>"),
        ("a.xml", "<annotations>", "is no XML"),
        ("a.csv", "", "has no rows"),
        ("a.csv", "name,mood\na,glad\n", "has no column item_id or id, .* it has name, mood"),
        ("a.csv", "id,mood\na,glad,sad\n", "more cells than the header"),
        (
            "a.csv",
            "id,label,a cat,a dog\na,a cat,0.9,0.1\n",
            "a table of results, with 'a cat', 'a dog'.*daguerre export",
        ),
        ("a.csv", "id,label,score\na,cat,1\n", "a table of results, with 'score'"),
        ("a.ndjson", "{}\n[1]", "row 2 is no object"),
        ("a.ndjson", "{", "is no NDJSON"),
        ("a.txt", "", "ends in .txt; name a file"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_annotations(tmp_path / name)


@pytest.mark.parametrize("character", ["\0", "\x0b", "\ufffe", "\ud800"])
@pytest.mark.parametrize("name", ["item", "variable", "value", "by"])
def test_characters_that_xml_does_not_have_are_named(tmp_path, character, name):
    about = {"item": "a", "variable": "v", "value": "x", "by": "anna", name: f"a{character}b"}
    with pytest.raises(ValueError, match="which no XML file can hold"):
        write_annotations(tasks_of([Mark(**about)]), tmp_path / "a.xml")
    assert not list(tmp_path.iterdir())


def test_4cat_takes_twenty_fields(tmp_path):
    marks = [Mark(item="a", variable=f"v{i}", value="x", by="anna") for i in range(21)]
    with pytest.raises(ValueError, match="20 fields at once, and there are 21"):
        write_annotations(tasks_of(marks), tmp_path / "a.csv")


def test_the_command_line_exports_tables(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("id,label,cat,dog\na.jpg,cat,0.75,0.25\nb.jpg,,,\n")
    command = ["export", str(table), "--for", "label-studio", "--variable", "pet", "-o", str(tmp_path / "t.json")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    (task,) = json.loads((tmp_path / "t.json").read_text())
    assert task["predictions"][0]["result"][0] == {
        **{"from_name": "pet", "to_name": "image", "score": 0.75, "type": "choices", "value": {"choices": ["cat"]}}
    }


def test_pictures_get_addresses_for_label_studio(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("id,label,fingerprint\na b.jpg,cat,f1\n")
    common = ["export", str(table), "--picture-prefix", "/data/local-files/?d=photos/"]
    done = CliRunner().invoke(main, [*common, "--for", "label-studio", "-o", str(tmp_path / "t.json")])
    assert done.exit_code == 0, done.output
    (task,) = json.loads((tmp_path / "t.json").read_text())
    assert task["data"] == {"id": "a b.jpg", "image": "/data/local-files/?d=photos/a%20b.jpg"}
    assert task["predictions"][0]["model_version"] == "f1"
    refused = CliRunner().invoke(main, [*common, "--for", "4cat", "-o", str(tmp_path / "t.csv")])
    assert refused.exit_code == 2
    assert "--picture-prefix applies only to --for label-studio" in refused.output
    (task,) = prelabels(table, picture_prefix="s3://bucket/")
    assert task["data"]["image"] == "s3://bucket/a b.jpg"


def test_the_command_line_saves_codes_of_a_coder(inline, photos, tmp_path):
    """The only assignment is taken, and --coder names the coder where the file does not, as one of 4CAT."""
    with daguerre.Client(inline.url, progress=False) as client:
        study = client.create_study("exchange")
        study.add(photos)
        ids = [each["id"] for each in study.items()]
        study.set_codebook({"variables": [{"name": "pet", "kind": "binary"}]})
        study.assign("first", ["anna"], items=ids)
    codes = tmp_path / "codes.csv"
    codes.write_text(f"item_id,pet\n{ids[0]},yes\n{ids[1]},perhaps\n")

    def run(*options):
        return CliRunner().invoke(main, ["--url", inline.url, "study", "annotations", "exchange", *map(str, options)])

    refused = run("--add", codes)
    assert refused.exit_code == 5, refused.output
    assert "'4cat' is no coder" in refused.output
    assert "'perhaps'" in refused.output  # beside the coder's problem
    done = run("--add", codes, "--coder", "anna")
    assert (done.exit_code, "1 codes saved, 0 there already" in done.output) == (0, True), done.output
    again = run("--add", codes, "--names", "4cat=anna")
    assert (again.exit_code, "0 codes saved, 1 there already" in again.output) == (0, True), again.output
    assert "1 codes of 1 items" in run("--out", tmp_path / "out.ndjson").output
    for options, message in (
        (("--names", "anna"), "give the name in the file"),
        (("--names", "ben=anna"), "'ben' is no coder of the file, which has 4cat"),
        (("--names", "4cat=anna", "--coder", "anna"), "give either --coder or --names"),
    ):
        assert message in run("--add", codes, *options).output
    codes.write_text(f"item_id,pet (x),pet (y)\n{ids[0]},yes,no\n")
    assert "this one has x, y; give --names x=anna" in run("--add", codes, "--coder", "anna").output
    with daguerre.Client(inline.url, progress=False) as client:
        client.delete_study("exchange")
