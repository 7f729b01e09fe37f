"""Files on disk: written so that they are whole or absent even if the process is killed, and their hashes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file beside `path`, and put it in its place once it is on the disk."""
    staging = path.with_name(f".{path.name}.tmp")
    write(staging)
    sync_file(staging)
    staging.replace(path)
    sync_folder(path.parent)


def replace_text(path: Path, text: str) -> None:
    """`replace_file` with a text, as UTF-8."""
    replace_file(path, lambda staging: staging.write_text(text, encoding="utf-8"))


def sync_file(path: Path) -> None:
    """Have the content of `path` on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
