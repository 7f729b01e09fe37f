"""Messages and enums with numbers and comments, from the table, the schemas and the lock."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from protos.generate import schemas
from protos.generate.declarations import Enum, File, Message, Override
from protos.generate.lock import Field, Lock


@dataclass(frozen=True)
class Built:
    """A message or an enum, ready to be written."""

    keyword: str
    name: str
    doc: str
    fields: list[tuple[Field, str]]  # in the order of the numbers, with comments
    oneof: str
    reserved: list[Field]


@dataclass(frozen=True)
class Rules:
    """Differences of gRPC from HTTP that hold for all messages."""

    types: Mapping[Any, str]  # annotation -> type
    fields: Mapping[str, Override]  # field of a message that a schema has -> its differences
    without: Iterable[str]  # fields of schemas that no message has
    words: Iterable[tuple[str, str]]  # pattern in a description -> word of gRPC


class Builder:
    """Builds the messages of `files`; `lock` gets the numbers of new fields."""

    def __init__(self, files: Iterable[File], rules: Rules, known: schemas.Schemas, lock: Lock) -> None:
        self._rules, self._known, self._lock = rules, known, lock
        declared = [each for file in files for each in file.declared]
        if missing := {name for each in declared if isinstance(each, Message) for name in each.of} - known.keys():
            raise ValueError(f"no module of schemas has {', '.join(sorted(missing))}")
        self._enums = {each.name for each in declared if isinstance(each, Enum)}
        owners = {known[each.of[0]]: each.name for each in declared[::-1] if isinstance(each, Message) and each.of}
        self._types = schemas.Types(owners, rules.types)

    def build(self, declared: Message | Enum) -> Built:
        """Raises LockError, and ValueError where there is no type or no comment."""
        if isinstance(declared, Enum):
            prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", declared.name).upper()
            comments = {f"{prefix}_{value.upper()}": comment for value, comment in declared.values.items()}
            values = self._lock.assign(declared.name, {name: [""] for name in comments}, first=0)
            fields = [(value, comments[value.name]) for value in values]
            return Built("enum", declared.name, declared.doc, fields, "", self._lock.reserved(declared.name))
        infos = self._infos(declared)
        wanted = {name: self._kinds(declared, name, infos.get(name)) for name in infos | declared.fields}
        fields = [
            (field, self._comment(declared, field, infos.get(field.name)))
            for field in self._lock.assign(declared.name, wanted)
        ]
        doc = declared.doc or self._in_words(next((self._known[name].__doc__ or "" for name in declared.of), ""))
        if not doc:
            raise ValueError(f"{declared.name}: neither the schema nor the table explains it")
        return Built("message", declared.name, doc, fields, declared.oneof, self._lock.reserved(declared.name))

    def _infos(self, declared: Message) -> dict[str, FieldInfo]:
        """Fields of the message's schemas by their names in gRPC."""
        every = {name: info for schema in declared.of for name, info in self._known[schema].model_fields.items()}
        named = {*declared.without, *declared.only, *(each.source for each in declared.fields.values() if each.source)}
        if unknown := named - every.keys():
            raise ValueError(f"{declared.name}: no field {', '.join(sorted(unknown))} in {' or '.join(declared.of)}")
        differing = {**self._rules.fields, **declared.fields}
        renamed = {override.source: name for name, override in differing.items() if override.source}
        infos = {}
        for name, info in every.items():
            if name in (*self._rules.without, *declared.without) or (declared.only and name not in declared.only):
                continue
            mine = renamed.get(name, name)
            if not self._override(declared, mine).type and self._types.of(info.annotation) == [schemas.JSON]:
                mine = f"{name}_json"
            infos[mine] = info
        return infos

    def _override(self, declared: Message, name: str) -> Override:
        general, own = self._rules.fields.get(name, Override()), declared.fields.get(name, Override())
        return Override(own.source or general.source, own.type or general.type, own.comment or general.comment)

    def _kinds(self, declared: Message, name: str, info: FieldInfo | None) -> list[str]:
        override = self._override(declared, name)
        kinds = [override.type] if override.type or info is None else self._types.kinds(info, self._enums)
        if not kinds[0]:
            raise ValueError(f"{declared.name}.{name}: neither a schema nor the table has a type")
        return [f"oneof {kind.removeprefix('optional ')}" for kind in kinds] if name in declared.members else kinds

    def _comment(self, declared: Message, field: Field, info: FieldInfo | None) -> str:
        text = self._override(declared, field.name).comment
        if not text and info is not None:
            text = self._in_words(schemas.comment(info, field.label, field.type), field.label)
            if field.name.endswith("_json"):
                text = f"{text.rstrip('.')}, as JSON."
        if not text:
            raise ValueError(f"{declared.name}.{field.name}: neither the schema nor the table explains it")
        return text

    def _in_words(self, text: str, label: str = "") -> str:
        null = "empty" if label == "repeated" else "absent"
        for pattern, word in (*self._rules.words, (r"\bnull\b", null), (r"\bNull\b", null.capitalize())):
            text = re.sub(pattern, word, text)
        return text
