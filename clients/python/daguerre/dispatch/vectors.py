"""Embeddings in place of items: from a result, a file or both modalities; large ones are uploaded first."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from daguerre.dispatch.collect import Collected, OnError
from daguerre.dispatch.retry import retried
from daguerre.errors import (
    DaguerreError,
    FingerprintMismatchError,
    InvalidRequestError,
    ItemError,
    TooLargeError,
)
from daguerre.inputs.alignment import sent_ids
from daguerre.inputs.pieces import rows_of
from daguerre.results.embeddings import NO_VECTOR, Embeddings, read_embeddings
from daguerre.transport.base import Transport
from daguerre.transport.operations import DELETE_FILE
from daguerre.types.common import NO_MODEL, A, Modality
from daguerre.types.embeddings import StoredRows, VectorBlock


@runtime_checkable
class StoredItems(Protocol):
    """Items of a collection on the server."""

    async def stored(self) -> Embeddings:
        """Ids and receipt of the items; their vectors are StoredRows."""

    async def embeddings(self) -> Embeddings:
        """The items with their vectors, which are downloaded."""


@runtime_checkable
class BlockingItems(Protocol):
    """The blocking twin of items of a collection."""

    @property
    def asynchronous(self) -> StoredItems: ...


@runtime_checkable
class WithEmbeddings(Protocol):
    """A result that has vectors among other things, such as those of faces."""

    def to_embeddings(self) -> Embeddings: ...


EmbeddingsFile: TypeAlias = Embeddings | WithEmbeddings | StoredItems | BlockingItems | str | os.PathLike[str]
EmbeddingsLike: TypeAlias = EmbeddingsFile | Mapping[str, EmbeddingsFile]
T = TypeVar("T")
MODALITIES = ("image", "text")
EVERY = (*MODALITIES, "face")  # those of search, duplicates and clusters
ROWS = 4096  # vectors of one request
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
            if exc.code != "body_too_large" or all(each.array is None for each in sent):
                raise
        return await ask([each if each.array is None else await upload(each) for each in sent])
    finally:
        for id in uploaded:
            with suppress(DaguerreError):  # then it expires by itself
                await transport.call(DELETE_FILE, {"id": id})


async def embeddings_of(
    given: EmbeddingsLike, taken: Sequence[str] = MODALITIES, *, default: Modality | None = None
) -> dict[str, Embeddings]:
    """The embeddings of each modality, as many of each; those that are paths are read.

    Parameters
    ----------
    taken : the modalities that the method takes.
    default : the modality of embeddings of a file that does not state it; None: that of `taken`, if it is one.

    Raises
    ------
    TypeError, ValueError : other values, other modalities than those taken, different numbers of embeddings.
    DaguerreError, FileNotFoundError : a file that cannot be read.
    """
    if not isinstance(given, Mapping):
        made = await _read(given)
        modality = made.modality or default or (taken[0] if len(taken) == 1 else None)
        if modality is None:
            raise ValueError(
                'embeddings: the file does not state whether they are of images or of texts; give {"image": …} or '
                '{"text": …}'
            )
        given = {modality: made}
    unknown = sorted(map(str, set(given) - set(EVERY)))
    if unknown or not given:
        raise ValueError(f'embeddings: {unknown[0] if unknown else "nothing"!r}; the keys are "image" and "text"')
    blocks = {name: await _read(given[name]) for name in EVERY if name in given}
    for name, each in blocks.items():
        if name == "face" and name not in taken:
            raise ValueError(f"embeddings: they are of faces, and this takes {' and '.join(taken)}s; {FACE_CROPS}")
        if name == "face" and len(blocks) > 1:
            raise ValueError("embeddings: those of faces are compared by themselves; give them alone")
        if name not in taken:
            raise ValueError(f"embeddings: they are of {name}s, and this takes {' and '.join(taken)}s; give those")
        if each.modality not in (None, name):
            raise ValueError(f"embeddings: {name!r} has those of {each.modality}s; give them as {each.modality!r}")
    if len({len(each) for each in blocks.values()}) > 1:
        counts = " and ".join(f"{len(each)} of {name}s" for name, each in blocks.items())
        raise ValueError(f"embeddings: {counts}; give one of each for every item")
    return blocks


FACE_CROPS = "for pictures of the faces, embed their crops: client.embed(images, crops=F.crops())"


async def items_stored(given: Any, *, download: bool = False) -> Any:
    """The embeddings of items of a collection, with their vectors only where asked for; everything else as it is."""
    if isinstance(found := getattr(given, "asynchronous", given), StoredItems):
        return await (found.embeddings() if download else found.stored())
    return given


def sent_names(made: Embeddings | None, every: Sequence[str], ids: object) -> list[str]:
    """The ids that the server gets: those that the user gives, those of a collection, or those of files.

    `made` : the first embeddings; None without any.
    """
    is_stored = made is not None and isinstance(made.vectors, StoredRows)
    return list(every) if ids is not None or is_stored else sent_ids(every)


async def _read(given: Any) -> Embeddings:
    given = await items_stored(given)
    if isinstance(given, Embeddings):
        return given
    if isinstance(given, WithEmbeddings):
        return given.to_embeddings()
    if isinstance(given, str | os.PathLike):
        return await asyncio.to_thread(read_embeddings, given)
    raise TypeError(
        f"embeddings: got {type(given).__name__}; give a result of `embed`, the path of its .parquet or .npz file, a "
        'folder of `embed_corpus`, a collection, or {"image": …, "text": …}'
    )


def items_or_embeddings(images: Any, texts: Any, embeddings: Any) -> None:
    """Raise ValueError for items and embeddings at once."""
    if embeddings is not None and (images is not None or texts is not None):
        raise ValueError("give items or their embeddings, not both")


def known_errors(blocks: Mapping[str, Embeddings], ids: Sequence[str]) -> dict[int, ItemError]:
    """Why items have no vector, by their index; the first reason of each."""
    errors: dict[int, ItemError] = {}
    for made in blocks.values():
        for error in made.errors:
            errors.setdefault(error.index, ItemError(error.index, ids[error.index], error.code, error.message))
    return errors


async def collected_vectors(
    transport: Transport,
    blocks: Mapping[str, Embeddings],
    ids: Sequence[str],
    ask: Callable[[Sequence[VectorBlock], range], Awaitable[A]],
    done: Callable[[int, int], None],
    *,
    on_error: OnError,
    retry_for: float,
) -> Collected[A]:
    """The answers for vectors, ROWS items at a time, put together as those for items are.

    Items that failed when they were embedded stay failed, with the error that they have.

    Parameters
    ----------
    ask : the answer to a request with these vectors, of the items in this range.
    done : called with the numbers of items and of failed ones after each request.

    Raises
    ------
    ItemFailedError : under on_error "raise", the first item without a result.
    FingerprintMismatchError : the server does not have the model of the vectors.
    """
    n = len(ids)
    collected: Collected[A] = Collected()
    collected.ids, collected.files = list(ids), list(next(iter(blocks.values())).files)
    for name, places in collected.marks.items():
        places += sorted({i for made in blocks.values() for i in getattr(made, name)})
    known = known_errors(blocks, ids)
    sent = {modality: made for modality, made in blocks.items() if made.vectors.shape[1]}
    for start in range(0, n, ROWS):
        part = slice(start, min(start + ROWS, n))
        places = list(range(part.start, part.stop))
        failed = {i: known.get(i) or ItemError(i, ids[i], *NO_VECTOR) for i in places if not sent or i in known}
        if sent:
            vectors = [vector_block(modality, made, part) for modality, made in sent.items()]
            try:
                answer = await with_uploads(
                    transport,
                    vectors,
                    lambda sent, rows=range(part.start, part.stop): ask(sent, rows),  # type: ignore[misc]
                    retry_for=retry_for,
                )
            except InvalidRequestError as exc:
                if exc.code != "fingerprint_mismatch":
                    raise
                raise FingerprintMismatchError(exc.message, code=exc.code, request_id=exc.request_id) from exc
            answered = {
                start + i: ItemError(start + i, ids[start + i], failure.code, failure.message)
                for i, failure in answer.failures.items()
            }
            failed = {i: known.get(i, error) for i, error in sorted(answered.items())}
            collected.answers.append((places, answer))
        collected.failed(list(failed.values()), on_error)
        done(len(places), len(failed))
    return collected


def vector_block(modality: str, made: Embeddings, part: "slice | NDArray[np.int64]" = slice(None)) -> VectorBlock:
    """Embeddings as they are sent."""
    rows: Any = made.vectors[part]
    return VectorBlock(
        modality=cast(Modality, modality),
        model=made.model,
        fingerprint=made.fingerprint,
        rows=rows if isinstance(rows, StoredRows) else np.ascontiguousarray(rows),
        receipt=made.receipt,
    )


def folder_block(folder: str, modality: Modality) -> VectorBlock:
    """Vectors of a folder on the server, which states how they were made."""
    return VectorBlock(
        modality=modality,
        model="",
        fingerprint="",
        rows=np.empty((0, 0), np.float32),
        receipt=NO_MODEL,
        folder=folder,
    )


def with_vector(made: Embeddings) -> NDArray[np.bool_]:
    """Whether each item has a vector, (n,). The items of a collection have."""
    if isinstance(made.vectors, StoredRows):
        return made.ok
    return made.ok & ~np.isnan(made.vectors[:, :1]).any(axis=1)


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
    failed = known_errors(blocks, ids)
    for modality, made in blocks.items():
        there = with_vector(made)
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
