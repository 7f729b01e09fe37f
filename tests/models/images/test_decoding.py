"""Bytes → pixels. Oracles: Pillow's own transposes, the `transformers` processors, arithmetic on ramps."""

import contextlib
import io
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import ImageError, ImageTooLarge, InvalidImage, UnsupportedImage
from models.images.decoding import ImageLimits, load_pixels, open_rgb
from models.images.formats import pillow_name, sniff
from models.images.preprocess import Preprocess
from tests.models import image_samples as samples

LIMITS = ImageLimits()
CLIP = Preprocess(size=224, resize="shortest_edge", crop=True)
DINO = Preprocess(size=224, resize="shortest_edge", crop=True, resize_size=256)
LETTERBOX = Preprocess(size=224, resize="letterbox")
SQUASH = Preprocess(size=224, resize="squash")
SMALL = Preprocess(size=16, resize="squash")
ORDINARY = samples.ordinary()
WHOLE = {name: np.array(open_rgb(data, limits=LIMITS)) for name, data in ORDINARY.items()}


def rgb(data: bytes) -> np.ndarray:
    return np.array(open_rgb(data, limits=LIMITS))


def message_of(data: bytes, error: type[ImageError] = ImageError, limits: ImageLimits = LIMITS) -> str:
    with pytest.raises(error) as caught:
        load_pixels(data, CLIP, limits=limits)
    text = str(caught.value)
    for internal in ("PIL", "Pillow", "object at 0x", "site-packages", "Error", "Traceback"):
        assert internal not in text
    return text


# formats


@pytest.mark.parametrize("name", ORDINARY)
def test_each_format_gives_rgb_bytes_of_the_models_size(name):
    pixels = load_pixels(ORDINARY[name], CLIP, limits=LIMITS)
    assert (pixels.shape, pixels.dtype) == ((224, 224, 3), np.uint8)
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable


@pytest.mark.parametrize("name", sorted(ORDINARY.keys() - {"jpeg-grey", "png-la", "png-1", "png-16"}))  # no colour
def test_each_format_shows_the_scene(name):
    expected = samples.scene().astype(int)
    if name in ("png-rgba", "webp-lossless"):
        alpha = samples.scene(seed=3)[:, :, :1].astype(int)
        expected = (expected * alpha + 255 * (255 - alpha)) / 255
    assert WHOLE[name].shape == expected.shape
    assert np.abs(WHOLE[name] - expected).mean() < 9  # the noise itself is 6


@pytest.mark.parametrize("name", ORDINARY)
def test_the_format_is_told_from_the_bytes(name):
    expected = {"apng": "png", "mpo": "jpeg"}.get(name, name.partition("-")[0])
    assert sniff(ORDINARY[name]) == expected


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        (b"\n\n<html>", "HTML"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg/>", "SVG"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "MP4"),
        (b"PK\3\4\x14\0", "zip"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"just some words", "plain text"),
        ("Straße".encode() * 300, "plain text"),
        (b'{"a": 1}', "JSON"),
        (b"/9j/4AAQSkZJRg", "base64"),
        (b"data:image/png;base64,iVBOR", "data URI"),
        (b"BMW is a car maker, and this is text", "plain text"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"II*\0\x10\0\0\0CR\2\0", "Canon raw"),
        (bytes(100), "zeros"),
        (b"\x01\x02\x03\x04\x05", "01 02 03 04"),
        (b"P6 1 1 255 abc", "plain text"),  # Pillow could read it: not on the list
    ],
)
def test_what_is_not_an_image_is_named(data, says):
    text = message_of(data, UnsupportedImage)
    assert says in text
    assert "send" in text


def test_no_bytes_are_an_invalid_image():
    assert "0 bytes" in message_of(b"", InvalidImage)


def test_heic_without_its_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    assert sniff(heic) == "heic"
    assert "daguerre-service[heic]" in message_of(heic, UnsupportedImage)


def test_heic_with_its_extra_is_read():
    heif = pytest.importorskip("pillow_heif")
    assert pillow_name("heic") == "HEIF"
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(samples.scene())).save(out, quality=95)
    assert np.abs(rgb(out.getvalue()) - samples.scene().astype(int)).mean() < 9


# limits


def test_too_many_bytes_are_refused():
    text = message_of(ORDINARY["png"], ImageTooLarge, ImageLimits(max_bytes=1000))
    assert "1,000" in text


def test_a_bomb_is_refused_at_once_and_without_memory():
    started = time.perf_counter()
    for side in (50_000, 10_000):  # above and below the limit that Pillow itself has
        assert "pixels" in message_of(samples.png_bomb(side), ImageTooLarge)
    assert time.perf_counter() - started < 0.5


