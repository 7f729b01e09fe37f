"""Tables meet items: by path, name or index, never by accident."""

import decimal
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre.inputs.alignment import (
    ItemIndex,
    id_texts,
    item_ids,
    json_value,
    missing_texts,
    per_item,
    same_table,
    sent_ids,
)
from daguerre.inputs.names import existing_path

PATHS = ["/data/coded/blue/000.jpg", "/data/coded/blue/001.jpg", "/data/coded/red/000.jpg", "/data/coded/red/002.jpg"]
NAMES = sent_ids(PATHS)


def aligned(targets: Any, paths: list[str], names: list[str], source: Any = None) -> list[Any]:
    return ItemIndex(paths, names, source).column("targets", targets)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (pd.NA, None),
        (pd.NaT, None),
        (None, None),
        (float("nan"), None),
        (np.float32("nan"), None),
        (np.datetime64("NaT"), None),
        (decimal.Decimal("NaN"), None),
        (decimal.Decimal("sNaN"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(2.5), 2.5),
        (decimal.Decimal("1.0"), "1.0"),
        (float("inf"), "inf"),
        (b"caf\xc3\xa9", "café"),
        (9007199254740993, "9007199254740993"),  # a double, which gRPC has, would be another number
        ("NA", "NA"),  # the server says what it is
    ],
)
def test_codes_are_values_of_json(value, code):
    assert json_value(value) == code
    assert type(json_value(value)) is type(code)


def test_an_array_is_no_code():
    with pytest.raises(TypeError, match=r"shape \(2,\)"):
        json_value(np.zeros(2))


@pytest.mark.parametrize(
    "dtype", ["Int64", "Float64", "boolean", "string", "category", "object", "int64", "float64", "float32"]
)
def test_columns_of_every_dtype_are_read(dtype):
    values = ["1", "0"] * 2 if dtype == "string" else [1, 0] * 2
    column = pd.Series(values, index=PATHS).astype(dtype)
    expected = [str(v) if dtype == "string" else v for v in values]
    assert aligned(column, PATHS, NAMES) == expected
    if dtype not in ("int64",):
        column = column.astype(object).where([True, False, True, True], None).astype(dtype)
        assert aligned(column, PATHS, NAMES)[1] is None


KEYS = {
    "path": lambda i: PATHS[i],
    "below the folder": lambda i: NAMES[i],
    "end of the path": lambda i: "coded/" + NAMES[i],
    "backslashes": lambda i: NAMES[i].replace("/", "\\"),
    "with a dot": lambda i: "./" + NAMES[i],
    "two slashes": lambda i: NAMES[i].replace("/", "//"),
    "from the working folder": lambda i: os.path.relpath(PATHS[i]),
    "Path": lambda i: Path(NAMES[i]),
}


@pytest.mark.parametrize("form", KEYS)
def test_paths_match_in_every_form(form):
    keys = [KEYS[form](i) for i in (3, 0, 2, 1)]
    for table in (dict(zip(keys, "dacb", strict=True)), pd.Series(list("dacb"), index=keys)):
        assert aligned(table, PATHS, NAMES) == list("abcd")


def test_both_forms_of_an_accent_match(tmp_path):
    composed, apart = (unicodedata.normalize(form, "fotos/café.jpg") for form in ("NFC", "NFD"))
    assert composed != apart
    for path, key in ((composed, apart), (apart, composed)):
        assert aligned({key: 1}, [f"/x/{path}"], [path]) == [1]
        assert aligned({os.path.basename(key): 1}, [f"/x/{path}"], [path]) == [1]
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
        found = existing_path(str(tmp_path / key).replace("fotos/", "fotos\\"))
        assert unicodedata.normalize("NFC", found) == str(tmp_path / composed)
        (tmp_path / path).unlink()


@pytest.mark.parametrize("given", [{"000.jpg": 1}, pd.Series([1], index=["000.jpg"])])
def test_a_file_name_in_two_folders_is_refused_with_both_paths(given):
    with pytest.raises(
        ValueError, match=r"targets: '000.jpg' names 2 files, '.*blue/000.jpg' and '.*red/000.jpg'; give"
    ):
        aligned(given, PATHS, NAMES)
    assert aligned({"001.jpg": 1, "red/000.jpg": 2}, PATHS, NAMES) == [None, 1, 2, None]


def test_the_path_from_the_top_is_taken_before_the_end_of_another():
    paths = ["/d/a.jpg", "/d/below/a.jpg"]
    assert aligned({"a.jpg": 1}, paths, sent_ids(paths)) == [1, None]


def test_a_series_goes_by_its_index_and_not_by_its_order():
    items = pd.Series(PATHS, index=[9, 4, 7, 5])
    codes = pd.Series(list("abcd"), index=items.index)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        assert aligned(codes.iloc[order], PATHS, NAMES, source=items) == list("abcd")
    assert aligned(codes.iloc[:2], PATHS, NAMES, source=items) == ["a", "b", None, None]
    with pytest.raises(ValueError, match="1 of 4 match no item, the first is for 3"):
        aligned(codes.rename({9: 3}), PATHS, NAMES, source=items)
    by_path = pd.Series(list("dcba"), index=PATHS[::-1])
    assert aligned(by_path, PATHS, NAMES, source=items) == list("abcd")
    with pytest.raises(
        ValueError, match=r"labels are the numbers 0 to 3, and the items are files; give table.set_index"
    ):
        aligned(pd.Series(list("abcd")), PATHS, NAMES, source=PATHS)
    numbers = ["0", "1", "2"]
    assert aligned(pd.Series(list("abc")), numbers, numbers, source=["x", "y", "z"]) == list("abc")
    with pytest.raises(ValueError, match=r"a Series goes by its index, whose first label is 2.*the same index"):
        aligned(pd.Series(list("abc"), index=[2, 0, 1]), numbers, numbers, source=["x", "y", "z"])
    named = ["t0", "t1", "t2"]
    assert aligned(pd.Series(list("cab"), index=["t2", "t0", "t1"]), numbers, named) == list("abc")
    assert aligned(pd.Series(list("cab"), index=[3.0, 1.0, 2.0]), numbers, ["1", "2", "3"]) == list("abc")


