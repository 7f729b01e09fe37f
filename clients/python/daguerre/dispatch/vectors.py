"""Embeddings in requests; large ones are uploaded first."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from daguerre.core import retried
from daguerre.errors import DaguerreError, TooLargeError
from daguerre.types.embeddings import VectorBlock

if TYPE_CHECKING:
    from daguerre.training import Training

from daguerre.inputs.pieces import rows_of

T = TypeVar("T")
AHEAD = 64 * 2**20  # bytes of rows from which they are sent ahead, not in the request


async def with_uploads(
    client: "Training", blocks: Sequence[VectorBlock], ask: Callable[[Sequence[VectorBlock]], Awaitable[T]]
) -> T:
    """What `ask` gives, with large blocks sent ahead as files, which are deleted afterwards: a job has linked them.

    Where the server finds the request too large, all of them are sent ahead.
    """
    made: list[str] = []
    try:
        sent = [await _ahead(client, each, made) if each.rows.nbytes > AHEAD else each for each in blocks]
        try:
            return await ask(sent)
        except TooLargeError as exc:
            if exc.code != "body_too_large" or len(made) == len(sent):
                raise
        return await ask([await _ahead(client, each, made) if each.file is None else each for each in sent])
    finally:
        for id in made:
            with suppress(DaguerreError):  # then it expires by itself
                await client.transport.delete_file(id)


async def _ahead(client: "Training", block: VectorBlock, made: list[str]) -> VectorBlock:
    rows = rows_of(block.rows)
    name = f"{block.modality}.npy"
    said = await retried(lambda: client.transport.upload(rows, name), retry_for=client.limits.retry_for)
    made.append(said["id"])
    return replace(block, file=said["id"])
