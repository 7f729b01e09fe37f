"""Tables of a page as CSV and LaTeX, and its figures as SVG: they are read from the HTML of the page."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder

from daguerre.inputs.files import require_folder
from daguerre.storage.csv import write_table
from daguerre.storage.latex import latex_table
from daguerre.storage.page_figures import Stylesheet, standalone
from daguerre.storage.whole import whole_file

LONGEST = 48  # characters of a name that is made of a caption
VOID = {"meta", "img", "wbr"}
UNDEFINED = "–"
MINUS = "\u2212"
THOUSANDS = re.compile(rf"[{MINUS}-]?\d{{1,3}}(,\d{{3}})+")


def write_page(path: str | os.PathLike[str], page: str, tables: str | os.PathLike[str] | None = None) -> None:
    """Write a page, and its tables and figures into the folder `tables`, which is made.

    Raises FileNotFoundError, IsADirectoryError or NotADirectoryError before anything is written.
    """
    require_folder(path)
    require_tables(tables)
    _write(path, page)
    if tables is not None:
        write_tables(page, tables, Path(path).stem)


def _write(path: str | os.PathLike[str], text: str) -> None:
    with whole_file(path) as new:
        Path(new).write_text(text, encoding="utf-8")


def require_tables(tables: str | os.PathLike[str] | None) -> None:
    """Raise NotADirectoryError if the folder of the tables is a file."""
    if tables is not None and os.path.exists(tables) and not os.path.isdir(tables):
        raise NotADirectoryError(f"tables: {os.fspath(tables)!r} is a file; name a folder")


def write_tables(page: str, folder: str | os.PathLike[str], prefix: str) -> list[Path]:
    """Write each table of a page as PREFIX-NAME.csv and .tex, and each figure as PREFIX-NAME.svg.

    Parameters
    ----------
    page : HTML of a page that the server made. NAME is made of the caption of a table or the title of a figure, with
        the title of the section before it where several figures have one title.
    folder : it is made if it is not there; files of the same names are replaced.
    prefix : beginning of the names, so that several pages can share a folder.

    Returns
    -------
    The files, in the order of the page. CSV files have numbers with all their digits, and the ends of an interval in
    columns of their own; LaTeX files have numbers as they are printed.
    """
    require_tables(folder)
    root = _read(page)
    base = Path(folder)
    base.mkdir(parents=True, exist_ok=True)
    names = _Names(prefix)
    written: list[Path] = []
    for table, section in _tables(root):
        name = names.free(table.name or section)
        title = table.caption or section
        write_table(*table.columns(), str(base / f"{name}.csv"))
        text = latex_table(table.heads, table.texts(), numeric=table.numeric(), caption=title, label=name)
        _write(base / f"{name}.tex", text)
        written += [base / f"{name}.csv", base / f"{name}.tex"]
    style = Stylesheet("\n".join(each.text or "" for each in root.iter("style")))
    figures = [(*each, each[1].get("data-name") or each[1].findtext("title") or "figure") for each in _figures(root)]
    titles = [title for _, _, title in figures]
    for ancestors, figure, title in figures:
        whole = title if titles.count(title) == 1 else f"{_section(ancestors)} {title}"
        path = base / f"{names.free(whole)}.svg"
        _write(path, standalone(figure, ancestors, style))
        written.append(path)
    return written


@dataclass(frozen=True)
class Cell:
    """A cell: its text as printed, and the full value and interval where it is a number."""

    text: str
    value: str = ""
    low: str = ""
    high: str = ""

    @property
    def number(self) -> bool:
        """Whether the cell is a number."""
        return bool(self.value or self.low)

    @property
    def csv(self) -> str:
        """The value in full; the text of a cell that is not a number."""
        if self.number:
            return self.value
        text = self.text.replace("\u00a0", " ")
        if THOUSANDS.fullmatch(text):
            return text.replace(",", "").replace(MINUS, "-")
        return "" if text == UNDEFINED else text


@dataclass(frozen=True)
class Table:
    """A table of a page; columns without a text, which are drawings, are left out."""

    name: str
    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def columns(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns and rows of a CSV file: "recall" with an interval adds "recall_low", "recall_high"."""
        names: list[str] = []
        values: list[list[str]] = [[] for _ in self.rows]
        for place, head in enumerate(self.heads):
            cells = [row[place] for row in self.rows]
            name = head or ("name" if place == 0 else f"column {place + 1}")
            parts = [("", [cell.csv for cell in cells])]
            if any(cell.low for cell in cells):
                parts += [("_low", [cell.low for cell in cells]), ("_high", [cell.high for cell in cells])]
                if not any(cell.csv for cell in cells):
                    del parts[0]
            for ending, column in parts:
                names.append(_unused(f"{name}{ending}", names))
                for row, value in zip(values, column, strict=True):
                    row.append(value)
        return names, values

    def texts(self) -> list[list[str]]:
        """Rows of cells as the page prints them."""
        return [[cell.text for cell in row] for row in self.rows]

    def numeric(self) -> list[bool]:
        """Whether each column has numbers alone."""
        columns = [[row[place] for row in self.rows] for place in range(len(self.heads))]
        plain = ("", UNDEFINED)
        return [
            any(cell.number for cell in column)
            and all(cell.number or cell.text in plain or THOUSANDS.fullmatch(cell.text) for cell in column)
            for column in columns
        ]


