"""Labelled images on disk to items: what is read, what is left out and why, what is refused."""

import csv
import os
import unicodedata
from collections import Counter

import pytest

from models.classifiers.folders import check_classes, read_collection
from models.errors import TrainingError
from tests.models import coded_images as images


def codes(notes):
    return [note.code for note in notes]


@pytest.fixture
def data(tmp_path):
    return images.folder(tmp_path / "data", train=3, test=2)


def test_a_folder_of_classes_becomes_items_in_a_stated_order(data):
    images.save(data / "validation" / "dots" / "deep" / "a.png", images.pattern("dots", 50))
    found = read_collection(data)
    assert [item.name for item in found.items][:4] == [
        "train/bars/000.png",
        "train/bars/001.png",
        "train/bars/002.png",
        "train/checks/000.png",
    ]
    counts = Counter((item.split, item.target) for item in found.items)
    assert counts == {
        **{("train", target): 3 for target in ("bars", "checks", "dots")},
        ("validation", "dots"): 1,
        **{("test", target): 2 for target in ("bars", "checks", "dots")},
    }
    assert {item.target for item in found.items if "deep" in item.name} == {"dots"}
    assert not found.dropped
    assert not found.notes
    assert read_collection(data) == found


SYSTEM = [f"train/{name}/a.png" for name in ("__MACOSX/bars", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found")]


def test_hidden_files_are_skipped_without_a_word(data):
    before = read_collection(data)
    for name in ("train/bars/.DS_Store", "train/bars/Thumbs.db", "train/.hidden/a.png", *SYSTEM):
        images.save(data / "x.png", images.pattern("bars", 1))
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / "x.png").rename(data / name)
    assert read_collection(data) == before


def test_what_is_no_image_is_left_out_with_the_reason(data):
    (data / "train/bars/notes.txt").write_text("see the codebook")
    (data / "train/bars/empty.jpg").write_bytes(b"")
    (data / "train/stray.png").write_bytes((data / "train/bars/000.png").read_bytes())
    found = read_collection(data)
    assert {(row.name, row.code) for row in found.dropped} == {
        ("train/bars/notes.txt", "unsupported_image"),
        ("train/bars/empty.jpg", "invalid_image"),
        ("train/stray.png", "no_class"),
    }
    assert "plain text" in next(row.reason for row in found.dropped if row.name.endswith("txt"))
    assert len(found.items) == 15


def test_an_unreadable_class_and_a_strange_folder_are_noted(data):
    (data / "train/empty").mkdir()
    (data / "holdout").mkdir()
    notes = {note.code: note.message for note in read_collection(data).notes}
    assert "'train/empty'" in notes["empty_class"]
    assert "'holdout'" in notes["unused_folder"]


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_class_that_is_never_trained_is_refused(data, split):
    images.save(data / split / "stripes" / "a.png", images.pattern("bars", 9))
    with pytest.raises(TrainingError, match=f"{split}: 'stripes' not among the training images"):
        read_collection(data)


def test_the_same_file_in_train_and_test_is_noted_as_leakage(data):
    (data / "test/bars/copy.png").write_bytes((data / "train/bars/000.png").read_bytes())
    (note,) = read_collection(data).notes
    assert note.code == "leakage"
    assert "train/bars/000.png = test/bars/copy.png" in note.message


def test_copies_within_one_split_are_no_leakage_but_two_classes_are_a_contradiction(data):
    pixels = (data / "train/bars/000.png").read_bytes()
    (data / "train/bars/copy.png").write_bytes(pixels)
    assert not read_collection(data).notes
    (data / "train/dots/copy.png").write_bytes(pixels)
    assert codes(read_collection(data).notes) == ["contradiction"]


def test_links_out_of_the_folder_are_followed_only_where_that_is_allowed(data, tmp_path):
    images.save(tmp_path / "elsewhere.png", images.pattern("dots", 77))
    os.symlink(tmp_path / "elsewhere.png", data / "train/dots/link.png")
    os.symlink(data / "train/dots/000.png", data / "train/dots/inside.png")
    shut = read_collection(data)
    assert [(row.name, row.code) for row in shut.dropped] == [("train/dots/link.png", "outside")]
    assert "train/dots/inside.png" in {item.name for item in shut.items}
    assert not read_collection(data, anywhere=True).dropped


def test_a_folder_without_train_or_without_images_says_what_is_missing(tmp_path):
    with pytest.raises(TrainingError, match="no folder train/ in it; put each class's images in train/CLASS/"):
        read_collection(tmp_path)
    (tmp_path / "train/a").mkdir(parents=True)
    (tmp_path / "train/a/x.png").write_text("no image")
    with pytest.raises(TrainingError, match=r"no training image was found \(1 files were left out, the first: image"):
        read_collection(tmp_path)
    with pytest.raises(TrainingError, match="no such folder or table"):
        read_collection(tmp_path / "nowhere")


# tables


@pytest.fixture
def rows(tmp_path):
    made = []
    for i, kind in enumerate(["bars", "checks", "dots", "bars"]):
        images.save(tmp_path / f"{i}.png", images.pattern(kind, i))
        made.append({"path": f"{i}.png", "target": kind})
    return made


def test_a_table_gives_path_target_split_weight_and_group(tmp_path, rows):
    for row, split, weight, group in zip(
        rows, ["train", "", "Test", "val"], ["2", "", "0.5", "1"], ["a", "", "b", "c"], strict=True
    ):
        row |= {"split": split, "weight": weight, "group": group}
    rows[2]["target"] = "bars"
    found = read_collection(images.table(tmp_path / "t.csv", rows))
    assert [(i.target, i.split, i.weight, i.group) for i in found.items] == [
        ("bars", "train", 2.0, "a"),
        ("checks", "train", 1.0, None),
        ("bars", "test", 0.5, "b"),
        ("bars", "validation", 1.0, "c"),
    ]
    assert all(len(item.sha256) == 64 for item in found.items)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "t.csv"), ("\t", "t.tsv"), (",", "t.csv")])
