"""SQLite files below DAGUERRE_HOME: schemas, migrations and transactions; state.sqlite3 has the jobs."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from filelock import FileLock

from service.errors import Unavailable, is_disk_full

PATIENCE = 30.0  # seconds for which a process waits for the transaction of another
BRIEFLY = 2.0  # seconds for which it waits to empty the log
IDLE = (
    4  # connections of a file that are kept for later; to open one and read the schema takes longer than most queries
)
MIGRATIONS: tuple[str, ...] = (  # user_version of the file is the number of applied ones; only append
    """
    CREATE TABLE jobs (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        lane TEXT NOT NULL,
        owner TEXT,
        params TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        progress REAL NOT NULL DEFAULT 0,
        stage TEXT NOT NULL DEFAULT 'waiting',
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        begun REAL,              -- start of the current attempt, and the progress at that time
        begun_progress REAL,
        deaths INTEGER NOT NULL DEFAULT 0,
        death_progress REAL NOT NULL DEFAULT 0,
        cancel_asked REAL,
        result TEXT,
        error_code TEXT,
        error_message TEXT
    );
    CREATE INDEX jobs_by_state ON jobs (state, lane, place);
    """,
)


class NewerState(Unavailable):
    """The file was written by a later version of Daguerre."""

    code = "newer_state"


class UnreadableState(Unavailable):
    """The file is no database, or cannot be read or written."""

    code = "unreadable_state"


class Connection(sqlite3.Connection):
    """A connection that can end its queries: one that was not read to its end would go on seeing an old state."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor."""
        made = super().cursor(*args, **options)
        self._cursors.add(made)
        return made

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """The cursor of a query; that of the base class would not be known."""
        made: sqlite3.Cursor = self.cursor().execute(*args)
        return made

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """The same for several rows."""
        made: sqlite3.Cursor = self.cursor().executemany(*args)
        return made

    def end_queries(self) -> None:
        """Close all cursors."""
        for cursor in list(self._cursors):
            cursor.close()


class Database:
    """One SQLite file that several processes use at once. What a transaction has written is on disk when it ends.

    Parameters
    ----------
    migrations : scripts that make the schema, in order, None for that of jobs; the file counts those that were applied.
    table : a table of the first of them, which is read to see whether the file is one of ours.
    content : name of the content in the plural, for errors.
    gone : returns the error to raise in place of one of SQLite, where the file was deleted on purpose meanwhile; else
        None.
    """

    def __init__(
        self,
        file: Path,
        *,
        migrations: Sequence[str] | None = None,
        table: str = "jobs",
        content: str = "jobs",
        gone: Callable[[], Exception | None] = lambda: None,
    ) -> None:
        self.file = file
        self._gone = gone
        self._migrations = MIGRATIONS if migrations is None else tuple(migrations)
        self._table, self._what = table, content
        self._keeper: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._idle: list[tuple[tuple[int, int], Connection]] | None = None  # with the file's number; None: not open

    def open(self) -> None:
        """Create the file or migrate an older one, in one transaction. Raises NewerState, UnreadableState, OSError."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # SQLite does not wait for other processes when the journal mode changes, so they wait here
        with FileLock(self.file.with_suffix(".lock"), timeout=PATIENCE):
            self._migrate()
        self._keep_log()

    def close(self) -> None:
        """Close the connections that are kept; one that is in use is closed when it is not used any more."""
        with self._lock:
            idle, self._idle = self._idle or [], None
        for _, db in idle:
            db.close()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def empty_log(self) -> bool:
        """Move the log (-wal) into the file and empty it, since it still has what was deleted.

        Returns False where another connection uses it now, or the disk is full; call it again later.
        """
        try:
            with closing(sqlite3.connect(self.file, timeout=BRIEFLY, isolation_level=None)) as db:
                (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as exc:
            if not is_disk_full(exc):
                raise
            return False
        return not busy

    def _keep_log(self) -> None:
        """Keep a connection, since the last one removes the files -wal and -shm: readers of a full disk need them."""
        self.close()
        self._keeper = sqlite3.connect(self.file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self._keeper.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with self._lock:
            self._idle = []

    def _migrate(self) -> None:
        version = self._version()
        with self.writing() as db:
            for script in self._migrations[version:]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(self._migrations)}")

    def _version(self) -> int:
        """The number of migrations of a file that can be read and written."""
        try:
            with self.reading() as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                self._check(version)
                db.execute("PRAGMA journal_mode = WAL")
                if version:
                    db.execute(f"SELECT count(*) FROM {self._table}").fetchone()
            with self.writing():
                return int(version)
        except sqlite3.Error as exc:
            raise UnreadableState(
                f"{self.file} cannot be used as the database of {self._what} ({exc}); restore it, or move it away to "
                f"begin without {self._what}"
            ) from exc

    def _check(self, version: int) -> None:
        if version > len(self._migrations):
            raise NewerState(
                f"{self.file.name} has schema {version}, this version reads up to {len(self._migrations)}; start the "
                "version that wrote it, or a newer one"
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection without a transaction."""
        number = self._number()
        db = self._kept(number)
        try:
            if db is None:
                db = Connection(self.file)
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")  # whatever the library was built with
            db.execute("PRAGMA secure_delete = ON").fetchall()  # deleted content is overwritten with zeros
            yield db
            db.end_queries()
        except BaseException as exc:
            if db is not None:
                db.close()
            if isinstance(exc, sqlite3.Error) and (reason := self._gone()) is not None:
                raise reason from exc
            raise
        self._keep(number, db)

    def _number(self) -> tuple[int, int] | None:
        """The number of the file, which another process may have deleted and made anew; None if it is not there."""
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _kept(self, number: tuple[int, int] | None) -> Connection | None:
        """A connection to the file that is there now, if one was kept."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                of, db = self._idle.pop()
            if of == number:
                return db
            db.close()

    def _keep(self, number: tuple[int, int] | None, db: Connection) -> None:
        """Keep a connection for later, unless the database is closed, enough are kept, or a transaction is open."""
        with self._lock:
            if self._idle is not None and len(self._idle) < IDLE and number is not None and not db.in_transaction:
                self._idle.append((number, db))
                return
        db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in an exclusive write transaction."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                if db.in_transaction:  # SQLite itself ends one that has filled the disk
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
