"""Lengths of the rows of an uploaded array, stored beside it when they are first needed.

<home>/files/file_…/data.lengths.npy    (n,) float64: 0 for a row of zeros, not finite for a row with NaN or infinity

So no request but the first reads all rows to check them. Bytes beside an array count as bytes of uploads. Without room
for them, and for vectors that came with a request, lengths are computed each time.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.stopping import Check
from models.vectors import row_lengths
from service.errors import TooLarge
from service.settings import Settings
from service.stores.disk_budget import DiskBudget

Float64 = NDArray[np.float64]
HEAD = 128  # bytes of a .npy file before the numbers


def beside(array: Path) -> Path:
    """The file of the lengths of an array's rows."""
    return array.with_suffix(".lengths.npy")


def stored_lengths(rows: NDArray[Any]) -> Float64 | None:
    """The stored lengths of a memory-mapped array's rows, (n,), memory-mapped; None if there are none."""
    if not isinstance(rows, np.memmap) or not rows.filename:
        return None
    try:
        found: Float64 = np.load(beside(Path(rows.filename)), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == rows.shape[:1] and found.dtype == np.float64 else None


def lengths_of(rows: NDArray[Any], settings: Settings, check: Check) -> Float64:
    """Lengths of rows (n, d), (n,): read from beside an uploaded array, or computed and stored there."""
    known = stored_lengths(rows)
    if known is not None:
        return known
    found = row_lengths(rows, check)
    if isinstance(rows, np.memmap) and rows.filename:
        _store(beside(Path(rows.filename)), found, settings)
    return found


def _store(path: Path, found: Float64, settings: Settings) -> None:
    """Store lengths under a temporary name, then under `path`; without room for them, or beside another writer, not."""
    part = path.with_suffix(".part")
    with suppress(OSError):  # deleted meanwhile, a full disk, another writer
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if part.stat().st_ino != os.fstat(descriptor).st_ino:  # another writer has just renamed it
                return
            try:
                DiskBudget(settings).extend(file, HEAD + found.nbytes)
                np.save(file, found)
                file.truncate()
                file.flush()
                os.fsync(descriptor)
                part.replace(path)
            except (OSError, TooLarge):
                part.unlink(missing_ok=True)
