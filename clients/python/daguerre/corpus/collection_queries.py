"""Queries of a collection: texts, images, embeddings, or items of it."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daguerre.dispatch.collect import Collected
from daguerre.inputs import memory
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Sources, count_items, count_texts, image_sources, text_sources
from daguerre.results.embeddings import Embeddings
from daguerre.session import Session
from daguerre.transport.operations import Operation
from daguerre.types.collections import NeighboursAnswer
from daguerre.types.common import Payload
from daguerre.types.embeddings import VectorBlock

Query = Any  # a text or texts, images, or embeddings


async def queried(
    session: Session,
    operation: Operation[NeighboursAnswer],
    query: Query,
    like: str | Sequence[str] | None,
    crops: Any,
    fields: Mapping[str, Any],
) -> Collected[NeighboursAnswer]:
    """The answers for all queries. Raises ItemFailedError for one that cannot be used."""
    if (query is None) == (like is None):
        raise ValueError("give either a query (texts, images or embeddings) or like=, the ids of items")
    if isinstance(query, str) and os.path.exists(query):
        raise ValueError(
            f"query: a str is a text, and {query!r} is a file or a folder; give Path({query!r}) for its images, or "
            f"[{query!r}] for the text"
        )
    if like is not None:
        names = [like] if isinstance(like, str) else [str(id) for id in like]
        collected: Collected[NeighboursAnswer] = Collected()
        collected.ids = names
        collected.answers.append((list(range(len(names))), await session.ask(operation, {**fields, "like": names})))
        return collected
    if isinstance(query, Embeddings):

        async def ask_vectors(sent: Sequence[VectorBlock], _: range) -> NeighboursAnswer:
            return await session.ask(operation, fields, vectors=sent)

        blocks: dict[str, Embeddings] = {query.modality or "image": query}
        return await session.gather_vectors(blocks, query.ids, ask_vectors, "raise", False, "search")

    async def ask(sent: Sequence[Payload]) -> NeighboursAnswer:
        return await session.transport.call(operation, fields, items=sent)

    items, total = _sources(query, crops)
    return await session.gather(items, total, ask, "raise", False, "search", None)


def _sources(query: Query, crops: Any) -> tuple[Sources, Callable[[], int | None]]:
    given: Any = query
    if crops is not None:
        given = with_crops(query, crops)
    elif not (isinstance(query, str | os.PathLike) or memory.is_one(query)):
        given = list(query)
        if not given:
            raise ValueError("query: got an empty list; give a text, an image, or a list of them")
    first = given[0] if isinstance(given, list) else given
    if isinstance(first, str):
        return text_sources(given), lambda: count_texts(given)
    return image_sources(given), lambda: count_items(given)
