"""Tables and figures of a page as files: full values, printed values, drawings that stand alone."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daguerre.storage.latex import escaped, latex_table
from daguerre.storage.page_tables import write_page, write_tables
from models.intervals import Figure
from models.pages.document import document, section
from models.pages.html import beside, count, e, facts, figure, interval, number, percent, table, user_text
from models.pages.plots import Frame, redrawn, share_bar, svg

THIRD = 1 / 3
ODD = '5 % & $x_1$ #2 {a} ~ ^ \\ <b> "q" | \u22123 党'


def drawing(width=300.0):
    frame = Frame(width, 100, (0, 1), (0, 1))
    link = e("a", frame.text("1", 0.5, 0.5), at={"href": "#c1"})
    return svg(
        f"Scores of K: {ODD}", width, 100, frame.axes([0, 1], [0, 1], "K", "score"), frame.dot("dot", 0, 1), link
    )


def page(*parts):
    return document(
        "t", [e("header", e("h1", "t"), facts([("Model", ODD)])), *parts], style=".scores .name { fill: #123; }"
    )


def figures():
    estimate = Figure(value=THIRD, low=0.25, high=0.4)
    rows = [
        [user_text("a"), count(12345), percent(THIRD), figure(estimate, share=True), share_bar(0.3, "30 %")],
        [["b", e("small", " a gloss")], count(7), percent(float("nan")), ["–"], share_bar(0.3, "30 %")],
    ]
    return table("Passes. Low and high.", ["", "images", "share", "recall", ""], rows)


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_csv_has_full_values_and_latex_the_printed_ones(tmp_path):
    files = write_tables(page(section("Search", figures())), tmp_path / "new" / "tables", "report")
    assert [path.name for path in files] == [
        *("report-summary.csv", "report-summary.tex"),
        *("report-passes.csv", "report-passes.tex"),
    ]
    assert read(files[0]) == [["name", "value"], ["Model", ODD]]
    assert read(files[2]) == [
        ["name", "images", "share", "recall", "recall_low", "recall_high"],
        ["a", "12345", repr(THIRD), repr(THIRD), "0.25", "0.4"],
        ["b", "7", "", "", "", ""],
    ]
    latex = files[3].read_text("utf-8")
    assert "\\begin{tabular}{lrrr}" in latex
    assert "a & 12,345 & 33.3~\\% & 33.3~\\% [25.0,~40.0] \\\\" in latex
    assert "\\caption{Passes. Low and high.}\\label{tab:report-passes}" in latex


def test_an_interval_in_a_column_of_its_own_is_two_columns(tmp_path):
    estimate = Figure(value=0.5, low=0.1, high=0.9)
    rows = [["a", number(0.5), interval(estimate, share=False)], ["b", number(0.5), ["0.5 ", e("small", "x")]]]
    heads = ["", "value", "interval"]
    (path, _) = write_tables(document("t", section("S", table(None, heads, rows[:1]))), tmp_path, "p")
    assert read(path) == [["name", "value", "interval_low", "interval_high"], ["a", "0.5", "0.1", "0.9"]]
    (path, _) = write_tables(document("t", section("S", table(None, heads, rows))), tmp_path, "p")
    assert read(path)[2] == ["b", "0.5", "0.5 x", "", ""]


def test_columns_and_files_have_names_of_their_own(tmp_path):
    same = table(None, ["x", "x", "x"], [["a", number(1.0), number(2.0)]])
    files = write_tables(page(section("S", same, same)), tmp_path, "p")
    assert [path.name for path in files[2:]] == ["p-s.csv", "p-s.tex", "p-s_2.csv", "p-s_2.tex"]
    assert read(files[2])[0] == ["x", "x_2", "x_3"]
    named = table("A long caption", ["x"], [["a"]], name="passes")
    assert write_tables(document("t", named), tmp_path, "p")[0].name == "p-passes.csv"


def test_a_figure_is_one_file_that_needs_no_page(tmp_path):
    drawn = e("figure.scores", redrawn(drawing, 300.0))
    *_, path = write_tables(page(beside(drawn)), tmp_path, "p")
    assert path.name == "p-scores-of-k.svg"
    text = path.read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["viewBox"] == "0 0 300 100"  # the drawing for wide screens
    assert "var(" not in text
    assert "href" not in text
    style = root.findtext("{http://www.w3.org/2000/svg}style")
    assert ".dot { fill: #1f5a94 }" in style  # of paper, not of a dark screen
    assert style.index(".name { fill: #5c5c5c }") < style.index(".name { fill: #123 }")
    assert ".hollow" not in style  # no such mark is drawn
    assert ODD in root.findtext("{http://www.w3.org/2000/svg}title")


def test_pictures_in_a_figure_stay_and_small_drawings_are_none(tmp_path):
    image = e("image", at={"href": "data:image/jpeg;base64,/9g=", "width": 3, "height": 3})
    mark = e("svg.mark", at={"viewBox": "0 0 1 1"})
    text = document("t", [e("li", mark), e("figure", svg("Frames", 9, 9, image))])
    (path,) = write_tables(text, tmp_path, "p")
    (drawn,) = ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}image")
    assert drawn.attrib["{http://www.w3.org/1999/xlink}href"] == "data:image/jpeg;base64,/9g="


def test_a_page_is_not_written_where_its_tables_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"tables: .*file' is a file; name a folder"):
        write_page(tmp_path / "page.html", page(), tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        write_page(tmp_path / "none" / "page.html", page(), tmp_path / "tables")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    write_page(tmp_path / "my page.html", page(), tmp_path / "tables")
    assert Path(tmp_path / "tables" / "my page-summary.csv").exists()
    write_page(tmp_path / "alone.html", page())
    assert not [path for path in (tmp_path / "tables").iterdir() if "alone" in path.name]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=2), st.text(max_size=30))
def test_any_text_is_one_cell_of_each_file(tmp_path_factory, names, caption):
    folder = tmp_path_factory.mktemp("t")
    drawn = e("figure", svg(caption, 9, 9, e("text", names[0])))
    text = document("t", section("S", table(caption, names, [names, ["x", "y"]]), drawn))
    table_csv, table_tex, figure_svg = write_tables(text, folder, "p")
    assert read(table_csv)[-1] == ["x", "y"]
    assert len(read(table_csv)) == 3 or "\r" in "".join(names)
    ElementTree.parse(figure_svg)
    body = table_tex.read_text("utf-8").split("\\midrule\n")[1].split("\\bottomrule")[0]
    bare = re.sub(r"\\[&%$#_{}]|\\[a-zA-Z]+\{\}|\$(-|\\\w+|\^[-\d])\$", "", body)
    assert not set("%$#_{}^") & set(bare.replace("{} ", "").replace("{}[", "").replace("{}*", ""))
    assert [line.count("&") for line in bare.splitlines()] == [1, 1]


def test_latex_is_escaped():
    assert escaped(ODD) == (
        "5 \\% \\& \\$x\\_1\\$ \\#2 \\{a\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{} "
        "\\textless{}b\\textgreater{} ''q'' \\textbar{} $-$3 党"
    )
    long = latex_table(["a", "b"], [["[x", "1"]] * 41, numeric=[False, True], caption="c", label="a b_c")
    assert "\\begin{longtable}{lr}" in long
    assert "\n{}[x & 1 \\\\" in long
    assert "\\label{tab:a-b-c}" in long


def test_figures_of_one_title_are_told_apart_by_their_sections(tmp_path):
    drawn = e("figure.scores", redrawn(drawing, 300.0))
    html = page(section("Out of fold", beside(drawn)), section("Test items", beside(drawn)))
    names = [path.stem for path in write_tables(html, tmp_path, ".-") if path.suffix == ".svg"]
    assert len(names) == len(set(names)) == 2
    assert names[0].startswith("page-out-of-fold-")
    assert names[1].startswith("page-test-items-")
