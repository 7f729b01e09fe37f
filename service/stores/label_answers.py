"""Journals of the answers of labellers: each answer is on the disk before anything else happens with it.

<home>/labels/<owner>/<run>.jsonl     answers of the requests of a run, until it is deleted or has expired
<folder of a job>/answers.jsonl       answers of a job, removed with the files of its submission
"""

import asyncio
import hashlib
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any

from service.settings import Settings

Record = Mapping[str, Any]
SWEPT = 600.0  # seconds between two removals of expired runs
DAY = 86_400.0
MOST_OPEN = 32  # journals in memory that nobody waits for


class AnswerJournal:
    """Answers by key, in a file of JSON lines that other processes may append to as well.

    The first line of the file tells it from a later one at the same path. Once the file is deleted, or replaced, the
    journal goes on in memory alone: a request that is in flight then ends as it would have, and nothing of it is kept.

    Parameters
    ----------
    path : the file; None: in memory alone.
    finishing : whether what is asked is finished, and kept, where the one who asked has left.
    """

    def __init__(self, path: Path | None, *, finishing: bool = False) -> None:
        self.path = path
        self._finishing = finishing
        self.pending: dict[str, asyncio.Task[Any]] = {}  # of this process and its event loop
        self._answers: dict[str, list[Record]] = {}
        self._read = 0
        self._first: bytes | None = None  # line of the file
        self._lock = Lock()

    def begin(self) -> None:
        """Make the file, where there is none: from now on, its deletion is noticed. Call it in a thread."""
        with self._lock:
            self._read_on()
            if self.path is not None and self._first is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self.path.open("ab", buffering=0) as file:
                    file.write(b'{"journal": "%b"}\n' % secrets.token_hex(16).encode())
                self._read_on()

    def is_deleted(self) -> bool:
        """Whether the file that was there is there no more."""
        with self._lock:
            self._read_on()
            return self.path is None

    def answers(self, key: str) -> Sequence[Record]:
        """The answers that there are, the first one first. Call it in a thread."""
        with self._lock:
            self._read_on()
            return tuple(self._answers.get(key, ()))

    def add(self, key: str, record: Record) -> None:
        """Append an answer, which is on the disk when this returns. Call it in a thread."""
        line = json.dumps({"key": key, **record}, ensure_ascii=True).encode() + b"\n"
        self.begin()
        with self._lock:
            if self.path is None or not self._append(line):
                self._answers.setdefault(key, []).append(record)
            self._read_on()

    def _append(self, line: bytes) -> bool:
        """Append a line; False where the file was deleted. What is written while it is deleted goes with it."""
        assert self.path is not None
        try:
            number = os.open(self.path, os.O_RDWR | os.O_APPEND)  # makes no file
        except FileNotFoundError:
            return False
        with open(number, "r+b", buffering=0) as file:
            if not self._is_ours(file):
                return False
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line  # a killed process has left a part of a line
            file.write(line)
            os.fsync(file.fileno())
        return True

    def _is_ours(self, file: IO[bytes]) -> bool:
        """Whether the file has the first line of this journal, which is that of the first file that it has seen."""
        file.seek(0)
        first = file.readline().rstrip(b"\n")
        if self._first is None and first:
            self._first = first
        return first == (self._first or b"")

    async def shared(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """The result of `make`, which runs once for all that ask for `key` at the same time."""
        task = self.pending.get(key)
        if task is None:
            task = asyncio.ensure_future(make())
            self.pending[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self._finishing:
                task.cancel()
            raise

    def _forget(self, key: str, done: "asyncio.Task[Any]") -> None:
        self.pending.pop(key, None)
        if not done.cancelled():
            done.exception()  # the one who asked may have left

    def _read_on(self) -> None:
        """Read the lines that were added since the last time, by any process."""
        if self.path is None:
            return
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            if self._first is not None:
                self.path = None
            return
        with file:
            if not self._is_ours(file):
                self.path = None
                return
            file.seek(self._read)
            data = file.read()
            end = data.rfind(b"\n") + 1
            for line in data[:end].splitlines():
                with suppress(ValueError, KeyError, TypeError):  # the first one, or one that was cut off by a kill
                    record = json.loads(line)
                    self._answers.setdefault(record.pop("key"), []).append(record)
            self._read += end


class LabelRuns:
    """The journals of the runs of all callers."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "labels"
        self._keep = settings.job_days * DAY
        self._open: dict[Path, AnswerJournal] = {}
        self._swept = -SWEPT

    def open(self, run: str, owner: str | None) -> AnswerJournal:
        """The journal of a caller's run."""
        self._sweep_at_times()
        path = self._path(run, owner)
        if path in self._open and self._open[path].is_deleted():  # by another process
            del self._open[path]
        if path not in self._open:
            for other in [each for each, journal in self._open.items() if not journal.pending][: -MOST_OPEN or None]:
                del self._open[other]  # its answers are on the disk
            self._open[path] = AnswerJournal(path, finishing=True)
        return self._open[path]

    def delete(self, run: str, owner: str | None) -> bool:
        """Delete the answers of a run; whether there were any, or were being asked for, of which none is kept."""
        path = self._path(run, owner)
        self._open.pop(path, None)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        with suppress(OSError):
            path.parent.rmdir()
        return True

    def sweep(self) -> None:
        """Delete runs that have expired: no answer has come for the days that jobs are kept."""
        for path in self._folder.glob("*/*.jsonl"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > self._keep:
                    path.unlink()
                    self._open.pop(path, None)
        for folder in self._folder.glob("*"):
            with suppress(OSError):  # not empty
                folder.rmdir()

    def _sweep_at_times(self) -> None:
        if time.monotonic() - self._swept > SWEPT:
            self._swept = time.monotonic()
            self.sweep()

    def _path(self, run: str, owner: str | None) -> Path:
        who = "all" if owner is None else hashlib.sha256(owner.encode()).hexdigest()[:16]
        return self._folder / who / f"{run}.jsonl"
