"""Sizes, crops and padding. Oracle: Pillow's own resize, arithmetic on sides."""

import numpy as np
import pytest
from PIL import Image

from models.images.preprocess import Preprocess, resize
from tests.models import image_samples as samples

LETTERBOX = Preprocess(size=224, resize="letterbox")
SQUASH = Preprocess(size=224, resize="squash")


@pytest.mark.parametrize(("size", "inner"), [((100, 50), (224, 112)), ((31, 62), (112, 224)), ((300, 4), (224, 3))])
def test_a_letterbox_holds_the_whole_image_on_its_colour(size, inner):
    pixels = resize(Image.new("RGB", size, "#000"), LETTERBOX)
    black = np.argwhere((pixels == 0).all(-1))
    top, left = (224 - inner[1]) // 2, (224 - inner[0]) // 2
    assert black.min(0).tolist() == [top, left]
    assert black.max(0).tolist() == [top + inner[1] - 1, left + inner[0] - 1]
    assert (pixels[0, 0] == (255 if 0 not in (top + left,) else 0)).all()


def test_a_thin_image_keeps_a_row_in_a_letterbox():
    pixels = resize(Image.new("RGB", (1000, 10)), Preprocess(size=20, resize="letterbox", pad_color=7))
    assert sorted(np.unique(pixels)) == [0, 7]


def test_squash_gives_up_the_aspect_ratio():
    image = Image.fromarray(samples.photo())
    expected = np.array(image.resize((224, 224), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(image, SQUASH), expected)


@pytest.mark.parametrize(
    "row",
    [
        {"size": 0, "resize": "squash"},
        {"size": 8, "resize": "stretch"},
        {"size": 8, "resize": "squash", "resample": "nearest"},
        {"size": 8, "resize": "shortest_edge"},
        {"size": 8, "resize": "squash", "crop": True},
        {"size": 8, "resize": "shortest_edge", "crop": True, "resize_size": 4},
        {"size": 8, "resize": "letterbox", "resize_size": 9},
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(row):
    with pytest.raises(ValueError, match=r"size|resize|crop"):
        Preprocess(**row)
