"""The frame of every page: its list of contents leads to its sections, and rounded numbers keep their full value."""

import re
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Rounded, beside, count, decimals, e, figure, interval, number, percent, table
from models.pages.plots import redrawn, svg
from tests.models.page_reader import Read


def entries(html: str) -> list[tuple[str, str]]:
    """Targets and titles of the list of contents."""
    nav = re.search(r"<nav class=\"contents\".*?</nav>", html, re.DOTALL)
    return re.findall(r'<a href="#([^"]*)">(.*?)</a>', nav[0], re.DOTALL) if nav else []


NOTHING = Figure(value=nan, low=nan, high=nan)
HALF = Figure(value=0.5, low=0.4, high=0.6)


@given(st.lists(st.text(max_size=12) | st.sampled_from(["a", "a-2", "A"]), min_size=3, max_size=8))
def test_every_section_is_in_the_contents_and_every_entry_leads_to_one(titles):
    html = document("t", [e("header", e("h1", "t")), *(section(title, e("p", "x")) for title in titles)])
    read = Read(html)
    ids = [attributes["id"] for attributes in read.all("section")]
    assert len(set(ids)) == len(ids) == len(titles)
    assert [target for target, _ in entries(html)] == ids
    assert [title for _, title in entries(html)] == re.findall(
        r"<section id=\"[^\"]*\"><h2>(.*?)</h2>", html, re.DOTALL
    )
    tags = [tag for tag, _ in read.found]
    assert tags.index("header") < tags.index("nav") < tags.index("section")


def test_a_short_page_and_one_without_a_header_have_no_or_a_first_list():
    assert entries(document("t", [section("A"), section("B")])) == []
    html = document("t", [section("A"), section("B"), section("A")])
    assert entries(html) == [("a", "A"), ("b", "B"), ("a-2", "A")]


@pytest.mark.parametrize(
    ("rounded", "text", "data"),
    [
        (percent(0.84701234), "84.7\u00a0%", 'value="0.84701234"'),
        (number(1 / 3), "0.333", f'value="{1 / 3!r}"'),
        (count(12345), "12,345", 'value="12345"'),
        (decimals(-0.12345, 2), "\u22120.12", 'value="-0.12345"'),
        (
            figure(HALF, share=True),
            "50.0\u00a0% [40.0,\u00a060.0]",
            'data-low="0.4" data-high="0.6"',
        ),
        (
            interval(HALF, share=False),
            "[0.400,\u00a00.600]",
            'data-low="0.4" data-high="0.6"',
        ),
        (number(inf), "∞", 'value="inf"'),
    ],
)
def test_a_cell_keeps_the_full_value_and_the_printed_one(rounded, text, data):
    cell = e("td", ["x", [rounded]])
    assert data in cell
    assert Read(f"<tr>{cell}</tr>").rows == [["x" + text]]
    assert e("p", rounded) == f"<p>{text}</p>"  # text is text
    assert e("text", rounded) == f"<text>{text}</text>"  # and a plot has no HTML in it
    assert e("td", f"{rounded}") == f"<td>{text}</td>"


def test_undefined_numbers_are_no_data():
    for rounded in (
        percent(nan),
        number(nan),
        figure(NOTHING, share=True),
        Rounded("", nan),
    ):
        assert "data" not in e("td", rounded)


def test_captions_can_wrap_and_tables_have_names():
    html = table("A caption.", ["a", "b"], [["x", count(2)]], name="passes")
    assert '<table data-name="passes"><caption><span>A caption.</span></caption>' in html
    assert Read(html).row("x") == ["x", "2"]


def test_a_plot_is_drawn_for_two_widths():
    html = redrawn(lambda width: svg(f"{width:g}", width, 100), 900)
    assert [attributes["width"] for attributes in Read(html).all("svg")] == ["900", "330"]
    assert beside(html, None) == f'<div class="beside">{html}</div>'


def test_caveats_and_the_methods_are_text():
    assert caveats([]) is None
    assert "&lt;b&gt;" in str(caveats(["<b>"]))
    assert methods_section("<i>").endswith("<blockquote><p>&lt;i&gt;</p></blockquote></section>")
