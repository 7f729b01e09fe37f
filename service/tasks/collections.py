"""Collections as jobs: storing of many items, and maintenance.

<folder>/task.json      the items without their vectors
         image.npy      (n, d) vectors of all items; text.npy likewise
         refused.json   places of items that are not stored, since their id was there at the first attempt
"""

import base64
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.classifiers.head import Block
from service.errors import NotFound
from service.jobs.kinds import Context
from service.schemas.collections import ItemsStored
from service.settings import Settings
from service.stores import collection_search
from service.stores.collection_fields import Cell
from service.stores.collection_records import Collection, NewItems
from service.stores.collection_tables import room
from service.stores.collections import MARK, CollectionStore
from service.tasks.vectors import unusable_to_json, write_rows

TASK, REFUSED = "task.json", "refused.json"
AT_ONCE = 10_000  # items that are stored in one version
LISTED = 1000  # unusable items in the result of a job
VERSIONS = 50  # of a table from which earlier ones are removed
LATE = 0.2  # share of the indexed rows that may be missing in the index
LATE_ROWS = 10_000  # rows that may be missing in the index
ID_EXISTS = ("id_exists", "its id is in the collection already; leave it out, or send upsert true")
Report = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class StoreTask:
    """Items to store in a collection.

    Attributes
    ----------
    token : that of the collection, which may have been deleted and created again.
    failures : code and message of each unusable item, by index.
    """

    name: str
    token: str
    ids: Sequence[str]
    modalities: Sequence[Modality]
    texts: Sequence[str | None]
    cells: Sequence[Sequence[Cell]]
    thumbnails: Mapping[int, bytes]
    failures: Mapping[int, tuple[str, str]]
    upsert: bool
    remarks: Sequence[str] = field(default=())

    def write(self, folder: Path, block: Block, vectors: NDArray[np.floating]) -> None:
        """Write the task into the folder of a job."""
        write_rows(folder, [block], [vectors])
        task = {**self.__dict__, "modality": block.modality}
        task["thumbnails"] = {str(i): base64.b64encode(data).decode() for i, data in self.thumbnails.items()}
        task["failures"] = {str(i): failure for i, failure in self.failures.items()}
        (folder / TASK).write_bytes(orjson.dumps(task))

    @classmethod
    def read(cls, folder: Path) -> tuple["StoreTask", NDArray[np.floating]]:
        """The task in a folder, and its vectors, mapped."""
        task = orjson.loads((folder / TASK).read_bytes())
        vectors: NDArray[np.floating] = np.load(folder / f"{task.pop('modality')}.npy", mmap_mode="r")
        task["thumbnails"] = {int(i): base64.b64decode(data) for i, data in task["thumbnails"].items()}
        task["failures"] = {int(i): (code, message) for i, (code, message) in task["failures"].items()}
        return cls(**task), vectors


def job(context: Context) -> dict[str, Any]:
    """Store the items in the job's folder. After a kill it begins anew, and stores the same items again."""
    task, vectors = StoreTask.read(context.folder)
    store = CollectionStore(Settings(home=context.home))
    collection = _same(store, task.name, context.owner, task.token)
    answer = store_items(store, collection, task, vectors, folder=context.folder, report=context.report)
    if due(store, collection):
        maintain(store, collection, report=lambda _, stage: context.report(0.99, stage))
    if (bad := len(answer["unusable"])) > LISTED:
        answer["unusable"] = answer["unusable"][:LISTED]
        answer["remarks"].append(f"{bad:,} items could not be stored, of which the first {LISTED:,} are listed.")
    return answer


