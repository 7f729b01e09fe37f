"""CSV tables on disk or standard output, in UTF-8."""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from daguerre.storage.whole import whole_file

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # that spreadsheet programs run as a formula


def unformulated(cell: Any) -> Any:
    """A cell that spreadsheet programs do not run: an apostrophe precedes a text that begins as a formula does."""
    if not isinstance(cell, str) or not cell.startswith(FORMULAS):
        return cell
    try:
        float(cell)  # such as a category -1
    except ValueError:
        return f"'{cell}"
    return cell


def formulated(cell: str) -> str:
    """The text that a cell of `unformulated` was made of."""
    return cell[1:] if cell.startswith(tuple(f"'{first}" for first in FORMULAS)) else cell


@contextmanager
def open_output(out: str) -> Iterator[TextIO]:
    """Open a file of UTF-8, or standard output for "-".

    The file appears whole, when the block ends. A file name in another encoding is written with its bytes as \\udce9
    and the like.
    """
    if out == "-":
        assert hasattr(sys.stdout, "reconfigure")
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
        yield sys.stdout
        return
    with whole_file(out) as path, open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file


def write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: str) -> None:
    """Write rows as .csv; "-" is standard output."""
    with open_output(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def numbers(row: Iterable[float]) -> list[str]:
    """Numbers as text with six digits; NaN is empty."""
    return ["" if x != x else f"{x:.6g}" for x in row]
