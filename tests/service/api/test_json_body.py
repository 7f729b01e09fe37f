"""Documents cut into pieces: the value is that of Python's own parser, and what it refuses is refused."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api import json_body
from service.api.json_body import Counter, parse
from service.errors import BadRequest, TooLarge

TEXTS = st.text(st.characters(), max_size=40) | st.text('"\\,[]{}:u d8', max_size=40)  # surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(TEXTS, inner, max_size=8),
    max_leaves=30,
)

SMALL = {"PIECE": 3, "SPAN": 150, "BLOCK": 7, "LONG": 8, "PART": 16, "SMALL": 0}
REAL = {name: getattr(json_body, name) for name in SMALL}


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Iterator[None]:
    """Limits so small that every document is cut, at every place."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(json_body, name, value)
        yield


@pytest.fixture
def real_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of the service."""
    for name, value in REAL.items():
        monkeypatch.setattr(json_body, name, value)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 3]))
def test_a_document_is_read_as_it_was_written(value: Any, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:  # half of a pair that is not written as an escape
        with pytest.raises(BadRequest):
            parse(body)
        return
    found, cut = parse(body)
    assert found == json.loads(body)
    if not cut:
        json.dumps(found, ensure_ascii=False).encode()


@given(value=VALUES, place=st.floats(0, 1), change=st.sampled_from([b"", b",", b"]", b"}", b"[", b'"', b"\\", b"0 1"]))
def test_a_damaged_document_is_refused_or_read_as_by_the_standard_library(
    value: Any, place: float, change: bytes
) -> None:
    body = json.dumps(value).encode()
    at = int(place * len(body))
    body = body[:at] + change + body[at + (1 if not change else 0) :]
    try:
        expected = json.loads(body, parse_float=finite)
    except ValueError:
        with pytest.raises(BadRequest):
            parse(body)
        return
    assert parse(body)[0] == expected


def finite(text: str) -> float:
    """A number that is not too large, which Python reads as infinity. Raises ValueError."""
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


def test_half_of_a_surrogate_pair_is_kept_and_told() -> None:
    for text in ("cut \ud83d", "\udc00", "a" * 100 + "\ud83d" + "b" * 100):
        found, cut = parse(json.dumps({"input": ["a", text, "b"]}).encode())
        assert (found, cut) == ({"input": ["a", text, "b"]}, True)
    whole, cut = parse(json.dumps({"input": ["\U0001f600" * 30]}).encode())
    assert (whole, cut) == ({"input": ["\U0001f600" * 30]}, False)


def test_nesting_without_end_is_refused() -> None:
    for body in (b"[" * 100_000, b'["\\ud83d",' + b"[" * 5_000 + b"]" * 5_000 + b"]"):
        with pytest.raises(BadRequest):
            parse(body)


@given(value=VALUES, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_values_are_counted_whatever_the_chunks_are(value: Any, sizes: list[int]) -> None:
    body = json.dumps(value).encode()

    def commas(each: Any) -> int:
        if isinstance(each, dict):
            return max(len(each) - 1, 0) + sum(map(commas, each.values()))
        return max(len(each) - 1, 0) + sum(map(commas, each)) if isinstance(each, list) else 0

    counter, at, i = Counter(), 0, 0
    while at < len(body):
        counter.add(body[at : at + sizes[i % len(sizes)]])
        at, i = at + sizes[i % len(sizes)], i + 1
    assert counter.values == commas(value)


def test_too_many_values_are_refused_while_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_body, "MOST_VALUES", 10)
    counter = Counter()
    counter.add(b"[" + b"0," * 10)
    with pytest.raises(TooLarge, match="more than 10 values"):
        counter.add(b"0,")


def test_continuation_bytes_without_end_are_refused() -> None:
    for size in (10, 100, 1000):
        with pytest.raises(BadRequest):
            parse(b'{"input": "' + b"\x80" * size + b'"}')


def test_long_integers_stay_exact() -> None:
    value = {"code": [10**22 + i for i in range(20)], "text": "1" * 60}
    assert parse(json.dumps(value).encode()) == (value, False)


def test_half_of_a_surrogate_pair_may_be_anywhere_in_a_long_string() -> None:
    for n in range(40):
        for tail in (r"\n" * 20, "b" * 40, r"\ud83d\ude00" * 8, r"\ud83d" * 8):
            body = rf'["{"a" * n}\ud800{tail}"]'.encode()
            assert parse(body) == (json.loads(body), True)


@pytest.mark.parametrize("long", [0, 1, 3])
@pytest.mark.parametrize("where", [10, 6_000, 30_000])
def test_the_place_of_a_mistake_is_that_in_the_body(real_pieces: None, where: int, long: int) -> None:
    """With and without long strings before it, and with characters of several bytes."""
    values = [f'"\u00e9{i}"' for i in range(40_000)]
    for i in range(long):
        values[i] = '"' + "x" * 20_000 + '"'
    values[where] = "nope"
    body = ('{"input": [' + ", ".join(values) + "]}").encode()
    with pytest.raises(BadRequest) as caught:
        parse(body)
    match = re.search(r"at byte ([0-9,]+)$", caught.value.message)
    assert match, caught.value.message
    place = int(match[1].replace(",", ""))
    assert body.index(b"nope") <= place <= body.index(b"nope") + 4


def test_the_place_of_a_missing_value_is_that_in_the_body(real_pieces: None) -> None:
    body = b'{"input": [' + b'"a",' * 20_000 + b"," + b'"b"]}'
    with pytest.raises(BadRequest, match=r"at byte 80,01[0-9]$"):
        parse(body)


def test_images_in_base64_are_read_about_as_fast_as_json_is_parsed(monkeypatch):
    for name, value in REAL.items():
        monkeypatch.setattr(json_body, name, value)
    body = json.dumps({"input": [{"image": "QUJD" * 34_000} for _ in range(32)]}).encode()

    def seconds(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(lambda: parse(body)) < 30 * seconds(
        lambda: orjson.loads(body)
    )  # measured: 6; 85 if digits are sought