def test_more_pixels_than_pillow_would_warn_about_are_read_where_the_limit_allows():
    data = samples.encode(Image.new("1", (9_500, 9_500)), "PNG")
    assert open_rgb(data, limits=ImageLimits(max_pixels=100_000_000)).size == (9_500, 9_500)


def test_a_pixel_limit_that_cannot_be_kept_is_refused():
    with pytest.raises(ValueError, match="max_pixels"):
        ImageLimits(max_pixels=10**12)


@pytest.mark.parametrize("size", [(30_000, 1), (1, 30_000)])
def test_an_extreme_aspect_ratio_is_invalid(size):
    assert "30,000" in message_of(samples.encode(Image.new("RGB", size), "PNG"), InvalidImage)


def test_the_aspect_ratio_limit_itself_is_allowed():
    assert load_pixels(samples.encode(Image.new("L", (200, 2)), "PNG"), CLIP, limits=LIMITS).shape[0] == 224


def test_a_tile_larger_than_the_limit_is_refused():
    grey = samples.scene()[:, :, 0]
    message_of(samples.tiff(grey, bits=8, tags={322: 60_000, 323: 60_000}), ImageTooLarge)


def test_a_png_text_bomb_is_invalid():
    message_of(samples.png_text_bomb(), InvalidImage)


@pytest.mark.parametrize(
    "data",
    [
        samples.jpeg_with_scans(5_000),
        samples.jpeg_with_segments(1_500_000),
        samples.gif_with_comments(500_000),
    ],
    ids=["scans", "segments", "comments"],
)
def test_a_flood_of_parts_is_refused_at_once(data):
    started = time.perf_counter()
    assert "more than" in message_of(data, InvalidImage)
    assert time.perf_counter() - started < 1


def test_a_flood_of_png_chunks_is_refused():
    data = samples.png(1, 1, rows=b"\0abc", extra=samples.png_chunk(b"tEXt", b"") * 70_000)
    assert "chunks" in message_of(data, InvalidImage)


def test_a_video_after_the_photo_is_no_flood():
    noise = np.random.default_rng(0).bytes(8_000_000)  # holds the scan marker about 120 times
    np.testing.assert_array_equal(rgb(ORDINARY["jpeg"] + noise * 2), WHOLE["jpeg"])


# truncated and corrupt


