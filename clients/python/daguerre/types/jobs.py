"""A job on the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Job:
    """Long work on the server.

    Attributes
    ----------
    state : queued, running, succeeded, failed or cancelled.
    result, error : what came of it; the error has `code` and `message`.
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

    @property
    def has_ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")


def job(said: Mapping[str, Any]) -> Job:
    """A job from its fields. Raises KeyError where one is missing."""
    return Job(**{name: said[name] for name in Job.__dataclass_fields__})
