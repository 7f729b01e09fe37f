"""Matches of target faces."""

import numpy as np
import pytest

from models.faces.matches import match_faces

RNG = np.random.default_rng(8)


@pytest.mark.parametrize("top", [1, 4, 40])
def test_a_target_among_the_faces_is_no_match_of_itself(top: int) -> None:
    rows = RNG.standard_normal((40, 16)).astype(np.float32)
    rows[[7, 8]] = rows[3]  # copies of a picture
    rows[9] = rows[3] + 0.01 * RNG.standard_normal(16)  # the same picture, saved again
    targets = np.vstack([rows[:5] * 2, RNG.standard_normal((1, 16))])
    found = match_faces(targets, rows, list("abcdef"), [str(i) for i in range(40)], 0.2, top)
    assert found.itself.tolist() == [1, 1, 1, 3, 1, 0]
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = targets / np.linalg.norm(targets, axis=1, keepdims=True) @ units.T
    for target, own in enumerate(([0], [1], [2], [3, 7, 8], [4], [])):
        cosines[target, own] = -2
        order = np.argsort(-cosines[target], kind="stable")[: min(top, 40 - len(own))]
        assert [i for i, _ in found.faces[target]] == order.tolist()
        assert found.counts[target] == (cosines[target] >= 0.2).sum()
    assert found.faces[3][0][0] == 9


def test_a_face_that_is_compared_with_itself_alone_has_no_match() -> None:
    found = match_faces(np.ones((1, 4)), np.ones((3, 4)), ["a"], list("abc"), 1.0, 2)
    assert (found.faces, found.counts.tolist(), found.itself.tolist()) == (((),), [0], [3])


def test_a_threshold_that_is_copied_from_an_answer_counts_the_faces_that_it_marks() -> None:
    rows, targets = RNG.standard_normal((60, 128)), RNG.standard_normal((40, 128))
    names, ids = [str(i) for i in range(40)], [str(i) for i in range(60)]
    found = match_faces(targets, rows, names, ids, 0.0, 60)
    for target in range(40):
        for place in (0, 7, 59):
            copied = found.faces[target][place][1]
            again = match_faces(targets[[target]], rows, ["t"], ids, copied, 60)
            assert again.counts.tolist() == [sum(again.is_match(cosine) for _, cosine in again.faces[0])]
            assert again.counts[0] >= place + 1
