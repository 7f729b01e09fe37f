"""Detection of the image format, choice of its decoder, and checks of the file structure before decoding.

The file's name and declared content type are ignored. `sniff` detects supported formats and describes other bytes
in its error. `pillow_name` gives the one plug-in allowed to try them.
`check_structure` bounds the work that small files can ask of a decoder where the pixel limit does not: a JPEG
of thousands of empty scans (each costs a pass over every pixel; see the libjpeg-turbo project's "Two Issues
with the JPEG Standard", LJT-01-004), or a flood of tiny metadata segments, which are read one at a time.
"""

import functools
import re

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

from models.errors import InvalidImage, UnsupportedImage
from models.images import jpeg2000

MAX_JPEG_SCANS = 128  # a progressive photo has about 10; a multi-picture file holds several photos
MAX_JPEG_SEGMENTS = 512  # before the first scan; 20 MiB of full segments are 320
MAX_CHUNKS = 65_536  # PNG chunks; an encoder that writes them small makes a few thousand
MAX_GIF_BLOCKS = 4_096  # extension blocks before the first frame; 100 kB of XMP make about 1,500

READ = "JPEG, PNG, GIF, BMP, WebP, TIFF or AVIF"

_TIFF = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\0")  # boxes, and the bare codestream
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_JPEG_SCAN = re.compile(rb"\xff\xda\x00[\x06\x08\x0a\x0c\x0e]")  # chance hits, in a trailing video, are rare
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")

