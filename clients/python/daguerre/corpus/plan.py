"""The files of a corpus that are still to be embedded."""

import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from daguerre.inputs.columns import column, is_missing, is_path, plain
from daguerre.inputs.crops import CroppedImages, CroppedSource, content_hash, crop_each, crop_rows, is_crop_table
from daguerre.inputs.files import FileSource, LeftOut
from daguerre.inputs.items import Images, Sources, image_sources
from daguerre.inputs.memory import Unusable
from daguerre.inputs.names import printable
from daguerre.inputs.source import Source, Unreadable
from daguerre.storage.keys import KeyTable, content_key, key_of
from daguerre.storage.known import Known, KnownRows
from daguerre.storage.parquet import Row
from daguerre.storage.shards import Shard
from daguerre.types.common import Crop, Payload

LOCAL = "unreadable_file"  # the file was not sent, so it is always retried


@dataclass(frozen=True, slots=True)
class HashedPayload(Payload):
    """An image with its SHA-256, in hex digits; of a crop, that of the file's and of the crop."""

    sha256: str | None = None


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
        return HashedPayload(image=data, sha256=self.sha256)


class CroppedFile(CorpusFile):
    """A crop of a file. Its SHA-256 is that of the file's and of the crop, so that another crop is another content."""

    def __init__(self, path: str, id: str, crop: Crop) -> None:
        super().__init__(path, id)
        self.crop = crop

    def read(self) -> Payload:
        item = replace(super().read(), crop=self.crop)
        self.sha256 = content_hash(item, self.sha256)
        return replace(item, sha256=self.sha256)  # type: ignore[call-arg]

    def present_hash(self, size: int | None) -> str | None:
        """The SHA-256 of the crop of the present file; None where the file has another size, or cannot be read."""
        found = _file_hash(self.path)
        return content_hash(Payload(crop=self.crop), found[0]) if found is not None and found[1] == size else None


class MissingFile(CorpusFile):
    """An entry of a source that is no file: a missing value, a folder without an image, a URL."""

    def __init__(self, source: Source, id: str) -> None:
        super().__init__(source.path or "", id)
        self._source = source

    def read(self) -> Payload:
        return self._source.read()  # raises Unreadable


class CorpusFiles(Iterator[CorpusFile]):
    """The files of a source; their ids are those of daguerre.inputs.source, or the keys of a mapping.

    The ids of an iterator's files are known at its end (`is_lazy`): until then, they are the paths as given.
    """

    def __init__(self, source: Images) -> None:
        self.left_out = LeftOut()
        self.remark: str | None = None  # on rows of crops and images that are left out
        self.is_lazy = False
        self._given: list[str] = []
        self._found: Sources | None = None
        self._files = self._all(source)

    def __next__(self) -> CorpusFile:
        return next(self._files)

    def _crops(self, source: CroppedImages) -> Iterator[CorpusFile]:
        """The crops of the files, which are all found first."""
        whole = CorpusFiles(source.images)
        files = list(whole)
        self.left_out = whole.left_out
        if is_crop_table(source.crops):
            ids, paths = [file.id for file in files], [file.path for file in files]
            cropped, self.remark = crop_rows(files, ids, paths, source.crops)
        else:
            cropped = list(crop_each(files, source.crops))
        for each in cropped:
            file = each.source if isinstance(each, CroppedSource) else each
            assert isinstance(file, CorpusFile)
            if isinstance(each, CroppedSource) and not isinstance(file, MissingFile):
                yield CroppedFile(file.path, printable(each.id), each.crop)
            else:
                yield file

    def final_ids(self) -> dict[str, str]:
        """The ids of the files by those that they had before the end, where they differ."""
        if self._found is None or not self.is_lazy:
            return {}
        ids = zip(self._given, map(printable, self._found.ids()), strict=False)  # an iterator that breaks has an end
        return {before: now for before, now in ids if before != now}

    def _all(self, source: Images) -> Iterator[CorpusFile]:
        if isinstance(source, CroppedImages):
            yield from self._crops(source)
            return
        keys = None
        if not isinstance(source, str | os.PathLike) and isinstance(source, Iterable):
            items, keys = column(source, "source", by_index=False)
            self.is_lazy = not hasattr(items, "__len__")
            source = _paths(items) if self.is_lazy else list(_paths(items))
        self._found = found = image_sources(source, settled=not self.is_lazy)
        if not self.is_lazy:
            found.forget_names()
        for i, item in enumerate(found):
            if keys is not None and i >= len(keys):
                raise ValueError(
                    f"source: a key of the mapping is that of several files, as {item.id!r}; give each a key"
                )
            id = printable(keys[i] if keys is not None else item.path if self.is_lazy and item.path else item.id)
            if self.is_lazy:
                self._given.append(id)
            if isinstance(item, FileSource):
                yield CorpusFile(item.path, id)
            elif isinstance(item, Unusable):
                yield MissingFile(item, id)
            else:
                raise TypeError(f"source: {item.id} is no file; a corpus has a folder, a glob, or paths")
        self.left_out.update(found.left_out)


