"""Variants of TIFF, PNG, BMP, GIF and JPEG 2000: right by the array that was written, or refused with a sentence.

TIFF files are written by tifffile, which shares no code with Pillow or libtiff.
"""

import io
import itertools
import re
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from models.errors import ImageError, InvalidImage, UnsupportedImage
from models.images.decoding import ImageLimits, open_rgb
from tests.models import image_samples as samples

LIMITS = ImageLimits()
RGB = samples.scene(64, 48)
GREY = RGB[..., 0].copy()
ALPHA = samples.scene(64, 48, seed=3)[..., 1].copy()
KEY = np.full((48, 64, 1), 30, np.uint8)
CMYK = np.dstack([255 - RGB, KEY])


def read(data: bytes) -> np.ndarray:
    return np.array(open_rgb(data, limits=LIMITS))


def tiff(pixels: np.ndarray, *, order: str = "<", separate: bool = False, **options: object) -> bytes:
    if separate:
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    out = io.BytesIO()
    with tifffile.TiffWriter(out, byteorder=order) as writer:  # type: ignore[arg-type]
        planes = "separate" if separate else "contig"
        many = {"planarconfig": planes} if pixels.ndim == 3 else {}
        writer.write(pixels, metadata=None, **many, **options)  # type: ignore[arg-type]
    return out.getvalue()


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, 2)


def on(pixels: np.ndarray, alpha: np.ndarray, background: int = 255) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(pixels * share + background * (1 - share)).astype(np.uint8)


# name: pixels, photometric interpretation, extra samples, what is right
PIXELS = {
    "rgb": (RGB, "rgb", None, RGB),
    "grey": (GREY, "minisblack", None, grey(GREY)),
    "white is zero": (255 - GREY, "miniswhite", None, grey(GREY)),
    "cmyk": (CMYK, "separated", None, np.rint(RGB * (225 / 255)).astype(np.uint8)),
    "rgba": (np.dstack([RGB, ALPHA]), "rgb", ["unassalpha"], on(RGB, ALPHA)),
    "rgb and something": (np.dstack([RGB, ALPHA]), "rgb", ["unspecified"], RGB),
    "grey and alpha": (np.dstack([GREY, ALPHA]), "minisblack", ["unassalpha"], on(grey(GREY), ALPHA)),
    "premultiplied": (
        np.dstack([np.rint(RGB * (ALPHA[..., None] / 255)).astype(np.uint8), ALPHA]),
        "rgb",
        ["assocalpha"],
        on(RGB, ALPHA),
    ),
}


