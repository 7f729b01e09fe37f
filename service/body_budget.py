"""A limit on the memory of request bodies, for each, for all and for each caller, over both transports."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import Overloaded, TooLarge
from service.settings import Settings

SHARED = 0.75  # of the total; the rest is for callers that hold less than a half of it


@dataclass
class Reservation:
    """The bytes of one body that have arrived."""

    budget: "BodyBudget"
    caller: str | None
    held: int = 0

    def add(self, size: int) -> None:
        """Reserve `size` bytes more. Raises Overloaded if other requests use them."""
        self.budget.take(self, size)


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
    def arriving(self, caller: str | None) -> Iterator[Reservation]:
        """A reservation that grows as bytes arrive."""
        reservation = Reservation(self, caller)
        try:
            yield reservation
        finally:
            self._held -= reservation.held
            self._by_caller[caller] -= reservation.held
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    @contextmanager
    def hold(self, size: int, what: str = "body", caller: str | None = None) -> Iterator[None]:
        """Reserve `size` bytes, which have arrived. Raises TooLarge, or Overloaded if other requests use them."""
        self.check(size, what)
        with self.arriving(caller) as reservation:
            reservation.add(size)
            yield

    def take(self, reservation: Reservation, size: int) -> None:
        """Add `size` bytes to a reservation. Raises Overloaded."""
        others = self._held - reservation.held
        total, own = self._held + size, self._by_caller[reservation.caller] + size
        crowded = total > SHARED * self._total_limit and own > self._total_limit / 2
        if others and (total > self._total_limit or (crowded and own > reservation.held + size)):
            raise Overloaded("too many large requests at once; send this one again later", retry_after=2)
        self._held += size
        self._by_caller[reservation.caller] += size
        reservation.held += size
