"""Columns that analyses write: which they replace, which they leave alone, and what is remembered of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Conflict, TooLarge, Unprocessable
from service.settings import Settings
from service.stores.studies import Studies, Study
from service.stores.study_columns import delete_column, describe_columns
from service.stores.study_items import (
    FILTER,
    MOST_COLUMNS,
    NewItem,
    add_items,
    digest,
    list_columns,
    page_of_items,
    put_columns,
    values_of,
)
from service.stores.study_runs import check_prefix, column_names, list_runs, run_of_column, write_run


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    store = Studies(Settings(home=tmp_path))
    made = store.create("s", None, title="", folder=None)
    add_items(made.database, [NewItem(id=f"{i}.jpg", bytes=1) for i in range(4)])
    yield made
    store.close()


def write(study: Study, columns: Mapping[str, list[Any]], operation: str = "zero_shot") -> int:
    """Write columns of the items 1 and 3."""
    run, _ = write_run(
        study, operation=operation, options={"k": 2}, receipt={"model": "m"}, result={"n": 2}, places=[1, 3],
        columns=columns,
    )  # fmt: skip
    return run


def values(study: Study, name: str) -> dict[int, Any]:
    with study.database.reading() as db:
        return dict(values_of(db, name))


def test_a_run_replaces_the_columns_of_the_last_one(study: Study) -> None:
    first = write(study, {"label": ["a", None], "score": [0.5, 0.25], "score:a": [0.5, 0.25]})
    assert list_columns(study.database) == {"label": "text", "score": "number", "score:a": "number"}
    assert values(study, "label") == {1: "a"}
    second = write(study, {"label": ["b", "b"], "score": [1.0, None]})
    assert list_columns(study.database) == {"label": "text", "score": "number"}
    assert values(study, "score") == {1: 1.0}
    newest, before = list_runs(study)
    assert (newest.number, newest.columns) == (second, ("label", "score"))
    assert (before.number, before.columns, before.result, before.receipt) == (first, (), {"n": 2}, {"model": "m"})
    assert {each.name: each.items for each in describe_columns(study.database)} == {"label": 2, "score": 1}


def test_columns_of_people_and_of_other_operations_stay(study: Study) -> None:
    put_columns(study.database, ["0.jpg"], {"year": [1990]})
    with pytest.raises(Conflict, match="was not made by an analysis"):
        write(study, {"year": [1, 2]})
    write(study, {"label": ["a", "b"]})
    with pytest.raises(Conflict, match="was made by zero shot"):
        write(study, {"label": ["0", "1"]}, "clusters")
    put_columns(study.database, ["0.jpg"], {"label": ["c"]})  # people have changed it: it is theirs
    assert run_of_column(study, "label") is None
    with pytest.raises(Conflict, match="was not made by an analysis"):
        write(study, {"label": ["a", "b"]})
    assert values(study, "label") == {1: "c", 3: "b"}
    delete_column(study.database, "label")
    write(study, {"label": ["0", "1"]}, "clusters")
    found = run_of_column(study, "label")
    assert found
    assert found.operation == "clusters"


def test_more_columns_than_a_study_may_have_change_nothing(study: Study) -> None:
    write(study, {"label": ["a", "b"]})
    with pytest.raises(TooLarge, match=f"more than {MOST_COLUMNS}"):
        write(study, {"label": ["c", "c"], **{f"score:{i}": [0.5, 0.5] for i in range(MOST_COLUMNS)}})
    assert values(study, "label") == {1: "a", 3: "b"}
    assert len(list_runs(study)) == 1


@given(st.lists(st.text(min_size=1, max_size=150), max_size=6))
def test_names_of_columns_can_be_filtered_and_differ(labels: list[str]) -> None:
    names = column_names("label", "label", [f"score:{label}" for label in labels])
    assert len(set(names)) == len(names) == len(labels) + 1
    for name in names:
        parts = FILTER.fullmatch(f"{name}>=1")
        assert parts
        assert (parts[1], len(name) <= 100) == (name, True)


def test_a_prefix_never_replaces_columns_of_another_one(study: Study) -> None:
    write(study, {"m": ["a", "b"], "m:score": [1.0, 2.0], "m:score:a": [1.0, 2.0]})
    for columns in ({"m:score": ["c", "d"], "m:score:score": [3.0, 4.0]}, {"n": ["c", "d"], "m:score": [3.0, 4.0]}):
        with pytest.raises(Conflict, match="by zero shot with the prefix 'm'"):
            write(study, columns)
    assert list_columns(study.database) == {"m": "text", "m:score": "number", "m:score:a": "number"}
    write(study, {"m": ["c", "d"], "m:score": [3.0, 4.0]})
    assert values(study, "m:score") == {1: 3.0, 3: 4.0}


@pytest.mark.parametrize("name", ["id", "key", ".", "..", " a", "a ", "", " ", "a=b", "a<b", "a\n"])
def test_names_that_filters_and_addresses_cannot_have_are_refused(study: Study, name: str) -> None:
    with pytest.raises(Unprocessable, match="choose another name"):
        put_columns(study.database, ["0.jpg"], {name: [1]})
    with pytest.raises(Unprocessable, match="choose another name"):
        check_prefix(study, "zero_shot", [name, f"{name}:score"])


def test_spaces_of_values_count_and_those_around_an_operator_do_not(study: Study) -> None:
    put_columns(study.database, ["0.jpg", "1.jpg"], {"sp": [" a", "a"]})
    found = {text: page_of_items(study.database, limit=9, filters=[text]).items for text in ("sp= a", "sp=a", "sp = a")}
    assert {text: [item.id for item in items] for text, items in found.items()} == {
        **{"sp= a": ["0.jpg"], "sp=a": ["1.jpg"], "sp = a": ["1.jpg"]}
    }


@given(st.dictionaries(st.integers(1, 50), st.none() | st.integers(-3, 3) | st.text(max_size=2), max_size=9))
def test_a_digest_tells_items_and_values_apart_and_not_their_order(cells: dict[int, Any]) -> None:
    same = {place: float(v) if isinstance(v, int) else v for place, v in reversed(cells.items())}
    assert digest(cells.items()) == digest(same.items())
    assert digest({**cells, 51: "x"}.items()) != digest(cells.items())