@pytest.mark.parametrize("name", ORDINARY)
def test_a_truncated_image_is_an_error_or_has_all_its_pixels(name):
    data, read = ORDINARY[name], 0
    for cut in {*range(0, len(data), max(1, len(data) // 60)), *range(len(data) - 24, len(data))}:
        try:
            pixels = rgb(data[:cut])
        except ImageError:
            continue
        read += 1
        np.testing.assert_array_equal(pixels, WHOLE[name])
    if name in ("bmp", "tiff", "webp", "avif", "jpeg2000"):
        assert read == 0
    if name in ("jpeg", "jpeg-progressive", "jpeg-cmyk"):
        assert 2 <= read <= 4  # without the end marker, and perhaps without the bits that fill the last byte


def test_a_truncated_jpeg_is_invalid():
    data = samples.encode(samples.photo("coffee"), "JPEG")
    assert "truncated" in message_of(data[: len(data) // 2], InvalidImage)


@settings(max_examples=400, derandomize=True, deadline=5_000)
@given(
    name=st.sampled_from(sorted(ORDINARY)),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    anywhere=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    keep=st.floats(0.3, 1) | st.just(1.0),
)
def test_flipped_bytes_never_raise_anything_but_an_image_error(name, edits, anywhere, keep):
    data = bytearray(ORDINARY[name])
    for offset, value in [*edits, *((int(place * len(data)), value) for place, value in anywhere)]:
        data[offset % len(data)] = value
    for decode in ("exact", "scaled"):
        try:
            pixels = load_pixels(bytes(data[: int(keep * len(data))]), SMALL, limits=LIMITS, decode=decode)
        except ImageError:
            continue
        assert pixels.shape == (16, 16, 3)


@settings(max_examples=200, derandomize=True, deadline=5_000)
@given(name=st.sampled_from(sorted(ORDINARY)), tail=st.binary(max_size=200), head=st.integers(4, 60))
def test_garbage_behind_a_good_start_never_raises_anything_but_an_image_error(name, tail, head):
    with contextlib.suppress(ImageError):
        load_pixels(ORDINARY[name][:head] + tail, SMALL, limits=LIMITS)


# orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, kind):
    """Oracle: the eight definitions of TIFF 6.0, written as array operations."""
    upright = samples.scene(60, 40)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    data = samples.jpeg_with_orientation(np.ascontiguousarray(stored), orientation, kind)
    pixels = rgb(data)
    assert pixels.shape == upright.shape
    worst = 0 if kind in ("PNG", "TIFF") else 60  # wrong corners differ by more than 200
    assert np.abs(pixels.astype(int) - upright).max() <= worst


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(orientation):
    data = samples.jpeg_with_orientation(samples.scene(), orientation)
    assert rgb(data).shape == samples.scene().shape


def test_corrupt_exif_does_not_fail_the_image():
    np.testing.assert_array_equal(rgb(samples.corrupt_exif(ORDINARY["jpeg"])), WHOLE["jpeg"])


def test_exif_does_not_come_back():
    image = open_rgb(samples.jpeg_with_orientation(samples.scene(), 6), limits=LIMITS)
    assert image.info == {}


# pixel types


def test_cmyk_jpeg_is_right():
    assert np.abs(WHOLE["jpeg-cmyk"] - samples.scene().astype(int)).mean() < 9


def test_grey_equals_pillows():
    grey = Image.open(io.BytesIO(ORDINARY["jpeg-grey"])).convert("RGB")
    np.testing.assert_array_equal(WHOLE["jpeg-grey"], np.array(grey))


def test_one_bit_is_black_and_white():
    assert set(np.unique(WHOLE["png-1"])) == {0, 255}


def test_a_16_bit_ramp_is_scaled_not_clipped():
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    for data in (
        samples.png_grey16(ramp),
        samples.tiff(ramp.astype("<u2"), bits=16),
        samples.tiff(ramp.astype(">u2"), bits=16, order=">"),
        samples.encode(Image.fromarray(ramp), "TIFF", compression="tiff_lzw"),
        samples.tiff(65_535 - ramp.astype("<u2"), bits=16, photometric=0),
    ):
        np.testing.assert_array_equal(rgb(data), np.repeat((ramp >> 8).astype(np.uint8)[..., None], 3, 2))


def test_12_bit_grey_keeps_its_high_8_bits():
    ramp = np.arange(4096).reshape(64, 64)
    bits = "".join(f"{value:012b}" for value in ramp.ravel())
    packed = np.frombuffer(int(bits, 2).to_bytes(len(bits) // 8, "big"), np.uint8)  # two values in 3 bytes
    data = samples.tiff(packed, bits=12, tags={256: 64, 257: 64, 278: 64})
    np.testing.assert_array_equal(rgb(data)[..., 0], ramp >> 4)


def test_16_bit_colour_keeps_its_high_byte():
    values = (samples.scene().astype(np.uint16) << 8) | 37
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    np.testing.assert_array_equal(rgb(samples.png(64, 48, depth=16, rows=rows)), samples.scene())


def test_a_transparent_16_bit_grey_is_white():
    pixels = rgb(samples.png_grey16(np.array([[0, 1000, 1001]], np.uint16), transparent=1000))
    assert pixels[0, :, 0].tolist() == [0, 255, 3]


@pytest.mark.parametrize(("dtype", "sample_format"), [("<f4", 3), ("<u4", 1), ("<i4", 2), ("<i2", 2)])
def test_pixels_with_no_known_white_are_refused(dtype, sample_format):
    values = np.ones((8, 8), dtype)
    data = samples.tiff(values, bits=8 * values.itemsize, sample_format=sample_format)
    assert "8 or 16 bits" in message_of(data, UnsupportedImage)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_composited_on_white(kind):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[..., 3] = [0, 64, 128, 255]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    got = rgb(samples.encode(pixels, kind, **options)).astype(float)
    alpha = pixels[..., 3:] / 255
    assert np.abs(got - (pixels[..., :3] * alpha + 255 * (1 - alpha))).max() <= 1  # rounding


def test_grey_with_alpha_is_composited_on_white():
    la = np.array([[[100, 0], [100, 255]]], np.uint8)
    assert rgb(samples.encode(Image.fromarray(la), "PNG"))[0, :, 0].tolist() == [255, 100]


@pytest.mark.parametrize(("kind", "transparency"), [("PNG", 1), ("GIF", 1), ("PNG", b"\xff\x00\x80")])
def test_a_transparent_palette_entry_is_white(kind, transparency):
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 100, 0, 0])
    image.putdata([0, 1, 2])
    pixels = rgb(samples.encode(image, kind, transparency=transparency))[0].tolist()
    assert pixels[:2] == [[10, 20, 30], [255, 255, 255]]
    assert pixels[2] == ([100, 0, 0] if transparency == 1 else [177, 127, 127])


def test_a_transparent_colour_is_white():
    rows = b"\0" + bytes([1, 2, 3, 9, 9, 9])
    data = samples.png(2, 1, rows=rows, extra=samples.png_chunk(b"tRNS", b"\0\1\0\2\0\3"))
    assert rgb(data)[0].tolist() == [[255, 255, 255], [9, 9, 9]]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_is_taken(kind):
    if "." + kind.lower() not in Image.registered_extensions():
        pytest.skip(f"this Pillow has no {kind}")
    red, blue = Image.new("RGB", (20, 20), "#f00"), Image.new("RGB", (20, 20), "#00f")
    pixels = rgb(samples.encode(red, kind, save_all=True, append_images=[blue, blue]))
    assert np.abs(pixels.reshape(-1, 3).astype(int) - [255, 0, 0]).max() <= 3


# exactly as transformers does it


@pytest.mark.parametrize("preprocess", [CLIP, DINO], ids=["clip", "dinov2"])
@pytest.mark.parametrize("size", [(640, 480), (481, 333), (224, 224), (97, 1001), (1280, 225), (50, 41)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "grey"])
def test_pixels_equal_those_of_transformers(kind, size, preprocess):
    """Tolerance: none, every pixel is equal."""
    clip = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    image = Image.fromarray(samples.photo("astronaut")).resize(size)
    data = samples.encode(image.convert("L") if kind == "grey" else image, "JPEG" if kind == "grey" else kind)
    processor = clip.CLIPImageProcessorPil(
        size={"shortest_edge": preprocess.resize_size or 224}, do_rescale=False, do_normalize=False
    )
    expected = np.asarray(processor(Image.open(io.BytesIO(data)))["pixel_values"][0])  # (3, 224, 224)
    np.testing.assert_array_equal(load_pixels(data, preprocess, limits=LIMITS), expected.transpose(1, 2, 0))


@pytest.mark.parametrize("name", samples.PHOTOS)
def test_photos_equal_those_of_transformers(name):
    clip = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    image = Image.fromarray(samples.photo(name))
    expected = clip.CLIPImageProcessorPil(do_rescale=False, do_normalize=False)(image)["pixel_values"][0]
    got = load_pixels(samples.encode(image, "PNG", compress_level=1), CLIP, limits=LIMITS)
    np.testing.assert_array_equal(got, np.asarray(expected).transpose(1, 2, 0))


# scaled


@pytest.mark.parametrize("preprocess", [CLIP, LETTERBOX, SQUASH], ids=["clip", "letterbox", "squash"])
@pytest.mark.parametrize("name", samples.PHOTOS)
def test_scaled_pixels_stay_close_to_exact_ones(name, preprocess):
    """Mean difference at most 0.5 of 255, cosine of the pixels about their mean at least 0.999."""
    photo = Image.fromarray(samples.photo(name))
    data = samples.encode(photo.resize((photo.width * 3, photo.height * 3)), "JPEG", quality=90)
    exact = load_pixels(data, preprocess, limits=LIMITS).astype(float)
    scaled = load_pixels(data, preprocess, limits=LIMITS, decode="scaled").astype(float)
    assert np.abs(exact - scaled).mean() <= 0.5
    a, b = exact.ravel() - exact.mean(), scaled.ravel() - exact.mean()
    assert a @ b / np.sqrt((a @ a) * (b @ b)) >= 0.999


@pytest.mark.parametrize(("side", "decoded"), [(1343, 1343), (1344, 672), (2688, 672), (2687, 1344), (5400, 675)])
def test_scaled_decodes_at_no_less_than_three_times_the_target(side, decoded):
    data = samples.encode(Image.new("RGB", (side, side)), "JPEG")
    image = open_rgb(data, limits=LIMITS, decode="scaled", target=SQUASH)
    assert image.size == (decoded, decoded)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_scaled_keeps_colours_and_orientation(mode, orientation):
    image = Image.fromarray(samples.photo("rocket")).resize((1501, 1003)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = samples.encode(image, "JPEG", exif=exif, quality=95)
    exact = load_pixels(data, CLIP, limits=LIMITS).astype(int)
    scaled = load_pixels(data, CLIP, limits=LIMITS, decode="scaled")
    assert np.abs(exact - scaled).mean() <= 0.5


@pytest.mark.parametrize("name", [name for name in ORDINARY if not name.startswith(("jpeg", "mpo"))])
def test_scaled_changes_no_other_format(name):
    exact = load_pixels(ORDINARY[name], SMALL, limits=LIMITS)
    np.testing.assert_array_equal(exact, load_pixels(ORDINARY[name], SMALL, limits=LIMITS, decode="scaled"))


# threads


def test_sixteen_threads_get_identical_pixels():
    together = threading.Barrier(16)
    data = {name: samples.encode(samples.photo(name), "JPEG") for name in samples.PHOTOS[:3]} | ORDINARY
    expected = {name: load_pixels(item, CLIP, limits=LIMITS) for name, item in data.items()}

    def work(turn: int) -> None:
        together.wait()
        for name in random.Random(turn).sample(sorted(data), len(data)):
            np.testing.assert_array_equal(load_pixels(data[name], CLIP, limits=LIMITS), expected[name])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