def test_files_are_found_by_path_whatever_their_ids():
    labels = ["9", "4", "7", "5"]
    index = ItemIndex(PATHS, labels, pd.Series(PATHS, index=[9, 4, 7, 5]))
    assert index.column("targets", {"red/002.jpg": "d", PATHS[0]: "a", "7": "c"}) == ["a", None, "c", "d"]
    texts = ItemIndex(labels, labels, PATHS)  # texts that happen to look like paths
    with pytest.raises(ValueError, match="match no item"):
        texts.column("targets", {PATHS[0]: "a"})


def test_a_list_has_no_place_beside_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    for source in (str(tmp_path), tmp_path, str(tmp_path / "*.jpg"), [tmp_path / "a"]):
        for codes in (list("abcd"), tuple("abcd"), iter("abcd")):
            with pytest.raises(ValueError, match=r"got a list for the (folder|glob) .*give a mapping or a Series"):
                aligned(codes, PATHS, NAMES, source=source)
        assert aligned(dict.fromkeys(NAMES, "a"), PATHS, NAMES, source=source) == ["a"] * 4
    index = ItemIndex(PATHS, NAMES, tmp_path)
    assert index.column("targets", pd.array([1, None, 0, 1], dtype="Int64")) == [1, None, 0, 1]
    assert "by the order of the files, sorted by path: the first is 1 for 'blue/000.jpg'" in index.remarks[0]
    assert aligned(list("abcd"), PATHS, NAMES, source=PATHS) == list("abcd")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"a", "b"}, "got a set"),
        ("abcd", "got a str"),
        (pd.DataFrame({"x": [1], "y": [2]}), "a table of 2 columns; give one"),
        ([1, 2], "2 for 4 items"),
        ({"blue/000.jpg": 1, "/data/coded/blue/000.jpg": 2}, "'blue/000.jpg' has two values, 1 for"),
        (pd.Series([1, 2], index=["blue/001.jpg"] * 2), "'blue/001.jpg' has two values, 1 for"),
        ({"green/000.jpg": 1, "gone.jpg": 2}, "2 of 2 match no item, the first is for 'green/000.jpg'"),
        ({"blue/001": 1}, "there is '001.jpg': give file names with their endings"),
        (
            {1: 1, 2: 2},
            "2 of 2 match no item, the first is for 1; there is '001.jpg', a different id.*zeros at the front",
        ),
        ({"2.jpg": 2}, "zeros at the front were lost"),
        ({None: 2}, "key: 1 of 1 are missing"),
    ],
)
def test_what_fits_no_item_is_refused(given, why):
    with pytest.raises((ValueError, TypeError), match=why):
        aligned(given, PATHS, NAMES)


def test_equal_values_for_one_item_are_one():
    assert aligned({"blue/001.jpg": 1, PATHS[1]: 1.0}, PATHS, NAMES) == [None, 1, None, None]


def test_ids_are_texts_and_none_is_missing():
    assert id_texts([1.0, 2, "007", np.int64(4), np.float64(5)], "ids") == ["1", "2", "007", "4", "5"]
    assert item_ids(pd.Series([3.0, 4.0]), ["a", "b"]) == ["3", "4"]
    for absent in (None, np.nan, pd.NA):
        with pytest.raises(ValueError, match=r"ids: 1 of 2 are missing, the first is \[1\]"):
            item_ids(["a", absent], ["x", "y"])


def test_values_in_order_are_those_of_a_series_by_its_index():
    assert per_item("same", pd.Series([1, 0, 1], index=[2, 0, 1]), 3) == [0, 1, 1]
    with pytest.raises(ValueError, match="whose first label is 5"):
        per_item("same", pd.Series([1, 0], index=[5, 0]), 2)
    table = pd.DataFrame({"coder": list("ab"), "code": [1, 2]})
    same_table(coder=table["coder"], code=table["code"], item=["x", "y"])
    with pytest.raises(ValueError, match="code: its index differs from that of coder"):
        same_table(coder=table["coder"], code=table["code"][::-1])


def test_weights_are_needed_of_every_item():
    index = ItemIndex(PATHS, NAMES)
    with pytest.raises(ValueError, match=r"weights: 3 of 4 items have none, the first is 'blue/001.jpg'"):
        index.column("weights", {"blue/000.jpg": 1.0}, whole=True)


def test_no_missing_texts_are_one_empty_text():
    assert (missing_texts(None), missing_texts([]), missing_texts(("-9",))) == (None, [""], ["-9"])
    with pytest.raises(TypeError, match="missing: got a str"):
        missing_texts("NA")


@given(st.permutations(range(4)), st.lists(st.sampled_from(list(KEYS)), min_size=4, max_size=4))
def test_the_order_of_a_table_and_the_form_of_its_paths_make_no_difference(order, forms):
    table = {KEYS[forms[i]](i): i for i in order}
    assert aligned(table, PATHS, NAMES) == [0, 1, 2, 3]
