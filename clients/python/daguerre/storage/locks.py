"""Locks of a corpus against other processes: the whole of it for one run, or a shard for each of several."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from daguerre.errors import DaguerreError
from daguerre.storage.shards import Shard

LOOK = 10.0  # seconds, in which another process has looked whether a lock is free


def _lock(path: Path, timeout: float) -> Any:
    """A lock that is held; None where another process holds it."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("embed_corpus needs filelock; pip install 'daguerre[parquet]'") from exc
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        return None
    if not path.exists():  # the other process has just ended and removed the folder
        lock.release()
        return None
    return lock


def shard_folder(place: Path, shard: Shard) -> Path:
    """The folder of a shard's journal."""
    return place / f"shard{shard.suffix}"


@contextmanager
def alone(place: Path, out: Path, shard: Shard | None) -> Iterator[None]:
    """Lock a corpus, or a shard of it, whose folder of journals is `place`. Raises DaguerreError.

    A run over the whole corpus excludes every other one; shards exclude those of another number of shards. Each takes
    its own lock first and then looks at the others', so that of two that begin at once at most one goes on.
    """
    own = place / "lock" if shard is None else shard_folder(place, shard) / "lock"
    what = str(out) if shard is None else f"shard {shard} of {out}"
    lock = _lock(own, 0 if shard is not None else LOOK / 10)
    if lock is None:
        raise DaguerreError(f"{what} is being written by another process; wait for it, or name another", code="in_use")
    try:
        for other in _others(place, shard):
            seen = _lock(other, LOOK if other.parent == place else LOOK / 10)
            if seen is None and other.exists():
                holder = "a run over all of it" if other.parent == place else other.parent.name.replace("-", " ", 1)
                raise DaguerreError(
                    f"{out} is being written by another process, {holder}; wait for it, or name another", code="in_use"
                )
            if seen is not None:
                seen.release()
        yield
    finally:
        lock.release()


def _others(place: Path, shard: Shard | None) -> list[Path]:
    """The locks that exclude a run."""
    ended = None if shard is None else f"of{shard.count:02d}"
    shards = [path for path in sorted(place.glob("shard-*/lock")) if not (ended and path.parent.name.endswith(ended))]
    return shards if shard is None else [place / "lock", *shards]


@contextmanager
def rewriting(place: Path) -> Iterator[None]:
    """Wait until no other shard rewrites parts, and keep them from it."""
    lock = _lock(place / "rewrite.lock", -1)
    try:
        yield
    finally:
        lock.release()


def remove_if_empty(folder: Path, names: frozenset[str] = frozenset({"lock", "rewrite.lock"})) -> None:
    """Remove a folder that has nothing but locks."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} <= names:
            for name in names:
                (folder / name).unlink(missing_ok=True)
            os.rmdir(folder)
