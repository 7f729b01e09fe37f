"""A limit on the bytes of all uploaded files and of the videos in forms, over all processes of one DAGUERRE_HOME."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import glob
from typing import IO

from service.errors import TooLarge
from service.settings import Settings

PLACES = ("files/*/data.*", "uploads/upload_*")  # below DAGUERRE_HOME
STEP = 4 * 2**20  # bytes that a file grows by, as far as there is space


class DiskBudget:
    """The space of uploads. A file is extended before it is written, so that its size is what it may use.

    Every process adds up the sizes under a lock, so that uploads at once do not exceed the limit together.
    """

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._limit = settings.max_files_bytes

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
                raise TooLarge(
                    f"the uploaded files would have more than {self._limit:,} bytes together, which is the limit; "
                    "delete others (DELETE /v1/files/{id}), or raise DAGUERRE_MAX_FILES_BYTES",
                    code="files_full",
                )
            given = max(now, min(size + STEP, now + free)) if size > STEP else max(now, size)
            os.ftruncate(file.fileno(), given)
            return given

    def _used(self) -> int:
        used = 0
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
