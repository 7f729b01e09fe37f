"""Validation of requests over both transports, and messages that explain pydantic's errors."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from service.errors import BadRequest, ServiceError, Unprocessable

Options = TypeVar("Options", bound=BaseModel)


def validated(schema: type[Options], fields: Mapping[str, Any], *, at: str = "") -> Options:
    """`fields`, at the path `at` of the request, as a `schema`; or a ServiceError about the first problem."""
    try:
        return schema.model_validate(fields)
    except ValidationError as exc:
        raise explain(exc, schema, at) from exc


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
