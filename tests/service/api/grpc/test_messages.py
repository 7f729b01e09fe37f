"""Messages to requests: anything at all is a message, or a refusal in words; nothing is ignored."""

from contextlib import suppress

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from daguerre_proto.v1 import common_pb2, embeddings_pb2, models_pb2, zero_shot_pb2
from service import errors
from service.api.grpc import answers, inputs
from service.api.grpc import messages as grpc_wire
from service.api.grpc.calls import code_of
from service.errors import BadRequest, ItemFailure, ItemsFailed, ServiceError, Unprocessable
from service.pipelines.items import Item
from service.schemas.items import Item as ItemSchema

KINDS = [
    embeddings_pb2.EmbedRequest,
    embeddings_pb2.EmbedStreamRequest,
    zero_shot_pb2.ZeroShotRequest,
    models_pb2.GetModelRequest,
]
UNKNOWN = b"\x98\x06\x01"  # field 99


@given(raw=st.binary(max_size=200), kind=st.sampled_from(KINDS))
def test_any_bytes_are_a_message_or_a_refusal(raw: bytes, kind: type[Message]) -> None:
    with suppress(BadRequest, Unprocessable):
        assert isinstance(grpc_wire.parse(kind, raw), kind)


def with_unknown(message: Message) -> bytes:
    return message.SerializeToString() + UNKNOWN


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (embeddings_pb2.EmbedRequest(), None),
        (embeddings_pb2.EmbedRequest(options=embeddings_pb2.EmbedOptions.FromString(UNKNOWN)), "options"),
        (
            embeddings_pb2.EmbedRequest(
                options=embeddings_pb2.EmbedOptions(model_options=common_pb2.ModelOptions.FromString(UNKNOWN))
            ),
            "options.model_options",
        ),
        (embeddings_pb2.EmbedRequest(items=[common_pb2.Item(), common_pb2.Item.FromString(UNKNOWN)]), "items[1]"),
        (zero_shot_pb2.ZeroShotRequest(none_of_these=zero_shot_pb2.NoneOfThese.FromString(UNKNOWN)), "none_of_these"),
    ],
)
def test_an_unknown_field_is_refused_wherever_it_is(message: Message, path: str | None) -> None:
    raw = with_unknown(message) if path is None else message.SerializeToString()
    with pytest.raises(Unprocessable, match="field 99") as caught:
        grpc_wire.parse(type(message), raw)
    assert caught.value.param == path


def test_items_keep_what_they_are() -> None:
    items = [common_pb2.Item(text=""), common_pb2.Item(image=b"x", id="a"), common_pb2.Item(text="t", id="")]
    assert inputs.items_without_video(items, ItemSchema) == [
        Item(text=""),
        Item(image=b"x", id="a"),
        Item(text="t", id=""),
    ]


@pytest.mark.parametrize("bad", [common_pb2.Item(), common_pb2.Item(id="a"), common_pb2.Item(text="a", id="x" * 1025)])
def test_a_bad_item_is_named_as_in_json(bad: common_pb2.Item) -> None:
    with pytest.raises(Unprocessable) as caught:
        inputs.items_without_video([common_pb2.Item(text="fine"), bad], ItemSchema)
    assert (caught.value.param or "").startswith("input[1]")


def test_options_that_are_left_out_are_those_of_http() -> None:
    options = grpc_wire.embed_options(embeddings_pb2.EmbedOptions())
    assert (options.model, options.on_error, options.decode, options.dimensions) == (None, "fail", None, None)
    asked = grpc_wire.zero_shot_options(zero_shot_pb2.ZeroShotRequest(templates=zero_shot_pb2.Texts()), {})
    assert (asked.labels, asked.templates, asked.negatives, asked.none_of_these) == ([], [], None, None)


@pytest.mark.parametrize("options", [common_pb2.ModelOptions(on_error=9), common_pb2.ModelOptions(decode=9)])  # type: ignore[arg-type]
def test_a_number_that_no_enum_has_is_refused(options: common_pb2.ModelOptions) -> None:
    with pytest.raises(Unprocessable, match="got '9'"):
        grpc_wire.embed_options(embeddings_pb2.EmbedOptions(model_options=options))


def test_vectors_are_little_endian_and_failed_items_have_none() -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    error = {"code": "invalid_text", "message": "no"}
    data = [{"index": 0, "embedding": vectors[0]}, {"index": 1, "id": "b", "error": error}]
    answer = {"model": "m", "receipt": {}, "data": data, "truncated": [1], "unknown": [], "usage": {"prompt_tokens": 3}}
    response = answers.embeddings(answer, first=7)
    entries = response.data
    assert entries[0].vector == vectors[0].astype("<f4").tobytes()
    assert (entries[0].index, entries[0].HasField("id")) == (7, False)
    assert (entries[1].index, entries[1].id, entries[1].error.code, entries[1].vector) == (8, "b", "invalid_text", b"")
    assert (list(response.truncated), response.dimension) == ([8], 3)


@given(messages=st.lists(st.text(max_size=400), max_size=60))
def test_an_error_fits_into_a_trailer(messages: list[str]) -> None:
    failures = [ItemFailure(i, f"id{i}", "invalid_text", text) for i, text in enumerate(messages)]
    said = grpc_wire.error(ItemsFailed(failures, of=100) if failures else ServiceError("no"), "r")
    assert said.ByteSize() < 5000
    assert len(said.items) + said.items_omitted == len(messages)
    assert [item.message for item in said.items] == messages[: len(said.items)]


def test_every_error_has_a_status_of_its_own_kind() -> None:
    codes = {kind.__name__: code_of(kind("x")).name for kind in ServiceError.__subclasses__()}
    assert codes == {
        "BadRequest": "INVALID_ARGUMENT",
        "BodyTooSlow": "INVALID_ARGUMENT",
        "HeadersTooLarge": "INVALID_ARGUMENT",
        "Unauthorized": "UNAUTHENTICATED",
        "Forbidden": "PERMISSION_DENIED",
        "NotFound": "NOT_FOUND",
        "MethodNotAllowed": "INVALID_ARGUMENT",
        "Conflict": "FAILED_PRECONDITION",
        "TooLarge": "INVALID_ARGUMENT",
        "UnsupportedMedia": "INVALID_ARGUMENT",
        "Unprocessable": "INVALID_ARGUMENT",
        "Overloaded": "RESOURCE_EXHAUSTED",
        "DiskFull": "RESOURCE_EXHAUSTED",
        "Unavailable": "UNAVAILABLE",
        "TimedOut": "DEADLINE_EXCEEDED",
        "CallerGone": "CANCELLED",
    }
    assert code_of(ServiceError("x")).name == "INTERNAL"
    assert errors.TimedOut.after(3).message.startswith("not done after 3 seconds")