def _paths(items: Iterable[object]) -> Iterator[object]:
    for item in map(plain, items):
        if not (is_path(item) or is_missing(item)):
            raise TypeError(f"source: got a {type(item).__name__}; a corpus has a folder, a glob, or paths")
        yield item


class Moved:
    """Files that are in the corpus already, under another id that the source no longer has.

    Parameters
    ----------
    known : the items of earlier runs.
    id_of : the id of a row of `known`.
    """

    def __init__(self, known: KnownRows, id_of: Callable[[int], str]) -> None:
        self._known = known
        self._id_of = id_of
        self._places = array("q")  # of their rows before
        self._first: list[str] = []  # ids of the first of them now

    def add(self, rows: Iterable[Row]) -> None:
        """Look at rows that are new."""
        for row in rows:
            place = self._known.of_content(content_key(row.sha256))
            if place is not None and not self._known.is_of(place, row.id):
                self._places.append(place)
                if len(self._first) < 1000:
                    self._first.append(row.id)

    def remark(self) -> str | None:
        """A sentence about those files, after the source was read; None where there are none."""
        moved = [i for i, place in enumerate(self._places) if not self._known.is_taken(place)]
        if not moved:
            return None
        example = ""
        if moved[0] < len(self._first):
            before = self._id_of(self._places[moved[0]])
            example = f", the first as {before!r} and {self._first[moved[0]]!r}"
        return (
            f"{len(moved):,} files are now in it twice, under two ids{example}: ids are "
            "relative to the folder that is given; give the folder of the first run, or write to another file"
        )


