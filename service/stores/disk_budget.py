"""Limits on the bytes of uploads, studies and collections, over all processes of one home."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from typing import IO

from service.errors import DiskFull, TooLarge
from service.settings import Settings

DATABASES = ("study.sqlite3", "study.sqlite3-wal")  # of each study
PLACES = (  # below DAGUERRE_HOME
    *("files/*/data.*", "uploads/upload_*", "studies/*/vectors/*.f32"),
    *(f"studies/*/{name}" for name in DATABASES),
)
FRESH = 5.0  # seconds
RESERVE = 64 * 2**20  # bytes that a write of a collection leaves free on the disk
SIZES = "studies/*/pictures.size"  # files with the bytes of the pictures of each study
STEP = 4 * 2**20  # bytes that a file grows by, as far as there is space


class DiskBudget:
    """The space of uploads. A file is extended before it is written, so that its size is what it may use.

    Every process adds up the sizes under a lock, so that uploads at once do not exceed the limit together.
    """

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._limit = settings.max_files_bytes
        self._seen, self._until = 0, 0.0  # bytes of all files, and the time until which that is used

    def extend(self, file: IO[bytes], size: int) -> int:
        """Let `file` grow to `size` bytes; call it in a thread.

        Returns
        -------
        int : the size that the file has now, which may be larger. Cut it to what was written at the end.

        Raises
        ------
        TooLarge : all files together would be larger than the limit.
        """
        with self._locked():
            now = os.fstat(file.fileno()).st_size
            free = self._limit - self._used()
            if size - now > free:
                raise self._full()
            given = max(now, min(size + STEP, now + free)) if size > STEP else max(now, size)
            os.ftruncate(file.fileno(), given)
            return given

    def reserve(self, file: Path, size: int) -> None:
        """Add `size` bytes, or take them away, to the number in `file` of SIZES; call it in a thread.

        Raises
        ------
        TooLarge : all files together would be larger than the limit.
        """
        with self._locked():
            if size > 0 and size > self._limit - self._used():
                raise self._full()
            part = file.with_suffix(".part")
            part.write_text(str(max(_number_in(file) + size, 0)))
            part.replace(file)

    def require(self, size: int) -> None:
        """Raise TooLarge if there is no room for `size` more bytes of a study's database; call it in a thread.

        Nothing is reserved, and codes are saved often, so files are added up every FRESH seconds: writes of several
        processes may exceed the limit by what each of them was allowed since.
        """
        if time.monotonic() > self._until:
            self._seen, self._until = self._used(), time.monotonic() + FRESH
        if size > self._limit - self._seen:
            self._until = 0.0  # others may have been deleted
            raise self._full()
        self._seen += size

    def _full(self) -> TooLarge:
        return TooLarge(
            f"the uploaded files and studies would have more than {self._limit:,} bytes together, which is the limit; "
            "delete others (DELETE /v1/files/{id}, DELETE /v1/studies/{name}), or raise DAGUERRE_MAX_FILES_BYTES",
            code="files_full",
        )

    def _used(self) -> int:
        used = sum(_number_in(self._home / path) for path in glob(SIZES, root_dir=self._home))
        for pattern in PLACES:
            for path in glob(pattern, root_dir=self._home):  # pathlib's fails where a folder is deleted meanwhile
                with suppress(OSError):
                    used += (self._home / path).stat().st_size
        return used

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class CollectionBudget:
    """The space of collections. It is checked before a write, so that one write may exceed it."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._limit = settings.max_collections_bytes

    def require(self, size: int) -> None:
        """Raise TooLarge or DiskFull if there is no room for `size` more bytes; call it in a thread."""
        there = used(self._home / "collections")
        if there + size > self._limit:
            raise TooLarge(
                f"the collections have {there:,} bytes together, and {size:,} more would exceed the limit of "
                f"{self._limit:,}; delete items or collections, or raise DAGUERRE_MAX_COLLECTIONS_BYTES",
                code="collections_full",
            )
        free = shutil.disk_usage(self._home).free
        if free < 2 * size + RESERVE:
            raise DiskFull(
                f"the server's disk has {free:,} bytes left, too few to store {size:,} more; delete items or "
                "collections, or ask the server's operator to make room in DAGUERRE_HOME"
            )


def used(folder: Path) -> int:
    """Bytes of all files in a folder, as far as they are there."""
    size = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                size += os.stat(os.path.join(path, name)).st_size
    return size


def _number_in(file: Path) -> int:
    """The number of bytes that a file names; 0 without one."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
