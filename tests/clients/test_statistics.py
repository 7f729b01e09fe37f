"""Tables for Stata and SPSS, read by pandas, by R's foreign and haven where they are installed, and by hand."""

import csv
import datetime
import io
import math
import re
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
LARGE = {
    "id": [2**60 + 1, 2, 3],
    "post": [2**53 + 1, 1234567890123456789, 5],
    "n": [123456789012, 2**53, -(2**53)],
    "narrow": np.array([0.1, 1 / 3, 2], np.float32),
    "wide": [0.1, 1 / 3, 1e300],
    "ratio": [1.0, math.inf, -math.inf],
    "day": np.array(["2020-01-02", "2021-03-04", "NaT"], "datetime64[D]"),
    "made": np.array(["2020-01-02T03:04:05.5", "2021-03-04", "NaT"], "datetime64[ns]"),
    "zip": ["01234", "01234", "99999"],
}
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
NAMES = st.one_of(
    TEXT.map(str.strip).filter(bool),
    st.sampled_from(["x" * 31, "x" * 32, "x" * 40, "X" * 32, "a", "a1", "a10", "str5", "_n", "strL", "with", "1", "é"]),
)
FORMAT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


@pytest.fixture
def written(tmp_path):
    for suffix in ("dta", "sav", "csv"):
        with pytest.warns(RemarkWarning, match="'a street protest' → a_street_protest, 'if' → if_"):
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
    first = 'import delimited using "out.csv", varnames(1) case(preserve) encoding("utf-8") bindquote(strict) asdouble'
    assert told.startswith(f"{first} stringcols(1 7) clear\n")


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
    with pytest.warns(RemarkWarning) as told:
        write_statistics(CODES, path)
    assert [str(each.message).split()[0] for each in told] == ["'post'", "'share'", "renamed,"]
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


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    for suffix in ("dta", "sav", "csv"):
        with pytest.warns(RemarkWarning) as told:
            write_statistics(pd.DataFrame(LARGE), folder / f"out.{suffix}")
        remarks = [str(each.message) for each in told]
        assert any(each.startswith("'post' has 2 whole numbers beyond 2**53") for each in remarks)
        assert any(each.startswith("'ratio' has 2 infinite or too large values") for each in remarks)
    return folder


def test_numbers_are_written_exactly_in_a_csv(large):
    rows = list(csv.DictReader((large / "out.csv").read_text().splitlines()))
    assert [row["n"] for row in rows] == [str(n) for n in LARGE["n"]]
    for name in ("id", "post"):
        assert [row[name] for row in rows] == [str(n) for n in LARGE[name]]
    assert [row["narrow"] for row in rows] == ["0.1", "0.33333334", "2"]
    assert [row["wide"] for row in rows] == ["0.1", "0.3333333333333333", "1e+300"]
    assert [row["ratio"] for row in rows] == ["1", "", ""]
    assert [row["day"] for row in rows] == ["2020-01-02", "2021-03-04", ""]
    assert [row["made"][:21] for row in rows] == ["2020-01-02T03:04:05.5", "2021-03-04T00:00:00", ""]
    assert "asdouble stringcols(1 2 7 8 9) clear" in (large / "out.do").read_text()


@pytest.mark.parametrize("read", [pyreadstat.read_dta, pyreadstat.read_sav])
def test_numbers_and_dates_are_exact_for_stata_and_spss(large, read):
    frame, _ = read(large / f"out.{read.__name__[-3:]}")
    for name in ("n", "narrow", "wide"):
        np.testing.assert_array_equal(frame[name], np.asarray(LARGE[name], float))
    for name in ("id", "post"):
        assert list(frame[name]) == [str(n) for n in LARGE[name]]
    assert list(frame["zip"]) == LARGE["zip"]
    np.testing.assert_array_equal(frame["ratio"], [1, math.nan, math.nan])
    assert list(pd.to_datetime(frame["day"]))[:2] == [pd.Timestamp("2020-01-02"), pd.Timestamp("2021-03-04")]
    assert isinstance(frame["day"][0], datetime.date)
    assert abs(frame["made"][0] - pd.Timestamp(LARGE["made"][0])) < pd.Timedelta(milliseconds=1)
    assert frame[["day", "made"]].isna().to_numpy()[2].all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=12, unique=True), texts=st.lists(TEXT, min_size=2, max_size=2))
