"""Streaming parser of multipart forms: videos on disk, everything else in memory."""

import codecs
import email.message
import io
import os
import re
import tempfile
from email.utils import collapse_rfc2231_value
from pathlib import Path

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from models.errors import ItemError, quoted
from models.images import formats
from models.video import containers
from service.errors import TooLarge
from service.settings import Settings
from service.stores.claims import claim
from service.stores.disk_budget import DiskBudget
from service.stores.files import UPLOADS

SUFFIXES = (  # curl and browsers often send application/octet-stream
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".flv", ".wmv", ".asf", ".ogv"),
)


ASCII = (bytes(range(128)), rb"\x41\u0041", b"xn--mnchen-3ya")  # the latter two are unicode_escape's and idna's
_EXTENDED = re.compile(rb";\s*(?:file)?name\*", re.IGNORECASE)
_PLAIN_NAME = re.compile(rb";\s*filename=(?:\"[^\"]*\"|[^;]*)", re.IGNORECASE)


def is_video(part: UploadFile) -> bool:
    """Whether the parser has recognised a part as a video, by its content type, its name, or its first bytes."""
    return isinstance(part.file, io.BufferedRandom)


def _is_called_video(part: UploadFile) -> bool:
    kind = (part.content_type or "").partition(";")[0].strip().lower()
    return kind.startswith("video/") or (part.filename or "").lower().endswith(SUFFIXES)


def _begins_as_video(head: bytes) -> bool:
    """Whether a file without a telling name is a video: clients often send one as application/octet-stream."""
    try:
        formats.sniff(head)
    except ItemError:
        pass  # no image
    else:
        return False
    try:
        containers.sniff(head)
    except ItemError:
        return False
    return True


def _plain_disposition(header: bytes) -> bytes:
    """A Content-Disposition whose name and filename have none of the forms of RFC 2231, as filename*=UTF-8''%C3%BC.jpg.

    Forms should not have them (RFC 7578, 4.2), and several clients send them.
    """
    if not _EXTENDED.search(header):
        return header
    if b"filename*" in header.lower():
        header = _PLAIN_NAME.sub(b"", header)  # which is there for clients that cannot read the other
    parsed = email.message.Message()
    parsed["content-disposition"] = header.decode("latin-1")
    plain = b"form-data"
    for name in ("name", "filename"):
        value = _decoded(parsed, name)
        if value is not None:
            text = value.replace("\\", "\\\\").replace('"', '\\"')
            plain += b'; %s="%s"' % (name.encode(), text.encode("utf-8", "replace"))
    return plain


def _decoded(parsed: email.message.Message, name: str) -> str | None:
    """A parameter of the Content-Disposition, in any form of RFC 2231. Raises MultiPartException."""
    try:
        value = parsed.get_param(name, None, "content-disposition")
        if isinstance(value, tuple) and value[0]:
            require_text_codec(value[0])
        return None if value is None else collapse_rfc2231_value(value)
    except (
        TypeError,
        ValueError,
        LookupError,
    ) as exc:  # of the standard library, where forms are mixed
        raise MultiPartException(
            "the Content-Disposition of a part has one parameter in several forms of RFC 2231; send it once, as "
            'name="…" or filename="…" in UTF-8'
        ) from exc


def require_text_codec(charset: str) -> str:
    """The name of a codec in which ASCII is ASCII: UTF-8, Latin-1, but not UTF-16. Raises MultiPartException.

    Python has codecs that are no charset of texts (undefined, punycode, hex), and names of parts are ASCII.
    """
    try:
        codec = codecs.lookup(charset).name
        if all(probe.decode(codec) == probe.decode("ascii") for probe in ASCII):
            return codec
    except (LookupError, ValueError):  # a UnicodeError is a ValueError, and so is the error of a null character
        pass
    raise MultiPartException(f"its charset {quoted(charset)} is none that is read here; send UTF-8")


def _charset_of(content_type: bytes) -> str | None:
    """The charset that a part declares."""
    charset = parse_options_header(content_type)[1].get(b"charset")
    return None if charset is None else require_text_codec(charset.decode("latin-1"))


def _is_binary(content_type: bytes) -> bool:
    """Whether a part without a file name is a file all the same."""
    return content_type.strip().lower().startswith((b"image/", b"video/", b"application/octet-stream"))


