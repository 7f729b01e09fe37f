"""Padding and resizing without the square, against scikit-image on the square."""

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.transform import resize

from models.analysers.padded import padded_square


def expected(picture: Image.Image, side: int) -> np.ndarray:
    """The padded square, resized by scikit-image, in units of 0..255."""
    pixels = np.asarray(picture).astype(np.float64)
    square = np.zeros((max(picture.size), max(picture.size), 3))
    square[: pixels.shape[0], : pixels.shape[1]] = pixels
    return resize(square, (side, side), order=1, anti_aliasing=True)


@pytest.mark.parametrize(
    "size", [(512, 512), (451, 300), (100, 400), (600, 90), (97, 31), (40, 64), (64, 64), (63, 1), (1, 700), (2, 2)]
)
def test_pixels_are_those_of_scikit_image_on_the_padded_square(size):
    picture = Image.fromarray(data.astronaut()).crop((30, 30, 30 + 512, 30 + 512)).resize(size)
    ours = padded_square(picture, 64)
    assert (ours.shape, ours.dtype) == ((64, 64, 3), np.uint8)
    assert np.abs(ours - expected(picture, 64)).max() < 0.501  # they are rounded


def test_noise_too():
    noise = np.random.default_rng(0).integers(0, 256, (333, 500, 3), np.uint8)
    assert np.abs(padded_square(Image.fromarray(noise), 96) - expected(Image.fromarray(noise), 96)).max() < 0.501


@pytest.mark.parametrize("size", [(65_535, 1), (1, 65_535), (1, 1)])
def test_strips_need_little_memory(size):
    """The square of a strip would have 13 GB."""
    made = padded_square(Image.new("RGB", size, (200, 100, 50)), 96)
    assert made.shape == (96, 96, 3)
    if size == (1, 1):
        assert (made == (200, 100, 50)).all()