class CorpusPlan:
    """The files that are still to be embedded. Iterated in a thread of the client.

    Parameters
    ----------
    shard : the share of the files that is taken; None: all.
    """

    def __init__(self, files: CorpusFiles, known: KnownRows, retry_errors: bool, shard: Shard | None = None) -> None:
        self._files = files
        self._known = known
        self._retry_errors = retry_errors
        self._shard = shard
        self._seen = KeyTable()  # ids that were not known
        self._again: dict[str, Known] = {}  # of files under way, their earlier rows
        self._other_ids: dict[str, str] = {}  # of rows of an earlier run, and those of the same files in this one
        self._renamed_ids: list[str] = []  # those that were in the finished file, and may be others
        self._other_base: str | None = None  # the folder that those are relative to
        self.reused = 0
        self.failed_before = 0

    def __iter__(self) -> Iterator[Source]:
        for file in self._files:
            if self._shard is not None and self._files.is_lazy:
                raise ValueError("shard: the ids of an iterator's items are known at its end; give a list, or a folder")
            if self._shard is not None and not self._shard.has(file.id):
                continue
            known = self._known.get(file.id)
            if known is not None:
                self._known.take(known)
                if known.finished and self._files.is_lazy:
                    self._renamed_ids.append(file.id)
            elif self._given_before(file.id):
                continue
            else:
                known = self._under_another_id(file)
            if known is not None and self._done(file, known):
                self.reused += 1
                self.failed_before += known.error_code is not None
                continue
            if known is not None:
                self._again[file.id] = known
            yield file

    def _given_before(self, id: str) -> bool:
        """Whether an item was given twice; if not, that is noted."""
        if self._known.was_taken(id):
            return True
        key = key_of(id)
        if self._seen.get(key) is not None:
            return True
        self._seen.put(key)
        return False

    def _under_another_id(self, file: CorpusFile) -> Known | None:
        """The row of a file whose id was relative to another folder, or its path as given: it gets the present id."""
        if not (self._known.left and file.path) or isinstance(file, CroppedFile) or self._shard is not None:
            return None
        whole = os.path.abspath(file.path)
        if self._other_base is not None and whole.startswith(self._other_base):
            id = printable(whole[len(self._other_base) :].replace(os.sep, "/"))
            known = self._known.get(id)
            if known is not None and (known.content is None or self._is_same(file, known)):
                return self._take(known, id, file)
        parts = whole.split(os.sep)
        ends = [printable("/".join(parts[start:])) for start in range(len(parts))]
        for id in (printable(file.path), *ends, *(f"./{end}" for end in ends)):
            known = self._known.get(id)
            if known is None or self._is_of_another(id, file.id, whole):
                continue
            if known.content is None or known.has_content(_sha256(file.path, known.size)):
                if known.content is not None and whole.endswith(id):
                    self._other_base = whole[: len(whole) - len(id)]
                return self._take(known, id, file)
        return None

    def _take(self, known: Known, id: str, file: CorpusFile) -> Known:
        self._other_ids[id] = file.id
        self._known.take(known, moved=True)
        if known.finished:
            self._renamed_ids.append(id)
        return known

    @staticmethod
    def _is_of_another(id: str, present: str, whole: str) -> bool:
        """Whether there is another file whose present id this is."""
        base = whole.removesuffix(present.replace("/", os.sep))
        other = os.path.abspath(os.path.join(base, id))
        return base != whole and other != whole and os.path.exists(other)

    def renamed(self) -> tuple[dict[str, str], dict[str, str]]:
        """Ids of the rows of earlier runs and of this one, and those that they get, after iteration."""
        final = self._files.final_ids()
        for now in final.values():  # a row of an earlier run that a later one with the same id takes the place of
            if (known := self._known.get(now)) is not None:
                self._known.replace(known.place)
        before = final | {id: final.get(now, now) for id, now in self._other_ids.items()}
        return {id: now for id, now in before.items() if id != now}, final

    @property
    def remark(self) -> str | None:
        """A sentence about rows of an earlier run that get other ids; None where there are none."""
        final = self._files.final_ids()
        present = ((id, self._other_ids.get(id, id)) for id in self._renamed_ids)
        changed = [(id, final.get(now, now)) for id, now in present if id != final.get(now, now)]
        if not changed:
            return None
        before, now = changed[0]
        return (
            f"{len(changed):,} rows have other ids than before, the first {now!r}, which was {before!r}: ids are "
            "relative to the folder that is given, or to the common parent of several sources"
        )

    def has(self, row: Row) -> bool:
        """Whether an item has failed again with the same error, so that its row is there already.

        If not, its earlier row, where there is one, is superseded.
        """
        known = self._again.pop(row.id, None)
        if known is None:
            return False
        same = known.content is None if row.sha256 is None else known.has_content(row.sha256)
        if known.error_code is not None and same and known.error_code == row.error_code:
            return True
        self._known.replace(known.place)
        return False

    @property
    def gone(self) -> int:
        """Number of finished items that are no longer in the source, after iteration."""
        return self._known.left

    def _done(self, file: CorpusFile, known: Known) -> bool:
        if known.error_code is not None and (self._retry_errors or known.error_code == LOCAL):
            return False
        return self._is_same(file, known)

    @staticmethod
    def _is_same(file: CorpusFile, known: Known) -> bool:
        if isinstance(file, CroppedFile):
            return known.has_content(file.present_hash(known.size))
        try:
            status = os.stat(file.path)
            if (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns):
                return True
        except OSError:
            return False  # reading it will say what is wrong
        return known.has_content(_sha256(file.path, known.size))  # touched, or changed


def _file_hash(path: str) -> tuple[str, int] | None:
    """The SHA-256 and the size of a file; None where it cannot be read. Its crops are looked up one after another."""
    try:
        status = os.stat(path)
        return _hashed(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return None


@lru_cache(1024)
def _hashed(path: str, size: int, mtime_ns: int) -> tuple[str, int] | None:
    found = _sha256(path, size)
    return None if found is None else (found, size)


def _sha256(path: str, size: int | None) -> str | None:
    """The SHA-256 of a file of this size; None for one of another size, or that cannot be read."""
    try:
        status = os.stat(path)
        if status.st_size != size or not stat.S_ISREG(status.st_mode):
            return None
        with open(path, "rb") as data:
            return hashlib.sha256(data.read()).hexdigest()
    except OSError:
        return None
