"""A limit on the memory of request bodies, for each, for all and for each caller, over both transports.

A body of more than `ONCE` bytes counts several times beyond them, since it is copied while it is read and parsed: twice
over HTTP, three times over gRPC.
"""

import ctypes
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import Overloaded, TooLarge
from service.settings import Settings

ONCE = 2**20  # bytes
BLOCK = 2**22  # bytes of a block of memory that goes back to the system as soon as it is released
SHARED = 0.75  # of the total; the rest is for callers that hold less than a half of it

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


@dataclass
class Reservation:
    """The bytes of one body that have arrived, and the memory that is reserved for them."""

    budget: "BodyBudget"
    caller: str | None
    copies: int = 2
    size: int = 0
    held: int = 0

    def add(self, size: int) -> None:
        """Reserve memory for `size` bytes more. Raises Overloaded if other requests use it."""
        more = self._memory(self.size + size) - self.held
        self.budget.take(self, more)
        self.size += size

    def release(self, size: int) -> None:
        """Release the memory of `size` bytes, or of all that there are."""
        self.size -= min(size, self.size)
        self.budget.give_back(self, self.held - self._memory(self.size))

    def _memory(self, size: int) -> int:
        return size + (self.copies - 1) * max(0, size - ONCE)


class BodyBudget:
    """The bytes of all requests that are being answered."""

    def __init__(self, settings: Settings) -> None:
        self._limit, self._total_limit = settings.max_body_bytes, settings.max_bodies_bytes
        self._held = 0
        self._by_caller: Counter[str | None] = Counter()

    def check(self, size: int, what: str = "body") -> None:
        """Raise TooLarge for one of more than the limit."""
        if size > self._limit:
            raise TooLarge(
                f"the {what} has {size:,} bytes, the limit is {self._limit:,}; send fewer items at once",
                code="body_too_large",
            )

    @contextmanager
    def arriving(self, caller: str | None, copies: int = 2) -> Iterator[Reservation]:
        """A reservation that grows as bytes arrive, of which `copies` are made."""
        reservation = Reservation(self, caller, copies)
        try:
            yield reservation
        finally:
            self.give_back(reservation, reservation.held)

    @contextmanager
    def hold(self, size: int, what: str = "body", caller: str | None = None, copies: int = 2) -> Iterator[None]:
        """Reserve `size` bytes, which have arrived. Raises TooLarge, or Overloaded if other requests use them."""
        self.check(size, what)
        with self.arriving(caller, copies) as reservation:
            reservation.add(size)
            yield

    def take(self, reservation: Reservation, size: int) -> None:
        """Add `size` bytes of memory to a reservation. Raises Overloaded."""
        others = self._held - reservation.held
        total, own = self._held + size, self._by_caller[reservation.caller] + size
        crowded = total > SHARED * self._total_limit and own > self._total_limit / 2
        if others and (total > self._total_limit or (crowded and own > reservation.held + size)):
            raise Overloaded("too many large requests at once; send this one again later", retry_after=2)
        self._held += size
        self._by_caller[reservation.caller] += size
        reservation.held += size

    def give_back(self, reservation: Reservation, size: int) -> None:
        """Take `size` bytes of memory from a reservation."""
        self._held -= size
        self._by_caller[reservation.caller] -= size
        reservation.held -= size
        if not self._by_caller[reservation.caller]:
            del self._by_caller[reservation.caller]


def return_memory() -> None:
    """Give the memory of large blocks back to the system once they are released.

    By default, glibc keeps blocks of up to 32 MB after the first one of that size, and what is left between them. Other
    libraries return them by themselves.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, BLOCK)
        mallopt(_M_TRIM_THRESHOLD, 16 * BLOCK)
