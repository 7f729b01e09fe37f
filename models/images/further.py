"""Whether an image file holds more pictures than the first one, which is the one that is read.

| in the file | further pictures |
| --- | --- |
| GIF, APNG, animated WebP, AVIF sequence | frames after the first |
| TIFF | pages; not smaller copies of a page (a thumbnail, the levels of a pyramid), and not masks |
| MPO | views of a panorama or of a stereo camera; not previews and gain maps, which most telephones add |
| HEIC | images beside the primary one, as of a burst; not its thumbnails |
"""

import io
from typing import Any

from PIL import Image

from models.images.formats import pillow_name, sniff

MOST_PAGES = 64  # of a TIFF that are looked at
MOST_BLOCKS = 200_000  # of a GIF: its first frame has 80,000 of 255 bytes in 20 MiB
MPF_WITHIN = 2**18  # bytes of a JPEG within which its list of pictures begins

_WIDTH, _NEW_SUBFILE, _SUBFILE = 256, 254, 255  # tags of a TIFF
_REDUCED_OR_MASK, _REDUCED = 1 | 4, 2  # their values for pages that are no further pictures
_MP_ENTRIES = 0xB002


def is_first_of_many(data: bytes) -> bool:
    """Whether a file that was decoded holds pictures besides its first. False where its further parts are damaged."""
    kind = sniff(data)
    try:
        if kind == "gif":
            return _gif_frames(data) > 1
        if not _may_have_more(data, kind):
            return False
        with Image.open(io.BytesIO(data), formats=(pillow_name(kind),)) as image:
            if kind == "tiff":
                return _has_pages(image)
            return _has_views(image) if kind == "jpeg" else getattr(image, "n_frames", 1) > 1
    except Exception:  # decoders raise anything; the first picture is good
        return False


def _may_have_more(data: bytes, kind: str) -> bool:
    """Whether it is worth to open the file again."""
    if kind == "jpeg":
        return data.find(b"MPF\0", 0, MPF_WITHIN) >= 0
    if kind == "png":
        return data.find(b"acTL", 0, max(data.find(b"IDAT"), 0)) >= 0
    if kind == "webp":
        return data[12:16] == b"VP8X" and bool(data[20] & 2)
    if kind == "avif":
        return b"avis" in data[8:256]
    return kind in ("tiff", "heic")


def _has_pages(image: Any) -> bool:
    for page in range(1, MOST_PAGES):
        try:
            image.seek(page)
        except EOFError:
            return False
        except Exception:  # a page of a variant that is not read is a page
            pass
        tags = image.tag_v2
        if tags.get(_WIDTH) and not tags.get(_NEW_SUBFILE, 0) & _REDUCED_OR_MASK and tags.get(_SUBFILE) != _REDUCED:
            return True
    return False


def _has_views(image: Any) -> bool:
    entries = (getattr(image, "mpinfo", None) or {}).get(_MP_ENTRIES, ())
    return any("Multi-Frame" in str(each["Attribute"]["MPType"]) for each in list(entries)[1:])


def _gif_frames(data: bytes) -> int:
    """The number of frames, up to 2. The blocks are walked here, since Pillow's walk of many small ones takes long."""
    frames, blocks = 0, 0
    position = 13 + _colours(data[10])
    while position < len(data) and blocks < MOST_BLOCKS:
        kind = data[position]
        blocks += 1
        position += 1
        if kind == 0x3B:  # the end
            break
        if kind == 0x2C:
            frames += 1
            if frames > 1:
                break
            position += 9 + _colours(data[position + 8]) + 1
        elif kind == 0x21:
            position += 1
        else:
            continue
        while data[position] and blocks < MOST_BLOCKS:
            blocks += 1
            position += 1 + data[position]
        position += 1
    return frames


def _colours(flags: int) -> int:
    """Bytes of a table of colours, by the byte of flags before it."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
