"""Counts of the fields of a gRPC message on the wire, before objects are made of them.

The protobuf runtime holds the interpreter's lock while it parses. A message of many tiny items would stop every other
call for seconds, and take a hundred times its own size in memory.
"""

from google.protobuf.descriptor import Descriptor

from service.errors import TooLarge, Unprocessable

SMALL = 2**16  # bytes of a message that is parsed without being counted
MOST_NAMED = 2**18  # bytes of a message in which an unknown field is named with its whole path
MOST_FIELDS = 5_000_000  # of a message; a clustering of a million items with ids and known labels has 3 million
MOST_MESSAGES = 1_100_000  # within a message, of which each takes fifty bytes or more of memory
ITEMS = ("input", "items")  # fields that hold the items of a request


def check_fields(raw: bytes, kind: Descriptor, *, max_items: int, most: int = MOST_FIELDS) -> bool:
    """Return whether all fields of a message and its inner messages are known; a malformed one is left to the parser.

    Raises TooLarge for more than `max_items` items or `most` fields in all, and Unprocessable for an unknown field of a
    large message, whose fields would take seconds to name.
    """
    known = True
    counts = dict.fromkeys(ITEMS, 0)
    fields = messages = 0
    outer: list[tuple[int, int, Descriptor]] = []  # where the messages around this one go on
    at, end, descriptor = 0, len(raw), kind
    while at < end or outer:
        if at >= end:
            at, end, descriptor = outer.pop()
            continue
        tag, at = _varint(raw, at, end)
        number, wire = tag >> 3, tag & 7
        fields += 1
        field = descriptor.fields_by_number.get(number)
        if field is None and len(raw) > MOST_NAMED:
            raise Unprocessable(
                f"{descriptor.name}: has a field {number} that this server does not know; upgrade the server, or leave "
                "it out"
            )
        known = known and field is not None
        if fields > most or messages > MOST_MESSAGES:
            many = f"{most:,} fields" if fields > most else f"{MOST_MESSAGES:,} inner messages"
            raise TooLarge(
                f"the message has more than {many}, which is the limit; send fewer items at once, or upload vectors "
                "(UploadFile)",
                code="too_many_values",
            )
        if wire == 0:
            _, at = _varint(raw, at, end)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            size, at = _varint(raw, at, end)
            if field is not None and field.message_type is not None:
                messages += 1
                if descriptor is kind and field.name in counts:
                    counts[field.name] += 1
                    check_items(counts[field.name], field.name, max_items)
                outer.append((at + size, end, descriptor))
                end, descriptor = min(at + size, end), field.message_type
            else:
                at += size
        else:
            return False
    return known


def check_items(count: int, field: str, max_items: int) -> None:
    """Raise TooLarge for more than `max_items` items."""
    if count > max_items:
        raise TooLarge(
            f"{field}: has {count:,} items or more, the limit is {max_items}; send several requests",
            code="too_many_items",
            param="input",
        )


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length and the place after it; the end where it is cut off."""
    value = shift = 0
    while at < end and shift < 70:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, end
