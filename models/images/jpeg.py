"""JPEG files that lack their end marker, or that end within the picture, and variants that are not read.

A decoder fills what is missing with grey, and says nothing. So the picture is decoded twice, with different data behind
the last byte that is there: pixels that were there are equal, and the first ones that are missing are not.
"""

import io
import re
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from PIL import Image, ImageChops, JpegImagePlugin

from models.errors import InvalidImage

END = b"\xff\xd9"
MAX_PARTS = 1_024  # segments behind the first scan; a progressive photo has about 20
MAX_COMPARED = 20_000_000  # pixels; larger pictures are compared at half their size, or less
ZEROS = 64  # zero bytes at the end of the picture's data: a download that reserved its space
FEW_BYTES = 4

_NEXT = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # in the data of a scan: not a stuffed byte, not a restart
_NO_BODY = frozenset({0x01, *range(0xD0, 0xDA)})
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOF: sizes and components
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
# other bits than the zeros that decoders make up, and every restart marker, of which any may be due
_OTHER_BITS = b"".join(b"\xaa\x5b\xd3\x36\x6c\x91" * 40 + bytes([0xFF, 0xD0 + i]) for i in range(8)) * 2
# a change upwards does not show in white, and one downwards not in black: bits of many kinds
_MANY_BITS = (_OTHER_BITS, *(sha256(bytes([i])).digest().replace(b"\xff", b"") * 8 for i in range(12)))


@dataclass(frozen=True)
class Layout:
    """The parts of the first picture of a file.

    Attributes
    ----------
    start, end : where the data of its last scan begin and end.
    ended : whether an end marker follows.
    scans : number of scans.
    progressive : whether scans refine each other.
    complete : whether the scans, if they are whole, have every coefficient of every component to its last bit.
    """

    start: int
    end: int
    ended: bool
    scans: int
    progressive: bool
    complete: bool


def layout(data: bytes) -> Layout | None:
    """Find the parts of a JPEG; None for one without a scan, or with more parts than any program writes."""
    position, scans, progressive = 2, 0, False
    start = end = len(data)
    components: set[int] = set()
    missing: dict[int, set[int]] = {}  # of each component: coefficients that have not come to their last bit
    for _ in range(MAX_PARTS):
        if position + 2 > len(data):
            return _layout(start, end if scans else 0, False, scans, progressive, missing)
        if data[position] != 0xFF or data[position + 1] in (0, 0xFF):
            position += 1
            continue
        marker = data[position + 1]
        if marker == 0xD9:
            return _layout(start, end, True, scans, progressive, missing)
        if marker in _NO_BODY:
            position += 2
            continue
        size = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + size]
        if marker in _FRAMES and len(body) >= 6:
            progressive = marker in _PROGRESSIVE
            components = {*body[6::3][: body[5]]}
            missing = {component: set(range(64)) for component in components}
        position += 2 + max(size, 2)
        if marker != 0xDA:
            continue
        scans += 1
        start = position
        count = body[0] if body else 0
        if len(body) >= 4 + 2 * count:
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            for component in body[1 : 1 + 2 * count : 2]:
                if bits & 15 == 0:
                    missing.get(component, set()).difference_update(
                        range(first, last + 1) if progressive else range(64)
                    )
        found = _NEXT.search(data, position)
        end = position = len(data) if found is None else found.start()
        if found is not None:
            position = found.end() - 2
    return None


def _layout(
    start: int, end: int, ended: bool, scans: int, progressive: bool, missing: dict[int, set[int]]
) -> Layout | None:
    if not scans:
        return None
    return Layout(start, end, ended, scans, progressive, bool(missing) and not any(missing.values()))


def looks_cut(data: bytes, image: Image.Image) -> bool:
    """Whether a decoded JPEG, with an end marker, may have been cut before it was given that marker.

    Cheap: its last pixels are the middle grey with which decoders fill what is missing, or its data end in zeros.
    """
    width, height = image.size
    corner = image.crop((max(0, width - 4), max(0, height - 4), width, height))
    extrema = corner.getextrema()
    channels = extrema if isinstance(extrema[0], tuple) else (extrema,)
    if all(low == high and low in (127, 128) for low, high in channels):
        return True
    return ends_in_zeros(data)


def ends_in_zeros(data: bytes) -> bool:
    """Whether zeros stand before the end marker, as in a download that reserved its space."""
    return not data[-2 * ZEROS :].removesuffix(END)[-ZEROS:].strip(b"\0")


def whole(data: bytes) -> bytes | None:
    """The JPEG with its end marker, where every pixel is there; None where its damage is of another kind.

    Raises
    ------
    InvalidImage
        The picture is cut; the message has the share that is there.
    Exception
        Whatever a decoder raises.
    """
    parts = layout(data)
    if parts is None:
        return None
    there = data[: parts.end]
    if not there[-ZEROS:].strip(b"\0"):
        if parts.ended and parts.complete and _needs_its_zeros(there, parts.start):
            return there + END
        there = there.rstrip(b"\0")
    there = there.removesuffix(b"\xff")  # the first half of a stuffed byte, or of a marker
    if not parts.complete:
        raise _cut(f"ends after {parts.scans} of its scans, so that no part has its full detail")
    with_zeros = _decoded(there + END)
    try:
        with_others = _decoded(there + _OTHER_BITS + END)
    except Exception as exc:  # the bits that follow are looked at
        raise _cut(f"ends within scan {parts.scans}") from exc
    changed = ImageChops.difference(with_zeros, with_others)
    rows = np.asarray(changed).reshape(changed.height, -1).any(1)
    if not rows.any():
        return there + END
    if parts.progressive:
        raise _cut(f"ends within scan {parts.scans}, so that no part has its full detail")
    raise _cut(f"has the upper {100 * int(rows.argmax()) // changed.height} % of its picture, and the rest is missing")


def _needs_its_zeros(data: bytes, start: int) -> bool:
    """Whether the zeros at the end are the picture's: codes of a plain area, with tables that were fitted to it.

    Then every pixel is there with them, and some are not without the last few; or no bits behind `start`, where the
    data begin, could change a pixel, as where the tables have a single code each.
    """
    try:
        whole_picture = _pixels(data)
        if whole_picture != _pixels(data + _OTHER_BITS):
            return False
    except Exception:  # a decoder raises whatever it likes
        return False
    fewer, none = data[:-FEW_BYTES], data[:start]
    return any(_differs(fewer + bits, whole_picture) for bits in _MANY_BITS) or not any(
        _differs(none + bits, whole_picture) for bits in _MANY_BITS
    )


def _differs(data: bytes, pixels: bytes) -> bool:
    try:
        return _pixels(data) != pixels
    except Exception:  # the bits are looked at
        return True


def _pixels(data: bytes) -> bytes:
    return _decoded(data + END).tobytes()


def variant(data: bytes) -> str | None:
    """Describe what makes a JPEG unreadable here: "with 12 bits a channel" or "without loss"; None for other ones."""
    found = re.search(rb"\xff([\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf])..(.)", data[:65_536], re.DOTALL)
    if found is None:
        return None
    if found[1][0] in _LOSSLESS:
        return "compressed without loss"
    return None if found[2][0] == 8 else f"with {found[2][0]} bits a channel"


def _decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("JPEG",))
    scale = 1
    while image.width * image.height // scale**2 > MAX_COMPARED and scale < 8:
        scale *= 2
    if scale > 1 and isinstance(image, JpegImagePlugin.JpegImageFile):
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    image.load()
    return image


def _cut(what: str) -> InvalidImage:
    return InvalidImage(f"image is a JPEG that {what} (a truncated download, for example): send the whole file")
