"""Tables of coded items as people have them: long, wide, one for each coder, of any program."""

import pandas as pd
import pyarrow as pa
import pytest

from daguerre.corpus.classifiers import item_groups, training_arguments
from daguerre.corpus.code_columns import KNOWN
from daguerre.corpus.coded import read_coded, read_coders

SAMPLE = (
    "id,path,stratum,inclusion_prob,anna,ben\na,s/a.png,1,0.5,cat,cat\nb,s/b.png,2,0.25,dog,cat\nc,s/c.png,2,0.25,,\n"
)
LONG = "coder,item,code\nanna,a,cat\nanna,b,dog\nben,a,cat\nben,b,cat\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / name).write_text(text)
        return name

    return write


def codes(table):
    rows = zip(table.coder, table.item, table.code, strict=True)
    return {(coder, item): code for coder, item, code in rows if code is not None}


CODES = {("anna", "a"): "cat", ("anna", "b"): "dog", ("ben", "a"): "cat", ("ben", "b"): "cat"}


def test_every_form_of_the_same_codes_is_read_alike(here):
    here("sample.csv", SAMPLE)
    here("anna.csv", "id,code\na,cat\nb,dog\n")
    here("b.csv", "item;ben\na;cat\nb;cat\n")
    wide, long = pd.read_csv("sample.csv"), pd.read_csv(here("long.csv", LONG))
    wide.to_parquet("sample.parquet")
    wide.to_excel("sample.xlsx", index=False)
    forms = [
        *("sample.csv", "sample.parquet", "sample.xlsx", "long.csv"),
        *(wide, wide.set_index("id"), pa.table(wide), long, {name: list(long[name]) for name in long}),
        *(["anna.csv", "ben=b.csv"], {"anna": "anna.csv", "ben": {"a": "cat", "b": "cat"}}),
        {"anna": long[:2].set_index("item")["code"], "ben": pd.read_csv("b.csv", sep=";")},
        ["sample.csv"],
    ]
    for form in forms:
        assert codes(read_coders(form)) == CODES, form


def test_the_design_of_the_sample_goes_with_the_items(here):
    table = read_coded(here("sample.csv", SAMPLE))
    assert table.columns == {"stratum": ["1", "2", "2"], "inclusion_prob": [0.5, 0.25, 0.25]}
    arguments = training_arguments(table, numeric=False)
    assert arguments["strata"] == ["1", "2", "2"]
    assert arguments["inclusion_prob"] == [0.5, 0.25, 0.25]
    assert (arguments["ids"], arguments["images"]) == (["a", "b", "c"], ["s/a.png", "s/b.png", "s/c.png"])
    one = read_coded(here("one.csv", "id,score,inclusion_prob,anna\na,0.9,,cat\nb,0.8,,dog\n"))
    assert one.purposive
    assert training_arguments(one, numeric=False) == {
        "targets": ["cat", "dog"],
        "ids": ["a", "b"],
        "design": "purposive",
    }


def test_a_long_table_gives_each_item_one_probability(here):
    table = "id,coder,code,inclusion_prob\na,x,1,0.5\na,y,1,0.5\nb,x,0,0.1\n"
    assert read_coded(here("a.csv", table)).columns == {"inclusion_prob": [0.5, 0.1]}
    with pytest.raises(ValueError, match=r"'a' has 0\.5 and 0\.6; give an item one value"):
        read_coded(here("a.csv", table.replace("y,1,0.5", "y,1,0.6")))


@pytest.mark.parametrize(
    ("given", "name"), [("carla", "carla"), ("carla=differ.csv", "carla"), ("differ.csv", "adjudicator")]
)
def test_an_adjudicator_is_a_column_or_a_table(here, given, name):
    here("differ.csv", "id,anna,ben,adjudicator\nb,dog,cat,cat\n")
    extra = ",carla" if given == "carla" else ""
    rows = SAMPLE.replace("ben\n", f"ben{extra}\n").replace("dog,cat\n", f"dog,cat{extra and ',cat'}\n")
    table = read_coded(here("sample.csv", rows), adjudicator=given)
    assert table.adjudicator == name
    assert codes(table) == {**CODES, (name, "b"): "cat"}
    assert codes(table.without_adjudicator()) == CODES


def test_a_column_adjudicator_counts_once_it_is_filled_in(here):
    rows = SAMPLE.replace("ben\n", "ben,adjudicator\n")
    assert read_coded(here("a.csv", rows)).adjudicator is None
    table = read_coded(here("a.csv", rows.replace("dog,cat\n", "dog,cat,cat\n")))
    assert (table.adjudicator, table.coders) == ("adjudicator", ["anna", "ben", "adjudicator"])


