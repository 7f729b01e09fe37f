"""Memory for requests: each has a limit, and so have all of them together, over both transports."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Overloaded, TooLarge
from service.settings import Settings


class BodyBudget:
    """Counts the bytes of requests that are being answered."""

    def __init__(self, settings: Settings) -> None:
        self._each, self._together = settings.max_body_bytes, settings.max_bodies_bytes
        self._held = 0

    @contextmanager
    def hold(self, size: int, what: str = "body") -> Iterator[None]:
        """Keep room for `size` bytes. Raises TooLarge, or Overloaded where others have it."""
        if size > self._each:
            raise TooLarge(
                f"the {what} has {size:,} bytes, the limit is {self._each:,}; send fewer items at once",
                code="body_too_large",
            )
        if self._held and self._held + size > self._together:
            raise Overloaded("too many large requests at once; send this one again later", retry_after=2)
        self._held += size
        try:
            yield
        finally:
            self._held -= size
