"""Columns of codes and ids: what is missing, and which values are one code."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codes import MISSING, are_quantities, infer_task, lost_zeros, read_codes, read_ids, without_zeros
from models.errors import IdError, TrainingError

NAN = float("nan")


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ([1, 1.0, "1", "1.0", "1.00", np.int8(1), np.float32(1), True], ["1"] * 8),
        ([0, False, "FALSE", "0.0", -0.0, 1], ["0", "0", "0", "0", "0", "1"]),
        ([True, False], ["true", "false"]),
        (["TRUE", "True", True, np.bool_(True), "false"], ["true"] * 4 + ["false"]),
        ([True, 0, 1, 2], ["true", "0", "1", "2"]),  # True is 1 in a column of 0 and 1 alone
        (["yes", 1, "1", "1.0", " yes "], ["yes", "1", "1", "1.0", "yes"]),
        (["007", "7", 7], ["007", "7", "7"]),
        (["1.10", "1.1", 1.1], ["1.10", "1.1", "1.1"]),  # sections of a codebook
        ([0.5, "0.5", 1e20], ["0.5", "0.5", "100000000000000000000"]),
        ([-1, "-1.0", "+1", 1], ["-1", "-1.0", "+1", "1"]),  # +1 is a text, so that the column is one of texts
        ([None, NAN, "", " ", "NA", "nan", "<NA>", "NaT", "None", "x"], [None] * 9 + ["x"]),
        (["none", "na", "x"], ["none", "na", "x"]),
        ([np.datetime64("NaT"), pd.NA, pd.NaT, np.float64("nan"), 1.0], [None] * 4 + ["1"]),
        ([], []),
    ],
)
def test_equal_codes_have_one_name(column, names):
    assert list(read_codes(column).names) == names


def test_texts_that_count_as_missing_are_counted_and_can_be_chosen():
    column = ["NA", "NA", "N/A", None, "a"]
    read = read_codes(column)
    assert (read.taken, read.missing) == ({"NA": 2, "N/A": 1}, 4)
    (remark,) = read.remarks("codes")
    assert remark.startswith("3 of 5 codes count as missing: 2 'NA', 1 'N/A'; ")
    assert read_codes(column, [""]).names == ("NA", "NA", "N/A", None, "a")
    assert read_codes(column, [""]).remarks("codes") == ()
    assert read_codes([-9, "-9.0", "-9", 1], ["-9"]).names == (None, None, None, "1")
    assert read_codes(column, ["NA"]).remarks("codes") == ()
    assert read_codes(column, ["a"]).names == ("NA", "NA", "N/A", None, None)


@given(st.lists(st.sampled_from([0, 1, 2, 3, 10, 250]), min_size=1), st.data())
def test_however_whole_numbers_are_written_the_groups_are_the_same(codes, data):
    """The oracle is pandas, which reads each way of writing as a number."""
    ways = [int, float, str, lambda x: f"{x}.0", np.int64, np.float32, lambda x: f" {x} "]
    written = [data.draw(st.sampled_from(ways))(code) for code in codes]
    names = read_codes(written).names
    assert names == tuple(str(int(number)) for number in pd.to_numeric(pd.Series(written, dtype=object).map(str)))


@given(st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans(), st.floats())))
def test_a_column_that_was_read_reads_the_same(values):
    first = read_codes(values)
    assert len(first.names) == len(values)
    assert all(name is None or (name == name.strip() and name) for name in first.names)
    again = read_codes(first.names)
    if all(name is None or not isinstance(value, bool) for name, value in zip(first.names, values, strict=True)):
        same = [[a == b for b in first.names] for a in first.names]
        assert [[a == b for b in again.names] for a in again.names] == same


def test_a_column_that_pandas_wrote_with_a_gap_equals_the_one_without():
    whole, gap = pd.DataFrame({"code": [1, 0, 1]}), pd.DataFrame({"code": [1, 0, None]})
    cells = [[row[0] for row in csv.reader(io.StringIO(t.to_csv(index=False)))][1:] for t in (whole, gap)]
    assert cells[1][0] == "1.0"
    assert read_codes(cells[0] + cells[1][:2]).names == ("1", "0", "1", "1", "0")


def test_ids_of_numbers_are_texts_and_keep_their_zeros():
    assert read_ids([1.0, 2, "3", "4.0"], "item") == ["1", "2", "3", "4"]
    assert read_ids(["007", "7", 8.0], "item") == ["007", "7", "8"]
    assert read_ids(["NA", "b"], "coder") == ["NA", "b"]  # Namibia is a place
    for absent in (None, NAN, " ", pd.NA):
        with pytest.raises(IdError, match=r"item: 1 of 2 are missing, the first is \[1\]"):
            read_ids(["a", absent], "item")
    assert "'007' and '7' are two ids" in str(lost_zeros(["1", "007", "7"]))
    assert lost_zeros(["10", "1", "100", "a", "0a", "0"]) is None
    assert [without_zeros(id) for id in ("007", "0", "000", "70", "0a")] == ["7", "0", "0", "70", "0a"]


def test_the_task_is_guessed_of_labels_alone():
    assert infer_task(read_codes(["a", "b", None, "a"])) == "binary"
    assert infer_task(read_codes([1, 2, 3])) == "categorical"
    assert infer_task(read_codes([1, "1.0", 0, True])) == "binary"
    assert infer_task(read_codes([True, False])) == "binary"
    for numbers in ([0.5, 1.5], list(range(100)), ["0.5", "1.5"]):
        with pytest.raises(TrainingError, match="continuous"):
            infer_task(read_codes(numbers))


def test_what_is_missing_for_pandas_is_missing_here():
    texts = pd.read_csv(io.StringIO("code,x\n" + "\n".join(f"{text},1" for text in MISSING)))
    assert texts["code"].isna().sum() == len(MISSING) - 1  # NaT is one of a column of times


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["é", "b"], ["e\u0301", "b"]),
        (["yes", "no"], ["yes\u200b", "\ufeffno"]),
        (["100000", "1"], ["1e+05", "1"]),
        ([1200000, 5], ["1.2E+6", "5.0"]),
    ],
)
def test_codes_that_programs_write_differently_are_equal(first, second):
    assert read_codes(first).names == read_codes(second).names


def test_a_missing_number_may_be_written_in_any_way():
    assert read_codes(["99.0", "1.0", "0.0"], ["99"]).names == (None, "1", "0")
    assert read_codes([-9, 1], ["-9.0"]).names == (None, "1")
    assert read_codes(["1e5", "1.5e-1", "2e"], ()).names == ("100000", "1.5e-1", "2e")


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        (["Yes", "no", "yes", "yes"], "'Yes' (1) and 'yes' (2)"),
        (["very good", "very  good", "bad"], "'very good' (1) and 'very  good' (1)"),
        (["very\u00a0good", "very good"], "'very\\xa0good' (1) and 'very good' (1)"),
        (["zero\u200bwidth", "zero width", "zerowidth"], "'zero\\u200bwidth' (1) and 'zero width' (1)"),
        (["\ufb01ne", "fine"], "'\ufb01ne' (1) and 'fine' (1)"),
        (["\uff21", "a"], "'\uff21' (1) and 'a' (1)"),
        (["STRASSE", "Stra\u00dfe"], "'STRASSE' (1) and 'Stra\u00dfe' (1)"),
        (["A", "a", "B", "b", "C"], "'A' (1) and 'a' (1), and 1 more such groups"),
    ],
)
def test_codes_that_differ_only_in_writing_are_remarked(codes, shown):
    (remark,) = read_codes(codes).remarks("codes")
    assert shown in remark
    assert "differ only in capitals, spaces or the forms of characters" in remark


@pytest.mark.parametrize("codes", [["yes ", "yes", " yes"], ["e\u0301", "\u00e9"], ["a", "b"], [1, 2], ["1.10", "1.1"]])
def test_codes_that_are_equal_or_different_are_not(codes):
    assert read_codes(codes).remarks("codes") == ()


def test_remarks_on_long_codes_are_short():
    (remark,) = read_codes(["x" * 1_000_000, "X" * 1_000_000]).remarks("codes")
    assert len(remark) < 400
    assert len(str(lost_zeros(["0" + "7" * 1_000_000, "7" * 1_000_000]))) < 400


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (["1e99", 1e99, "1E+99", "1"], ["1e+99", "1e+99", "1e+99", "1"]),
        (["1e99", "a"], ["1e+99", "a"]),
        (["1e20", 1e20, "1e21"], ["100000000000000000000", "100000000000000000000", "1e+21"]),
    ],
)
def test_a_large_number_keeps_a_name_that_can_be_read(column, names):
    assert list(read_codes(column).names) == names
    assert len(set(names)) == len({read_codes([name, "x"]).names[0] for name in names})


def test_large_numbers_of_a_table_are_quantities():
    assert are_quantities(read_codes([f"{i // 10}.{i % 10}e30" for i in range(10, 100)]))
