"""Claims of running processes on what they write, so that only the leftovers of killed processes are removed.

A claim is a lock (flock) on the file or folder itself, which the system releases when the process ends, even by a kill.
Several processes and servers may therefore share a DAGUERRE_HOME.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_claims: dict[Path, int] = {}  # file descriptors of this process


def claim(path: Path) -> bool:
    """Claim a file or folder that this process has created. Returns False if it was removed at the same moment."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # another process is about to remove it
        os.close(handle)
        return False
    if not os.fstat(handle).st_nlink:
        os.close(handle)
        return False
    _claims[path] = handle
    return True


def release(path: Path) -> None:
    """Give up a claim, if there is one."""
    handle = _claims.pop(path, None)
    if handle is not None:
        os.close(handle)


def remove_unclaimed(path: Path, *, unless: Callable[[], bool] = lambda: False) -> None:
    """Remove a file or folder unless a running process has claimed it.

    `unless` is called when nobody can claim it any more; if it returns True, the file or folder stays.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:  # the lock is held until it is gone
        if unless():
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
