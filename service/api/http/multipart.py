"""Streaming parser of multipart forms: videos on disk, everything else in memory."""

import tempfile
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import TooLarge
from service.settings import Settings
from service.stores.files import UPLOADS

SUFFIXES = (  # curl and browsers often send application/octet-stream
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".flv", ".wmv", ".asf", ".ogv"),
)


def is_video(part: UploadFile) -> bool:
    """Whether a part is a video, by its content type or by the suffix of its name."""
    kind = (part.content_type or "").partition(";")[0].strip().lower()
    return kind.startswith("video/") or (part.filename or "").lower().endswith(SUFFIXES)


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
        self._of_video = 0

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part.file
        self._of_video = 0
        if part is not None and is_video(part):
            part.file.close()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = tempfile.NamedTemporaryFile(dir=self._folder, prefix="upload_", delete=False)  # noqa: SIM115
            self.paths.append(Path(made.name))
            self._files_to_close_on_error.append(made)  # type: ignore[arg-type]
            part.file = made  # type: ignore[assignment]

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
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
        super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None:
            try:
                bytes(part.data).decode(self._charset)
            except (UnicodeDecodeError, LookupError) as exc:
                raise MultiPartException(f"a text of it is not {self._charset}; send UTF-8") from exc
        super().on_part_end()

    def close(self) -> None:
        """Close the files after an error raised here, which the library does not expect."""
        for file in self._files_to_close_on_error:
            file.close()
