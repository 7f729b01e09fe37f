"""Vectors as Parquet: one row per item, with its receipt. `embed_corpus` and `Embeddings.to_parquet` write it.

Columns: id; sha256 (hex), size and mtime_ns of a file; vector (fixed_size_list of float32, NaN where there is none:
pyarrow 14 to 25 cannot read null rows of such lists); error_code and error_message (null where all is well); model,
revision and fingerprint; modality ("image" or "text", null where it is not known); remark (null for most, as in tables
of results). The receipt is in the schema's metadata, under "daguerre", as JSON.

Files that other programs have written again are read too: pandas and polars drop the receipt, and make lists of any
length and precision. Columns then say what the receipt said; those after fingerprint are in no file of version 0.1.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.errors import DaguerreError, FingerprintMismatchError
from daguerre.inputs.files import require_folder
from daguerre.inputs.names import printable
from daguerre.types.common import NO_MODEL, Float, Modality, Receipt, listed, receipt

KEY = b"daguerre"
NEEDED = ("id", "vector", "model", "revision", "fingerprint")
ROW_GROUP = 2048  # rows: 10 MB of 1,280 numbers


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a table, without its vector."""

    id: str
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    remark: str | None = None


def arrow() -> Any:
    """Import pyarrow. Raises ModuleNotFoundError with the command that installs it."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("Parquet needs pyarrow; pip install 'daguerre[parquet]'") from exc
    return pyarrow


def schema(dimension: int, receipt: Receipt) -> Any:
    """The schema of vectors of length `dimension` with the receipt `receipt`."""
    pa = arrow()
    text = pa.string()
    fields = [
        ("id", text),
        ("sha256", text),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("vector", pa.list_(pa.float32(), dimension)),
        ("error_code", text),
        ("error_message", text),
        ("model", text),
        ("revision", text),
        ("fingerprint", text),
        ("modality", text),
        ("remark", text),
    ]
    return pa.schema(fields, metadata=receipt_metadata(receipt))


def receipt_metadata(receipt: Receipt) -> dict[bytes, bytes]:
    """The receipt as metadata of a schema, where `receipt_in` finds it."""
    return {KEY: json.dumps(asdict(receipt), ensure_ascii=False).encode()}


def batch(rows: Sequence[Row], vectors: Float, receipt: Receipt, modality: Modality | None = None) -> Any:
    """Rows with their vectors (n, d) as a record batch; those of failed rows are NaN."""
    pa = arrow()
    n, dimension = vectors.shape
    failed = np.array([row.error_code is not None for row in rows], bool)
    ids = pa.array([printable(row.id) for row in rows], pa.string())
    flat = pa.array(np.where(failed[:, None], np.float32("nan"), vectors).reshape(-1), pa.float32())
    columns = [
        ids,
        pa.array([row.sha256 for row in rows], pa.string()),
        pa.array([row.size for row in rows], pa.int64()),
        pa.array([row.mtime_ns for row in rows], pa.int64()),
        pa.FixedSizeListArray.from_arrays(flat, dimension),
        *(pa.array([getattr(row, name) for row in rows], pa.string()) for name in ("error_code", "error_message")),
        *(
            pa.array([value] * n, pa.string())
            for value in (receipt.model, receipt.revision, receipt.fingerprint, modality)
        ),
        pa.array([row.remark for row in rows], pa.string()),
    ]
    return pa.record_batch(columns, schema=schema(dimension, receipt))


def read_schema(path: str | os.PathLike[str]) -> Any:
    """The schema of a Parquet file. Raises DaguerreError where it is none."""
    pa = arrow()
    try:
        return pa.parquet.read_schema(path)
    except FileNotFoundError as exc:
        raise FileNotFoundError(f"{os.fspath(path)} does not exist; check the path") from exc
    except (pa.ArrowInvalid, OSError) as exc:
        raise DaguerreError(
            f"{os.fspath(path)} is no Parquet file: {exc}; move it away, or name another file", code="foreign_file"
        ) from exc


def receipt_in(saved: Any) -> Receipt | None:
    """The receipt in the metadata of a schema; None where there is none."""
    metadata = saved.metadata or {}
    return receipt(json.loads(metadata[KEY])) if KEY in metadata and "vector" in saved.names else None


def receipt_of(path: str | os.PathLike[str]) -> Receipt:
    """The receipt of a Parquet file: that of its metadata, unless its columns are those of another, or it has none.

    Raises
    ------
    DaguerreError : the file is not one of vectors.
    FingerprintMismatchError : it has vectors of several fingerprints.
    """
    saved = read_schema(path)
    made = receipt_in(saved)
    names = set(saved.names)
    if not (set(NEEDED) <= names or (made is not None and {"id", "vector"} <= names)):
        raise DaguerreError(
            f"{os.fspath(path)} was not written by daguerre: it has columns {listed(saved.names, 8)}, and a file of "
            f"vectors needs {', '.join(NEEDED)}; make one with `daguerre embed`, or name another file",
            code="foreign_file",
        )
    if "fingerprint" not in names:
        assert made is not None
        return made
    there = {column: _distinct(path, column) for column in NEEDED[2:] if column in names}
    fingerprints = [each or "none" for each in there["fingerprint"]]
    if len(fingerprints) > 1:
        raise FingerprintMismatchError(
            f"{os.fspath(path)} has vectors of {len(fingerprints)} fingerprints, {listed(fingerprints, 3)}; they must "
            "not be mixed: keep the rows of one",
            code="fingerprint_mismatch",
        )
    if made is not None and fingerprints in ([], [made.fingerprint]):
        return made
    model, revision, fingerprint = ((there.get(name) or [""])[0] or "" for name in NEEDED[2:])
    return replace(NO_MODEL, model=model, revision=revision, fingerprint=fingerprint)


def _distinct(path: str | os.PathLike[str], column: str) -> list[Any]:
    """The values of a column of texts: from the statistics of the file where they say it, else from its rows."""
    pa = arrow()
    with pa.parquet.ParquetFile(path) as file:
        place = file.schema_arrow.names.index(column)
        groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        ends: set[Any] = set()
        for group in groups:
            places = [i for i in range(group.num_columns) if group.column(i).path_in_schema == column]
            known = group.column(places[0]).statistics if places else None
            if known is None or not known.has_min_max or known.null_count or known.min != known.max:
                break
            ends.add(known.min)
        else:
            if all(isinstance(end, str) and len(end.encode()) < _WHOLE for end in ends):
                return sorted(ends)
        kind = file.schema_arrow.field(place).type
        values: dict[Any, None] = {}
        for part in file.iter_batches(16 * ROW_GROUP, columns=[column]):
            found = part[column] if part[column].type == kind else part[column].cast(kind)
            values.update(dict.fromkeys(found.cast(pa.string()).unique().to_pylist()))
        return list(values)


_WHOLE = 64  # bytes: programs cut longer texts in the statistics


def grouped(batches: Iterable[Any], rows: int = ROW_GROUP) -> Iterator[Any]:
    """Batches of one schema as tables of so many rows, but for the last one.

    The receipts in their metadata may differ in versions of software; the first one counts.
    """
    pa = arrow()
    waiting: list[Any] = []
    count = 0
    for part in batches:
        table = pa.Table.from_batches([part]) if isinstance(part, pa.RecordBatch) else part
        if not table.num_rows:
            continue
        waiting.append(table if not waiting else table.replace_schema_metadata(waiting[0].schema.metadata))
        count += table.num_rows
        if count >= rows:
            whole = pa.concat_tables(waiting)
            while count >= rows:
                yield whole.slice(0, rows).combine_chunks()
                whole, count = whole.slice(rows), count - rows
            waiting = [whole] if count else []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def matrix(column: Any, path: str | os.PathLike[str], *, width: int = 0) -> Float:
    """The vectors of a column of lists (n, d) as float32; rows that are null or empty are NaN. Raises DaguerreError.

    `width` is d where no row says it.
    """
    pa = arrow()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise DaguerreError(
            f"{os.fspath(path)}: column vector is of {kind}, not of lists; name another file", code="foreign_file"
        )
    counts = [length or 0 for chunk in column.chunks for length in _lengths(chunk)]
    widths = {count for count in counts if count}
    if len(widths) > 1:
        raise DaguerreError(
            f"{os.fspath(path)}: vectors of {min(widths)} and {max(widths)} numbers; they have to be of one length",
            code="foreign_file",
        )
    width = widths.pop() if widths else (kind.list_size if pa.types.is_fixed_size_list(kind) else width)
    vectors = np.full((len(counts), width), np.nan, np.float32)
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    if any(counts):
        vectors[np.array(counts) > 0] = np.concatenate(values).astype(np.float32).reshape(-1, width)
    return vectors


def _lengths(chunk: Any) -> list[int | None]:
    pa = arrow()
    if pa.types.is_fixed_size_list(chunk.type):
        return [chunk.type.list_size if good else None for good in chunk.is_valid().to_pylist()]
    lengths: list[int | None] = pa.compute.list_value_length(chunk).to_pylist()
    return lengths


def conformed(table: Any, kind: Any, path: str | os.PathLike[str]) -> Any:
    """A table in the schema `kind` that `schema` made: vectors without null rows, columns that are gone null."""
    pa = arrow()
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    if table.schema.equals(kind) and not ("vector" in kind.names and table["vector"].null_count):
        return table
    columns = []
    for each in kind:
        if each.name == "vector":
            flat = pa.array(matrix(table["vector"], path, width=each.type.list_size).reshape(-1), pa.float32())
            columns.append(pa.FixedSizeListArray.from_arrays(flat, each.type.list_size))
        elif each.name not in table.schema.names:
            columns.append(pa.nulls(table.num_rows, each.type))
        else:
            columns.append(table[each.name].cast(each.type, safe=False))  # pandas has sizes as floats
    return pa.Table.from_arrays(columns, schema=kind)


def save(batches: Iterable[Any], kind: Any, path: str | os.PathLike[str], *, scratch: Path | None = None) -> None:
    """Write batches of one schema as a Parquet file, which appears whole or not at all."""
    pa = arrow()
    require_folder(path)
    target = Path(path)
    folder = scratch or target.parent
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        with pa.parquet.ParquetWriter(
            temporary, kind, compression="zstd", compression_level=1, use_dictionary=_DICTIONARY
        ) as writer:
            for part in batches:
                if part.num_rows:
                    writer.write_table(conformed(part, kind, path))
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    synced(target.parent)


_DICTIONARY = ["error_code", "error_message", "model", "revision", "fingerprint", "modality", "remark"]


def synced(folder: Path) -> None:
    """Have a folder's entries on disk; Windows does that by itself."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
