"""Tables and lists of texts that users have, in UTF-8. Errors name the file, the rule and a way out."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_CELL = 2**31 - 1  # csv's own limit is 131,072 characters, and the server has one too


@dataclass(frozen=True)
class Table:
    """Rows of text, by column. Cells have no spaces at their ends."""

    path: str
    names: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def column(self, name: str) -> list[str]:
        """The cells of a column. Raises ValueError if the table has no such column."""
        if name not in self.names:
            raise ValueError(f"{self.path} needs a column {name!r}; it has {', '.join(self.names)}")
        return [row[name] for row in self.rows]

    def floats(self, name: str) -> list[float]:
        """The cells of a column as numbers. Raises ValueError if a cell is not a number."""
        try:
            return [float(cell) for cell in self.column(name)]
        except ValueError as exc:
            raise ValueError(f"{self.path}: column {name}: {exc}; every row needs a number") from exc


def read_table(path: str) -> Table:
    """Read a .csv or .tsv table. Raises ValueError if it cannot be read, or has no rows."""
    names, rows = _rows(path)
    if not rows:
        raise ValueError(f"{path} has no rows; give a table with a row per item")
    return Table(path, names, [{name: (row[name] or "").strip() for name in names} for row in rows])


def read_texts(path: str, column: str | None) -> tuple[list[str] | None, list[str]]:
    """Read texts, one per line or from a table's column ("text" if None), with the ids of a column "id" if it has one.

    Returns
    -------
    ids, texts : one id for each text, or None if the file has no ids.
    """
    if not path.lower().endswith((".csv", ".tsv")):
        if column:
            raise ValueError(f"--column applies only to a .csv or .tsv table, and {path} is neither")
        return None, read_lines(path, strip=False)
    names, rows = _rows(path)
    name = column or "text"
    if name not in names:
        raise ValueError(f"{path} has no column {name!r}; choose one with --column: {', '.join(names)}")
    ids = [row["id"] for row in rows] if "id" in names and name != "id" else None
    return ids, [row[name] for row in rows]


def read_lines(path: str, *, strip: bool = True) -> list[str]:
    """Read a text file's lines, without the empty ones."""
    try:
        lines = [line for line in Path(path).read_text("utf-8-sig").split("\n") if line.strip()]
    except UnicodeDecodeError as exc:
        raise ValueError(_not_utf8(path, exc)) from exc
    return [line.strip() for line in lines] if strip else lines


def _rows(path: str) -> tuple[list[str], list[dict[str, str]]]:
    csv.field_size_limit(LONGEST_CELL)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            return list(rows.fieldnames or ()), list(rows)
    except FileNotFoundError as exc:
        raise ValueError(f"{path} does not exist; check the path") from exc
    except UnicodeDecodeError as exc:
        raise ValueError(_not_utf8(path, exc)) from exc
    except csv.Error as exc:
        raise ValueError(f"{path} is not a valid table: {exc}; save it as CSV in UTF-8") from exc


def _not_utf8(path: str, exc: UnicodeDecodeError) -> str:
    return f"{path} is not UTF-8 ({exc.reason} at byte {exc.start}); save it in UTF-8"
