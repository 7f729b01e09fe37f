"""A folder of Parquet files as one table of vectors: the corpus of `embed_corpus` where it is large.

`part-*.parquet` have the columns and the metadata of a single file (parquet.py), `_receipt.json` the receipt and the
dimension, `_journal/` what is under way. Arrow, Spark and Ray leave names out that begin with "_" or ".". A part is
written under such a name, and renamed when it is whole. Where an id is in several parts, the later one wins; a run that
has finished leaves each id once.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from daguerre.errors import DaguerreError, FingerprintMismatchError
from daguerre.storage.keys import Keys, among, keys_of
from daguerre.storage.known import KnownRows
from daguerre.storage.parquet import ROW_GROUP, arrow, conformed, grouped, read_schema, receipt_of, schema
from daguerre.types.common import Float, Receipt, receipt

RECEIPT = "_receipt.json"
JOURNAL = "_journal"
RUNNING = "running"  # in the folder of journals while a run has not finished
PART_BYTES = 256 * 2**20
_NUMBER = re.compile(r"part-(\d+)")


def is_dataset(path: object) -> bool:
    """Whether a path is a folder of vectors."""
    if not isinstance(path, str | os.PathLike) or not os.path.isdir(path):
        return False
    folder = Path(path)
    return (folder / RECEIPT).is_file() or next(folder.glob("part-*.parquet"), None) is not None


def part_number(path: Path) -> int:
    """The number of a part; -1 for a file of another program."""
    found = _NUMBER.match(path.name)
    return int(found[1]) if found else -1


def part_files(folder: Path) -> list[Path]:
    """The parts of a folder, a later one after an earlier one."""
    found = [path for path in folder.glob("*.parquet") if path.name[0] not in "._" and path.is_file()]
    return sorted(found, key=lambda path: (part_number(path), path.name))


def is_settled(folder: Path) -> bool:
    """Whether no run is under way or was killed, so that each id is in one part."""
    place = folder / JOURNAL
    return not any(next(place.glob(pattern), None) for pattern in (RUNNING, f"*/{RUNNING}", "**/*.arrows"))


def part_keys(path: Path) -> Keys:
    """The keys of the ids of a file, (n, 2)."""
    with arrow().parquet.ParquetFile(path) as file:
        parts = [keys_of(list(map(str, part["id"].to_pylist()))) for part in file.iter_batches(65_536, columns=["id"])]
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.uint64)


def live_rows(path: Path, stale: Keys) -> Any:
    """Whether each row of a file counts, (n,): it is the last of its id there, and its key is none of `stale`."""
    keys = part_keys(path)
    live = ~among(keys, stale)
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    live[order[:-1][(ordered[1:] == ordered[:-1]).all(axis=1)]] = False
    return live


def check_receipts(files: Sequence[Path]) -> tuple[Receipt | None, int]:
    """The receipt of the last of some files, and the length of their vectors; None and 0 without a file.

    Raises
    ------
    FingerprintMismatchError : files have vectors of two models or lengths.
    """
    first: tuple[Path, Receipt, int] | None = None
    made = None
    for path in files:
        made = receipt_of(path)
        kind = read_schema(path).field("vector").type
        width = getattr(kind, "list_size", 0)
        if first is None:
            first = (path, made, width)
        elif made.fingerprint != first[1].fingerprint or (width and first[2] and width != first[2]):
            one, other = (f"{each.model} ({each.fingerprint}, {d} numbers)" for each, d in (first[1:], (made, width)))
            raise FingerprintMismatchError(
                f"{path} has vectors of {other}, and {first[0]} of {one}; the two must not be mixed: move the parts of "
                "one into another folder",
                code="fingerprint_mismatch",
            )
        first = (path, made, width) if not first[2] and width else first
    return made, first[2] if first else 0


def write_receipt(folder: Path, made: Receipt, dimension: int) -> None:
    """Write `_receipt.json`, whole or not at all."""
    text = json.dumps({**asdict(made), "dimension": dimension}, ensure_ascii=False, indent=1)
    path = folder / RECEIPT
    if path.is_file() and path.read_bytes() == text.encode():
        return
    temporary = folder / f".{uuid4().hex}.tmp"  # processes on several machines may have one number
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)


class DatasetFolder:
    """A folder of vectors, read in parts. Each id comes once, with its latest row, while a run is under way too.

    Parameters
    ----------
    path : the folder.

    Attributes
    ----------
    parts : the Parquet files, a later one after an earlier one. Those that a run writes afterwards are not seen.
    receipt : model, settings and versions that made the vectors.
    dimension : length of the vectors.

    Raises
    ------
    FileNotFoundError : there is no such folder.
    DaguerreError : the folder, or a file in it, is not one of vectors.
    FingerprintMismatchError : two parts have vectors of two models or lengths.

    Examples
    --------
    >>> folder = DatasetFolder("photos/")
    >>> folder.rows, folder.dimension
    (3, 1280)
    >>> for ids, vectors in folder.blocks():  # (n, d) float32, 16,384 rows at a time
    ...     print(len(ids), vectors.shape)
    3 (3, 1280)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise FileNotFoundError(f"{os.fspath(path)} is no folder; check the path")
        self.parts = tuple(part_files(self.path))
        if not self.parts and not (self.path / RECEIPT).is_file():
            raise DaguerreError(
                f"{os.fspath(path)} has no vectors: neither part-*.parquet nor {RECEIPT} is in it; make a folder of "
                "vectors with `daguerre embed photos/ -o vectors/`",
                code="foreign_file",
            )
        self.is_settled = is_settled(self.path)
        made, self.dimension = check_receipts(self.parts)
        stored = self._stored()
        if stored is not None:
            self.dimension = self.dimension or int(stored.get("dimension", 0))
            if made is not None and made.fingerprint != stored["fingerprint"]:
                raise FingerprintMismatchError(
                    f"{self.parts[-1]} has vectors of {made.model} ({made.fingerprint}), and {self.path / RECEIPT} is "
                    f"of {stored['model']} ({stored['fingerprint']}); move the parts of one into another folder",
                    code="fingerprint_mismatch",
                )
        self.receipt: Receipt = receipt(stored) if stored is not None else made  # type: ignore[assignment]
        self._masks: list[Any] | None = None

    def _stored(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.path / RECEIPT).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as exc:
            raise DaguerreError(
                f"{self.path / RECEIPT} is no receipt: {exc}; delete it where the parts have receipts of their own",
                code="foreign_file",
            ) from exc
        return found

    @property
    def rows(self) -> int:
        """Number of rows, each id counted once."""
        if self.is_settled:
            return sum(arrow().parquet.read_metadata(path).num_rows for path in self.parts)
        return sum(int(mask.sum()) for mask in self._live())

    def __len__(self) -> int:
        return self.rows

    def batches(self, columns: Sequence[str] | None = None, rows: int = ROW_GROUP) -> Iterator[Any]:
        """The rows as pyarrow.RecordBatch, in the order of the parts, at most `rows` at a time.

        Parameters
        ----------
        columns : names of columns; None: all. Vectors are fixed_size_list of float32, NaN for an item that failed.
        """
        pa = arrow()
        kind = schema(self.dimension, self.receipt)
        masks = None if self.is_settled else self._live()
        for i, path in enumerate(self.parts):
            start = 0
            with pa.parquet.ParquetFile(path) as file:
                there = set(file.schema_arrow.names)
                wanted = pa.schema([each for each in kind if columns is None or each.name in columns], kind.metadata)
                for part in file.iter_batches(rows, columns=[name for name in wanted.names if name in there]):
                    table = conformed(part, wanted, path)
                    if masks is not None:
                        table = table.filter(pa.array(masks[i][start : start + part.num_rows]))
                    start += part.num_rows
                    yield from table.combine_chunks().to_batches()

    def blocks(self, rows: int = 16_384) -> Iterator[tuple[Any, Float]]:
        """Ids (a pyarrow array of texts) and vectors (n, d) float32, `rows` at a time; the last block has the rest."""
        for table in grouped(self.batches(["id", "vector"], min(rows, 4 * ROW_GROUP)), rows):
            flat = table["vector"].combine_chunks()
            flat = flat.chunk(0) if hasattr(flat, "chunk") else flat
            vectors = flat.flatten().to_numpy(zero_copy_only=False).reshape(len(table), self.dimension)
            ids = table["id"].combine_chunks()
            yield (ids.chunk(0) if hasattr(ids, "chunk") else ids), vectors

    def ids(self) -> Iterator[str]:
        """The ids, in the order of the rows."""
        for part in self.batches(["id"], 65_536):
            yield from part["id"].to_pylist()

    def table(self, columns: Sequence[str] | None = None) -> Any:
        """All rows as a pyarrow.Table in memory."""
        pa = arrow()
        kind = schema(self.dimension, self.receipt)
        wanted = pa.schema([each for each in kind if columns is None or each.name in columns], kind.metadata)
        return pa.Table.from_batches(list(self.batches(columns)), wanted)

    def _live(self) -> list[Any]:
        """Whether each row of each part counts."""
        if self._masks is None:
            replaced = KnownRows(self.parts).replaced
            self._masks = [live_rows(path, stale) for path, stale in zip(self.parts, replaced, strict=True)]
        return self._masks

    def __repr__(self) -> str:
        return f"<DatasetFolder {self.path}: {len(self.parts):,} parts, {self.receipt.model}>"
