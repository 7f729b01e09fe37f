"""The end of a run in a folder of vectors: parts with superseded rows are written again, many small ones are joined."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from daguerre.storage.dataset import PART_BYTES, DatasetFolder, live_rows, write_receipt
from daguerre.storage.keys import Keys
from daguerre.storage.parquet import ROW_GROUP, arrow, conformed, grouped, receipt_of, save, schema, synced

MOST_SMALL = 32  # parts; more are joined
NONE: Keys = np.zeros((0, 2), np.uint64)


def rows_of(
    path: Path, kind: Any, stale: Keys, renamed: Mapping[str, str], repeated: bool = False, live: Any = None
) -> Iterator[Any]:
    """The rows of a file that count, in the schema `kind`, with other ids.

    Parameters
    ----------
    stale : keys of rows that a later file has.
    repeated : whether an id may be in the file twice.
    live : whether each row counts, where that is known.
    """
    pa = arrow()
    if live is None and (len(stale) or repeated):
        live = live_rows(path, stale)
    start = 0
    with pa.parquet.ParquetFile(path) as file:
        for part in file.iter_batches(ROW_GROUP):
            table = conformed(_renamed(part, renamed), kind, path)
            if live is not None:
                table = table.filter(pa.array(live[start : start + part.num_rows]))
            start += part.num_rows
            yield table


def _renamed(part: Any, renamed: Mapping[str, str]) -> Any:
    """A batch of rows with other ids."""
    if not renamed:
        return part
    pa = arrow()
    ids = [renamed.get(id, id) for id in part["id"].to_pylist()]
    place = part.schema.get_field_index("id")
    columns = [pa.array(ids, pa.string()) if i == place else column for i, column in enumerate(part.columns)]
    return pa.record_batch(columns, names=part.schema.names)


def together(tables: Iterable[Any], kind: Any) -> Iterator[Any]:
    """Tables of one schema in row groups, with the receipt of `kind`."""
    for table in grouped(tables):
        yield table.replace_schema_metadata(kind.metadata)


def write_again(path: Path, stale: Keys, renamed: Mapping[str, str], *, repeated: bool = False) -> None:
    """Write a part without its superseded rows, and with other ids. One without any row left is removed.

    `repeated` : whether an id may be in it twice.
    """
    live = live_rows(path, stale) if len(stale) or repeated else None
    if (live is None or live.all()) and not renamed:
        return
    if live is not None and not live.any():
        path.unlink()
        synced(path.parent)
        return
    kind = schema(_width(path), receipt_of(path))
    save(together(rows_of(path, kind, stale, renamed, live=live), kind), kind, path)


def join_small(parts: Sequence[Path], part_bytes: int = PART_BYTES) -> None:
    """Join small parts into larger ones where there are many. No id is in two of them, so their order does not count.

    A larger one takes the name of its last part; the others are removed afterwards.
    """
    small = [path for path in parts if path.stat().st_size < part_bytes // 8]
    if len(small) <= MOST_SMALL:
        return
    groups: list[list[Path]] = [[]]
    size = 0
    for path in small:
        if size + path.stat().st_size > part_bytes and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(path)
        size += path.stat().st_size
    for group in groups:
        if len(group) > 1:
            kind = schema(_width(group[-1]), receipt_of(group[-1]))
            rows = (table for path in group for table in rows_of(path, kind, NONE, {}))
            save(together(rows, kind), kind, group[-1])
            for path in group[:-1]:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            synced(group[-1].parent)


def _width(path: Path) -> int:
    """The length of the vectors of a file."""
    with arrow().parquet.ParquetFile(path) as file:
        kind = file.schema_arrow.field("vector").type
        if width := int(getattr(kind, "list_size", 0)):
            return width
        first = next(file.iter_batches(1, columns=["vector"]), None)
        return 0 if first is None else len(first["vector"][0].as_py() or ())


def write_folder(file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> DatasetFolder:
    """Write the rows of a file of vectors into a new folder of parts, which appears whole or not at all.

    Raises
    ------
    DaguerreError, FileNotFoundError : the file is none of vectors.
    FileExistsError : the folder exists, and is not empty.
    """
    target = Path(folder)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileExistsError(f"{os.fspath(folder)} exists already; name a new folder")
    made = receipt_of(file)
    kind = schema(_width(Path(file)), made)
    rows = together(rows_of(Path(file), kind, NONE, {}), kind)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        for number in count():
            if (first := next(rows, None)) is None:
                break
            save(_up_to(first, rows, PART_BYTES), kind, temporary / f"part-{number:06d}.parquet")
        write_receipt(temporary, made, kind.field("vector").type.list_size)
        if target.exists():
            target.rmdir()
        os.rename(temporary, target)
    except BaseException:
        rmtree(temporary, ignore_errors=True)
        raise
    synced(target.absolute().parent)
    return DatasetFolder(target)


def _up_to(first: Any, rest: Iterator[Any], size: int) -> Iterator[Any]:
    """A table, and the following ones until they have so many bytes."""
    yield first
    total = first.nbytes
    while total < size and (table := next(rest, None)) is not None:
        total += table.nbytes
        yield table
