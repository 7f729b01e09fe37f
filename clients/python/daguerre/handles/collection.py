"""A collection on the server as an object, which other methods take in place of embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre.blocking import Runner, blocking
from daguerre.corpus.collection_queries import Query, queried
from daguerre.corpus.collections import Addition
from daguerre.dispatch.collect import Collected, OnError
from daguerre.dispatch.vectors import EmbeddingsLike
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import (
    Images,
    Texts,
)
from daguerre.inputs.metadata import Where, condition, joined_conditions
from daguerre.results.base import Errors
from daguerre.results.collections import AddedItems, CollectionDuplicates, CollectionItems, CollectionNeighbours
from daguerre.results.embeddings import Embeddings
from daguerre.session import Session
from daguerre.transport.operations import (
    COLLECTION,
    COLLECTION_DUPLICATES,
    COLLECTION_IDS,
    COLLECTION_ITEM,
    COLLECTION_ITEMS,
    DELETE_COLLECTION,
    DELETE_ITEMS,
    SEARCH_COLLECTION,
)
from daguerre.types.collections import CollectionCard, CollectionIds, CollectionItem, NeighboursAnswer
from daguerre.types.common import Modality
from daguerre.types.embeddings import StoredRows

DELETED = 10_000  # ids of one request


class AsyncCollection:
    """A collection on the server, for asynchronous code. `Collection` has the same methods for all other code.

    It is accepted wherever a method takes `embeddings`: `client.cluster(embeddings=collection)`. The vectors stay on
    the server.

    Attributes
    ----------
    name : its name.
    card : its properties when it was asked for: rows, model, fingerprint, dimension, fields, index, bytes, …
    condition : the condition of `where`; None for all items.
    """

    def __init__(self, session: Session, card: CollectionCard, condition: Where | None = None) -> None:
        self._session = session
        self.card = card
        self.name = card.name
        self.condition = None if condition is None else dict(condition)

    @property
    def fields(self) -> Mapping[str, str]:
        """Type of each metadata field."""
        return self.card.fields

    @property
    def model(self) -> str:
        return self.card.model

    @property
    def fingerprint(self) -> str:
        return self.card.fingerprint

    def where(self, condition: Where | None = None, /, **fields: Any) -> "AsyncCollection":
        """The items that satisfy a condition, as a collection to search, list, or give in place of embeddings.

        Parameters
        ----------
        condition : for each field, or for id, modality and text, a value, a list of values, or a mapping of operators
            (eq, ne, lt, lte, gt, gte, in, not_in, exists). All must hold, those of an earlier `where` too.
        fields : the same as keywords.

        Examples
        --------
        >>> client.collection("posts").where(year={"gte": 2020}, source=["a", "b"])
        """
        return AsyncCollection(self._session, self.card, self._condition({**(condition or {}), **fields}))

    async def add(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        vectors: EmbeddingsLike | None = None,
        ids: Sequence[str] | None = None,
        metadata: Any = None,
        crops: Any = None,
        resume: bool = False,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> AddedItems:
        """Add items; one whose id is there already is replaced, so that a run can be repeated without harm.

        Parameters
        ----------
        images, texts, crops, ids, on_error, progress : as for `embed`; the server embeds them. With both, one text for
            each image, which is kept beside it.
        vectors : a result of `embed`, or the path of its .parquet or .npz file, in place of items; with `texts`, a text
            for each item, None for none, which is kept beside it.
        metadata : values of the collection's fields: a mapping from fields to columns (each a list in the order of the
            items, a mapping by id, or a Series); a table of pandas, by its column id or path, or its index; or a
            mapping for each item. Missing values are left out, date-times without a zone are UTC.
        resume : leave out items whose id is in the collection already, as after an interrupted run. They are not read.

        Returns
        -------
        AddedItems : `.added`, `.replaced`, `.skipped`, `.errors`. Items are on disk when it is returned.

        Raises
        ------
        FingerprintMismatchError : `vectors` of another model or other settings than the collection's.
        DaguerreError : any other subclass in daguerre.errors.

        Examples
        --------
        >>> client.collection("posts").add(images="photos/", metadata={"year": {"cat.jpg": 2021}})
        """
        self._whole("add")
        there = set((await self._ids()).ids) if resume else set()
        if vectors is not None and images is not None:
            raise ValueError("give images or their vectors, not both")
        run = Addition(self._session, self.card, there, on_error, progress)
        if vectors is not None:
            return await run.vectors(vectors, texts, ids, metadata)
        return await run.items(with_crops(images, crops), texts, ids, metadata)

    async def search(
        self,
        query: Query = None,
        k: int = 10,
        *,
        like: str | Sequence[str] | None = None,
        where: Where | None = None,
        exact: bool = False,
        thumbnails: bool = False,
        crops: Any = None,
    ) -> CollectionNeighbours:
        """Find the nearest items of the collection.

        Parameters
        ----------
        query : a text or texts; images: a Path, bytes, a picture or a list of them; or embeddings. A str is a text.
        k : largest number of neighbours of each query.
        like : the id of an item of the collection, or several, in place of a query; none is its own neighbour.
        where : condition on the items, as for the method `where`.
        exact : compare with every vector, also where the collection has an index.
        thumbnails : also return the thumbnails of what is found.
        crops : crops of the images of the query, as for `embed`.

        Returns
        -------
        CollectionNeighbours : `N[0]`, the neighbours of the first query: id, cosine, text, metadata; `.to_pandas()`,
        `.method`, the way in which the collection was searched.

        Raises
        ------
        ItemFailedError : a query cannot be used.
        FingerprintMismatchError : embeddings of another model.
        DaguerreError : any other subclass in daguerre.errors.

        Examples
        --------
        >>> client.collection("posts").search("a burning car", where={"year": {"gte": 2020}})[0]
        """
        fields = {"k": int(k), **self._options(where, exact, thumbnails)}
        collected = await queried(self._session, SEARCH_COLLECTION, query, like, crops, {"name": self.name, **fields})
        return CollectionNeighbours(**self._found(collected))

    async def duplicates(
        self,
        query: Query = None,
        *,
        like: str | Sequence[str] | None = None,
        threshold: float | None = None,
        k: int = 10,
        where: Where | None = None,
        exact: bool = False,
        thumbnails: bool = False,
        crops: Any = None,
    ) -> CollectionDuplicates:
        """Find the items of the collection that are duplicates of others: of images, texts or embeddings.

        Duplicates within the collection are found by `client.duplicates(embeddings=collection)`.

        Parameters
        ----------
        query, like, where, exact, thumbnails, crops : as for `search`.
        threshold : lowest cosine of two duplicates; None: derived from the model.
        k : largest number of duplicates of each query.

        Returns
        -------
        CollectionDuplicates : `.known`, the queries that have a duplicate; `.new`, those that have none; `D[0]`, the
        duplicates of the first query; `.threshold`, `.to_pandas()`.

        Examples
        --------
        >>> client.collection("posts").duplicates([Path("photos/cat.jpg")]).known
        """
        if query is None and like is None:
            raise ValueError(
                "duplicates: got nothing to compare with the collection; give images, texts, embeddings or like=. "
                "Duplicates within it: client.duplicates(embeddings=collection)"
            )
        fields = {"k": int(k), "threshold": threshold, **self._options(where, exact, thumbnails)}
        collected = await queried(
            self._session, COLLECTION_DUPLICATES, query, like, crops, {"name": self.name, **fields}
        )
        first = collected.answers[0][1]
        assert first.threshold is not None
        return CollectionDuplicates(
            **self._found(collected), threshold=first.threshold, threshold_reason=first.threshold_reason or ""
        )

    async def items(
        self, where: Where | None = None, *, vectors: bool = False, thumbnails: bool = False
    ) -> CollectionItems:
        """The items as a table, in the order of their ids.

        Parameters
        ----------
        where : condition on the items, as for the method `where`.
        vectors, thumbnails : also download these.

        Examples
        --------
        >>> client.collection("posts").items({"source": "a"}).to_pandas()
        """
        wanted = {"where": self._condition(where), "with_vectors": vectors, "with_thumbnails": thumbnails}
        operation = COLLECTION_ITEMS.reading(
            CollectionItem.read, name=self.name, **{name: value for name, value in wanted.items() if value}
        )
        return CollectionItems(self.name, self.fields, await self._session.entries(operation))

    async def get(self, id: str) -> CollectionItem:
        """One item, with its vector and its thumbnail. Raises NotFoundError."""
        return await self._session.ask(COLLECTION_ITEM, {"name": self.name, "id": id})

    async def count(self) -> int:
        """The number of items that the collection has now; of `where`, of those that satisfy it."""
        if self.condition is not None:
            return len((await self._ids()).ids)
        return (await self._session.ask(COLLECTION, {"name": self.name})).rows

    async def delete(self, ids: str | Sequence[str] | None = None, *, where: Where | None = None) -> int:
        """Delete items by their ids or by a condition, and return their number. Ids that are not there are ignored.

        Examples
        --------
        >>> client.collection("posts").delete(where={"source": "b"})
        """
        if ids is not None:
            if where is not None or self.condition is not None:
                raise ValueError("delete: got ids and a condition; give one of them")
            names = [ids] if isinstance(ids, str) else [str(id) for id in ids]
            deleted = 0
            for start in range(0, len(names), DELETED):
                fields = {"name": self.name, "ids": names[start : start + DELETED]}
                deleted += await self._session.ask(DELETE_ITEMS, fields)
            return deleted
        condition = self._condition(where)
        if condition is None:
            raise ValueError("delete: give ids or where; drop() deletes the collection with all items")
        return await self._session.ask(DELETE_ITEMS, {"name": self.name, "where": condition})

    async def drop(self) -> int:
        """Delete the collection with everything in it, and return the number of items that it had."""
        self._whole("drop")
        return await self._session.transport.call(DELETE_COLLECTION, {"name": self.name})

    async def embeddings(self) -> Embeddings:
        """The items with their vectors, which are downloaded, as a result of `embed` has them."""
        items = await self.items(vectors=True)
        rows = [item.vector for item in items.items if item.vector is not None]
        vectors = np.stack(rows) if rows else np.zeros((0, self.card.dimension), np.float32)
        kinds: set[Modality] = {item.modality for item in items.items}
        return self._embeddings(items.ids, kinds.pop() if len(kinds) == 1 else None, vectors)

    async def stored(self) -> Embeddings:
        """Ids and receipt of the items, for methods that take embeddings; their vectors stay on the server."""
        found = await self._ids()
        if not found.ids:
            some = "" if self.condition is None else f" where {self.condition}"
            raise ValueError(f"the collection {self.name!r} has no items{some}; add some, or choose others")
        return self._embeddings(found.ids, found.modality, StoredRows(self.name, found.ids, self.card.dimension))

    async def _ids(self) -> CollectionIds:
        return await self._session.ask(COLLECTION_IDS, {"name": self.name, "where": self.condition})

    def _embeddings(self, ids: list[str], modality: Modality | None, vectors: Any) -> Embeddings:
        if ids and modality is None:
            raise ValueError(
                f"the collection {self.name!r} has images and texts; choose one of them with "
                '.where(modality="image") or .where(modality="text")'
            )
        return Embeddings(
            ids=ids,
            errors=Errors(),
            receipt=self.card.whole_receipt,
            truncated=[],
            vectors=vectors,
            modality=modality,
        )

    def _condition(self, where: Where | None) -> dict[str, Any] | None:
        return joined_conditions(self.condition, condition(where, self.fields))

    def _options(self, where: Where | None, exact: bool, thumbnails: bool) -> dict[str, Any]:
        return {"where": self._condition(where), "exact": exact, "with_thumbnails": thumbnails}

    def _whole(self, what: str) -> None:
        """Raise ValueError for a part of a collection."""
        if self.condition is not None:
            raise ValueError(f"{what}: is for a whole collection, and this one has a condition; use it without where")

    def _found(self, collected: Collected[NeighboursAnswer]) -> dict[str, Any]:
        neighbours: list[Any] = [()] * len(collected.ids)
        for places, answer in collected.answers:
            for place, found in zip(places, answer.neighbours, strict=True):
                neighbours[place] = found or ()
        method: Mapping[str, Any] = collected.answers[0][1].method if collected.answers else {}
        receipt = collected.answers[0][1].receipt if collected.answers else self.card.whole_receipt
        return {
            "collection": self.name,
            "fields": self.fields,
            "queries": list(collected.ids),
            "neighbours": neighbours,
            "method": method,
            "receipt": receipt,
        }

    def __repr__(self) -> str:
        condition = "" if self.condition is None else f", where {self.condition}"
        return f"<{type(self).__name__} {self.name!r} of {self.model}{condition}>"


class Collection:
    __doc__ = (AsyncCollection.__doc__ or "").replace(
        ", for asynchronous code. `Collection` has the same methods for all other code.", "."
    )

    def __init__(self, runner: Runner, asynchronous: AsyncCollection) -> None:
        self._runner = runner
        self.asynchronous = asynchronous

    @property
    def name(self) -> str:
        return self.asynchronous.name

    @property
    def card(self) -> CollectionCard:
        """Its properties when it was asked for."""
        return self.asynchronous.card

    @property
    def fields(self) -> Mapping[str, str]:
        """Type of each metadata field."""
        return self.asynchronous.fields

    @property
    def model(self) -> str:
        return self.asynchronous.model

    @property
    def fingerprint(self) -> str:
        return self.asynchronous.fingerprint

    def where(self, condition: Where | None = None, /, **fields: Any) -> "Collection":
        return Collection(self._runner, self.asynchronous.where(condition, **fields))

    where.__doc__ = AsyncCollection.where.__doc__

    add = blocking(AsyncCollection.add)
    search = blocking(AsyncCollection.search)
    duplicates = blocking(AsyncCollection.duplicates)
    items = blocking(AsyncCollection.items)
    get = blocking(AsyncCollection.get)
    count = blocking(AsyncCollection.count)
    delete = blocking(AsyncCollection.delete)
    drop = blocking(AsyncCollection.drop)
    embeddings = blocking(AsyncCollection.embeddings)

    def __len__(self) -> int:
        return self._runner.run(self.asynchronous.count())

    def __bool__(self) -> bool:
        return True  # without a look at the server

    def __repr__(self) -> str:
        return repr(self.asynchronous).replace("<Async", "<", 1)
