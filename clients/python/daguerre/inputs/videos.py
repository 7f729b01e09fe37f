"""Videos that users pass in: paths, folders and globs, and the upload of one video in pieces."""

import asyncio
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, TypeAlias, cast

from daguerre.inputs import files
from daguerre.inputs.alignment import id_texts
from daguerre.inputs.columns import is_path, plain
from daguerre.inputs.files import LeftOut
from daguerre.inputs.pieces import PIECE
from daguerre.inputs.source import GLOB, CommonParent
from daguerre.progress import Progress

VideoLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any
Videos: TypeAlias = VideoLike | Iterable[VideoLike] | Mapping[Any, VideoLike]
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
        elif GLOB & set(path) and not os.path.exists(path):
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


def named_videos(given: Videos, ids: Sequence[str] | None = None) -> list[tuple[str, VideoLike]]:
    """Videos with their ids: those of folders, globs and files below what is given, keys of a mapping, or `ids`.

    Videos in memory have the name of their file, or else their number. A path that is not there is one of the videos
    where several are given, and fails when it is read.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError : there is no video, or there are more or fewer ids than videos.
    """
    if isinstance(given, Mapping):
        named = [(str(key), video) for key, video in given.items()]
    elif is_path(given):
        source = os.fsdecode(cast(Any, given))
        named = [(id, path) for path, id in video_ids(source, video_paths(source)).items()]
    elif isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read"):
        named = [(video_name(given), given)]
    elif not isinstance(given, Iterable):
        raise TypeError(
            f"videos: got {type(given).__name__}; give paths, folders, globs, bytes, open files, or a list of these"
        )
    else:
        items = [plain(item) for item in given]
        if items and all(map(is_path, items)):
            sources = [os.fsdecode(item) for item in items]
            named = [(id, path) for path, id in video_ids(sources, video_paths(sources)).items()]
        else:
            named = []
            for i, item in enumerate(items):
                name = video_name(item)
                named.append((str(i) if name == "video" else name, item))
    if not named:
        raise ValueError("videos: there is none; give at least one")
    if ids is not None:
        names = id_texts(ids, "ids")
        if len(names) != len(named):
            raise ValueError(f"ids: {len(names)} for {len(named)} videos; give one for each")
        named = [(name, video) for name, (_, video) in zip(names, named, strict=True)]
    if repeated := [id for id, n in Counter(id for id, _ in named).items() if n > 1]:
        raise ValueError(f"videos: {len(repeated):,} ids are those of several, the first is {repeated[0]!r}; give ids=")
    return named


def first_of_videos_alone(source: str) -> str | None:
    """The first video of a file, a folder or a glob that has videos and no image; None for all others."""
    try:
        if os.path.isfile(source):
            return source if files.file_kind(source) == "video" else None
        if os.path.isdir(source):
            there = [next(iter(files.walk(source, kind)), None) for kind in ("image", "video")]
            return there[1] if there[0] is None else None
        if GLOB & set(source):
            with suppress(FileNotFoundError):
                files.matching(source)
                return None
            return files.matching(source, "video")[0]
    except OSError:
        pass  # reading it will say what is wrong
    return None


def video_ids(given: str | Sequence[str], paths: Sequence[str]) -> dict[str, str]:
    """The ids of the videos by their paths, as those of images: below what was given, or its common parent."""
    parent = CommonParent()
    for source in [given] if isinstance(given, str) else given:
        parent.add(source)
    return {path: parent.id_of(path) for path in paths}