@pytest.mark.parametrize("name", PIXELS)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_is_right_or_refused_with_its_variant(name, bits):
    """Compression x planes x tiles x byte order; the tolerance is that of rounding with alpha."""
    pixels, photometric, extra, expected = PIXELS[name]
    stored = pixels if bits == 8 else pixels.astype(np.uint16) * 257
    right, refused = 0, []
    layouts = itertools.product((None, "zlib"), (False, True), (None, (16, 16)), "<>")
    for compression, separate, tile, order in layouts:
        if separate and pixels.ndim == 2:
            continue
        options = {"photometric": photometric, "extrasamples": extra, "compression": compression, "tile": tile}
        data = tiff(stored, order=order, separate=separate, **options)
        try:
            got = read(data)
        except UnsupportedImage as exc:
            refused.append(str(exc))
            continue
        right += 1
        assert np.abs(got.astype(int) - expected).max() <= (3 if name == "premultiplied" else 1)
    assert all(re.search("separate planes|2 channels of 16 bits", message) for message in refused)
    assert right or (name, bits) == ("grey and alpha", 16)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiffs_orientation_is_applied_at_any_depth(orientation, dtype):
    stored = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, 1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB, -1),
    }[orientation].astype(dtype) * (1 if dtype is np.uint8 else 257)
    data = tiff(np.ascontiguousarray(stored), photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    np.testing.assert_array_equal(read(data), RGB)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (GREY.astype(np.int8), "signed integers"),
        (RGB.astype(np.int8), "signed integers"),
        (GREY.astype(np.int16), "8 or 16 bits"),
        (GREY.astype(np.uint32), "8 or 16 bits"),
        (RGB.astype(np.uint32), "3 channels of 32 bits"),
        (GREY.astype(np.float16), "floating-point"),
        (GREY.astype(np.float32), "floating-point"),
        (RGB.astype(np.float32), "floating-point"),
        (GREY.astype(np.float64), "floating-point"),
        (GREY.astype(np.complex64), "complex"),
    ],
)
def test_a_tiff_of_numbers_without_a_known_white_is_refused(pixels, says):
    with pytest.raises(UnsupportedImage, match=says):
        read(tiff(pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack"))


@pytest.mark.parametrize(
    ("tag", "says"), [(34712, "JPEG 2000"), (50002, "JPEG XL"), (34887, "LERC"), (65_000, "method 65000")]
)
def test_a_tiff_compressed_in_a_way_that_is_not_read_names_it(tag, says):
    data = samples.tiff(GREY, bits=8, tags={259: tag})
    with pytest.raises(UnsupportedImage, match=says):
        read(data)


def test_uncompressed_ycbcr_of_its_own_range_is_refused():
    ycbcr = np.array(Image.fromarray(RGB).convert("YCbCr"))
    options = {"photometric": "ycbcr", "subsampling": (1, 1)}
    assert np.abs(read(tiff(ycbcr, **options)).astype(int) - RGB).max() <= 3
    limits = tuple(itertools.chain(*((each, 1) for each in (15, 235, 128, 240, 128, 240))))
    with pytest.raises(UnsupportedImage, match="YCbCr of a range"):
        read(tiff(ycbcr, extratags=[(532, 5, 6, limits, True)], **options))


def rows(values: np.ndarray, dtype: str) -> bytes:
    return b"".join(b"\0" + row.astype(dtype).tobytes() for row in values)


@pytest.mark.parametrize("depth", [8, 16])
def test_png_with_alpha_of_any_depth(depth):
    scale, dtype = (1, ">u1") if depth == 8 else (257, ">u2")
    for kind, pixels, expected in ((6, RGB, on(RGB, ALPHA)), (4, GREY, on(grey(GREY), ALPHA))):
        stored = np.dstack([pixels, ALPHA]).astype(int) * scale
        got = read(samples.png(64, 48, depth=depth, color=kind, rows=rows(stored, dtype)))
        assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_palettes_and_greys_of_few_bits(depth):
    rng = np.random.default_rng(depth)
    index = rng.integers(0, 1 << depth, (48, 64))
    bits = ((index[..., None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8).reshape(48, -1)
    packed = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    palette = rng.integers(0, 256, (1 << depth, 3), np.uint8)
    seen = rng.integers(0, 256, 1 << depth, np.uint8)
    colours = samples.png_chunk(b"PLTE", palette.tobytes())
    plain = samples.png(64, 48, depth=depth, color=3, rows=packed, extra=colours)
    np.testing.assert_array_equal(read(plain), palette[index])
    clear = colours + samples.png_chunk(b"tRNS", seen.tobytes())
    got = read(samples.png(64, 48, depth=depth, color=3, rows=packed, extra=clear))
    assert np.abs(got.astype(int) - on(palette[index], seen[index])).max() <= 1
    levels = np.rint(index * 255 / ((1 << depth) - 1)).astype(np.uint8)
    np.testing.assert_array_equal(read(samples.png(64, 48, depth=depth, color=0, rows=packed)), grey(levels))


def test_a_transparent_colour_of_16_bits_is_refused():
    """Only high bytes are decoded, so that colours near the transparent one would vanish too."""
    stored = RGB.astype(int) * 257
    key = samples.png_chunk(b"tRNS", struct.pack(">HHH", *stored[3, 4].tolist()))
    with pytest.raises(UnsupportedImage, match="16-bit colours"):
        read(samples.png(64, 48, depth=16, color=2, rows=rows(stored, ">u2"), extra=key))


def bmp(pixels: np.ndarray) -> bytes:
    """(height, width, 4) uint8, RGBA, as a BMP with a mask for its alpha."""
    body = np.ascontiguousarray(pixels[::-1][..., [2, 1, 0, 3]]).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, pixels.shape[1], pixels.shape[0], 1, 32, 3, len(body), 0, 0, 0, 0)
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(68)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(body), 0, 0, 14 + len(header)) + header + body


def test_a_bmp_without_any_alpha_is_opaque():
    """As browsers take it: programs that write 32 bits often leave the last 8 at zero."""
    assert np.abs(read(bmp(np.dstack([RGB, ALPHA]))).astype(int) - on(RGB, ALPHA)).max() <= 1
    np.testing.assert_array_equal(read(bmp(np.dstack([RGB, np.zeros_like(ALPHA)]))), RGB)


def test_what_a_gifs_first_frame_does_not_cover_is_transparent():
    picture = Image.fromarray(RGB).quantize(64)
    data = bytearray(samples.encode(picture, "GIF"))
    data[6:10] = struct.pack("<HH", 96, 80)  # a larger canvas
    expected = np.full((80, 96, 3), 255, np.uint8)
    expected[:48, :64] = np.array(picture.convert("RGB"))
    np.testing.assert_array_equal(read(bytes(data)), expected)


def test_white_on_transparency_is_seen_on_black():
    """Two logos that differ are two pictures that differ; any other picture with alpha stays on white."""
    logo = np.full((40, 40, 4), 255, np.uint8)
    logo[..., 3] = 0
    logo[10:20, 5:35, 3] = 255
    np.testing.assert_array_equal(read(samples.encode(logo, "PNG")), grey(logo[..., 3]))
    logo[12, 12, :3] = 128
    assert read(samples.encode(logo, "PNG"))[0, 0].tolist() == [255, 255, 255]
    empty = np.zeros((40, 40, 4), np.uint8)
    assert (read(samples.encode(empty, "PNG")) == 255).all()


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}, {"tile_size": (16, 16)}], ids=str)
def test_jpeg_2000_of_8_bits_is_read(options):
    np.testing.assert_array_equal(read(samples.encode(RGB, "JPEG2000", **options)), RGB)
    np.testing.assert_array_equal(read(samples.encode(GREY, "JPEG2000", **options)), grey(GREY))
    both = np.dstack([RGB, ALPHA])
    assert np.abs(read(samples.encode(both, "JPEG2000", **options)).astype(int) - on(RGB, ALPHA)).max() <= 1


