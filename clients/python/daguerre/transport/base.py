"""The base of both transports: one call for all operations, and the reading of answers."""

import asyncio
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from daguerre.errors import DaguerreWarning, IncompatibleServerError
from daguerre.inputs.pieces import Sendable
from daguerre.transport.addresses import is_loopback
from daguerre.transport.operations import Operation
from daguerre.types.common import Content, Payload
from daguerre.types.embeddings import NamedBlock, StoredRows, VectorBlock
from daguerre.types.models import Ping

T = TypeVar("T")
PAGE = 1000  # entries of a list that are asked for at once
LARGE = 4 * 2**20  # bytes of an answer from which it is read in a thread
NO_FIELDS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Request:
    """A request as a transport sends it: see Transport.call."""

    operation: Operation[Any]
    fields: Mapping[str, Any]
    items: Sequence[Payload] | None
    vectors: Sequence[VectorBlock]


class Transport(ABC):
    """One server with one connection pool, or several servers. Sends each request once: dispatch/retry repeats it.

    Every method raises the tree of errors.py and nothing else. Items are sent with on_error="skip": an unusable one is
    in `failures`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered = False  # whether a server has, whatever it said
        self.patient = False  # whether the user has set how long it is tried
        self.served: Counter[str] = Counter()  # items that each of several servers did; empty with one server
        self.notify: Callable[[DaguerreWarning], object] = warnings.warn

    @property
    def width(self) -> int:
        """Number of servers."""
        return 1

    def nobody_note(self, refused: bool) -> str:
        """A hint to start a server of this machine where nobody listens; empty elsewhere, and where one was before."""
        if not refused or self.answered or not is_loopback(urlsplit(self.url).hostname):
            return ""
        return "nobody listens there: start the server with scripts/serve, or give another address: url=, DAGUERRE_URL"

    async def call(
        self,
        operation: Operation[T],
        fields: Content = NO_FIELDS,
        *,
        items: Sequence[Payload] | None = None,
        vectors: Sequence[VectorBlock] = (),
    ) -> T:
        """The answer to one request.

        Parameters
        ----------
        fields : of the request, and those that its path names; those of None are left out. Bytes are sent as such over
            gRPC, in base64 over HTTP.
        items : of the request; the answer has a result for each.
        """
        wanted = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in {**operation.fields, **fields}.items()
            if value is not None
        }
        wanted, vectors = with_reference(wanted, vectors)
        answer, request_id = await self._send_request(Request(operation, wanted, items, vectors))

        def read() -> T:
            with expect_answer(self.url):
                content = self._content(operation, answer)
                if items is not None and "data" in content and len(content["data"]) != len(items):
                    raise ValueError(f"{len(content['data'])} results for {len(items)} items")
                return operation.read(content, request_id)

        return await asyncio.to_thread(read) if len(answer) > LARGE else read()

    async def entries(self, operation: Operation[T]) -> list[T]:
        """All entries of a list, page by page."""
        page = operation.reading(
            lambda content, _: ([operation.read(each, None) for each in content["data"]], content["next_cursor"])
        )
        entries: list[T] = []
        cursor = None
        while True:
            more, cursor = await self.call(page, {"limit": PAGE, "cursor": cursor})
            entries += more
            if cursor is None:
                return entries

    @abstractmethod
    async def upload(self, source: Sendable, name: str) -> Content:
        """The file made of what is streamed."""

    @abstractmethod
    async def ping(self) -> Ping: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def _send_request(self, request: Request) -> tuple[bytes, str | None]:
        """The answer's bytes and the request's id. Raises DaguerreError for every other outcome."""

    @abstractmethod
    def _content(self, operation: Operation[Any], answer: bytes) -> Content:
        """The content of an answer. Raises ValueError for bytes of another form."""


def with_reference(
    fields: dict[str, Any], vectors: Sequence[VectorBlock]
) -> tuple[dict[str, Any], Sequence[VectorBlock]]:
    """The fields of a request and its vectors, where those of a collection are fields that name it and its items.

    Raises ValueError for other ids than those of the collection, and for vectors beside those of the collection.
    """
    stored = [block.rows for block in vectors if isinstance(block.rows, StoredRows)]
    if not stored or isinstance(vectors[0], NamedBlock):
        return fields, vectors
    if len(vectors) > 1:
        raise ValueError(
            "embeddings: those of a collection are of one modality and stand alone; give client.collection("
            f"{stored[0].collection!r}).embeddings(), which downloads them"
        )
    if fields.get("ids") not in (None, ids := list(stored[0].ids)):
        raise ValueError("ids: the items of a collection have their own; leave ids out")
    return {**fields, "collection": stored[0].collection, "ids": ids}, ()


@contextmanager
def expect_answer(url: str) -> Iterator[None]:
    """Raise IncompatibleServerError where an answer has another shape than this SDK expects."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        raise IncompatibleServerError(
            f"{url} answered with something else than this SDK expects ({type(exc).__name__}: {exc}); "
            "is it a Daguerre server of a version that belongs to this SDK?",
            code="not_daguerre",
        ) from exc
