"""The base class of all requests."""

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

NULL = {"type": "null"}
ABOUT = (
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
)  # keys that are about a field, not about its values


class Message(BaseModel):
    """A request, or a part of one.

    An unknown field is an error, because it would have no effect, and so is a number that is not finite. Null stands
    for an optional field that is left out, as clients send that fill in all fields of a form. One value stands for a
    list of one, as R and other languages send it that know no scalars.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, fields: Any) -> Any:
        """Drop the optional fields that are null, and make lists of single values where lists are meant."""
        if not isinstance(fields, dict):
            return fields
        lists = list_fields(cls)
        single = {name for name in lists.keys() & fields.keys() if isinstance(fields[name], lists[name])}
        if not single and all(value is not None for value in fields.values()):
            return fields
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {
            name: [value] if name in single else value
            for name, value in fields.items()
            if value is not None or name not in optional
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The JSON schema, in which every optional field of a request may be null, and a list of one its value."""
        made = handler(schema)
        if handler.mode == "validation":
            described = handler.resolve_ref_schema(made)
            required = described.get("required", [])
            for name, field in described.get("properties", {}).items():
                if name in list_fields(cls):
                    field = described["properties"][name] = _with_single(field)
                if name not in required and not _takes_null(field):
                    about = {key: field[key] for key in ABOUT if key in field}
                    values = {key: value for key, value in field.items() if key not in ABOUT}
                    described["properties"][name] = {"anyOf": [values, NULL], **about}
        return made


@cache
def list_fields(schema: type[BaseModel]) -> Mapping[str, tuple[type, ...]]:
    """Fields of a schema that are lists, each with the types of a single value that may stand for a list of one.

    Fields with a validator of their own that comes first (`Items`), and those that are lists of lists, are none.
    """
    found = {}
    for name, field in schema.model_fields.items():
        own = any(isinstance(each, BeforeValidator) for each in field.metadata)
        kinds = () if own else _kinds_in_list(field.annotation)
        if kinds:
            found[name] = kinds
    return found


def _kinds_in_list(annotation: Any) -> tuple[type, ...]:
    """Types of the elements of an annotation such as list[str] | None; empty where it is not of lists alone."""
    options = [option for option in _options(annotation) if option is not type(None)]
    if not options or any(get_origin(option) is not list for option in options):
        return ()
    kinds: set[type] = set()
    for option in options:
        for element in _options(get_args(option)[0]):
            kinds |= _types_of(element)
    return tuple(kinds)


def _types_of(element: Any) -> set[type]:
    """Types of the values, as JSON has them, of one kind of element."""
    if get_origin(element) is Literal:
        return {type(value) for value in get_args(element)}
    if get_origin(element) is dict or (isinstance(element, type) and issubclass(element, BaseModel)):
        return {dict}
    return {int, float} if element is float else {element} & {str, bool, int}


def _options(annotation: Any) -> list[Any]:
    """The members of a union, which may be annotated; a type by itself where it is no union."""
    if get_origin(annotation) is Annotated:
        first, *metadata = get_args(annotation)
        return [annotation] if any(isinstance(each, BeforeValidator) for each in metadata) else _options(first)
    if get_origin(annotation) in (Union, UnionType):
        return [option for member in get_args(annotation) for option in _options(member)]
    return [annotation]


def _with_single(field: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of a list as one of the list or of a single element, unless it has two elements or more."""
    about = {key: field[key] for key in ABOUT if key in field}
    values = {key: value for key, value in field.items() if key not in ABOUT}
    forms = values.get("anyOf", [values])
    singles = [
        form["items"]
        for form in forms
        if form.get("type") == "array" and "items" in form and form.get("minItems", 0) < 2
    ]
    return {"anyOf": [*forms, *singles], **about}


def _takes_null(field: JsonSchemaValue) -> bool:
    kinds = field.get("anyOf", [field])
    return NULL in kinds or not any(key not in ABOUT for key in field)
