"""Tables and lists of texts that users have. Errors name the file, the rule and a way out.

A table is text in UTF-8 or UTF-16 with commas, semicolons, tabs or bars, an Excel workbook (with openpyxl), or Parquet.
Its kind is that of its bytes, whatever the file is called.
"""

import csv
import io
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daguerre.errors import RemarkWarning
from daguerre.inputs.alignment import json_value
from daguerre.inputs.votes import NONE
from daguerre.storage.dataset import DatasetFolder, is_dataset
from daguerre.storage.parquet import arrow, schema
from daguerre.types.common import listed

LONGEST_CELL = 2**31 - 1  # csv's own limit is 131,072 characters, and the server has one too
TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
DELIMITERS = ",;\t|"
COMMA = re.compile(r"-?[0-9]+,[0-9]+")  # a number with a decimal comma
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FLOAT_ID = re.compile(r"-?(0|[1-9][0-9]*)\.0+")  # an id of a column that a program took for numbers
BYTES = "bytes, as of pictures"
PICTURES = (
    "for pictures, write the files into a folder, or in Python give the column as images= "
    "(pyarrow.parquet.read_table(path)['image'])"
)
OTHERS = {  # first bytes of tables that are not read
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"ARROW1": "a Feather file",
    b"\x1f\x8b": "compressed by gzip",
    b"<stata_dta>": "a Stata file",
    b"$FL2": "an SPSS file",
    b"\x89HDF": "an HDF5 file",
}


@dataclass(frozen=True)
class Table:
    """Rows of text, by column. Cells and names of columns have no spaces at their ends.

    Attributes
    ----------
    decimal_comma : whether 1,5 is a number, since something else than commas separates the cells.
    unread : by column, what it holds that is no text, number or date, as pictures in Parquet.
    """

    path: str
    names: Sequence[str]
    rows: Sequence[Mapping[str, str]]
    decimal_comma: bool = False
    unread: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """The column of this name, in capital or small letters; None where there is none, or several."""
        if name in self.names:
            return name
        alike = [each for each in self.names if each.casefold() == name.strip().casefold()]
        return alike[0] if len(alike) == 1 else None

    def has(self, name: str) -> bool:
        return self.find(name) is not None

    def column(self, name: str) -> list[str]:
        """The cells of a column. Raises ValueError if the table has no such column."""
        found = self.find(name)
        if found is None:
            raise ValueError(f"{self.path} needs a column {name!r}; it has {self.listed()}")
        self.require_read(found)
        return [row[found] for row in self.rows]

    def require_read(self, name: str) -> None:
        """Raise ValueError for a column of things that are no cells of a table."""
        if name in self.unread:
            raise ValueError(
                f"{self.path}: the column {name!r} holds {self.unread[name]}, and cells are texts or numbers; "
                + (PICTURES if self.unread[name] == BYTES else "write one text into each cell")
            )

    def listed(self) -> str:
        """The names of the columns, for messages."""
        return listed((name for name in self.names if name), 20) or "none"

    def ids(self, name: str) -> list[str]:
        """The cells of a column of ids; whole numbers that a program wrote as 1.0, 2.0 are 1, 2."""
        cells = self.column(name)
        there = [cell for cell in cells if cell]
        if there and all(FLOAT_ID.fullmatch(cell) for cell in there):
            return [cell.partition(".")[0] for cell in cells]
        return cells

    def key_of_findings(self) -> str | None:
        """The column that identifies the rows of a table of findings, `item`; its `id` is that of the picture."""
        return self.find("item") if self.has("item") and self.has("finding") else None

    def codes(self, name: str) -> list[str | None]:
        """The cells of a column of codes, None for empty ones; numbers have decimal points."""
        cells = self.column(name)
        numbers = [cell for cell in cells if COMMA.fullmatch(cell) or PLAIN.fullmatch(cell)]
        if self.decimal_comma and 2 * len(numbers) >= sum(1 for cell in cells if cell):
            cells = [cell.replace(",", ".") if COMMA.fullmatch(cell) else cell for cell in cells]
        return [cell or None for cell in cells]

    def floats(self, name: str) -> list[float]:
        """The cells of a column as numbers. Raises ValueError if a cell is not a number."""
        numbers = []
        for i, cell in enumerate(self.column(name)):
            text = cell.replace(",", ".") if self.decimal_comma and COMMA.fullmatch(cell) else cell
            try:
                numbers.append(float(text))
            except ValueError as exc:
                way = "write decimal points" if COMMA.fullmatch(cell) else "every row needs a number"
                raise ValueError(f"{self.path}: column {name}, row {i + 1}: {exc}; {way}") from exc
        return numbers


