"""Answers about jobs on the wire. Both transports share them."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class JobError(BaseModel):
    code: str = Field(description="For programs.")
    message: str = Field(description="For people.")


class Job(BaseModel):
    """Long work, which outlives the server."""

    id: str = Field(description="Ask for it by this.")
    object: Literal["job"] = Field("job", description="What it is.")
    kind: str = Field(description="What is done.", examples=["train"])
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"] = Field(description="How it stands.")
    progress: float = Field(description="From 0 to 1.")
    stage: str = Field(description="What is being done, in words.")
    eta_seconds: float | None = Field(description="Until it is done, guessed.")
    created: str = Field(description="ISO 8601.")
    started: str | None = Field(description="Null before it has begun.")
    ended: str | None = Field(description="Null before it has ended.")
    result: dict[str, Any] | None = Field(description="What came of it, once it has succeeded.")
    error: JobError | None = Field(description="Why it failed.")


class JobList(BaseModel):
    object: Literal["list"] = Field("list", description="What it is.")
    data: list[Job] = Field(description="The newest first.")
    next_cursor: str | None = Field(None, description="Ask again with it for what follows; null: that is all.")
