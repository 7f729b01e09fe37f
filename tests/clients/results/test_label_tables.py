"""Tables of codebook labels: names of variables and texts that mean something else in a table."""

import csv
from pathlib import Path

from daguerre.cli.output import write_rows
from daguerre.errors import ItemError
from daguerre.results.base import Errors
from daguerre.results.labels import CodebookLabels

BOOK = {"variables": [{"name": name, "kind": "text"} for name in ("message", "id", "label_id", "topic")]}


def made() -> CodebookLabels:
    labels = {name: {"value": value, "cannot_tell": False} for name, value in (
        ("message", "vote"), ("id", "7"), ("label_id", "x"), ("topic", '=HYPERLINK("http://a.b")')
    )}  # fmt: skip
    return CodebookLabels(
        ids=["a.jpg", "b.jpg"],
        errors=Errors([ItemError(1, "b.jpg", "refused", "no")]),
        entries=[{"index": 0, "id": "a.jpg", "labels": labels}, {"index": 1, "id": "b.jpg"}],
        codebook=BOOK,
        prompt={},
        receipt={},
    )


def test_variables_with_the_names_of_other_columns_keep_their_labels() -> None:
    first, second = made().wide()
    assert first == {
        "id": "a.jpg", "label_message": "vote", "label_label_id": "7", "label_id": "x",
        "topic": '=HYPERLINK("http://a.b")', "cannot_tell": None, "error": None, "message": None,
    }  # fmt: skip
    assert (second["id"], second["label_message"], second["message"]) == ("b.jpg", None, "no")


def test_texts_of_a_model_are_no_formulas(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    write_rows(made().wide(), str(out), written=("topic",))
    with out.open(encoding="utf-8", newline="") as file:
        assert [row["topic"] for row in csv.DictReader(file)] == ['\'=HYPERLINK("http://a.b")', ""]
