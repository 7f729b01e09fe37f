"""The rows of a run since its last part, in a journal that becomes a part when it is full.

A row is in the journal before the next answer is processed, so that a killed process loses no answer that it has
received. A full journal becomes a part of the same number, which identifies a journal that was left behind.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any

from daguerre.storage.dataset import PART_BYTES, part_files, part_number
from daguerre.storage.parquet import Row, arrow, batch, grouped, matrix, receipt_in, save
from daguerre.storage.row_reader import RowReader, StoredRow, stored_row
from daguerre.types.common import Float, Receipt


class Journal:
    """A journal in the folder `place`, and the parts in `folder`.

    Parameters
    ----------
    suffix : end of the names of its parts.
    part_bytes : size of the rows of a part, about.
    """

    def __init__(self, folder: Path, place: Path, *, suffix: str = "", part_bytes: int = PART_BYTES) -> None:
        self.folder, self.place, self._suffix = folder, place, suffix
        self._part_bytes = part_bytes
        self._writer: Any = None
        self._sink: Any = None
        self._schema: Any = None
        self._bytes = 0
        self._offsets: list[tuple[int, int]] = []  # of the journal's batches: their first rows, and where they begin
        self._parts: list[tuple[int, Path]] = []  # of this run: their first rows
        self._rows = 0  # of this run
        self._start = 0  # the first row of the journal
        self._lock = RLock()  # rows are read in other threads

    def receipts(self) -> Iterator[tuple[Path, Receipt]]:
        """Receipts of the journals that are left."""
        for path in self._left():
            kind = _schema(path)
            if kind is not None and (made := receipt_in(kind)) is not None:
                yield path, made

    def recover(self) -> None:
        """Turn the journals of a killed run into parts."""
        for rest in self.folder.glob(f".part-*{self._suffix}.parquet.*.tmp"):
            rest.unlink(missing_ok=True)
        for journal in self._left():
            part = self._part(int(journal.stem.partition("-")[2]))
            if not part.exists():
                self._save(journal, part)
            journal.unlink()

    def add(self, rows: Sequence[Row], vectors: Float, receipt: Receipt) -> int:
        """Append rows, so that they survive this process, and return the number of the first one in this run."""
        with self._lock:
            return self._add(batch(rows, vectors, receipt, "image"))

    def _add(self, kept: Any) -> int:
        pa = arrow()
        if self._writer is not None and not self._schema.equals(kept.schema, check_metadata=True):
            self.flush()  # a server that was upgraded in between says so in its receipt
        if self._writer is None:
            number = 1 + max(map(part_number, part_files(self.folder)), default=-1)
            self._sink = open(self.place / f"journal-{number:06d}.arrows", "wb", buffering=0)  # noqa: SIM115
            self._writer = pa.ipc.new_stream(self._sink, kept.schema)
            self._schema = kept.schema
            self._start = self._rows
        first = self._rows
        self._offsets.append((first, self._sink.tell()))
        self._writer.write_batch(kept)
        self._rows += kept.num_rows
        self._bytes += kept.nbytes
        if self._bytes >= self._part_bytes:
            self.flush()
        return first

    def flush(self) -> None:
        """Turn the journal into a part."""
        with self._lock:
            if self._writer is not None:
                self._flush()

    def _flush(self) -> None:
        writer, sink, path = self._writer, self._sink, Path(self._sink.name)
        self._writer = self._sink = None  # whatever fails now: the journal stays for the next run's `recover`
        self._bytes, self._offsets = 0, []
        part = self._part(int(path.stem.partition("-")[2]))
        try:
            writer.close()
        finally:
            sink.close()
        self._save(path, part)
        self._parts.append((self._start, part))
        path.unlink()

    def read(self, number: int, reader: RowReader) -> StoredRow:
        """A row of this run by its number. Raises OSError."""
        with self._lock:
            if self._writer is not None and number >= self._start:
                return self._read(number)
            first, part = self._parts[bisect_right(self._parts, number, key=lambda each: each[0]) - 1]
        return reader.read(part, [number - first])[0]

    def _read(self, number: int) -> StoredRow:
        """A row of the journal that is being written."""
        pa = arrow()
        first, offset = self._offsets[bisect_right(self._offsets, number, key=lambda each: each[0]) - 1]
        with open(self._sink.name, "rb") as file:
            file.seek(offset)
            message = pa.ipc.read_message(file)
            if message.type == "schema":
                message = pa.ipc.read_message(file)
            found = pa.ipc.read_record_batch(message, self._schema)
        return stored_row(found, number - first, matrix(pa.chunked_array([found["vector"]]), self._sink.name))

    @staticmethod
    def _save(journal: Path, part: Path) -> None:
        kind = _schema(journal)
        if kind is not None:
            save(grouped(_batches(journal)), kind, part)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}{self._suffix}.parquet"

    def _left(self) -> list[Path]:
        return sorted([*self.place.glob("journal-*.arrows"), *self.folder.glob("journal-*.arrows")])  # of version 0.1


def _schema(path: Path) -> Any:
    """The schema of a journal; None where its writer was killed before the first row."""
    first = next(_batches(path), None)
    return None if first is None else first.schema


def _batches(path: Path) -> Iterator[Any]:
    """The rows of a journal, up to where its writer was killed."""
    pa = arrow()
    with open(path, "rb") as file, suppress(pa.ArrowInvalid, OSError):  # an OSError here is the end of the bytes
        for part in pa.ipc.open_stream(file):
            part.validate()
            yield part
