"""Non-maximum suppression, by its definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analysers.boxes import overlaps, suppress

sides = st.tuples(*[st.integers(0, 9)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)
boxes = st.lists(st.tuples(sides, st.integers(0, 2)), max_size=15)


def by_counting(a, b) -> float:
    """Overlap of two boxes of whole numbers: cells of a grid in both, and in either."""
    first, second = ({(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (a, b))
    return len(first & second) / len(first | second) if first | second else 0.0


@given(boxes)
@settings(max_examples=40)
def test_the_overlap_is_the_share_of_cells_in_both(found):
    for box, _ in found:
        others = np.array([other for other, _ in found], float)
        np.testing.assert_allclose(
            overlaps(np.array(box, float), others), [by_counting(box, other) for other, _ in found]
        )


@given(boxes, st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.integers(1, 30))
@settings(max_examples=60)
def test_a_box_stays_if_it_overlaps_none_of_its_label_that_stays_before_it(found, largest, most):
    expected: list[int] = []
    for index, (box, label) in enumerate(found):
        before = [found[i][0] for i in expected if found[i][1] == label]
        if all(by_counting(box, other) <= largest for other in before):
            expected.append(index)
    array = np.array([box for box, _ in found], float).reshape(-1, 4)
    labels = np.array([label for _, label in found], int)
    assert suppress(array, labels, largest, most) == expected[:most]
