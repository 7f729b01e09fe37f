"""Methods of a study for its items: lists, tables, columns, vectors, search."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from daguerre.corpus.studies import column_parts
from daguerre.errors import APIError, ItemError, ItemFailedError
from daguerre.handles.study_base import AsyncStudyBase
from daguerre.inputs.items import image_sources
from daguerre.inputs.source import Unreadable
from daguerre.results.study_data import StudyHits, StudyTable
from daguerre.transport.operations import (
    DELETE_COLUMN,
    DELETE_STUDY_EMBEDDINGS,
    EMBED_STUDY,
    LOOK_UP,
    PUT_COLUMNS,
    SEARCH_STUDY,
    STUDY_COLUMNS,
    STUDY_EMBEDDINGS,
    STUDY_ITEMS,
    STUDY_PICTURE,
    STUDY_TABLE,
)
from daguerre.types.common import Blur, Content
from daguerre.types.jobs import Job

PAGE = 1000  # items that are asked for at once


class AsyncStudyData(AsyncStudyBase):
    """The items of a study on the server."""

    async def items(
        self,
        filters: Iterable[str] = (),
        *,
        search: str | None = None,
        sort: str | None = None,
        descending: bool = False,
        most: int | None = None,
    ) -> list[Content]:
        """List items: id, key, bytes, width, height, columns.

        Parameters
        ----------
        filters : conditions on columns, such as "score>=0.5", "label=cat" or "cluster!="; all hold.
        search : text that is part of the id.
        sort : column to sort by, or "id"; None: as added.
        most : largest number of items; None: all.
        """
        found: list[Content] = []
        offset: int | None = 0
        while offset is not None and (most is None or len(found) < most):
            limit = PAGE if most is None else min(PAGE, most - len(found))
            fields: dict[str, Any] = {"limit": limit, "offset": offset, "search": search, "sort": sort}
            page = await self._ask(STUDY_ITEMS, {**fields, "filter": list(filters), "descending": descending})
            found += page["data"]
            offset = page["next_offset"]
        return found

    async def lookup(self, ids: Sequence[str] | None = None, *, keys: Sequence[str] | None = None) -> list[Content]:
        """Get items by their ids, or by their keys, in that order. Raises DaguerreError for an unknown one."""
        if (ids is None) == (keys is None):
            raise ValueError("ids: give either ids or keys")
        field, names = ("keys", keys) if ids is None else ("ids", ids)
        found: list[Content] = []
        for start in range(0, len(names or ()), PAGE):
            found += (await self._ask(LOOK_UP, {field: list(names or ())[start : start + PAGE]}))["data"]
        return found

    async def picture(self, key: str, size: Literal["256", "1024", "full"] = "1024", blur: Blur = "none") -> bytes:
        """Fetch the picture of an item, by its key, as an upright JPEG without metadata, blurred as `blur` says."""
        return await self._session.ask(STUDY_PICTURE, {"name": self.name, "key": key, "size": size, "blur": blur})

    async def set_columns(self, table: Any) -> Mapping[str, str]:
        """Write columns of items, to sort, filter and draw by; coders do not see them.

        Parameters
        ----------
        table : a path (.csv, .xlsx, .parquet), a DataFrame, or a mapping of names to lists, with a column id (or path).
            Cells that are numbers in all rows make a column of numbers.

        Returns
        -------
        Mapping : the kind of each column, "number" or "text".

        Examples
        --------
        >>> client.study("protest").set_columns({"id": ["a.jpg"], "score": [0.9]})
        """
        kinds: Mapping[str, str] = {}
        for fields in column_parts(table):
            kinds = (await self._ask(PUT_COLUMNS, fields))["columns"]
        return kinds

    async def columns(self, names: Sequence[str] = ()) -> list[Content]:
        """Describe all columns, or some: kind, items with a value, distinct values, range, histogram, values."""
        return list((await self._ask(STUDY_COLUMNS, {"column": list(names)}))["data"])

    async def delete_column(self, column: str) -> int:
        """Delete a column with its values, and return how many there were. Raises NotFoundError."""
        return int((await self._ask(DELETE_COLUMN, {"column": column}))["items"])

    async def table(
        self,
        columns: Sequence[str] = (),
        filters: Iterable[str] = (),
        *,
        search: str | None = None,
        sort: str | None = None,
        descending: bool = False,
    ) -> StudyTable:
        """Get all items at once, up to a million, with some columns.

        Parameters
        ----------
        columns : names of columns.
        filters, search, sort, descending : as for `items`.

        Returns
        -------
        StudyTable : `.ids`, `.keys`, `.columns`, `.to_pandas()`.

        Examples
        --------
        >>> client.study("protest").table(["score"], ["score>=0.5"], sort="score").to_pandas()
        """
        names = [columns] if isinstance(columns, str) else list(columns)
        fields: dict[str, Any] = {"column": names, "ids": True, "filter": list(filters), "search": search}
        return StudyTable.of(await self._ask(STUDY_TABLE, {**fields, "sort": sort, "descending": descending}))

    async def embed(
        self, model: str | None = None, *, wait: bool = True, progress: bool | None = None
    ) -> Content | Job:
        """Make vectors of the pictures without one, on the server, for search, clusters and predictions.

        A job that was cancelled, or a server that was killed, loses nothing that was embedded: call it again to go on,
        or after pictures were added.

        Parameters
        ----------
        model : name of the model; None: the client's, or else the server's default.
        wait : whether to wait for the job, and return its result.

        Returns
        -------
        Content : model, fingerprint, embedded, already, failed, failures (the first 1,000, with id, code, message),
            items. With `wait=False`, the job.

        Raises
        ------
        JobFailedError : such as for a model that is no longer running.
        APIError : such a job waits or runs already.

        Examples
        --------
        >>> client.study("protest").embed()["embedded"]
        """
        job: Job = await self._ask(EMBED_STUDY, {"model": model or self._session.default_model})
        if not wait:
            return job
        result = dict((await self._session.wait(job.id, progress=progress, what="embed")).result or {})
        if result["failed"]:
            self._remark([f"{result['failed']:,} of {result['items']:,} items could not be embedded; see failures"])
        return result

    async def embeddings(self) -> list[Content]:
        """List the vectors of the study by model: items, failed, missing, fingerprint, dimension, job, receipt."""
        return list((await self._ask(STUDY_EMBEDDINGS))["data"])

    async def delete_embeddings(self, model: str) -> int:
        """Delete the vectors of a model, and return how many there were. Raises NotFoundError."""
        return int((await self._ask(DELETE_STUDY_EMBEDDINGS, {"model": model}))["items"])

    async def search(
        self,
        query: Any = None,
        *,
        like: str | None = None,
        k: int = 100,
        filters: Iterable[str] = (),
        model: str | None = None,
    ) -> StudyHits:
        """Find the items that are the most similar to a text, a picture or an item, among those that were embedded.

        Parameters
        ----------
        query : a text; or a picture: a Path, bytes, a picture of PIL or an array. A str is a text.
        like : id of an item of the study, in place of a query.
        k : number of items.
        filters : conditions that the items fulfil, as for `items`.
        model : model of the vectors; None: the only one.

        Returns
        -------
        StudyHits : `.ids`, `.cosines`, `.keys`; `.to_pandas()`.

        Raises
        ------
        ItemFailedError : a picture that cannot be read.

        Examples
        --------
        >>> client.study("protest").search("a crowd with banners", k=20).ids
        """
        if (query is None) == (like is None):
            raise ValueError("query: give either a query (a text or a picture) or like=, the id of an item")
        fields: dict[str, Any] = {"k": k, "filter": list(filters), "model": model}
        if like is not None:
            (item,) = await self.lookup([like])
            fields["query"] = {"key": item["key"]}
        elif isinstance(query, str):
            if os.path.isfile(query):
                raise ValueError(
                    f"query: a str is a text, and {query!r} is a file; give Path({query!r}) for its picture"
                )
            fields["query"] = {"text": query}
        else:
            fields["query"] = {"image": await asyncio.to_thread(_picture, query)}
        try:
            answer = await self._ask(SEARCH_STUDY, fields)
        except APIError as exc:
            if exc.items:
                raise ItemFailedError(exc.items[0]) from exc
            raise
        self._remark(answer["remarks"])
        return StudyHits.of(answer)


def _picture(query: Any) -> bytes:
    """The file of one picture. Raises ItemFailedError, ValueError for none or several."""
    sources = list(image_sources(query, None))
    if len(sources) != 1:
        raise ValueError(f"query: got {len(sources)} pictures; give one picture or text")
    try:
        return sources[0].read().image or b""
    except Unreadable as exc:
        raise ItemFailedError(ItemError(0, "query", exc.code, exc.message)) from exc
