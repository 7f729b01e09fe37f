"""Embeddings in requests; large ones are uploaded first."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.dispatch.retry import retried
from daguerre.errors import DaguerreError, ItemError, TooLargeError
from daguerre.inputs.pieces import rows_of
from daguerre.results.embeddings import Embeddings
from daguerre.transport.base import Transport
from daguerre.transport.operations import DELETE_FILE
from daguerre.types.common import Modality
from daguerre.types.embeddings import VectorBlock

EmbeddingsLike = Embeddings | Mapping[str, Embeddings]
T = TypeVar("T")
AHEAD = 64 * 2**20  # bytes of rows from which they are uploaded first, not sent in the request


async def with_uploads(
    transport: Transport,
    blocks: Sequence[VectorBlock],
    ask: Callable[[Sequence[VectorBlock]], Awaitable[T]],
    *,
    retry_for: float,
) -> T:
    """The answer of `ask`, with large blocks uploaded first as files, which are deleted afterwards.

    A job that has begun keeps its own link to them. Where the server finds the request too large, all are uploaded.
    """

    async def upload(block: VectorBlock) -> VectorBlock:
        rows = rows_of(block.rows)
        file = await retried(lambda: transport.upload(rows, f"{block.modality}.npy"), retry_for=retry_for)
        uploaded.append(file["id"])
        return replace(block, file=file["id"])

    uploaded: list[str] = []
    try:
        sent = [await upload(each) if each.rows.nbytes > AHEAD else each for each in blocks]
        try:
            return await ask(sent)
        except TooLargeError as exc:
            if exc.code != "body_too_large" or len(uploaded) == len(sent):
                raise
        return await ask([await upload(each) if each.file is None else each for each in sent])
    finally:
        for id in uploaded:
            with suppress(DaguerreError):  # then it expires by itself
                await transport.call(DELETE_FILE, {"id": id})


def by_modality(embeddings: EmbeddingsLike, modalities: Sequence[str]) -> dict[str, Embeddings]:
    """Embeddings by their modality, as many of each."""
    if isinstance(embeddings, Embeddings):
        if len(modalities) != 1:
            raise ValueError(f'embeddings: this takes {" and ".join(modalities)}; give {{"image": …, "text": …}}')
        return {modalities[0]: embeddings}
    unknown = sorted(set(embeddings) - {"image", "text"})
    if unknown or not embeddings:
        raise ValueError(f'embeddings: {unknown[0] if unknown else "nothing"!r}; the keys are "image" and "text"')
    if len({len(each) for each in embeddings.values()}) > 1:
        counts = " and ".join(f"{len(each)} of {name}s" for name, each in embeddings.items())
        raise ValueError(f"embeddings: {counts}; give one of each for every item")
    return {name: embeddings[name] for name in ("image", "text") if name in embeddings}


def vector_block(modality: str, made: Embeddings, part: "slice | NDArray[np.int64]" = slice(None)) -> VectorBlock:
    """Embeddings as they are sent."""
    return VectorBlock(
        modality=cast(Modality, modality),
        model=made.model,
        fingerprint=made.fingerprint,
        rows=np.ascontiguousarray(made.vectors[part]),
        receipt=made.receipt,
    )


UNKNOWN = "is a text of which the model knows no token, so its vector is that of other such texts"


def split_usable(
    blocks: Mapping[str, Embeddings], ids: Sequence[str], *, known: bool = False
) -> tuple[NDArray[np.int64], list[ItemError]]:
    """Indexes of the items that have all of their vectors, and why the others have not.

    Parameters
    ----------
    known : whether texts of which the model knows no token are unusable too. There may then be no usable item.

    Raises
    ------
    ValueError : no item can be used.
    """
    good = np.ones(len(ids), bool)
    failed: dict[int, ItemError] = {}
    for modality, made in blocks.items():
        for error in made.errors:
            failed.setdefault(error.index, ItemError(error.index, ids[error.index], error.code, error.message))
        there = made.ok & ~np.isnan(made.vectors[:, :1]).any(axis=1)
        for i in np.flatnonzero(~there).tolist():
            failed.setdefault(i, ItemError(i, ids[i], "no_vector", f"has no {modality} vector; leave it out"))
        if known:
            for i in made.unknown:
                failed.setdefault(i, ItemError(i, ids[i], "unknown_text", UNKNOWN))
            there[made.unknown] = False
        good &= there
    if not good.any() and not any(each.code == "unknown_text" for each in failed.values()):
        first = next(iter(failed.values()), None)
        reason = "nothing was given" if first is None else f"the first, {first.id}: {first.message}"
        raise ValueError(f"none of {len(ids)} items can be used; {reason}")
    return np.flatnonzero(good), [failed[i] for i in sorted(failed)]


def vector_blocks(blocks: Mapping[str, Embeddings], good: NDArray[np.int64]) -> list[VectorBlock]:
    """Vectors of the usable items, as they are sent; not copied if all items are usable."""
    return [
        vector_block(modality, embeddings, slice(None) if len(good) == len(embeddings) else good)
        for modality, embeddings in blocks.items()
    ]
