"""Reading order of rectangles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.analysers.reading_order import reading_order

Floats = NDArray[np.float64]


def rectangles(boxes: list[tuple[float, float, float, float]]) -> Floats:
    """Corners of x, y, width, height."""
    return np.array([[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes], float).reshape(-1, 4, 2)


def turned(corners: Floats, degrees: float) -> Floats:
    angle = np.radians(degrees)
    result: Floats = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return result


LAYOUTS = {  # in reading order
    "paragraph": [(10, 10 + 30 * n, 300 - 20 * n, 24) for n in range(6)],
    "one row": [(10, 10, 80, 24), (120, 12, 90, 24), (400, 9, 70, 24)],
    "headline, two columns, footer": [
        (10, 0, 500, 30),
        *[(10, 50 + 30 * n, 220, 24) for n in range(5)],
        *[(280, 50 + 30 * n, 220, 24) for n in range(5)],
        (100, 230, 300, 24),
    ],
    "columns whose lines are not on one height": [
        *[(10, 50 + 30 * n, 220, 24) for n in range(5)],
        *[(280, 62 + 30 * n, 220, 24) for n in range(5)],
    ],
    "the second column is shorter": [
        (10, 0, 500, 30),
        *[(10, 50 + 30 * n, 220, 24) for n in range(6)],
        *[(280, 50 + 30 * n, 220, 24) for n in range(3)],
    ],
    "three columns": [(200 * c, 30 * n, 150, 24) for c in range(3) for n in range(4)],
    "meme": [(100, 0, 300, 50), (150, 400, 220, 50)],
}


@pytest.mark.parametrize("degrees", [0, 4, -10, 90, 180, 270])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_read_in_order(name: str, degrees: float) -> None:
    corners = turned(rectangles(LAYOUTS[name]), degrees)  # from the upper left corner of the text on
    mixed = np.random.default_rng(2).permutation(len(corners))
    assert mixed[reading_order(corners[mixed])].tolist() == list(range(len(corners)))


BOX = st.tuples(*[st.integers(0, 500)] * 2, st.integers(10, 300), st.integers(10, 60))


@given(boxes=st.lists(BOX, max_size=25, unique=True), seed=st.integers(0, 9), scale=st.sampled_from([0.5, 1, 4]))
def test_the_order_is_that_of_the_boxes_alone(boxes: list[tuple[int, int, int, int]], seed: int, scale: float) -> None:
    """It does not depend on the order in which they are found, on their place or on their scale."""
    corners = rectangles([tuple(map(float, box)) for box in boxes])  # type: ignore[misc]
    order = reading_order(corners)
    assert sorted(order) == list(range(len(boxes)))
    mixed = np.random.default_rng(seed).permutation(len(boxes))
    np.testing.assert_array_equal(corners[mixed][reading_order(corners[mixed])], corners[order])
    np.testing.assert_array_equal(reading_order(corners * scale + 64), order)


def test_a_thousand_nested_boxes_end() -> None:
    sides = np.arange(1000)
    corners = rectangles([(n, n, 2000 - n, 20) if n % 2 else (n, n, 20, 2000 - n) for n in sides.tolist()])
    assert sorted(reading_order(corners)) == list(range(1000))
