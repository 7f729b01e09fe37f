"""Metadata of collections: typed values, and conditions on them as SQL.

The names of fields are the caller's; columns are named by their numbers, m0, m1, …, so that no name of a caller reaches
SQL. Values are checked against the types of their fields before they are quoted. A date-time is stored as microseconds
since 1970, and compared as a whole number.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from models.errors import listed, quoted
from service.errors import Unprocessable
from service.schemas.collections import RESERVED, FieldType

MOST_CONDITIONS = 64  # in one `where`
MOST_VALUES = 10_000  # of one in or not_in
LONGEST_STRING = 10_000  # characters of a value
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTEGERS = range(-(2**63), 2**63)
RULES: Mapping[FieldType, str] = {
    "string": f"a string of at most {LONGEST_STRING:,} characters",
    "integer": "a whole number of 64 bits",
    "number": "a finite number",
    "boolean": "true or false",
    "date-time": 'a date-time with a zone, such as "2024-05-17T09:30:00Z", or a date, which is its midnight in UTC',
}
COMPARED: Mapping[str, str] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "exists")
Cell = str | int | float | bool | None


def stored(value: Any, kind: FieldType, at: str) -> Cell:
    """A value as it is stored; `at` is its path in the request. Raises Unprocessable if it is not of this type."""
    found = _CONVERTERS[kind](value)
    if found is None:
        raise Unprocessable(f"{at}: got {_shown(value)}, and the field takes {RULES[kind]}", param=at)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return quoted(value) if isinstance(value, str) else json.dumps(value)[:100]


def _string(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > LONGEST_STRING:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return value


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number + 0.0 if math.isfinite(number) else None  # -0.0 and 0.0 are one number, and not for Arrow


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _date_time(value: Any) -> int | None:
    """Microseconds since 1970."""
    if not isinstance(value, str) or not value.isascii() or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if len(value) == len("2024-05-17") and value[4] == value[7] == "-":
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None or value[4:5] != "-":
            return None
        return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)  # within the years 1 to 9999 in UTC
    except (ValueError, OverflowError):
        return None


_CONVERTERS: Mapping[FieldType, Callable[[Any], Cell]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date-time": _date_time,
}


def shown(value: Any, kind: FieldType) -> Cell:
    """A stored value as it is returned; a date-time in UTC."""
    if kind != "date-time" or value is None:
        return value  # type: ignore[no-any-return]
    moment = EPOCH + timedelta(microseconds=value)
    return moment.isoformat().replace("+00:00", "Z")


def cells(metadata: Mapping[str, Any], fields: Mapping[str, FieldType], at: str) -> list[Cell]:
    """One item's metadata in the order of the fields; None where there is no value. Raises Unprocessable."""
    unknown = next((name for name in metadata if name not in fields), None)
    if unknown is not None:
        there = f"there are {listed(sorted(fields))}" if fields else "it has none"
        raise Unprocessable(
            f"{at}: {quoted(unknown)} is no field of the collection; {there}, declared when it was created", param=at
        )
    return [
        None if metadata.get(name) is None else stored(metadata[name], kind, f"{at}.{name[:64]}")
        for name, kind in fields.items()
    ]


def column(place: int) -> str:
    """The name of the column of the field at this place."""
    return f"m{place}"


def literal(value: Cell) -> str:
    """A stored value as SQL."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"CAST('{value!r}' AS {'BIGINT' if isinstance(value, int) else 'DOUBLE'})"


def is_one_of(name: str, values: Sequence[Cell]) -> str:
    """The condition that the column `name` has one of `values`, as SQL."""
    return f"{name} IN ({', '.join(map(literal, values))})" if values else "FALSE"


def condition(where: Mapping[str, Any] | None, fields: Mapping[str, FieldType]) -> str | None:
    """A parsed `where` as SQL; None for one that holds for all items.

    Raises
    ------
    Unprocessable : an unknown field or operator, or a value that is not of the field's type.
    """
    parts: list[str] = []
    for name, operators in (where or {}).items():
        at = f"where.{name[:64]}"
        target, kind = _target(name, fields)
        if not isinstance(operators, dict) or not operators:
            hint = '{"in": […]}' if isinstance(operators, list) else '{"eq": …}'
            raise Unprocessable(f"{at}: got {_shown(operators)}, and a condition is an object such as {hint}", param=at)
        parts += [_compared(target, kind, operator, value, at) for operator, value in operators.items()]
    if len(parts) > MOST_CONDITIONS:
        raise Unprocessable(f"where: has {len(parts)} conditions, at most {MOST_CONDITIONS} are taken", param="where")
    return " AND ".join(parts) or None


def _target(name: str, fields: Mapping[str, FieldType]) -> tuple[str, FieldType]:
    if name in fields:
        return column(list(fields).index(name)), fields[name]
    if name in RESERVED:
        return name, "string"
    there = listed([*sorted(fields), *RESERVED], most=20)
    raise Unprocessable(f"where: {quoted(name)} is no field of the collection; there are {there}", param="where")


def _compared(target: str, kind: FieldType, operator: str, value: Any, at: str) -> str:
    path = f"{at}.{operator[:64]}"
    if operator not in OPERATORS or (kind == "boolean" and operator in ("lt", "lte", "gt", "gte")):
        known = [name for name in OPERATORS if kind != "boolean" or name[:2] not in ("lt", "gt")]
        raise Unprocessable(
            f"{at}: {quoted(operator)} is no operator of a field of type {kind}; there are {', '.join(known)}", param=at
        )
    if operator == "exists":
        if not isinstance(value, bool):
            raise Unprocessable(f"{path}: got {_shown(value)}, and exists takes true or false", param=path)
        return f"{target} IS NOT NULL" if value else f"{target} IS NULL"
    if operator in ("in", "not_in"):
        if not isinstance(value, list) or len(value) > MOST_VALUES:
            got = f"{len(value):,} values" if isinstance(value, list) else _shown(value)
            raise Unprocessable(
                f"{path}: got {got}, and {operator} takes a list of at most {MOST_VALUES:,} values", param=path
            )
        values = [stored(each, kind, f"{path}[{i}]") for i, each in enumerate(value)]
        among = is_one_of(target, values)
        return f"({among})" if operator == "in" else f"({target} IS NULL OR NOT ({among}))"
    found = literal(stored(value, kind, path))
    if operator == "ne":
        return f"({target} IS NULL OR {target} <> {found})"
    return f"{target} {COMPARED[operator]} {found}"
