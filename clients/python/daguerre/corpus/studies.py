"""Tables of items and pairs, as a study takes them."""

from collections.abc import Iterator, Sequence
from typing import Any

from daguerre.storage.tables import table_of

ROWS = 50_000  # rows of columns that are sent at once


def column_values(cells: Sequence[str]) -> list[str | float | None]:
    """The cells of a column, None for empty ones; numbers where all others are numbers."""
    numbers: list[str | float | None] = []
    for cell in cells:
        try:
            numbers.append(float(cell) if cell else None)
        except ValueError:
            return [each or None for each in cells]
    finite = all(isinstance(each, float) and abs(each) < float("inf") for each in numbers if each is not None)
    return numbers if finite else [each or None for each in cells]


def column_parts(table: Any) -> Iterator[dict[str, Any]]:
    """The ids and columns of a table, so many rows at a time. Raises ValueError for a table without ids."""
    read = table_of(table)
    key = next((name for name in ("id", "item", "path") if read.has(name)), None)
    if key is None:
        raise ValueError(f"{read.path} needs a column id of the items; it has {read.listed()}")
    ids = read.ids(key)
    columns = {name: column_values(read.column(name)) for name in read.names if name not in (read.find(key), "")}
    for start in range(0, len(ids), ROWS):
        part = {name: values[start : start + ROWS] for name, values in columns.items()}
        yield {"ids": ids[start : start + ROWS], "columns": part}


def assigned(given: Any, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Items or pairs with their ids in columns `names`, inclusion probabilities and strata.

    Parameters
    ----------
    given : ids, or tuples of ids; a result of `Client.sample`; or a table.

    Raises
    ------
    ValueError : a table without the columns of ids.
    """
    if hasattr(given, "inclusion_prob") and hasattr(given, "ids"):
        strata = getattr(given, "stratum", None) or [None] * len(given.ids)
        known = given.inclusion_prob if given.inclusion_prob is not None else [None] * len(given.ids)
        rows = zip(given.ids, known, strata, strict=True)
        return [{"id": id, "inclusion_prob": _float(p), "stratum": stratum} for id, p, stratum in rows]
    if isinstance(given, list | tuple) and all(isinstance(each, str | list | tuple) for each in given):
        return [dict(zip(names, [each] if isinstance(each, str) else each, strict=True)) for each in given]
    table = table_of(given)
    found = ["path" if name == "id" and not table.has("id") else name for name in names]
    columns: dict[str, list[Any]] = {name: table.ids(column) for name, column in zip(names, found, strict=True)}
    if table.has("inclusion_prob") and any(table.column("inclusion_prob")):
        columns["inclusion_prob"] = table.floats("inclusion_prob")
    if table.has("stratum"):
        columns["stratum"] = [cell or None for cell in table.column("stratum")]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
