"""Conversion of gRPC messages to validated requests, and of results to messages, by the schemas of HTTP."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from daguerre_proto.v1 import common_pb2, embeddings_pb2, jobs_pb2, models_pb2, zero_shot_pb2
from service.api.grpc import wire
from service.errors import BadRequest, ServiceError, Unprocessable
from service.schemas import common, models, zero_shot
from service.schemas import jobs as schema
from service.schemas.common import OnError
from service.schemas.embeddings import EmbeddingsOptions
from service.schemas.validation import validated

M = TypeVar("M", bound=Message)
ITEM_BYTES = 3000  # of an error's items: a trailer is limited to 8 kB in all, and base64 adds a third
_ON_ERROR: Mapping[int, str] = {common_pb2.ON_ERROR_FAIL: "fail", common_pb2.ON_ERROR_SKIP: "skip"}
_DECODE: Mapping[int, str] = {common_pb2.DECODE_EXACT: "exact", common_pb2.DECODE_SCALED: "scaled"}


def parse(kind: type[M], raw: bytes, *, max_items: int | None = None, most: int = wire.MOST_FIELDS) -> M:
    """Parse a message of type `kind` with at most `max_items` items and `most` fields.

    Call it in a thread if the message is large. Raises BadRequest for invalid bytes, Unprocessable for unknown fields,
    TooLarge.
    """
    known = False
    if len(raw) > wire.SMALL:
        known = wire.check_fields(
            raw, cast(Any, kind.DESCRIPTOR), max_items=len(raw) if max_items is None else max_items, most=most
        )
    try:
        message = kind.FromString(raw)
    except DecodeError as exc:
        raise BadRequest(
            f"the message is no {kind.DESCRIPTOR.full_name}; make your stubs from the files in protos/"
        ) from exc
    for name in wire.ITEMS if max_items is not None else ():
        if name in kind.DESCRIPTOR.fields_by_name:
            wire.check_items(len(getattr(message, name)), name, max_items or 0)
    if not known:
        _known(message, "")
    return message


def _known(message: Message, path: str) -> None:
    """Reject unknown fields, which would otherwise be options that are silently ignored."""
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        raise Unprocessable(
            f"{path or 'the message'}: has a field {unknown.field_number} that this server does not know; "
            "upgrade the server, or leave it out",
            param=path or None,
        )
    for field, value in message.ListFields():
        for name, inner in _messages(field.name, value):
            _known(inner, f"{path}.{name}" if path else name)


def _messages(name: str, value: Any) -> Iterator[tuple[str, Message]]:
    if isinstance(value, Message):
        yield name, value
    elif hasattr(value, "__len__") and len(value) and not isinstance(value, str | bytes | Mapping):
        for i, inner in enumerate(value):
            if not isinstance(inner, Message):
                return
            yield f"{name}[{i}]", inner


def embed_options(message: embeddings_pb2.EmbedOptions) -> EmbeddingsOptions:
    fields = _model_options(message.model_options)
    if message.HasField("dimensions"):
        fields["dimensions"] = message.dimensions
    return validated(EmbeddingsOptions, fields)


def zero_shot_options(message: zero_shot_pb2.ZeroShotRequest, reference: Mapping[str, Any]) -> zero_shot.ZeroShotForm:
    fields = _model_options(message.model_options) | {
        "labels": list(message.labels) or (None if message.HasField("preset") else []),
        "multi_label": message.multi_label,
    }
    if message.HasField("preset"):
        fields["preset"] = message.preset
    for name in ("templates", "negatives"):
        if message.HasField(name):
            fields[name] = list(getattr(message, name).values)
    if message.HasField("none_of_these"):
        rule = message.none_of_these.WhichOneof("rule")
        fields["none_of_these"] = {rule: getattr(message.none_of_these, rule)} if rule else {}
    if message.ids:
        fields["ids"] = list(message.ids)
    return validated(zero_shot.ZeroShotForm, {**fields, **reference})


def _model_options(message: common_pb2.ModelOptions) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if message.HasField("model"):
        fields["model"] = message.model
    if message.on_error != common_pb2.ON_ERROR_UNSPECIFIED:
        fields["on_error"] = _ON_ERROR.get(message.on_error, str(message.on_error))
    if message.decode != common_pb2.DECODE_UNSPECIFIED:
        fields["decode"] = _DECODE.get(message.decode, str(message.decode))
    if message.as_job:
        fields["mode"] = "job"
    return fields


def on_error(given: int) -> OnError:
    """Convert the enum value, `fail` if unset. Raises Unprocessable for an undefined number."""
    found = "fail" if not given else _ON_ERROR.get(given)
    if found is None:
        raise Unprocessable(f"on_error: got {given}, should be one of ON_ERROR_FAIL, ON_ERROR_SKIP", param="on_error")
    return cast(OnError, found)


def decode(given: int) -> str | None:
    """Convert the enum value, None if unset. Validation rejects an undefined number."""
    return None if not given else _DECODE.get(given, str(given))


def receipt_fields(message: common_pb2.Receipt) -> dict[str, Any]:
    """Fields of a receipt sent by the caller."""
    fields = {name: getattr(message, name) for name in common.Receipt.model_fields if name != "made_with"}
    for name in ("notice", "cached"):
        fields[name] = getattr(message, name) if message.HasField(name) else None
    return {**fields, "made_with": dict(message.made_with)}


def card(of: models.ModelCard) -> models_pb2.Model:
    fields = {name: value for name, value in of.model_dump(exclude={"object"}).items() if value is not None}
    return models_pb2.Model(**fields)


def receipt(fields: Mapping[str, Any]) -> common_pb2.Receipt:
    return common_pb2.Receipt(**{name: value for name, value in fields.items() if value is not None})


def error(exc: ServiceError, request_id: str) -> common_pb2.Error:
    """The error message, with as many items as fit into a trailer."""
    body = common_pb2.Error(
        code=exc.code, message=exc.message, param=exc.param, request_id=request_id, http_status=exc.status
    )
    room = ITEM_BYTES
    for item in exc.items:
        failed = common_pb2.FailedItem(index=item.index, id=item.id, code=item.code, message=item.message)
        room -= failed.ByteSize()
        if room < 0:
            break
        body.items.append(failed)
    body.items_omitted = len(exc.items) - len(body.items)
    return body


def filled(kind: type[M], answer: Mapping[str, Any]) -> M:
    """Convert an answer to a message: keys without a field are dropped, None is left unset."""
    names = {field.name for field in kind.DESCRIPTOR.fields}
    return kind(**{name: value for name, value in answer.items() if name in names and value is not None})


MOST = 1000  # maximum entries of a list


def job(of: schema.Job) -> jobs_pb2.Job:
    made = jobs_pb2.Job(**of.model_dump(exclude={"object", "result", "error"}, exclude_none=True))
    if of.result is not None and "classifier" in of.result:
        made.classifier = of.result["classifier"]
    if of.result is not None:
        made.result_json = json.dumps(of.result, ensure_ascii=False)
    if of.error is not None:
        made.error.CopyFrom(jobs_pb2.JobError(code=of.error.code, message=of.error.message))
    return made


def limit(given: int) -> int:
    """Number of entries of a list: as requested, 100 if unset. Raises Unprocessable."""
    if given > MOST:
        raise Unprocessable(f"limit: got {given}, at most {MOST}; ask again with the cursor", param="limit")
    return given or 100
