"""Whether a video file is whole: whether it is as long as its own container states."""

from typing import BinaryIO

from models.video.containers import read_box

_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_HEAD = 1 << 16  # bytes at the start in which the header of an ASF lies
_TAIL = 1 << 17  # bytes at the end of an Ogg in which its last pages lie; a page has 64 KiB at most
_MAX_BOXES = 100_000  # at the top of an MP4: in fragments of a second, a day has 86,400
_SEGMENT = b"\x18\x53\x80\x67"


def is_cut(file: BinaryIO, demuxer: str) -> bool:
    """Whether the file ends before its container states. False where that is not stated (MPEG-PS, FLV, MXF)."""
    size = file.seek(0, 2)
    found = _ENDINGS.get(demuxer)
    try:
        return found is not None and found(file, size)
    finally:
        file.seek(0)


def has_index(file: BinaryIO) -> bool:
    """Whether an MP4 or MOV has its index (moov), all of it."""
    size = file.seek(0, 2)
    try:
        return any(kind == b"moov" and end <= size for kind, end in _boxes(file, size))
    finally:
        file.seek(0)


def _boxes(file: BinaryIO, size: int) -> list[tuple[bytes, int]]:
    """Kinds and ends of the boxes at the top of an MP4."""
    boxes: list[tuple[bytes, int]] = []
    position = 0
    while position + 8 <= size and len(boxes) < _MAX_BOXES:
        length, kind, start, _ = read_box(file, position, size)
        if length < start:
            break
        position += length
        boxes.append((kind, position))
    return boxes


def _mov(file: BinaryIO, size: int) -> bool:
    boxes = _boxes(file, size)
    known = {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"free", b"skip", b"wide", b"udta", b"meta", b"uuid", b"sidx"}
    return bool(boxes) and boxes[-1][0] in known and boxes[-1][1] > size


def _matroska(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    head = file.read(4096)
    at = head.find(_SEGMENT)
    if at < 0 or at + 12 > len(head) or not head[at + 4]:
        return False
    width = 9 - head[at + 4].bit_length()  # bytes of the length, by the place of its first bit
    most = (1 << 7 * width) - 1
    length = int.from_bytes(head[at + 4 : at + 4 + width], "big") & most
    return length != most and at + 4 + width + length > size  # all ones: not known


def _avi(file: BinaryIO, size: int) -> bool:
    position = 0
    while position + 12 <= size:  # a long one has several parts
        file.seek(position)
        head = file.read(12)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or not length:
            return False
        position += 8 + length + length % 2
        if position > size + 1:
            return True
    return False


def _asf(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    head = file.read(_HEAD)
    at = head.find(_ASF_PROPERTIES)
    return at >= 0 and len(head) >= at + 48 and int.from_bytes(head[at + 40 : at + 48], "little") > size


def _ogg(file: BinaryIO, size: int) -> bool:
    """Whether no page at the end has the mark of a stream's end."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.find(b"OggS")
    while at >= 0:
        if len(tail) > at + 5 and tail[at + 5] & 4:
            return False
        at = tail.find(b"OggS", at + 4)
    return True


def _mpegts(file: BinaryIO, size: int) -> bool:
    """Whether it ends within a packet, where it begins with one."""
    file.seek(0)
    head = file.read(1024)
    for packet, offset in ((188, 0), (192, 4), (204, 0)):
        syncs = head[offset::packet]
        if len(syncs) >= 3 and set(syncs) == {0x47}:
            return size % packet != 0
    return False


def _dv(file: BinaryIO, size: int) -> bool:
    file.seek(3)
    return size % (144_000 if file.read(1) == b"\xbf" else 120_000) != 0


def _gif(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - 64))
    return not file.read().rstrip(b"\0").endswith(b";")


_ENDINGS = {
    "mov": _mov,
    "matroska": _matroska,
    "avi": _avi,
    "asf": _asf,
    "ogg": _ogg,
    "mpegts": _mpegts,
    "dv": _dv,
    "gif": _gif,
}
