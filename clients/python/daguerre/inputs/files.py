"""Images on disk: files, folders and globs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from daguerre.inputs.source import Unreadable
from daguerre.types.common import Payload

EXTENSIONS = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"]
)  # what counts as an image in a folder or a glob; a file that is named is sent whatever it is called
GLOB = frozenset("*?[")


class FileSource:
    """A file."""

    def __init__(self, path: str | os.PathLike[str], id: str | None = None) -> None:
        self.path = os.fspath(path)
        self.id = self.path if id is None else id

    @property
    def size_hint(self) -> int | None:
        try:
            return os.stat(self.path).st_size
        except OSError:
            return 0  # reading it will say what is wrong

    def read(self) -> Payload:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would be waited for, perhaps for ever
                raise Unreadable("unreadable_file", "cannot be read: it is no regular file")
            with open(self.path, "rb") as file:
                return Payload(image=file.read())
        except OSError as exc:
            raise Unreadable("unreadable_file", f"cannot be read: {exc.strerror or exc}; check the path") from exc


def walk(folder: str, extensions: frozenset[str] = EXTENSIONS) -> Iterator[str]:
    """Paths of the files in `folder` and below, sorted, one folder's names in memory at a time."""
    seen: set[tuple[int, int]] = set()

    def inside(place: str) -> Iterator[str]:
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            return  # a link back to a folder that we are in, or have been in
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as listed:
            entries = sorted((e for e in listed if not e.name.startswith(".")), key=lambda e: e.name)
        for entry in entries:
            if entry.is_dir():
                yield from inside(entry.path)
            elif os.path.splitext(entry.name)[1].lower() in extensions:
                yield entry.path

    return inside(folder)


def matching(pattern: str) -> list[str]:
    """Files that match a glob, sorted; ** goes into all folders but hidden and linked ones, which may lead back."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if GLOB & set(part))
    base, rest = Path(*parts[:first]), [part if part == "**" else part.replace("**", "*") for part in parts[first:]]
    if rest[-1] == "**":
        rest.append("*")  # without it, Path.glob gives folders only
    hidden = any(part.startswith(".") for part in rest)
    paths = base.glob("/".join(rest))
    return sorted(
        str(path)
        for path in paths
        if not path.is_dir() and (hidden or not any(part.startswith(".") for part in path.relative_to(base).parts))
    )


def relative(folder: str) -> Iterator[FileSource]:
    """The images of a folder, with ids relative to it in POSIX form, so that the folder can move."""
    for path in walk(folder):
        yield FileSource(path, Path(path).relative_to(folder).as_posix())
