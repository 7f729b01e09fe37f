"""Files with several pictures, of which the first is read."""

import io
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from models.images.further import is_first_of_many
from tests.models import image_samples as samples

ORDINARY = samples.ordinary()
MANY = ("apng", "gif-animated", "webp-animated", "tiff-pages")
RGB = Image.fromarray(samples.scene())


def frames(n: int) -> list[Image.Image]:
    return [Image.fromarray(samples.scene(seed=i)) for i in range(n)]


def pages(*subfiles: int, tag: int = 254) -> bytes:
    """A TIFF with a page for each number, which is the value of the tag of its kind."""
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out, new=True) as writer:
        for i, kind in enumerate(subfiles):
            Image.fromarray(samples.scene(seed=i)).save(writer, "TIFF", tiffinfo={tag: kind} if kind else {})
            writer.newFrame()
    return out.getvalue()


@pytest.mark.parametrize("name", ORDINARY)
def test_files_of_several_pictures_are_told_from_those_of_one(name: str):
    assert is_first_of_many(ORDINARY[name]) == (name in MANY)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_of_one_frame_holds_one_picture(kind: str):
    options = {"save_all": True, "append_images": []}
    assert not is_first_of_many(samples.encode(RGB.quantize(256) if kind == "GIF" else RGB, kind, **options))


def test_an_animated_png_whose_still_is_no_frame_holds_more_than_the_still():
    data = samples.encode(RGB, "PNG", save_all=True, default_image=True, append_images=frames(2))
    assert is_first_of_many(data)


@pytest.mark.parametrize(
    ("data", "many"),
    [
        pytest.param(pages(0, 1), False, id="a thumbnail"),
        pytest.param(pages(0, 1, 1, 1), False, id="the levels of a pyramid"),
        pytest.param(pages(0, 4), False, id="a mask"),
        pytest.param(pages(0, 1, 0), True, id="a page after a thumbnail"),
        pytest.param(pages(0, 2), True, id="a page of a document"),
        pytest.param(pages(0, 2, tag=255), False, id="a thumbnail by the old tag"),
        pytest.param(pages(0, 3, tag=255), True, id="a page by the old tag"),
    ],
)
def test_smaller_copies_and_masks_of_a_tiff_are_no_further_pictures(data: bytes, many: bool):
    assert is_first_of_many(data) == many


def test_an_mpo_of_views_holds_several_pictures_and_one_of_previews_does_not():
    data = ORDINARY["mpo"]  # whose second and third picture are of no stated type, as previews of telephones
    assert not is_first_of_many(data)
    order = "big" if b"MPF\0MM" in data else "little"
    start = data.index(b"MPF\0")
    first = data.rindex((0x030000).to_bytes(4, order), start, start + 100)  # the primary picture
    views = bytearray(data)
    for entry in (first + 16, first + 32):
        views[entry : entry + 4] = (0x020002).to_bytes(4, order)  # of a stereo camera
    assert is_first_of_many(bytes(views))


@pytest.mark.skipif(".avif" not in Image.registered_extensions(), reason="this Pillow has no AVIF")
def test_a_sequence_of_avif_holds_several_pictures():
    assert is_first_of_many(samples.encode(RGB, "AVIF", save_all=True, append_images=frames(1)))


@pytest.mark.parametrize("name", MANY)
@given(share=st.floats(0.3, 1))
def test_a_file_that_is_cut_is_no_error(name: str, share: float):
    data = ORDINARY[name]
    is_first_of_many(data[: max(int(share * len(data)), 64)])


def test_a_gif_of_a_million_tiny_blocks_takes_no_time():
    data = samples.encode(RGB.quantize(256), "GIF")
    flood = data[:-1] + b"\x21\xfe\x01x\x00" * 1_000_000
    began = time.perf_counter()
    assert not is_first_of_many(flood)
    assert time.perf_counter() - began < 1


def test_a_tiff_of_endless_pages_takes_no_time():
    data = bytearray(samples.tiff(np.zeros((8, 8), np.uint8), bits=8))
    start = int.from_bytes(data[4:8], "little")
    data[-4:] = start.to_bytes(4, "little")  # its next page is its first
    assert not is_first_of_many(bytes(data))
