"""Atomic writing of files, and their hashes: a file is complete or absent even if the process is killed."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` create a temporary file beside `path`, flush it to disk, and rename it to `path`."""
    staging = path.with_name(f".{path.name}.tmp")
    write(staging)
    sync_file(staging)
    staging.replace(path)
    sync_folder(path.parent)


def replace_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in UTF-8, as `replace_file` does."""
    replace_file(path, lambda staging: staging.write_text(text, encoding="utf-8"))


def sync_file(path: Path) -> None:
    """Flush the content of `path` to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the entries of `folder` to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def empty_folder(folder: Path) -> None:
    """Remove the content of a folder, if there is such a folder, as far as that is possible."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def allocate(path: Path) -> None:
    """Give a file its blocks on the disk. Raises OSError on a full one, where a mapped file would end the process."""
    with path.open("rb+") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
