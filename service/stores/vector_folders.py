"""Folders of vectors as the client writes them: part-*.parquet, of which a later one wins where an id is there twice.

Files whose names begin with "_" or "." are left out. The receipt is in the metadata of each part, or in _receipt.json.

A folder is checked before its rows are read: it has at most MOST_ROWS rows, ids that are repeated included, of at most
MOST_NUMBERS numbers, and its vectors take no more bytes than one uploaded file may. Reading takes some 36 bytes of
memory a row.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ValidationError

from models.errors import quoted
from models.stopping import Check
from service.errors import TooLarge, Unprocessable
from service.schemas.common import Receipt

KEY, RECEIPT = b"daguerre", "_receipt.json"
BATCH = 16_384  # rows that are read at once
BATCH_BYTES = 64 * 2**20  # bytes of vectors that are read at once
MOST_ROWS = 50_000_000  # of a folder
MOST_NUMBERS = 2**16  # of a vector
LONGEST_ID = 4096  # bytes
LONGEST_NAME = 200  # characters of a model name or fingerprint
MOST_RECEIPT = 2**20  # bytes of a receipt
MODALITIES = ("image", "text")
_NUMBER = re.compile(r"part-(\d+)")


@dataclass(frozen=True, kw_only=True)
class FolderFile:
    """A file of a folder: its name there, and its path with links resolved."""

    name: str
    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class VectorFolder:
    """The parts of a folder, checked. Rows are those of the parts in their order, each id once.

    Attributes
    ----------
    receipt : how the vectors were made, as the client wrote it.
    modality : "image" or "text"; None where the parts do not state it.
    live : whether each row of the parts is the last with its id, (m,); None: all are.
    """

    parts: tuple[FolderFile, ...]
    receipt: Mapping[str, Any]
    modality: str | None
    dimension: int
    n: int
    live: NDArray[np.bool_] | None

    def blocks(self, check: Check) -> Iterator[NDArray[np.float32]]:
        """The vectors, some thousand rows (n, d) at a time; NaN for an item that failed."""
        pa = _arrow()
        batch = max(1, min(BATCH, BATCH_BYTES // (4 * self.dimension)))
        for column, live in self._columns("vector", batch, check):
            values = column.values.slice(column.offset * self.dimension, len(column) * self.dimension)
            rows = np.array(values.cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)
            rows = rows.reshape(len(column), self.dimension)
            rows[np.asarray(column.is_null())] = np.nan
            yield rows if live is None else rows[live]

    def ids(self, check: Check) -> list[str]:
        """The ids as texts; only for folders of which the caller has bounded `n`."""
        found: list[str] = []
        for column, live in self._columns("id", BATCH, check):
            kept = column if live is None else column.filter(_arrow().array(live))
            found += kept.to_pylist()
        return found

    def _columns(self, name: str, batch: int, check: Check) -> Iterator[tuple[Any, NDArray[np.bool_] | None]]:
        """A column by batches, and which rows of each are the last with their id."""
        start = 0
        for part in self.parts:
            with _opened(part) as file:
                for column in _column(file, name, batch):
                    check()
                    end = start + len(column)
                    yield column, None if self.live is None else self.live[start:end]
                    start = end


def folder_files(folder: Path, root: Path) -> tuple[list[FolderFile], FolderFile | None]:
    """The parts of a folder below `root`, a later one after an earlier one, and the receipt beside them.

    Raises Unprocessable for a link out, and for what is no regular file.
    """
    with _reading("it"):
        names = os.listdir(folder) if folder.is_dir() else []
    parts = [_file(folder, each, root) for each in names if each.endswith(".parquet") and each[0] not in "._"]
    parts.sort(key=lambda part: (int(m[1]) if (m := _NUMBER.match(part.name)) else -1, part.name))
    return parts, _file(folder, RECEIPT, root) if RECEIPT in names else None


def _file(folder: Path, name: str, root: Path) -> FolderFile:
    with _reading(quoted(name)):
        path = Path(os.path.realpath(folder / name))  # which leaves a link to itself as it is
        below = path.is_relative_to(os.path.realpath(root)) and os.path.lexists(path)
        at = path.lstat() if below else None
        if at is None or not stat.S_ISREG(at.st_mode):
            raise _invalid(f"{quoted(name)} is no file, or a link out of the server's folder; put the file there")
        name.encode()  # no Unicode: ValueError
        str(path).encode()
    return FolderFile(name=name, path=path, size=at.st_size, mtime_ns=at.st_mtime_ns)


def open_folder(
    parts: Sequence[FolderFile], beside: FolderFile | None, *, most_bytes: int, check: Check
) -> VectorFolder:
    """Check the parts of a folder and the receipt beside them.

    Parameters
    ----------
    most_bytes : limit on the bytes of the vectors, ids that are repeated included.

    Raises Unprocessable (invalid_folder, not_installed), TooLarge.
    """
    if not parts:
        raise _invalid("it has no part-*.parquet; write one with `daguerre embed photos/ -o corpus/`")
    kinds: dict[tuple[str, int], FolderFile] = {}
    receipt: Mapping[str, Any] = {}
    modality, n = None, 0
    for part in parts:
        check()
        with _opened(part) as file:
            schema = file.schema_arrow
            dimension = _checked(part, schema)
            receipt = _receipt(part, schema.metadata or {}, beside)
            kinds.setdefault((receipt["fingerprint"], dimension), part)
            rows = file.metadata.num_rows
            if rows < 0:
                raise _invalid(f"{quoted(part.name)} says that it has {rows} rows; write it again")
            n += rows
            _check_size(n, dimension, most_bytes)
            if modality is None and "modality" in schema.names and rows:
                modality = _modality(part, file)
    if len(kinds) > 1:
        (one, other), names = list(kinds)[:2], [quoted(part.name) for part in kinds.values()]
        raise _invalid(
            f"{names[1]} has vectors of {other[0]} with {other[1]} numbers, and {names[0]} of {one[0]} with {one[1]}; "
            "move the parts of one into another folder"
        )
    if not n:
        raise _invalid("its parts have no rows; write some with `daguerre embed photos/ -o corpus/`")
    live = _last_of_each(_keys(parts, n, check))
    return VectorFolder(
        parts=tuple(parts),
        receipt=receipt,
        modality=modality,
        dimension=next(iter(kinds))[1],
        n=n if live is None else int(live.sum()),
        live=live,
    )


def _check_size(n: int, dimension: int, most_bytes: int) -> None:
    if n > MOST_ROWS:
        raise TooLarge(
            f"vectors: the folder has {n:,} rows or more, and at most {MOST_ROWS:,} are read; divide it into folders",
            code="file_too_large",
            param="vectors",
        )
    if n * dimension * 4 > most_bytes:
        raise TooLarge(
            f"vectors: {n:,} rows of {dimension:,} numbers in the folder take {n * dimension * 4:,} bytes, and the "
            f"limit is {most_bytes:,}; divide it into folders, or raise DAGUERRE_MAX_FILE_BYTES",
            code="file_too_large",
            param="vectors",
        )


def _checked(part: FolderFile, schema: Any) -> int:
    """The length of the vectors of a part. Raises Unprocessable for columns of other types than the client writes."""
    types, name = _arrow().types, quoted(part.name)
    if not {"id", "vector"} <= set(schema.names):
        raise _invalid(f"{name} lacks the columns id and vector; move it elsewhere")
    for column in ("id", "vector", "modality"):
        if schema.names.count(column) > 1:
            raise _invalid(f"{name} has {schema.names.count(column)} columns {column}; write it with one")
    kind = schema.field("id").type
    if not (_is_text(kind) or types.is_integer(kind)):
        raise _invalid(f"the ids of {name} are of type {str(kind)[:60]}; write texts")
    kind = schema.field("vector").type
    if not types.is_fixed_size_list(kind):
        raise _invalid(f"the vectors of {name} are no lists of a fixed size; write it again")
    if not (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)):
        raise _invalid(f"the vectors of {name} have values of type {str(kind.value_type)[:60]}; write numbers")
    dimension: int = kind.list_size
    if not 0 < dimension <= MOST_NUMBERS:
        raise _invalid(f"the vectors of {name} have {dimension:,} numbers; write 1 to {MOST_NUMBERS:,}")
    if "modality" in schema.names:
        kind = schema.field("modality").type
        if not (_is_text(kind) or types.is_null(kind)):
            raise _invalid(f"the modality of {name} is of type {str(kind)[:60]}; write image or text")
    return dimension


def _is_text(kind: Any) -> bool:
    types = _arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _modality(part: FolderFile, file: Any) -> str | None:
    first = next(_column(file, "modality", 1), None)
    value = None if first is None else first[0].as_py()
    if value is not None and value not in MODALITIES:
        raise _invalid(f"the modality of {quoted(part.name)} is {quoted(value)}; write image or text")
    return value


def _receipt(part: FolderFile, metadata: Mapping[bytes, bytes], beside: FolderFile | None) -> Mapping[str, Any]:
    """The fields of a receipt that the service knows; only model and fingerprint where it lacks others."""
    try:
        raw = metadata[KEY] if KEY in metadata else _content(beside)
        if len(raw) > MOST_RECEIPT:
            raise ValueError
        stated = orjson.loads(raw)  # which refuses NaN, texts that are no Unicode, and a depth of 1024
        least = {name: stated[name] for name in ("model", "fingerprint")}
        if not all(isinstance(value, str) and 0 < len(value) <= LONGEST_NAME for value in least.values()):
            raise ValueError
        try:
            return Receipt.model_validate(stated, strict=True).model_dump(exclude_unset=True)
        except ValidationError as exc:
            if any(error["type"] != "missing" for error in exc.errors()):
                raise
            return least  # of another program
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as exc:
        raise _invalid(
            f"{quoted(part.name)} has no receipt, and neither has the folder ({RECEIPT}), or it is none; write it "
            "with the client"
        ) from exc


def _content(file: FolderFile | None) -> bytes:
    if file is None:
        return b""
    with _regular(file.path) as stream:
        return stream.read(MOST_RECEIPT + 1)


def _keys(parts: Sequence[FolderFile], n: int, check: Check) -> NDArray[np.uint64]:
    """Hashes of the ids of `n` rows, (2, n)."""
    keys, start = np.empty((2, n), np.uint64), 0
    for part in parts:
        with _opened(part, ["id"]) as file:
            for column in _column(file, "id", BATCH, whole=False):
                check()
                values, places = column, None
                if hasattr(column, "dictionary"):  # of which each text is hashed once
                    used, places = np.unique(column.indices.to_numpy(zero_copy_only=False), return_inverse=True)
                    values = column.dictionary.take(_arrow().array(used))
                hashes = _hashes(part, values)
                hashes = hashes if places is None else hashes[places.ravel()]
                keys[:, start : start + len(hashes)] = hashes.T  # ValueError for more rows than there should be
                start += len(hashes)
    if start != n:
        raise _invalid(f"its parts have {start:,} rows, and their footers say {n:,}; write them again")
    return keys


def _hashes(part: FolderFile, column: Any) -> NDArray[np.uint64]:
    """Hashes of texts, (n, 2)."""
    texts = _texts(column).cast(_arrow().binary()).to_pylist()
    if texts and max(map(len, texts)) > LONGEST_ID:
        raise _invalid(f"an id of {quoted(part.name)} has more than {LONGEST_ID:,} bytes; write shorter ones")
    hashes = b"".join(hashlib.blake2b(text, digest_size=16).digest() for text in texts)
    return np.frombuffer(hashes, np.uint64).reshape(-1, 2)


def _last_of_each(keys: NDArray[np.uint64]) -> NDArray[np.bool_] | None:
    """Whether each row is the last with its key, (n,); None if none is there twice."""
    order = np.argsort(keys[0], kind="stable")  # of equal keys, the last row is the last
    again, other = (_as_the_next(half, order) for half in keys)
    if (again & ~other).any():  # two keys of which only one half is equal
        order = np.lexsort(keys[::-1])
        again, other = (_as_the_next(half, order) for half in keys)
        again &= other
    if not again.any():
        return None
    live = np.ones(len(order), bool)
    live[order[:-1][again]] = False
    return live


def _as_the_next(half: NDArray[np.uint64], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    ordered = half[order]
    return np.equal(ordered[1:], ordered[:-1])


def _column(file: Any, name: str, batch: int, whole: bool = True) -> Iterator[Any]:
    """A column by batches; `whole`: ids and modalities as texts, where else they may be places in a dictionary."""
    for each in file.iter_batches(batch, columns=[name]):
        if each.schema.names != [name]:
            raise _invalid(f"it has columns whose names begin with {name}, as {quoted(each.schema.names)}; rename them")
        column = each.column(0)
        if name == "id" and column.null_count:
            raise _invalid("it has a row without an id; give each row one")
        yield _texts(column) if whole and name != "vector" else column


def _texts(column: Any) -> Any:
    """A column of texts, bytes or whole numbers as texts. Raises what pyarrow raises for what is no UTF-8."""
    pa = _arrow()
    if hasattr(column, "dictionary"):
        column = column.dictionary.take(column.indices)
    if _is_text(column.type):
        column = column.cast(pa.binary())  # as texts are not checked when they are read
    return column.cast(pa.string())


@contextmanager
def _regular(path: Path) -> Iterator[IO[bytes]]:
    """A regular file for reading; never a device or a pipe, which may wait for ever. Raises OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no regular file")
        yield file


@contextmanager
def _opened(part: FolderFile, dictionaries: Sequence[str] = ()) -> Iterator[Any]:
    """A part as a ParquetFile. Raises Unprocessable, also for what is raised while it is read.

    Parameters
    ----------
    dictionaries : columns, which must be there, that are read as places in a dictionary where they are texts.
    """
    parquet = _arrow().parquet
    with _reading(quoted(part.name)), _regular(part.path) as stream:
        try:
            file = parquet.ParquetFile(stream, read_dictionary=list(dictionaries) or None)
        except Exception as exc:
            raise _invalid(f"{quoted(part.name)} cannot be read as Parquet; remove it, or write it again") from exc
        yield file


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Raises Unprocessable for whatever a hostile or damaged file may raise."""
    try:
        yield
    except Exception as exc:
        kinds = (OSError, ValueError, RecursionError, LookupError, TypeError, NotImplementedError, ArithmeticError)
        if not isinstance(exc, kinds) and not (find_spec("pyarrow") and isinstance(exc, _arrow().ArrowException)):
            raise
        why = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)  # without the server's paths
        raise _invalid(f"{name} cannot be read ({why[:100]}); remove it, or write it again") from exc


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
