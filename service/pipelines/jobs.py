"""Descriptions of jobs in answers, and waiting for their results."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.errors import DiskFull, ServiceError, Unprocessable
from service.jobs import Job, Jobs
from service.schemas import jobs as schema

_STATUS = {"worker_died": 503, "internal": 500, DiskFull.code: DiskFull.status}


async def wait_for_result(jobs: Jobs, begun: Job, *, owner: str | None) -> Mapping[str, Any]:
    """Wait for the result of the job `begun`. Raises the job's error."""
    ended = await jobs.ended(begun.id, owner=owner)
    if ended.state == "succeeded" and ended.result is not None:
        return ended.result
    if ended.state == "cancelled":
        raise Unprocessable(f"{begun.id} was cancelled", code="cancelled")
    failed = ServiceError(ended.error_message or "", code=ended.error_code)
    failed.status = _STATUS.get(ended.error_code or "", 422)
    raise failed


def job_record(found: Job) -> schema.Job:
    """Describe the current state of a job."""
    return schema.Job(
        id=found.id,
        kind=found.kind,
        state=found.state,
        progress=found.progress,
        stage=found.stage,
        eta_seconds=found.eta_seconds,
        created=time_of(found.created) or "",
        started=time_of(found.started),
        ended=time_of(found.ended),
        result=None if found.result is None else dict(found.result),
        error=None
        if found.error_code is None
        else schema.JobError(code=found.error_code, message=found.error_message or ""),
        name=found.params.get("name") or found.params.get("request", {}).get("name"),
        n=found.params.get("n"),
    )


def time_of(seconds: float | None) -> str | None:
    """Format seconds since 1970 as ISO 8601."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
