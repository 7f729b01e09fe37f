"""Crops. Oracle: Pillow's own crop of the upright picture, saved as PNG and opened as any other image."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import InvalidImage
from models.images.crops import Crop
from models.images.decoding import ImageLimits, load_pixels, open_rgb
from models.images.preprocess import Preprocess
from tests.models import image_samples as samples

LIMITS = ImageLimits()
TARGET = Preprocess(size=64, resize="shortest_edge", crop=True)
ORDINARY = samples.ordinary()
FINITE = st.floats(-1e308, 1e308) | st.floats(-200, 400)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("decode", ["exact", "scaled"])
@pytest.mark.parametrize("name", ORDINARY)
def test_a_crop_has_the_pixels_that_pillow_cuts(name: str, decode):
    whole = open_rgb(ORDINARY[name], limits=LIMITS)
    w, h = whole.size
    crop = Crop(x=w // 4, y=h // 5, width=w // 2, height=h // 3)
    theirs = png(whole.crop((w // 4, h // 5, w // 4 + w // 2, h // 5 + h // 3)))
    ours = load_pixels(ORDINARY[name], TARGET, limits=LIMITS, decode=decode, crop=crop)
    assert (ours == load_pixels(theirs, TARGET, limits=LIMITS)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("decode", ["exact", "scaled"])
def test_a_crop_is_of_the_upright_picture(orientation: int, decode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    photo(900, 600).save(out, "JPEG", exif=exif)
    whole = open_rgb(out.getvalue(), limits=LIMITS)
    crop = Crop(x=50, y=400, width=200, height=170)
    cut = open_rgb(out.getvalue(), limits=LIMITS, decode=decode, target=TARGET, crop=crop)
    assert (np.array(cut) == np.array(whole)[400:570, 50:250]).all()


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        ((0, 0, 300, 200), (0, 0, 300, 200)),
        ((-50, -20, 100, 100), (0, 0, 50, 80)),
        ((250, 150, 1e308, 1e308), (250, 150, 300, 200)),
        ((100, 100, 10, 20, 0.5), (95, 90, 115, 130)),
        ((100, 100, 10, 20, 1.0), (90, 80, 120, 140)),
        ((10.5, 10.49, 1, 1), (11, 10, 12, 11)),
        ((299, 199, 1, 1), (299, 199, 300, 200)),
        ((310, 10, 20, 20, 1.0), (290, 0, 300, 50)),
    ],
)
def test_edges_are_rounded_and_cut_off(crop, box):
    made = Crop(**dict(zip(("x", "y", "width", "height", "margin"), crop, strict=False)))
    assert made.box((300, 200)) == box


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ((0, 0, 0.5, 20), "at least 1 x 1"),
        ((0, 0, 20, 0), "at least 1 x 1"),
        ((0, 0, -5, 20), "at least 1 x 1"),
        ((0.1, 0.1, 0.8, 0.8, 1.0), "not as shares"),
        ((300, 0, 20, 20), "no pixel of the picture of 300 x 200"),
        ((0, -20, 20, 20), "no pixel"),
        ((299.7, 0, 20, 20), "no pixel"),
        ((-1e308, 0, 20, 20), "no pixel"),
    ],
)
def test_a_crop_without_a_pixel_is_an_error(crop, message):
    made = Crop(**dict(zip(("x", "y", "width", "height", "margin"), crop, strict=False)))
    with pytest.raises(InvalidImage, match=message) as caught:
        open_rgb(png(photo(300, 200)), limits=LIMITS, crop=made)
    assert caught.value.code == "invalid_crop"


def test_the_limits_hold_for_a_crop_as_for_its_pixels():
    with pytest.raises(InvalidImage, match="crop is 300 x 2 pixels"):
        open_rgb(png(photo(300, 200)), limits=LIMITS, crop=Crop(x=0, y=0, width=300, height=2))


@settings(max_examples=300, deadline=None)
@given(x=FINITE, y=FINITE, width=FINITE, height=FINITE, margin=st.floats(0, 1))
def test_any_numbers_give_pixels_of_the_picture_or_an_error(x, y, width, height, margin):
    crop = Crop(x=x, y=y, width=width, height=height, margin=margin)
    try:
        left, upper, right, lower = crop.box((300, 200))
    except InvalidImage:
        return
    assert 0 <= left < right <= 300
    assert 0 <= upper < lower <= 200
    if margin == 0 and x >= 0 and x + width <= 300:
        assert math.isclose(right - left, width, abs_tol=1.0)
