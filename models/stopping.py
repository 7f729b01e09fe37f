"""Stopping of long computations from outside."""

from collections.abc import Callable

Check = Callable[[], None]  # called between the steps of a computation, which ends by what it raises


def unchecked() -> None:
    """The check of a computation that nobody stops."""
