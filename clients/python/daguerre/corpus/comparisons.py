"""Tables of pairwise comparisons: columns a and b, and the winner, or a column of winners for each coder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daguerre.storage.tables import table_of

KNOWN = ("path_a", "path_b", "coder", "stratum", "note", "notes")


@dataclass(frozen=True)
class Comparisons:
    """Comparisons, a row each: ids of the two items, and the winner, None for no answer."""

    a: list[str]
    b: list[str]
    winner: list[str | None]
    coders: list[str]


def read_comparisons(given: Any, *, coders: Sequence[str] = ()) -> Comparisons:
    """Read a table of comparisons, a path or a DataFrame, with columns a, b and winner.

    `coders` are the columns of winners in the place of winner; without either, every column that is not a, b, path_a,
    path_b, coder, stratum or note. Raises ValueError for a table without these columns, or without an answer.
    """
    table = table_of(given)
    if not (table.has("a") and table.has("b")):
        raise ValueError(f"{table.path} needs the columns 'a' and 'b' of the items; it has {table.listed()}")
    columns = list(coders) or (["winner"] if table.has("winner") else [])
    if not columns:
        columns = [name for name in table.names if name.casefold() not in ("a", "b", *KNOWN)]
    if not columns or (absent := [name for name in columns if not table.has(name)]):
        needed = repr(absent[0]) if columns else "'winner'"
        raise ValueError(f"{table.path} needs a column {needed} of winners; it has {table.listed()}")
    first, second = table.ids("a"), table.ids("b")
    cells = [table.codes(name) for name in columns]
    if not any(any(column) for column in cells):
        raise ValueError(f"{table.path}: the column {columns[0]!r} is empty; let coders write a, b or tie")
    return Comparisons(
        a=first * len(columns),
        b=second * len(columns),
        winner=[cell or None for column in cells for cell in column],
        coders=columns if columns != ["winner"] else [],
    )
