"""Tables of other programs are read as they are, or named with the way out."""

import csv
import io
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.chart import BarChart

from daguerre import RemarkWarning
from daguerre.errors import ItemError
from daguerre.results.base import Errors
from daguerre.storage.tables import read_lines, read_table, read_texts, table_of

ROWS = [["a, b.jpg", "yes"], ["c.jpg", "no;\nnever"], ["é.jpg", ""]]


def written(delimiter: str = ",", newline: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerows([["path", "target"], *ROWS])
    return out.getvalue()


def rows(path: Path) -> list[list[str]]:
    return [list(row.values()) for row in read_table(str(path)).rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.CSV", "a.txt"])
def test_text_with_any_separator_is_read(tmp_path, encoding, delimiter, newline, name):
    (tmp_path / name).write_bytes(written(delimiter, newline, csv.QUOTE_ALL).encode(encoding))
    assert rows(tmp_path / name) == ROWS


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])  # the bytes count, not the name
def test_a_workbook_is_read(tmp_path, name):
    table = pd.DataFrame({"path": ["a.jpg", "b.jpg", "c.jpg"], "target": [1.0, None, 0.0], " N ": [1, 2, 3]})
    table.to_excel(tmp_path / "a.xlsx", index=False)
    (tmp_path / "a.xlsx").rename(tmp_path / name)
    assert rows(tmp_path / name) == [["a.jpg", "1", "1"], ["b.jpg", "", "2"], ["c.jpg", "0", "3"]]
    assert read_table(str(tmp_path / name)).column("n") == ["1", "2", "3"]


def test_a_workbook_of_two_sheets_is_refused(tmp_path):
    book = openpyxl.Workbook()
    for name in ("one", "two"):
        sheet = book.create_sheet(name)
        sheet.append(["path", "target"])
        sheet.append(["a.jpg", 1])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match="2 sheets with data, 'one', 'two'"):
        read_table(str(tmp_path / "a.xlsx"))


def test_a_workbook_without_openpyxl_is_named(tmp_path, monkeypatch):
    pd.DataFrame({"path": ["a"]}).to_excel(tmp_path / "a.xlsx")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(
        ValueError, match=r"an Excel workbook, which needs openpyxl; pip install 'daguerre\[excel\]', or save"
    ):
        read_table(str(tmp_path / "a.xlsx"))


@pytest.mark.parametrize("index", [False, True])
def test_parquet_is_read(tmp_path, index):
    table = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "target": [1.0, None], "flag": [True, False]})
    (table.set_index("path") if index else table).to_parquet(tmp_path / "a.parquet")
    read = read_table(str(tmp_path / "a.parquet"))
    assert [read.column(name) for name in ("path", "target", "flag")] == [
        ["a.jpg", "b.jpg"],
        ["1", ""],
        ["True", "False"],
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            "path,target\ncafé.jpg,1\n".encode("latin-1"),
            "not UTF-8 .* perhaps Latin-1 or Windows-1252; save it in UTF-8",
        ),
        ("path,target\na.jpg,1\n".encode("utf-16-le"), "zero bytes; save it as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", r"an old Excel workbook \(.xls\), which is not read; save it as CSV"),
        (b"PK\x03\x04rest", "no Excel workbook that can be read"),
        (b"\x1f\x8brest", "compressed by gzip"),
        (b"path,target\na.jpg,b,c\n", "line 2: 3 cells, the header has 2; quote cells that contain ','"),
        (b"path,path\na,b\n", "two columns 'path'; rename one"),
        (b'path,target\n"a,1\n', "not a valid table: line 2"),
        (b"path,target\n\n,,\n", "has no rows"),
        (b"", "has no rows"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, data, why):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(ValueError, match=why):
        read_table(str(tmp_path / "a.csv"))


def test_names_of_columns_are_found_in_capitals_and_with_spaces(tmp_path):
    (tmp_path / "a.csv").write_text('"Path"," target ",Code,code\na.jpg,1,x,y\n')
    table = read_table(str(tmp_path / "a.csv"))
    assert [table.column(name) for name in ("path", "TARGET", "code", "Code")] == [["a.jpg"], ["1"], ["y"], ["x"]]
    assert not table.has("CODE")  # two of that name
    with pytest.raises(ValueError, match="needs a column 'label'; it has Path, target, Code, code"):
        table.column("label")


def test_rows_may_be_short_or_end_in_separators(tmp_path):
    (tmp_path / "a.csv").write_text("path,target,\na.jpg,1,\nb.jpg\n,,\nc.jpg,2,,,\n")
    assert rows(tmp_path / "a.csv") == [["a.jpg", "1"], ["b.jpg", ""], ["c.jpg", "2"]]
    (tmp_path / "b.csv").write_text("sep=;\npath;target\na.jpg;1\n")
    assert rows(tmp_path / "b.csv") == [["a.jpg", "1"]]


def test_decimal_commas_are_numbers_where_commas_separate_no_cells(tmp_path):
    (tmp_path / "a.csv").write_text("id;code;weight\na;1,0;0,5\nb;0,5;1\nc;;2.5\n")
    table = read_table(str(tmp_path / "a.csv"))
    assert (table.codes("code"), table.floats("weight")) == (["1.0", "0.5", None], [0.5, 1.0, 2.5])
    (tmp_path / "b.csv").write_text('id,code,weight\na,"1,0","1,500"\n')
    table = read_table(str(tmp_path / "b.csv"))
    assert table.codes("code") == ["1,0"]
    with pytest.raises(ValueError, match=r"column weight, row 1: .*'1,500'; write decimal points"):
        table.floats("weight")
    (tmp_path / "c.csv").write_text("id;code\na;yes, often\nb;1,0\nc;no\n")
    assert read_table(str(tmp_path / "c.csv")).codes("code") == ["yes, often", "1,0", "no"]


