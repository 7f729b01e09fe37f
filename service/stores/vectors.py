"""Vectors of images that were embedded before, in a SQLite file that all entry processes share. Off by default.

A key is an HMAC of everything that determines a vector, with a secret of this home: who has a picture, and not the
secret, cannot test whether it was here. Whatever is wrong with the file is logged and never fails a request.
"""

import hashlib
import hmac
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from models import errors
from service.auth import owner_of
from service.inference.engine import CachedImage
from service.metrics import VECTOR_CACHE, VECTOR_CACHE_BYTES
from service.settings import Settings

logger = logging.getLogger("daguerre.vectors")
FOLDER = "vectors"  # below DAGUERRE_HOME
VERSION = 1  # of the schema; another one begins anew
PAGE = 16_384  # bytes: a row of 512 floats takes 2.4 kB, and 4.2 kB with SQLite's own pages
PATIENCE = 1.0  # seconds for another process's transaction; then the rows are not kept
WAITING = 64  # transactions that may wait; further rows are not kept
AT_ONCE, TURNS = 256, 8  # rows that make room, and how often at once; in the last turn they go even if in use
LOGGED = 60.0  # seconds between two lines of the log
DIGEST = 8  # bytes that tell a damaged value
OWNER: ContextVar[str | None] = ContextVar("owner", default=None)  # of the request
T = TypeVar("T")
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, owner TEXT NOT NULL, "
    "used INTEGER NOT NULL DEFAULT 0, value BLOB NOT NULL)"
)


def _classes(kind: type[errors.ItemError] = errors.ItemError) -> dict[str, type[errors.ItemError]]:
    """The errors about an item by name."""
    found = {kind.__name__: kind}
    for each in kind.__subclasses__():
        found |= _classes(each)
    return found