# the start of the bytes -> what they look like; the first row that fits
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska video"),
    (b"FLV\x01", "a Flash video"),
    (b"\0\0\x01\xba", "an MPEG video"),
    (b"OggS", "an Ogg audio or video file"),
    (b"ID3", "an MP3 audio file"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"\0\0\x02\0", "a Windows cursor, or a TGA image"),
    (b"icns", "a macOS icon"),
    (b"II\xbc", "a JPEG XR image"),
    (b"BPG\xfb", "a BPG image"),
    (b"FLIF", "a FLIF image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"gimp xcf", "a GIMP image"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"FUJIFILM", "a Fujifilm raw photo"),
    (b"IIU\0", "a Panasonic raw photo"),
    (b"IIRO", "an Olympus raw photo"),
    (b"\x06\x0e\x2b\x34", "an MXF video"),
    (b"\0\0\x01\xb3", "an MPEG video"),
    (b"\x1f\x07\0", "a DV video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a WMV video"),
    (b"%!PS", "a PostScript document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"qoif", "a QOI image"),
    (b"DDS ", "a DDS texture"),
    (b"/9j/", "a base64 text of a JPEG: decode it, and send the bytes"),
    (b"iVBORw0KGgo", "a base64 text of a PNG: decode it, and send the bytes"),
    (b"data:", "a data URI: decode its base64, and send the bytes"),
    (b"http://", "a URL: send the image's bytes"),
    (b"https://", "a URL: send the image's bytes"),
)


class _Silence:
    """Stands for `warnings` inside Pillow's decoders, which warn about odd metadata in files that are fine.

    A warning filter would not do: filters belong to the process, are reset by others (pytest does) and cannot
    be set for one thread; under `-W error` a stray EXIF tag would fail a good image.
    """

    @staticmethod
    def warn(*_: object, **__: object) -> None: ...


# importing a plug-in registers it; those not named here stay out of reach
_PLUGINS = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "mpo": MpoImagePlugin.MpoImageFile,  # reached through the JPEG plug-in
    "png": PngImagePlugin.PngImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "jpeg2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
for _module in (Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin):
    setattr(_module, "warnings", _Silence)  # noqa: B010  (mypy refuses the plain assignment)


def sniff(data: bytes) -> str:
    """Name the image format: "jpeg", "png", "gif", "bmp", "webp", "tiff", "jpeg2000", "avif" or "heic".

    Raises
    ------
    InvalidImage
        There are no bytes.
    UnsupportedImage
        They are something else; the message says what they look like.
    """
    if not data:
        raise InvalidImage("image is empty (0 bytes): send the bytes of an image file")
    head = bytes(data[:64])
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(_TIFF) and head[8:10] != b"CR":  # CR: Canon's raw photos, TIFF by their first bytes
        return "tiff"
    if head.startswith(_JPEG_2000):
        return "jpeg2000"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if head[4:8] == b"ftyp":
        box = bytes(data[8 : max(12, min(int.from_bytes(head[:4], "big"), 256))])
        brands = {box[:4], *(box[i : i + 4] for i in range(8, len(box), 4))}
        if not brands.isdisjoint((b"avif", b"avis")):
            return "avif"
        if not brands.isdisjoint(_HEIF_BRANDS):
            return "heic"
    what = _describe(data)
    way = "" if ": " in what else f", which is not read here: send {READ}"
    raise UnsupportedImage(f"image looks like {what}{way}")


def _describe(data: bytes) -> str:
    head = bytes(data[:1024])
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return what
    if head[4:8] == b"ftyp":
        return "a QuickTime or MP4 video" if head[8:12] != b"crx " else "a Canon raw photo"
    if head.startswith(b"RIFF"):
        return {b"AVI ": "an AVI video", b"WAVE": "a WAV audio file"}.get(head[8:12], "a RIFF file")
    if head.startswith(b"II*\0"):
        return "a Canon raw photo"
    if not head.strip(b"\0"):
        return "zeros only"
    if len(head) > 132 and head[128:132] == b"DICM":
        return "a DICOM image"
    if re.match(rb"P[1-7fF]\s+[#\d]|P7\n", head) and not _is_text(head):
        return "a PNM image (PBM, PGM, PPM or PAM)"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if text.startswith((b"{", b"[")):
        return "JSON"
    if _is_text(head):
        return "plain text"
    return f"unknown data (its first bytes are {head[:4].hex(' ')})"


def _is_text(head: bytes) -> bool:
    if re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", head):
        return False
    try:
        head[:-3].decode()  # the cut may fall inside a character
    except UnicodeDecodeError:
        return False
    return True


def pillow_name(kind: str) -> str:
    """Name the Pillow plug-in of a format that `sniff` returned.

    Raises
    ------
    UnsupportedImage
        It is not installed here; the message says how to get it.
    """
    if kind == "heic":
        return _register_heif()
    if kind == "avif":
        return _register_avif()
    if kind == "jpeg2000" and not features.check("jpg_2000"):
        raise UnsupportedImage("image is JPEG 2000, which this server cannot read: send JPEG or PNG")
    return str(_PLUGINS[kind].format)


@functools.cache
def _register_avif() -> str:
    try:
        from PIL import AvifImagePlugin  # Pillow 11.3 and newer
    except ImportError as exc:
        raise UnsupportedImage("image is AVIF, which this server cannot read: send JPEG or PNG") from exc
    if not features.check("avif"):
        raise UnsupportedImage("image is AVIF, which this server cannot read: send JPEG or PNG")
    return AvifImagePlugin.AvifImageFile.format


@functools.cache
def _register_heif() -> str:
    try:
        import pillow_heif
    except ImportError as exc:
        raise UnsupportedImage(
            "image is HEIC, which this server reads only with an optional extra: send JPEG or PNG, or have"
            " its operator run pip install 'daguerre-service[heic]'"
        ) from exc
    pillow_heif.register_heif_opener()
    return "HEIF"


def check_structure(data: bytes, kind: str) -> None:
    """Refuse a file whose number of parts no camera or program writes.

    Raises
    ------
    InvalidImage
        With the number that was exceeded.
    UnsupportedImage
        A variant of JPEG 2000.
    """
    if kind == "jpeg":
        _check_jpeg(data)
    elif kind == "png":
        _check_png(data)
    elif kind == "gif":
        _check_gif(data)
    elif kind == "jpeg2000":
        jpeg2000.check(data)


def _refuse(kind: str, limit: int, what: str) -> InvalidImage:
    return InvalidImage(f"{kind} has more than {limit:,} {what}, which no camera writes: re-save the image")


def _check_jpeg(data: bytes) -> None:
    if len(_JPEG_SCAN.findall(data)) > MAX_JPEG_SCANS:
        raise _refuse("JPEG", MAX_JPEG_SCANS, "scans")
    position, segments, junk = 2, 0, 0
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            found = data.find(b"\xff", position)
            junk += (found if found >= 0 else len(data)) - position
            position = found if found >= 0 else len(data)
        elif (marker := data[position + 1]) == 0xDA:
            return
        elif 0xC0 <= marker < 0xFF and not 0xD0 <= marker <= 0xD9:
            segments += 1
            position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4], "big"))
        else:  # padding, or a marker without a body
            junk += 1
            position += 1 if marker == 0xFF else 2
        if segments > MAX_JPEG_SEGMENTS or junk > MAX_CHUNKS:
            raise _refuse("JPEG", MAX_JPEG_SEGMENTS, "header segments")


def _check_png(data: bytes) -> None:
    position, chunks = 8, 0
    while position + 8 <= len(data):
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise _refuse("PNG", MAX_CHUNKS, "chunks")
        position += 12 + int.from_bytes(data[position : position + 4], "big")


def _check_gif(data: bytes) -> None:
    if len(data) < 13:
        return
    position, blocks = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0), 0
    while position + 2 < len(data) and data[position] != 0x2C:  # 0x2C: the first frame
        if data[position] == 0x21:
            position += 2
            while position < len(data) and data[position] and blocks <= MAX_GIF_BLOCKS:
                blocks += 1
                position += 1 + data[position]
        blocks += 1
        position += 1
        if blocks > MAX_GIF_BLOCKS:
            raise _refuse("GIF", MAX_GIF_BLOCKS, "blocks before its first frame")
