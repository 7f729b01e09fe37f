"""Items of collections as tables of LanceDB, which is imported by the first call that needs it.

LanceDB must not be used in a process that was forked after its import; the service starts processes anew.
"""

import heapq
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.stopping import Check, unchecked
from service.errors import DiskFull, NotFound, ServiceError, Unavailable, is_disk_full
from service.stores.collection_fields import column, is_one_of, literal, shown
from service.stores.collection_records import Collection, CollectionRows, NewItems

T = TypeVar("T")
logger = logging.getLogger("daguerre.collections")
TABLE = "items"
FILE = "items.lance"
OPENED = 64  # tables that are kept open
IDS_AT_ONCE = 5000  # in one condition
ROWS_AT_ONCE = 8192  # of a scan
INDEX_CACHE, METADATA_CACHE = 2**30, 64 * 2**20  # bytes, of LanceDB in each process
ARROW = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool_", "date-time": "int64"}
HAS = {"text": "text", "thumbnail": "thumbnail", "vector": "vector"}


class CollectionsMissing(Unavailable):
    """LanceDB is not installed."""

    code = "collections_unavailable"


def lancedb() -> Any:
    """The module. Raises CollectionsMissing."""
    try:
        return import_module("lancedb")
    except ImportError as exc:
        raise CollectionsMissing(
            "collections need LanceDB, which this server does not have; its operator installs the extra: "
            "pip install 'daguerre-service[collections]'"
        ) from exc


