"""Equal pictures of a corpus: each content is asked about once, in this run and in those before."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from daguerre.corpus.plan import HashedPayload
from daguerre.types.analyses import AnalysesAnswer
from daguerre.types.common import NO_MODEL, Content, Failure, Payload

Ask = Callable[[Sequence[Payload]], Awaitable[AnalysesAnswer]]
Result = Content | Failure


class AskedOnce:
    """Asks about each content once; equal pictures get the same entry, also those that are asked about at once.

    Parameters
    ----------
    ask : asks the server about pictures.
    known : entries of earlier runs as JSON, by the SHA-256 of the content; read with the first question.
    receipts : of the analysers, for answers that need no question.

    Attributes
    ----------
    equal : number of pictures that were not asked about, since an equal one was.
    """

    def __init__(self, ask: Ask, known: Callable[[], dict[str, str]], receipts: Mapping[str, Content]) -> None:
        self._ask = ask
        self._read_known = known
        self._known: dict[str, str] | None = None
        self._under_way: dict[str, asyncio.Future[Result | None]] = {}
        self._receipts = receipts
        self._reading = asyncio.Lock()
        self.equal = 0

    async def __call__(self, items: Sequence[Payload]) -> AnalysesAnswer:
        """The answer about pictures, (n,) entries. Raises what `ask` raises."""
        async with self._reading:
            if self._known is None:
                self._known = await asyncio.to_thread(self._read_known)
        keys = [
            item.sha256 if isinstance(item, HashedPayload) and item.sha256 else f"#{i}" for i, item in enumerate(items)
        ]
        results: dict[str, Result] = {}
        answer: AnalysesAnswer | None = None
        asked = 0
        while left := [key for key in dict.fromkeys(keys) if key not in results]:
            results |= {key: json.loads(self._known[key]) for key in left if key in self._known}
            new = [key for key in left if key not in results and key not in self._under_way]
            if new:
                asked += len(new)
                answer = await self._asked(new, [items[keys.index(key)] for key in new], results)
            for key in left:
                waited = None if key in results else self._under_way.get(key)
                result = None if waited is None else await asyncio.shield(waited)
                if result is not None:  # otherwise that request has failed
                    results[key] = result
        self.equal += len(items) - asked
        every = [results[key] for key in keys]
        empty = AnalysesAnswer(
            entries=[], receipts=self._receipts, receipt=NO_MODEL, failures={}, truncated=[], request_id=None
        )
        return replace(
            answer or empty,
            entries=[None if isinstance(each, Failure) else each for each in every],
            failures={i: each for i, each in enumerate(every) if isinstance(each, Failure)},
            first_of_many=[],
        )

    async def _asked(self, keys: Sequence[str], items: Sequence[Payload], results: dict[str, Result]) -> AnalysesAnswer:
        """Ask about contents, of which others wait for the result meanwhile."""
        assert self._known is not None
        loop = asyncio.get_running_loop()
        waited: dict[str, asyncio.Future[Result | None]] = {key: loop.create_future() for key in keys}
        self._under_way |= {key: future for key, future in waited.items() if not key.startswith("#")}
        try:
            answer = await self._ask(items)
            for i, key in enumerate(keys):
                entry = answer.entries[i]
                results[key] = answer.failures[i] if entry is None else entry
                if entry is not None and not key.startswith("#"):
                    self._known[key] = json.dumps(entry)
                waited[key].set_result(results[key])
            return answer
        finally:
            for key, future in waited.items():
                self._under_way.pop(key, None)
                if not future.done():
                    future.set_result(None)
