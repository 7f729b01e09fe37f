"""Real workers, killed and cancelled; real entry processes, killed and started again."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

from service.jobs import Job, Jobs, supervisor
from service.jobs.supervisor import CAPS, Supervisor
from service.settings import Settings
from tests.service.jobs.pretended_kinds import KINDS, WHERE

ROOT = Path(__file__).parents[3]
T = TypeVar("T")
SOON = 20.0  # seconds; what is waited for takes about one
ENTRY = """
import asyncio, sys
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from service.jobs import Jobs
from service.jobs.supervisor import Supervisor
from service.settings import Settings

async def serve():
    settings = Settings(home=Path(sys.argv[1]))
    jobs = Jobs(settings)
    jobs.table.open()
    await Supervisor(settings, jobs.table, kinds=sys.argv[2]).start()
    await asyncio.Event().wait()

asyncio.run(serve())
"""


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path, job_threads=3)


@pytest.fixture
def jobs(settings) -> Jobs:
    made = Jobs(settings, kinds=KINDS)
    made.table.open()
    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(supervisor, "AGAIN", 0.1)
    monkeypatch.setattr(supervisor, "LOOK", 0.05)
    monkeypatch.setattr(supervisor, "GRACE", 1.0)


def supervised(settings: Settings, jobs: Jobs, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives under a supervisor in this process, which is then stopped."""

    async def all_of_it() -> T:
        keeper = Supervisor(settings, jobs.table, kinds=WHERE)
        await keeper.start()
        try:
            return await asyncio.wait_for(work(), 2 * SOON)
        finally:
            await keeper.stop()

    return asyncio.run(all_of_it())


