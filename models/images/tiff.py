"""Variants of TIFF that are not read, or that Pillow would read wrong without a word."""

import io

from PIL import TiffImagePlugin

from models.errors import UnsupportedImage

SAVE = "save it as PNG, or as a TIFF of RGB or grey with 8 or 16 bits a channel"

_NUMBERS = {2: "signed integers", 3: "floating-point numbers", 5: "complex integers", 6: "complex numbers"}
_COMPRESSIONS = {
    9: "JBIG",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "LogLuv",
    34677: "LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of a raw photo",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_COLOURS = {
    0: "grey with white as zero",
    1: "grey",
    2: "RGB",
    3: "a palette",
    4: "a transparency mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "a camera's raw samples",
    32844: "LogL",
    32845: "LogLuv",
    34892: "a camera's raw samples",
}

_COEFFICIENTS, _BT601 = 529, (0.299, 0.587, 0.114)
_REFERENCE, _FULL_RANGE = 532, (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)

# Pillow has the little-endian row alone; `decoding` inverts both
_WHITE_IS_ZERO = (b"MM", 0, (1,), 1, (16,), ())
TiffImagePlugin.OPEN_INFO.setdefault(_WHITE_IS_ZERO, ("I;16B", "I;16B"))


def check(image: TiffImagePlugin.TiffImageFile) -> None:
    """Refuse an open file that Pillow would read wrong.

    Raises
    ------
    UnsupportedImage
        Signed bytes, which it takes for unsigned ones; channels in separate planes that it mixes up; YCbCr with a
        range or with coefficients of its own, which it does not look at where nothing is compressed.
    """
    tags = image.tag_v2
    formats = set(_sequence(tags.get(TiffImagePlugin.SAMPLEFORMAT, 1)))
    if 2 in formats and image.mode != "I":  # mode I is refused for all its numbers
        raise _unsupported("signed integers as pixels")
    if image.mode == "YCbCr" and (
        tuple(map(float, tags.get(_REFERENCE, _FULL_RANGE))) != _FULL_RANGE
        or tuple(round(float(each), 3) for each in tags.get(_COEFFICIENTS, _BT601)) != _BT601
    ):
        raise _unsupported("YCbCr of a range or with coefficients of its own, not compressed")
    if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) != 2:
        return
    bits = max(_sequence(tags.get(TiffImagePlugin.BITSPERSAMPLE, 1)))
    if image.mode in ("LA", "La", "PA"):
        raise _unsupported("grey and alpha in separate planes")
    if 1 in _sequence(tags.get(TiffImagePlugin.EXTRASAMPLES, ())):
        raise _unsupported("colours multiplied by their alpha in separate planes")
    if bits == 16 and len(image.getbands()) > 1 and tags.get(TiffImagePlugin.COMPRESSION, 1) == 1:
        raise _unsupported("channels of 16 bits in separate planes, not compressed")


def variant(data: bytes, *, opened: bool) -> UnsupportedImage | None:
    """The error for a file that cannot be decoded, by its tags; None where they are ordinary, or unreadable.

    Parameters
    ----------
    opened : whether the header could be opened: then only its compression can be what is not read.
    """
    try:
        head = data[:16] if data[2:4] in (b"\x2b\0", b"\0\x2b") else data[:8]
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        compression = int(tags.get(TiffImagePlugin.COMPRESSION, 1))
        bits = _sequence(tags[TiffImagePlugin.BITSPERSAMPLE])
        numbers = max(_sequence(tags.get(TiffImagePlugin.SAMPLEFORMAT, 1)))
        colours = int(tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION])
        channels = int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1))
        separate = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2 and channels > 1
    except Exception:  # tags that cannot be read say nothing
        return None
    if compression in _COMPRESSIONS or compression not in TiffImagePlugin.COMPRESSION_INFO:
        return _unsupported(f"compression by {_COMPRESSIONS.get(compression, f'method {compression}')}")
    if opened and compression == 1 and colours == 6:
        return _unsupported("YCbCr of fewer colours than pixels, not compressed")
    if opened:
        return None
    if numbers in _NUMBERS:
        return _unsupported(f"{_NUMBERS[numbers]} as pixels")
    count = "1 channel" if channels == 1 else f"{channels} channels"
    apart = " in separate planes" if separate else ""
    return _unsupported(f"{count} of {max(bits)} bits{apart} for {_COLOURS.get(colours, f'colour space {colours}')}")


def _sequence(value: object) -> tuple[int, ...]:
    return tuple(int(each) for each in (value if isinstance(value, tuple) else (value,)))


def _unsupported(what: str) -> UnsupportedImage:
    return UnsupportedImage(f"image is a TIFF with {what}, which is not read here: {SAVE}")
