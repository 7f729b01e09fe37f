"""The rows of a corpus on disk: one Parquet file, or a folder of parts (dataset.py), and the journal of a run.

The parts of a run into a file are in the folder `<out>.parts` until it ends; where there are more rows than a file
should have, that folder takes the file's name.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from daguerre.errors import DaguerreError
from daguerre.storage.dataset import (
    JOURNAL,
    PART_BYTES,
    RECEIPT,
    RUNNING,
    is_dataset,
    part_files,
    write_receipt,
)
from daguerre.storage.journal import Journal
from daguerre.storage.known import KnownRows
from daguerre.storage.locks import alone, remove_if_empty, rewriting, shard_folder
from daguerre.storage.parquet import Row, arrow, receipt_of, save, schema, synced
from daguerre.storage.row_reader import RowReader, StoredRow
from daguerre.storage.settling import NONE, join_small, rows_of, together, write_again
from daguerre.storage.shards import Shard
from daguerre.types.common import Float, Receipt

FILE_ROWS = 1_000_000  # of a new corpus that becomes one file; a larger one becomes a folder


class CorpusStore:
    """A corpus that is written.

    Parameters
    ----------
    out : a file; or a folder, which ends in a slash or exists already.
    shard : the share of the items that this process embeds, into a folder.
    part_bytes : size of a part, about.
    file_rows : rows from which a new corpus becomes a folder.

    Raises
    ------
    DaguerreError, ValueError : `out` is a folder of other files; a shard has a file.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        shard: Shard | None = None,
        part_bytes: int = PART_BYTES,
        file_rows: int = FILE_ROWS,
    ) -> None:
        self.out, self.shard = Path(out), shard
        self._part_bytes, self._file_rows = part_bytes, file_rows
        ends = os.fspath(out).endswith(("/", os.sep))
        if self.out.is_file() and (shard is not None or ends):
            raise ValueError(
                f"out: {str(self.out)!r} is a file, and {'a shard writes into' if shard else 'the name is that of'} a "
                f"folder; name a folder, or convert the file: daguerre to-folder {self.out} FOLDER/"
            )
        self.is_folder = ends or shard is not None or self.out.is_dir()
        if self.is_folder and self.out.is_dir():
            _require_ours(self.out)
        self.folder = self.out if self.is_folder else self.out.with_name(self.out.name + ".parts")
        place = self.folder / JOURNAL
        self._place = place
        self._own = place if shard is None else shard_folder(place, shard)
        suffix = "" if shard is None else shard.suffix
        self._journal = Journal(self.folder, self._own, suffix=suffix, part_bytes=part_bytes)
        self._reader = RowReader()
        self.known: KnownRows = KnownRows(())

    def files(self) -> list[Path]:
        """The files of the corpus; of a shard, without the parts of the others."""
        if not self.is_folder:
            return [*([self.out] if self.out.exists() else []), *part_files(self.folder)]
        every = part_files(self.folder)
        if self.shard is None:
            return every
        end = f"of{self.shard.count:02d}"
        return [path for path in every if path.stem.endswith(self.shard.suffix) or not path.stem.endswith(end)]

    def receipts(self) -> Iterator[tuple[Path, Receipt]]:
        """Receipts of the files and journals so far."""
        for path in part_files(self.folder) if self.is_folder else self.files():
            with suppress(FileNotFoundError):  # another shard has just joined it to others
                yield path, receipt_of(path)
        yield from self._journal.receipts()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out. Raises DaguerreError where one is at work."""
        self.folder.mkdir(exist_ok=True)
        with alone(self._place, self.out, self.shard):
            try:
                yield
            finally:
                if not self.is_folder:
                    self._drop_if_empty()

    def open(self) -> KnownRows:
        """Go on with what an earlier run has left, and return the rows that are there."""
        every = [self._journal]
        if self.shard is None:
            ends = [(path, path.name.removeprefix("shard")) for path in self._place.glob("shard-*") if path.is_dir()]
            every += [Journal(self.folder, path, suffix=suffix) for path, suffix in ends]
            for rest in self.folder.glob(".*.tmp"):
                rest.unlink(missing_ok=True)
        for journal in every:
            journal.recover()
        (self._own / RUNNING).touch()
        for attempt in range(10):
            try:
                self.known = KnownRows(self.files(), final=None if self.is_folder else self.out, shard=self.shard)
                break
            except OSError:  # another shard has just written parts again
                if self.shard is None or attempt == 9:
                    raise
        return self.known

    def add(self, rows: Sequence[Row], vectors: Float, receipt: Receipt, dimension: int) -> int:
        """Append rows, so that they survive this process, and return the number of the first one in this run."""
        if self.is_folder and not (self.folder / RECEIPT).exists():
            write_receipt(self.folder, receipt, dimension)
        return self._journal.add(rows, vectors, receipt)

    def read_new(self, number: int) -> StoredRow:
        """A row of this run. Raises OSError."""
        return self._journal.read(number, self._reader)

    def read_known(self, place: int) -> StoredRow:
        """A row of `known`. Raises OSError."""
        path, row = self.known.location(place)
        return self._reader.read(path, [row])[0]

    def id_of(self, place: int) -> str:
        """The id of a row of `known`."""
        path, row = self.known.location(place)
        ids = arrow().parquet.read_table(path, columns=["id"])["id"]
        return str(ids[row].as_py())

    def close(self) -> None:
        """Keep the rows for the next run, or for `finish`."""
        self._reader.close()
        self._journal.flush()

    def finish(
        self,
        dimension: int,
        receipt: Receipt,
        earlier: Mapping[str, str] | None = None,
        present: Mapping[str, str] | None = None,
    ) -> int:
        """Leave each id once, and return the number of rows.

        Without rows, a file is an empty table with the given dimension and receipt.

        Parameters
        ----------
        earlier, present : ids of rows of `known`, and of later ones, and those that they get.
        """
        self._journal.flush()
        self._reader.close()
        files = self.files()
        made = receipt_of(files[-1]) if files else receipt
        earlier, present = earlier or {}, present or {}
        if self.is_folder:
            self._settle(earlier, present)
            write_receipt(self.folder, made, dimension)
            (self._own / RUNNING).unlink(missing_ok=True)
            return _count(part_files(self.folder))
        (self._own / RUNNING).unlink(missing_ok=True)
        parts = part_files(self.folder)
        if not self.out.exists() and _count(parts) > self._file_rows:
            self._settle(earlier, present)
            if self._becomes_folder(made, dimension):
                return _count(part_files(self.out))
        if part_files(self.folder) or not files or earlier:
            kind = schema(dimension, made)
            stale = dict(zip(self.known.files, self.known.stale(), strict=True))
            old = set(self.known.files)
            rows = (
                table
                for path in self.files()
                for table in rows_of(
                    path, kind, stale.get(path, NONE), earlier if path in old else present, self.known.is_repeated
                )
            )
            save(together(rows, kind), kind, self.out, scratch=self.folder)
            for path in part_files(self.folder):
                path.unlink()
        return _count([self.out])

    def _settle(self, earlier: Mapping[str, str], present: Mapping[str, str]) -> None:
        """Write those parts again that have superseded rows or get other ids, and join small ones."""
        known = self.known
        moved = {known.location(place)[0] for id in earlier if (place := known.place(id)) is not None}
        stale = dict(zip(known.files, known.stale(), strict=True))
        again = {path for path, keys in stale.items() if len(keys)} | moved
        again |= set(known.files) if known.is_repeated else set()
        again |= set(self.files()) - set(known.files) if present else set()
        old = set(known.files)
        small = self.files() if self.shard is None else [p for p in self.files() if p.stem.endswith(self.shard.suffix)]
        if not again and len(small) <= 1:
            return
        with rewriting(self._place):
            for path in sorted(again):
                if path.exists():
                    names = earlier if path in old else present
                    write_again(path, stale.get(path, NONE), names, repeated=known.is_repeated)
            join_small([path for path in small if path.exists()], self._part_bytes)

    def _becomes_folder(self, made: Receipt, dimension: int) -> bool:
        """Give the folder of parts the name of the file; False where the system does not let it."""
        write_receipt(self.folder, made, dimension)
        try:
            os.rename(self.folder, self.out)
        except PermissionError:  # Windows, while the lock in it is open
            (self.folder / RECEIPT).unlink()
            return False
        synced(self.out.parent)
        return True

    def _drop_if_empty(self) -> None:
        (self._own / RUNNING).unlink(missing_ok=True)
        remove_if_empty(self._place)
        with suppress(OSError):
            if {path.name for path in self.folder.iterdir()} <= {"lock"}:  # of version 0.1
                (self.folder / "lock").unlink(missing_ok=True)
                os.rmdir(self.folder)
                synced(self.folder.parent)


def _count(files: Sequence[Path]) -> int:
    return int(np.sum([arrow().parquet.read_metadata(path).num_rows for path in files], dtype=np.int64))


def _require_ours(folder: Path) -> None:
    """Raise DaguerreError for a folder that has files, and is none of vectors."""
    others = [path.name for path in sorted(folder.iterdir()) if path.name[0] not in "._"]
    if others and not is_dataset(folder):
        raise DaguerreError(
            f"out: {folder} is a folder of other files, as {others[0]!r}, and none of vectors; name a new folder, or a "
            "file in this one",
            code="foreign_file",
        )