class _Connection:
    """A connection to the file, opened when it is needed, and the file's number."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.db: sqlite3.Connection | None = None
        self.inode = 0


class VectorStore:
    """The vectors of images, up to a number of bytes.

    Rows are in the order in which they were made. Where room is needed, the oldest ones go; those that were used since
    are written again instead, as the newest ("second chance", which is close to the least recently used).

    Parameters
    ----------
    folder : takes the file and the secret.
    size : bytes of the file, at most, beside the log of what is being written.
    owners : those whose vectors are kept; others' are deleted when the file is opened.
    """

    def __init__(self, folder: Path, *, size: int, owners: Iterable[str | None]) -> None:
        self._folder = folder
        self._file = folder / "vectors.sqlite3"
        self._size = size
        self._owners = {each or "" for each in owners}
        self._reading, self._writing = _Connection(), _Connection()
        self._said = -LOGGED
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="vectors")
        self._waiting = threading.Semaphore(WAITING)
        self._secret = b""

    @classmethod
    def of(cls, settings: Settings) -> "VectorStore | None":
        """The store of the settings, opened; None where there is none."""
        if not settings.vector_cache:
            return None
        keys = settings.keys()
        owners: list[str | None] = [owner_of(key) for key in keys] or [None]
        store = cls(settings.home / FOLDER, size=settings.vector_cache, owners=owners)
        store.open()
        return store

    def open(self) -> None:
        """Create or open the file. Raises OSError where the secret cannot be read or written."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = self._folder / "secret"
        with FileLock(self._folder / ".lock"):
            if not secret.exists() or secret.stat().st_size != hashlib.sha256().digest_size:
                self._write_secret(secret)
        self._secret = secret.read_bytes()
        marks = ",".join("?" * len(self._owners))
        gone = f"DELETE FROM vectors WHERE owner NOT IN ({marks})"  # marks alone
        self._guarded(self._writing, lambda db: _transaction(db, lambda db: db.execute(gone, list(self._owners))), None)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._writer.shutdown(wait=True)
        for connection in (self._reading, self._writing):
            with connection.lock:
                if connection.db is not None:
                    connection.db.close()
                    connection.db = None

    def key(self, image: bytes, made: Mapping[str, object]) -> bytes:
        """The key of an image for the owner of the current request.

        Parameters
        ----------
        made : everything else that determines the vector, or the error.
        """
        mac = hmac.new(self._secret, json.dumps([OWNER.get(), made], sort_keys=True).encode() + b"\0", hashlib.sha256)
        mac.update(image)
        return mac.digest()[:16]

    def get(self, keys: Sequence[bytes]) -> dict[bytes, CachedImage]:
        """The images that are kept, by key."""
        nothing: dict[bytes, CachedImage] = {}
        found = self._guarded(self._reading, lambda db: self._read(db, keys), nothing)
        VECTOR_CACHE.labels("hit").inc(len(found))
        VECTOR_CACHE.labels("miss").inc(len(keys) - len(found))
        return found

    def put(self, images: Mapping[bytes, CachedImage]) -> None:
        """Keep vectors and errors, soon, in another thread."""
        owner = OWNER.get() or ""
        self._later(lambda db: self._write(db, owner, images))

    def _read(self, db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, CachedImage]:
        found: dict[bytes, CachedImage] = {}
        touched: list[int] = []
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            for id, key, used, value in db.execute(
                f"SELECT id, key, used, value FROM vectors WHERE key IN ({marks})",  # marks alone
                part,
            ):
                if (image := unpacked(value)) is not None:
                    found[key] = image
                    if not used:
                        touched.append(id)
        if touched:
            self._later(
                lambda db: db.executemany("UPDATE vectors SET used = 1 WHERE id = ?", [(each,) for each in touched])
            )
        return found

    def _write(self, db: sqlite3.Connection, owner: str, images: Mapping[bytes, CachedImage]) -> None:
        rows = [(key, owner, packed(image)) for key, image in images.items()]
        db.executemany("INSERT OR IGNORE INTO vectors (key, owner, value) VALUES (?, ?, ?)", rows)
        self._make_room(db)

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Delete the oldest rows where the file is full; those that were used since become the newest."""
        oldest = "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY id LIMIT ?)"
        for turn in range(TURNS):
            if _bytes(db) <= self._size:
                break
            rows = db.execute(f"{oldest} RETURNING key, owner, used, value", [AT_ONCE]).fetchall()
            if turn < TURNS - 1:
                kept = [(key, owner, value) for key, owner, used, value in rows if used]
                db.executemany("INSERT INTO vectors (key, owner, value) VALUES (?, ?, ?)", kept)
        VECTOR_CACHE_BYTES.set(_bytes(db))

    def _later(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """A transaction in the writer's thread; dropped where too many wait."""
        if not self._waiting.acquire(blocking=False):
            return

        def write() -> None:
            try:
                self._guarded(self._writing, lambda db: _transaction(db, work), None)
            finally:
                self._waiting.release()

        with suppress(RuntimeError):  # closed
            self._writer.submit(write)

    def _guarded(self, connection: "_Connection", work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The result of `work`; `otherwise`, and a line in the log, where the file cannot be used."""
        with connection.lock:
            try:
                if connection.db is None:
                    connection.db = self._opened(connection)
                return work(connection.db)
            except (sqlite3.Error, OSError) as exc:
                self._log(exc)
                if isinstance(exc, sqlite3.DatabaseError) and not isinstance(exc, sqlite3.OperationalError):
                    self._begin_anew(connection)
                return otherwise

    def _opened(self, connection: "_Connection") -> sqlite3.Connection:
        with FileLock(self._folder / ".lock", timeout=PATIENCE):
            db = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                db.execute(f"PRAGMA page_size = {PAGE}")  # before the mode of the journal, or it is ignored
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                (version,) = db.execute("PRAGMA user_version").fetchone()
                if version not in (0, VERSION):
                    raise sqlite3.DatabaseError(f"schema {version}, not {VERSION}")
                if not version:
                    db.execute(SCHEMA)
                    db.execute(f"PRAGMA user_version = {VERSION}")
                VECTOR_CACHE_BYTES.set(_bytes(db))
            except BaseException:
                db.close()
                raise
            finally:
                connection.inode = self._file.stat().st_ino if self._file.exists() else 0
            return db

    def _begin_anew(self, connection: "_Connection") -> None:
        """Remove a damaged file, unless another process has done so."""
        if connection.db is not None:
            with suppress(sqlite3.Error):
                connection.db.close()
            connection.db = None
        with suppress(OSError), FileLock(self._folder / ".lock", timeout=PATIENCE):
            if self._file.exists() and self._file.stat().st_ino == connection.inode:
                for path in self._folder.glob(f"{self._file.name}*"):
                    path.unlink(missing_ok=True)

    def _log(self, exc: Exception) -> None:
        VECTOR_CACHE.labels("error").inc()
        if time.monotonic() - self._said >= LOGGED:
            self._said = time.monotonic()
            logger.warning("the cache of vectors is passed by: %s (%s)", self._file, exc)

    def _write_secret(self, path: Path) -> None:
        staged = path.with_suffix(".new")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(os.urandom(hashlib.sha256().digest_size))
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)


def _transaction(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], object]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        work(db)
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _bytes(db: sqlite3.Connection) -> int:
    """Bytes of the pages in use."""
    (pages,), (free,) = db.execute("PRAGMA page_count").fetchone(), db.execute("PRAGMA freelist_count").fetchone()
    return (int(pages) - int(free)) * PAGE


def packed(image: CachedImage) -> bytes:
    """A vector, or an error, as it is stored, after a digest of it."""
    if image.error is None:
        assert image.row is not None
        content = bytes([0, image.first_of_many]) + np.ascontiguousarray(image.row, "<f4").tobytes()
    else:
        content = bytes([1, 0]) + json.dumps([type(image.error).__name__, str(image.error)]).encode()
    return hashlib.blake2b(content, digest_size=DIGEST).digest() + content


def unpacked(value: bytes) -> CachedImage | None:
    """The stored image; None where it is damaged, or an error of another version."""
    content = value[DIGEST:]
    if len(content) < 2 or hashlib.blake2b(content, digest_size=DIGEST).digest() != value[:DIGEST]:
        return None
    if content[0] == 0:
        row: NDArray[np.float32] = np.frombuffer(content, "<f4", offset=2).astype(np.float32)
        return CachedImage(row=row, first_of_many=bool(content[1]))
    name, message = json.loads(content[2:])
    kind = _classes().get(name)
    return None if kind is None else CachedImage(error=kind(message))
