"""Blurred faces: what is left of them, and where a picture is changed."""

import io

import numpy as np
import pytest
from PIL import Image

from models.images.face_blur import CELLS, GROWTH, with_blurred
from models.images.thumbnail import blur_of, copy, is_blurred, thumbnail


def test_an_ellipse_is_blurred_and_nothing_else_is_changed():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    box = np.array([[100.0, 50.0, 180.0, 150.0]])
    made = np.asarray(with_blurred(picture, box), int)
    y, x = np.mgrid[:200, :300]
    inside = ((x + 0.5 - 140) / (40 * GROWTH)) ** 2 + ((y + 0.5 - 100) / (50 * GROWTH)) ** 2
    changed = (made != np.asarray(picture)).any(-1)
    assert changed[inside < 0.95].mean() > 0.98
    assert not changed[inside > 1.06].any()
    kept = made[60:140, 110:170]  # noise of a deviation of 74 is averaged to a few cells
    assert kept.std() < 15
    assert np.abs(np.diff(kept, axis=1)).max() <= 3


def test_two_faces_that_differ_within_the_cells_alone_are_blurred_to_the_same():
    rng = np.random.default_rng(1)
    side = 80 * CELLS // 4
    cells = rng.integers(60, 190, (CELLS, CELLS, 3)).repeat(side // CELLS, 0).repeat(side // CELLS, 1)
    detail = np.tile([[20, -20], [-20, 20]], (side // 2, side // 2))[..., None]
    faces = [Image.fromarray(pixels.astype(np.uint8)) for pixels in (cells, cells + detail)]
    grown = side / GROWTH
    box = np.array([[(side - grown) / 2, (side - grown) / 2, (side + grown) / 2, (side + grown) / 2]])
    one, two = (np.asarray(with_blurred(face, box), int)[20:60, 20:60] for face in faces)
    assert np.abs(one - two).max() <= 1


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 30), (290, 190, 500, 400), (400, 400, 500, 500), (10, 10, 10.5, 10.5), (np.nan, 0, 1, 1)]
)
def test_boxes_at_the_edges_and_outside(box):
    picture = Image.new("RGB", (300, 200), "red")
    assert with_blurred(picture, np.array([box])).size == picture.size


def test_thumbnails_and_copies_say_how_they_are_blurred():
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (100, 160, 3), np.uint8))
    none = np.zeros((0, 4))
    for make in (thumbnail, copy):
        assert blur_of(make(picture)) is None
        assert blur_of(make(picture, faces=none)) == "faces"
        assert blur_of(make(picture, blurred=True)) == "picture"
    assert is_blurred(thumbnail(picture, faces=none))
    small = Image.open(io.BytesIO(thumbnail(picture, side=80, faces=np.array([[40.0, 20, 120, 80]]))))
    assert small.size == (80, 50)
    pixels = np.asarray(small, int)
    assert pixels[20:30, 30:50].std() < pixels[:, :8].std() / 2
    assert Image.open(io.BytesIO(copy(picture, faces=none))).size == (160, 100)
