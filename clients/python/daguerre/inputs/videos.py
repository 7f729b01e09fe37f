"""Videos that users pass in: paths, folders and globs, and the upload of one video in pieces."""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import Any, BinaryIO, TypeAlias

from daguerre.inputs import files
from daguerre.inputs.files import LeftOut
from daguerre.inputs.pieces import PIECE
from daguerre.progress import Progress

VideoLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any
LARGE = 8 * 2**20  # bytes from which an upload has a progress bar


class VideoUpload:
    """A video (path, bytes or open file) in pieces, from its beginning each time. A file that cannot seek is copied."""

    def __init__(self, given: VideoLike, title: str, shown: bool) -> None:
        self._title, self._shown = title, shown
        self._own: BinaryIO | None = None  # to be closed
        self._start = 0
        self._data: memoryview | None = None
        if isinstance(given, str | os.PathLike):
            path = os.fspath(given)
            if not os.path.exists(path):
                raise FileNotFoundError(f"video: there is no {path!r}; give the path of a file, bytes or an open file")
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise OSError(f"video: {path!r} is no regular file; give one video, by the path of its file")
            self._file: Any = open(given, "rb")  # noqa: SIM115  # close() does
            self._own = self._file
        elif isinstance(given, bytes | bytearray | memoryview):
            self._data = memoryview(given).cast("B")
            self.size = self._data.nbytes
            return
        elif hasattr(given, "read"):
            self._file = given
            if not (hasattr(given, "seekable") and given.seekable()):
                self._own = self._file = tempfile.TemporaryFile()  # noqa: SIM115
                shutil.copyfileobj(given, self._file)
                self._file.seek(0)
            self._start = self._file.tell()
        else:
            raise TypeError(f"video: got {type(given).__name__}; give a path, bytes or an open binary file")
        self.size = self._file.seek(0, os.SEEK_END) - self._start

    async def __call__(self) -> AsyncIterator[bytes]:
        shown = self._shown and self.size >= LARGE
        with Progress(shown, total=self.size // PIECE, what=f"send {self._title}", unit="MiB") as bar:
            at = 0
            while piece := await self._piece(at):
                yield piece
                at += len(piece)
                bar.add(1 if len(piece) == PIECE else 0)

    async def _piece(self, at: int) -> bytes:
        if self._data is not None:
            return bytes(self._data[at : at + PIECE])

        def read() -> bytes:
            self._file.seek(self._start + at)
            piece = self._file.read(PIECE)
            if not isinstance(piece, bytes):
                raise TypeError('video: the file is open as text; open it with mode "rb"')
            return piece

        return await asyncio.to_thread(read)

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


def video_name(given: VideoLike) -> str:
    where = given if isinstance(given, str | os.PathLike) else getattr(given, "name", None)
    return os.path.basename(os.fspath(where)) if isinstance(where, str | os.PathLike) else "video"


def video_paths(given: str | Sequence[str]) -> list[str]:
    """The paths of videos in folders, of files and globs, each once. Warns of files that are no videos.

    Raises
    ------
    FileNotFoundError, ValueError : there is no such file, or no video in it.
    """
    account = LeftOut()
    paths: list[str] = []
    for path in [given] if isinstance(given, str) else given:
        if os.path.isdir(path):
            paths += files.walk(path.rstrip("/" + os.sep) or path, "video", account)
        elif files.GLOB & set(path) and not os.path.exists(path):
            paths += files.matching(path, "video", account)
        elif os.path.exists(path) or not isinstance(given, str):
            paths.append(path)
        else:
            raise FileNotFoundError(f"there is no {path!r}; give a folder, a file or a glob that exists")
    if not paths:
        others = f", only {account}" if account else ""
        raise ValueError(f"no video was found in {given if isinstance(given, str) else ', '.join(given)}{others}")
    account.warn()
    return list(dict.fromkeys(paths))