def test_ids_that_became_floats_are_whole_and_zeros_stay(tmp_path):
    pd.DataFrame({"id": [1, 2, None], "x": "y"}).to_csv(tmp_path / "a.csv", index=False)
    assert read_table(str(tmp_path / "a.csv")).ids("id") == ["1", "2", ""]
    (tmp_path / "b.csv").write_text("id\n007\n7\n1.0\n")
    assert read_table(str(tmp_path / "b.csv")).ids("id") == ["007", "7", "1.0"]


def test_texts_and_lines_are_read_from_the_same_files(tmp_path):
    (tmp_path / "a.csv").write_text("ID;Text\n1.0;hello, you\n2.0;bye\n")
    assert read_texts(str(tmp_path / "a.csv"), None) == (["1", "2"], ["hello, you", "bye"])
    with pytest.raises(ValueError, match="no column 'body'; choose one with --column: ID, Text"):
        read_texts(str(tmp_path / "a.csv"), "body")
    (tmp_path / "b.csv").write_text("id,text\n1,a\n,b\n")
    with pytest.raises(ValueError, match="1 of 2 rows have no id, the first is row 2"):
        read_texts(str(tmp_path / "b.csv"), None)
    (tmp_path / "c.txt").write_bytes("a\r\n\r\n b \r\n".encode("utf-16"))
    assert read_lines(str(tmp_path / "c.txt")) == ["a", "b"]


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n;,\t|"'), max_size=8)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_the_csv_module_writes_is_read(tmp_path_factory, cells, delimiter):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("path", "target"), *cells, ("last", "x")])
    kept = [[a.strip(), b.strip()] for a, b in cells if a.strip() or b.strip()]
    assert rows(path) == [*kept, ["last", "x"]]


def workbook(path, sheets):
    """A workbook of sheets: title, rows (None: a chart), state."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, cells, state in sheets:
        sheet = book.create_chartsheet(title) if cells is None else book.create_sheet(title)
        if cells is None:
            sheet.add_chart(BarChart())
        for row in cells or ():
            sheet.append(row)
        sheet.sheet_state = state
    book.save(path)
    return str(path)


CELLS = [["text"], ["a cat"], ["a dog"]]


@pytest.mark.parametrize(
    ("sheets", "remark"),
    [
        (
            [("h", [["text"], ["x"]], "hidden"), ("v", CELLS, "visible")],
            r"'v' is read, and not .* hidden sheets: h",
        ),
        ([("h", [["x"]], "veryHidden"), ("v", CELLS, "visible")], r"'v' is read, and not .* hidden sheets: h"),
        ([("e", [], "visible"), ("h", CELLS, "hidden")], "the sheet 'h', which is hidden, is read"),
    ],
)
def test_the_sheet_that_is_read_is_named(tmp_path, sheets, remark):
    with pytest.warns(RemarkWarning, match=remark):
        assert read_texts(workbook(tmp_path / "a.xlsx", sheets), None) == (None, ["a cat", "a dog"])


def test_a_sheet_that_is_a_chart_is_no_table(tmp_path):
    assert read_texts(workbook(tmp_path / "a.xlsx", [("c", None, "visible"), ("v", CELLS, "visible")]), None)[1]
    with pytest.raises(ValueError, match=r"has no sheet with data, only charts \(c, d\)"):
        read_table(workbook(tmp_path / "b.xlsx", [("c", None, "visible"), ("d", None, "visible")]))
    with pytest.raises(ValueError, match="has no sheet with data; give a table"):
        read_table(workbook(tmp_path / "c.xlsx", [("e", [], "visible")]))


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ([{"bytes": b"x", "path": "a.png"}] * 2, "bytes, as of pictures, and cells are texts or numbers; for pictures"),
        ([b"x"] * 2, "bytes, as of pictures"),
        ([["a", "b"]] * 2, "lists, and cells are texts or numbers; write one text into each cell"),
        ([{"a": 1, "b": 2}] * 2, "several values in each cell"),
    ],
)
def test_cells_of_parquet_that_are_no_cells_are_refused(tmp_path, cells, what):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "image": cells, "text": ["a", "b"]}), path)
    assert read_texts(str(path), None) == (["1", "2"], ["a", "b"])
    with pytest.raises(ValueError, match=f"the column 'image' holds {what}"):
        read_texts(str(path), "image")
    table = read_table(str(path))
    for read in (table.column, table.ids, table.codes, table.floats):
        with pytest.raises(ValueError, match="the column 'image' holds"):
            read("image")


@pytest.mark.parametrize("word", ["NA", "null", "nan", "None", "N/A"])
def test_words_for_a_missing_value_are_texts_and_remarked(tmp_path, word):
    (tmp_path / "a.csv").write_text(f"text\n{word}\na cat\n")
    with pytest.warns(RemarkWarning, match=f"1 of 2 texts are '{word}' or the like, and taken as texts"):
        assert read_texts(str(tmp_path / "a.csv"), None) == (None, [word, "a cat"])


def test_many_columns_are_counted(tmp_path):
    (tmp_path / "a.csv").write_text(",".join(f"c{i}" for i in range(50)) + "\n" + ",".join("1" * 50) + "\n")
    with pytest.raises(ValueError, match=r"it has c0, .*, c19, … \(50 in all\)"):
        read_table(str(tmp_path / "a.csv")).column("x")


def test_a_result_is_a_table_as_its_own_one_is():
    found = Errors([ItemError(0, "a.jpg", "invalid_image", "no image"), ItemError(2, "c.jpg", "too_large", "large")])
    assert table_of(found).rows == table_of(found.to_pandas()).rows
    assert [row["id"] for row in table_of(found).rows] == ["a.jpg", "c.jpg"]
