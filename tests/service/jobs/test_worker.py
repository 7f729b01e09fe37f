"""The worker's process alone, without a supervisor."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from service.jobs.table import Table
from tests.service.jobs.pretended_kinds import WHERE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def table(tmp_path) -> Table:
    made = Table(tmp_path, most_queued=100, keep_days=1)
    made.open()
    return made


def command(table: Table, *, parent: int | None = None) -> list[str]:
    """A worker of the quick lane, which ends when it has found nothing to do."""
    given = ["--home", str(table.home), "--lane", "quick", "--threads", "1", "--keep-days", "1", "--idle", "0.2"]
    start = ["-m", "models.lifetime", str(os.getpid() if parent is None else parent), "service.jobs.worker"]
    return [sys.executable, *start, *given, "--kinds", WHERE]


def worked(table: Table, *, parent: int | None = None) -> str:
    """Its log."""
    done = subprocess.run(
        command(table, parent=parent), cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stderr


def added(table: Table, kind: str, params: dict[str, object]) -> str:
    return table.add(table.new_id(), kind, "quick", params, None).id


def test_a_worker_does_what_waits_and_ends_when_there_is_nothing_to_do(table):
    ids = [added(table, "patient", {"seconds": 0}) for _ in range(3)]
    log = worked(table)
    assert {job.state for job in map(table.get, ids) if job} == {"succeeded"}
    assert [log.count(f"{id}: patient ended") for id in ids] == [1, 1, 1]


def test_a_second_worker_of_a_lane_does_nothing(table):
    id = added(table, "patient", {"seconds": 0})
    with FileLock(table.folders / ".quick.lock"):
        assert "another process runs the quick jobs" in worked(table)
    job = table.get(id)
    assert job
    assert job.state == "queued"


def test_a_worker_whose_parent_has_gone_before_it_looked_does_nothing(table):
    id = added(table, "patient", {"seconds": 0})
    worked(table, parent=2**30)
    job = table.get(id)
    assert job
    assert job.state == "queued"


def test_a_job_left_running_is_adopted_before_any_other_is_begun(table):
    left, other = added(table, "patient", {"seconds": 0}), added(table, "patient", {"seconds": 0})
    table.take("quick")
    worked(table)
    first, second = table.get(left), table.get(other)
    assert first
    assert second
    assert (first.state, second.state) == ("succeeded", "succeeded")
    assert first.ended is not None
    assert second.started is not None
    assert first.ended <= second.started


def test_a_worker_that_is_asked_to_end_puts_its_job_back(table):
    id = added(table, "busy", {"seconds": 60})
    with subprocess.Popen(command(table), cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not (job := table.get(id)) or not job.stage.startswith("pid "):
                assert time.monotonic() < deadline, "it does not begin"
                time.sleep(0.02)
            process.terminate()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    job = table.get(id)
    assert job
    assert (job.state, job.stage) == ("queued", "waiting")
