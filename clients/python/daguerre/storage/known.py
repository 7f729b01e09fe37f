"""The items that a corpus has already, in arrays: 62 bytes a row, whatever the length of the ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.storage.keys import Keys, content_key, content_keys, halves, key_of, keys_of
from daguerre.storage.parquet import ROW_GROUP, arrow, matrix
from daguerre.storage.shards import Shard

COLUMNS = ("id", "sha256", "size", "mtime_ns", "error_code")
MOST_CODES = 250
_TAKEN, _STALE, _MOVED = 1, 2, 4  # of the flags
_NOT_KNOWN = -1  # a size or a time that a row does not have


@dataclass(frozen=True, slots=True)
class Known:
    """An item that is finished.

    Attributes
    ----------
    place : number of its row in KnownRows.
    content : key of its content; None where its SHA-256 is not known.
    finished : whether it is in the final file, and not in the parts of a run.
    """

    place: int
    content: bytes | None
    size: int | None
    mtime_ns: int | None
    error_code: str | None
    finished: bool = True

    def has_content(self, sha256: str | None) -> bool:
        """Whether it has the content of this SHA-256."""
        return self.content is not None and sha256 is not None and content_key(sha256) == self.content


class KnownRows:
    """The latest row of each id of some files; of a shard, its own rows alone.

    Parameters
    ----------
    files : paths, of which a later one wins where an id is in several.
    final : the file that a run has finished; None: all of them are.
    """

    def __init__(self, files: Sequence[Path], *, final: Path | None = None, shard: Shard | None = None) -> None:
        self.files = list(files)
        self.final = final
        self.replaced = [np.zeros((0, 2), np.uint64) for _ in files]  # keys of rows of each that a later file has
        self.is_repeated = False  # whether an id is in several rows
        self._codes: list[str | None] = [None]
        columns = [self._read(i, path, shard) for i, path in enumerate(files)]
        if not columns:
            columns = [self._columns(0, 0, ())]
        parts: list[list[NDArray[Any]]] = [list(each) for each in zip(*columns, strict=True)]
        del columns
        self._a, self._b, self._c, self._d, self._size, self._time, self._file, self._row, self._code = (
            _taken_together(part) for part in parts
        )
        self._sort()
        self._flags = np.zeros(len(self._a), np.uint8)
        self._by_content: NDArray[np.uint32] | None = None
        self.left = len(self._a)

    def _read(self, number: int, path: Path, shard: Shard | None) -> tuple[NDArray[Any], ...]:
        """The columns of a file: the halves of two keys, size, time, file, row, code."""
        pa = arrow()
        parts: list[tuple[NDArray[Any], ...]] = [self._columns(number, 0, ())]
        start = 0
        with pa.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            code = "error_code" if "error_code" in names else "vector"
            there = [name for name in (*COLUMNS[:-1], code) if name in names]
            for batch in file.iter_batches(8 * ROW_GROUP if code != "vector" else ROW_GROUP, columns=there):
                columns = self._columns(number, start, _ids(batch), batch, path)
                if shard is not None:
                    own = columns[0] % np.uint64(shard.count) == np.uint64(shard.index)
                    columns = tuple(column[own] for column in columns)
                parts.append(columns)
                start += batch.num_rows
        return tuple(_taken_together(list(each)) for each in zip(*parts, strict=True))

    def _columns(
        self, number: int, start: int, ids: Sequence[str], batch: Any = None, path: Path | None = None
    ) -> tuple[NDArray[Any], ...]:
        n = len(ids)
        names = batch.schema.names if batch is not None else ()
        hashes = batch["sha256"].to_pylist() if "sha256" in names else [None] * n
        keys, contents = keys_of(ids), content_keys([each if isinstance(each, str) else None for each in hashes])
        numbers = []
        for name in ("size", "mtime_ns"):
            if name in names:
                column = batch[name].cast(arrow().int64(), safe=False).fill_null(_NOT_KNOWN)
                numbers.append(column.to_numpy(zero_copy_only=False))
            else:
                numbers.append(np.full(n, _NOT_KNOWN, np.int64))
        codes = self._error_codes(batch, path) if n else np.zeros(0, np.uint8)
        return (
            *(np.ascontiguousarray(each[:, i]) for each in (keys, contents) for i in range(2)),
            *numbers,
            np.full(n, number, np.uint32),
            np.arange(start, start + n, dtype=np.uint32),
            codes,
        )

    def _error_codes(self, batch: Any, path: Path | None) -> NDArray[np.uint8]:
        if "error_code" in batch.schema.names:
            column = batch["error_code"]
            if column.null_count == len(column):
                return np.zeros(len(column), np.uint8)
            codes = [each if isinstance(each, str) else None for each in column.to_pylist()]
        else:  # another program has left the errors out, but not the rows of NaN
            rows = matrix(arrow().chunked_array([batch["vector"]]), path or "")
            failed = np.asarray(np.isnan(rows).any(axis=1))
            codes = ["no_vector" if bad else None for bad in failed.tolist()]
        for code in dict.fromkeys(codes):
            if code not in self._codes and len(self._codes) < MOST_CODES:
                self._codes.append(code)
        index = {code: i for i, code in enumerate(self._codes)}
        return np.array([index.get(code, len(self._codes) - 1) for code in codes], np.uint8)

    def _sort(self) -> None:
        """Sort by id, and keep the last row of each."""
        order = np.argsort(self._a, kind="stable")
        a = self._a[order]
        if len(a) and (a[1:] == a[:-1]).any():
            order = np.lexsort((self._b, self._a))  # stable: of equal ids the last row stays the last
            a, b = self._a[order], self._b[order]
            again = np.append((a[1:] == a[:-1]) & (b[1:] == b[:-1]), False)
            if again.any():
                files = self._file[order]
                latest = np.flatnonzero(~again)
                winner = files[latest[np.searchsorted(latest, np.arange(len(again)))]]
                for i in range(len(self.files)):
                    lost = again & (files == i) & (winner != i)
                    self.replaced[i] = np.stack([a[lost], b[lost]], axis=1)
                self.is_repeated = True
                order = order[~again]
        del a
        for name in ("_a", "_b", "_c", "_d", "_size", "_time", "_file", "_row", "_code"):
            setattr(self, name, getattr(self, name)[order])

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Iterator[Known]:
        """Every row, in the order of the files."""
        return map(self._at, np.lexsort((self._row, self._file)).tolist())

    def place(self, id: str) -> int | None:
        """The number of the row of an id; None where it has none."""
        first, second = halves(key_of(id))
        i = int(self._a.searchsorted(first))
        while i < len(self._a) and self._a[i] == first:
            if self._b[i] == second:
                return i
            i += 1
        return None

    def get(self, id: str) -> Known | None:
        """The row of an id that was not taken yet."""
        if not self.left or (place := self.place(id)) is None or self._flags[place] & _TAKEN:
            return None
        return self._at(place)

    def take(self, known: Known, *, moved: bool = False) -> None:
        """Leave a row out from now on: its item is in the source, under another id where it has `moved`."""
        self._flags[known.place] |= _TAKEN | (_MOVED if moved else 0)
        self.left -= 1

    def is_taken(self, place: int) -> bool:
        return bool(self._flags[place] & _TAKEN)

    def was_taken(self, id: str) -> bool:
        """Whether the row of an id was taken, under this id."""
        place = self.place(id) if len(self._a) else None
        return place is not None and int(self._flags[place] & (_TAKEN | _MOVED)) == _TAKEN

    def replace(self, place: int) -> None:
        """Note that a later row has taken the place of this one."""
        self._flags[place] |= _STALE

    def location(self, place: int) -> tuple[Path, int]:
        """The file of a row, and its number there."""
        return self.files[self._file[place]], int(self._row[place])

    def of_content(self, key: bytes, *, failed: bool = True) -> int | None:
        """A row with this content, one with a vector if there is one; None without any.

        `failed` : whether a row that has failed counts.
        """
        if key == content_key(None) or not len(self._c):
            return None
        if self._by_content is None:
            self._by_content = np.argsort(self._c, kind="stable").astype(np.uint32)
        first, second = halves(key)
        found = None
        i = int(self._c.searchsorted(first, sorter=self._by_content))
        while i < len(self._c) and self._c[place := int(self._by_content[i])] == first:
            if self._d[place] == second:
                if not self._code[place]:
                    return place
                found = place if failed and found is None else found
            i += 1
        return found

    def is_of(self, place: int, id: str) -> bool:
        """Whether a row is that of an id."""
        return (self._a[place], self._b[place]) == halves(key_of(id))

    def stale(self) -> list[Keys]:
        """The keys of the rows of each file that a later row has taken the place of."""
        flagged = (self._flags & _STALE) > 0
        places = np.flatnonzero(flagged)
        files = self._file[places]
        keys = np.stack([self._a[places], self._b[places]], axis=1)
        return [np.concatenate([self.replaced[i], keys[files == i]]) for i in range(len(self.files))]

    def _at(self, place: int) -> Known:
        size, time = int(self._size[place]), int(self._time[place])
        content = self._c[place].tobytes() + self._d[place].tobytes()
        return Known(
            place,
            None if content == content_key(None) else content,
            None if size == _NOT_KNOWN else size,
            None if time == _NOT_KNOWN else time,
            self._codes[self._code[place]],
            self.final is None or self.files[self._file[place]] == self.final,
        )


def _ids(batch: Any) -> list[str]:
    return [str(each) for each in batch["id"].to_pylist()]


def _taken_together(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Arrays as one; the list is emptied, so that no more than one column is in memory twice."""
    whole = np.concatenate(arrays)
    arrays.clear()
    return whole
