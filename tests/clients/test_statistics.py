"""Tables for Stata and SPSS, read by pandas, by R's foreign and haven where they are installed, and by hand."""

import csv
import io
import math
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from click.testing import CliRunner

from daguerre import RemarkWarning, write_statistics
from daguerre.cli import main

TABLE = {
    "id": ["a.jpg", "b.jpg", "cé.jpg", "d.jpg"],
    "label": ["a street protest", "none", "", "none"],
    "a street protest": [0.75, 0.25, math.nan, 0.1],
    "if": [1, 2, 3, 4],
    "Größe: " + "x" * 40: [1.5, 2.5, 3.5, 4.5],
    "Grosse: " + "x" * 40: [1, 1, 1, 1],
    "note": ["one", "two", "three", "four"],
}
FORMAT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


@pytest.fixture
def written(tmp_path):
    for suffix in ("dta", "sav", "csv"):
        with pytest.warns(RemarkWarning, match="'a street protest' is a_street_protest, 'if' is if_"):
            write_statistics(TABLE, tmp_path / f"out.{suffix}")
    return tmp_path


def test_pandas_reads_the_file_of_stata(written):
    frame = pd.read_stata(written / "out.dta")
    assert list(frame.columns[:4]) == ["id", "label", "a_street_protest", "if_"]
    assert all(FORMAT.fullmatch(name) for name in frame.columns)
    assert len({name.casefold() for name in frame.columns}) == len(TABLE)
    assert list(frame["id"]) == TABLE["id"]
    assert [None if pd.isna(each) else each for each in frame["label"]] == ["a street protest", "none", None, "none"]
    np.testing.assert_array_equal(frame["a_street_protest"], TABLE["a street protest"])
    assert list(frame["note"]) == TABLE["note"]  # texts that do not repeat are texts
    with pd.io.stata.StataReader(written / "out.dta") as reader:
        labels = reader.variable_labels()
        assert list(reader.value_labels().values()) == [{1: "a street protest", 2: "none"}]
    assert [labels[name] for name in frame.columns] == list(TABLE)


def test_the_file_of_spss_has_value_labels(written):
    frame, about = pyreadstat.read_sav(written / "out.sav")
    assert about.variable_value_labels == {"label": {1.0: "a street protest", 2.0: "none"}}
    assert about.column_labels == list(TABLE)
    np.testing.assert_array_equal(frame["label"], [1, 2, math.nan, 2])
    assert list(frame["id"]) == TABLE["id"]


def test_the_do_file_applies_the_table_of_labels(written):
    """Its statements, read with Stata's quotes, give the texts back."""
    rows, labels = (
        list(csv.DictReader(io.StringIO((written / name).read_text(encoding="utf-8"))))
        for name in ("out.csv", "out.labels.csv")
    )
    told = (written / "out.do").read_text(encoding="utf-8")
    defined = dict(re.findall(r"label define label_l (\d+) `\"(.*)\"', modify", told))
    assert defined == {row["value"]: row["label"] for row in labels}
    assert [defined.get(row["label"], "") for row in rows] == TABLE["label"]
    assert "label values label label_l" in told
    first = 'import delimited using "out.csv", varnames(1) case(preserve) encoding("utf-8") stringcols(1 7) clear\n'
    assert told.startswith(first)  # texts are texts, even 007


def test_no_text_is_a_macro_of_stata(tmp_path):
    write_statistics({"x": ["`a'", "$b", "c\"'d", "`a'"] * 2}, tmp_path / "out.csv")
    told = (tmp_path / "out.do").read_text()
    texts = re.findall(r"label define x_l \d+ `\"(.*)\"', modify", told)
    assert sorted(texts) == ["'a'", "\\$b", "c\" 'd"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_the_files(written):
    code = """
    for (package in c("haven", "foreign")) if (requireNamespace(package, quietly = TRUE)) {
      if (package == "haven") {
        for (x in list(haven::read_dta("out.dta"), haven::read_sav("out.sav")))
          stopifnot(identical(as.character(haven::as_factor(x$label)), c("a street protest", "none", NA, "none")))
      } else {
        y <- suppressWarnings(foreign::read.spss("out.sav", to.data.frame = TRUE))
        stopifnot(identical(trimws(as.character(y$label)), c("a street protest", "none", NA, "none")))
      }
      cat(package, "")
    }"""
    done = subprocess.run(["Rscript", "-e", code], cwd=written, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if not done.stdout.strip():
        pytest.skip("neither haven nor foreign is installed")


def test_vectors_are_variables(inline, photos, tmp_path):
    from daguerre import Client

    with Client(inline.url, progress=False) as client:
        made = client.embed(photos)
    made.to_parquet(tmp_path / "photos.parquet")
    command = ["export", str(tmp_path / "photos.parquet"), "--for", "stata", "-o", str(tmp_path / "photos.dta")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    frame = pd.read_stata(tmp_path / "photos.dta")
    assert list(frame.columns[[0, 1, -1]]) == ["id", "v1", f"v{made.vectors.shape[1]}"]
    np.testing.assert_array_equal(frame.drop(columns="id").to_numpy(np.float32), made.vectors)


@pytest.mark.parametrize(
    ("table", "name", "message"),
    [
        ({"id": ["a"], "text": ["x" * 3000]}, "a.dta", "has a text of 3,000 bytes, and 2,045 are the limit"),
        ({"id": ["a"]}, "a.xls", "name a .dta, .sav or .csv"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, table, name, message):
    with pytest.raises(ValueError, match=message):
        write_statistics(table, tmp_path / name)


CODES = {
    "post": ["1700000000000000001", "1700000000000000002"],  # a double has the same for both
    "zip": ["007", "01234"],
    "group": ["1_000", "2_000"],
    "time": ["1732999999", "1732999998"],
    "share": [0.1234567890123, math.inf],
    "str5": [1, 2],
    "answer " * 6: ["agree", "agree"],
}


@pytest.mark.parametrize("suffix", ["dta", "sav", "csv"])
def test_no_digit_of_a_code_is_lost(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    with pytest.warns(RemarkWarning, match="not valid there"):
        write_statistics(CODES, path)
    if suffix == "csv":
        frame = pd.read_csv(path, dtype={"post": str, "zip": str, "group": str}).fillna({"share": math.nan})
        coded = pd.read_csv(tmp_path / "out.labels.csv", dtype=str)
        texts = {name: list(rows["label"]) for name, rows in coded.groupby("variable")}
        names = re.findall(r"label define (\S+)", (tmp_path / "out.do").read_text())
        assert all(FORMAT.fullmatch(name) for name in names)
    else:
        frame, about = getattr(pyreadstat, f"read_{suffix}")(path)
        texts = {name: list(labels.values()) for name, labels in about.variable_value_labels.items()}
    for name in ("post", "zip", "group"):
        assert texts.get(name, list(frame[name])) == CODES[name]
    assert list(frame["time"]) == [1732999999, 1732999998]
    assert frame["share"][0] == 0.1234567890123
    assert math.isnan(frame["share"][1])
    assert "str5_" in frame