def path_of(part: UploadFile) -> Path:
    """Path of a video on disk."""
    return Path(str(part.file.name))


class Parser(MultiPartParser):
    """Starlette's parser, with an error for texts that are not in their charset instead of Latin-1.

    Images stay in memory, since they may show people and must not remain on disk. Videos are too large for that.
    """

    def __init__(self, request: Request, stream: object, settings: Settings) -> None:
        super().__init__(
            request.headers,
            stream,  # type: ignore[arg-type]
            max_files=settings.max_items + 1,
            max_fields=settings.max_items + 10_000,
            max_part_size=settings.max_body_bytes,
        )
        self.spool_max_size = settings.max_body_bytes
        self.on_disk = 0  # bytes of videos written to disk
        self.paths: list[Path] = []
        self._folder = settings.home / UPLOADS
        self._each, self._together = settings.max_video_bytes, settings.max_file_bytes
        self._of_video = self._given = 0
        self._disk = DiskBudget(settings)
        self._head: bytearray | None = None  # the first bytes of a file whose kind is not known yet

    def on_headers_finished(self) -> None:
        part = self._current_part
        part.content_disposition = _plain_disposition(part.content_disposition or b"")
        options = parse_options_header(part.content_disposition)[1]
        if not options.get(b"name"):
            raise MultiPartException('a part of it has no name; give it one, for example name="input"')
        if b"filename" not in options and _is_binary(dict(part.item_headers).get(b"content-type", b"")):
            part.content_disposition += b'; filename=""'
        super().on_headers_finished()
        file = self._current_part.file
        self._of_video = self._given = 0
        self._head = None
        if file is not None and _is_called_video(file):
            self._keep_on_disk(file)
        elif file is not None:
            self._head = bytearray()

    def _keep_on_disk(self, part: UploadFile) -> None:
        part.file.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._new_file()
        self.paths.append(path)
        made = open(path, "w+b")  # noqa: SIM115  # close() does
        self._files_to_close_on_error.append(made)  # type: ignore[arg-type]
        part.file = made

    def _new_file(self) -> Path:
        """A file that is removed at the next start if this process is killed."""
        while True:
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="upload_")
            os.close(descriptor)
            if claim(Path(name)):
                return Path(name)

    def _decide(self) -> None:
        """Give the bytes that were held back to a file on disk if they begin as a video does, or else to memory."""
        part, head = self._current_part.file, self._head
        self._head = None
        if part is None or head is None:
            return
        if _begins_as_video(bytes(head)):
            self._keep_on_disk(part)
        if head:
            self._add(bytes(head), 0, len(head))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._head is None:
            self._add(data, start, end)
            return
        self._head += data[start:end]
        if len(self._head) >= containers.HEAD:
            self._decide()

    def _add(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part.file
        if part is not None and is_video(part):
            self._of_video += end - start
            self.on_disk += end - start
            if self._of_video > self._each:
                raise TooLarge(
                    f"input: {part.filename or 'a video'} has more than {self._each:,} bytes, which is the limit; cut "
                    "it into parts, or raise DAGUERRE_MAX_VIDEO_BYTES",
                    code="video_too_large",
                    param="input",
                )
            if self.on_disk > self._together:
                raise TooLarge(
                    f"input: the videos have more than {self._together:,} bytes together, which is the limit; send "
                    "them in several requests",
                    code="body_too_large",
                    param="input",
                )
            if self._of_video > self._given:
                self._given = self._disk.extend(part.file, self._of_video)
        super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        self._decide()
        part = self._current_part
        if part.file is not None and is_video(part.file):
            part.file.file.truncate(self._of_video)
        if part.file is None:
            charset = _charset_of(dict(part.item_headers).get(b"content-type", b"")) or self._charset
            try:
                text = bytes(part.data).decode(charset)
            except UnicodeError as exc:
                raise MultiPartException(f"a text of it is not {charset}; send UTF-8") from exc
            if charset != self._charset:
                part.data = bytearray(text.encode(self._charset, "replace"))
        super().on_part_end()

    def close(self) -> None:
        """Close the files after an error raised here, which the library does not expect."""
        for file in self._files_to_close_on_error:
            file.close()
