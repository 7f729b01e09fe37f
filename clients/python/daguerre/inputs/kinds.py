"""The kind of a file, by its first bytes or by its ending: image, video, or neither."""

import os
import re
from typing import Literal

Kind = Literal["image", "video"]
HEAD = 1024  # bytes of a file that show its kind
ENDINGS: dict[Kind, frozenset[str]] = {
    "image": frozenset(
        [
            *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic"),
            ".heif",
        ]
    ),
    "video": frozenset(
        [
            *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".vob", ".m2ts"),
            *(".flv", ".f4v", ".wmv", ".asf", ".ogv", ".mxf", ".dv"),
        ]
    ),
}  # .ts, .mts and .ogg are also the endings of other files: there the bytes decide
RAW = frozenset(
    [
        *(".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    ]
)  # files of camera sensors: many begin as a TIFF does, whose only picture is a small preview
_IMAGES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *(b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51", b"\0\0\0\x0cJXL ", b"\xff\x0a"),
)
_VIDEOS = (
    *(b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",  # MXF
    *(b"\x1f\x07\0\x3f", b"\x1f\x07\0\xbf"),  # DV
)
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_STILL = re.compile(rb"avif|avis|mif1|msf1|hei[cxms]|hev[cxms]")  # brands of ISO files that hold pictures
_SOUND = re.compile(rb"M4[ABP] |F4[AB] |crx ")  # brands of ISO files that hold sound, or the data of a sensor
_ATOMS = (b"moov", b"wide", b"free", b"skip", b"pnot")  # with which files of QuickTime may begin
_OGG_VIDEO = (b"\x80theora", b"BBCD\0", b"\x01video\0\0\0", b"OVP80")
_PACKETS = (188, 192, 204)  # bytes of a packet of MPEG-TS, alone, with a time stamp, with a checksum
_SYNC = 0x47


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file that begins with `head`; None for text, sound, documents and all else."""
    if head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_bmp(head):
        return "image"
    if head[4:8] == b"ftyp":
        if _SOUND.match(head[8:12]):
            return None
        return "image" if _STILL.match(head[8:12]) else "video"
    if head.startswith(_VIDEOS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ") or _is_transport_stream(head):
        return "video"
    if head[4:8] == b"mdat" or (head[4:8] in _ATOMS and head[0] == 0):  # a text may have "free" there
        return "video"
    if head.startswith(b"OggS") and any(sign in head[:256] for sign in _OGG_VIDEO):
        return "video"
    return None


def named_kind(name: str) -> Kind | None:
    """The kind of a file that the ending of its name tells; None where its bytes have to be read."""
    ending = os.path.splitext(name)[1].lower()
    return next((kind for kind, endings in ENDINGS.items() if ending in endings), None)


def is_raw(name: str) -> bool:
    """Whether the ending of a name is that of a file of a camera's sensor."""
    return os.path.splitext(name)[1].lower() in RAW


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def _is_transport_stream(head: bytes) -> bool:
    """Whether packets of MPEG-TS follow one another, of which the first may be cut at its beginning."""
    if head.isascii():
        return False
    starts = [i for i, byte in enumerate(head[: _PACKETS[-1]]) if byte == _SYNC]
    return any(
        len(signs) >= 4 and signs.count(_SYNC) == len(signs)
        for size in _PACKETS
        for start in starts
        if start < size
        for signs in [head[start::size]]
    )
