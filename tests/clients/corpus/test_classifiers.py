"""Coded items in folders and tables."""

from pathlib import Path
from typing import Any

import pytest

from daguerre.corpus.classifiers import read_coded_folder, training_arguments
from daguerre.corpus.coded import read_coded


def table(tmp_path: Path, text: str) -> str:
    (tmp_path / "codes.csv").write_text(text)
    return str(tmp_path / "codes.csv")


def arguments(path: str, *, numeric: bool) -> dict[str, Any]:
    """The arguments of a training by a table with columns path, text and target."""
    return training_arguments(read_coded(path, image="path", text="text", target="target"), numeric=numeric)


def test_a_folder_of_classes_is_training_data_and_test_data(tmp_path):
    for name in ("train/cat/a.jpg", "train/dog/b.jpg", "test/cat/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    read = read_coded_folder(str(tmp_path))
    assert [Path(path).name for path in read["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert (read["targets"], read["split"]) == (["cat", "dog", "cat"], ["train", "train", "test"])
    alone = read_coded_folder(str(tmp_path / "train"))
    assert (alone["targets"], alone["split"]) == (["cat", "dog"], None)
    with pytest.raises(ValueError, match=r"train/CLASS/image\.jpg"):
        read_coded_folder(str(tmp_path / "test" / "cat"))


def test_a_table_has_a_row_for_each_item(tmp_path):
    path = table(tmp_path, "path,text,target,id,group,weight,split\na.jpg,x,1,A,g,2,train\nb.jpg,,,B,h,0.5,test\n")
    assert arguments(path, numeric=True) == {
        "images": [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")],
        "texts": ["x", None],
        "targets": [1.0, None],
        "ids": ["A", "B"],
        "groups": ["g", "h"],
        "sample_weight": [2.0, 0.5],
        "split": ["train", "test"],
    }


def test_a_table_with_coders_has_a_row_for_each_code(tmp_path):
    path = table(tmp_path, "path,coder,target\na.jpg,x,cat\na.jpg,y,dog\nb.jpg,x,\n")
    a, b = str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")
    assert arguments(path, numeric=False) == {
        "images": [a, b],
        "codes": [("x", a, "cat"), ("y", a, "dog"), ("x", b, None)],
    }
    path = table(tmp_path, "text,coder,target\nhello,x,cat\nhello,y,dog\n")
    assert arguments(path, numeric=False) == {
        "texts": ["hello"],
        "ids": ["hello"],
        "codes": [("x", "hello", "cat"), ("y", "hello", "dog")],
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("path,code\na.jpg,1\n", "needs 'target'"),
        ("path,target\n", "has no rows"),
        ("path,target\n,1\n", "1 rows without path"),
        ("path,target\na.jpg,much\n", "the codes of a continuous target are numbers"),
        ("path,target,weight\na.jpg,1,much\n", "column weight"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, text, why):
    with pytest.raises(ValueError, match=why):
        arguments(table(tmp_path, text), numeric=True)


def test_an_item_has_one_row_unless_there_are_coders(tmp_path):
    twice = "path,target\na.jpg,1\nb.jpg,0\na.jpg,0\n"
    with pytest.raises(
        ValueError, match=r"a\.jpg' is in rows 1 and 3, coded '1' and '0'; keep one row, or name the coders"
    ):
        arguments(table(tmp_path, twice), numeric=False)
    posts = table(tmp_path, "path,text,target\na.jpg,x,1\na.jpg,y,0\n")  # one picture in two posts
    assert arguments(posts, numeric=False)["texts"] == ["x", "y"]


def test_columns_are_found_whatever_their_capitals(tmp_path):
    path = table(tmp_path, "Path; TARGET ;Coder;ID\na.jpg;1,5;x;1.0\nb.jpg;NA;x;2.0\n")
    read = arguments(path, numeric=True)
    assert read["codes"] == [("x", "1", 1.5), ("x", "2", "NA")]
    assert read["ids"] == ["1", "2"]
