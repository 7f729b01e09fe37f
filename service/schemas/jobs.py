"""Answers about jobs, for HTTP and gRPC."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class JobError(BaseModel):
    """The error of a failed job."""

    code: str = Field(description="Error code for programs.")
    message: str = Field(description="Error message for people.")


class Job(BaseModel):
    """A long task, which continues after a restart of the server."""

    id: str = Field(description="Id of the job.")
    object: Literal["job"] = Field("job", description="Type of the object.")
    kind: str = Field(description="Kind of the job.", examples=["train"])
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"] = Field(description="State of the job.")
    progress: float = Field(description="Progress from 0 to 1.")
    stage: str = Field(description="Current step, in words.")
    eta_seconds: float | None = Field(description="Estimated remaining seconds; null if unknown.")
    created: str = Field(description="Time of submission, ISO 8601.")
    started: str | None = Field(description="Time of the start, ISO 8601; null before it.")
    ended: str | None = Field(description="Time of the end, ISO 8601; null before it.")
    result: dict[str, Any] | None = Field(description="Result of the job; null before it has succeeded.")
    error: JobError | None = Field(description="Reason of a failure; null otherwise.")
    name: str | None = Field(
        None, description="Name of the classifier that is trained, or of the study; null for other kinds of jobs."
    )
    n: int | None = Field(None, description="Number of items or videos; null where it is not known.")


class JobList(BaseModel):
    """One page of the list of jobs."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[Job] = Field(description="Jobs, the newest first.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")
