"""Variants of JPEG 2000 that Pillow would read wrong, and files that are cut."""

from models.errors import InvalidImage, UnsupportedImage

MAX_TILES = 4_096  # 80 megapixels in tiles of 256 x 256 are 1,221
MAX_COMPONENTS = 4

_START = b"\xff\x4f\xff\x51"  # of the codestream: its start, then its sizes
_END = b"\xff\xd9"
_SIZES = 40  # bytes from the start of the codestream to its components


def check(data: bytes) -> None:
    """Refuse a file that is not of 1 to 4 unsigned channels of 8 bits, all of the picture's size.

    Raises
    ------
    UnsupportedImage
        Other depths, which Pillow scales wrong, and channels of other sizes.
    InvalidImage
        No sizes, more tiles than any program writes, or no end marker: OpenJPEG fills what is missing.
    """
    at = data.find(_START)
    count = int.from_bytes(data[at + _SIZES : at + _SIZES + 2], "big")
    components = data[at + _SIZES + 2 : at + _SIZES + 2 + 3 * count]
    if at < 0 or not count or len(components) < 3 * count:
        raise InvalidImage("image looks like JPEG 2000 but has no sizes (truncated or corrupt): send it again")
    depths, steps = components[::3], {*components[1::3], *components[2::3]}
    if count > MAX_COMPONENTS:
        raise _unsupported(f"{count} channels")
    if set(depths) != {7}:
        sign = "signed numbers" if max(depths) & 0x80 else f"{(max(depths) & 0x7F) + 1} bits a channel"
        raise _unsupported(sign)
    if steps != {1}:
        raise _unsupported("fewer colours than pixels")
    width, height, left, top, tile_width, tile_height = (
        int.from_bytes(data[at + 8 + 4 * i : at + 12 + 4 * i], "big") for i in range(6)
    )
    tiles = -(-(width - left) // max(tile_width, 1)) * -(-(height - top) // max(tile_height, 1))
    if tiles > MAX_TILES:
        raise InvalidImage(f"JPEG 2000 has {tiles:,} tiles, the limit is {MAX_TILES:,}: re-save the image")
    if data.find(_END, at) < 0:
        raise InvalidImage("image is a JPEG 2000 file that is cut (its end is missing): send the whole file")


def _unsupported(what: str) -> UnsupportedImage:
    return UnsupportedImage(f"image is JPEG 2000 with {what}, which is not read here: save it as PNG, or with 8 bits")
