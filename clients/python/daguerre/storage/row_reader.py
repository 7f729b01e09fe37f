"""Single rows of files of vectors, read by number."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from daguerre.storage.keys import content_key
from daguerre.storage.parquet import arrow, matrix
from daguerre.types.common import Float

COLUMNS = ("sha256", "vector", "error_code", "error_message", "remark")
FILES, GROUPS = 8, 16  # that stay open, and row groups that stay in memory: 64 MB of vectors of 512 numbers


@dataclass(frozen=True)
class StoredRow:
    """The result of an item as a file has it; `vector` is (d,), and None for an item that failed."""

    content: bytes
    vector: Float | None
    error_code: str | None
    error_message: str | None
    remark: str | None


def stored_row(batch: Any, i: int, vectors: Float) -> StoredRow:
    """Row i of a batch or a table, whose vectors are (n, d)."""
    names = batch.schema.names
    sha256, code, message, remark = (
        batch[name][i].as_py() if name in names else None
        for name in ("sha256", "error_code", "error_message", "remark")
    )
    failed = code is not None or bool(np.isnan(vectors[i, :1]).any())
    return StoredRow(content_key(sha256), None if failed else vectors[i].copy(), code, message, remark)


class RowReader:
    """Rows by file and number. Open files stay as they were where another process writes them again."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, tuple[Any, Any]] = OrderedDict()  # with the ends of their row groups
        self._groups: OrderedDict[tuple[Path, int], tuple[Any, Float]] = OrderedDict()
        self._lock = Lock()

    def read(self, path: Path, rows: Sequence[int]) -> list[StoredRow]:
        """Some rows of a file. Raises OSError."""
        with self._lock:
            return [self._row(path, row) for row in rows]

    def _row(self, path: Path, row: int) -> StoredRow:
        file, ends = self._open(path)
        group = int(np.searchsorted(ends, row, side="right"))
        if group >= len(ends):
            raise OSError(f"{path} has {ends[-1] if len(ends) else 0} rows, and row {row} was asked for")
        if (path, group) not in self._groups:
            there = [name for name in COLUMNS if name in file.schema_arrow.names]
            table = file.read_row_group(group, columns=there)
            self._groups[path, group] = (table.drop_columns(["vector"]), matrix(table["vector"], path))
            if len(self._groups) > GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end((path, group))
        return stored_row(*_at(self._groups[path, group], row - (int(ends[group - 1]) if group else 0)))

    def _open(self, path: Path) -> tuple[Any, Any]:
        if path not in self._files:
            file = arrow().parquet.ParquetFile(path)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            self._files[path] = (file, np.cumsum(sizes, dtype=np.int64))
            if len(self._files) > FILES:
                self._files.popitem(last=False)[1][0].close()
        self._files.move_to_end(path)
        return self._files[path]

    def close(self) -> None:
        with self._lock:
            for file, _ in self._files.values():
                file.close()
            self._files.clear()
            self._groups.clear()


def _at(group: tuple[Any, Float], i: int) -> tuple[Any, int, Float]:
    return group[0], i, group[1]