def test_columns_of_daguerre_are_no_coders_and_others_can_be_named(here):
    known = ",".join(sorted(KNOWN - {"", "id", "target", "code", "coder", "text", "path", "item", "adjudicator"}))
    cells = ",1" * (known.count(",") + 1)
    table = read_coded(here("a.csv", f"id,anna,ben,{known}\n1,x,x{cells}\n2,y,x{cells}\n"))
    assert table.coders == ["anna", "ben"]
    here("b.csv", "id,anna,ben,place\n1,x,x,Rome\n2,y,x,Bern\n")
    with pytest.raises(ValueError, match="'place' has no code in common with the columns of other coders; name the"):
        read_coded("b.csv")
    assert read_coded("b.csv", coders=["anna", "ben"]).coders == ["anna", "ben"]


def test_coders_without_codes_are_named(here):
    table = read_coded(here("a.csv", "id,anna,ben,carla\n1,x,,\n2,y,,\n"))
    assert table.coders == ["anna"]
    assert table.remarks == ["a.csv: ben, carla have no codes yet and are left out; the coders are anna"]


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("id,anna\n1,\n", {}, "the columns of anna are empty; let coders fill them in"),
        ("id,stratum\n1,2\n", {}, "needs a column 'target' of codes, or a column for each coder; it has id, stratum"),
        ("id,anna\n1,x\n", {"coders": ["zoe"]}, "no column 'zoe' of a coder; it has id, anna"),
        ("anna,ben\nx,x\n", {}, "needs a column id, 'path' or 'text'"),
        ("id,coder,code\n1,,x\n2,a,y\n", {}, "1 of 2 rows have no coder"),
        ("id,coder\n1,a\n", {}, "needs target or code for the codes|'target' or 'code'"),
        ("id,anna,stratum,inclusion_prob\n1,x,1,0.5\n2,y,1,\n", {}, "inclusion_prob, row 2"),
        ("id,code\n1,x\n", {"target": "label"}, "needs 'label' for the codes; it has id, code"),
    ],
)
def test_a_table_that_is_not_clear_is_refused(here, text, options, why):
    with pytest.raises(ValueError, match=why):
        read_coded(here("a.csv", text), **options)


def test_two_tables_of_one_coder_are_refused(here):
    (here("a.csv", LONG), here("b.csv", LONG))
    with pytest.raises(ValueError, match="'anna' is in two tables"):
        read_coders(["a.csv", "b.csv"])


def test_groups_of_other_items_do_not_matter(here):
    path = here("duplicates.csv", "id,group,kept\na,3,True\nb,3,False\nz,1,True\nc,,True\n")
    assert item_groups(path, ["a", "b", "c", "d"]) == ["group 3", "group 3", "item c", "item d"]
    assert item_groups({"a": 1.0, "x": 2}, ["a", "b"]) == ["group 1", "item b"]
    with pytest.raises(ValueError, match="none of the 1 items is among them, the first is 'q'"):
        item_groups({"a": 1}, ["q"])


A, B = ["red", "blue", "red"], ["red", "red", "blue"]


@pytest.mark.parametrize(
    ("columns", "coders"),
    [
        ({"x": A, "y": B}, ["x", "y"]),
        ({"x": [0, 1, 1], "y": [1, 1, 0]}, ["x", "y"]),
        ({"x": A, "anna": B}, ["x", "anna"]),
        ({"code_x": A, "code_y": B}, ["code_x", "code_y"]),
        ({"x": [0.25, 0.5, 3.5], "y": [1.5, 2.5, 9], "anna": B}, ["anna"]),  # places on a map
        ({"x": [12, 40, 7], "y": [1, 9, 30], "anna": ["1", "0", "1"]}, ["anna"]),
        ({"x": [0, 1, 1], "y": [1, 1, 0], "cluster": [0, 1, 1], "anna": [1, 0, 1]}, ["anna"]),
        ({"path_x": ["a.png", "b.png", "c.png"], "path_y": ["a.png", "b.png", "c.png"], "anna": A}, ["anna"]),
    ],
)
def test_coders_may_be_called_x_and_y(columns, coders):
    assert read_coded(pd.DataFrame({"id": ["a", "b", "c"], **columns})).coders == coders


def test_a_column_of_the_design_that_a_merge_has_doubled_is_refused():
    table = pd.DataFrame({"id": ["a", "b", "c"], "inclusion_prob_x": [0.5] * 3, "inclusion_prob_y": [1] * 3, "anna": A})
    with pytest.raises(
        ValueError, match=r"has the column 'inclusion_prob_x', .* rename the one .* to 'inclusion_prob'"
    ):
        read_coded(table)
