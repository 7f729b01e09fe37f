"""gRPC methods of collections."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import collections_pb2 as pb
from models.errors import quoted
from service.api.grpc.inputs import fields_of, items_without_video, vectors_of
from service.api.grpc.messages import filled, job, limit
from service.api.grpc.methods.base import Method
from service.context import Context
from service.errors import Unprocessable
from service.jobs import Job
from service.pipelines import collection_items, collection_search
from service.pipelines import collections as pipeline
from service.pipelines.face_blocks import check_face_vectors
from service.pipelines.items import Item, VectorInput
from service.pipelines.jobs import job_record, wait_for_result
from service.pipelines.references import ids_of
from service.schemas import collections as schema
from service.schemas.validation import validated_in_pieces

S = TypeVar("S", bound=BaseModel)
M = TypeVar("M", bound=Message)


class CollectionMethods:
    """Methods for collections."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.collections

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "PutCollection", "collections", pb.PutCollectionRequest, self._put
        yield "ListCollections", "collections", pb.ListCollectionsRequest, self._list
        yield "GetCollection", "collections", pb.GetCollectionRequest, self._get
        yield "DeleteCollection", "collections", pb.DeleteCollectionRequest, self._delete
        yield "PutCollectionItems", "collections", pb.PutCollectionItemsRequest, self._put_items
        yield "ListCollectionItems", "collections", pb.ListCollectionItemsRequest, self._list_items
        yield "ListCollectionIds", "collections", pb.ListCollectionIdsRequest, self._list_ids
        yield "GetCollectionItem", "collections", pb.GetCollectionItemRequest, self._get_item
        yield "DeleteCollectionItems", "collections", pb.DeleteCollectionItemsRequest, self._delete_items
        yield "SearchCollection", "collections", pb.SearchCollectionRequest, self._search
        yield "FindCollectionDuplicates", "collections", pb.CollectionDuplicatesRequest, self._duplicates

    async def _read(self, kind: type[S], request: Message) -> S:
        """A request without its name and items; fields that are JSON are parsed."""

        def read() -> S:
            fields = fields_of(request, without=("name",))
            for name in ("metadata", "where"):
                if (text := fields.pop(f"{name}_json", None)) is not None:
                    fields[name] = _parsed(text, name)
            return validated_in_pieces(kind, fields)

        return await self._context.parsing.compute(lambda check: read())

    async def _inputs(
        self, request: Any, owner: str | None
    ) -> tuple[Sequence[Item] | None, Sequence[VectorInput] | None]:
        vectors = await self._context.parsing.compute(
            lambda check: vectors_of(request.vectors, self._context.files, owner, check)
        )
        check_face_vectors(self._context.settings, self._context.engine(), vectors, taken=False)
        if vectors is not None and len(vectors) > 1:
            raise Unprocessable(
                f"vectors: got {len(vectors)} blocks, and a collection takes one; send it alone", param="vectors"
            )
        return items_without_video(request.input) or None, vectors

    async def _put(self, request: pb.PutCollectionRequest, owner: str | None) -> Message:
        checked = await self._read(schema.CollectionRequest, request)
        made, _ = await pipeline.create(self._context.engine(), self._store, request.name, checked, owner)
        return _card(made)

    async def _list(self, request: pb.ListCollectionsRequest, owner: str | None) -> Message:
        found = await pipeline.cards(
            self._context.engine(), self._store, owner, limit=limit(request.limit), cursor=_cursor(request)
        )
        return pb.ListCollectionsResponse(data=[_card(each) for each in found.data], next_cursor=found.next_cursor)

    async def _get(self, request: pb.GetCollectionRequest, owner: str | None) -> Message:
        return _card(await pipeline.get(self._context.engine(), self._store, request.name, owner))

    async def _delete(self, request: pb.DeleteCollectionRequest, owner: str | None) -> Message:
        gone = await pipeline.delete(self._context.engine(), self._store, request.name, owner)
        return filled(pb.DeleteCollectionResponse, gone.model_dump())

    async def _put_items(self, request: pb.PutCollectionItemsRequest, owner: str | None) -> Message:
        checked = await self._read(schema.CollectionItemsRequest, request)
        items, vectors = await self._inputs(request, owner)
        stored = await collection_items.submit(
            self._context.engine(),
            self._store,
            self._context.jobs,
            request.name,
            checked,
            items=items,
            vectors=vectors,
            owner=owner,
        )
        if isinstance(stored, Job) and request.as_job:
            return pb.PutCollectionItemsResponse(job=job(job_record(stored)))
        if isinstance(stored, Job):
            stored = dict(await wait_for_result(self._context.jobs, stored, owner=owner))
        return pb.PutCollectionItemsResponse(stored=_with_json(pb.ItemsStored, stored, "receipt"))

    async def _list_items(self, request: pb.ListCollectionItemsRequest, owner: str | None) -> Message:
        found = await pipeline.items(
            self._context.engine(),
            self._store,
            request.name,
            owner,
            where=pipeline.parsed_where(request.where_json if request.HasField("where_json") else None),
            vectors=request.with_vectors,
            thumbnails=request.with_thumbnails,
            limit=limit(request.limit),
            cursor=_cursor(request),
        )
        return await self._context.engine().compute(
            lambda check: pb.ListCollectionItemsResponse(
                data=[_with_json(pb.CollectionItem, each, "metadata") for each in found["data"]],
                next_cursor=found["next_cursor"],
            )
        )

    async def _list_ids(self, request: pb.ListCollectionIdsRequest, owner: str | None) -> Message:
        where = pipeline.parsed_where(request.where_json if request.HasField("where_json") else None)
        return await self._context.engine().compute(
            lambda check: filled(pb.CollectionIds, ids_of(self._store, request.name, owner, where, check).model_dump())
        )

    async def _get_item(self, request: pb.GetCollectionItemRequest, owner: str | None) -> Message:
        found = await pipeline.item(self._context.engine(), self._store, request.name, request.id, owner)
        return _with_json(pb.CollectionItem, found, "metadata")

    async def _delete_items(self, request: pb.DeleteCollectionItemsRequest, owner: str | None) -> Message:
        checked = await self._read(schema.DeleteItemsRequest, request)
        gone = await pipeline.delete_items(
            self._context.engine(), self._store, self._context.jobs, request.name, checked, owner
        )
        return filled(pb.DeleteCollectionItemsResponse, gone.model_dump())

    async def _search(self, request: pb.SearchCollectionRequest, owner: str | None) -> Message:
        checked = await self._read(schema.CollectionSearchRequest, request)
        items, vectors = await self._inputs(request, owner)
        found = await collection_search.search(
            self._context.engine(), self._store, request.name, checked, items=items, vectors=vectors, owner=owner
        )
        return await self._context.engine().compute(lambda check: _found(pb.SearchCollectionResponse, found))

    async def _duplicates(self, request: pb.CollectionDuplicatesRequest, owner: str | None) -> Message:
        checked = await self._read(schema.CollectionDuplicatesRequest, request)
        items, vectors = await self._inputs(request, owner)
        found = await collection_search.duplicates(
            self._context.engine(), self._store, request.name, checked, items=items, vectors=vectors, owner=owner
        )
        return await self._context.engine().compute(lambda check: _found(pb.CollectionDuplicatesResponse, found))


def _parsed(text: str, name: str) -> Any:
    if name == "where":
        return pipeline.parsed_where(text, "where")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Unprocessable(
            f'{name}: got {quoted(text)}, which is not JSON; send for example [{{"year": 2021}}]', param=name
        ) from exc


def _cursor(request: Any) -> str | None:
    return request.cursor if request.HasField("cursor") else None


def _card(card: schema.CollectionCard) -> pb.Collection:
    return _with_json(pb.Collection, card.model_dump(), "receipt")


def _with_json(kind: type[M], fields: Mapping[str, Any], name: str) -> M:
    """A message of which the field `name` is JSON."""
    return filled(kind, {**fields, f"{name}_json": json.dumps(dict(fields[name]), ensure_ascii=False)})


def _found(kind: type[M], answer: Mapping[str, Any]) -> M:
    data = [
        {
            **entry,
            "neighbours": [
                _with_json(pb.CollectionNeighbour, each, "metadata") for each in entry.get("neighbours", ())
            ],
        }
        for entry in answer["data"]
    ]
    search = filled(pb.SearchMethod, answer["search"])
    found = [filled(pb.CollectionFound, entry) for entry in data]
    return _with_json(kind, {**answer, "data": found, "search": search}, "receipt")
