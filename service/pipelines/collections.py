"""Collections: creation, cards, lists, deletion, and maintenance where it is due."""

import base64
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from models.errors import quoted
from models.images.decoding import DecodeMode
from service.errors import BadRequest, NotFound, Overloaded, Unprocessable
from service.inference.engine import Engine, Model
from service.inference.matching import running
from service.jobs import Jobs
from service.pipelines.jobs import time_of
from service.schemas import collections as schema
from service.stores import collection_search
from service.stores.collection_fields import condition
from service.stores.collection_records import Collection, Properties
from service.stores.collection_tables import columns_of, metadata_of
from service.stores.collections import CollectionStore
from service.tasks import collections as work

logger = logging.getLogger("daguerre.collections")
MAINTENANCE = "collection_maintenance"


async def create(
    engine: Engine, store: CollectionStore, name: str, request: schema.CollectionRequest, owner: str | None
) -> tuple[schema.CollectionCard, bool]:
    """Create a collection, or find the same one. Returns its card, and whether it was created now.

    Raises Unprocessable, NotFound for an unknown model, Conflict.
    """
    properties = properties_of(engine, request)
    made, created = await engine.in_thread(lambda: store.create(name, owner, properties))
    return await engine.in_thread(lambda: card(store, made)), created


def properties_of(engine: Engine, request: schema.CollectionRequest) -> Properties:
    """The properties of a new collection. Raises Unprocessable, NotFound."""
    model, decode = _model(engine, request)
    if model is None:
        assert request.model is not None
        assert request.fingerprint is not None
        assert request.dimension is not None
        name, fingerprint, dimension = request.model, request.fingerprint, request.dimension
        receipt: Mapping[str, Any] = {"model": name, "fingerprint": fingerprint}
    else:
        receipt = model.receipts[decode]
        name, fingerprint, dimension = model.spec.name, receipt["fingerprint"], model.spec.dimension
        if request.dimension not in (None, dimension):
            raise Unprocessable(
                f"dimension: {request.dimension} was asked for, model {name!r} has {dimension}; leave it out",
                param="dimension",
            )
    return Properties(
        model=name,
        fingerprint=fingerprint,
        dimension=dimension,
        fields=request.fields,
        thumbnails=request.thumbnails,
        receipt=receipt,
    )


def _model(engine: Engine, request: schema.CollectionRequest) -> tuple[Model | None, DecodeMode]:
    """The running model of a new collection, None for vectors of another one, and the decoding of JPEGs."""
    decode = request.decode or engine.settings.decode
    if request.fingerprint is None:
        return engine.model(request.model), decode
    match = running(engine, request.fingerprint)
    if match is None:
        if request.model is None or request.dimension is None:
            raise Unprocessable(
                f"fingerprint: no running model has {quoted(request.fingerprint)}; send model and dimension too, for a "
                "collection of vectors alone",
                code="fingerprint_mismatch",
                param="fingerprint",
            )
        if request.decode is not None:
            raise Unprocessable("decode: is for a model that the server runs; leave it out", param="decode")
        return None, decode
    model, implied = match
    if request.model not in (None, model.spec.name) or request.decode not in (None, implied):
        raise Unprocessable(
            f"fingerprint: {quoted(request.fingerprint)} is that of {model.spec.name!r} with decode {implied!r}; leave "
            "it out, or model and decode",
            code="fingerprint_mismatch",
            param="fingerprint",
        )
    return model, implied


def card(store: CollectionStore, collection: Collection) -> schema.CollectionCard:
    """Describe a collection; call it in a thread."""
    known = collection_search.figures(collection)
    rows = store.tables.count(collection)
    counts = None if known is None else store.tables.read(collection, collection_search.indexed_rows)
    index = None
    if known is not None and counts is not None:
        index = schema.CollectionIndex(
            kind=collection_search.KIND,
            partitions=known.partitions,
            rows=counts[0],
            unindexed=counts[1],
            probes=known.probes,
            refine=known.refine,
            recall=known.recall,
            sample=known.sample,
            built=known.built,
        )
    return schema.CollectionCard(
        name=collection.name,
        rows=rows,
        model=collection.model,
        fingerprint=collection.fingerprint,
        dimension=collection.dimension,
        fields=dict(collection.fields),
        thumbnails=collection.thumbnails,
        index=index,
        bytes=store.bytes(collection),
        created=time_of(collection.created) or "",
        receipt=dict(collection.receipt),
    )


async def get(engine: Engine, store: CollectionStore, name: str, owner: str | None) -> schema.CollectionCard:
    """The card of a collection. Raises NotFound."""
    return await engine.in_thread(lambda: card(store, store.get(name, owner)))


async def cards(
    engine: Engine, store: CollectionStore, owner: str | None, *, limit: int, cursor: str | None
) -> schema.CollectionList:
    """A page of the list of collections."""

    def read() -> schema.CollectionList:
        found, following = store.list(owner, limit=limit, cursor=cursor)
        return schema.CollectionList(data=[card(store, each) for each in found], next_cursor=following)

    return await engine.in_thread(read)


