"""Detection of the container format from the bytes, and a limit on the samples that an MP4 announces.

The detected format forces FFmpeg's demuxer, so that demuxers which open further files (playlists, concatenations,
image sequences, SDP) cannot be reached.
"""

from collections.abc import Iterator
from typing import BinaryIO

from models.errors import InvalidVideo, UnsupportedVideo, VideoTooLarge

READ = "MP4, MOV, WebM, MKV, AVI, MPEG (PS or TS), FLV, WMV, OGV, MXF, DV or GIF"
HEAD = 1024  # bytes that tell the kind

# demuxers whose streams are not known before packets were read
HEADERLESS = frozenset({"mpegts", "mpeg", "flv"})

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"OggS", "ogg"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "mxf"),
    (b"\x1f\x07\x00\x3f", "dv"),  # 60 fields a second
    (b"\x1f\x07\x00\xbf", "dv"),  # 50
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "an HLS playlist, which only names other files: send the video file itself"),
    (b"ffconcat", "a list of files for FFmpeg: send one video file"),
    (b"[playlist]", "a playlist: send the video file itself"),
    (b"v=0", "an SDP session description: send a video file"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"ID3", "an MP3 audio file"),
    (b"fLaC", "a FLAC audio file"),
    (b"\0\0\x01\xb3", "a raw MPEG video stream: put it into a container (MP4, MKV)"),
    (b"\0\0\0\x01", "a raw H.264 or H.265 stream: put it into a container (MP4, MKV)"),
    (b"YUV4MPEG2", "raw YUV4MPEG video: put it into a container (MP4, MKV)"),
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"%PDF", "a PDF document"),
    (b".RMF", "RealMedia"),
    (b"\x06\x0e\x2b\x34", "MXF of a rare kind"),
    (b"http://", "a URL: send the video's bytes"),
    (b"https://", "a URL: send the video's bytes"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_STILLS = {b"avif": "an AVIF image", b"heic": "a HEIC image", b"heix": "a HEIC image", b"mif1": "a HEIF image"}

_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts"})
_COUNTS = {b"stsz": 8, b"stz2": 8, b"trun": 4, b"stss": 4, b"elst": 4}  # where after the header the 32-bit number lies
_DEPTH = 8
_SYNCS = 4  # packets in `HEAD` bytes, wherever the first one begins
_MAX_BOXES = 200_000


def sniff(head: bytes) -> str:
    """Name the demuxer: "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf", "dv" or "gif".

    Parameters
    ----------
    head : the first `HEAD` bytes, or all there are.

    Raises
    ------
    InvalidVideo
        There are no bytes.
    UnsupportedVideo
        They are something else; the message says what they look like.
    """
    if not head:
        raise InvalidVideo("video is empty (0 bytes): send the bytes of a video file")
    for start, demuxer in _STARTS:
        if head.startswith(start):
            return demuxer
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _STILLS:
            raise _unsupported(_STILLS[head[8:12]])
        return "mov"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if not _is_text(head) and _is_mpegts(head):
        return "mpegts"
    raise _unsupported(_describe(head))


def check_structure(file: BinaryIO, demuxer: str, *, max_samples: int) -> None:
    """Refuse an MP4 whose tables announce more samples than the limit: they cost memory before a byte of them is read.

    Raises
    ------
    VideoTooLarge
        With the number.
    InvalidVideo
        More boxes than any program writes.
    """
    if demuxer != "mov":
        return
    samples = 0
    tracks: dict[int, list[tuple[bytes, bytes]]] = {}  # boxes of each: kind, what follows the header
    for track, kind, body in _boxes(file):
        tracks.setdefault(track, []).append((kind, body))
    for boxes in tracks.values():
        plain_sound = (b"hdlr", b"soun") in [(kind, body[8:12]) for kind, body in boxes] and [
            (body[4:8], body[12:16]) for kind, body in boxes if kind == b"stts"
        ] == [(b"\0\0\0\1", b"\0\0\0\1")]  # PCM: one "sample" for each 1/48000 s, which FFmpeg indexes by chunks
        for kind, body in boxes:
            if kind in _COUNTS and not (plain_sound and kind == b"stsz"):
                samples += int.from_bytes(body[_COUNTS[kind] : _COUNTS[kind] + 4], "big")
    file.seek(0)
    if samples > max_samples:
        raise VideoTooLarge(f"video announces {samples:,} samples, the limit is {max_samples:,}: cut it into parts")


def _boxes(file: BinaryIO) -> Iterator[tuple[int, bytes, bytes]]:
    """Boxes that say how much there is: where their track begins (0: in none), kind, first bytes after the header."""
    open_boxes = [(0, file.seek(0, 2), 0, 0)]
    seen = 0
    while open_boxes:
        position, end, track, depth = open_boxes.pop()
        while position + 8 <= end:
            seen += 1
            if seen > _MAX_BOXES:
                raise InvalidVideo(
                    f"MP4 has more than {_MAX_BOXES:,} boxes, which no program writes: re-save the video"
                )
            size, kind, start, head = read_box(file, position, end)
            if size < start:
                break
            if kind in _COUNTS or kind in (b"hdlr", b"stts"):
                yield track, kind, head[start:]
            elif kind in _PARENTS and depth < _DEPTH:
                inside = position if kind == b"trak" else track
                open_boxes.append((position + start, min(end, position + size), inside, depth + 1))
            position += size


def read_box(file: BinaryIO, position: int, end: int) -> tuple[int, bytes, int, bytes]:
    """The box of an MP4 at `position`, of those up to `end`.

    Returns
    -------
    size, kind : of the box; a size below `start` is not valid.
    start : where its content begins, in `head`.
    head : its first 40 bytes.
    """
    file.seek(position)
    head = file.read(40)
    size, kind, start = int.from_bytes(head[:4], "big"), head[4:8], 8
    if size == 1:
        size, start = int.from_bytes(head[8:16], "big"), 16
    return end - position if size == 0 else size, kind, start, head  # 0: to the end


def _is_mpegts(head: bytes) -> bool:
    """Whether packets follow each other: from the start, or, cut out of a longer file, from anywhere."""
    for packet, usual in ((188, 0), (192, 4), (204, 0)):  # plain, with a timecode (M2TS), with error correction
        for offset in range(packet):
            syncs = head[offset::packet]
            if len(syncs) >= (3 if offset == usual else _SYNCS) and set(syncs) == {0x47}:
                return True
    return False


def _is_text(head: bytes) -> bool:
    return all(9 <= byte < 127 for byte in head)


def _unsupported(what: str) -> UnsupportedVideo:
    way = "" if ": " in what else f", which is not read here: send {READ}"
    return UnsupportedVideo(f"video looks like {what}{way}")


def _describe(head: bytes) -> str:
    for start, what in _OTHERS:
        if head.removeprefix(b"\xef\xbb\xbf").startswith(start):
            return what
    if head.startswith(b"RIFF"):
        return {b"WAVE": "a WAV audio file", b"WEBP": "a WebP image"}.get(head[8:12], "a RIFF file")
    if b"<MPD" in head:
        return "a DASH manifest, which only names other files: send the video file itself"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "an MP3 or AAC audio file"
    if not head.strip(b"\0"):
        return "zeros only"
    if _is_text(head):
        return "text"
    return f"unknown data (its first bytes are {head[:4].hex(' ')})"
