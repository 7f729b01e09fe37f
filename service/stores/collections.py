"""Collections: named items with vectors and metadata that stay until they are deleted.

<home>/collections/<owner, or open>/<name>/card.json      properties; a folder without it is no collection
                                           index.json     figures of the approximate index, if there is one
                                           items.lance    the items, a table of LanceDB

A collection appears, and disappears, by one rename.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from models.disk import replace_text
from models.errors import quoted
from models.stopping import Check, unchecked
from service.errors import BadRequest, Conflict, NotFound, Unavailable, Unprocessable
from service.settings import Settings
from service.stores.collection_fields import condition
from service.stores.collection_records import Collection, CollectionRows, NewItems, Properties
from service.stores.collection_tables import FILE, Tables, gone
from service.stores.disk_budget import CollectionBudget, used

FOLDER = "collections"  # below DAGUERRE_HOME
OPEN = "open"  # folder of collections that were created without a key
CARD, LOCK, MAINTAINED = "card.json", ".lock", ".maintained"
MARK = "maintenance"  # file beside the table, as long as a maintenance waits
GONE, NEW = ".gone-", ".new-"  # prefixes of folders that are being removed or created
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
LEFT_OVER = 3600.0  # seconds after which a collection that is being created was left by a killed process
PATIENCE = 120.0  # seconds for which a writer waits for another
SAME = ("model", "fingerprint", "dimension", "fields", "thumbnails")  # properties that a second PUT must repeat


class CollectionStore:
    """The collections of one DAGUERRE_HOME. Any process may use it; its methods read and write files."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.home / FOLDER
        self._budget = CollectionBudget(settings)
        self.tables = Tables()
        self.index_from = settings.collection_index_rows

    def create(self, name: str, owner: str | None, properties: Properties) -> tuple[Collection, bool]:
        """Create a collection, or find the one that has these properties.

        Returns
        -------
        collection, created : whether it was created now.

        Raises
        ------
        Unprocessable : a name that cannot be used.
        Conflict : a collection of this name has other properties.
        """
        if not NAME.fullmatch(name) or ".." in name:
            raise Unprocessable(
                f"name: got {quoted(name)}; use a-z, 0-9, '.', '_' and '-', at most 63 characters, beginning with a "
                "letter or a digit, without '..'",
                param="name",
            )
        found = self._find(name, owner)
        if found is None:
            found = self._create(name, owner, properties)
            if found is not None:
                return found, True
            found = self.get(name, owner)  # another process was faster
        for key in SAME:
            mine, wanted = getattr(found, key), getattr(properties, key)
            if mine != wanted:
                raise Conflict(
                    f"{key}: collection {name!r} has {quoted(json.dumps(mine, ensure_ascii=False))} and the request "
                    f"{quoted(json.dumps(wanted, ensure_ascii=False))}; choose another name, or delete the collection",
                    code="collection_exists",
                    param=key,
                )
        return found, False

    def _create(self, name: str, owner: str | None, properties: Properties) -> Collection | None:
        home = self._root / (owner or OPEN)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        staging = home / f"{NEW}{uuid.uuid4().hex}"
        staging.mkdir(mode=0o700)
        try:
            made = Collection(
                **_shallow(properties),
                name=name,
                owner=owner,
                token=uuid.uuid4().hex,
                created=time.time(),
                folder=home / name,
            )
            self.tables.create(staging, made)
            card = {key: value for key, value in _shallow(made).items() if key != "folder"}
            replace_text(staging / CARD, json.dumps(card, ensure_ascii=False))
            try:
                staging.rename(made.folder)
            except OSError as exc:
                if exc.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                return None
            return made
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _find(self, name: str, owner: str | None) -> Collection | None:
        if not NAME.fullmatch(name) or ".." in name:
            return None
        places = dict.fromkeys((owner or OPEN, OPEN))  # what was stored without a key is everybody's
        return next((found for place in places if (found := _read(self._root / place / name))), None)

    def get(self, name: str, owner: str | None) -> Collection:
        """The collection. Raises NotFound, also for a collection of another owner."""
        found = self._find(name, owner)
        if found is None:
            raise NotFound(
                f"collection: there is no {quoted(name)} here; GET /v1/collections lists yours, and PUT "
                "/v1/collections/{name} creates one",
                code="unknown_collection",
                param="collection",
            )
        return found

    def list(self, owner: str | None, *, limit: int, cursor: str | None) -> tuple[list[Collection], str | None]:
        """Collections by name, and the cursor of the next page."""
        if cursor is not None and not NAME.fullmatch(cursor):
            raise BadRequest(
                f"cursor: {quoted(cursor)} is not valid; use next_cursor of the previous page", param="cursor"
            )
        names: set[str] = set()
        for place in dict.fromkeys((owner or OPEN, OPEN)):
            with suppress(FileNotFoundError):
                names |= {name for name in os.listdir(self._root / place) if NAME.fullmatch(name)}
        later = sorted(name for name in names if cursor is None or name > cursor)
        found: list[Collection] = []
        for name in later:
            if len(found) > limit:
                break
            if (each := self._find(name, owner)) is not None:
                found.append(each)
        return found[:limit], found[limit - 1].name if len(found) > limit else None

    def delete(self, name: str, owner: str | None) -> tuple[Collection, int]:
        """Delete a collection with everything in it. Returns it, and the number of its items. Raises NotFound."""
        found = self.get(name, owner)
        with self.writing(found):
            rows = self.tables.count(found)
            gone = found.folder.with_name(f"{GONE}{uuid.uuid4().hex}")
            found.folder.rename(gone)
        self.tables.forget(found)
        shutil.rmtree(gone, ignore_errors=True)
        return found, rows

    def sweep(self) -> None:
        """Remove what killed processes have left: collections that were being created or removed."""
        for pattern, age in ((f"*/{GONE}*", 0.0), (f"*/{NEW}*", LEFT_OVER)):
            for folder in self._root.glob(pattern):
                with suppress(OSError):
                    if time.time() - folder.stat().st_mtime >= age:
                        shutil.rmtree(folder, ignore_errors=True)
        for folder in self._root.glob("*/[!.]*"):
            with suppress(OSError):
                folder.rmdir()  # an empty one, which LanceDB creates where it opens a collection that is being deleted

    @contextmanager
    def writing(self, collection: Collection) -> Iterator[None]:
        """Write to a collection while no other process does. Raises NotFound if it was deleted, Unavailable."""
        with _locked(collection, LOCK, PATIENCE) as locked:
            if not locked:
                raise Unavailable(
                    f"collection {collection.name!r} has been written to for {PATIENCE:g} seconds; send the request "
                    "again later",
                    retry_after=10,
                )
            yield

    @contextmanager
    def maintaining(self, collection: Collection) -> Iterator[bool]:
        """Whether no other process maintains the collection; none does as long as this lasts. Raises NotFound."""
        with _locked(collection, MAINTAINED, 0) as locked:
            yield locked

    def put(self, collection: Collection, items: NewItems, *, upsert: bool = True) -> tuple[int, int, Sequence[int]]:
        """Store items; they are on disk when this returns.

        Returns
        -------
        added, replaced, refused : numbers of new items and of those that replaced one of the same id; and without
            `upsert` the places of items that were not stored, since their id is there.

        Raises
        ------
        NotFound, TooLarge, DiskFull, Unavailable.
        """
        with self.writing(collection):
            self._budget.require(items.vectors.nbytes)
            refused: list[int] = []
            if not upsert:
                there = self.tables.existing(collection, items.ids)
                refused = [i for i, id in enumerate(items.ids) if id in there]
                items = items.at([i for i, id in enumerate(items.ids) if id not in there]) if refused else items
            added, replaced = self.tables.upsert(collection, items) if items.ids else (0, 0)
        return added, replaced, refused

    def remove(self, collection: Collection, *, ids: Sequence[str] | None, where: str | None) -> int:
        """Delete items by their ids, or by a condition in SQL of `condition`. Returns their number."""
        with self.writing(collection):
            return self.tables.remove(collection, ids=ids, where=where)

    def rows(
        self, name: str, owner: str | None, where: Mapping[str, Any] | None = None, *, check: Check = unchecked
    ) -> CollectionRows:
        """A snapshot of the items for which `where` holds, sorted by id; call it in a thread.

        Raises
        ------
        NotFound : no such collection.
        Unprocessable : a condition that is not valid; no items.
        """
        collection = self.get(name, owner)
        sql = condition(where, collection.fields)
        self._budget.require(0)
        return self.tables.snapshot(collection, sql, self._root, check)

    def versions(self, collection: Collection) -> int:
        """Number of versions of the table on disk."""
        return sum(1 for _ in (collection.folder / FILE / "_versions").glob("*.manifest"))

    def ask_for_maintenance(self, collection: Collection, *, again: float = 3600.0) -> bool:
        """Note that a maintenance is wanted. Returns False if one waits already, since less than `again` seconds."""
        path = collection.folder / MARK
        with suppress(OSError):
            if time.time() - path.stat().st_mtime < again:
                return False
        with suppress(OSError):  # a folder that was deleted meanwhile
            path.touch()
            return True
        return False

    def maintenance_refused(self, collection: Collection) -> None:
        """Forget that a maintenance is wanted, since it could not be queued."""
        (collection.folder / MARK).unlink(missing_ok=True)

    def bytes(self, collection: Collection) -> int:
        """Bytes on disk."""
        return used(collection.folder)


@contextmanager
def _locked(collection: Collection, name: str, patience: float) -> Iterator[bool]:
    """Hold a lock of a collection; False if another process has held it for `patience` seconds. Raises NotFound."""
    try:
        handle = os.open(collection.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError as exc:
        raise gone(collection) from exc
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
                time.sleep(0.005)
        if (there := _read(collection.folder)) is None or there.token != collection.token:
            raise gone(collection)
        yield True
    finally:
        os.close(handle)


def _shallow(record: Properties) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _read(folder: Path) -> Collection | None:
    try:
        card = json.loads((folder / CARD).read_bytes())
        return _adapter.validate_python({**card, "folder": folder})
    except (OSError, ValueError, TypeError):
        return None


_adapter = TypeAdapter(Collection)
