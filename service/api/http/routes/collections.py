"""HTTP routes of collections: named, persistent items that can be searched."""

from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video, read_vectors
from service.api.http.responses import Cursor, Limit, computed, job_response, json_response, while_connected
from service.context import Context
from service.jobs import Job
from service.pipelines import collection_items, collection_search
from service.pipelines import collections as pipeline
from service.pipelines.answers import to_json
from service.pipelines.jobs import wait_for_result
from service.pipelines.references import ids_of
from service.schemas import collections as schema
from service.schemas.references import CollectionIds

Name = Annotated[
    str,
    Path(
        description="Name of the collection.",
        examples=["posts"],
        json_schema_extra={"pattern": "^[a-z0-9]([a-z0-9_-]|[.](?![.])){0,62}$"},
    ),
]
Id = Annotated[str, Path(description="Id of the item.", examples=["post-17"])]
Where = Annotated[
    str | None,
    Query(description="Condition on the items, as JSON.", examples=['{"year": {"gte": 2020}}']),
]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of collections."""
    bodies, store = Bodies.of(context), context.collections

    @app.put(
        "/v1/collections/{name}",
        tags=["collections"],
        summary="Create a collection",
        response_model=schema.CollectionCard,
        responses={
            201: {"model": schema.CollectionCard, "description": "Created."},
            **openapi.errors(400, 401, 404, 409, 413, 415, 422, 503),
        },
        openapi_extra=openapi.json_body("CollectionRequest"),
    )
    async def put_collection(request: Request, name: Name) -> Response:
        """Create a collection; or find the one that has the same properties already."""
        request.state.operation = "collections"
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.CollectionRequest)
            made, created = await pipeline.create(context.engine(), store, name, body, request.state.owner)
        return json_response(made.model_dump(), status=201 if created else 200)

    @app.get(
        "/v1/collections",
        tags=["collections"],
        summary="List collections",
        response_model=schema.CollectionList,
        responses=openapi.errors(400, 401, 503),
    )
    async def list_collections(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The caller's collections, by name."""
        request.state.operation = "collections"
        found = await pipeline.cards(context.engine(), store, request.state.owner, limit=limit, cursor=cursor)
        return json_response(found.model_dump())

    @app.get(
        "/v1/collections/{name}",
        tags=["collections"],
        summary="Describe a collection",
        response_model=schema.CollectionCard,
        responses=openapi.errors(401, 404, 503),
    )
    async def get_collection(request: Request, name: Name) -> Response:
        """Number of items, model, metadata fields, index and size of a collection."""
        request.state.operation = "collections"
        return json_response((await pipeline.get(context.engine(), store, name, request.state.owner)).model_dump())

    @app.delete(
        "/v1/collections/{name}",
        tags=["collections"],
        summary="Delete a collection",
        response_model=schema.CollectionDeleted,
        responses=openapi.errors(401, 404, 503),
    )
    async def delete_collection(request: Request, name: Name) -> Response:
        """Delete the collection and everything in it; nothing of it is left on the disk."""
        request.state.operation = "collections"
        return json_response((await pipeline.delete(context.engine(), store, name, request.state.owner)).model_dump())

    @app.post(
        "/v1/collections/{name}/items",
        tags=["collections"],
        summary="Store items",
        response_model=schema.ItemsStored,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS, 409)},
        openapi_extra=openapi.message("CollectionItemsRequest"),
    )
    async def put_items(request: Request, name: Name) -> Response:
        """Store images, texts or vectors with their ids and metadata. They are on the disk when the answer comes."""
        request.state.operation = "collections"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.CollectionItemsRequest)
            work = collection_items.submit(
                context.engine(),
                store,
                context.jobs,
                name,
                body,
                items=await items_without_video(body.input, files, context.files, owner),
                vectors=await read_vectors(context, body.vectors, files, owner),
                owner=owner,
            )
            stored = await while_connected(request, context.settings.request_timeout, work)
        if isinstance(stored, Job) and body.mode == "job":
            return job_response(stored)
        if isinstance(stored, Job):
            waiting = wait_for_result(context.jobs, stored, owner=owner)
            stored = dict(await while_connected(request, context.settings.request_timeout, waiting))
        return json_response(stored)

    @app.get(
        "/v1/collections/{name}/items",
        tags=["collections"],
        summary="List items",
        response_model=schema.CollectionItemList,
        responses=openapi.errors(400, 401, 404, 422, 503),
    )
    async def list_items(
        request: Request,
        name: Name,
        where: Where = None,
        vectors: Annotated[bool, Query(description="Return the vectors.")] = False,
        thumbnails: Annotated[bool, Query(description="Return the thumbnails.")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Items of the collection, by id."""
        request.state.operation = "collections"
        found = await pipeline.items(
            context.engine(),
            store,
            name,
            request.state.owner,
            where=pipeline.parsed_where(where),
            vectors=vectors,
            thumbnails=thumbnails,
            limit=limit,
            cursor=cursor,
        )
        return await computed(context, lambda: found)

    @app.get(
        "/v1/collections/{name}/ids",
        tags=["collections"],
        summary="List ids",
        response_model=CollectionIds,
        responses=openapi.errors(400, 401, 404, 422, 503),
    )
    async def list_ids(request: Request, name: Name, where: Where = None) -> Response:
        """The ids of all items, or of those for which a condition holds, in one answer."""
        request.state.operation = "collections"
        owner, chosen = request.state.owner, pipeline.parsed_where(where)
        found = context.engine().compute(lambda check: to_json(ids_of(store, name, owner, chosen, check).model_dump()))
        answer = await while_connected(request, context.settings.request_timeout, found)
        return Response(answer, media_type="application/json")

    @app.delete(
        "/v1/collections/{name}/items",
        tags=["collections"],
        summary="Delete items",
        response_model=schema.ItemsDeleted,
        responses=openapi.errors(400, 401, 404, 413, 415, 422, 503),
        openapi_extra=openapi.json_body("DeleteItemsRequest"),
    )
    async def delete_items(request: Request, name: Name) -> Response:
        """Delete items by their ids, or all those for which a condition holds."""
        request.state.operation = "collections"
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.DeleteItemsRequest)
            work = pipeline.delete_items(context.engine(), store, context.jobs, name, body, request.state.owner)
            return json_response((await work).model_dump())

    @app.get(
        "/v1/collections/{name}/items/{id:path}",
        tags=["collections"],
        summary="One item",
        response_model=schema.CollectionItem,
        responses=openapi.errors(401, 404, 503),
    )
    async def get_item(request: Request, name: Name, id: Id) -> Response:
        """One item with its vector and its thumbnail."""
        request.state.operation = "collections"
        return json_response(await pipeline.item(context.engine(), store, name, id, request.state.owner))

    @app.post(
        "/v1/collections/{name}/search",
        tags=["collections"],
        summary="Search a collection",
        response_model=schema.CollectionSearchAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("CollectionSearchRequest"),
    )
    async def search(request: Request, name: Name) -> Response:
        """The items nearest to texts, images, vectors or other items, with the cosines that /v1/search returns."""
        request.state.operation = "collections"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.CollectionSearchRequest)
            items = await items_without_video(body.input, files, context.files, owner)
            vectors = await read_vectors(context, body.vectors, files, owner)
            work = collection_search.search(
                context.engine(), store, name, body, items=items, vectors=vectors, owner=owner
            )
            found = await while_connected(request, context.settings.request_timeout, work)
            return await computed(context, lambda: found)

    @app.post(
        "/v1/collections/{name}/duplicates",
        tags=["collections"],
        summary="Find items that a collection has already",
        response_model=schema.CollectionDuplicatesAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("CollectionDuplicatesRequest"),
    )
    async def duplicates(request: Request, name: Name) -> Response:
        """For each item, the items of the collection that are semantic duplicates of it."""
        request.state.operation = "collections"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.CollectionDuplicatesRequest)
            items = await items_without_video(body.input, files, context.files, owner)
            vectors = await read_vectors(context, body.vectors, files, owner)
            work = collection_search.duplicates(
                context.engine(), store, name, body, items=items, vectors=vectors, owner=owner
            )
            found = await while_connected(request, context.settings.request_timeout, work)
            return await computed(context, lambda: found)