def test_every_name_and_label_fits(tmp_path, names, texts):
    """Names are valid and unique in each program, so are those of sets of labels, and every text comes back."""
    table = {name: ["a", "b", "a", "b"] if i % 2 else [1, 2, 3, 4] for i, name in enumerate(names)}
    table["with labels"] = texts * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RemarkWarning)
        for suffix in ("dta", "sav", "csv"):
            write_statistics(table, tmp_path / f"out.{suffix}")
    with pd.io.stata.StataReader(tmp_path / "out.dta") as reader:
        frame = reader.read(convert_categoricals=False)
        sets = reader.value_labels()
    for i, name in enumerate(frame.columns[:-1]):
        assert FORMAT.fullmatch(name)
        assert list(frame[name]) == ([1, 2, 1, 2] if i % 2 else [1, 2, 3, 4])
    assert len({name.casefold() for name in frame.columns}) == len(table)
    assert len(sets) >= len(names) // 2
    _, about = pyreadstat.read_sav(tmp_path / "out.sav")
    assert about.column_names == list(frame.columns)
    assert all(
        labels == {1: "a", 2: "b"} for name, labels in about.variable_value_labels.items() if name != frame.columns[-1]
    )
    for name in re.findall(r"label define (\S+)", (tmp_path / "out.do").read_text()):
        assert len(name) <= 32


def test_an_error_of_the_writer_names_the_column(tmp_path, monkeypatch):
    def refuse(frame, *_, **__):
        if "bad" in frame:
            raise pyreadstat.ReadstatError("A provided name is too long for the file format")

    monkeypatch.setattr(pyreadstat, "write_sav", refuse)
    with pytest.raises(
        ValueError, match=r"out.sav: the column 'bad' cannot be written: A provided name .* write a .csv"
    ):
        write_statistics({"id": ["a"], "bad": [1]}, tmp_path / "out.sav")


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_dates_and_large_numbers(large):
    code = """
    if (requireNamespace("haven", quietly = TRUE)) {
      for (x in list(haven::read_dta("out.dta"), haven::read_sav("out.sav"))) stopifnot(
        identical(format(x$day), c("2020-01-02", "2021-03-04", NA)), inherits(x$made, "POSIXct"),
        identical(x$n[1:2], c(123456789012, 2^53)), identical(x$post[2], "1234567890123456789"), is.na(x$ratio[2:3]))
      cat("haven")
    }"""
    done = subprocess.run(["Rscript", "-e", code], cwd=large, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if not done.stdout.strip():
        pytest.skip("haven is not installed")


def test_a_csv_for_spss_has_its_syntax(tmp_path):
    (tmp_path / "t.csv").write_text("id,the label,score\na,it's,0.5\nb,no,1\nc,no,2\n")
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(main, ["export", str(tmp_path / "t.csv"), "--for", "spss", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert re.search("renamed, since Stata and SPSS allow .*: 'the label' → the_label; the labels", done.output)
    assert not out.with_suffix(".do").exists()
    told = out.with_suffix(".sps").read_text()
    assert "GET DATA /TYPE=TXT /FILE='out.csv'" in told
    assert "  id A1\n  the_label F40.0\n  score F40.0\n" in told
    assert "VALUE LABELS the_label\n  1 'it''s'\n  2 'no'\n" in told
    assert out.read_text() == "id,the_label,score\na,1,0.5\nb,2,1\nc,2,2\n"
