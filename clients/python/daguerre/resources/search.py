"""Methods of the client for search."""

import os
from collections.abc import Sequence
from typing import Any, TypeAlias, cast, get_args

import numpy as np

from daguerre.dispatch.vectors import (
    EVERY,
    EmbeddingsLike,
    WithEmbeddings,
    embeddings_of,
    split_usable,
    vector_blocks,
    with_uploads,
)
from daguerre.errors import ItemFailedError, RemarkWarning
from daguerre.handles.reported import AsyncNeighbours, reported
from daguerre.inputs import memory
from daguerre.inputs.crops import with_crops
from daguerre.inputs.files import file_kind
from daguerre.inputs.items import Images, WithTexts, own_texts
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.results.embeddings import Embeddings
from daguerre.results.neighbours import Neighbours
from daguerre.transport.operations import SEARCH
from daguerre.types.common import Decode, Double, Modality

Query: TypeAlias = Embeddings | WithEmbeddings | str | Sequence[str] | Images


class SearchMethods(EmbeddingMethods):
    """Search."""

    @reported(AsyncNeighbours)
    async def search(
        self, query: Query, embeddings: EmbeddingsLike | WithTexts, k: int = 10, *, crops: Any = None
    ) -> Neighbours:
        """Find the nearest items of a corpus, by exact cosine.

        Parameters
        ----------
        query : a text or texts; images: a Path, bytes, a picture or a list of them; or embeddings. A str is a text.
        embeddings : the corpus, a result of `embed` or the path of its .parquet or .npz file; items without a vector
            are never found. Captions are embedded as texts: the pictures whose captions are the nearest are found.
        k : number of neighbours per query.
        crops : crops of the images of the query, as for `embed`; a str is then the path of an image.

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
        if (texts := own_texts(embeddings)) is not embeddings:
            embeddings = await self.embed(texts=texts)
        corpus = await embeddings_of(embeddings, EVERY, default="image")
        if len(corpus) > 1:
            raise ValueError("embeddings: of images and of texts; search in one of them")
        searched = next(iter(corpus.values()))
        wanted = await self._query(query, searched, crops)
        good, _ = split_usable(corpus, searched.ids)
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
            ids=[[searched.ids[i] for i in row] for row in indexes.tolist()],
            cosines=np.array([[each["cosine"] for each in row] for row in neighbours], np.float32),
            model=answer["model"],
            receipt=answer["receipt"],
            texts=[] if crops is not None else _texts(query),
            query_files=list(wanted.files) if wanted.has_files else [],
            files={searched.ids[i]: searched.files[i] for i in np.unique(indexes).tolist()}
            if searched.has_files
            else {},
        )

    async def _scores(self, near: Query, embeddings: Embeddings) -> Double:
        """The highest cosine of each item with the queries."""
        wanted = await self._query(near, embeddings)
        return cast(Double, embeddings.similarity(wanted).max(axis=1).astype(np.float64))

    async def _query(self, query: Query, corpus: Embeddings, crops: Any = None) -> Embeddings:
        """Queries in the space of the corpus. Raises FingerprintMismatchError, ItemFailedError, ValueError."""
        if isinstance(query, WithEmbeddings):
            query = query.to_embeddings()
        if isinstance(query, Embeddings) and crops is not None:
            raise ValueError("crops: are of images, and the query is embeddings; embed the crops, or leave them out")
        if isinstance(query, Embeddings):
            corpus.check_comparable(query)
            if query.errors:
                raise ItemFailedError(query.errors[0])
            return query
        if corpus.modality == "face":
            raise ValueError(
                "query: the embeddings are of faces, and a text or picture is none; give vectors of the faces that are "
                "searched for, client.face_vectors(images)"
            )
        given: Any = query
        if crops is not None:
            given = with_crops(query, crops)
        elif not (isinstance(query, str | os.PathLike) or memory.is_one(query)):
            given = list(cast(Any, query))
            if not given:
                raise ValueError("query: got an empty list; give a text, an image, or a list of them")
        first = given[0] if isinstance(given, list) else given
        modality: Modality = "text" if isinstance(first, str) else "image"
        if isinstance(first, str) and file_kind(first) == "image" and os.path.isfile(first):
            self.warn(RemarkWarning(f"query: {first!r} is an image file, and a str is a text; give Path({first!r})"))
        decode = corpus.receipt.decode  # "gpu" is a server's setting, and no option of a request
        return await self.embed(
            **cast(Any, {f"{modality}s": given}),
            model=corpus.model,
            decode=cast(Any, decode if decode in get_args(Decode) else None),
            fingerprint=corpus.fingerprint,
            on_error="raise",
            progress=False,
        )


def _texts(query: Query) -> list[str | None]:
    """The texts of a query, for its page; empty for images and embeddings."""
    if isinstance(query, str):
        return [query]
    given = list(query) if isinstance(query, list | tuple) else []
    return list(given) if all(isinstance(each, str) for each in given) else []
