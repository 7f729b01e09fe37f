"""JSON of answers: the same as orjson makes at once, whatever the size of its pieces."""

import base64
import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pipelines import answers

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
ARRAYS = st.lists(st.floats(width=32, allow_nan=False), max_size=30).map(lambda values: np.array(values, np.float32))
VALUES = st.recursive(
    SCALARS | ARRAYS | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=60,
)


def at_once(value: Any) -> bytes:
    def default(each: Any) -> str:
        return base64.b64encode(each).decode()

    return orjson.dumps(value, default=default, option=orjson.OPT_SERIALIZE_NUMPY)


@given(answer=st.dictionaries(st.text(), VALUES, max_size=6), size=st.integers(1, 40))
def test_pieces_are_the_same_json(answer: dict[str, Any], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "AT_ONCE", size)
        assert answers.to_json(answer) == at_once(answer)


def test_no_piece_of_a_large_answer_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frames = [{"index": i, "scores": row, "shot": None} for i, row in enumerate(rng.random((2000, 50)))]
    neighbours = [{"index": i, "neighbours": [{"index": j, "cosine": 0.5} for j in range(300)]} for i in range(300)]
    answer = {"data": [{"video": {"frames": frames}}, *neighbours], "ids": [str(i) for i in range(200_000)]}
    sizes = []
    dumps = answers._dumps

    def counted(value: Any) -> bytes:
        sizes.append(len(made := dumps(value)))
        return made

    monkeypatch.setattr(answers, "_dumps", counted)
    made = answers.to_json(answer)
    assert max(sizes) < 1_500_000
    assert json.loads(made) == json.loads(at_once(answer))