def test_the_delimiter_is_told_from_the_header(tmp_path, rows, delimiter, name):
    lines = ["\ufeffTarget", "path"], *([row["target"], row["path"]] for row in rows)
    (tmp_path / name).write_text("\r\n".join(delimiter.join(line) for line in lines) + "\r\n\r\n", encoding="utf-8")
    assert [item.name for item in read_collection(tmp_path / name).items] == ["0.png", "1.png", "2.png", "3.png"]


def test_rows_that_cannot_be_used_are_left_out_with_the_reason(tmp_path, rows):
    rows += [
        {"path": "gone.png", "target": "bars"},
        {"path": "nul\0.png", "target": "bars"},
        {"path": "../" + tmp_path.name + "/../secret.png", "target": "bars"},
        {"path": "/etc/hostname", "target": "bars"},
        {"path": "9.png", "target": "NA"},
    ]
    found = read_collection(images.table(tmp_path / "t.csv", rows))
    assert [row.code for row in found.dropped] == ["missing", "unreadable", "outside", "outside", "no_target"]
    assert len(found.items) == 4


def test_targets_and_paths_are_read_as_everywhere(tmp_path, rows):
    """Codes by models.codes; paths with backslashes and in the other form of accents."""
    (tmp_path / "deep").mkdir()
    (tmp_path / rows[0]["path"]).rename(tmp_path / "deep" / unicodedata.normalize("NFC", "é.png"))
    named = "deep\\" + unicodedata.normalize("NFD", "é.png")
    given = [
        {"path": named, "target": "1"},
        *({**row, "target": t} for row, t in zip(rows[1:], ["1.0", "0", "NA"], strict=True)),
    ]
    found = read_collection(images.table(tmp_path / "t.csv", given))
    assert [(item.name, item.target) for item in found.items] == [(named, "1"), ("1.png", "1"), ("2.png", "0")]
    assert [item.code for item in found.dropped] == ["no_target"]
    assert codes(found.notes) == ["missing_codes"]
    assert "1 targets count as missing: 1 'NA'" in found.notes[0].message


def test_columns_that_are_not_read_are_noted(tmp_path, rows):
    found = read_collection(images.table(tmp_path / "t.csv", [{**row, "coder": "x"} for row in rows]))
    assert codes(found.notes) == ["unused_columns"]
    assert "'coder'" in found.notes[0].message


def test_a_group_in_train_and_test_is_noted(tmp_path, rows):
    rows = [{**row, "group": "g", "split": split} for row, split in zip(rows, ["train", "test"] * 2, strict=True)]
    assert codes(read_collection(images.table(tmp_path / "t.csv", rows)).notes) == ["groups_straddle"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "holdout"}, "line 3: split 'holdout' must be one of train, validation, test"),
        ({"weight": "0"}, "line 3: weight '0' is not a number above 0"),
        ({"weight": "nan"}, "line 3: weight 'nan'"),
        ({"weight": "1,5"}, "line 3: weight '1,5'"),
        ({"path": " "}, "line 3: the path is empty"),
        ({"path": "0.png"}, "line 3: '0.png' is also on line 2; each image needs one row"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_line(tmp_path, rows, change, message):
    rows = [{**row, "split": "", "weight": ""} for row in rows]
    rows[1] |= change
    with pytest.raises(TrainingError, match=message):
        read_collection(images.table(tmp_path / "t.csv", rows))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "0 columns named 'path' in the header ''"),
        (b"path,label\na.png,x\n", "0 columns named 'target' in the header 'path,label'"),
        (b"path,target,target\n", "2 columns named 'target'"),
        (b"path,target\na.png,b,c\n", "line 2: 3 cells, the header has 2; quote cells that contain ','"),
        (b"path,target\n", "no training image was found"),
        ("path,target\nü.png,x\n".encode("latin-1"), "byte 12 is not UTF-8; save the table as UTF-8"),
        (b"path,target\n" + b"x" * 200_000 + b",a\n", "line 2: field larger than field limit"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, message):
    csv.field_size_limit(131_072)  # Python's; the command line raises it for its own process, which tests share
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(TrainingError, match=message):
        read_collection(tmp_path / "t.csv")


def test_classes_are_checked_of_tables_when_the_task_is_known(tmp_path, rows):
    """Numbers may differ between splits, classes may not: the reader cannot tell them apart."""
    rows = [{**row, "target": str(i), "split": "test" if i else "train"} for i, row in enumerate(rows)]
    found = read_collection(images.table(tmp_path / "t.csv", rows))
    with pytest.raises(TrainingError, match="test: '1', '2', '3' not among the training images"):
        check_classes(found.items)
