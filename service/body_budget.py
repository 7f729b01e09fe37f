"""A limit on the memory of request bodies, for each and for all, over both transports."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Overloaded, TooLarge
from service.settings import Settings


class BodyBudget:
    """The bytes of all requests that are being answered."""

    def __init__(self, settings: Settings) -> None:
        self._limit, self._total_limit = settings.max_body_bytes, settings.max_bodies_bytes
        self._held = 0

    @contextmanager
    def hold(self, size: int, what: str = "body") -> Iterator[None]:
        """Reserve `size` bytes. Raises TooLarge, or Overloaded if other requests use them."""
        if size > self._limit:
            raise TooLarge(
                f"the {what} has {size:,} bytes, the limit is {self._limit:,}; send fewer items at once",
                code="body_too_large",
            )
        if self._held and self._held + size > self._total_limit:
            raise Overloaded("too many large requests at once; send this one again later", retry_after=2)
        self._held += size
        try:
            yield
        finally:
            self._held -= size
