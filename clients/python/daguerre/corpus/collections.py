"""Items added to a collection in many requests, with their ids and metadata."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daguerre.dispatch.collect import Collected, OnError
from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of
from daguerre.errors import RemarkWarning
from daguerre.inputs.alignment import ItemIndex, item_ids
from daguerre.inputs.columns import is_missing
from daguerre.inputs.items import (
    Images,
    Sources,
    Texts,
    count_items,
    image_sources,
    images_or_texts,
    paired_sources,
    text_column,
    text_sources,
)
from daguerre.inputs.metadata import metadata_rows
from daguerre.inputs.source import Named, Source
from daguerre.results.collections import AddedItems
from daguerre.session import Session
from daguerre.transport.operations import ADD_ITEMS
from daguerre.types.collections import CollectionCard, StoredAnswer
from daguerre.types.common import Payload
from daguerre.types.embeddings import StoredRows, VectorBlock


@dataclass(frozen=True, slots=True)
class _Stored(Payload):
    """An item with the id and the metadata that it has in the collection."""

    id: str = ""
    metadata: Mapping[str, Any] | None = None


class _Keyed(Named):
    """A source whose item carries its id and metadata."""

    def __init__(self, source: Source, id: str, metadata: Mapping[str, Any] | None) -> None:
        super().__init__(id, source.path)
        self._source = source
        self._id = id
        self._metadata = metadata

    @property
    def size_hint(self) -> int | None:
        return self._source.size_hint

    def read(self) -> Payload:
        read = self._source.read()
        return _Stored(text=read.text, image=read.image, crop=read.crop, id=self._id, metadata=self._metadata)


@dataclass(frozen=True)
class Addition:
    """Items that are added to a collection; those whose ids are `there` are left out."""

    session: Session
    card: CollectionCard
    there: Container[str]
    on_error: OnError
    progress: bool | None

    async def items(
        self, images: Images | None, texts: Texts | None, ids: Sequence[str] | None, metadata: Any
    ) -> AddedItems:
        """Add images, texts, or both. Raises TypeError, ValueError."""
        given, total = _sources(images, texts, ids)
        skipped = 0

        def keyed(rows: Sequence[Mapping[str, Any]] | None, every: Iterator[Source]) -> Iterator[Source]:
            nonlocal skipped
            for i, source in enumerate(every):
                if source.id in self.there:
                    skipped += 1
                    continue
                yield _Keyed(source, source.id, None if rows is None else rows[i])

        if metadata is None:
            items = Sources(keyed(None, given), given.left_out)
        else:
            every = list(given)
            index = ItemIndex(given.files(), given.ids(), images if images is not None else texts)
            items = Sources(keyed(self._rows(metadata, index, len(every)), iter(every)), given.left_out)

        async def ask(sent: Sequence[Payload]) -> StoredAnswer:
            stored = [each for each in sent if isinstance(each, _Stored)]
            fields: dict[str, Any] = {"name": self.card.name, "ids": [each.id for each in stored]}
            if metadata is not None:
                fields["metadata"] = [dict(each.metadata or {}) for each in stored]
            answer = await self.session.transport.call(ADD_ITEMS, fields, items=sent)
            return replace(answer, sent=[True] * len(sent))

        what = f"add to {self.card.name}"
        collected = await self.session.gather(items, total, ask, self.on_error, self.progress, what, None)
        return self._added(collected, skipped)

    async def vectors(
        self, vectors: EmbeddingsLike, texts: Any, ids: Sequence[str] | None, metadata: Any
    ) -> AddedItems:
        """Add vectors, with a text of each item perhaps. Raises TypeError, ValueError, FingerprintMismatchError."""
        blocks = await embeddings_of(vectors, default="image")
        if len(blocks) > 1:
            raise ValueError("vectors: of images and of texts; an item of a collection has one of them: add each alone")
        modality, made = next(iter(blocks.items()))
        if isinstance(made.vectors, StoredRows):
            raise TypeError("vectors: are those of a collection; give what its .embeddings() returns")
        names = item_ids(ids, made.ids)
        rows = None if metadata is None else self._rows(metadata, ItemIndex(made.files, names), len(made))
        words = None
        if texts is not None:
            words = ["" if is_missing(text) else str(text) for text in text_column(texts)[0]]
            if len(words) != len(made):
                raise ValueError(f"texts: {len(words)} for {len(made)} items; give one for each, None for none")
        kept = np.array([i for i, name in enumerate(names) if name not in self.there], np.int64)
        skipped = len(names) - len(kept)
        if skipped:
            made, names = made[kept], [names[i] for i in kept.tolist()]

        async def ask(sent: Sequence[VectorBlock], places: range) -> StoredAnswer:
            at = kept[places.start : places.stop].tolist()
            fields: dict[str, Any] = {"name": self.card.name, "ids": names[places.start : places.stop]}
            if rows is not None:
                fields["metadata"] = [rows[i] for i in at]
            if words is not None:
                fields["texts"] = [words[i] for i in at]
            answer = await self.session.ask(ADD_ITEMS, fields, vectors=sent)
            return replace(answer, sent=[True] * len(places))

        what = f"add to {self.card.name}"
        collected = await self.session.gather_vectors({modality: made}, names, ask, self.on_error, self.progress, what)
        return self._added(collected, skipped)

    def _rows(self, metadata: Any, index: ItemIndex, n: int) -> list[dict[str, Any]]:
        rows = metadata_rows(metadata, self.card.fields, index, n)
        for remark in index.remarks:
            self.session.warn(RemarkWarning(remark))
        return rows

    def _added(self, collected: Collected[StoredAnswer], skipped: int) -> AddedItems:
        answers = [answer for _, answer in collected.answers]
        for remark in dict.fromkeys(remark for answer in answers for remark in answer.remarks):
            self.session.warn(RemarkWarning(remark))
        return AddedItems(
            ids=collected.ids,
            files=collected.files,
            errors=collected.errors,
            collection=self.card.name,
            added=sum(answer.added for answer in answers),
            replaced=sum(answer.replaced for answer in answers),
            skipped=skipped,
            rows=max((answer.rows for answer in answers), default=None),
        )


def _sources(
    images: Images | None, texts: Texts | None, ids: Sequence[str] | None
) -> tuple[Sources, Callable[[], int | None]]:
    """Items whose ids are known from the beginning, and a function that counts them."""
    if images is None:
        return images_or_texts(None, texts, ids)
    if hasattr(images, "__next__") and ids is None:
        raise TypeError("images: got an iterator, whose ids are known at its end; give a list, or ids")
    given = image_sources(images, ids, settled=ids is None)
    if texts is not None:
        given = paired_sources(given, text_sources(texts))
    return given, lambda: count_items(images)
