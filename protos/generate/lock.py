"""Numbers and types of fields, which never change once they are published: protos/lock.json."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

RESERVED = "reserved"


class LockError(Exception):
    """A change that programs built with the published .proto files would not survive."""


class Field(NamedTuple):
    """A field as the .proto file has it; `kind` is its type after its label, if it has one."""

    name: str
    number: int
    kind: str

    @property
    def label(self) -> str:
        return next((each for each in ("optional", "repeated", "oneof") if self.kind.startswith(f"{each} ")), "")

    @property
    def type(self) -> str:
        return self.kind.removeprefix(self.label).strip()


class Lock:
    """Per message, the name of each field -> "NUMBER KIND"; the kind of a removed field is "reserved".

    The kind is kept too, since one type of a schema may be several types of protobuf (an int is uint32, sint32, ...),
    and an old program reads the wrong value if the type changes.
    """

    def __init__(self, entries: dict[str, dict[str, str]]) -> None:
        self.entries = entries
        for message in entries:
            numbers: dict[int, str] = {}
            for field in self._fields(message):
                if (other := numbers.setdefault(field.number, field.name)) != field.name:
                    raise LockError(f"{message}: {other} and {field.name} both have number {field.number}")

    @classmethod
    def read(cls, path: Path) -> "Lock":
        return cls(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})

    def text(self) -> str:
        return json.dumps(self.entries, indent=2) + "\n"

    def assign(self, message: str, wanted: Mapping[str, Sequence[str]], first: int = 1) -> list[Field]:
        """Number the wanted fields, given with the kinds that suit, that of a new field first.

        A new field gets the next free number; a field that is no longer wanted becomes reserved.
        """
        entries = self.entries.setdefault(message, {})
        following = max([first, *(field.number + 1 for field in self._fields(message))])
        for name, kinds in wanted.items():
            if name not in entries:
                entries[name] = f"{following} {kinds[0]}".strip()
                following += 1
        for name, number, kind in self._fields(message):
            if name not in wanted:
                entries[name] = f"{number} {RESERVED}"
            elif kind == RESERVED:
                raise LockError(f"{message}.{name}: a removed field had this name, which is reserved; choose another")
            elif kind not in wanted[name]:
                now = " or ".join(wanted[name])
                raise LockError(f"{message}.{name} is locked as {kind}, and would become {now}; choose another name")
        return sorted((f for f in self._fields(message) if f.name in wanted), key=lambda field: field.number)

    def reserved(self, message: str) -> list[Field]:
        return [field for field in self._fields(message) if field.kind == RESERVED]

    def refuse_renumbering(self, proto: str) -> None:
        """Raises LockError where the text of a published .proto file has a field under another number."""
        message = ""
        for line in proto.splitlines():
            if match := re.match(r"(?:message|enum) (\w+) \{", line):
                message = match[1]
            elif match := re.match(r" +(?!//)[^=]*?(\w+) = (\d+);", line):
                entry = self.entries.get(message, {}).get(match[1], "no entry")
                if entry.split()[0] != match[2]:
                    raise LockError(f"{message}.{match[1]} is published with number {match[2]}, the lock has {entry}")

    def _fields(self, message: str) -> list[Field]:
        split = {name: entry.partition(" ") for name, entry in self.entries.get(message, {}).items()}
        return [Field(name, int(number), kind) for name, (number, _, kind) in split.items()]
