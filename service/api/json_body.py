"""JSON bodies: counted while they arrive, and parsed in pieces, so that other requests run meanwhile.

A parser in C holds the interpreter's lock until it is done: one document with millions of values would stop every other
request for seconds. Here a document's values are counted before objects are made of them, and a large document is cut
at its own commas into pieces of some thousand values. Between two pieces, other threads run.
"""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from models.stopping import checkpoint
from service.errors import BadRequest, TooLarge
from service.schemas.validation import SURROGATE, is_cut

MOST_VALUES = 5_000_000  # of a body; a clustering of a million items with ids, weights and known labels has 3 million
MOST_LISTS = 200_000  # lists and objects; the answer for a video has one for each of 20,000 frames and their parts
DEEPEST = 64  # lists and objects within one another, of a document that is cut
PIECE = 5_000  # values that are parsed at once
SPAN = 2**20  # bytes that are parsed at once
BLANK = 2**20  # bytes of blank space in a row
BLOCK = 2**16  # bytes that are looked at once
SMALL = 2**20  # bytes of a document that is not cut unless it has more than PIECE values
LONG = 2**13  # bytes of a string that is decoded apart
PART = 2**19  # bytes of such a string that are decoded at once
_MARK = f"\x00{secrets.token_hex(8)}:"  # before the number of a string that is decoded apart
_ESCAPED = re.compile(  # whole characters and escapes; a first half of a surrogate pair only where the next is seen
    rb"(?:[^\\]|\\u[dD][89abAB][0-9a-fA-F]{2}(?=.{6})(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
    rb"|\\[^u])*+",
    re.DOTALL,
)
_PLAIN = re.compile(rb"[ !#-\[\]-~]*+")  # ASCII without escapes
_LONG_NUMBER = re.compile(rb"[0-9]{19}")  # perhaps more than 64 bits, of which orjson would make a float
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*+")\s*:', re.DOTALL)
_KINDS = np.zeros(256, np.int8)  # 1 opens a container, -1 closes one, 2 is a comma
_KINDS[list(b"[{")], _KINDS[list(b"]}")], _KINDS[ord(",")] = 1, -1, 2


class Counter:
    """Counts the values of a JSON document while its chunks arrive.

    Raises TooLarge beyond MOST_VALUES and MOST_LISTS, BadRequest for blank space beyond BLANK.
    """

    def __init__(self) -> None:
        self._lists = 0
        self.values = 0  # about: commas outside of strings
        self._inside = False  # whether the document so far ends within a string
        self._escape = False  # and there, with a backslash
        self._blank = 0  # bytes of blank space at the end so far

    def add(self, chunk: bytes) -> None:
        """Count a chunk."""
        for start in range(0, len(chunk), BLOCK):
            self._add(chunk[start : start + BLOCK])

    def _add(self, block: bytes) -> None:
        if self._escape:
            block = b"_" + block[1:]
        self._escape = False
        if b"\\" in block:
            block = _without_escapes(block)
            self._escape = block.endswith(b"\\")
        self._blank = 0 if self._inside or block.strip() else self._blank + len(block)
        if self._blank > BLANK:
            raise BadRequest(f"the body has more than {BLANK:,} bytes of blank space in a row; send it without")
        parts = block.split(b'"')
        outside = b"".join(parts[self._inside :: 2])
        self._inside ^= len(parts) % 2 == 0
        self._lists += outside.count(b"[") + outside.count(b"{")
        self.values += outside.count(b",")
        for count, most, what in ((self.values, MOST_VALUES, "values"), (self._lists, MOST_LISTS, "lists and objects")):
            if count > most:
                raise TooLarge(
                    f"the body has more than {most:,} {what}, which is the limit; send fewer items at once, or upload "
                    "vectors (POST /v1/files)",
                    code="too_many_values",
                )


def is_small(body: bytes | bytearray, values: int) -> bool:
    """Whether a document is parsed at once; `values` as counted."""
    return len(body) <= SMALL and values <= PIECE


def parse(body: bytes | bytearray) -> tuple[Any, bool]:
    """Parse a document in pieces; call it in a thread. A bytearray is emptied as soon as possible. Raises BadRequest.

    Returns
    -------
    value : the document.
    cut : whether a string may have half of a surrogate pair, which JSON can write and Unicode has not.
    """
    marks: list[_Mark] = []
    try:
        rest, strings = _apart(body, marks)
        if strings and isinstance(body, bytearray):
            body.clear()
        document = _Document(rest)
        found = document.value()
        return _restored(found, strings) if strings else found, document.cut or any(map(is_cut, strings))
    except _Malformed as exc:
        raise BadRequest(f"the body is not JSON: {exc} at byte {_in_body(exc.place, marks):,}") from exc
    except (ValueError, RecursionError) as exc:  # of both parsers
        raise BadRequest(f"the body is not JSON: {exc}") from exc


