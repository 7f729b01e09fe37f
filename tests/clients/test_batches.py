"""Vectors for batches of rows, as datasets hands them over."""

import numpy as np
import pytest

import daguerre
from daguerre.errors import DaguerreWarning
from tests.e2e.harness import Server


def test_rows_without_a_vector_are_told_with_the_reason_and_the_way_out(inline: Server) -> None:
    words = {"caption": ["a street protest"]}
    with pytest.warns(
        DaguerreWarning, match=r"caption: 1 of 1 have no vector.*a street protest.*give kind=\"text\""
    ) as told:
        made = daguerre.embed_batch(words, column="caption", url=inline.url)
    assert made == {"embedding": [None]}
    assert [each.filename for each in told] == [__file__]
    (vector,) = daguerre.embed_batch(words, column="caption", kind="text", url=inline.url)["embedding"]
    (same,) = daguerre.embed_batch({"text": words["caption"]}, url=inline.url)["embedding"]
    np.testing.assert_array_equal(vector, same)
