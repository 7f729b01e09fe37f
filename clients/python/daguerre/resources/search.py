"""Methods of the client for search."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from daguerre.dispatch.vectors import split_usable, vector_blocks, with_uploads
from daguerre.errors import ItemFailedError
from daguerre.inputs import memory
from daguerre.inputs.items import Images
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.results.embeddings import Embeddings
from daguerre.results.neighbours import Neighbours
from daguerre.transport.operations import SEARCH
from daguerre.types.common import Double, Modality

Query: TypeAlias = Embeddings | str | Sequence[str] | Images


class SearchMethods(EmbeddingMethods):
    """Search."""

    async def search(self, query: Query, embeddings: Embeddings, k: int = 10) -> Neighbours:
        """Find the nearest items of a corpus, by exact cosine.

        Parameters
        ----------
        query : a text or texts; images: a Path, bytes, a picture or a list of them; or embeddings. A str is a text.
        embeddings : the corpus, a result of `embed`; items without a vector are never found.
        k : number of neighbours per query.

        Returns
        -------
        Neighbours : `N[0]`, ids and cosines of the first query; `.indexes` and `.cosines` (q, k); `.to_pandas()`.

        Raises
        ------
        ItemFailedError : a query cannot be used.
        FingerprintMismatchError : the server does not have the model of the corpus, or queries have another one.
        DaguerreError : any other subclass in daguerre.errors.

        Examples
        --------
        >>> client.search("a burning car", client.embed(images="photos/"))[0]
        """
        wanted = await self._query(query, embeddings)
        corpus: Mapping[str, Embeddings] = {embeddings.modality or "image": embeddings}
        good, _ = split_usable(corpus, embeddings.ids)
        block = vector_blocks(corpus, good)
        queries = vector_blocks({wanted.modality or "image": wanted}, np.arange(len(wanted)))[0]
        fields = {"k": k, "queries": {**queries.fields(), "data": queries.packed()}}
        answer = await with_uploads(
            self.transport,
            block,
            lambda sent: self.ask(SEARCH, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        neighbours = [entry["neighbours"] for entry in answer["data"]]
        indexes = good[np.array([[each["index"] for each in row] for row in neighbours], np.int64)]
        return Neighbours(
            queries=list(wanted.ids),
            indexes=indexes,
            ids=[[embeddings.ids[i] for i in row] for row in indexes.tolist()],
            cosines=np.array([[each["cosine"] for each in row] for row in neighbours], np.float32),
        )

    async def _scores(self, near: Query, embeddings: Embeddings) -> Double:
        """The highest cosine of each item with the queries."""
        wanted = await self._query(near, embeddings)
        return cast(Double, embeddings.similarity(wanted).max(axis=1).astype(np.float64))

    async def _query(self, query: Query, corpus: Embeddings) -> Embeddings:
        """Queries in the space of the corpus. Raises FingerprintMismatchError, ItemFailedError."""
        if isinstance(query, Embeddings):
            corpus.check_comparable(query)
            if query.errors:
                raise ItemFailedError(query.errors[0])
            return query
        given: Any = query
        if not (isinstance(query, str | os.PathLike) or memory.is_one(query)):
            given = list(cast(Any, query))
            if not given:
                raise ValueError("query: got an empty list; give a text, an image, or a list of them")
        first = given[0] if isinstance(given, list) else given
        modality: Modality = "text" if isinstance(first, str) else "image"
        return await self.embed(
            **cast(Any, {f"{modality}s": given}),
            model=corpus.model,
            decode=cast(Any, corpus.receipt.decode or None),
            fingerprint=corpus.fingerprint,
            on_error="raise",
            progress=False,
        )
