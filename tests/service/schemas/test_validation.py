"""Requests that say nothing by null, and texts that JSON can write and Unicode has not."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

import service.schemas
from service.errors import BadRequest, ServiceError, Unprocessable
from service.schemas.base import Message
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.embeddings import EmbeddingsRequest
from service.schemas.validation import validated_json
from service.schemas.zero_shot import ZeroShotRequest

for module in pkgutil.iter_modules(service.schemas.__path__):
    importlib.import_module(f"service.schemas.{module.name}")


def messages(base: type[Message] = Message) -> Iterator[type[Message]]:
    for each in base.__subclasses__():
        yield each
        yield from messages(each)


ANY = st.text(st.characters(exclude_categories=[]))
SCHEMAS = sorted(set(messages()), key=lambda each: each.__name__)


def problems(schema: type[Message], fields: object) -> set[tuple[int | str, ...]]:
    """The fields that are refused."""
    try:
        schema.model_validate(fields)
    except ValidationError as exc:
        return {error["loc"][:1] for error in exc.errors()}
    return set()


_, DOCUMENT = models_json_schema(
    [(each, "validation") for each in SCHEMAS], ref_template="#/components/schemas/{model}"
)
DOCUMENTED = DOCUMENT["$defs"]


def texts(body: bytes) -> list[str | None]:
    return [item.text for item in validated_json(EmbeddingsRequest, body).input]


# null


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda each: each.__name__)
def test_null_is_an_optional_field_that_is_left_out(schema: type[Message]) -> None:
    """In the reading and in the JSON schema alike, whatever the field."""
    described = DOCUMENTED[schema.__name__]["properties"]
    for name, field in schema.model_fields.items():
        assert field.is_required() == ((name,) in problems(schema, {name: None})), name
        if not field.is_required():
            kinds = described[name].get("anyOf", [{}])
            assert {"type": "null"} in kinds or (kinds == [{}] and "type" not in described[name]), name


def test_null_in_every_field_at_once_as_clients_send_it() -> None:
    body = {
        **{"input": ["a"], "model": "embedded", "encoding_format": None, "dimensions": None, "user": None},
        **{"on_error": None, "decode": None, "sampling": None, "mode": None},
    }
    read = validated_json(EmbeddingsRequest, json.dumps(body).encode())
    assert read == EmbeddingsRequest(input=["a"], model="embedded")  # type: ignore[list-item]
    nested = {"input": [{"text": "a", "id": None, "image": None}], "labels": ["a", "b"], "none_of_these": {"text": "c"}}
    nested["none_of_these"]["min_cosine"] = None  # type: ignore[index]
    assert validated_json(ZeroShotRequest, json.dumps(nested).encode()).none_of_these.text == "c"  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [{"input": None}, {"input": [None]}, {"input": "a", "nothing": None}])
def test_null_is_refused_where_a_field_is_required_or_is_not_there(body: object) -> None:
    with pytest.raises(Unprocessable):
        validated_json(EmbeddingsRequest, json.dumps(body).encode())


def test_null_inside_of_a_list_keeps_its_place() -> None:
    body = {"kind": "near", "phash": ["0" * 16, ""], "preference": None}
    assert validated_json(DuplicatesRequest, json.dumps(body).encode()).phash == ["0" * 16, ""]


# half of a surrogate pair


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (rb'{"input": ["a", "cut \ud83d", "b"]}', ["a", "cut \ud83d", "b"]),
        (rb'{"input": "\uDE00 cut"}', ["\ude00 cut"]),
        (rb'{"input": {"text": "\ud83d\u0061"}}', ["\ud83da"]),
        (rb'{"input": ["\ude00\ud83d", "\ud83d\ude00"]}', ["\ude00\ud83d", "\U0001f600"]),
    ],
)
def test_half_of_a_surrogate_pair_is_kept_for_the_error_of_its_item(body: bytes, found: list[str]) -> None:
    assert texts(body) == found


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (rb'{"input": {"text": "a", "id": "\ud83d"}}', "input.id"),
        (rb'{"input": ["a"], "model": "\ud83d"}', "model"),
        (rb'{"input": [{"text": "a", "video": {"file": "\ud83d"}}]}', "input[0].video.file"),
        (rb'{"input": [{"image": "\ud83d"}]}', "input[0].image"),
        (rb'{"input": "a", "\ud83d": 1}', None),
        (rb'"\ud83d"', None),
    ],
)
def test_half_of_a_surrogate_pair_elsewhere_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(Unprocessable, match="half of a surrogate pair") as caught:
        validated_json(EmbeddingsRequest, body)
    assert caught.value.param == param
    caught.value.message.encode()


def test_a_body_with_half_of_a_surrogate_pair_and_another_mistake_is_refused() -> None:
    for body in (
        rb'{"input": ["\ud83d"',
        rb'{"input": ["\ud83d"], "a": ' + b"[" * 100_000,
        b'{"input": "\\ud83d\xff"}',
    ):
        with pytest.raises(BadRequest, match="the body is not JSON"):
            validated_json(EmbeddingsRequest, body)


@given(st.lists(ANY, min_size=1, max_size=4))
def test_texts_of_any_code_points_are_read_as_pythons_own_parser_reads_them(given: list[str]) -> None:
    body = json.dumps({"input": given}).encode()
    assert texts(body) == json.loads(body)["input"]


@given(st.recursive(ANY | st.none(), lambda each: st.lists(each) | st.dictionaries(ANY, each)))
def test_whatever_is_refused_is_refused_in_words_that_can_be_sent(given: object) -> None:
    try:
        validated_json(EmbeddingsRequest, json.dumps({"input": "a", "model": given}).encode())
    except ServiceError as exc:
        exc.message.encode()
        (exc.param or "").encode()
