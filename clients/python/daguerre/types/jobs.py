"""A job on the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daguerre.types.common import Content, whole_record


@dataclass(frozen=True, kw_only=True)
class Job:
    """Long work on the server.

    Attributes
    ----------
    state : queued, running, succeeded, failed or cancelled.
    result, error : what came of it; the error has `code` and `message`.
    name : of the classifier that is trained.
    n : number of items or videos, where it is known.
    """

    id: str
    kind: str
    state: str
    progress: float
    stage: str
    eta_seconds: float | None
    created: str
    started: str | None
    ended: str | None
    result: Mapping[str, Any] | None
    error: Mapping[str, str] | None
    name: str | None = None
    n: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    @classmethod
    def read(cls, content: Content, request_id: str | None = None) -> "Job":
        return whole_record(cls, {"name": None, "n": None, **content})
