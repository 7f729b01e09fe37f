"""Tables and figures of columns, compared with pandas and with the list of items."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import NotFound, Unprocessable
from service.settings import Settings
from service.stores.studies import Studies, Study
from service.stores.study_columns import BINS, MOST_VALUES, delete_column, describe_columns, read_table
from service.stores.study_items import MOST_COLUMNS, NewItem, add_items, page_of_items, put_columns

N = 12
IDS = [f"{i:02}.jpg" for i in range(N)]
NUMBERS = st.lists(st.none() | st.floats(-1.7e308, 1.7e308) | st.integers(-3, 3), min_size=N, max_size=N)
TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=3), min_size=N, max_size=N)


@pytest.fixture(scope="module")
def study() -> Iterator[Study]:
    with tempfile.TemporaryDirectory() as home:
        store = Studies(Settings(home=Path(home)))
        made = store.create("s", None, title="", folder=None)
        add_items(made.database, [NewItem(id=id, bytes=1) for id in IDS])
        yield made
        store.close()


def write(study: Study, numbers: list[float | None], texts: list[str | None]) -> None:
    for name in [each.name for each in describe_columns(study.database)]:
        delete_column(study.database, name)
    put_columns(study.database, IDS, {"number": numbers, "text": texts, "other": [*["x"] * (N - 1), None]})


@settings(max_examples=40, deadline=None)
@given(NUMBERS, TEXTS, st.sampled_from(["number", "text", "id", None]), st.booleans())
def test_a_table_has_the_items_of_the_list_in_their_order(
    study: Study, numbers: list[float | None], texts: list[str | None], sort: str | None, descending: bool
) -> None:
    write(study, numbers, texts)
    asked = {"filters": ["id<11.jpg", "other=x"], "search": "JPG", "sort": sort, "descending": descending}
    page = page_of_items(study.database, limit=100, **asked)  # type: ignore[arg-type]
    table = read_table(study.database, ["text", "number"], **asked)  # type: ignore[arg-type]
    assert list(table.keys) == [item.key for item in page.items]
    assert list(table.ids) == [item.id for item in page.items]
    for name in ("text", "number"):
        assert table.columns[name] == [item.columns.get(name) for item in page.items]


@settings(max_examples=40, deadline=None)
@given(NUMBERS, TEXTS)
def test_figures_of_columns_are_those_of_pandas(
    study: Study, numbers: list[float | None], texts: list[str | None]
) -> None:
    write(study, numbers, texts)
    kinds = {each.name: each for each in describe_columns(study.database)}
    for name, values in (("number", numbers), ("text", texts)):
        series = pd.Series([value for value in values if value is not None], dtype=object)
        column = kinds[name]
        assert (column.items, column.missing) == (len(series), N - len(series))
        assert column.distinct == series.nunique()
        assert column.values is not None
        assert dict(column.values) == series.value_counts().to_dict()
        counts = [count for _, count in column.values]
        assert counts == sorted(counts, reverse=True)
    column = kinds["number"]
    there = [float(value) for value in numbers if value is not None]
    if kinds["number"].kind == "text" or not there:
        assert column.low is column.high is column.histogram is None
        return
    assert (column.low, column.high) == (min(there), max(there))
    assert column.histogram is not None
    edges, counts = column.histogram
    assert (edges[0], edges[-1], sum(counts)) == (min(there), max(there), len(there))
    assert len(edges) == len(counts) + 1 == (BINS + 1 if min(there) < max(there) else 2)
    for low, high, count in zip(edges[:-2], edges[1:-1], counts[:-1], strict=True):
        assert count == sum(low <= value < high for value in there) or low == high


def test_numbers_of_many_values_are_not_listed(study: Study) -> None:
    write(study, [None] * N, [None] * N)
    ids = [f"n{i}" for i in range(MOST_VALUES + 1)]
    add_items(study.database, [NewItem(id=id, bytes=1) for id in ids])
    put_columns(study.database, ids, {"many": np.arange(MOST_VALUES + 1.0).tolist(), "long": ["t" * 300] * len(ids)})
    many, long = describe_columns(study.database, ["many", "long"])
    assert (many.distinct, many.values) == (MOST_VALUES + 1, None)
    assert (long.distinct, long.values) == (1, [])


def test_a_deleted_column_is_gone_and_makes_room_for_another(study: Study) -> None:
    write(study, [1.0] * N, ["a"] * N)
    assert delete_column(study.database, "number") == N
    with pytest.raises(NotFound, match="there is no 'number'"):
        delete_column(study.database, "number")
    with pytest.raises(Unprocessable, match="there are: text, other"):
        read_table(study.database, ["number"])
    there = len(describe_columns(study.database))
    put_columns(study.database, IDS[:1], {f"c{i}": [i] for i in range(MOST_COLUMNS - there)})
    assert delete_column(study.database, "c0") == 1
    assert put_columns(study.database, IDS[:1], {"number": ["text"]})["number"] == "text"
