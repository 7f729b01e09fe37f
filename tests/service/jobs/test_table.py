"""The transitions between states, one process alone."""

import sqlite3
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.errors import Overloaded
from service.jobs import table as module
from service.jobs.folders import PAID, RESULTS
from service.jobs.table import ENDED, Table
from service.stores import database
from service.stores.claims import claim, release

RESUMABLE = frozenset({"resumable"})


@pytest.fixture
def table(tmp_path) -> Table:
    made = Table(tmp_path, most_queued=100, keep_days=1)
    made.open()
    return made


def added(table: Table, kind: str = "k", lane: str = "quick", owner: str | None = None) -> str:
    id = table.new_id()
    table.folder(id).mkdir()
    (table.folder(id) / "photo.jpg").write_text("a face")
    return table.add(id, kind, lane, {}, owner).id


def state(table: Table, id: str) -> str:
    job = table.get(id)
    assert job
    return job.state


def aged(table: Table, id: str, *, days: float) -> None:
    with closing(sqlite3.connect(table.home / "state.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE jobs SET ended = ended - ? WHERE id = ?", (days * 86400, id))


def test_ids_cannot_be_guessed(table):
    ids = {table.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(id.startswith("job_") and len(id) == 36 for id in ids)  # 128 bits


def test_jobs_of_a_lane_are_taken_in_their_order(table):
    first, other, second = added(table), added(table, lane="long"), added(table)
    taken = [table.take("quick") for _ in range(3)]
    assert [job and job.id for job in taken] == [first, second, None]
    assert (job := table.take("long"))
    assert job.id == other


def test_no_more_than_the_limit_may_wait(table):
    for _ in range(100):
        added(table)
    with pytest.raises(Overloaded, match="100 jobs are waiting, which is the limit") as refused:
        added(table)
    assert (refused.value.status, refused.value.retry_after) == (429, 30)
    table.take("quick")
    added(table)  # one runs, and waits no more


def test_what_was_sent_goes_when_a_job_ends_however_it_ends(table):
    ended = {"succeeded": lambda id: table.succeed(id, {}), "failed": lambda id: table.fail(id, "c", "m")}
    for name, end in (ended | {"cancelled": table.stop}).items():
        id = added(table)
        table.take("quick")
        assert (table.folder(id) / "photo.jpg").exists()
        end(id)
        assert state(table, id) == name
        assert not table.folder(id).exists()


def test_results_stay_after_success_only(table):
    good, bad = added(table), added(table)
    for id in (good, bad):
        table.take("quick")
        (table.folder(id) / RESULTS).mkdir()
        (table.folder(id) / RESULTS / "labels.npy").write_text("0 1")
    table.succeed(good, {})
    table.fail(bad, "c", "m")
    assert [path.name for path in table.folder(good).rglob("*")] == [RESULTS, "labels.npy"]
    assert not table.folder(bad).exists()
    table.cancel(good)
    table.tidy()
    assert (table.folder(good) / RESULTS / "labels.npy").exists()


def test_paid_answers_of_a_failed_job_stay_until_it_is_deleted(table):
    ends = {"succeeded": lambda id: table.succeed(id, {}), "failed": lambda id: table.fail(id, "c", "m")}
    for name, end in (ends | {"cancelled": table.stop}).items():
        id = added(table)
        table.take("quick")
        (table.folder(id) / PAID).write_text("{}")
        end(id)
        table.tidy()
        assert [path.name for path in table.folder(id).rglob("*")] == ([PAID] if name == "failed" else [])
        assert table.delete(id)
        assert not table.folder(id).exists()


def test_an_ended_job_stays_as_it_is(table):
    id = added(table)
    table.take("quick")
    table.succeed(id, {"n": 1})
    before = table.get(id)
    table.cancel(id)
    table.fail(id, "c", "m")
    table.stop(id)
    table.release("quick")
    table.adopt("quick", RESUMABLE)
    assert not table.report(id, 0.1, "again")
    assert table.get(id) == before


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_told(table):
    waiting, running = added(table, lane="long"), added(table)
    table.take("quick")
    assert table.report(running, 0.1, "at it")
    table.cancel(waiting)
    table.cancel(running)
    table.cancel(running)
    assert (state(table, waiting), state(table, running)) == ("cancelled", "running")
    assert not table.folder(waiting).exists()
    assert not table.report(running, 0.2, "at it")
    assert table.overdue(60) == []
    assert table.overdue(-1) == [("quick", running)]


def test_a_job_that_a_worker_takes_while_it_is_cancelled_is_told(table, monkeypatch):
    """Or it would be cancelled in the table, and run on without its files where nobody looks for it."""
    id = added(table)
    worker = Table(table.home, most_queued=100, keep_days=1)
    taken = []
    writing = table._database.writing

    @contextmanager
    def then_taken():
        with writing() as db:
            yield db
        taken.append(worker.take("quick"))

    monkeypatch.setattr(table._database, "writing", then_taken)
    table.cancel(id)
    assert taken  # after each transaction of `cancel` the worker has looked
    runs = any(taken)
    assert state(table, id) == ("running" if runs else "cancelled")
    assert table.folder(id).exists() == runs
    assert table.overdue(-1) == ([("quick", id)] if runs else [])


def killed(table: Table, id: str, progress: float) -> str:
    """The worker takes `id`, gets as far as `progress`, and is killed."""
    job = table.take("quick")
    assert job
    assert job.id == id
    table.report(id, progress, "fitting")
    table.adopt("quick", RESUMABLE)
    return state(table, id)


def test_a_killed_job_is_begun_again_once(table):
    id = added(table)
    assert killed(table, id, 0.2) == "queued"
    assert (table.folder(id) / "photo.jpg").exists()
    assert killed(table, id, 0.9) == "failed"
    job = table.get(id)
    assert job
    assert job.error_code == "worker_died"
    assert job.error_message == (
        "its process ended 2 times in the middle (at 'fitting'): killed, or out of memory; see the server's log"
    )
    assert not table.folder(id).exists()


def test_a_killed_job_that_goes_on_where_it_was_may_be_killed_as_often_as_it_gets_further(table):
    id = added(table, kind="resumable")
    assert [killed(table, id, progress) for progress in (0.1, 0.2, 0.3, 0.4, 0.4)] == ["queued"] * 4 + ["failed"]


def test_a_killed_job_that_was_cancelled_is_not_begun_again(table):
    id = added(table)
    table.take("quick")
    table.cancel(id)
    table.adopt("quick", RESUMABLE)
    assert state(table, id) == "cancelled"
    assert not table.folder(id).exists()


def test_a_worker_that_is_ended_on_purpose_is_no_death(table):
    first, second = added(table), added(table)
    for _ in range(5):
        job = table.take("quick")
        assert job
        assert job.id == first  # it keeps its place
        table.release("quick")
    table.take("quick")
    table.cancel(first)
    table.release("quick")
    assert (state(table, first), state(table, second)) == ("cancelled", "queued")
    assert not table.folder(first).exists()


def test_another_lane_is_left_alone(table):
    id = added(table, lane="long")
    table.take("long")
    table.adopt("quick", RESUMABLE)
    table.release("quick")
    assert state(table, id) == "running"


def test_the_time_left_follows_from_the_speed_since_the_last_start(table, monkeypatch):
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now)
    id = added(table)
    table.take("quick")
    job = table.get(id)
    assert job
    assert job.eta_seconds is None
    table.report(id, 0.5, "resumed at a half")
    now += 10
    table.report(id, 0.6, "a tenth in ten seconds")
    job = table.get(id)
    assert job
    assert job.eta_seconds == pytest.approx(40)


def test_ended_jobs_are_forgotten_in_time_with_their_results(table):
    kept, old, waiting = added(table), added(table), added(table)
    for id in (kept, old):
        table.take("quick")
        (table.folder(id) / RESULTS).mkdir()
        (table.folder(id) / RESULTS / "x").write_text("")
        table.succeed(id, {})
    aged(table, kept, days=0.9)
    aged(table, old, days=1.1)
    assert table.get(old) is None  # from that moment, whenever somebody tidies
    assert [job.id for job in table.newest(None, 10, None)] == [waiting, kept]
    table.tidy()
    assert sorted(path.name for path in table.folders.glob("job_*")) == sorted([kept, waiting])


def test_what_a_kill_has_left_is_removed_and_a_folder_being_filled_is_not(table):
    ended = added(table)
    table.cancel(ended)
    table.folder(ended).mkdir()  # killed between the table and the disk
    (table.folder(ended) / "photo.jpg").write_text("a face")
    filling = table.folder(table.new_id())
    filling.mkdir()
    claim(filling)  # as a submission does
    left = table.folder(table.new_id())
    left.mkdir()
    (left / "vectors.npy").write_text("of a face")
    table.tidy()
    assert not table.folder(ended).exists()
    assert filling.exists()
    assert not left.exists()
    release(filling)
    table.tidy()
    assert not filling.exists()


def with_result(table: Table) -> str:
    """A job that has succeeded; each of its texts, in the table and in its files, has the word heron."""
    id = table.new_id()
    (table.folder(id) / RESULTS).mkdir(parents=True)
    (table.folder(id) / RESULTS / "answer.json").write_text("an answer: heron")
    (table.folder(id) / "task.json").write_text("a task: heron")
    table.add(id, "k", "quick", {"name": "heron"}, None)
    table.take("quick")
    table.report(id, 0.5, "at the heron")
    table.succeed(id, {"text": "heron " * 3000})  # more than a page of SQLite
    return id


def having(table: Table, word: bytes) -> set[str]:
    return {path.name for path in table.home.rglob("*") if path.is_file() and word in path.read_bytes()}


def test_nothing_of_a_deleted_job_is_left_in_any_file(table):
    waiting, id = added(table, lane="long"), with_result(table)
    with table._database.reading() as db:
        db.execute("PRAGMA secure_delete = OFF")  # as some builds of SQLite have it
    assert "answer.json" in having(table, b"heron")
    assert any(name.startswith("state.sqlite3") for name in having(table, b"heron"))
    assert table.delete(id)
    assert not having(table, b"heron")
    assert (table.get(id), table.folder(id).exists(), table.delete(id)) == (None, False, False)
    assert state(table, waiting) == "queued"


def test_parts_of_the_log_that_are_in_use_go_later(table, monkeypatch):
    monkeypatch.setattr(database, "BRIEFLY", 0.05)
    id = with_result(table)
    with closing(sqlite3.connect(table.home / "state.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        assert table.delete(id)
        assert table.get(id) is None
        assert having(table, b"heron") <= {"state.sqlite3", "state.sqlite3-wal"}
    table.tidy()
    assert not having(table, b"heron")


def test_an_expired_job_leaves_nothing_either(table):
    id = with_result(table)
    aged(table, id, days=1.1)
    table.tidy()
    assert not having(table, b"heron")


def test_a_job_that_waits_or_runs_is_not_deleted(table):
    running, waiting = added(table), added(table)
    table.take("quick")
    for id in (running, waiting):
        assert not table.delete(id)
        assert (table.folder(id) / "photo.jpg").exists()
    assert (state(table, running), state(table, waiting)) == ("running", "queued")


class Lives(RuleBasedStateMachine):
    """Whatever happens in whatever order: one job runs in a lane, states are as they may be, files go with the end."""

    def __init__(self) -> None:
        super().__init__()

        self.folder = tempfile.TemporaryDirectory()
        self.table = Table(Path(self.folder.name), most_queued=100, keep_days=1)
        self.table.open()
        self.ids: list[str] = []
        self.last: dict[str, str] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    def running(self) -> list[str]:
        return [id for id in self.ids if state(self.table, id) == "running"]

    @rule(kind=st.sampled_from(["k", "resumable"]))
    def submit(self, kind: str) -> None:
        self.ids.append(added(self.table, kind=kind))

    @precondition(lambda self: not self.running())  # a worker does one after the other
    @rule()
    def take(self) -> None:
        self.table.take("quick")

    @precondition(lambda self: self.running())
    @rule(how=st.sampled_from(["report", "succeed", "fail", "stop", "kill", "release"]), progress=st.floats(0, 1))
    def go_on(self, how: str, progress: float) -> None:
        (id,) = self.running()
        {
            "report": lambda: self.table.report(id, progress, "at it"),
            "succeed": lambda: self.table.succeed(id, {}),
            "fail": lambda: self.table.fail(id, "c", "m"),
            "stop": lambda: self.table.stop(id),
            "kill": lambda: self.table.adopt("quick", RESUMABLE),
            "release": lambda: self.table.release("quick"),
        }[how]()

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.table.cancel(data.draw(st.sampled_from(self.ids)))

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(self.ids))
        before = state(self.table, id)
        assert self.table.delete(id) == (before in ENDED)
        if before in ENDED:
            self.ids.remove(id)
            assert self.table.get(id) is None

    @rule()
    def tidy(self) -> None:
        self.table.tidy()

    @invariant()
    def holds(self) -> None:
        for id in self.ids:
            job = self.table.get(id)
            assert job
            before = self.last.get(id, "queued")
            assert before not in ENDED or job.state == before
            assert (job.state in ENDED) == (job.ended is not None)
            assert (job.state == "failed") == (job.error_code is not None)
            assert self.table.folder(id).exists() == (job.state not in ENDED)
            self.last[id] = job.state
        assert len(self.running()) <= 1


Lives.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
test_lives = Lives.TestCase


@given(progress=st.floats(0, 1), rest=st.floats(0, 1))
def test_a_guess_of_the_time_left_is_never_negative(progress, rest):
    row = {name: None for name in ("started", "ended", "result", "error_code", "error_message", "owner")}
    row |= {"id": "i", "kind": "k", "lane": "quick", "params": "{}", "state": "running", "stage": "", "place": 1}
    row |= {"created": 0.0, "begun": time.time(), "begun_progress": progress * rest, "progress": progress}
    left = module._job(row).eta_seconds  # type: ignore[arg-type]
    assert left is None or left >= 0


class Turns(RuleBasedStateMachine):
    """Jobs are taken in turn by owner, and nobody fills the queue: an oracle keeps both in lists."""

    OWNERS = ("ann", "ben", "cai", None)
    MOST = 12

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.table = Table(Path(self.folder.name), most_queued=self.MOST, keep_days=1, shared=True)
        self.table.open()
        self.waiting: list[tuple[str, str | None]] = []
        self.interrupted: list[str] = []
        self.turns: list[str | None] = []  # owners, the last turn last
        self.running: tuple[str, str | None] | None = None

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(owner=st.sampled_from(OWNERS), times=st.integers(1, 6))
    def submit(self, owner: str | None, times: int) -> None:
        for _ in range(times):
            own = sum(each == owner for _, each in self.waiting)
            free = self.MOST - len(self.waiting)
            if free and (not own or own + 1 <= 3 * (free - 1)):
                self.waiting.append((added(self.table, owner=owner), owner))
            else:
                for refused in (lambda: self.table.check_places(owner), lambda: added(self.table, owner=owner)):
                    with pytest.raises(Overloaded, match="DAGUERRE_MAX_JOBS") as raised:
                        refused()
                    assert raised.value.status == 429
                assert not own or self.waiting
                for other in self.OWNERS[:3]:  # one owner alone never takes the last place
                    if {each for _, each in self.waiting} == {owner} and other != owner:
                        self.table.check_places(other)

    @precondition(lambda self: self.running is None)
    @rule()
    def take(self) -> None:
        job = self.table.take("quick")
        if not self.waiting:
            assert job is None
            return
        first = [each for each in self.waiting if each[0] in self.interrupted]
        never = [each for each in self.waiting if each[1] not in self.turns]
        longest = [o for o in dict.fromkeys(reversed(self.turns)) if any(each[1] == o for each in self.waiting)]
        expected = (first or never or [each for each in self.waiting if each[1] == longest[-1]])[0]
        assert job
        assert (job.id, job.owner) == expected
        self.waiting.remove(expected)
        self.running = expected
        self.turns.append(expected[1])

    @precondition(lambda self: self.running is not None)
    @rule(how=st.sampled_from(["succeed", "release"]))
    def end(self, how: str) -> None:
        assert self.running
        if how == "succeed":
            self.table.succeed(self.running[0], {})
        else:
            self.table.release("quick")
            self.interrupted.append(self.running[0])
            self.waiting.append(self.running)
        self.running = None


Turns.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
test_turns = Turns.TestCase


def test_one_key_cannot_fill_the_queue(tmp_path):
    table = Table(tmp_path, most_queued=100, keep_days=1, shared=True)
    table.open()
    for _ in range(75):
        added(table, owner="ann")
    with pytest.raises(Overloaded, match="75 jobs of this key are waiting, which is its share") as refused:
        added(table, owner="ann")
    assert refused.value.retry_after == 30
    owners = [f"key {i}" for i in range(20)]
    for owner in owners:
        added(table, owner=owner)
    taken = []
    for _ in range(21):
        job = table.take("quick")
        assert job
        taken.append(job.owner)
        table.succeed(job.id, {})
    assert taken == ["ann", *owners]  # each had a turn before anybody had two
