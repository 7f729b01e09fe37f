"""EmbedStream: any number of items in, vectors out in the same order, with a bounded number in memory."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeAlias

from daguerre_proto.v1.embeddings_pb2 import EmbedStreamRequest, EmbedStreamResponse
from service.api.grpc import answers, messages
from service.api.grpc.arrivals import COPIES, Arrivals
from service.api.grpc.calls import GONE, CallContext
from service.api.grpc.inputs import items_without_video
from service.context import Context
from service.errors import CallerGone, ItemFailure, ItemsFailed, Overloaded, Unavailable, Unprocessable
from service.pipelines import embeddings
from service.pipelines.items import Item
from service.pipelines.operation import Answer, Call
from service.schemas import items as schemas
from service.schemas.embeddings import EmbeddingsOptions

_Part: TypeAlias = "tuple[int, int, asyncio.Future[EmbedStreamResponse]]"  # items, bytes, answer
MOST_FIELDS = 100_000  # of a message, which is parsed without a thread
WINDOW = 64  # items in progress before the next message is read, enough for two requests' decoding and batches
BYTES = 2**25  # bytes of messages in progress, likewise
LARGE = 2**20  # bytes of a message that does not wait for memory
PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds until a full queue is tried again


class EmbedStream:
    """One call of EmbedStream."""

    def __init__(
        self,
        context: Context,
        arrivals: Arrivals,
        caller: str | None,
        in_time: Callable[[Awaitable[Answer]], Awaitable[Answer]],
        stopping: asyncio.Event,
    ) -> None:
        self._context = context
        self._arrivals = arrivals
        self._caller = caller
        self._engine = context.engine()
        self._in_time = in_time
        self._stopping = stopping
        self._options: EmbeddingsOptions | None = None
        self._read = 0  # number of items
        self._answered = 0

    async def run(self, context: CallContext) -> None:
        """Answer until the caller ends the stream or the service stops."""
        pending: deque[_Part] = deque()
        reader: asyncio.Future[bytes | None] | None = None
        stop = asyncio.ensure_future(self._stopping.wait())
        ended = cut = False  # whether the stream has ended, and whether the server ended it
        try:
            while pending or not ended:
                few = sum(n for n, *_ in pending) < WINDOW and sum(size for _, size, _ in pending) < BYTES
                if reader is None and not ended and few:
                    patient = self._options is not None  # the caller's next items may come at any time
                    following = self._arrivals.next(context, self._caller, patient=patient)
                    reader = asyncio.ensure_future(following)
                waited: set[asyncio.Future[Any]] = {part for *_, part in list(pending)[:1]}
                waited |= {reader} if reader else set()
                await asyncio.wait(waited if ended else {*waited, stop}, return_when=asyncio.FIRST_COMPLETED)
                while pending and pending[0][2].done():
                    count, _, part = pending.popleft()
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
            for *_, part in pending:
                part.cancel()
        if cut:
            raise Unavailable(
                f"the service is stopping; {self._answered} items were answered: send the others in another call",
                retry_after=5,
            )

    def _begin(self, raw: bytes) -> "_Part | None":
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
        return len(items), len(raw), asyncio.ensure_future(self._part(items, first, len(raw), self._options))

    async def _part(self, items: list[Item], first: int, size: int, options: EmbeddingsOptions) -> EmbedStreamResponse:
        call = Call(
            engine=self._engine,
            classifiers=self._context.classifiers,
            options=options.model_copy(update={"on_error": "skip"}),
            items=items,
        )
        pause = PAUSE
        with ExitStack() as stack:
            reserved = False
            while True:
                try:
                    if not reserved:
                        stack.enter_context(self._context.budget.hold(size, "message", self._caller, COPIES))
                        reserved = True
                    answer = await self._in_time(embeddings.OPERATION.run(call))
                    break
                except Overloaded:  # a stream is slowed down, not rejected, unless memory is short
                    if not reserved and size > LARGE:
                        raise
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        failed = [entry for entry in answer["data"] if "error" in entry]
        if failed and options.on_error == "fail":
            failures = [ItemFailure(first + each["index"], each.get("id"), **each["error"]) for each in failed]
            raise ItemsFailed(failures, of=first + len(items))
        part = answers.embeddings(answer, first=first)
        return EmbedStreamResponse(
            model=part.model if first == 0 else "",
            receipt=part.receipt if first == 0 else None,
            dimension=embeddings.dimension(call),
            data=part.data,
            truncated=part.truncated,
            unknown=part.unknown,
            first_of_many=part.first_of_many,
            prompt_tokens=part.prompt_tokens,
        )


async def _send(context: CallContext, answer: EmbedStreamResponse) -> None:
    try:
        await context.write(answer.SerializeToString())
    except GONE as exc:
        raise CallerGone("the caller went away") from exc