def store_items(
    store: CollectionStore,
    collection: Collection,
    task: StoreTask,
    vectors: NDArray[np.floating],
    *,
    folder: Path | None = None,
    report: Report = lambda progress, stage: None,
) -> dict[str, Any]:
    """Store the usable items of a task, AT_ONCE in a version. Returns an ItemsStored as a dict.

    Parameters
    ----------
    folder : that of a job, where a second attempt finds which items the first has refused.
    """
    failures = dict(task.failures)
    upsert = task.upsert or folder is not None
    if folder is not None and not task.upsert:
        failures |= dict.fromkeys(_refused(store, collection, task, folder), ID_EXISTS)
    usable = [i for i in range(len(task.ids)) if i not in failures]
    added = replaced = 0
    for start in range(0, len(usable), AT_ONCE):
        report(start / len(usable), "storing items")
        some = usable[start : start + AT_ONCE]
        new, again, refused = store.put(
            collection,
            NewItems(
                ids=[task.ids[i] for i in some],
                modalities=[task.modalities[i] for i in some],
                texts=[task.texts[i] for i in some],
                vectors=np.asarray(vectors[some], np.float32),
                cells=[task.cells[i] for i in some],
                thumbnails=[task.thumbnails.get(i) for i in some],
            ),
            upsert=upsert,
        )
        failures |= {some[place]: ID_EXISTS for place in refused}
        added, replaced = added + new, replaced + again
    return ItemsStored(
        collection=collection.name,
        added=added,
        replaced=replaced,
        rows=store.tables.count(collection),
        unusable=unusable_to_json(dict(sorted(failures.items())), task.ids),
        remarks=list(task.remarks),
        model=collection.model,
        receipt=dict(collection.receipt),
    ).model_dump()


def _refused(store: CollectionStore, collection: Collection, task: StoreTask, folder: Path) -> list[int]:
    """Places of the items whose id was in the collection before the first attempt of the job."""
    path = folder / REFUSED
    if path.exists():
        places: list[int] = json.loads(path.read_bytes())
        return places
    there = store.tables.existing(collection, task.ids)
    found = [i for i, id in enumerate(task.ids) if id in there and i not in task.failures]
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(path)
    return found


def _same(store: CollectionStore, name: str, owner: str | None, token: str) -> Collection:
    collection = store.get(name, owner)
    if collection.token != token:
        raise NotFound(
            f"collection: {name!r} was deleted meanwhile; send the items again",
            code="unknown_collection",
            param="collection",
        )
    return collection


def maintenance(context: Context) -> dict[str, Any]:
    """Build or complete the index of a collection, and remove what is no longer needed."""
    store = CollectionStore(Settings(home=context.home))
    try:
        collection = _same(store, context.params["collection"], context.owner, context.params["token"])
    except NotFound:
        return {"collection": context.params["collection"], "deleted": True}
    return maintain(store, collection, report=context.report)


def maintain(store: CollectionStore, collection: Collection, *, report: Report) -> dict[str, Any]:
    """Build the index where one is due, merge small files, and remove earlier versions and deleted items."""
    (collection.folder / MARK).unlink(missing_ok=True)
    before = store.bytes(collection)
    with store.maintaining(collection) as alone:
        if alone:
            _maintain(store, collection, report)
    known = collection_search.figures(collection)
    return {
        "collection": collection.name,
        "rows": store.tables.count(collection),
        "bytes_before": before,
        "bytes": store.bytes(collection),
        "recall": None if known is None else known.recall,
    }


def _maintain(store: CollectionStore, collection: Collection, report: Report) -> None:
    if _index_due(store, collection):
        report(0.1, "building the index")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        collection_search.build(store.tables, collection, now=now)
    report(0.8, "removing earlier versions")
    with store.writing(collection), warnings.catch_warnings(), room():
        warnings.simplefilter("ignore")  # other writers wait, and readers begin again: both are known to be safe
        store.tables.open(collection).optimize(cleanup_older_than=timedelta(0), delete_unverified=True)


def _index_due(store: CollectionStore, collection: Collection) -> bool:
    """Whether an index is to be built: there is none, or the collection has twice the rows that it was made for."""
    rows = store.tables.count(collection)
    known = collection_search.figures(collection)
    return rows >= store.index_from and (known is None or rows >= 2 * known.partitions**2)


def due(store: CollectionStore, collection: Collection) -> bool:
    """Whether a collection needs maintenance: it has many versions, lacks an index, or has many rows outside of it."""
    if store.versions(collection) >= VERSIONS or _index_due(store, collection):
        return True
    if collection_search.figures(collection) is None:
        return False
    counts = store.tables.read(collection, collection_search.indexed_rows)
    return counts is not None and counts[1] > max(LATE_ROWS, LATE * counts[0])
