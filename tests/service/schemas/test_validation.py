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
from service.schemas.annotation import AgreementRequest, ComparisonRequest
from service.schemas.base import Message
from service.schemas.classifiers import TrainRequest
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.embeddings import EmbeddingsRequest
from service.schemas.scales import ComparisonPairsRequest
from service.schemas.validation import validated, validated_in_pieces, validated_json
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


@pytest.mark.parametrize(
    ("schema", "fields", "param", "message"),
    [
        (
            AgreementRequest,
            {"coder": ["a", []], "item": ["1", "2"], "code": ["1", "2"]},
            "coder[1]",
            "coder[1]: got a list, should be a valid string, integer or number",
        ),
        (
            AgreementRequest,
            {"coder": ["a"], "item": ["1"], "code": [{}]},
            "code[0]",
            "code[0]: got an object, should be a valid string, boolean, integer or number",
        ),
        (
            EmbeddingsRequest,
            {"input": ["a", {"video": 3}]},
            "input[1].video",
            "input[1].video: got 3, should be a valid string or object",
        ),
        (
            ComparisonRequest,
            {"a": [0], "b": [1], "same": ["x"], "clusterings": {"one": [0, 1]}},
            "same[0]",
            "same[0]: got 'x', should be a valid boolean or integer",
        ),
        (
            ComparisonRequest,
            {"a": [0], "b": [1], "same": [1], "clusterings": {"one": [0, []]}},
            "clusterings.one[1]",
            "clusterings.one[1]: got a list, should be a valid integer",
        ),
        (
            TrainRequest,
            {"name": "a", "input": [{"text": 3}]},
            "input[0].text",
            "input[0].text: got 3, should be a valid string",
        ),
        (
            TrainRequest,
            {"name": "a", "codes": {"coder": [None], "item": ["1"], "code": ["1"], "level": "odd"}},
            "codes.coder[0]",
            "codes.coder[0]: got null, should be a valid string, integer or number (and 1 more)",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_place_of_an_error_is_that_in_the_request(
    schema: type[Message], fields: dict[str, object], param: str, message: str
) -> None:
    for check in (
        lambda: validated(schema, fields),
        lambda: validated_json(schema, json.dumps(fields).encode()),
        lambda: validated_in_pieces(schema, fields),
    ):
        with pytest.raises(Unprocessable) as caught:
            check()
        assert caught.value.param == param
        assert caught.value.message == message


def test_an_error_late_in_a_long_list_has_its_index() -> None:
    codes: list[object] = ["1"] * 20_000
    codes[12_345] = {}
    with pytest.raises(Unprocessable, match=r"^code\[12345\]: got an object, should be a valid string, boolean"):
        validated_in_pieces(AgreementRequest, {"coder": ["a"], "item": ["1"], "code": codes})


def test_an_unknown_field_of_a_million_characters_is_shortened() -> None:
    with pytest.raises(Unprocessable) as caught:
        validated(EmbeddingsRequest, {"input": "a", "x" * 1_000_000: 1})
    assert len(caught.value.message) < 400
    assert len(caught.value.param or "") < 100


def test_a_long_list_beyond_its_limit_is_refused_with_the_limit():
    with pytest.raises(Unprocessable, match="ids: got a longer list, should have at most 2000 items"):
        validated_in_pieces(ComparisonPairsRequest, {"ids": [f"i{i}" for i in range(20_000)]})
