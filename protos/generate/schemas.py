"""Fields of the service's schemas: their types in protobuf, and their comments."""

import re
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import BaseModel
from pydantic.fields import FieldInfo

JSON = "JSON"  # stands for a value without a fixed form, which gRPC has as a string
UNSIGNED = ["uint32", "uint64"]
SIGNED = ["int32", "sint32", "int64", "sint64"]
SCALARS = {str: ["string"], bool: ["bool"], float: ["double", "float"], Any: [JSON]}

Schemas = Mapping[str, type[BaseModel]]


def load() -> Schemas:
    """The schemas of all modules of the service's schemas, by name."""
    schemas: dict[str, type[BaseModel]] = {}
    package = "service.schemas"
    for module in iter_modules(import_module(package).__path__, f"{package}."):
        name = module.name
        for key, value in vars(import_module(name)).items():
            if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == name:
                if key in schemas:
                    raise ValueError(f"{name}.{key}: {schemas[key].__module__} has a schema of that name")
                schemas[key] = value
    return schemas


class Types:
    """Types of protobuf. `messages` are known by their schema, `special` types by their annotation."""

    def __init__(self, messages: Mapping[type[BaseModel], str], special: Mapping[Any, str]) -> None:
        self._known = {_plain(annotation): name for annotation, name in (*messages.items(), *special.items())}

    def of(self, annotation: Any, metadata: Iterable[Any] = ()) -> list[str]:
        """All types that suit, with the label of a list; the first is that of a new field.

        Raises TypeError where none does.
        """
        plain = _plain(annotation)
        origin, arguments = get_origin(plain), get_args(plain)
        if plain in self._known:
            return [self._known[plain]]
        if origin is Annotated:
            return self.of(arguments[0], [part for each in arguments[1:] for part in getattr(each, "metadata", [each])])
        if origin is Literal:
            return self.of(type(arguments[0]))
        if origin in (Union, UnionType):
            return [JSON] if any(self.of(each) == [JSON] for each in arguments) else ["string"]
        if origin in (list, tuple, dict):
            inner = self.of(arguments[1] if origin is dict else arguments[0])
            if inner[0] == JSON or " " in inner[0]:  # a list of lists, or the like
                return [JSON]
            return [f"map<string, {each}>" if origin is dict else f"repeated {each}" for each in inner]
        if plain is int:
            bounds = [each.ge for each in metadata if isinstance(each, Ge) and isinstance(each.ge, int)]
            return SIGNED + UNSIGNED if not bounds else UNSIGNED + SIGNED if max(bounds) >= 0 else SIGNED
        if plain not in SCALARS:
            raise TypeError(f"{plain} has no type in protobuf; declare one in protos/generate")
        return SCALARS[plain]

    def kinds(self, info: FieldInfo, enums: Collection[str]) -> list[str]:
        """The types with labels: a single value that may be null must be told from an empty one."""
        types = ["string" if each == JSON else each for each in self.of(info.annotation, info.metadata)]
        if " " in types[0] or types[0] in enums:
            return types
        optional = [f"optional {each}" for each in types]
        if NoneType in get_args(info.annotation):
            return optional + (types if types[0][0].isupper() else [])  # a message may be absent without the label
        return types + optional if info.is_required() or not info.get_default() else optional + types


def _plain(annotation: Any) -> Any:
    """The annotation without None; the parts of a union without their metadata."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    parts = [each for each in get_args(annotation) if each is not NoneType]
    return Union[tuple(get_args(each)[0] if get_origin(each) is Annotated else each for each in parts)]  # noqa: UP007


def comment(info: FieldInfo, label: str, kind: str) -> str:
    """The description, with the values and the default that it does not give."""
    text = info.description or ""
    values = _values(info.annotation) if kind == "string" else ()
    if any(not re.search(rf"\b{re.escape(value)}\b", text) for value in values):
        text += f" One of: {', '.join(values)}."
    default = info.get_default()
    if label == "optional" and not info.is_required() and default is not None:
        text += f" Absent: {str(default).lower() if isinstance(default, bool) else default}."
    return text.strip()


def _values(annotation: Any) -> tuple[str, ...]:
    """Values of the Literal in an annotation, if there is one."""
    if get_origin(annotation) is Literal:
        return tuple(value for value in get_args(annotation) if isinstance(value, str))
    return next((values for each in get_args(annotation) if (values := _values(each))), ())
