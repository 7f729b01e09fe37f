"""Metadata and conditions of collections, against Python's own comparisons of what was stored."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.errors import Unprocessable
from service.settings import Settings
from service.stores.collection_fields import cells, condition, shown, stored
from service.stores.collection_records import Collection, NewItems, Properties
from service.stores.collections import CollectionStore

NAMES = ("year", "a b'c\" --", "SELECT", "m1", "ü; DROP TABLE items")  # fields of the five types, in this order
FIELDS = dict(zip(NAMES, ("integer", "string", "number", "boolean", "date-time"), strict=True))
HOSTILE = (
    "",
    "'",
    "''",
    "' OR TRUE --",
    "\\'",
    "\x00",
    "a%_b",
    "Ü",
    "🐈",
    "m0",
    "NULL",
    "{",
    "\n",
    "zz",
    "Zz",
    "$1",
    "?",
)
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 1e308, 5e-324, 0.1, -1.5, 2**53]), st.floats(-1e9, 1e9))
INTEGERS = st.one_of(st.sampled_from([2**63 - 1, -(2**63), 0, 2020]), st.integers(-3, 3))
MOMENTS = st.datetimes(datetime(1600, 1, 1), datetime(2400, 1, 1)).map(lambda moment: moment.isoformat() + "+02:00")
VALUES = dict(zip(NAMES, (INTEGERS, TEXTS, NUMBERS, st.booleans(), MOMENTS), strict=True))
ORDERED = ("lt", "lte", "gt", "gte")


def random_items() -> list[dict[str, Any]]:
    """Metadata of sixty items, about a third of it left out."""
    rng = np.random.default_rng(7)

    def some(values: list[Any]) -> Any:
        return None if rng.random() < 0.3 else values[rng.integers(len(values))]

    pools: list[list[Any]] = [
        [2**63 - 1, -(2**63), -2, -1, 0, 1, 2, 2020],
        list(HOSTILE),
        [0.0, -0.0, 1e308, 5e-324, 0.1, -1.5, float(2**53), 3],
        [True, False],
        ["1600-01-01", "2020-02-29T23:59:59.999999Z", "1970-01-01T00:00:00+05:30", "2399-12-31T00:00:00-11:00"],
    ]
    return [{name: some(pool) for name, pool in zip(NAMES, pools, strict=True)} for _ in range(60)]


ITEMS = random_items()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CollectionStore, Collection]]:
    home = tmp_path_factory.mktemp("home")
    store = CollectionStore(Settings(home=home))
    made, _ = store.create("odd", None, properties(dict(FIELDS)))
    items = NewItems(
        ids=[f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(len(ITEMS))],
        modalities=["image", "text"] * 30,
        texts=[None if i % 3 else HOSTILE[i % len(HOSTILE)] for i in range(60)],
        vectors=np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32),
        cells=[cells(each, made.fields, "metadata") for each in ITEMS],
        thumbnails=[None] * 60,
    )
    assert store.put(made, items) == (60, 0, [])
    return store, made


def properties(fields: dict[str, Any]) -> Properties:
    return Properties(model="m", fingerprint="f", dimension=4, fields=fields, thumbnails="none", receipt={})


def comparable(name: str, value: Any) -> Any:
    """A value in the form in which Python compares it, without the code under test."""
    if name != NAMES[4] or value is None:
        return value
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def holds(value: Any, operator: str, wanted: Any, name: str) -> bool:
    mine = comparable(name, value)
    if operator == "exists":
        return (mine is not None) == wanted
    if operator in ("in", "not_in"):
        among = any(mine is not None and mine == comparable(name, each) for each in wanted)
        return among == (operator == "in")
    theirs = comparable(name, wanted)
    if mine is None:
        return operator == "ne"
    compare = {"eq": mine == theirs, "ne": mine != theirs}
    if operator in ORDERED:
        compare |= {"lt": mine < theirs, "lte": mine <= theirs, "gt": mine > theirs, "gte": mine >= theirs}
    return compare[operator]


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
        known = ["eq", "ne", "in", "not_in", "exists", *(ORDERED if FIELDS[name] != "boolean" else ())]
        values = st.one_of(VALUES[name], st.sampled_from([e[name] for e in ITEMS if e[name] is not None]))
        made[name] = {
            operator: draw(
                st.booleans() if operator == "exists" else st.lists(values, max_size=4) if "in" in operator else values
            )
            for operator in draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        }
    return made


@given(where=conditions())
@hypothesis_settings(max_examples=40)
def test_a_condition_holds_for_the_items_that_python_says(
    filled: tuple[CollectionStore, Collection], where: dict[str, dict[str, Any]]
) -> None:
    store, made = filled
    expected = {
        f"{HOSTILE[i % len(HOSTILE)]}{i}"
        for i, item in enumerate(ITEMS)
        if all(holds(item[name], op, value, name) for name, ops in where.items() for op, value in ops.items())
    }
    found = store.tables.page(made, condition(where, made.fields), after=None, limit=100, columns=[])
    assert {each["id"] for each in found} == expected


@given(text=TEXTS)
@hypothesis_settings(max_examples=15)
def test_the_id_and_the_text_of_an_item_are_compared_too(filled: tuple[CollectionStore, Collection], text: str) -> None:
    store, _made = filled
    where = {"id": {"gt": text}, "text": {"eq": text}, "modality": {"eq": "image"}}
    rows = store.rows("odd", None, where)
    assert list(rows.ids) == sorted(rows.ids)
    expected = [
        f"{HOSTILE[i % len(HOSTILE)]}{i}"
        for i in range(0, 60, 6)
        if HOSTILE[i % len(HOSTILE)] == text and f"{HOSTILE[i % len(HOSTILE)]}{i}" > text
    ]
    assert list(rows.ids) == sorted(expected)


def test_metadata_comes_back_as_it_was_sent(filled: tuple[CollectionStore, Collection]) -> None:
    store, _ = filled
    rows = store.rows("odd", None)
    for place, id in enumerate(rows.ids):
        i = next(i for i in range(60) if f"{HOSTILE[i % len(HOSTILE)]}{i}" == id)
        for name in NAMES:
            mine, theirs = rows.metadata[name][place], ITEMS[i][name]
            assert comparable(name, mine) == comparable(name, theirs), (name, mine, theirs)
    assert (rows.modality, rows.fingerprint, rows.vectors.shape) == (None, "f", (60, 4))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"month": {"eq": 1}}, r"where: 'month' is no field of the collection; there are SELECT"),
        ({"year": 2020}, r"where.year: got 2020, and a condition is an object such as \{\"eq\": …\}"),
        ({"year": [1]}, r"such as \{\"in\": \[…\]\}"),
        ({"year": {}}, "got an object, and a condition"),
        ({"year": {"like": 1}}, "'like' is no operator of a field of type integer; there are eq, ne"),
        ({"m1": {"lt": True}}, "'lt' is no operator of a field of type boolean; there are eq, ne, in, not_in, exists"),
        ({"year": {"eq": 2.5}}, "where.year.eq: got 2.5, and the field takes a whole number of 64 bits"),
        ({"year": {"eq": True}}, "got true, and the field takes a whole number"),
        ({"year": {"gte": 2**63}}, "got 9223372036854775808, and"),
        ({"year": {"in": 3}}, "got 3, and in takes a list of at most 10,000 values"),
        ({"year": {"in": ["x"]}}, r"where.year.in\[0\]: got 'x'"),
        ({"year": {"exists": 1}}, "got 1, and exists takes true or false"),
        ({"SELECT": {"lt": "1"}}, "got '1', and the field takes a finite number"),
        ({NAMES[4]: {"lt": "2020-01-01T00:00:00"}}, "takes a date-time with a zone"),
        ({NAMES[4]: {"lt": 5}}, "got 5, and the field takes a date-time"),
        ({f"f{i}": {"eq": 1} for i in range(65)}, "has 65 conditions, at most 64"),
    ],
)
def test_a_wrong_condition_is_refused(where: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = dict(FIELDS) | {f"f{i}": "integer" for i in range(65)}
    with pytest.raises(Unprocessable, match=message):
        condition(where, fields)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"yeer": 1}, "'yeer' is no field of the collection; there are SELECT"),
        ({"year": "2020"}, r"metadata\[0\].year: got '2020', and the field takes a whole number of 64 bits"),
        ({"year": False}, "got false"),
        ({"SELECT": 10**400}, "a finite number"),
        ({NAMES[1]: "x" * 10_001}, "a string of at most 10,000 characters"),
        ({NAMES[1]: "\ud83d"}, "a string of at most"),
        ({NAMES[4]: "2020-13-01"}, "a date-time with a zone"),
        ({NAMES[4]: "20200101T000000Z"}, "a date-time with a zone"),
        ({NAMES[4]: "0001-01-01T00:00:00+00:01"}, "a date-time with a zone"),  # a moment before the year 1
        ({NAMES[4]: "9999-12-31T23:59:59-00:01"}, "a date-time with a zone"),
    ],
)
def test_wrong_metadata_is_refused(metadata: dict[str, Any], message: str) -> None:
    with pytest.raises(Unprocessable, match=message):
        cells(metadata, FIELDS, "metadata[0]")  # type: ignore[arg-type]


@given(moment=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), hours=st.integers(-23, 23))
def test_a_moment_is_kept_to_the_microsecond(moment: datetime, hours: int) -> None:
    zone = timedelta(hours=hours)
    text = f"{moment.isoformat()}{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    back = shown(stored(text, "date-time", "x"), "date-time")
    assert isinstance(back, str)
    assert datetime.fromisoformat(back) == (moment - zone).replace(tzinfo=UTC)


def test_a_store_without_a_collection_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="there is no 'odd' here"):
        CollectionStore(Settings(home=tmp_path)).rows("odd", None)