class Tables:
    """The tables of collections, of which those used last are open. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Any] = OrderedDict()
        self._session: Any = None

    def create(self, folder: Path, collection: Collection) -> None:
        """Create the table of a new collection in `folder`. Raises CollectionsMissing."""
        with room():
            self._connect(folder).create_table(TABLE, schema=schema(collection))

    def _connect(self, folder: Path) -> Any:
        module = lancedb()
        with self._lock:
            if self._session is None:
                self._session = module.Session(INDEX_CACHE, METADATA_CACHE)
        return module.connect(folder, read_consistency_interval=timedelta(0), session=self._session)

    def open(self, collection: Collection) -> Any:
        """The table. Raises NotFound if the collection was deleted, CollectionsMissing."""
        with self._lock:
            table = self._open.get(collection.token)
            if table is not None:
                self._open.move_to_end(collection.token)
                return table
        if not (collection.folder / FILE).exists():  # LanceDB would create the folder
            raise gone(collection)
        try:
            table = self._connect(collection.folder).open_table(TABLE)
        except ServiceError:
            raise
        except Exception as exc:
            raise _unreadable(collection, exc) from exc
        with self._lock:
            self._open[collection.token] = table
            while len(self._open) > OPENED:
                self._open.popitem(last=False)
        return table

    def forget(self, collection: Collection) -> None:
        """Close a table."""
        with self._lock:
            self._open.pop(collection.token, None)

    def read(self, collection: Collection, work: Callable[[Any], T]) -> T:
        """The result of `work`, which reads the table; again, if a version that it read was removed meanwhile."""
        for last in (False, False, True):
            table = self.open(collection)
            try:
                return work(table)
            except ServiceError:
                raise
            except (OSError, RuntimeError, ValueError) as exc:  # as LanceDB raises them
                self.forget(collection)
                if last or not (collection.folder / FILE).exists():
                    raise _unreadable(collection, exc) from exc
        raise AssertionError

    def count(self, collection: Collection, where: str | None = None) -> int:
        """Number of items for which the condition holds."""
        return self.read(collection, lambda table: int(table.count_rows(where)))

    def existing(self, collection: Collection, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that are in the collection."""
        found: set[str] = set()
        for start in range(0, len(ids), IDS_AT_ONCE):
            among = is_one_of("id", ids[start : start + IDS_AT_ONCE])
            found |= {row["id"] for batch in self.scan(collection, ["id"], among) for row in batch.to_pylist()}
        return found

    def upsert(self, collection: Collection, items: NewItems) -> tuple[int, int]:
        """Store items, whose ids differ, in one version. Returns the numbers of new and of replaced ones."""
        table = self.open(collection)
        merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        with room():
            result = merge.execute(to_arrow(collection, items))
        return int(result.num_inserted_rows), int(result.num_updated_rows)

    def remove(self, collection: Collection, *, ids: Sequence[str] | None, where: str | None) -> int:
        """Delete items. Returns their number."""
        table = self.open(collection)
        parts = [where] if ids is None else []
        for start in range(0, len(ids or ()), IDS_AT_ONCE):
            parts.append(is_one_of("id", (ids or ())[start : start + IDS_AT_ONCE]))
        with room():
            return sum(int(table.delete(part).num_deleted_rows) for part in parts)

    def scan(self, collection: Collection, columns: Sequence[str], where: str | None) -> Iterator[Any]:
        """Record batches of the items for which the condition holds."""
        return iter(self.read(collection, lambda table: list(batches(table, columns, where))))

    def page(
        self, collection: Collection, where: str | None, *, after: str | None, limit: int, columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The first `limit` items whose id is greater than `after`, by id, as dicts of the columns."""
        later = None if after is None else f"id > {literal(after)}"
        both = " AND ".join(part for part in (later, where) if part) or None
        ids = [id for batch in self.scan(collection, ["id"], both) for id in batch.column(0).to_pylist()]
        first = heapq.nsmallest(limit, ids)
        found = self.named(collection, first, columns)
        return [found[id] for id in first if id in found]

    def named(self, collection: Collection, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Items by id, as dicts of the columns, `vector` as an array; without those that are not there."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(ids), IDS_AT_ONCE):
            among = is_one_of("id", ids[start : start + IDS_AT_ONCE])
            for batch in self.scan(collection, ["id", *columns], among):
                plain = batch.drop_columns(["vector"]) if "vector" in columns else batch
                records = plain.to_pylist()
                if "vector" in columns:
                    for record, vector in zip(records, vectors_of(batch, collection.dimension), strict=True):
                        record["vector"] = vector
                found |= {record["id"]: record for record in records}
        return found

    def sample(self, collection: Collection, most: int) -> NDArray[np.float32]:
        """Vectors of at most `most` items, drawn by a fixed seed, (n, d)."""

        def draw(table: Any) -> NDArray[np.float32]:
            rows = int(table.count_rows())
            places = np.sort(np.random.default_rng(0).choice(rows, min(most, rows), replace=False))
            if not rows:
                return np.empty((0, collection.dimension), np.float32)
            taken = table.take_offsets(places.tolist()).select(["vector"]).to_arrow()
            return np.concatenate([vectors_of(batch, collection.dimension) for batch in taken.to_batches()])

        return self.read(collection, draw)

    def snapshot(
        self, collection: Collection, where: str | None, folder: Path, check: Check = unchecked
    ) -> CollectionRows:
        """All items for which the condition holds, sorted by id; the vectors are in a file without a name."""
        columns = ["id", "modality", "text", "vector", *columns_of(collection)]
        return self.read(collection, lambda table: _snapshot(collection, table, columns, where, folder, check))


@contextmanager
def room() -> Iterator[None]:
    """Raise DiskFull where LanceDB, whose errors have no number, says that the disk is full."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as exc:
        if is_disk_full(exc):
            raise DiskFull.of(exc) from exc
        raise


def gone(collection: Collection) -> NotFound:
    """The error of a collection that was deleted while it was used."""
    return NotFound(
        f"collection: {collection.name!r} was deleted meanwhile; create it again",
        code="unknown_collection",
        param="collection",
    )


def _unreadable(collection: Collection, exc: Exception) -> ServiceError:
    if not (collection.folder / FILE).exists():
        return gone(collection)
    logger.warning("collection %s cannot be read: %s", collection.folder, exc)
    return Unavailable(
        f"collection {collection.name!r} cannot be read; send the request again, and ask the server's operator, whose "
        "log says why, if it still fails",
        code="collection_unreadable",
    )


def schema(collection: Collection) -> Any:
    """The Arrow schema of a collection's table."""
    pa = import_module("pyarrow")
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("vector", pa.list_(pa.float32(), collection.dimension), nullable=False),
        pa.field("thumbnail", pa.binary()),
    ]
    kinds = collection.fields.values()
    return pa.schema(fields + [pa.field(column(i), getattr(pa, ARROW[kind])()) for i, kind in enumerate(kinds)])