def test_jpeg_2000_of_other_depths_is_refused():
    """Pillow wraps bright values of 16 bits round to black."""
    with pytest.raises(UnsupportedImage, match="16 bits"):
        read(samples.encode(Image.fromarray(GREY.astype(np.uint16) * 257), "JPEG2000"))
    data = samples.encode(RGB, "JPEG2000")
    at = data.index(b"\xff\x4f\xff\x51") + 42
    for change, says in ((b"\x87\1\1", "signed"), (b"\x07\2\2", "fewer colours"), (b"\x0b\1\1", "12 bits")):
        with pytest.raises(UnsupportedImage, match=says):
            read(data[:at] + change + data[at + 3 :])


def test_a_jpeg_2000_that_is_cut_is_refused():
    data = samples.encode(RGB, "JPEG2000")
    for cut in range(0, len(data), 97):
        with pytest.raises(ImageError):
            read(data[:cut])
    with pytest.raises(InvalidImage, match="cut"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"P6\n2 2\n255\n" + bytes(12), "PNM"),
        (b"P5\n2 2\n65535\n" + bytes(8), "PNM"),
        (b"icns" + bytes(20), "macOS icon"),
        (b"II\xbc\x01" + bytes(20), "JPEG XR"),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "MXF video"),
    ],
)
def test_other_formats_are_named(data, says):
    with pytest.raises(UnsupportedImage, match=says):
        read(data)
