"""The vocabulary of the table: files, messages, enums and methods as they are declared, before they have numbers."""

import re
from dataclasses import dataclass

OVERRIDE = re.compile(r"(?:=(?P<source>\w+)\s*)?(?P<type>[^/]*?)\s*(?://\s*(?P<comment>.+))?", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """Differences of one field from the schema; an empty string stands for no difference."""

    source: str = ""  # field of the schema, where its name differs
    type: str = ""  # with its label: "optional string", "repeated double", "map<string, Labels>"
    comment: str = ""


@dataclass(frozen=True)
class Message:
    """A message of gRPC. `of` names the schemas whose fields it has; there may be none."""

    name: str
    of: tuple[str, ...]
    doc: str  # empty: the docstring of the schema
    without: tuple[str, ...]  # fields of the schema that gRPC does not have
    only: tuple[str, ...]  # the fields of the schema that gRPC has, where these are few
    oneof: str
    members: tuple[str, ...]
    fields: dict[str, Override]


@dataclass(frozen=True)
class Enum:
    """An enum; the names of its values are prefixed with its own, and the first is UNSPECIFIED."""

    name: str
    doc: str
    values: dict[str, str]  # value of the schema's Literal -> comment; "unspecified" first


@dataclass(frozen=True)
class Method:
    """A method of the service; `stream` before the name of a message says that it is one."""

    name: str
    request: str
    response: str
    doc: str


@dataclass(frozen=True)
class File:
    """One .proto file."""

    name: str
    declared: tuple[Message | Enum, ...] = ()
    methods: tuple[Method, ...] = ()
    doc: str = ""  # of the service


def message(
    name: str, of: str = "", doc: str = "", /, *, without: str = "", only: str = "", oneof: str = "", **fields: str
) -> Message:
    """Declare a message; lists are words in one string.

    `oneof` is "NAME: FIELD FIELD". Each of `fields` is "=SOURCE TYPE // comment", any part of which may be left out.
    """
    group, _, members = oneof.partition(":")
    return Message(
        name,
        tuple(of.split()),
        doc,
        tuple(without.split()),
        tuple(only.split()),
        group,
        tuple(members.split()),
        {key: override(text) for key, text in fields.items()},
    )


def override(text: str) -> Override:
    """Read "=SOURCE TYPE // comment"."""
    match = OVERRIDE.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not "=SOURCE TYPE // comment"')
    return Override(**{key: value or "" for key, value in match.groupdict().items()})
