"""The files of a corpus that are still to be embedded."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from daguerre.inputs.columns import column, is_missing, is_path, plain
from daguerre.inputs.files import FileSource, LeftOut
from daguerre.inputs.items import Images, image_sources
from daguerre.inputs.memory import Unusable
from daguerre.inputs.source import Source, Unreadable
from daguerre.storage.journal import Known
from daguerre.storage.parquet import Row, printable
from daguerre.types.common import Payload

LOCAL = "unreadable_file"  # the file was not sent, so it is always retried


class CorpusFile(FileSource):
    """A file whose bytes are hashed as they are read."""

    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None

    def read(self) -> Payload:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would be waited for, perhaps for ever
                raise Unreadable(LOCAL, "cannot be read: it is no regular file")
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                data = file.read()
        except OSError as exc:
            raise Unreadable(LOCAL, f"cannot be read: {exc.strerror or exc}; check the path") from exc
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.size, self.mtime_ns = len(data), status.st_mtime_ns
        return Payload(image=data)


class MissingFile(CorpusFile):
    """An entry of a source that is no file: a missing value, a folder without an image, a URL."""

    def __init__(self, source: Source) -> None:
        super().__init__("", printable(source.id))
        self._source = source

    def read(self) -> Payload:
        return self._source.read()  # raises Unreadable


def corpus_files(source: Images, left_out: LeftOut) -> Iterator[CorpusFile]:
    """The files of a source; ids are relative to a folder, and paths as given otherwise.

    Parameters
    ----------
    left_out : counts the files of folders and globs that are no images.
    """
    folder = None
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        folder = os.fsdecode(source)
    elif not isinstance(source, str | os.PathLike) and isinstance(source, Iterable):
        source = _paths(source)
    found = image_sources(source)
    for item in found:
        if isinstance(item, Unusable):
            yield MissingFile(item)
        elif not isinstance(item, FileSource):
            raise TypeError(f"source: {item.id} is no file; a corpus has a folder, a glob, or paths")
        elif folder is not None:  # so that the folder can move
            yield CorpusFile(item.path, printable(Path(item.path).relative_to(folder).as_posix()))
        else:
            yield CorpusFile(item.path, printable(item.id))
    left_out.update(found.left_out)


def _paths(given: Iterable[object]) -> Iterator[object]:
    items, _ = column(given, "source", by_index=False)
    for item in map(plain, items):
        if not (is_path(item) or is_missing(item)):
            raise TypeError(f"source: got a {type(item).__name__}; a corpus has a folder, a glob, or paths")
        yield item


class Moved:
    """Files that are in the corpus already, under another id that the source no longer has.

    Parameters
    ----------
    finished : the ids of the finished items by the SHA-256 of their files.
    """

    def __init__(self, finished: Mapping[str, str]) -> None:
        self._finished = finished
        self._again: list[tuple[str, str]] = []  # their ids, before and now

    def add(self, rows: Iterable[Row]) -> None:
        """Look at rows that are new."""
        for row in rows:
            before = None if row.sha256 is None else self._finished.get(row.sha256)
            if before not in (None, row.id):
                self._again.append((str(before), row.id))

    def remark(self, gone: Collection[str]) -> str | None:
        """A sentence about those files, by the ids that are no longer in the source; None where there are none."""
        moved = [(before, now) for before, now in self._again if before in gone]
        if not moved:
            return None
        before, now = moved[0]
        return (
            f"{len(moved):,} files are now in it twice, under two ids, the first as {before!r} and {now!r}: ids are "
            "relative to the folder that is given; give the folder of the first run, or write to another file"
        )


class CorpusPlan:
    """The files that are still to be embedded. Iterated in a thread of the client."""

    def __init__(self, files: Iterator[CorpusFile], known: dict[str, Known], retry_errors: bool) -> None:
        self._files = files
        self._known = known
        self._retry_errors = retry_errors
        self._seen: set[str] = set()
        self._again: dict[str, Known] = {}
        self.reused = 0
        self.failed_before = 0

    def __iter__(self) -> Iterator[Source]:
        for file in self._files:
            if file.id in self._seen:
                continue  # given twice
            self._seen.add(file.id)
            known = self._known.pop(file.id, None)
            if known is not None and self._done(file, known):
                self.reused += 1
                self.failed_before += known.error_code is not None
                continue
            if known is not None and known.error_code is not None:
                self._again[file.id] = known
            yield file

    def has(self, row: Row) -> bool:
        """Whether an item has failed again with the same error, so that its row is there already."""
        known = self._again.pop(row.id, None)
        return known is not None and (known.sha256, known.error_code) == (row.sha256, row.error_code)

    def finished(self) -> dict[str, str]:
        """The ids of the finished items by the SHA-256 of their files."""
        return {known.sha256: id for id, known in self._known.items() if known.sha256 is not None}

    def gone_ids(self) -> Collection[str]:
        """The ids of finished items that are no longer in the source, after iteration."""
        return self._known.keys()

    @property
    def gone(self) -> int:
        """Number of finished items that are no longer in the source, after iteration."""
        return len(self._known)

    def _done(self, file: CorpusFile, known: Known) -> bool:
        if known.error_code is not None and (self._retry_errors or known.error_code == LOCAL):
            return False
        try:
            status = os.stat(file.path)
            if (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns):
                return True
            if status.st_size != known.size or not stat.S_ISREG(status.st_mode):
                return False
            with open(file.path, "rb") as data:  # touched, or changed
                return hashlib.sha256(data.read()).hexdigest() == known.sha256
        except OSError:
            return False  # reading it will say what is wrong
