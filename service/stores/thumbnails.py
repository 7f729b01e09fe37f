"""Thumbnails on disk, within a bound: those that were made the longest ago are removed first."""

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

LEFT = 0.8  # share of the bound that is left when thumbnails are removed
_sizes: dict[Path, int] = {}  # bytes of each folder, as far as this process knows
_lock = threading.Lock()


class Thumbnails:
    """The thumbnails of one study, by a tag that changes with the picture. Read and write them in a thread."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most

    def read(self, tag: str) -> bytes | None:
        """A thumbnail, if it was made before and is there still."""
        try:
            return (self._folder / f"{tag}.jpg").read_bytes()
        except OSError:
            return None

    def write(self, tag: str, data: bytes) -> None:
        """Keep a thumbnail. On a full disk, or once the study is deleted, it is not kept."""
        if len(data) > self._most:
            return
        with suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.replace(name, self._folder / f"{tag}.jpg")
            except OSError:
                Path(name).unlink(missing_ok=True)
                return
            with _lock:
                size = _sizes.get(self._folder)
                _sizes[self._folder] = self._measure() if size is None else size + len(data)
                if _sizes[self._folder] > self._most:
                    self._shrink()

    def _measure(self) -> int:
        with os.scandir(self._folder) as entries:
            return sum(entry.stat().st_size for entry in entries)

    def _shrink(self) -> None:
        with os.scandir(self._folder) as entries:
            found = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
        total = sum(size for _, size, _ in found)
        for _, size, path in found:
            if total <= LEFT * self._most:
                break
            Path(path).unlink(missing_ok=True)
            total -= size
        _sizes[self._folder] = total