def read_table(path: str) -> Table:
    """Read a table. Raises ValueError if it cannot be read, or has no rows."""
    table = _read(path)
    if not table.rows:
        raise ValueError(f"{path} has no rows; give a table with a row per item")
    rows = [{name: cell.strip() for name, cell in row.items()} for row in table.rows]
    return replace(table, rows=rows)


def table_of(given: Any) -> Table:
    """A table of a path, a result, a DataFrame of pandas, polars or pyarrow, or of columns by name. Raises ValueError.

    Labels in the index of a DataFrame of pandas are a column: id, unless the index has a name.
    """
    if isinstance(given, Table):
        return given
    if isinstance(given, str | os.PathLike):
        return read_table(os.fspath(given))
    if hasattr(given, "to_pandas") and not hasattr(given, "columns") and not hasattr(given, "column_names"):
        given = given.to_pandas()  # a result of ours
    if isinstance(given, Mapping):
        columns = {str(name): list(values) for name, values in given.items()}
    elif hasattr(given, "reset_index"):  # pandas
        index = given.index
        name = index.name if index.name is not None else "id"
        plain = list(index) == list(range(len(given))) or name in given.columns
        columns = {} if plain else {str(name): list(index)}
        columns |= {str(each): list(given[each]) for each in given.columns}
    elif hasattr(given, "column_names") or hasattr(given, "columns"):
        names = getattr(given, "column_names", None) or given.columns
        columns = {str(each): [getattr(value, "as_py", lambda v=value: v)() for value in given[each]] for each in names}
    else:
        raise TypeError(f"table: got {type(given).__name__}; give a path, a result, a DataFrame, or columns by name")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"table: its columns have different lengths, {lengths}; give a value for each row")
    cells = [[_cell(json_value(value)) for value in values] for values in columns.values()]
    table = _table("table", enumerate([list(columns), *zip(*cells, strict=True)], 1))
    if not table.rows:
        raise ValueError("table has no rows; give a table with a row per item")
    return replace(table, rows=[{name: cell.strip() for name, cell in row.items()} for row in table.rows])


def read_texts(path: str, column: str | None) -> tuple[list[str] | None, list[str]]:
    """Read texts, one per line or from a table's column ("text" if None), with the ids of a column "id" if it has one.

    Returns
    -------
    ids, texts : one id for each text, or None if the file has no ids.
    """
    if not path.lower().endswith(TABLES):
        if column:
            raise ValueError(f"--column applies only to a table ({', '.join(TABLES)}), and {path} is none")
        return None, read_lines(path, strip=False)
    table = _read(path)
    name = table.find(column or "text")
    if name is None:
        raise ValueError(f"{path} has no column {column or 'text'!r}; choose one with --column: {table.listed()}")
    table.require_read(name)
    ids = [id.strip() for id in table.ids("id")] if table.has("id") and table.find("id") != name else None
    if ids is not None and "" in ids:
        raise ValueError(
            f"{path}: {ids.count(''):,} of {len(ids):,} rows have no id, the first is row {ids.index('') + 1}; give "
            "each one, or leave the column out"
        )
    texts = [row[name] for row in table.rows]
    if missing := [text.strip() for text in texts if text.strip().lower() in NONE]:
        warnings.warn(
            RemarkWarning(
                f"{path}: {len(missing):,} of {len(texts):,} texts are {missing[0]!r} or the like, and taken as texts: "
                "in a column of texts, empty cells alone are missing"
            ),
            stacklevel=2,
        )
    return ids, texts


