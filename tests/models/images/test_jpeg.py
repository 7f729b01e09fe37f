"""JPEG files that lack their end, against the pixels of the whole file."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.errors import ImageError, InvalidImage
from models.images import jpeg
from models.images.decoding import ImageLimits, load_pixels, open_rgb
from models.images.preprocess import Preprocess
from tests.models import image_samples as samples

LIMITS = ImageLimits()
END = b"\xff\xd9"
PHOTO = samples.photo("coffee")[:100, :150].copy()
SETTINGS = (
    {},
    {"progressive": True},
    {"restart_marker_blocks": 4},
    {"progressive": True, "restart_marker_blocks": 4},
    {"optimize": True, "quality": 30},
)


def encoded(mode: str = "RGB", **options: object) -> bytes:
    return samples.encode(Image.fromarray(PHOTO).convert(mode), "JPEG", **options)


def read(data: bytes) -> np.ndarray:
    return np.array(open_rgb(data, limits=LIMITS))


@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("tail", [b"", bytes(300)], ids=["nothing", "zeros"])
def test_a_cut_jpeg_is_read_where_every_pixel_is_there_and_refused_where_not(mode, options, tail):
    """At every byte near the end, and at some before; never other pixels than those of the whole file."""
    data = encoded(mode, **options)
    whole = read(data)
    np.testing.assert_array_equal(read(data[:-2] + tail), whole)
    np.testing.assert_array_equal(read(data[:-1] + tail), whole)
    for cut in (*range(10, len(data) - 12, 211), *range(len(data) - 12, len(data) - 2)):
        try:
            got = read(data[:cut] + tail)
        except ImageError:
            continue
        np.testing.assert_array_equal(got, whole)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_message_has_the_share_that_is_there(mode):
    data = encoded(mode)
    for part in (0.4, 0.6, 0.9):
        with pytest.raises(InvalidImage, match=r"the upper (\d+) % of its picture") as caught:
            read(data[: int(part * len(data))])
        share = int(str(caught.value).split("upper ")[1].split()[0])
        cut, true = (np.array(Image.open(io.BytesIO(each))) for each in (data[: int(part * len(data))] + END, data))
        same = np.flatnonzero((cut != true).reshape(len(true), -1).any(1))[0]
        assert share == 100 * same // len(true)


@pytest.mark.parametrize("tail", [END, bytes(4000) + END], ids=["end marker", "zeros and end marker"])
def test_a_cut_jpeg_that_was_given_an_end_is_refused(tail):
    """Decoders fill with grey what is missing."""
    data = encoded()
    with pytest.raises(InvalidImage, match="upper"):
        read(data[: len(data) // 2] + tail)


@pytest.mark.parametrize("grey", [127, 128])
def test_a_picture_of_middle_grey_is_no_cut_one(grey):
    pixels = np.full((64, 64, 3), grey, np.uint8)
    for options in ({}, {"progressive": True}, {"optimize": True}):
        assert read(samples.encode(pixels, "JPEG", **options)).shape == (64, 64, 3)


def test_what_follows_the_end_marker_is_left_alone():
    data = encoded()
    for tail in (b"garbage" * 99, bytes(5000), data, b"\xff"):
        np.testing.assert_array_equal(read(data + tail), read(data))


def test_a_large_picture_is_compared_at_a_smaller_size(monkeypatch):
    monkeypatch.setattr(jpeg, "MAX_COMPARED", 2_000)
    data = encoded()
    np.testing.assert_array_equal(read(data[:-2]), read(data))
    with pytest.raises(InvalidImage, match="upper"):
        read(data[: len(data) // 2])


def test_a_mended_jpeg_is_scaled_as_the_whole_one():
    data = samples.encode(Image.fromarray(samples.photo("coffee")).resize((1800, 1200)), "JPEG")
    target = Preprocess(size=64, resize="squash")
    expected, got = (load_pixels(each, target, limits=LIMITS, decode="scaled") for each in (data, data[:-2]))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("marker", "depth", "says"), [(0xC1, 12, "12 bits"), (0xC3, 8, "without loss")])
def test_rare_variants_are_named(marker, depth, says):
    data = bytearray(encoded())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, depth
    with pytest.raises(ImageError, match=says):
        read(bytes(data))


def test_a_flood_of_segments_between_scans_is_given_up():
    data = encoded(progressive=True)
    at = data.rindex(b"\xff\xda")
    assert jpeg.layout(data[:at] + b"\xff\xfe\0\2" * 5_000 + data[at:]) is None


def test_the_parts_of_a_jpeg():
    for mode, options in itertools.product(("RGB", "L"), SETTINGS):
        data = encoded(mode, **options)
        parts = jpeg.layout(data)
        assert parts is not None
        assert (parts.end, parts.ended, parts.complete) == (len(data) - 2, True, True)
        assert parts.progressive == ("progressive" in options)
    assert jpeg.layout(b"\xff\xd8\xff\xe0\0\4ab") is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("ground", [0, 20, 127, 128, 254, 255])
@pytest.mark.parametrize("size", [(160, 160), (333, 401), (33, 17)])
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("quality", [1, 50, 85])
def test_a_plain_area_at_the_end_with_tables_that_fit_it_is_whole(mode, ground, size, written, quality):
    """With optimised tables, a plain area is zero bits: a blank picture, or a screenshot with a plain lower part.

    The middle grey may need no bits at all, and white and black hide the changes that other bits make.
    """
    image = Image.new(mode, size, (ground,) * 3 if mode == "RGB" else ground)
    if written:
        ImageDraw.Draw(image).text((5, 3), "a post", fill=(200, 30, 30) if mode == "RGB" else 99)
    data = samples.encode(image, "JPEG", optimize=True, quality=quality)
    np.testing.assert_array_equal(read(data), np.array(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("pad", [64, 100, 5000])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_zeros_in_place_of_the_rest_are_no_plain_area(pad, share):
    data = encoded(optimize=True, quality=85)
    with pytest.raises(ImageError):
        read(data[: int(share * len(data))] + bytes(pad) + END)
