"""Fields of requests to messages, and messages to the content that HTTP's JSON has, by their descriptors.

Exceptions from the general rules are data at the top of this module, not code for each operation.
"""

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

HTTP_ONLY = frozenset({"encoding_format"})  # fields that gRPC has no use for
OPTIONS = ("options", "model_options")  # messages whose fields are the request's own over HTTP
PARTS = ("answer", "predictions", "facts", "outcome")  # the same of an answer that is sent back
SENT = {"Predicted.scores": "probabilities"}  # the field that HTTP's stands for in an answer that is sent back
RENAMED = {
    "Embedding.vector": "embedding",
    "Outcome.vector": "embedding",
    "ListClassifiersResponse.classifiers": "data",
    "ListJobsResponse.jobs": "data",
    "ListModelsResponse.models": "data",
}
INLINE = frozenset({"VideoResult.facts", "Frame.outcome", "Shot.outcome"})  # fields of their message's own over HTTP
NULL_WHERE_EMPTY = frozenset({"Sample.ids", "Sample.inclusion_prob", "Sample.stratum", "Model.templates"})
NAN_WHERE_NULL = frozenset({"MultiverseConfiguration.values"})  # lists of numbers, some of which are null over HTTP
LEFT_OUT_WHERE_UNSET = frozenset({"Classifier.report_json", "Classifier.worst_json"})
OBJECTS = {"Classifier": "classifier", "Duplicates": "duplicates", "File": "file"}

Convert = Callable[[Any], Any]


def fill(message: Message, fields: Mapping[str, Any]) -> None:
    """Set fields of a request, named as over HTTP. Raises TypeError, ValueError for what a message cannot hold."""
    for name, value in fields.items():
        if value is None or name in HTTP_ONLY:
            continue
        if name == "mode":
            name, value = "as_job", value == "job"
        name = SENT.get(f"{message.DESCRIPTOR.name}.{name}", name)
        if f"{name}_json" in message.DESCRIPTOR.fields_by_name:
            name, value = f"{name}_json", json.dumps(value)
        holder = _holder(message, name)
        if holder is not None:
            _set(holder, holder.DESCRIPTOR.fields_by_name[name], value)
        elif isinstance(value, Mapping):  # a group of fields over HTTP only
            fill(message, value)
        elif name == "input":
            fill(message, {"items": value})
        else:
            raise ValueError(f"{name}: {message.DESCRIPTOR.name} has no such field")


def _holder(message: Any, name: str) -> Any:
    """The message that has the field: this one, or one of its options and parts; None where there is none."""
    fields = message.DESCRIPTOR.fields_by_name
    if name in fields:
        return message
    found = (_holder(getattr(message, part), name) for part in OPTIONS + PARTS if part in fields)
    return next((holder for holder in found if holder is not None), None)


def _set(holder: Any, field: FieldDescriptor, value: Any) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entries = getattr(holder, field.name)
        for key, entry in value.items():
            if field.message_type.fields_by_name["value"].message_type is None:
                entries[key] = entry
            else:
                _write(entries[key], entry)
    elif _is_repeated(field):
        entries = getattr(holder, field.name)
        if f"{holder.DESCRIPTOR.name}.{field.name}" in NAN_WHERE_NULL:
            value = [math.nan if each is None else each for each in value]
        if field.message_type is None:
            entries.extend(value)
        else:
            for entry in value:
                _write(entries.add(), entry)
    elif field.message_type is not None:
        inner = getattr(holder, field.name)
        inner.SetInParent()
        _write(inner, value)
    else:
        setattr(holder, field.name, value if field.enum_type is None else _number(field, value))


def _write(message: Any, value: Any) -> None:
    """Write a value of JSON into a message: an object, a list, a code."""
    fields = message.DESCRIPTOR.fields
    if isinstance(value, Mapping):
        if "video" in value and "sampling" not in value["video"]:
            video = {**value["video"], "sampling": value.get("sampling")}
            value = {**{name: each for name, each in value.items() if name != "sampling"}, "video": video}
        fill(message, value)
    elif message.DESCRIPTOR.name == "Code":
        if value is not None:
            kind = "flag" if isinstance(value, bool) else "label" if isinstance(value, str) else "number"
            setattr(message, kind, value)
    elif len(fields) == 1:
        _set(message, fields[0], value)
    else:
        for field, each in zip(fields, value, strict=True):
            _set(message, field, each)


def _number(field: FieldDescriptor, value: str) -> int:
    """The number of "exact" in the enumeration with DECODE_EXACT."""
    assert field.enum_type
    values = field.enum_type.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    numbers = {each.name.removeprefix(prefix).lower(): int(each.number) for each in values[1:]}
    if value not in numbers:
        raise ValueError(f"{field.name}: got {value!r}, should be {' or '.join(map(repr, numbers))}")
    return numbers[value]


