"""The SQLite file: made, brought up to date, or refused, by however many processes at once."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.jobs.table import Table
from service.stores import database
from service.stores.database import MIGRATIONS, Database, NewerState

# as version 1 has written it; never to be brought in line with later versions
VERSION_1 = """
CREATE TABLE jobs (place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    lane TEXT NOT NULL, owner TEXT, params TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')), progress REAL NOT NULL DEFAULT 0,
    stage TEXT NOT NULL DEFAULT 'waiting', created REAL NOT NULL, started REAL, ended REAL, begun REAL,
    begun_progress REAL, deaths INTEGER NOT NULL DEFAULT 0, death_progress REAL NOT NULL DEFAULT 0, cancel_asked REAL,
    result TEXT, error_code TEXT, error_message TEXT);
CREATE INDEX jobs_by_state ON jobs (state, lane, place);
INSERT INTO jobs (id, kind, lane, owner, params, created) VALUES ('job_old', 'train', 'quick', 'ann', '{"n": 1}', 5);
PRAGMA user_version = 1;
"""


def written(file: Path, script: str) -> Path:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(script)
    return file


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_file_has_the_newest_schema_and_a_log_that_readers_do_not_wait_for(tmp_path):
    file = tmp_path / "new" / "state.sqlite3"
    Database(file).open()
    assert version(file) == len(MIGRATIONS)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_file_of_version_1_is_read_as_it_is(tmp_path):
    written(tmp_path / "state.sqlite3", VERSION_1)
    table = Table(tmp_path, most_queued=10, keep_days=1)
    table.open()
    job = table.get("job_old")
    assert job
    assert (job.kind, job.owner, job.params, job.state) == ("train", "ann", {"n": 1}, "queued")
    assert table.take("quick") is not None


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(tmp_path, monkeypatch):
    file = written(tmp_path / "state.sqlite3", VERSION_1)
    later = ("ALTER TABLE jobs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'; CREATE TABLE uploads (id TEXT);",)
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS[:1] + later)
    Database(file).open()
    Database(file).open()  # nothing is done twice
    assert version(file) == 2
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT id, note FROM jobs").fetchall() == [("job_old", "none")]
        assert db.execute("SELECT count(*) FROM uploads").fetchone() == (0,)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    file = written(tmp_path / "state.sqlite3", VERSION_1)
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS[:1], "CREATE TABLE uploads (id TEXT); NONSENSE;"))
    with pytest.raises(sqlite3.OperationalError, match="NONSENSE"):
        Database(file).open()
    assert version(file) == 1
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT name FROM sqlite_schema WHERE name = 'uploads'").fetchall() == []


def test_a_newer_file_is_refused_and_untouched(tmp_path):
    newer = len(MIGRATIONS) + 1
    file = written(tmp_path / "state.sqlite3", f"CREATE TABLE other (x); PRAGMA user_version = {newer};")
    before = file.read_bytes()
    with pytest.raises(NewerState, match=rf"state.sqlite3 has schema {newer}, .* up to {len(MIGRATIONS)}; start the"):
        Database(file).open()
    assert file.read_bytes() == before


def _open(file: Path) -> None:
    Database(file).open()


def test_many_processes_may_open_a_new_file_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_open, [tmp_path / str(i // 4) / "state.sqlite3" for i in range(40)], chunksize=1)
    assert {version(file) for file in tmp_path.glob("*/state.sqlite3")} == {len(MIGRATIONS)}


def counter(file: Path) -> Database:
    """An open database with one table of numbers."""
    made = Database(file, migrations=("CREATE TABLE numbers (n INTEGER)",), table="numbers", content="numbers")
    made.open()
    return made


def test_connections_are_used_again_but_not_those_of_a_file_that_was_made_anew(tmp_path):
    mine = counter(tmp_path / "a.sqlite3")
    with mine.writing() as first:
        first.execute("INSERT INTO numbers VALUES (1)")
    with mine.reading() as second:
        assert second is first
        with mine.reading() as third:
            assert third is not first
    for part in tmp_path.glob("a.sqlite3*"):
        part.unlink()
    counter(tmp_path / "a.sqlite3").close()  # as another process does
    with mine.reading() as fresh:
        assert fresh.execute("SELECT count(*) FROM numbers").fetchone()[0] == 0
    mine.close()
    with mine.reading() as last:
        pass
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        last.execute("SELECT 1")


def test_a_query_that_was_not_read_to_its_end_shows_nobody_an_old_state(tmp_path):
    mine, other = counter(tmp_path / "a.sqlite3"), counter(tmp_path / "a.sqlite3")
    with mine.writing() as db:
        db.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(3)])
    with mine.reading() as db:
        unfinished = db.execute("SELECT n FROM numbers")
        assert unfinished.fetchone()["n"] == 0
    with other.writing() as db:
        db.execute("INSERT INTO numbers VALUES (3)")
    with mine.writing() as db:
        assert db.execute("SELECT count(*) FROM numbers").fetchone()[0] == 4
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        unfinished.fetchone()
    mine.close()
    other.close()


def test_a_connection_is_given_back_as_it_was(tmp_path):
    mine = counter(tmp_path / "a.sqlite3")
    with mine.reading() as db:
        db.row_factory = None
    with pytest.raises(sqlite3.OperationalError, match="no such table"), mine.writing() as broken:
        broken.execute("SELECT * FROM absent")
    with mine.reading() as db:
        assert db is not broken
        assert db.execute("SELECT count(*) AS n FROM numbers").fetchone()["n"] == 0
    mine.close()