def read_lines(path: str, *, strip: bool = True) -> list[str]:
    """Read a text file's lines, without the empty ones."""
    text = _text(path, Path(path).read_bytes())
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
    return [line.strip() for line in lines] if strip else lines


def _read(path: str) -> Table:
    if is_dataset(path):
        folder = DatasetFolder(path)
        return _of_arrow(path, folder.table([name for name in schema(0, folder.receipt).names if name != "vector"]))
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as exc:
        raise ValueError(f"{path} does not exist; check the path") from exc
    if data.startswith(b"PAR1"):
        return _read_parquet(path, data)
    if data.startswith(b"PK\x03\x04"):
        return _read_workbook(path, data)
    if kind := next((kind for start, kind in OTHERS.items() if data.startswith(start)), None):
        raise ValueError(f"{path} is {kind}, which is not read; save it as CSV in UTF-8")
    return _read_text(path, _text(path, data))


def _read_text(path: str, text: str) -> Table:
    csv.field_size_limit(LONGEST_CELL)
    first, newline, rest = text.partition("\n")
    delimiter = None
    if first.lower().startswith("sep=") and newline:  # Excel's own line
        delimiter, text = first.strip()[4:5] or None, rest
    header = _first_row(text)
    if delimiter is None:
        delimiter = max("\t" + DELIMITERS if path.lower().endswith(".tsv") else DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = ((reader.line_num, row) for row in reader)
        return _table(path, rows, decimal_comma=delimiter != ",", delimiter=delimiter)
    except csv.Error as exc:
        raise ValueError(
            f"{path} is not a valid table: line {reader.line_num}: {exc}; save it as CSV in UTF-8"
        ) from exc


def _first_row(text: str) -> str:
    """The first line outside of quotes, without what is inside of them."""
    plain = re.sub(r'"(?:[^"]|"")*"', "-", text[: 2**16])
    return next((line for line in plain.splitlines() if line.strip()), "")


def _table(
    path: str, rows: Iterable[tuple[int, Sequence[str]]], *, decimal_comma: bool = False, delimiter: str = ","
) -> Table:
    """A table of rows with their line numbers; the first one has the names of the columns."""
    numbered: Iterator[tuple[int, Sequence[str]]] = iter(rows)
    names = next(([name.strip() for name in row] for _, row in numbered if any(cell.strip() for cell in row)), [])
    while names and not names[-1]:
        names.pop()
    twice = [name for name, count in Counter(name.casefold() for name in names if name).items() if count > 1]
    if twice and len(set(names)) < len(names):
        raise ValueError(f"{path} has two columns {twice[0]!r}; rename one of them")
    width, made = len(names), []
    for line, row in numbered:
        if not any(cell.strip() for cell in row):
            continue
        if any(cell.strip() for cell in row[width:]):
            raise ValueError(
                f"{path}, line {line}: {len(row)} cells, the header has {width}; quote cells that contain {delimiter!r}"
            )
        cells = [*row[:width], *[""] * (width - len(row))]
        made.append(dict(zip(names, cells, strict=True)))
    return Table(path, [name for name in names if name], made, decimal_comma)


def _text(path: str, data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark. Raises ValueError for other encodings."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        guess = ", perhaps Latin-1 or Windows-1252" if encoding != "utf-16" and b"\0" not in data else ""
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise ValueError(
            f'{path} is not {name} ({exc.reason} at byte {exc.start}){guess}; save it in UTF-8, in Excel as "CSV UTF-8"'
        ) from exc
    if "\0" in text[:4096]:
        raise ValueError(f"{path} is no text in UTF-8: it has zero bytes; save it as CSV in UTF-8")
    return text


def _read_parquet(path: str, data: bytes) -> Table:
    pa = arrow()
    try:
        table = pa.parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as exc:
        raise ValueError(f"{path} is no valid Parquet file: {exc}; write it again, or save it as CSV") from exc
    return _of_arrow(path, table)


def _of_arrow(path: str, table: Any) -> Table:
    unread = {each.name: kind for each in table.schema if (kind := _no_cells(each.type))}
    columns = [
        ["?"] * table.num_rows if name in unread else [_cell(value) for value in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    rows = enumerate([table.column_names, *zip(*columns, strict=True)], 1)
    return replace(_table(path, rows), unread=unread)


def _no_cells(kind: Any) -> str | None:
    """The content of a column of this type of Arrow, if it is no text, number or date; None otherwise."""
    types = arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_struct(kind):
        names = {kind.field(i).name for i in range(kind.num_fields)}
        return BYTES if "bytes" in names else "several values in each cell"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return BYTES
    return "lists" if types.is_nested(kind) else None


def _read_workbook(path: str, data: bytes) -> Table:
    try:
        import openpyxl
    except ModuleNotFoundError as exc:
        raise ValueError(
            f"{path} is an Excel workbook, which needs openpyxl; pip install 'daguerre[excel]', or save it as CSV"
        ) from exc
    try:
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        except Exception:  # a sheet that is a chart, which this quicker way cannot read
            book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    except Exception as exc:  # whatever is wrong in a file that begins like a zip archive
        raise ValueError(f"{path} is no Excel workbook that can be read: {exc}; save it as CSV in UTF-8") from exc
    for sheet in book.worksheets:
        if hasattr(sheet, "reset_dimensions"):
            sheet.reset_dimensions()  # what a program wrote there may be out of date
    filled = [each for each in book.worksheets if any(any(c is not None for c in row) for row in each.values)]
    if not filled:
        charts = f", only charts ({listed(each.title for each in book.chartsheets)})" if book.chartsheets else ""
        raise ValueError(f"{path} has no sheet with data{charts}; give a table with a row per item")
    visible = [sheet for sheet in filled if sheet.sheet_state == "visible"]
    chosen = visible or filled
    if len(chosen) > 1:
        names = listed(repr(sheet.title) for sheet in chosen)
        raise ValueError(f"{path} has {len(chosen)} sheets with data, {names}; save the one to read as CSV")
    others = [sheet.title for sheet in filled if sheet is not chosen[0]]
    if others or chosen[0].sheet_state != "visible":
        hidden = "" if visible else ", which is hidden,"
        rest = f", and not what is on hidden sheets: {listed(others)}" if others else ""
        warnings.warn(RemarkWarning(f"{path}: the sheet {chosen[0].title!r}{hidden} is read{rest}"), stacklevel=2)
    return _table(path, enumerate(([_cell(value) for value in row] for row in chosen[0].values), 1))


def _cell(value: Any) -> str:
    """A typed cell as text: empty for a missing one, 1 for 1.0."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def refuse_filled(path: str | os.PathLike[str], columns: Sequence[str], *, instead: str | None = None) -> None:
    """Raise ValueError if a table is there of which people have filled in one of these columns: it is not overwritten.

    In a table that has the column `instead`, that one alone counts.
    """
    if not os.path.isfile(path):
        return
    try:
        table = read_table(os.fspath(path))
    except ValueError:
        return
    for column in [instead] if instead is not None and table.has(instead) else columns:
        if table.has(column) and (filled := sum(map(bool, table.column(column)))):
            raise ValueError(
                f"{os.fspath(path)} has {filled:,} codes in its column {column!r}, which would be lost; write to "
                "another file, or delete this one"
            )
