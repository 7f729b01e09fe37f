"""The protocol of an item that is not read yet."""

from typing import Protocol

from daguerre.types.common import Payload


class Unreadable(Exception):
    """An item that never leaves this machine."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Source(Protocol):
    """One item, not read yet."""

    @property
    def id(self) -> str: ...

    @property
    def size_hint(self) -> int | None:
        """Bytes that it will take on the wire; None where that is not known before it is read."""

    def read(self) -> Payload:
        """The item. Called once, in a thread. Raises Unreadable."""