@contextmanager
def entry(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing but supervise."""
    command = [sys.executable, "-c", ENTRY, str(home), WHERE]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def begin(jobs: Jobs, kind: str, **params: object) -> str:
    return asyncio.run(jobs.submit(kind, params, owner=None)).id


def now(jobs: Jobs, id: str) -> Job:
    return asyncio.run(jobs.get(id, owner=None))


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def until_ended(jobs: Jobs, id: str) -> Job:
    until(lambda: now(jobs, id).has_ended)
    return now(jobs, id)


def worker_of(jobs: Jobs, id: str, *, but: int = 0) -> int:
    """The process in which the job says it runs; its stage is read once a round, for it changes as it is looked at."""
    said: list[int] = []

    def tells() -> bool:
        stage = now(jobs, id).stage
        said[:] = [int(stage[4:])] if stage.startswith("pid ") else []
        return bool(said) and said[0] != but

    until(tells)
    return said[0]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def in_turn(settings: Settings, jobs: Jobs, *submissions: tuple[str, dict[str, object]]) -> list[Job]:
    """Jobs as they are at their end."""

    async def work() -> list[Job]:
        begun = [await jobs.submit(kind, params, owner=None) for kind, params in submissions]
        return [await jobs.ended(job.id, owner=None) for job in begun]

    return supervised(settings, jobs, work)


def test_a_worker_is_niced_has_its_threads_and_gets_what_was_sent(settings, jobs):
    def fill(folder: Path) -> None:
        (folder / "request.json").write_text("{}")

    async def work() -> Job:
        job = await jobs.submit("surroundings", {"n": 1}, owner="ann", fill=fill)
        return await jobs.ended(job.id, owner="ann")

    job = supervised(settings, jobs, work)
    assert (job.state, job.stage, job.progress, job.eta_seconds) == ("succeeded", "done", 1, None)
    assert job.result is not None
    said = dict(job.result)
    assert said.pop("pid") != os.getpid()
    assert said == {
        "nice": min(os.nice(0) + 10, 19),
        "threads": 3,
        "caps": dict.fromkeys(CAPS[:3], "3"),
        "files": {"request.json": "{}"},
        "params": {"n": 1},
        "home": str(settings.home),
        "owner": "ann",
    }


def test_jobs_of_a_lane_run_in_one_process_one_after_the_other(settings, jobs):
    done = in_turn(settings, jobs, *[("patient", {"seconds": 0.1})] * 3, ("patient_long", {"seconds": 0.1}))
    assert {job.state for job in done} == {"succeeded"}
    *quick, long = done
    assert len({job.result and job.result["pid"] for job in quick}) == 1
    assert long.result != quick[0].result
    assert all(a.ended <= b.started for a, b in pairwise(quick) if a.ended and b.started)


def test_a_job_that_fails_says_what_the_sender_may_know_and_the_next_one_runs(settings, jobs, capfd):
    raising, refusing, odd, nowhere, after = in_turn(
        settings,
        jobs,
        *[(kind, {}) for kind in ("raising", "refusing", "odd_result", "nowhere")],
        ("patient", {"seconds": 0}),
    )
    for job in (raising, odd, nowhere):
        assert (job.state, job.error_code) == ("failed", "internal")
        assert job.error_message == f"internal error; the server's log has details under {job.id}"
    assert (refusing.error_code, refusing.error_message) == (
        "one_class",
        "targets: all are 'protest'; send two classes or more",
    )
    assert after.state == "succeeded"
    log = capfd.readouterr().err
    assert "ValueError: cannot read /home/somebody/secret" in log
    assert f"{raising.id}: raising failed" in log


def test_results_may_be_files_which_stay_where_all_else_goes(settings, jobs):
    (job,) = in_turn(settings, jobs, ("writing", {}))
    result, folder = asyncio.run(jobs.result(job.id, owner=None))
    assert result == {"file": "labels.json"}
    assert (folder / result["file"]).read_text() == "[0, 1, -1]"
    until(lambda: list(jobs.table.folder(job.id).iterdir()) == [folder])  # the table knows first, then the disk


def test_a_job_without_files_leaves_no_folder(settings, jobs):
    (job,) = in_turn(settings, jobs, ("patient", {"seconds": 0}))
    assert job.state == "succeeded"
    until(lambda: not jobs.table.folder(job.id).exists())


def test_a_job_whose_worker_dies_is_begun_again_once_from_nothing(settings, jobs):
    once, twice, resumed = in_turn(
        settings, jobs, ("dying", {"deaths": 1}), ("dying", {"deaths": 2}), ("dying_resumable", {"deaths": 1})
    )
    assert (once.state, once.result) == ("succeeded", {"lives": 2, "results": ["life 2"]})
    assert (twice.state, twice.error_code) == ("failed", "worker_died")
    assert twice.error_message
    assert "ended 2 times in the middle (at 'half way')" in twice.error_message
    until(lambda: not jobs.table.folder(twice.id).exists())
    assert resumed.result == {"lives": 2, "results": ["life 1", "life 2"]}


def test_a_job_that_goes_on_where_it_was_outlives_many_deaths(settings, jobs):
    further, stuck = in_turn(settings, jobs, ("advancing", {}), ("dying_resumable", {"deaths": 9}))
    assert (further.state, further.result) == ("succeeded", {"steps": 4})
    assert (stuck.state, stuck.error_code) == ("failed", "worker_died")


def test_kill_9_of_a_worker_in_the_middle(settings, jobs):
    async def work() -> tuple[int, Job]:
        job = await jobs.submit("patient", {"seconds": 1}, owner=None)
        pid = await asyncio.to_thread(worker_of, jobs, job.id)
        os.kill(pid, signal.SIGKILL)
        return pid, await jobs.ended(job.id, owner=None)

    pid, job = supervised(settings, jobs, work)
    assert job.state == "succeeded"
    assert job.result
    assert job.result["pid"] != pid


def cancelled_in_the_middle(settings: Settings, jobs: Jobs, kind: str) -> tuple[float, bool, Job]:
    """Seconds until it had stopped, whether its worker lives on, and what became of the job behind it."""

    async def work() -> tuple[float, bool, Job]:
        job = await jobs.submit(kind, {"seconds": 60, "lives": 9}, owner=None)
        behind = await jobs.submit("patient", {"seconds": 0}, owner=None)
        pid = await asyncio.to_thread(worker_of, jobs, job.id)
        begun = time.monotonic()
        for _ in range(2):
            assert (await jobs.cancel(job.id, owner=None)).state == "running"
        assert (await jobs.ended(job.id, owner=None)).state == "cancelled"
        took = time.monotonic() - begun
        await asyncio.to_thread(until, lambda: not jobs.table.folder(job.id).exists())
        return took, lives(pid), await jobs.ended(behind.id, owner=None)

    return supervised(settings, jobs, work)


def test_a_running_job_that_reports_is_stopped_by_that_and_its_worker_lives_on(settings, jobs, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 60)
    _, alive, behind = cancelled_in_the_middle(settings, jobs, "patient")
    assert alive
    assert behind.state == "succeeded"


@pytest.mark.parametrize("kind", ["busy", "deaf"])
def test_a_running_job_that_never_looks_up_is_stopped_with_its_worker(settings, jobs, kind):
    took, alive, behind = cancelled_in_the_middle(settings, jobs, kind)
    assert took >= 1.0  # the grace it had
    assert not alive
    assert behind.state == "succeeded"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["patient", "deaf"])
def test_stops_of_the_service_are_no_deaths_of_a_job(settings, jobs, kind):
    """Two in the middle, were each a death, would be one too many."""
    id = begin(jobs, kind, seconds=1, lives=2)

    async def in_the_middle() -> int:
        return await asyncio.to_thread(worker_of, jobs, id, but=before)

    before = 0
    for _ in range(2):
        before = supervised(settings, jobs, in_the_middle)
        assert not lives(before)
        assert now(jobs, id).state == "queued"

    async def finished() -> Job:
        return await jobs.ended(id, owner=None)

    assert supervised(settings, jobs, finished).state == "succeeded"


def test_kill_9_of_the_service_in_the_middle_and_jobs_go_on_at_the_next_start(settings, jobs):
    """The deaf one shows that the worker goes with the service whatever it does: none of its threads can look."""
    first = begin(jobs, "deaf", lives=1)
    rest = [begin(jobs, "patient", seconds=0) for _ in range(99)]
    with entry(settings.home) as process:
        pid = worker_of(jobs, first)
        process.kill()
    until(lambda: not lives(pid))
    assert now(jobs, first).state == "running"  # nobody is there to say otherwise
    with entry(settings.home):
        assert until_ended(jobs, first).result == {"lives": 2}
        assert {until_ended(jobs, id).state for id in rest} == {"succeeded"}


def test_one_of_two_entry_processes_supervises_and_the_other_takes_over(settings, jobs):
    id = begin(jobs, "patient", seconds=1.5)
    with ExitStack() as stack:
        entries = {process.pid: process for process in (stack.enter_context(entry(settings.home)) for _ in range(2))}
        first = worker_of(jobs, id)
        killed = entries.pop(parent(first))
        workers = [pid for pid in children(*entries, killed.pid) if lives(pid)]
        assert workers == [first]
        killed.kill()
        (other,) = entries
        second = worker_of(jobs, id, but=first)
        assert parent(second) == other
        assert not lives(first)
        assert until_ended(jobs, id).result == {"pid": second}


def children(*pids: int) -> list[int]:
    return [
        int(child)
        for pid in pids
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def test_a_supervisor_beside_another_starts_no_worker_until_that_has_gone(settings, jobs):
    id = begin(jobs, "patient", seconds=0)
    before = children(os.getpid())

    other = FileLock(settings.home / "jobs" / ".supervisor.lock")
    other.acquire()

    async def work() -> Job:
        await asyncio.sleep(0.5)
        assert children(os.getpid()) == before
        assert (await jobs.get(id, owner=None)).state == "queued"
        other.release()
        return await jobs.ended(id, owner=None)

    assert supervised(settings, jobs, work).state == "succeeded"


def test_a_supervisor_starts_no_worker_where_there_is_nothing_to_do(settings, jobs):
    async def work() -> list[int]:
        await asyncio.sleep(0.5)
        return children(os.getpid())

    before = children(os.getpid())
    assert supervised(settings, jobs, work) == before


def test_a_supervisor_tidies_without_any_job(settings, jobs):
    left = jobs.table.folder(begin(jobs, "patient"))
    asyncio.run(jobs.cancel(left.name, owner=None))
    left.mkdir()

    async def work() -> None:
        await asyncio.to_thread(until, lambda: not left.exists())

    supervised(settings, jobs, work)


def test_a_supervisor_goes_on_after_an_error(settings, jobs, monkeypatch, caplog):
    busy_lanes = jobs.table.busy_lanes
    errors = iter([OSError("disk full")])

    def sometimes() -> set[str]:
        for error in errors:
            raise error
        return busy_lanes()

    monkeypatch.setattr(jobs.table, "busy_lanes", sometimes)
    with caplog.at_level(logging.ERROR, "daguerre.jobs"):
        (job,) = in_turn(settings, jobs, ("patient", {"seconds": 0}))
    assert job.state == "succeeded"
    assert "trying again" in caplog.text
