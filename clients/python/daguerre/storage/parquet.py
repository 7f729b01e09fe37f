"""Vectors as Parquet: one row per item, with its receipt. `embed_corpus` and `Embeddings.to_parquet` write it.

Columns: id; sha256 (hex), size and mtime_ns of a file; vector (fixed_size_list of float32, null where there is none);
error_code and error_message (null where all is well); model, revision and fingerprint. The receipt is in the schema's
metadata, under "daguerre", as JSON.
"""

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.errors import DaguerreError
from daguerre.types.common import Float, Receipt, receipt

KEY = b"daguerre"
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


def arrow() -> Any:
    """Import pyarrow. Raises ModuleNotFoundError with the command that installs it."""
    try:
        import pyarrow
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
    ]
    return pa.schema(fields, metadata={KEY: json.dumps(asdict(receipt), ensure_ascii=False).encode()})


def batch(rows: Sequence[Row], vectors: Float, receipt: Receipt) -> Any:
    """Rows with their vectors (n, d) as a record batch; failed rows have none."""
    pa = arrow()
    n, dimension = vectors.shape
    failed = np.array([row.error_code is not None for row in rows], bool)
    ids = pa.array([printable(row.id) for row in rows], pa.string())
    flat = pa.array(np.where(failed[:, None], np.float32(0), vectors).reshape(-1), pa.float32())
    columns = [
        ids,
        pa.array([row.sha256 for row in rows], pa.string()),
        pa.array([row.size for row in rows], pa.int64()),
        pa.array([row.mtime_ns for row in rows], pa.int64()),
        pa.FixedSizeListArray.from_arrays(flat, dimension, mask=pa.array(failed)),
        *(pa.array([getattr(row, name) for row in rows], pa.string()) for name in ("error_code", "error_message")),
        *(pa.array([value] * n, pa.string()) for value in (receipt.model, receipt.revision, receipt.fingerprint)),
    ]
    return pa.record_batch(columns, schema=schema(dimension, receipt))


def printable(id: str) -> str:
    r"""An id as valid Unicode: bytes of a file name in another encoding become \udce9 and the like."""
    return id.encode("utf-8", "backslashreplace").decode()


def read_schema(path: str | os.PathLike[str]) -> Any:
    """The schema of a Parquet file. Raises DaguerreError where it is none."""
    pa = arrow()
    try:
        return pa.parquet.read_schema(path)
    except pa.ArrowInvalid as exc:
        raise DaguerreError(
            f"{os.fspath(path)} is no Parquet file: {exc}; move it away, or name another file", code="foreign_file"
        ) from exc


def receipt_of(saved: Any, path: str | os.PathLike[str]) -> Receipt:
    """The receipt in a file's schema. Raises DaguerreError where a file is not one of ours."""
    metadata = saved.metadata or {}
    if KEY not in metadata or "vector" not in saved.names:
        raise DaguerreError(
            f"{os.fspath(path)} was not written by daguerre: it has columns {', '.join(saved.names[:8])}; "
            "name another file",
            code="foreign_file",
        )
    return receipt(json.loads(metadata[KEY]))


def save(batches: Iterable[Any], kind: Any, path: str | os.PathLike[str], *, scratch: Path | None = None) -> None:
    """Write batches of one schema as a Parquet file, which appears whole or not at all."""
    pa = arrow()
    target = Path(path)
    folder = scratch or target.parent
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        with pa.parquet.ParquetWriter(
            temporary, kind, compression="zstd", compression_level=1, use_dictionary=_DICTIONARY
        ) as writer:
            for part in batches:
                if part.num_rows:
                    writer.write_table(pa.Table.from_batches([part]) if isinstance(part, pa.RecordBatch) else part)
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    synced(target.parent)


_DICTIONARY = ["error_code", "error_message", "model", "revision", "fingerprint"]


def synced(folder: Path) -> None:
    """Have a folder's entries on disk; Windows does that by itself."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
