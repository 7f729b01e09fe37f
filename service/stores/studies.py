"""Studies: a folder below DAGUERRE_HOME for each, with a database of its own, its pictures, thumbnails and vectors.

<home>/studies/study_…/study.sqlite3   items, columns, codebooks, assignments and codes
                      meta.json        name, title, owner; written last, and removed first
                      vectors/         vectors of items, a file for each model (study_vectors.py)
                      pictures/        pictures that were sent, as they came
                      thumbnails/      small pictures that were shown, the oldest of which are removed
"""

import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from models.errors import quoted
from service.errors import BadRequest, Conflict, NotFound, TooLarge
from service.settings import Settings
from service.stores.claims import claim, release, remove_unclaimed
from service.stores.database import Database
from service.stores.disk_budget import DATABASES, DiskBudget
from service.stores.study_tables import MIGRATIONS

ID = re.compile(r"study_[0-9a-z]{1,64}")
META, PICTURES, THUMBNAILS, VECTORS = "meta.json", "pictures", "thumbnails", "vectors"
OPEN = 64  # databases that are kept open
BRIEFLY = 0.01  # seconds between two attempts to claim a study
LARGEST = 8 * 2**30  # bytes of the database of one study, so that one study's coders cannot fill the budget of all


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Attributes
    ----------
    folder : the folder of its pictures, relative to DAGUERRE_DATA; None for pictures that are sent, and without any.
    collection : the collection whose items it has, without pictures; None for pictures.
    owner : the key that made it; None if there were no keys.
    created : seconds since 1970.
    path : its own folder.
    budget : the space of all studies and uploads.
    """

    id: str
    name: str
    title: str
    folder: str | None
    owner: str | None
    created: float
    path: Path
    database: Database
    budget: DiskBudget
    collection: str | None = None

    @property
    def pictures(self) -> Path:
        """The folder of the pictures that were sent."""
        return self.path / PICTURES

    @property
    def thumbnails(self) -> Path:
        """The folder of the thumbnails."""
        return self.path / THUMBNAILS

    @property
    def vectors(self) -> Path:
        """The folder of the files of vectors, which is made with the first of them."""
        return self.path / VECTORS

    def require_room(self, size: int) -> None:
        """Raise TooLarge if the database may not have `size` more bytes, by its own limit or by that of all files."""
        there = 0
        for name in DATABASES:
            with suppress(OSError):
                there += (self.path / name).stat().st_size
        if there + size > LARGEST:
            raise TooLarge(
                f"the study {quoted(self.name)} has {there:,} bytes of columns, codebooks and codes, and {size:,} more "
                f"would exceed the limit of {LARGEST:,}; make another study, or delete this one",
                code="study_full",
            )
        self.budget.require(size)


class Studies:
    """The studies of one DAGUERRE_HOME. Any process may use it; all methods read files, so call them in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "studies"
        self._budget = DiskBudget(settings)
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Database] = OrderedDict()

    def create(
        self, name: str, owner: str | None, *, title: str, folder: str | None, collection: str | None = None
    ) -> Study:
        """Create an empty study. Raises Conflict if its owner has one of that name."""
        id = study_id(name, owner)
        path = self._folder / id
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._read(id) is not None:
            raise _taken(name)
        while True:
            try:
                path.mkdir(mode=0o700)
            except FileExistsError as exc:  # being made by another request, or left by a killed process
                if self._read(id) is not None:
                    raise _taken(name) from exc
                remove_unclaimed(path, unless=lambda: (path / META).exists())
                if path.exists():
                    raise _taken(name) from exc
                continue
            if claim(path):
                break
        try:
            (path / PICTURES).mkdir(mode=0o700)
            (path / THUMBNAILS).mkdir(mode=0o700)
            self._forget(id)
            self._database(id)
            meta = {"name": name, "title": title, "folder": folder, "owner": owner, "created": time.time()}
            meta |= {"collection": collection}
            part = path / f"{META}.part"
            with part.open("w", encoding="utf-8") as file:
                json.dump(meta, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path / META)
            made = self._read(id)
            assert made is not None, "nobody deletes it while it is claimed"
            return made
        except BaseException:
            self._forget(id)
            shutil.rmtree(path, ignore_errors=True)
            raise
        finally:
            release(path)

    def get(self, name: str, owner: str | None) -> Study:
        """The study called `name`. Raises NotFound, also for a study of another owner."""
        study = self._read(study_id(name, owner)) or (None if owner is None else self._read(study_id(name, None)))
        if study is None:
            raise NotFound(
                f"study: there is no {quoted(name)} here; GET /v1/studies lists those there are",
                code="unknown_study",
                param="name",
            )
        return study

    def by_id(self, id: str) -> Study | None:
        """The study with this id, whoever owns it."""
        return self._read(id) if ID.fullmatch(id) else None

    def list(self, owner: str | None, *, limit: int, cursor: str | None) -> tuple[list[Study], str | None]:
        """Studies, the newest first, and the cursor of the next page. Raises BadRequest for a cursor of no page."""
        all = {path.name: self._meta(path.name) for path in self._folder.glob("study_*")}
        mine = [
            (-meta["created"], id) for id, meta in all.items() if meta is not None and meta["owner"] in (None, owner)
        ]
        ids = [id for _, id in sorted(mine)]
        if cursor is not None:
            if cursor not in ids:
                raise BadRequest(
                    f"cursor: {quoted(cursor)} is not valid; use next_cursor of the previous page", param="cursor"
                )
            ids = ids[ids.index(cursor) + 1 :]
        found = [self._read(id) for id in ids[:limit]]
        return [study for study in found if study is not None], ids[limit - 1] if len(ids) > limit else None

    def delete(self, study: Study) -> None:
        """Delete a study with all that belongs to it. Until it is gone, none of its name can be made."""
        while not claim(study.path):  # while it is being made, or deleted by another request
            if not (study.path / META).exists():
                return
            time.sleep(BRIEFLY)
        try:
            (study.path / META).unlink(missing_ok=True)
            self._forget(study.id)
            shutil.rmtree(study.path, ignore_errors=True)
        finally:
            release(study.path)

    def sweep(self) -> None:
        """Remove the rests of studies that a killed process was making or deleting."""
        for path in self._folder.glob("study_*"):
            if not (path / META).exists():
                with suppress(OSError):
                    remove_unclaimed(path, unless=lambda path=path: (path / META).exists())  # type: ignore[misc]

    def close(self) -> None:
        """Close the databases."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _meta(self, id: str) -> dict[str, Any] | None:
        """The fields of a study that its database does not have; None where there is no study."""
        try:
            found: dict[str, Any] = orjson.loads((self._folder / id / META).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found

    def _read(self, id: str) -> Study | None:
        meta = self._meta(id)
        if meta is None:
            return None
        return Study(id=id, path=self._folder / id, database=self._database(id), budget=self._budget, **meta)

    def _database(self, id: str) -> Database:
        """The database of a study; the last ones stay open, since closing one empties its log."""
        with self._lock:
            database = self._open.get(id)
            if database is None:
                path = self._folder / id
                database = Database(
                    path / "study.sqlite3",
                    migrations=MIGRATIONS,
                    table="items",
                    content="a study",
                    gone=lambda: None if (path / META).exists() else _deleted(),
                )
                database.open()
                self._open[id] = database
            self._open.move_to_end(id)
            while len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close()
            return database

    def _forget(self, id: str) -> None:
        with self._lock:
            database = self._open.pop(id, None)
        if database is not None:
            database.close()


def study_id(name: str, owner: str | None) -> str:
    """The id of a study, by which its folder is found: that of another owner's study of the same name differs."""
    return "study_" + hashlib.sha256(f"{owner or ''}\0{name}".encode()).hexdigest()[:32]


def _deleted() -> NotFound:
    return NotFound(
        "study: it was deleted by another request meanwhile; GET /v1/studies lists those there are",
        code="unknown_study",
        param="name",
    )


def _taken(name: str) -> Conflict:
    return Conflict(
        f"name: there is a study {quoted(name)} already; choose another name, or delete it", code="study_exists",
        param="name",
    )  # fmt: skip
