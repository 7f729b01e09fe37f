"""EmbedStream: any number of items in, vectors out in the same order, with a bounded number in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from daguerre_proto.v1.embeddings_pb2 import EmbedStreamRequest, EmbedStreamResponse
from service.api.grpc import messages
from service.api.grpc.calls import GONE, CallContext
from service.api.grpc.inputs import items_without_video
from service.body_budget import BodyBudget
from service.errors import CallerGone, ItemsFailed, Overloaded, Unavailable, Unprocessable
from service.inference.engine import Engine
from service.pipelines.embeddings import embed
from service.pipelines.encode import Encoded
from service.pipelines.items import Item
from service.schemas import items as schemas
from service.schemas.embeddings import EmbeddingsOptions

T = TypeVar("T")
MOST_FIELDS = 100_000  # of a message, which is parsed without a thread
WINDOW = 64  # items in progress before the next message is read, enough for two requests' decoding and batches
PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds until a full queue is tried again


class EmbedStream:
    """One call of EmbedStream."""

    def __init__(
        self,
        engine: Engine,
        budget: BodyBudget,
        in_time: Callable[[Awaitable[Encoded]], Awaitable[Encoded]],
        stopping: asyncio.Event,
    ) -> None:
        self._engine = engine
        self._budget = budget
        self._in_time = in_time
        self._stopping = stopping
        self._options: EmbeddingsOptions | None = None
        self._read = 0  # number of items
        self._answered = 0

    async def run(self, requests: AsyncIterator[bytes], context: CallContext) -> None:
        """Answer until the caller ends the stream or the service stops."""
        pending: deque[tuple[int, asyncio.Future[EmbedStreamResponse]]] = deque()
        reader: asyncio.Future[bytes | None] | None = None
        stop = asyncio.ensure_future(self._stopping.wait())
        ended = cut = False  # whether the stream has ended, and whether the server ended it
        try:
            while pending or not ended:
                if reader is None and not ended and sum(n for n, _ in pending) < WINDOW:
                    reader = asyncio.ensure_future(_next(requests))
                waited = {part for _, part in list(pending)[:1]} | ({reader} if reader else set())
                await asyncio.wait(waited if ended else {*waited, stop}, return_when=asyncio.FIRST_COMPLETED)
                while pending and pending[0][1].done():
                    count, part = pending.popleft()
                    await _send(context, part.result())
                    self._answered += count
                if reader and reader.done():
                    raw, reader = reader.result(), None
                    ended = raw is None
                    if raw is not None and (begun := self._begin(raw)):
                        pending.append(begun)
                elif stop.done() and not ended:
                    ended = cut = True
                    if reader:
                        reader.cancel()
                        reader = None
        finally:
            stop.cancel()
            if reader:
                reader.cancel()
            for _, part in pending:
                part.cancel()
        if cut:
            raise Unavailable(
                f"the service is stopping; {self._answered} items were answered: send the others in another call",
                retry_after=5,
            )

    def _begin(self, raw: bytes) -> "tuple[int, asyncio.Future[EmbedStreamResponse]] | None":
        """Start processing a message; None if it has only options."""
        request = messages.parse(EmbedStreamRequest, raw, max_items=self._engine.settings.max_items, most=MOST_FIELDS)
        alone = self._options is None
        if self._options is None:
            self._options = messages.embed_options(request.options)
            self._engine.model(self._options.model)
            if self._options.mode == "job":
                raise Unprocessable("as_job: is for videos, which a stream does not take; leave it out", param="as_job")
        elif request.HasField("options"):
            raise Unprocessable("options: only the first message of a stream has them; leave them out", param="options")
        for i, item in enumerate(request.items, self._read):
            if item.HasField("video"):
                raise Unprocessable(f"input[{i}]: a stream takes texts and images; send videos by Embed", param="input")
        items = items_without_video(request.items, schemas.Item)
        if not items and alone:
            return None
        first, self._read = self._read, self._read + len(items)
        return len(items), asyncio.ensure_future(self._part(items, first, len(raw), self._options))

    async def _part(self, items: list[Item], first: int, size: int, options: EmbeddingsOptions) -> EmbedStreamResponse:
        engine = self._engine
        model = engine.model(options.model)
        decode = options.decode or engine.settings.decode
        pause = PAUSE
        while True:
            try:
                with self._budget.hold(size, "message"):
                    encoded = await self._in_time(
                        embed(engine, model, items, dimensions=options.dimensions, decode=decode, on_error="skip")
                    )
                break
            except Overloaded:  # a stream is slowed down, not rejected
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        if encoded.failures and options.on_error == "fail":
            failures = [replace(f, index=first + i) for i, f in sorted(encoded.failures.items())]
            raise ItemsFailed(failures, of=first + len(items))
        return EmbedStreamResponse(
            model=model.spec.name if first == 0 else "",
            receipt=messages.receipt(model.receipts[decode]) if first == 0 else None,
            dimension=encoded.vectors.shape[1],
            data=messages.embeddings(items, encoded, first=first),
            truncated=[first + i for i in encoded.truncated],
            prompt_tokens=encoded.tokens,
        )


async def _send(context: CallContext, answer: EmbedStreamResponse) -> None:
    try:
        await context.write(answer.SerializeToString())
    except GONE as exc:
        raise CallerGone("the caller went away") from exc


async def _next(requests: AsyncIterator[bytes]) -> bytes | None:
    return await anext(requests, None)