def columns_of(collection: Collection) -> list[str]:
    """The columns of the metadata."""
    return [column(i) for i in range(len(collection.fields))]


def metadata_of(collection: Collection, record: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a record as it is returned: values by the names of fields, without those that are left out."""
    found = {
        name: shown(record[column(i)], kind)
        for i, (name, kind) in enumerate(collection.fields.items())
        if record[column(i)] is not None
    }
    return found


def to_arrow(collection: Collection, items: NewItems) -> Any:
    """Items as an Arrow table."""
    pa = import_module("pyarrow")
    kinds = schema(collection)
    rows = np.ascontiguousarray(items.vectors, np.float32)
    arrays = [
        pa.array(items.ids, pa.string()),
        pa.array(items.modalities, pa.string()),
        pa.array(items.texts, pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), collection.dimension),
        pa.array(items.thumbnails, pa.binary()),
    ]
    for i, kind in enumerate(kinds.types[len(arrays) :]):
        arrays.append(pa.array([cells[i] for cells in items.cells], kind))
    return pa.Table.from_arrays(arrays, schema=kinds)


def batches(table: Any, columns: Sequence[str], where: str | None) -> Iterator[Any]:
    """Record batches of a scan."""
    query = table.search().select(list(columns))
    if where is not None:
        query = query.where(where)
    yield from query.to_batches(batch_size=ROWS_AT_ONCE)


def vectors_of(batch: Any, dimension: int) -> NDArray[np.float32]:
    """The vectors of a record batch, (n, d), without a copy."""
    flat: NDArray[np.float32] = batch.column("vector").flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(-1, dimension)


def _snapshot(
    collection: Collection, table: Any, columns: Sequence[str], where: str | None, folder: Path, check: Check
) -> CollectionRows:
    d = collection.dimension
    ids: list[str] = []
    records: dict[str, list[Any]] = {name: [] for name in columns if name not in ("id", "vector")}
    with TemporaryFile(dir=folder) as raw:
        for batch in batches(table, columns, where):
            check()
            raw.write(np.ascontiguousarray(vectors_of(batch, d)).tobytes())
            ids += batch.column("id").to_pylist()
            for name, values in records.items():
                values += batch.column(name).to_pylist()
        raw.flush()
        order = sorted(range(len(ids)), key=ids.__getitem__)
        vectors = _in_order(raw, order, d, folder, check)
    fields = enumerate(collection.fields.items())
    return CollectionRows(
        collection=collection,
        ids=tuple(ids[i] for i in order),
        vectors=vectors,
        texts=[records["text"][i] for i in order],
        metadata={name: [shown(records[column(j)][i], kind) for i in order] for j, (name, kind) in fields},
        modalities=[records["modality"][i] for i in order],
    )


def _in_order(raw: Any, order: Sequence[int], d: int, folder: Path, check: Check) -> NDArray[np.float32]:
    """The rows of the file `raw` in another order, mapped from a file without a name."""
    if not order:
        return np.empty((0, d), np.float32)
    with TemporaryFile(dir=folder) as file:
        rows = np.memmap(raw, np.float32, "r", shape=(len(order), d))
        for start in range(0, len(order), ROWS_AT_ONCE):
            check()
            file.write(rows[list(order[start : start + ROWS_AT_ONCE])].tobytes())
        file.flush()
        return np.memmap(file, np.float32, "r", shape=(len(order), d))
