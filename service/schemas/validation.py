"""Validation of requests over both transports, and messages that explain pydantic's errors."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from models.errors import LONGEST_QUOTE, quoted
from models.stopping import checkpoint
from service.errors import BadRequest, ServiceError, TooLarge, Unprocessable

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ITEM_TEXT = re.compile(r"input(\[\d+\])?(\.text)?")
Options = TypeVar("Options", bound=BaseModel)
MANY = 5000  # elements of a list that are checked at once
FEW = 100  # unknown fields of an object that are looked at
VALID = "Input should be a valid "  # with which pydantic begins the rule of a type
OBJECT = VALID + "object"
NAMED = {"variables": "variable", "categories": "category"}  # lists whose elements an error calls by their names
OBJECTS = ("model_type", "dict_type")  # of errors of values that should be an object


def validated(schema: type[Options], fields: Mapping[str, Any], *, at: str = "") -> Options:
    """`fields`, at the path `at` of the request, as a `schema`; or a ServiceError about the first problem."""
    try:
        return schema.model_validate(fields)
    except ValidationError as exc:
        raise explain(exc, schema, at, fields=fields) from exc


def validated_json(schema: type[Options], body: bytes) -> Options:
    """A small JSON body as a `schema`; or a ServiceError about the first problem.

    Half of a surrogate pair, which JSON can write and Unicode has not, makes the text that has it unusable, and not the
    whole body: it is read by Python's parser, which keeps it.
    """
    try:
        return schema.model_validate_json(body)
    except ValidationError as exc:
        is_json = exc.error_count() > 1 or exc.errors(include_url=False)[0]["type"] != "json_invalid"
        if is_json or not SURROGATE.search(body):
            raise explain(exc, schema, fields=_parsed(body)) from exc
    try:
        fields = json.loads(body)
        require_whole_characters(fields)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"the body is not JSON: {exc}") from exc
    return validated(schema, fields)


def _parsed(body: bytes) -> Any:
    """The values of a body, None where it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def require_whole_characters(fields: Any) -> None:
    """Raise Unprocessable for half of a surrogate pair, but in the texts of items, each of which fails alone."""
    elsewhere = next(_cut_texts(fields), None)
    if elsewhere is not None:
        raise Unprocessable(
            f"{elsewhere or 'the body'}: has half of a surrogate pair, which is no character; send whole characters",
            param=elsewhere or None,
        )


