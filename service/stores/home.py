"""Access rights of the state below DAGUERRE_HOME: only the service's own user reads and writes it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

UMASK = 0o077  # folders 0700, files 0600
STATE = (
    *("classifiers", "collections", "files", "jobs", "labels", "studies", "uploads", "vectors", "bentoml"),
    *("state.sqlite3*", "state.lock"),
)
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private() -> None:
    """Give others no right to anything that this process, and those that it starts, create from now on."""
    os.umask(UMASK)


def tighten(home: Path) -> list[Path]:
    """Take the rights of others away from the state in `home`, and return the paths where that is not possible.

    Models, which contain nobody's data and may be shared on purpose, keep theirs, and so does `home` itself.
    """
    failed = []
    for path in _state(home):
        try:
            mode = path.lstat().st_mode
            if mode & OTHERS and not stat.S_ISLNK(mode):
                path.chmod(stat.S_IMODE(mode) & ~OTHERS)
        except FileNotFoundError:  # removed by another process
            continue
        except OSError:
            failed.append(path)
    return failed


def _state(home: Path) -> Iterator[Path]:
    """The folders and files of the state; each folder before its content. Links are not followed."""
    for pattern in STATE:
        for top in home.glob(pattern):
            yield top
            for folder, folders, files in os.walk(top):
                yield from (Path(folder, name) for name in (*folders, *files))
