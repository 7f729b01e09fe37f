"""Headers of .npy files as anybody may write them: read as numpy reads them, or refused, and never anything else."""

import io
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.stores.npy import LONGEST, InvalidArray, read_array, read_header

FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"


def file(header: str | bytes, *, version: tuple[int, int] = (1, 0), length: int | None = None, data: int = 0) -> bytes:
    text = header.encode("latin-1", "replace") if isinstance(header, str) else header
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + size.to_bytes(2 if version == (1, 0) else 4, "little") + text + bytes(data)


BROKEN = {
    "an open brace": file("{"),
    "nothing": b"",
    "the magic alone": b"\x93NUMPY",
    "half a version": b"\x93NUMPY\1",
    "no length": b"\x93NUMPY\1\0",
    "half a length": b"\x93NUMPY\1\0\1",
    "version 9": file(FLOATS % "(2, 3)", version=(9, 9), data=24),
    "version 0": file(FLOATS % "(2, 3)", version=(0, 0), data=24),
    "a negative shape": file(FLOATS % "(-2, -3)", data=24),
    "one negative axis": file(FLOATS % "(-2, 3)"),
    "truth values": file(FLOATS % "(True, 3)", data=12),
    "fractions": file(FLOATS % "(2.0, 3)", data=24),
    "texts": file(FLOATS % "('2', 3)", data=24),
    "a shape of 10**400": file(FLOATS % f"({10**400}, 3)"),
    "a shape of 10**4000": file(FLOATS % f"({'9' * 3900}, 3)"),
    "a shape of 2**62 x 2**62": file(FLOATS % f"({2**62}, {2**62})", data=24),
    "a shape of 2**31 x 2**31": file(FLOATS % f"({2**31}, {2**31})", data=24),
    "a list for a shape": file(FLOATS % "[2, 3]", data=24),
    "a number for a shape": file(FLOATS % "6", data=24),
    "objects": file("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", data=48),
    "objects within": file("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (2, 3), }", data=48),
    "no type": file("{'descr': 'nothing', 'fortran_order': False, 'shape': (2, 3), }"),
    "an empty type": file("{'descr': '', 'fortran_order': False, 'shape': (2, 3), }"),
    "a number for a type": file("{'descr': 4, 'fortran_order': False, 'shape': (2, 3), }"),
    "no bytes per element": file("{'descr': '|V0', 'fortran_order': False, 'shape': (2, 3), }"),
    "fields of nothing": file("{'descr': [], 'fortran_order': False, 'shape': (2, 3), }"),
    "an order that is a number": file("{'descr': '<f4', 'fortran_order': 2, 'shape': (2, 3), }", data=24),
    "another key": file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'a': 1}", data=24),
    "no shape": file("{'descr': '<f4', 'fortran_order': False}", data=24),
    "a header beyond the file": file(FLOATS % "(2, 3)", length=60_000, data=24),
    "a header of 4 GB": file(FLOATS % "(2, 3)", version=(2, 0), length=2**32 - 1, data=24),
    "a long header": file((FLOATS % "(2, 3)").ljust(LONGEST + 1), data=24),
    "nested": file("(" * 2000),
    "signs": file("-" * 3000 + "1"),
    "a null character": file(FLOATS % "(2,\0 3)"),
    "bytes": file(b"\xff\xfe\x00"),
    "code": file("__import__('os').system('true')"),
    "a set": file("{1}"),
    "a short array": file(FLOATS % "(2, 3)", data=23),
    "a long array": file(FLOATS % "(2, 3)", data=25),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(name: str) -> None:
    with pytest.raises(InvalidArray):
        read_array(BROKEN[name])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", "<i4"])
def test_what_numpy_writes_is_read_to_the_bit(version: Any, order: Any, dtype: str) -> None:
    array: NDArray[Any] = np.arange(6).reshape(2, 3).astype(dtype, order=order)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy advises against version 3 where 1 is enough
        np.lib.format.write_array(out, array, version=version)
    read = read_array(out.getvalue())
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@given(st.text(max_size=80), st.sampled_from([(1, 0), (2, 0), (3, 0)]), st.integers(0, 64))
def test_no_text_in_place_of_a_header_is_anything_but_refused(text: str, version: Any, data: int) -> None:
    _refused_or_plain(file(text.encode(), version=version, data=data))


_leaf = st.one_of(st.integers(-(2**70), 2**70), st.booleans(), st.none(), st.text(max_size=5), st.floats())
_value = st.recursive(_leaf, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(inner, max_size=3))


@given(
    st.fixed_dictionaries(
        {
            "descr": st.sampled_from(["<f4", "<f8", "|O", ">f2", "<f16", "<U4", "<M8[s]", "|b1", "<c8"]) | _value,
            "fortran_order": st.booleans() | _value,
            "shape": st.tuples(st.integers(-3, 5), st.integers(-3, 5)) | _value,
        }
    ),
    st.integers(0, 200),
)
def test_no_values_in_a_header_are_anything_but_refused_or_read_as_numpy_reads_them(fields: Any, data: int) -> None:
    _refused_or_plain(file(repr(fields), data=data))


@given(st.binary(max_size=200))
def test_no_bytes_are_anything_but_refused(raw: bytes) -> None:
    _refused_or_plain(raw)
    _refused_or_plain(b"\x93NUMPY" + raw)


def _refused_or_plain(raw: bytes) -> None:
    try:
        header = read_header(io.BytesIO(raw))
        array = read_array(raw)
    except InvalidArray:
        return
    assert header.size == len(raw)
    assert array.shape == header.shape
    expected = np.load(io.BytesIO(raw), allow_pickle=False)
    np.testing.assert_array_equal(array, expected)