def _cut_texts(value: Any, at: str = "") -> Iterator[str]:
    """Paths of the names and strings with half of a surrogate pair, the texts of items aside."""
    if isinstance(value, dict):
        for name, each in value.items():
            if is_cut(name):
                yield at
            yield from _cut_texts(each, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _cut_texts(each, f"{at}[{i}]")
    elif isinstance(value, str) and is_cut(value) and not _ITEM_TEXT.fullmatch(at):
        yield at


def is_cut(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def validated_in_pieces(schema: type[Options], fields: Any, *, max_items: int | None = None, at: str = "") -> Options:
    """`fields` of a large request, at the path `at` of it, as a `schema`; call it in a thread, since other threads run
    between the pieces.

    pydantic holds the interpreter's lock until a list is done. Long lists are therefore checked in slices, which also
    bounds the number of errors that are collected, and then given to pydantic as generators.
    """
    items = fields.get("input") if isinstance(fields, dict) else None
    if max_items is not None and isinstance(items, list) and len(items) > max_items:
        raise TooLarge(
            f"input: has {len(items)} items, the limit is {max_items}; send several requests",
            code="too_many_items",
            param="input",
        )
    return validated(schema, _checked(schema, fields, schema, at), at=at)


def _checked(annotation: Any, value: Any, schema: type[BaseModel], at: str) -> Any:
    """The value with long lists checked and replaced by generators, and with few of many unknown fields."""
    model = _model_in(annotation)
    if isinstance(value, dict):
        if model is None:
            inner = get_args(annotation)[-1:] or (Any,)
            return {name: _checked(inner[0], each, schema, f"{at}.{name}") for name, each in value.items()}
        known = {name: value[name] for name in model.model_fields if name in value}
        more = islice((name for name in value if name not in model.model_fields), FEW)
        before = f"{at}." if at else ""
        return {
            **{n: _checked(model.model_fields[n].annotation, v, schema, before + n) for n, v in known.items()},
            **{name: value[name] for name in more},
        }
    element = _element_of(annotation)
    if not isinstance(value, list) or element is None or (len(value) <= MANY and model is None):
        return value
    if len(value) > MANY and at != "input":  # whose number is limited, and whose elements may be texts
        adapter = _adapter(element)
        for start in range(0, len(value), MANY):
            checkpoint()
            try:
                adapter.validate_python(value[start : start + MANY])
            except ValidationError as exc:
                raise explain(exc, list[element], at, offset=start) from exc  # type: ignore[valid-type]
    if model is not None:
        return [_checked(element, each, schema, f"{at}[{i}]") for i, each in enumerate(value)]
    return _elements(value)


def _elements(values: list[Any]) -> Iterator[Any]:
    for start in range(0, len(values), MANY):
        checkpoint()
        yield from values[start : start + MANY]


def _element_of(annotation: Any) -> Any:
    """The type of the elements in an annotation such as list[float] | None."""
    if get_origin(annotation) is list:
        return get_args(annotation)[0]
    return next((found for inner in get_args(annotation) if (found := _element_of(inner)) is not None), None)


@cache
def _adapter(element: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[element])


def explain(
    exc: ValidationError, annotation: Any, at: str = "", *, offset: int = 0, fields: Any = None
) -> ServiceError:
    """The first of pydantic's errors as a ServiceError; `offset` is added to the index at its beginning.

    `annotation` is the type that was validated: a schema, or a list of the elements of one of its lists. `fields` are
    the values, which have the names of variables and categories.
    """
    errors = exc.errors(include_url=False, include_context=True)
    first = errors[0]
    kind, message = first["type"], first["msg"]
    if kind == "json_invalid":
        return BadRequest(f"the body is not JSON: {message.removeprefix('Invalid JSON: ')}")
    places = [_place(annotation, each["loc"], each["type"]) for each in errors]
    param = at
    for i, part in enumerate(places[0].parts):
        if isinstance(part, int):
            param += f"[{part + offset if i == 0 else part}]"
        else:
            param += f"{'.' if param else ''}{part if len(part) <= LONGEST_QUOTE else part[:LONGEST_QUOTE] + '…'}"
    where = param if at else _called(fields, places[0].parts) or param
    if kind == "extra_forbidden":
        text = f"{where}: no such field here; there are {', '.join(sorted(places[0].known))}"
    elif kind == "missing":
        text = f"{where}: is missing; it is required"
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
        text = message if not param or message.startswith(where) else f"{where}: {message}"
    else:
        value = first["input"]
        if isinstance(value, dict | list):
            shown = "an object" if isinstance(value, dict) else "a list"
        else:
            shown = repr(value) if isinstance(value, str) else _plain(value)
        if kind == "model_type":  # "… or instance of Post"
            message = "should be an object"
        alike = [
            OBJECT if e["type"] in OBJECTS else e["msg"]
            for e, place in zip(errors, places, strict=True)
            if place.parts == places[0].parts
        ]
        message = _joined(message, alike).removeprefix("Input ").removeprefix("String ")
        message = message.removeprefix("List ").replace(" after validation", "")  # at most 100 items, not 101
        text = f"{where or 'the body'}: got {shown if len(shown) <= 80 else shown[:77] + '…'}, {message}"
    others = len({place.parts for place in places}) - 1
    more = f" (and {others} more)" if others else ""
    return Unprocessable(text + more, param=param or None)


def _called(fields: Any, parts: Sequence[int | str]) -> str | None:
    """The place of an error by the names of its variable and category; None where they have none."""
    called: list[str] = []
    for i, part in enumerate(parts):
        try:
            fields = fields[part]
        except (TypeError, LookupError):
            fields = None
        kind = NAMED.get(str(parts[i - 1])) if i and isinstance(part, int) else None
        name = fields.get("name") if kind and isinstance(fields, dict) else None
        if kind and isinstance(name, str) and name.strip():
            called[-1] = f"{kind} {quoted(name)}"
        elif isinstance(part, int):
            called[-1:] = [f"{called[-1] if called else ''}[{part}]"]
        else:
            called.append(part if len(part) <= LONGEST_QUOTE else part[:LONGEST_QUOTE] + "…")
    return ", ".join(called) if any(" " in each for each in called) else None


def _plain(value: Any) -> str:
    """A value as its sender wrote it: null, true, and 2 even if the transport made it 2.0."""
    if isinstance(value, Iterator):  # a long list, of which pydantic has read too many elements
        return "a longer list"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _joined(message: str, alike: Sequence[str]) -> str:
    """The rules of a value that may be of several types as one rule: a valid string, boolean or number."""
    kinds = list(dict.fromkeys(each.removeprefix(VALID) for each in alike if each.startswith(VALID)))
    if not message.startswith(VALID) or len(kinds) < 2:
        return message
    return f"{VALID}{', '.join(kinds[:-1])} or {kinds[-1]}"


class _Place(NamedTuple):
    """The place of an error: its path, and the fields that are known there."""

    parts: tuple[int | str, ...]
    known: Iterable[str]


def _place(annotation: Any, loc: Sequence[int | str], kind: str) -> _Place:
    """Where an error is, without the names of types and functions that pydantic adds for values of several types."""
    parts: list[int | str] = []
    known: Iterable[str] = ()
    for i, part in enumerate(loc):
        model, values = _model_in(annotation), _values_of(annotation)
        if isinstance(part, int):
            parts.append(part)
            element = _element_of(annotation)
            annotation = annotation if element is None else element
        elif model is not None and (field := _field(model, part)) is not None:
            parts.append(part)
            annotation, known = field.annotation, model.model_fields
        elif kind == "extra_forbidden" and i == len(loc) - 1:
            parts.append(part)
            known = () if model is None else model.model_fields
        elif values is not None and part != "[key]":
            parts.append(part)
            annotation = values
    return _Place(tuple(parts), known)


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    """The field of a schema by its name in JSON; None without one."""
    named = model.model_fields.get(name)
    return named or next((field for field in model.model_fields.values() if field.alias == name), None)


def _values_of(annotation: Any) -> Any:
    """The type of the values in an annotation such as dict[str, float] | None."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None
    return next((found for inner in get_args(annotation) if (found := _values_of(inner)) is not None), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The schema in an annotation such as list[Item] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