def answer_content(message: Message) -> dict[str, Any]:
    """The content of an answer. Where it is one of several, or a job, the content of that one."""
    for field, value in message.ListFields():
        one_of = field.containing_oneof
        if field.name == "job" or (one_of is not None and len(one_of.fields) > 1):
            has_outcome = field.message_type is not None and "outcome" in field.message_type.oneofs_by_name
            return answer_content(value) if has_outcome else _content(value)
    return _content(message)


@dataclass(frozen=True)
class _Reader:
    """Reader of messages of one type.

    Attributes
    ----------
    defaults : content of fields that are not set, lists aside.
    lists : names of lists.
    converts : by field, its name in the content, None for those that go into the content itself, and its conversion.
    adapt : changes of the content at the end.
    """

    defaults: Mapping[str, Any]
    lists: Sequence[str]
    converts: Mapping[str, tuple[str | None, Convert | None]]
    adapt: Callable[[dict[str, Any]], None] | None


def _content(message: Message) -> dict[str, Any]:
    reader = _reader(message.DESCRIPTOR)
    content = dict(reader.defaults)
    for name in reader.lists:
        content[name] = []
    for field, value in message.ListFields():
        key, convert = reader.converts[field.name]
        if convert is not None:
            value = convert(value)
        if key is None:
            content.update(value)
        else:
            content[key] = value
    if reader.adapt is not None:
        reader.adapt(content)
    return content


@functools.cache
def _reader(kind: Descriptor) -> _Reader:
    defaults: dict[str, Any] = {"object": OBJECTS[kind.name]} if kind.name in OBJECTS else {}
    lists: list[str] = []
    converts: dict[str, tuple[str | None, Convert | None]] = {}
    for field in kind.fields:
        path = f"{kind.name}.{field.name}"
        key = None if path in INLINE or field.name == "answer_json" else RENAMED.get(path, field.name)
        if key is not None:
            key = key.removesuffix("_json")
            if _is_repeated(field) and path not in NULL_WHERE_EMPTY and not _is_map(field):
                lists.append(key)
            elif path not in LEFT_OUT_WHERE_UNSET:
                unset = field.has_presence or path in NULL_WHERE_EMPTY
                defaults[key] = {} if _is_map(field) else None if unset else field.default_value
        converts[field.name] = key, _convert(field)
    return _Reader(defaults, lists, converts, ADAPTED.get(kind.name))


def _convert(field: FieldDescriptor) -> Convert | None:
    """The conversion of a field's value; None where it is taken as it is."""
    kind = field.message_type
    if _is_map(field):
        return dict
    if field.name.endswith("_json"):
        return json.loads
    if kind is None:
        return list if _is_repeated(field) else None
    if kind.full_name.endswith(".Embedding") and _is_repeated(field):
        return _embeddings
    if len(kind.fields) == 1 and _is_repeated(kind.fields[0]):
        name = kind.fields[0].name
        return lambda value: list(getattr(value, name))
    if kind.name == "Bounds":
        return lambda value: [value.low, value.high]
    return (lambda value: [_content(each) for each in value]) if _is_repeated(field) else _content


def _embeddings(entries: Any) -> list[dict[str, Any]]:
    """Entries with a vector alone, of which there may be thousands, without a look at their other fields."""
    return [
        {"embedding": vector} if (vector := entry.vector) and not entry.HasField("video") else _content(entry)
        for entry in entries
    ]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_repeated(field: FieldDescriptor) -> bool:
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(getattr(field, "label") == FieldDescriptor.LABEL_REPEATED)  # noqa: B009  # gone in protobuf 7


# changes of the content for answers that have another form over HTTP


def _usage(content: dict[str, Any]) -> None:
    content["usage"] = {"prompt_tokens": content.pop("prompt_tokens")}


def _interval(content: dict[str, Any]) -> None:
    content["interval"] = [content.pop("low"), content.pop("high")]


def _result(content: dict[str, Any]) -> None:
    classifier = content.pop("classifier")
    if content["result"] is None and classifier is not None:
        content["result"] = {"classifier": classifier}


def _shots(content: dict[str, Any]) -> None:
    if not content["sampling"]["find_shots"] and content["sampling"]["policy"] != "shots":
        content["shots"] = None


def _file(content: dict[str, Any]) -> None:
    if content["video"] is not None:
        content["shape"] = content["dtype"] = None


def _coordinates(content: dict[str, Any]) -> None:
    flat = content["coordinates"]
    content["coordinates"] = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)] or None


def _estimates(content: dict[str, Any]) -> None:
    content["estimates"] = {each.pop("label"): each for each in content["estimates"]}


ADAPTED: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "Clustering": _coordinates,
    "EmbedResponse": _usage,
    "EstimateResponse": _estimates,
    "File": _file,
    "Job": _result,
    "Outcome": _interval,
    "Predicted": _interval,
    "VideoResult": _shots,
}
