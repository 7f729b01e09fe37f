"""Folders of vectors as the client writes them: part-*.parquet, of which a later one wins where an id is there twice.

Files whose names begin with "_" or "." are left out. The receipt is in the metadata of each part, or in _receipt.json.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.stopping import Check
from service.errors import Unprocessable

KEY, RECEIPT = b"daguerre", "_receipt.json"
BATCH = 16_384  # rows that are read at once
_NUMBER = re.compile(r"part-(\d+)")


@dataclass(frozen=True, kw_only=True)
class VectorFolder:
    """The parts of a folder, checked. Rows are those of the parts in their order, each id once.

    Attributes
    ----------
    receipt : how the vectors were made, as the client wrote it.
    modality : "image" or "text"; None where the parts do not state it.
    live : whether each row of the parts is the last with its id, (m,); None: all are.
    """

    parts: tuple[Path, ...]
    receipt: Mapping[str, Any]
    modality: str | None
    dimension: int
    n: int
    live: NDArray[np.bool_] | None

    def blocks(self, check: Check) -> Iterator[NDArray[np.float32]]:
        """The vectors, some thousand rows (n, d) at a time; NaN for an item that failed."""
        pa, start = _arrow(), 0
        for path in self.parts:
            with _opened(path) as file:
                for batch in _read(path, file.iter_batches(BATCH, columns=["vector"])):
                    check()
                    column = batch.column(0)
                    values = column.values.slice(column.offset * self.dimension, len(column) * self.dimension)
                    rows = np.array(values.cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)
                    rows = rows.reshape(len(column), self.dimension)
                    rows[np.asarray(column.is_null())] = np.nan
                    live = None if self.live is None else self.live[start : start + len(rows)]
                    start += len(rows)
                    yield rows if live is None else rows[live]

    def ids(self) -> Any:
        """The ids as a pyarrow array of strings."""
        ids = _ids(self.parts)
        return ids if self.live is None else ids.filter(_arrow().array(self.live))


def part_files(folder: Path, root: Path) -> list[Path]:
    """The parts of a folder below `root`, a later one after an earlier one. Raises Unprocessable for a link out."""
    found = [path for path in folder.glob("*.parquet") if path.name[0] not in "._"] if folder.is_dir() else []
    for path in found:
        if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
            raise _invalid(f"{quoted(path.name)} is no file, or a link out of the server's folder; put the file there")
    return sorted(found, key=lambda path: (int(m[1]) if (m := _NUMBER.match(path.name)) else -1, path.name))


def open_folder(parts: Sequence[Path]) -> VectorFolder:
    """Check the parts of a folder. Raises Unprocessable: invalid_folder, not_installed."""
    if not parts:
        raise _invalid("it has no part-*.parquet; write one with `daguerre embed photos/ -o corpus/`")
    kinds: dict[tuple[str, int], Path] = {}
    receipt: Mapping[str, Any] = {}
    modality, n = None, 0
    for path in parts:
        with _opened(path) as file:
            schema = file.schema_arrow
            if not {"id", "vector"} <= set(schema.names):
                raise _invalid(f"{quoted(path.name)} lacks the columns id and vector; move it elsewhere")
            receipt = _receipt(path, schema.metadata or {})
            dimension = getattr(schema.field("vector").type, "list_size", None)
            if not dimension:
                raise _invalid(f"the vectors of {quoted(path.name)} are no lists of a fixed size; write it again")
            kinds.setdefault((str(receipt["fingerprint"]), dimension), path)
            n += file.metadata.num_rows
            if modality is None and "modality" in schema.names and file.metadata.num_rows:
                first = next(_read(path, file.iter_batches(1, columns=["modality"])), None)
                modality = None if first is None else first.column(0)[0].as_py()
    if len(kinds) > 1:
        (one, other), names = list(kinds)[:2], [quoted(path.name) for path in kinds.values()]
        raise _invalid(
            f"{names[1]} has vectors of {other[0]} with {other[1]} numbers, and {names[0]} of {one[0]} with {one[1]}; "
            "move the parts of one into another folder"
        )
    if not n:
        raise _invalid("its parts have no rows; write some with `daguerre embed photos/ -o corpus/`")
    live = _last_of_each(_ids(parts))
    return VectorFolder(
        parts=tuple(parts),
        receipt=receipt,
        modality=modality,
        dimension=next(iter(kinds))[1],
        n=n if live is None else int(live.sum()),
        live=live,
    )


def _receipt(path: Path, metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    try:
        raw = metadata[KEY] if KEY in metadata else (path.parent / RECEIPT).read_bytes()
        receipt: dict[str, Any] = json.loads(raw)
        if not all(isinstance(receipt[name], str) and receipt[name] for name in ("model", "fingerprint")):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise _invalid(
            f"{quoted(path.name)} has no receipt, and neither has the folder ({RECEIPT}); write it with the client"
        ) from exc
    return receipt


def _ids(parts: Sequence[Path]) -> Any:
    pa = _arrow()
    columns = []
    for path in parts:
        with _opened(path) as file:
            columns += [batch.column(0).cast(pa.string()) for batch in _read(path, file.iter_batches(columns=["id"]))]
    return pa.chunked_array(columns, pa.string())


def _last_of_each(ids: Any) -> NDArray[np.bool_] | None:
    """Whether each row is the last with its id, (n,); None if none is there twice."""
    numbers = ids.combine_chunks().dictionary_encode()
    numbers = numbers.combine_chunks() if hasattr(numbers, "chunks") else numbers
    places = np.asarray(numbers.indices.fill_null(len(numbers.dictionary)))
    last = np.zeros(len(numbers.dictionary) + 1, np.intp)
    last[places] = np.arange(len(places))  # of equal places, the last is assigned
    live = last[places] == np.arange(len(places))
    return None if live.all() else live


def _opened(path: Path) -> Any:
    pa = _arrow()
    try:
        return pa.parquet.ParquetFile(path)
    except (OSError, pa.ArrowException) as exc:
        raise _invalid(f"{quoted(path.name)} cannot be read as Parquet; remove it, or write it again") from exc


def _read(path: Path, batches: Iterator[Any]) -> Iterator[Any]:
    """The batches. Raises Unprocessable for a damaged file."""
    try:
        yield from batches
    except (OSError, _arrow().ArrowException) as exc:
        raise _invalid(f"{quoted(path.name)} cannot be read ({str(exc)[:100]}); write it again") from exc


def _arrow() -> Any:
    if find_spec("pyarrow") is None:
        raise Unprocessable(
            "vectors: a folder needs the package pyarrow on the server; install daguerre-service[parquet], or send a "
            "file",
            code="not_installed",
            param="vectors",
        )
    import pyarrow
    import pyarrow.parquet

    return pyarrow


def _invalid(problem: str) -> Unprocessable:
    return Unprocessable(f"vectors: the folder cannot be used: {problem}", code="invalid_folder", param="vectors")
