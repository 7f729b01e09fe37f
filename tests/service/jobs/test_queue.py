"""What pipelines see of jobs: submitting, looking, cancelling, waiting. No worker runs here."""

import asyncio
from pathlib import Path

import pytest

from service.errors import BadRequest, Conflict, NotFound, Overloaded
from service.jobs import Jobs
from service.jobs.folders import RESULTS
from service.settings import Settings
from tests.service.jobs.pretended_kinds import KINDS


@pytest.fixture
def jobs(tmp_path) -> Jobs:
    made = Jobs(Settings(home=tmp_path, max_jobs=100), kinds=KINDS)
    made.table.open()
    return made


def submitted(jobs: Jobs, n: int = 1, *, owner: str | None = None) -> list[str]:
    async def work() -> list[str]:
        return [(await jobs.submit("patient", {"seconds": 1}, owner=owner)).id for _ in range(n)]

    return asyncio.run(work())


def folders(jobs: Jobs) -> list[Path]:
    return list(jobs.table.folders.glob("job_*"))


def test_a_submitted_job_waits_with_its_files_which_nobody_else_may_read(jobs):
    def fill(folder: Path) -> None:
        (folder / "photo.jpg").write_text("a face")

    job = asyncio.run(jobs.submit("patient", {"seconds": 1}, owner="ann", fill=fill))
    assert (job.state, job.progress, job.kind, job.params, job.owner) == ("queued", 0, "patient", {"seconds": 1}, "ann")
    folder = jobs.table.folder(job.id)
    assert (folder / "photo.jpg").read_text() == "a face"
    assert folder.stat().st_mode & 0o077 == 0


def test_100_jobs_wait_and_the_next_is_refused_without_a_trace(jobs):
    ids = submitted(jobs, 100)
    with pytest.raises(Overloaded, match="100 jobs are waiting") as refused:
        submitted(jobs)
    assert refused.value.retry_after
    assert {folder.name for folder in folders(jobs)} == set(ids)


def test_a_job_whose_files_cannot_be_written_is_none(jobs):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        asyncio.run(jobs.submit("patient", {}, owner=None, fill=fill))
    assert folders(jobs) == []
    assert asyncio.run(jobs.list(owner=None)) == ([], None)


def test_a_job_is_nobody_elses(jobs):
    (anns,), (everyones,) = submitted(jobs, owner="ann"), submitted(jobs)

    async def work() -> None:
        for stranger in ("bob", None):
            for call in (jobs.get, jobs.cancel, jobs.result, jobs.ended, jobs.delete):
                with pytest.raises(NotFound, match="there is no") as refused:
                    await call(anns, owner=stranger)
                assert refused.value.code == "unknown_job"
            found, _ = await jobs.list(owner=stranger)
            assert [job.id for job in found] == [everyones]
        assert (await jobs.get(anns, owner="ann")).state == "queued"  # no stranger has cancelled it
        found, _ = await jobs.list(owner="ann")
        assert [job.id for job in found] == [everyones, anns]

    asyncio.run(work())


def test_pages_hold_each_job_once_newest_first(jobs):
    ids = submitted(jobs, 7)

    async def work() -> list[list[str]]:
        pages, cursor = [], None
        while True:
            found, cursor = await jobs.list(owner=None, limit=3, cursor=cursor)
            pages.append([job.id for job in found])
            if cursor is None:
                return pages
            await jobs.submit("patient", {}, owner=None)  # what is new does not move the pages that follow

    assert asyncio.run(work()) == [ids[:3:-1], ids[3:0:-1], ids[:1]]


def test_a_last_page_that_is_full_has_no_cursor(jobs):
    submitted(jobs, 3)
    found, cursor = asyncio.run(jobs.list(owner=None, limit=3))
    assert (len(found), cursor) == (3, None)


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1.5", "1 OR 1", "²", "9" * 19])
def test_a_cursor_that_is_none_is_refused(jobs, cursor):
    with pytest.raises(BadRequest, match="use next_cursor of the previous page"):
        asyncio.run(jobs.list(owner=None, cursor=cursor))


def test_there_is_no_result_before_the_end_nor_after_a_failure(jobs):
    (id,) = submitted(jobs)
    with pytest.raises(Conflict, match=f"{id} is queued and has no result; ask again once") as refused:
        asyncio.run(jobs.result(id, owner=None))
    assert (refused.value.status, refused.value.code) == (409, "no_result")
    jobs.table.take("quick")
    jobs.table.fail(id, "one_class", "targets: all are alike")
    with pytest.raises(Conflict, match=r"is failed and has no result \(one_class: targets: all are alike\)$"):
        asyncio.run(jobs.result(id, owner=None))


def test_a_job_may_be_cancelled_twice(jobs):
    (id,) = submitted(jobs)
    states = [asyncio.run(jobs.cancel(id, owner=None)).state for _ in range(2)]
    assert states == ["cancelled", "cancelled"]
    with pytest.raises(Conflict, match=r"is cancelled and has no result$"):
        asyncio.run(jobs.result(id, owner=None))


def test_a_job_is_deleted_by_its_owner_once_it_has_ended(jobs):
    (id,) = submitted(jobs, owner="ann")
    advice = f"{id} is queued, and only a job that has ended can be deleted; cancel it first"
    with pytest.raises(Conflict, match=advice) as refused:
        asyncio.run(jobs.delete(id, owner="ann"))
    assert (refused.value.status, refused.value.code) == (409, "job_not_ended")
    asyncio.run(jobs.cancel(id, owner="ann"))
    assert asyncio.run(jobs.delete(id, owner="ann")).state == "cancelled"
    for call in (jobs.get, jobs.delete):
        with pytest.raises(NotFound, match="there is no") as unknown:
            asyncio.run(call(id, owner="ann"))
        assert unknown.value.code == "unknown_job"


def test_a_result_that_is_deleted_while_it_is_read_is_whole_or_not_found(jobs, monkeypatch):
    (id,) = submitted(jobs)
    results = jobs.table.folder(id) / RESULTS
    results.mkdir(parents=True)
    (results / "answer.json").write_bytes(b"all of it")
    jobs.table.take("quick")
    jobs.table.succeed(id, {"n": 1})
    assert asyncio.run(jobs.read(id, "answer.json", owner=None)) == ({"n": 1}, b"all of it")
    assert asyncio.run(jobs.read(id, "another.json", owner=None)) == ({"n": 1}, None)
    result = jobs.result

    async def then_deleted(id: str, *, owner: str | None) -> object:
        found = await result(id, owner=owner)
        await jobs.delete(id, owner=owner)
        return found

    monkeypatch.setattr(jobs, "result", then_deleted)
    with (results / "answer.json").open("rb") as opened:
        with pytest.raises(NotFound, match="there is no"):
            asyncio.run(jobs.read(id, "answer.json", owner=None))
        assert opened.read() == b"all of it"


def test_a_job_that_nobody_waits_for_any_more_is_cancelled(jobs):
    (id,) = submitted(jobs)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(jobs.ended(id, owner=None), 0.2)

    asyncio.run(work())
    assert asyncio.run(jobs.get(id, owner=None)).state == "cancelled"
