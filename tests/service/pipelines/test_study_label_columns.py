"""Columns of labels of a study, none of which takes the place of another, and items that fail alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from service.errors import Unavailable
from service.inference.labellers import LocalLabeller
from service.pipelines.study_label_columns import columns_for
from service.pipelines.study_labels import _require_answers
from service.schemas.codebooks import Codebook


def categories(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def test_long_and_odd_names_have_columns_of_their_own() -> None:
    long = "y" * 120
    several = {"kind": "categorical", "multiple": True}
    book = Codebook.model_validate({
        "variables": [
            {"name": "x" * 60 + "a", "kind": "binary"},
            {"name": "x" * 60 + "b", "kind": "binary"},
            {"name": "m", **several, "categories": categories(long + "1", long + "2", "<18", "a", "a:outcome")},
            {"name": "t ", "kind": "text"},
        ]
    })  # fmt: skip
    found = columns_for(book, "p" * 60)
    names = [name for each in found for name in each.names(True)]
    assert len(names) == len(set(names)) == 2 * 4 + 5 * 2 + 2
    assert all(name == name.strip() and len(name) <= 100 and "<" not in name for name in names)
    assert [each.base for each in columns_for(book, "q")][4:] == ["q:m:_18", "q:m:a", "q:m:a:outcome 2", "q:t"]


def test_an_item_that_a_local_model_cannot_run_fails_alone() -> None:
    method: Any = SimpleNamespace(labeller=LocalLabeller(name="own", kind="local", model="tiny"))
    failed = {"error": {"code": "labeller_failed", "message": "of memory"}}
    _require_answers([{"labels": {}}, failed, failed], method)
    for data in ([failed], [{"labels": {}}, failed, failed, failed]):
        with pytest.raises(Unavailable):
            _require_answers(data, method)
