"""The results of a corpus run on disk: parts in Parquet, and the rows since the last part in a journal.

A row is in the journal before the next answer is processed, so that a killed process loses no answer that it has
received. A full journal becomes a part of the same number, which identifies a journal that was left behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.storage.parquet import (
    ROW_GROUP,
    Row,
    arrow,
    batch,
    conformed,
    matrix,
    receipt_in,
    receipt_of,
    save,
    schema,
    synced,
)
from daguerre.types.common import Float, Receipt

COLUMNS = ["id", "sha256", "size", "mtime_ns", "error_code"]


@dataclass(frozen=True, slots=True)
class Known:
    """An item that is finished; `finished` is whether it is in the final file, and not in the parts of a run."""

    sha256: str | None
    size: int | None
    mtime_ns: int | None
    error_code: str | None
    finished: bool = True


class Journal:
    """The folder `<out>.parts` beside the file `out`.

    Parameters
    ----------
    out : path of the final file.
    part_rows : number of rows of a part.
    """

    def __init__(self, out: Path, *, part_rows: int) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".parts")
        self._part_rows = part_rows
        self._writer: Any = None
        self._sink: Any = None
        self._writer_schema: Any = None
        self._rows = 0
        self._next = 0
        self._found: frozenset[Path] = frozenset()  # the files of earlier runs

    def receipts(self) -> Iterator[tuple[Path, Receipt]]:
        """Receipts of the files so far."""
        for path in self._files():
            yield path, receipt_of(path)
        for path in self._journals():
            if (table := _readable(path)) is not None and (made := receipt_in(table.schema)) is not None:
                yield path, made

    def recover(self) -> None:
        """Turn the journals of a killed run into parts."""
        for rest in self.folder.glob(".*.tmp"):
            rest.unlink()
        for journal in self._journals():
            part = self._part(int(journal.stem.partition("-")[2]))
            if not part.exists() and (table := _readable(journal)) is not None:
                save([table], table.schema, part)
            journal.unlink()
        numbers = [int(path.stem.partition("-")[2]) for path in self._parts()]
        self._next = max(numbers, default=-1) + 1

    def known(self) -> dict[str, Known]:
        """All finished items, by id; the latest row of an item that was repeated."""
        pa = arrow()
        items: dict[str, Known] = {}
        self._found = frozenset(self._files())
        for path in self._files():
            with pa.parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                code = "error_code" if "error_code" in names else "vector"
                there = [name for name in (*COLUMNS[:-1], code) if name in names]
                for part in file.iter_batches(ROW_GROUP, columns=there):
                    columns = {name: part[name].to_pylist() for name in there if name != "vector"}
                    if code == "vector":  # another program has left the errors out, but not the rows of NaN
                        rows = matrix(pa.chunked_array([part["vector"]]), path)
                        failed = set(np.argwhere(np.isnan(rows))[:, 0].tolist())
                        columns["error_code"] = ["no_vector" if i in failed else None for i in range(part.num_rows)]
                    nothing = [None] * part.num_rows
                    every = (columns.get(name, nothing) for name in COLUMNS)
                    for id, sha256, size, mtime_ns, error in zip(*every, strict=True):
                        items.pop(id, None)
                        code_now = error if isinstance(error, str) else None
                        items[id] = Known(sha256, size, mtime_ns, code_now, path == self.out)
        return items

    def add(self, rows: Sequence[Row], vectors: Float, receipt: Receipt) -> None:
        """Append rows, so that they survive this process."""
        pa = arrow()
        kept = batch(rows, vectors, receipt, "image")
        if self._writer is not None and not self._writer_schema.equals(kept.schema, check_metadata=True):
            self.flush()  # a server that was upgraded in between says so in its receipt
        if self._writer is None:
            self._sink = open(self.folder / f"journal-{self._next:06d}.arrows", "wb", buffering=0)  # noqa: SIM115
            self._writer = pa.ipc.new_stream(self._sink, kept.schema)
            self._writer_schema = kept.schema
        self._writer.write_batch(kept)
        self._rows += len(rows)
        if self._rows >= self._part_rows:
            self.flush()

    def flush(self) -> None:
        """Turn the journal into a part."""
        if self._writer is None:
            return
        writer, sink, part = self._writer, self._sink, self._part(self._next)
        self._writer = self._sink = None  # whatever fails now: the journal stays for the next run's `recover`
        self._next += 1
        self._rows = 0
        try:
            writer.close()
        finally:
            sink.close()
        path = Path(sink.name)
        table = _readable(path)
        if table is not None:
            save([table], table.schema, part)
        path.unlink()

    def close(self) -> None:
        """Keep the rows for the next run, or for `finish`."""
        self.flush()
        self._drop_if_empty()

    def finish(
        self,
        dimension: int,
        receipt: Receipt,
        earlier: Mapping[str, str] | None = None,
        present: Mapping[str, str] | None = None,
    ) -> int:
        """Write all rows to `out`, in the order in which they were made, and return their number.

        Without rows, `out` is an empty table with the given dimension and receipt.

        Parameters
        ----------
        earlier, present : ids of rows that `known` has found, and of later ones, and those that they get.
        """
        self.flush()
        pa = arrow()
        files = self._files()
        if self._parts() or not files or earlier:
            kind = schema(dimension, receipt_of(files[-1]) if files else receipt)
            save(self._latest(files, kind, earlier or {}, present or {}), kind, self.out, scratch=self.folder)
            for path in self._parts():
                path.unlink()
        self._drop_if_empty()
        return int(pa.parquet.read_metadata(self.out).num_rows)

    def _latest(
        self, files: Sequence[Path], kind: Any, earlier: Mapping[str, str], present: Mapping[str, str]
    ) -> Iterator[Any]:
        """Every row of the files, in row groups, without those that were done again later."""
        pa = arrow()
        later: set[str] = set()
        keep: list[Any] = []
        for path in reversed(files):
            ids = pa.parquet.read_table(path, columns=["id"])["id"].to_pylist()
            fresh = []
            renamed = earlier if path in self._found else present
            for id in (renamed.get(id, id) for id in reversed(ids)):
                fresh.append(id not in later)
                later.add(id)
            keep.append(pa.array(fresh[::-1], pa.bool_()))
        del later
        waiting: list[Any] = []
        for path, mask in zip(files, reversed(keep), strict=True):
            start = 0
            renamed = earlier if path in self._found else present
            with pa.parquet.ParquetFile(path) as file:
                for part in file.iter_batches(ROW_GROUP):
                    whole = conformed(_renamed(part, renamed), kind, path)
                    waiting.append(whole.filter(mask.slice(start, part.num_rows)))
                    start += part.num_rows
                    if sum(table.num_rows for table in waiting) >= ROW_GROUP:
                        yield _together(waiting)
                        waiting = []
        if waiting:
            yield _together(waiting)

    def _files(self) -> list[Path]:
        return [*([self.out] if self.out.exists() else []), *self._parts()]

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"

    def _journals(self) -> list[Path]:
        return sorted(self.folder.glob("journal-*.arrows"))

    def _drop_if_empty(self) -> None:
        with suppress(OSError):  # there are rows in it, or it is gone
            rest = {path.name for path in self.folder.iterdir()}
            if rest <= {"lock"}:
                (self.folder / "lock").unlink(missing_ok=True)
                self.folder.rmdir()
                synced(self.folder.parent)


def _renamed(part: Any, renamed: Mapping[str, str]) -> Any:
    """A batch of rows with other ids."""
    if not renamed:
        return part
    pa = arrow()
    ids = [renamed.get(id, id) for id in part["id"].to_pylist()]
    place = part.schema.get_field_index("id")
    columns = [pa.array(ids, pa.string()) if i == place else column for i, column in enumerate(part.columns)]
    return pa.record_batch(columns, names=part.schema.names)


def _together(tables: Sequence[Any]) -> Any:
    """Tables of one schema; receipts may differ in versions, and the last one counts."""
    kind = tables[-1].schema
    return arrow().concat_tables([table.replace_schema_metadata(kind.metadata) for table in tables]).combine_chunks()


def _readable(path: Path) -> Any:
    """The rows of a journal as a table, up to where its writer was killed; None where that was before the first."""
    pa = arrow()
    batches: list[Any] = []
    data = pa.py_buffer(path.read_bytes())
    with suppress(pa.ArrowInvalid, OSError):  # an OSError here is the end of the bytes, not the disk's
        for part in pa.ipc.open_stream(data):
            part.validate()
            batches.append(part)
    return pa.Table.from_batches(batches) if batches else None