class _Reader(HTMLParser):
    """Builds a tree of elements."""

    def __init__(self) -> None:
        super().__init__()
        self.builder = TreeBuilder()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in VOID:
            self.builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


def _read(page: str) -> Element:
    reader = _Reader()
    reader.feed(page[page.index("<html") :].rstrip())
    reader.close()
    return reader.builder.close()


def _tables(root: Element) -> Iterator[tuple[Table, str]]:
    """The tables with the titles of their sections."""
    for ancestors, element in _walk(root):
        if element.tag == "table":
            table = _table(element)
            if table.rows and table.heads:
                yield table, _section(ancestors)


def _figures(root: Element) -> Iterator[tuple[list[Element], Element]]:
    """Drawings with their ancestors, without the small ones in tables and in text, and those for telephones."""
    for ancestors, element in _walk(root):
        inside = {each.tag for each in ancestors}
        slim = any("slim" in each.get("class", "").split() for each in ancestors)
        if element.tag == "svg" and not slim and "figure" in inside and not inside & {"table", "li"}:
            yield ancestors, element


def _walk(element: Element, ancestors: Sequence[Element] = ()) -> Iterator[tuple[list[Element], Element]]:
    """Elements with their ancestors, outermost first, in the order of the page."""
    yield list(ancestors), element
    for child in element:
        yield from _walk(child, [*ancestors, element])


def _section(ancestors: Sequence[Element]) -> str:
    section = next((each for each in reversed(ancestors) if each.tag == "section"), None)
    title = None if section is None else section.find("h2")
    return "Summary" if title is None else _text(title)


def _table(element: Element) -> Table:
    caption = element.find("caption")
    header = element.find("thead")
    body = [_row(row) for row in element.iter("tr")]
    heads = len(list(header.iter("tr"))) if header is not None else 0
    names = [cell.text for cell in body[heads - 1]] if heads else ["name", "value"]
    rows = body[heads:]
    width = max([len(names), *map(len, rows)], default=0)
    names = [*names, *[""] * (width - len(names))]
    rows = [[*row, *[Cell("")] * (width - len(row))] for row in rows]
    used = [i for i in range(width) if i == 0 or any(row[i].text or row[i].number for row in rows)]
    return Table(
        name=element.get("data-name", "") or ("" if caption is None else _text(caption)),
        caption="" if caption is None else _text(caption),
        heads=[names[i] for i in used],
        rows=[[row[i] for i in used] for row in rows],
    )


def _row(row: Element) -> list[Cell]:
    cells: list[Cell] = []
    for cell in row:
        cells += [_cell(cell), *[Cell("")] * (int(cell.get("colspan") or 1) - 1)]
    return cells


def _cell(cell: Element) -> Cell:
    numbers = list(cell.iter("data"))
    text = _text(cell, without=("svg", "small")) if cell.tag == "th" else _text(cell)
    value, low, high = (
        next((each.get(key, "") for each in numbers if each.get(key)), "") for key in ("value", "data-low", "data-high")
    )
    return Cell(text or _text(cell), value, low, high)


def _text(element: Element, without: tuple[str, ...] = ("svg",)) -> str:
    """The text of an element, with a space before small text; line breaks become spaces."""
    parts = [element.text or ""]
    for child in element:
        if child.tag not in without:
            parts += [" " if child.tag == "small" else "", _text(child, without)]
        parts.append(child.tail or "")
    return re.sub(r"[ \t\r\n]+", " ", "".join(parts)).strip()


def _unused(name: str, names: Sequence[str]) -> str:
    return next(each for i in range(1, len(names) + 2) if (each := name if i == 1 else f"{name}_{i}") not in names)


class _Names:
    """Names of files, each used once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.strip(".-_ ") or "page"  # a name that begins with a full stop is hidden
        self._used: list[str] = []

    def free(self, title: str) -> str:
        """A name that is made of the first clause of `title`."""
        clause = re.split(r"[.:;](?:\s|$)|\(", title, maxsplit=1)[0]
        slug = re.sub(r"[^\w]+", "-", clause.lower()).strip("-_") or "table"
        if len(slug) > LONGEST:
            slug = slug[:LONGEST].rsplit("-", 1)[0]
        name = _unused(f"{self._prefix}-{slug}", self._used)
        self._used.append(name)
        return name
