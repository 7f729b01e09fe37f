"""Base64 in pieces gives what the standard library gives at once."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pipelines import base64_text
from service.pipelines.base64_text import decode


@given(st.binary(max_size=200), st.integers(1, 50))
def test_pieces_give_the_same_bytes(data: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base64_text, "PIECE", piece)
        text = base64.b64encode(data).decode()
        assert decode(text) == data
        assert decode("\n ".join(text), blanks=True) == data


@given(st.text("AQgz=+/ \n-é", max_size=40), st.integers(1, 10))
def test_the_same_texts_are_refused(text: str, piece: int) -> None:
    try:
        expected = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        expected = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base64_text, "PIECE", piece)
        try:
            found = decode(text)
        except ValueError:
            found = None
    assert found == expected