class _Malformed(Exception):
    """A mistake in a document, and its byte there, long strings being replaced by marks."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


class _Mark(NamedTuple):
    """A mark in the place of a long string: where it ends, and how many bytes it is shorter."""

    end: int
    shorter: int


def _in_body(place: int, marks: Sequence[_Mark]) -> int:
    """The byte of the body that a byte of the document with marks is."""
    return place + sum(mark.shorter for mark in marks if mark.end <= place)


def _without_escapes(block: bytes) -> bytes:
    """The same number of bytes, in which no quote or backslash is escaped."""
    return block.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def _apart(body: bytes | bytearray, marks: list[_Mark]) -> tuple[bytes | bytearray, list[str]]:
    """The document with its long strings replaced by marks, which are added to the list, and those strings."""
    if len(body) <= LONG:
        return body, []
    parts: list[bytes | bytearray] = []
    strings: list[str] = []
    done = size = 0
    for start, end in _long_strings(body):
        mark = f"{_MARK}{len(strings)}".encode().replace(b"\x00", b"\\u0000")
        parts += [body[done:start], mark]
        size += start - done + len(mark)
        marks.append(_Mark(size, end - start - len(mark)))
        strings.append(_string(body, start, end))
        done = end
    return (b"".join([*parts, body[done:]]) if strings else body), strings


def _long_strings(body: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each string of more than LONG bytes."""
    inside, last = False, -1  # after the last quote
    for start, block in _blocks(body):
        if b'"' not in block:
            continue
        quotes = np.flatnonzero(np.frombuffer(block, np.uint8) == 0x22) + start
        before = np.concatenate([[last], quotes[:-1]])
        within = (np.arange(len(quotes)) + inside) % 2 == 1
        for i in np.flatnonzero(within & (quotes - before > LONG + 1)):
            yield int(before[i]) + 1, int(quotes[i])
        inside, last = bool((len(quotes) + inside) % 2), int(quotes[-1])


