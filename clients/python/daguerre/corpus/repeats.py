"""Equal bytes are embedded once: the result of the first is that of all others, in this run and in the corpus."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from daguerre.corpus.plan import HashedPayload
from daguerre.results.base import mark_words, marks_of
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.keys import NO_KEY, KeyTable, content_key
from daguerre.storage.parquet import Row
from daguerre.storage.row_reader import StoredRow
from daguerre.types.common import MARKS, Failure, Float, Payload, Receipt
from daguerre.types.embeddings import EmbedAnswer

Ask = Callable[[Sequence[Payload]], Awaitable[EmbedAnswer]]


@dataclass(frozen=True)
class Outcome:
    """The result of one content; `vector` is (d,), and None where it has failed."""

    vector: Float | None
    failure: Failure | None
    remark: str | None


class Repeats:
    """Asks about contents that are new, and takes the results of the others from memory or from the corpus.

    Parameters
    ----------
    store : the corpus; its files and journal have the results of all but the last contents.
    ask : a request to the server.
    receipt : of an answer for which nothing was asked.
    recent : number of results that stay in memory; at least those of the requests that are under way.
    retry_errors : whether contents that failed in an earlier run are tried again.

    Attributes
    ----------
    encoded : images that the server has embedded.
    copied : items whose vector is that of an earlier item with the same bytes.
    """

    def __init__(self, store: CorpusStore, ask: Ask, receipt: Receipt, *, recent: int, retry_errors: bool) -> None:
        self._store, self._ask, self._receipt = store, ask, receipt
        self._most, self._retry_errors = recent, retry_errors
        self._recent: OrderedDict[bytes, Outcome] = OrderedDict()
        self._written = KeyTable()  # contents, and the numbers of their rows in this run
        self._under_way: dict[bytes, asyncio.Future[Outcome | None]] = {}
        self._unreadable: set[bytes] = set()  # rows that could not be read again
        self.encoded = self.copied = 0

    def add(self, rows: Sequence[Row], first: int) -> None:
        """Note rows that were written, the first of them with the number `first`."""
        for number, row in enumerate(rows, first):
            key = content_key(row.sha256)
            if key != NO_KEY and self._written.get(key) is None:
                self._written.put(key, number)

    async def ask(self, items: Sequence[Payload]) -> EmbedAnswer:
        """The answer for some items, as the server would give it."""
        keys = [_key(item, i) for i, item in enumerate(items)]
        first = dict(zip(reversed(keys), reversed(items), strict=True))
        outcomes: dict[bytes, Outcome] = {}
        asked: set[bytes] = set()
        request_id: str | None = None
        while missing := [key for key in dict.fromkeys(keys) if key not in outcomes]:
            mine: list[bytes] = []
            others: list[bytes] = []
            stored: dict[bytes, Callable[[], StoredRow]] = {}
            for key in missing:
                if (recent := self._recent.get(key)) is not None:
                    self._recent.move_to_end(key)
                    outcomes[key] = recent
                elif key in self._under_way:
                    others.append(key)
                elif (read := self._stored(key)) is not None:
                    stored[key] = read
                else:
                    mine.append(key)
            if mine:
                asked |= set(mine)
                request_id = await self._send(mine, [first[key] for key in mine], outcomes) or request_id
            if stored:
                for key, found in zip(stored, await asyncio.to_thread(_read, stored), strict=True):
                    if found is None:
                        self._unreadable.add(key)
                    else:
                        self._keep(key, found)
                        outcomes[key] = found
            for key in others:
                if (waited := self._under_way.get(key)) is not None:
                    result = await asyncio.shield(waited)
                    if result is not None:
                        outcomes[key] = result
        answer = _answer([outcomes[key] for key in keys], self._receipt, request_id)
        good = [key for key in keys if outcomes[key].vector is not None]
        new = len(asked & set(good))
        self.encoded, self.copied = self.encoded + new, self.copied + len(good) - new
        return answer

    async def _send(
        self, keys: Sequence[bytes], items: Sequence[Payload], outcomes: dict[bytes, Outcome]
    ) -> str | None:
        """Ask the server; those who wait for these contents get the results, or None where that has failed."""
        loop = asyncio.get_running_loop()
        for key in keys:
            self._under_way[key] = loop.create_future()
        found: list[Outcome | None] = [None] * len(keys)
        try:
            answer = await self._ask(items)
            self._receipt = answer.receipt
            found = list(_outcomes(answer, len(items)))
            for key, each in zip(keys, found, strict=True):
                assert each is not None
                outcomes[key] = each
                self._keep(key, each)
            return answer.request_id
        finally:
            for key, each in zip(keys, found, strict=True):
                self._under_way.pop(key).set_result(each)

    def _keep(self, key: bytes, outcome: Outcome) -> None:
        if len(key) != len(NO_KEY):
            return
        self._recent[key] = outcome
        self._recent.move_to_end(key)
        while len(self._recent) > self._most:
            self._recent.popitem(last=False)

    def _stored(self, key: bytes) -> Callable[[], StoredRow] | None:
        """A function that reads the row of a content from the corpus; None where it has none."""
        if len(key) != len(NO_KEY) or key in self._unreadable:
            return None
        if (number := self._written.get(key)) is not None:
            return partial(self._store.read_new, number)
        place = self._store.known.of_content(key, failed=not self._retry_errors)
        return None if place is None else partial(self._store.read_known, place)


def _read(stored: Mapping[bytes, Callable[[], StoredRow]]) -> list[Outcome | None]:
    """The results of contents; None for one whose row is no longer where it was."""
    every: list[Outcome | None] = []
    for key, read in stored.items():
        try:
            found = read()
        except OSError:  # another shard has written the part again
            every.append(None)
        else:
            every.append(_of_row(found) if found.content == key else None)
    return every


def _key(item: Payload, i: int) -> bytes:
    """The key of an item's content; of an item without a hash, one that no other has."""
    key = content_key(item.sha256) if isinstance(item, HashedPayload) else NO_KEY
    return key if key != NO_KEY else b"item %d %d" % (i, id(item))


def _of_row(row: StoredRow) -> Outcome | None:
    if row.vector is not None:
        return Outcome(row.vector, None, row.remark)
    return None if row.error_code is None else Outcome(None, Failure(row.error_code, row.error_message or ""), None)


def _outcomes(answer: EmbedAnswer, n: int) -> Any:
    remarks = mark_words({name: getattr(answer, name) for name in MARKS}, n)
    for i in range(n):
        failure = answer.failures.get(i)
        yield Outcome(None if failure is not None else answer.vectors[i].copy(), failure, remarks[i])


def _answer(outcomes: Sequence[Outcome], receipt: Receipt, request_id: str | None) -> EmbedAnswer:
    width = next((len(each.vector) for each in outcomes if each.vector is not None), 0)
    vectors = np.full((len(outcomes), width), np.nan, np.float32)
    for i, each in enumerate(outcomes):
        if each.vector is not None:
            vectors[i] = each.vector
    return EmbedAnswer(
        vectors=vectors,
        tokens=0,
        receipt=receipt,
        failures={i: each.failure for i, each in enumerate(outcomes) if each.failure is not None},
        request_id=request_id,
        **marks_of(each.remark for each in outcomes),
    )
