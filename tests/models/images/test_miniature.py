"""Copies of a picture have its content; another text, caption or logo in the same layout has not."""

import itertools
from random import Random

import numpy as np
import pytest
from PIL import Image
from skimage import data

from bench.copies import COPIES, TEMPLATES
from models.images.decoding import on_background
from models.images.miniature import BYTES, miniature, same_content


def small(image):
    plain = on_background(image) if image.mode == "RGBA" else image.convert("RGB")
    return np.frombuffer(miniature(plain), np.uint8)


PHOTOS = [Image.fromarray(photo()) for photo in (data.astronaut, data.chelsea, data.coffee, data.rocket)]
PLAIN = [name for name in COPIES if "watermark" not in name]


def test_a_miniature_has_its_size_whatever_the_image_is():
    for size in ((1, 1), (30, 200), (96, 96), (2000, 50)):
        assert len(miniature(Image.new("RGB", size, "teal"))) == BYTES


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_photos_have_their_content(name):
    rng = Random(0)
    same = [same_content(small(photo), small(COPIES[name](photo, rng))) for photo in PHOTOS]
    assert sum(same) >= (4 if name in PLAIN else 3)


@pytest.mark.parametrize("name", ["posts", "slides", "tables", "memes", "white logos"])
def test_copies_of_drawn_pictures_have_their_content(name):
    rng = Random(1)
    picture = TEMPLATES[name](rng)
    plain = on_background(picture) if picture.mode == "RGBA" else picture
    assert all(same_content(small(plain), small(COPIES[copy](plain, rng))) for copy in PLAIN)


@pytest.mark.parametrize("name", TEMPLATES)
def test_other_content_in_the_same_layout_differs(name):
    rng = Random(2)
    pictures = [small(TEMPLATES[name](rng)) for _ in range(4)]
    assert not any(same_content(a, b) for a, b in itertools.combinations(pictures, 2))


def test_another_colour_is_other_content_and_grey_is_not():
    red, blue = (Image.merge("RGB", bands) for bands in _bands(PHOTOS[0]))
    assert not same_content(small(red), small(blue))
    assert same_content(small(PHOTOS[1]), small(PHOTOS[1].convert("L").convert("RGB")))


def _bands(photo):
    grey = photo.convert("L")
    dark = grey.point(lambda level: level // 4)
    return (grey, dark, dark), (dark, dark, grey)


def test_photos_differ():
    assert not any(same_content(small(a), small(b)) for a, b in itertools.combinations(PHOTOS, 2))