def _blocks(body: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Blocks of the document, each with its place, in which no quote is escaped."""
    escape = False
    for start in range(0, len(body), BLOCK):
        checkpoint()
        block = bytes(body[start : start + BLOCK])
        if escape:
            block = b"_" + block[1:]
        escape = False
        if b"\\" in block:
            block = _without_escapes(block)
            escape = block.endswith(b"\\")
        yield start, block


def _string(body: bytes | bytearray, start: int, end: int) -> str:
    """The string whose content, as written in the document, is body[start:end]."""
    if all(_PLAIN.fullmatch(body, at, min(at + PART, end)) for at in range(start, end, PART)):
        with memoryview(body) as view, view[start:end] as plain:
            return str(plain, "ascii")
    parts = []
    while start < end:
        stop = min(start + PART, end)
        for _ in range(3):  # within a character
            stop -= stop < end and body[stop] & 0xC0 == 0x80
        part = body[start:stop]
        if stop < end and b"\\" in part:
            match = _ESCAPED.match(body, start, stop)
            part = match.group() if match else b""
            if not part:
                raise BadRequest(f"the body is not JSON: the string at byte {start} has an invalid escape")
        parts.append(_loads(b'"' + part + b'"', numbers=False)[0])
        start += len(part)
    return "".join(parts)


def _restored(value: Any, strings: list[str]) -> Any:
    """Put the strings in the place of their marks."""
    if isinstance(value, str):
        return strings[int(value[len(_MARK) :])] if value.startswith(_MARK) else value
    if isinstance(value, list):
        for i, each in enumerate(value):
            if isinstance(each, str | list | dict):
                value[i] = _restored(each, strings)
    elif isinstance(value, dict):
        return {_restored(name, strings): _restored(each, strings) for name, each in value.items()}
    return value


def _loads(piece: bytes, *, numbers: bool = True) -> tuple[Any, bool]:
    """Parse a piece, and tell whether it has half of a surrogate pair, which only Python's parser keeps.

    `numbers` is whether it may have any: the search for long ones is slower than the parser.
    """
    if numbers and _LONG_NUMBER.search(piece):
        return _exactly(piece)
    try:
        return orjson.loads(piece), False
    except orjson.JSONDecodeError:
        if not SURROGATE.search(piece):
            raise
        return _exactly(piece)


def _exactly(piece: bytes) -> tuple[Any, bool]:
    """Parse by Python's parser, which keeps long integers and halves of surrogate pairs, but no NaN."""
    return json.loads(piece, parse_constant=_refuse), SURROGATE.search(piece) is not None


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


class _Document:
    """A document without long strings, and the places of its brackets and commas outside of strings."""

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = body
        self.cut = False
        self._places, self._kinds = _structure(body)
        self._depths = np.cumsum(np.where(self._kinds == 2, 0, self._kinds), dtype=np.int64)
        if len(self._depths) > PIECE and self._depths.max() > DEEPEST:
            raise BadRequest(f"the body is not JSON that is read here: it is more than {DEEPEST} levels deep")

    def value(self) -> Any:
        """The whole document."""
        return self._value(0, len(self._body), 0, len(self._places))

    def _value(self, start: int, end: int, first: int, last: int) -> Any:
        """The value in body[start:end], whose brackets and commas are those from `first` to `last`, exclusive."""
        body = self._body
        if last - first <= PIECE and end - start <= SPAN:
            return self._loads(bytes(body[start:end]), start)
        if first == last:  # its long strings are elsewhere
            raise BadRequest(f"the body is not JSON that is read here: a value has more than {SPAN:,} bytes")
        opened, closed = int(self._places[first]), int(self._places[last - 1])
        brackets = body[start : opened + 1].strip() + body[closed:end].strip()
        depths, kinds = self._depths[first + 1 : last - 1], self._kinds[first + 1 : last - 1]
        if brackets not in (b"[]", b"{}") or depths.min(initial=DEEPEST) < self._depths[first]:
            raise _Malformed("the value is not well-formed", start)
        commas = np.flatnonzero((kinds == 2) & (depths == self._depths[first])) + first + 1
        places = self._places[commas]
        made: Any = [] if brackets == b"[]" else {}
        edges = [first, *commas.tolist(), last - 1]
        i = 0
        while i < len(edges) - 1:
            by_values = np.searchsorted(commas, edges[i] + PIECE)
            by_bytes = np.searchsorted(places, self._places[edges[i]] + SPAN)
            j = max(int(min(by_values, by_bytes)), i + 1)
            if j == len(commas) and last - 1 - edges[i] <= PIECE and closed - self._places[edges[i]] <= SPAN:
                j += 1
            self._add(made, edges[i], edges[j], alone=j == i + 1)
            i = j
        return made

    def _add(self, made: Any, left: int, right: int, *, alone: bool) -> None:
        """Parse the members between two of a container's commas or brackets, and add them to `made`."""
        start, end = int(self._places[left]) + 1, int(self._places[right])
        text = self._body[start:end]
        if not text.strip():
            raise _Malformed("a value is missing", start)
        if not alone or (right - left - 1 <= PIECE and len(text) <= SPAN):
            if isinstance(made, list):
                made += self._loads(b"[" + text + b"]", start - 1)
            else:
                made |= self._loads(b"{" + text + b"}", start - 1)
            return
        if isinstance(made, list):
            made.append(self._value(start, end, left + 1, right))
            return
        name = _NAME.match(self._body, start, end)
        if name is None:
            raise _Malformed("a name is missing", start)
        made[self._loads(name[1], name.start(1))] = self._value(name.end(), end, left + 1, right)

    def _loads(self, piece: bytes, start: int) -> Any:
        """Parse a piece, which begins at byte `start` of the document."""
        checkpoint()
        try:
            value, cut = _loads(piece)
        except json.JSONDecodeError as exc:  # orjson's is one too
            raise _Malformed(exc.msg, start + len(exc.doc[: exc.pos].encode("utf-8", "replace"))) from exc
        self.cut |= cut
        return value


def _structure(body: bytes | bytearray) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Places and kinds of the brackets and commas outside of strings."""
    places, kinds = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    inside = False
    for start, block in _blocks(body):
        data = np.frombuffer(block, np.uint8)
        quotes = np.cumsum(data == 0x22, dtype=np.int32)
        kind = _KINDS[data]
        kind[(quotes + inside) % 2 == 1] = 0
        found = np.flatnonzero(kind)
        places.append(found + start)
        kinds.append(kind[found])
        inside = bool((int(quotes[-1]) + inside) % 2)
    return np.concatenate(places), np.concatenate(kinds)
