"""Stopping of long computations from outside, and pauses of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]  # called between the steps of a computation, which ends by what it raises


def unchecked() -> None:
    """The check of a computation that nobody stops."""


_check: ContextVar[Check] = ContextVar("check", default=unchecked)


@contextmanager
def checked_by(check: Check) -> Iterator[None]:
    """Let `check` be called by `checkpoint` in this thread."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def checkpoint() -> None:
    """Call the check of the computation that runs in this thread, if any; for steps deep in a parser."""
    _check.get()()
