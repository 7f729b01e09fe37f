"""Validation of requests over both transports, and messages that explain pydantic's errors."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from service.errors import BadRequest, ServiceError, Unprocessable

LARGEST_REREAD = 4 * 2**20  # bytes: Python's parser is slow, and others wait for it
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ITEM_TEXT = re.compile(r"input(\[\d+\])?(\.text)?")
Options = TypeVar("Options", bound=BaseModel)


def validated(schema: type[Options], fields: Mapping[str, Any], *, at: str = "") -> Options:
    """`fields`, at the path `at` of the request, as a `schema`; or a ServiceError about the first problem."""
    try:
        return schema.model_validate(fields)
    except ValidationError as exc:
        raise explain(exc, schema, at) from exc


def validated_json(schema: type[Options], body: bytes) -> Options:
    """A JSON body as a `schema`; or a ServiceError about the first problem.

    Half of a surrogate pair, which JSON can write and Unicode has not, makes the text that has it unusable, and not the
    whole body: it is read by Python's parser, which keeps it.
    """
    try:
        return schema.model_validate_json(body)
    except ValidationError as exc:
        is_json = exc.error_count() > 1 or exc.errors(include_url=False)[0]["type"] != "json_invalid"
        if is_json or not _SURROGATE.search(body):
            raise explain(exc, schema) from exc
        if len(body) > LARGEST_REREAD:
            raise BadRequest(
                "the body is not Unicode: a text in it has half of a surrogate pair, as of an emoji that was cut; send "
                "whole characters, or fewer items at once"
            ) from exc
    try:
        fields = json.loads(body)
        elsewhere = next(_cut_texts(fields), None)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"the body is not JSON: {exc}") from exc
    if elsewhere is not None:
        raise Unprocessable(
            f"{elsewhere or 'the body'}: has half of a surrogate pair, which is no character; send whole characters",
            param=elsewhere or None,
        )
    return validated(schema, fields)


def _cut_texts(value: Any, at: str = "") -> Iterator[str]:
    """Paths of the names and strings with half of a surrogate pair, the texts of items aside."""
    if isinstance(value, dict):
        for name, each in value.items():
            if _is_cut(name):
                yield at
            yield from _cut_texts(each, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _cut_texts(each, f"{at}[{i}]")
    elif isinstance(value, str) and _is_cut(value) and not _ITEM_TEXT.fullmatch(at):
        yield at


def _is_cut(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def explain(exc: ValidationError, schema: type[BaseModel], at: str = "") -> ServiceError:
    """The first of pydantic's errors as a ServiceError."""
    errors = exc.errors(include_url=False, include_context=True)
    first = errors[0]
    kind, message = first["type"], first["msg"]
    if kind == "json_invalid":
        return BadRequest(f"the body is not JSON: {message.removeprefix('Invalid JSON: ')}")
    param = at
    for part in first["loc"]:
        param += f"[{part}]" if isinstance(part, int) else f"{'.' if param else ''}{part}"
    if kind == "extra_forbidden":
        known = ", ".join(sorted(_fields_at(schema, first["loc"])))
        text = f"{param}: no such field here; there are {known}"
    elif kind == "missing":
        text = f"{param}: is missing; it is required"
    elif kind == "value_error":
        text = f"{param}: {message.removeprefix('Value error, ')}" if param else message.removeprefix("Value error, ")
    else:
        value = first["input"]
        if isinstance(value, dict | list):
            shown = "an object" if isinstance(value, dict) else "a list"
        else:
            shown = repr(value) if isinstance(value, str) else _plain(value)
        if kind == "model_type":  # "… or instance of Post"
            message = "should be an object"
        message = message.removeprefix("Input ").removeprefix("String ")
        text = f"{param or 'the body'}: got {shown if len(shown) <= 80 else shown[:77] + '…'}, {message}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Unprocessable(text + more, param=param or None)


def _plain(value: Any) -> str:
    """A value as its sender wrote it: null, true, and 2 even if the transport made it 2.0."""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _fields_at(schema: type[BaseModel], loc: tuple[int | str, ...]) -> Mapping[str, Any]:
    """The fields of the schema that contains `loc`."""
    for part in loc[:-1]:
        if isinstance(part, str):
            schema = _model_in(schema.model_fields[part].annotation) or schema
    return schema.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The schema in an annotation such as list[Item] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
