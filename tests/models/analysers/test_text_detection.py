"""Sizes of the map, smallest rectangles, and polygons on a grid."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from models.analysers import convex
from models.analysers.text import SPEC
from models.analysers.text_detection import CANDIDATES, find_regions, map_size, smallest_rectangle

SIDE = st.integers(1, 65_535)


@given(width=SIDE, height=SIDE, long_side=st.sampled_from([320, 960, 1920]))
def test_the_map_is_never_larger_than_a_square(width: int, height: int, long_side: int) -> None:
    size = map_size(width, height, short_side=480, long_side=long_side)
    assert all(side % 32 == 0 and side >= 32 for side in size)
    assert math.prod(size) <= long_side**2
    assert (size[0] >= size[1]) == (width >= height) or size[0] == size[1]


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((640, 480), (640, 480)),
        ((4000, 3000), (960, 704)),  # 720 is no multiple of 32
        ((100, 60), (800, 480)),
        ((1, 1), (480, 480)),
        ((1920, 480), (1920, 480)),
        ((1080, 8000), (352, 2592)),
    ],
)
def test_sizes_of_the_map(picture: tuple[int, int], size: tuple[int, int]) -> None:
    assert map_size(*picture, short_side=480, long_side=960) == size


@given(
    points=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=20),
    degrees=st.floats(0, 180),
)
def test_the_smallest_rectangle_has_all_points_and_no_other_is_smaller(
    points: list[tuple[int, int]], degrees: float
) -> None:
    at = np.array([*points, (0, 0), (1, 0), (0, 1)], float)  # not on one line
    centre, along, size = smallest_rectangle(at)
    assert abs(along[1]) <= abs(along[0]) + 1e-9
    axes = np.array([along, [-along[1], along[0]]])
    assert (np.abs((at - centre) @ axes.T) <= size / 2 + 1e-6).all()
    other = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    extents = np.ptp(at @ other), np.ptp(at @ np.array([-other[1], other[0]]))
    assert size.prod() <= extents[0] * extents[1] + 1e-6


@given(centre=st.tuples(*[st.floats(-5, 45)] * 2), size=st.tuples(*[st.floats(3, 30)] * 2), degrees=st.floats(-45, 45))
def test_means_are_those_of_a_mask(centre: tuple[float, float], size: tuple[float, float], degrees: float) -> None:
    values = np.random.default_rng(8).random((40, 40), np.float32)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(size) / 2
    polygon = corners @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    mask = polygon2mask(values.shape, polygon[:, ::-1])
    (mean,) = convex.means(values, [polygon])
    assert mean == pytest.approx(float(values[mask].mean()) if mask.any() else 0.0, abs=1e-5)


def test_the_share_is_that_of_the_union() -> None:
    square = np.array([(0, 0), (200, 0), (200, 100), (0, 100)], float)
    assert convex.share([square, square + np.array([100, 0])], 400, 300) == pytest.approx(300 * 100 / 120_000, abs=1e-3)
    diamond = np.array([(200, 0), (400, 150), (200, 300), (0, 150)], float)
    assert convex.share([diamond], 400, 300) == pytest.approx(0.5, abs=0.01)
    assert convex.share([], 1, 1) == 0
    assert convex.share([square * 1000], 65_535, 1) == 1


def test_regions_of_a_drawn_map() -> None:
    found = np.zeros((96, 192), np.float32)
    found[20:30, 40:100] = 0.9  # grows by 600 · 1.6 / 140 on each side
    found[60:62, 40:100] = 0.9  # too low
    found[70:90, 120:140] = 0.4  # not sure enough
    (corners,), left_out = find_regions(found, 384, 192, SPEC.settings)
    assert left_out == 0
    growth = 60 * 10 * 1.6 / 140
    expected = (
        np.array([(40, 20), (100, 20), (100, 30), (40, 30)]) + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * growth
    ) * 2
    np.testing.assert_allclose(corners, expected, atol=2)


def test_more_regions_than_candidates_are_counted() -> None:
    found = np.kron(np.ones((40, 40)), np.pad(np.ones((6, 6)), 2)).astype(np.float32)
    regions, left_out = find_regions(found, 400, 400, SPEC.settings)
    assert (len(regions), left_out) == (CANDIDATES, 1600 - CANDIDATES)
