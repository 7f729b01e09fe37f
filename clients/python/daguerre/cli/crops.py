"""The table of the option --crops."""

from dataclasses import replace
from typing import Any

from daguerre.inputs.crops import KEYS, NUMBER, NUMBERS
from daguerre.storage.tables import read_table


def read_crops(file: str) -> dict[str, list[Any]]:
    """The columns of a table of crops, or of findings, of which those without a box have None. Raises ValueError."""
    table = read_table(file)
    key = next((name for name in KEYS if table.has(name)), None)
    if lacking := [name for name in NUMBERS[:4] if not table.has(name)] + (["id"] if key is None else []):
        raise ValueError(
            f"{file} has no column {lacking[0]}; a table of crops has the columns id or path, x, y, width and height, "
            f"and it has {table.listed()}"
        )
    assert key is not None
    numbers = [name for name in NUMBERS if table.has(name)]
    there = [True] * len(table.rows)
    columns: dict[str, list[Any]] = {key: table.ids(key)}
    if table.has(NUMBER):
        cells = zip(*(table.column(name) for name in numbers[:4]), strict=True)
        there = [any(each) for each in cells]
        columns[NUMBER] = table.ids(NUMBER)
    boxes = replace(table, rows=[row for row, has_box in zip(table.rows, there, strict=True) if has_box])
    for name in numbers:
        found = iter(boxes.floats(name))
        columns[name] = [next(found) if has_box else None for has_box in there]
    return columns
