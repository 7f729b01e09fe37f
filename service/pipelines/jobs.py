"""Jobs, for the wire."""

from datetime import UTC, datetime

from service import schema_jobs as schema
from service.jobs import Job


def said(found: Job) -> schema.Job:
    """A job, as it is now."""
    return schema.Job(
        id=found.id,
        kind=found.kind,
        state=found.state,
        progress=found.progress,
        stage=found.stage,
        eta_seconds=found.eta_seconds,
        created=_time(found.created) or "",
        started=_time(found.started),
        ended=_time(found.ended),
        result=None if found.result is None else dict(found.result),
        error=None
        if found.error_code is None
        else schema.JobError(code=found.error_code, message=found.error_message or ""),
    )


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
