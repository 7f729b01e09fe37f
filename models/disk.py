"""Atomic writing of files, and their hashes: a file is complete or absent even if the process is killed."""

import hashlib
import os
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


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
