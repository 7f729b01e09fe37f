"""Metadata of the items of a collection, and conditions on it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from daguerre.inputs.alignment import ItemIndex, json_value
from daguerre.types.common import listed

TYPES: Mapping[Any, str] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    datetime: "date-time",
    date: "date-time",
}
KINDS = ("string", "integer", "number", "boolean", "date-time")
OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "exists")
TRUTHS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
Where = Mapping[str, Any]


def field_types(given: Mapping[str, Any]) -> dict[str, str]:
    """The types of metadata fields as the server names them: {"year": int} is {"year": "integer"}.

    Raises ValueError for a type that there is not.
    """
    types: dict[str, str] = {}
    for name, kind in given.items():
        found = TYPES.get(kind, kind) if isinstance(kind, type | str) else None
        if found not in KINDS:
            raise ValueError(
                f"fields: {name!r} has the type {getattr(kind, '__name__', kind)!r}; give int, float, str, bool, "
                f"datetime, or one of {', '.join(map(repr, KINDS))}"
            )
        types[str(name)] = found
    return types


def metadata_rows(given: Any, fields: Mapping[str, str], index: ItemIndex, n: int) -> list[dict[str, Any]]:
    """The metadata of each of n items, without missing values.

    Parameters
    ----------
    given : a mapping from fields to columns, each a list in the order of the items, a mapping by id or a Series; a
        table of pandas, by its column id or path, or else its index, or else in the order of the items; or a list with
        a mapping for each item.
    fields : types of the fields.

    Raises
    ------
    TypeError, ValueError : a field that the collection does not have, a value of another type, another number of
        values than items.
    """
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for name, column in _columns(given, n).items():
        if name not in fields:
            there = f"there are {listed(fields, 20)}" if fields else "it has none"
            raise ValueError(f"metadata: the collection has no field {name!r}; {there}, named when it was created")
        for row, value in zip(rows, index.column(f"metadata[{name!r}]", column), strict=True):
            if value is not None:
                row[name] = field_value(value, fields[name], f"metadata[{name!r}]")
    return rows


def _columns(given: Any, n: int) -> Mapping[str, Any]:
    if hasattr(given, "columns") and hasattr(given, "iloc"):  # of pandas
        columns = [str(name) for name in given.columns]
        key = next((name for name in ("id", "path") if name in columns), None)
        if key is not None:
            ids = given[key].tolist()
            return {name: dict(zip(ids, given[name].tolist(), strict=True)) for name in columns if name != key}
        numbered = list(given.index) == list(range(len(given)))
        return {name: given[name].tolist() if numbered else given[name] for name in columns}
    if isinstance(given, Mapping):
        return {str(name): column for name, column in given.items()}
    rows = list(given)
    if len(rows) != n or not all(isinstance(row, Mapping | None) for row in rows):
        raise ValueError(
            f"metadata: got {len(rows):,} entries for {n:,} items; give a mapping of columns, a table, or a mapping "
            "for each item"
        )
    names = dict.fromkeys(str(name) for row in rows for name in row or ())
    return {name: [(row or {}).get(name) for row in rows] for name in names}


def field_value(value: Any, kind: str, at: str) -> Any:
    """A value as the server takes it. Whole floats, as columns with gaps have them, are integers; texts are read.

    A date-time without a zone is taken as UTC. Raises ValueError for a value of another type.
    """
    value = json_value(value)
    try:
        if kind == "string":
            return _text(value)
        if kind == "boolean":
            return value if isinstance(value, bool) else TRUTHS[str(value).strip().lower().removesuffix(".0")]
        if isinstance(value, bool):
            raise ValueError
        if kind == "integer":
            return value if isinstance(value, int) else _whole(value)
        if kind == "number":
            return float(value)
        return _moment(str(value))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"{at}: got {value!r:.80}, and the field is of type {kind}") from None


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, str):
        return int(value)
    if not float(value).is_integer():
        raise ValueError
    return int(value)


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def condition(given: Where | None, fields: Mapping[str, str]) -> dict[str, Any] | None:
    """A condition as the server takes it: {"source": "a"} is {"source": {"eq": "a"}}, and a list of values is "in".

    Raises ValueError for a value of another type than its field, and for unknown operators.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise TypeError(f'where: got {type(given).__name__}; give a mapping, such as {{"year": {{"gte": 2020}}}}')
    found: dict[str, Any] = {}
    for name, wanted in given.items():
        operators = wanted if isinstance(wanted, Mapping) else {"in" if _is_list(wanted) else "eq": wanted}
        found[str(name)] = {
            str(operator): _operand(str(name), str(operator), value, fields) for operator, value in operators.items()
        }
    return found or None


def _operand(name: str, operator: str, value: Any, fields: Mapping[str, str]) -> Any:
    if operator not in OPERATORS:
        raise ValueError(f"where: {operator!r} is no operator; there are {', '.join(OPERATORS)}")
    kind, at = fields.get(name, "string"), f"where[{name!r}]"
    if operator == "exists":
        return field_value(value, "boolean", at)
    if operator in ("in", "not_in"):
        return [field_value(each, kind, at) for each in value]
    return field_value(value, kind, at)


def _is_list(value: Any) -> bool:
    return (isinstance(value, Sequence) and not isinstance(value, str)) or getattr(value, "ndim", 0) == 1


def joined_conditions(first: Where | None, second: Where | None) -> dict[str, Any] | None:
    """The condition that both hold, of conditions as the server takes them. Raises ValueError where it has no form."""
    found = {name: dict(operators) for name, operators in (first or {}).items()}
    for name, operators in (second or {}).items():
        mine = found.setdefault(name, {})
        for operator, value in operators.items():
            if mine.setdefault(operator, value) != value:
                raise ValueError(
                    f"where: {name!r} has {operator} {mine[operator]!r} already, and {value!r} too; give one of them"
                )
    return found or None