async def delete(engine: Engine, store: CollectionStore, name: str, owner: str | None) -> schema.CollectionDeleted:
    """Delete a collection with everything in it. Raises NotFound."""
    _, rows = await engine.in_thread(lambda: store.delete(name, owner))
    return schema.CollectionDeleted(deleted=name, rows=rows)


def parsed_where(text: str | None, param: str = "where") -> dict[str, Any] | None:
    """The condition in a parameter, as JSON. Raises Unprocessable."""
    if text is None:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unprocessable(
            f'{param}: got {quoted(text)}, which is no JSON object; send for example {{"year": {{"gte": 2020}}}}',
            param=param,
        )
    return found


async def items(
    engine: Engine,
    store: CollectionStore,
    name: str,
    owner: str | None,
    *,
    where: Mapping[str, Any] | None,
    vectors: bool,
    thumbnails: bool,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """A page of a collection's items, by id: a CollectionItemList with arrays and bytes.

    Raises NotFound, Unprocessable, BadRequest.
    """
    after = None if cursor is None else _after(cursor)

    def read() -> dict[str, Any]:
        collection = store.get(name, owner)
        columns = _columns(collection, vectors, thumbnails)
        sql = condition(where, collection.fields)
        found = store.tables.page(collection, sql, after=after, limit=limit + 1, columns=columns)
        following = _cursor(found[limit - 1]["id"]) if len(found) > limit else None
        data = [item_of(collection, record) for record in found[:limit]]
        return {"object": "list", "data": data, "next_cursor": following}

    return await engine.compute(lambda check: read())


def _cursor(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode()


def _after(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except ValueError as exc:
        raise BadRequest(
            f"cursor: {quoted(cursor)} is not valid; use next_cursor of the previous page", param="cursor"
        ) from exc


async def item(engine: Engine, store: CollectionStore, name: str, id: str, owner: str | None) -> dict[str, Any]:
    """One item with its vector and its thumbnail: a CollectionItem with arrays and bytes. Raises NotFound."""

    def read() -> dict[str, Any]:
        collection = store.get(name, owner)
        found = store.tables.named(collection, [id], _columns(collection, True, True))
        if id not in found:
            raise NotFound(
                f"item: collection {collection.name!r} has no {quoted(id)}; GET /v1/collections/{{name}}/items lists "
                "its items",
                code="unknown_item",
                param="id",
            )
        return item_of(collection, found[id])

    return await engine.in_thread(read)


def _columns(collection: Collection, vectors: bool, thumbnails: bool) -> list[str]:
    extra = [name for name, wanted in (("vector", vectors), ("thumbnail", thumbnails)) if wanted]
    return ["modality", "text", *columns_of(collection), *extra]


def item_of(collection: Collection, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of a table as a CollectionItem, with an array and bytes."""
    found = {name: record[name] for name in ("id", "modality")} | {"metadata": metadata_of(collection, record)}
    return found | {name: record[name] for name in ("text", "vector", "thumbnail") if record.get(name) is not None}


async def delete_items(
    engine: Engine,
    store: CollectionStore,
    jobs: Jobs,
    name: str,
    request: schema.DeleteItemsRequest,
    owner: str | None,
) -> schema.ItemsDeleted:
    """Delete items by their ids, or by a condition. Raises NotFound, Unprocessable."""
    if (request.ids is None) == (request.where is None):
        raise Unprocessable("ids: send either ids or where", param="ids")
    if request.where == {}:
        raise Unprocessable(
            'where: is empty, which all items satisfy; delete the collection, or send {"id": {"exists": true}}',
            param="where",
        )

    def remove() -> tuple[Collection, int, int]:
        collection = store.get(name, owner)
        sql = condition(request.where, collection.fields)
        gone = store.remove(collection, ids=request.ids, where=sql)
        return collection, gone, store.tables.count(collection)

    collection, gone, rows = await engine.compute(lambda check: remove())
    if gone:
        await maintain(engine, store, jobs, collection, owner, always=True)
    return schema.ItemsDeleted(collection=name, deleted=gone, rows=rows)


async def maintain(
    engine: Engine,
    store: CollectionStore,
    jobs: Jobs,
    collection: Collection,
    owner: str | None,
    *,
    always: bool = False,
) -> None:
    """Queue a job for the maintenance of a collection, where it is due and none waits already."""

    def wanted() -> bool:
        return (always or work.due(store, collection)) and store.ask_for_maintenance(collection)

    if not await engine.in_thread(wanted):
        return
    params = {"collection": collection.name, "token": collection.token}
    try:
        await jobs.submit(MAINTENANCE, params, owner=owner)
    except Overloaded as exc:  # the next write asks again
        logger.warning("collection %s waits for its maintenance: %s", collection.name, exc.message)
        await engine.in_thread(lambda: store.maintenance_refused(collection))
