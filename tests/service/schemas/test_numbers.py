"""Vectors as lists of numbers."""

import base64
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.schemas.numbers import packed

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3) | st.none(), min_size=1).filter(any))
def test_lists_of_numbers_are_float32_to_the_bit(rows: list[list[float] | None]) -> None:
    width, data = packed(json.loads(json.dumps(rows)))
    expected = np.array([[np.nan] * 3 if row is None else row for row in rows], "<f4")
    assert width == 3
    assert base64.b64decode(data) == expected.tobytes()
