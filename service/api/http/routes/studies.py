"""HTTP routes of studies: items, columns, pictures and codebooks."""

import asyncio
from functools import partial
from typing import Annotated, Literal

from fastapi import FastAPI, Path, Query, Request, Response

from models.images.thumbnail import Blur
from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video
from service.api.http.responses import Cursor, Limit, json_response, while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import codebooks, studies, study_codes, study_collections, study_vectors
from service.schemas import studies as schema
from service.schemas.codebooks import Codebook, CodebookAnswer
from service.stores import study_items
from service.stores.studies import Study

Name = Annotated[str, Path(description="Name of the study.", examples=["protest"])]
Key = Annotated[str, Path(description="Key of the item.", examples=["0123456789abcdef"])]
Size = Annotated[
    Literal["256", "1024", "full"], Query(description="Longest side in pixels; full: as large as the picture is.")
]
Blurred = Annotated[
    Blur,
    Query(
        description="Blurred part. faces: the faces that the detector finds, which are not all; the whole picture "
        "where the server has no detector. picture: the whole picture."
    ),
]
Filters = Annotated[
    list[str] | None,
    Query(
        alias="filter",
        max_length=20,
        description="Condition on a column, as in score>=0.5, label=cat or cluster!=; an empty value is none. Can be "
        "repeated: all hold.",
    ),
]
Search = Annotated[str | None, Query(max_length=1024, description="Text that is part of the id.")]
Sort = Annotated[str | None, Query(max_length=100, description="Column to sort by, or id. Left out: as added.")]
Descending = Annotated[bool, Query(description="Whether the largest values come first.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Number of items to pass over.")]
Version = Annotated[int | None, Query(ge=1, le=2**31, description="Version of the codebook. Left out: the newest.")]
Within = Annotated[
    str, Query(max_length=4096, description="Folder below DAGUERRE_DATA. Left out: that folder.", examples=["photos"])
]
KEPT = "private, max-age=3600"  # seconds for which a browser shows a picture without asking again


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of studies."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/studies",
        tags=["studies"],
        summary="Make a study",
        status_code=201,
        response_model=schema.StudyCard,
        responses=openapi.errors(400, 401, 409, 413, 415, 422),
        openapi_extra=openapi.json_body("StudyRequest"),
    )
    async def create(request: Request) -> Response:
        """A corpus of pictures with its codebook and codes, which only its owner's key sees, until it is deleted.

        The items of a collection can be copied in place of pictures: their metadata, texts and vectors.
        """
        request.state.operation = "studies"
        owner = request.state.owner
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyRequest)
        if body.collection is None:
            made = await asyncio.to_thread(studies.create, context.studies, context.settings, body, owner)
        else:
            copy = partial(study_collections.create, context.studies, context.collections, body, owner)
            work = context.engine().compute(lambda check: copy(check))
            made = await while_connected(request, context.settings.request_timeout, work)
        return json_response(made.model_dump(), status=201)

    @app.get("/v1/studies", tags=["studies"], summary="List studies", response_model=schema.StudyList)
    async def list_studies(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The caller's studies, newest first."""
        request.state.operation = "studies"

        def read() -> schema.StudyList:
            found, following = context.studies.list(request.state.owner, limit=limit, cursor=cursor)
            return schema.StudyList(data=[studies.card(each) for each in found], next_cursor=following)

        return json_response((await asyncio.to_thread(read)).model_dump())

    @app.get("/v1/folders", **openapi.of_studies("List folders of the server", schema.FolderList, 401, 422))
    async def folders(request: Request, within: Within = "") -> Response:
        """The names of the folders below DAGUERRE_DATA that studies can be made of, one level deep."""
        request.state.operation = "studies"
        found = await asyncio.to_thread(studies.folders_in, context.settings, within)
        return json_response(found.model_dump())

    @app.get(
        "/v1/studies/{name}",
        tags=["studies"],
        summary="Describe a study",
        response_model=schema.StudyCard,
        responses=openapi.errors(401, 404),
    )
    async def get_study(request: Request, name: Name) -> Response:
        """Items, columns, codebook, assignments and codes of a study, in numbers."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(studies.card, study)).model_dump())

    @app.delete(
        "/v1/studies/{name}",
        tags=["studies"],
        summary="Delete a study",
        response_model=schema.DeletedStudy,
        responses=openapi.errors(401, 404),
    )
    async def delete_study(request: Request, name: Name) -> Response:
        """Delete the pictures that were sent, thumbnails, columns, codebooks, codes and tokens, and say how many."""
        study = await study_of(context, request, name)
        await asyncio.to_thread(study_vectors.cancel, context.jobs, study)
        gone = await asyncio.to_thread(studies.delete, context.studies, study)
        return json_response(gone.model_dump())

    @app.post(
        "/v1/studies/{name}/items",
        tags=["studies"],
        summary="Add pictures to a study",
        response_model=schema.PicturesAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS, 409),
        openapi_extra=openapi.message("PicturesRequest"),
    )
    async def add_pictures(request: Request, name: Name) -> Response:
        """Keep pictures until the study is deleted. A picture that is there already under its id changes nothing."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.PicturesRequest)
            if files.named:
                raise Unprocessable("the form has vectors, which this route does not take; send pictures")
            items = await items_without_video(body.input, files, context.files, request.state.owner) or ()
            work = studies.add_pictures(context.engine(), study, items, body.ids, on_error=body.on_error)
            answer = await while_connected(request, context.settings.request_timeout, work)
        return json_response(answer.model_dump())

    @app.get(
        "/v1/studies/{name}/items",
        tags=["studies"],
        summary="List items of a study",
        response_model=schema.ItemPage,
        responses=openapi.errors(401, 404),
    )
    async def list_items(
        request: Request,
        name: Name,
        limit: Limit = 100,
        offset: Offset = 0,
        filters: Filters = None,
        search: Search = None,
        sort: Sort = None,
        descending: Descending = False,
    ) -> Response:
        """Items with their columns, filtered and sorted; those without a value of the column of `sort` come last."""
        study = await study_of(context, request, name)

        def read() -> schema.ItemPage:
            page = study_items.page_of_items(
                study.database,
                limit=limit,
                offset=offset,
                filters=filters or (),
                search=search,
                sort=sort,
                descending=descending,
            )
            end = offset + len(page.items)
            return schema.ItemPage(
                data=[studies.item_card(item) for item in page.items],
                total=page.total,
                offset=offset,
                next_offset=end if end < page.total and page.items else None,
            )

        return json_response((await asyncio.to_thread(read)).model_dump())

    @app.get(
        "/v1/studies/{name}/items/{key}",
        tags=["studies"],
        summary="Describe an item of a study",
        response_model=schema.WholeItem,
        responses=openapi.errors(401, 404),
    )
    async def get_item(request: Request, name: Name, key: Key) -> Response:
        """All that is known of an item: its columns, and the codes of all coders."""
        study = await study_of(context, request, name)

        def read() -> schema.WholeItem:
            item = study_items.item_by_key(study.database, key)
            codes = study_codes.codes_of_item(study, item)
            return schema.WholeItem(**studies.item_card(item).model_dump(), codes=codes)

        return json_response((await asyncio.to_thread(read)).model_dump())

    @app.get(
        "/v1/studies/{name}/items/{key}/picture",
        tags=["studies"],
        summary="Picture of an item",
        response_class=Response,
        responses={**openapi.picture(), **openapi.errors(401, 404, 413, 415)},
    )
    async def get_picture(
        request: Request, name: Name, key: Key, size: Size = "256", blur: Blurred = "none"
    ) -> Response:
        """The upright picture as a JPEG without metadata. Small ones are kept on disk, for the next time."""
        study = await study_of(context, request, name)
        item = await asyncio.to_thread(study_items.item_by_key, study.database, key)
        return await picture_response(request, context, study, item, size, blur)

    @app.put(
        "/v1/studies/{name}/columns",
        tags=["studies"],
        summary="Write columns of items",
        response_model=schema.ColumnsAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.json_body("ColumnsRequest"),
    )
    async def put_columns(request: Request, name: Name) -> Response:
        """Values of items (labels, scores, clusters, times) to sort, filter and draw by; coders do not see them."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.ColumnsRequest)
            written = await asyncio.to_thread(studies.put_columns, study, body)
        return json_response(written.model_dump())

    @app.put(
        "/v1/studies/{name}/codebook",
        tags=["studies"],
        summary="Save the codebook of a study",
        response_model=CodebookAnswer,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.json_body("Codebook"),
    )
    async def put_codebook(request: Request, name: Name) -> Response:
        """Save a codebook: as a new version where codes exist, which are kept, and in place of the last otherwise."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, Codebook)
            saved = await asyncio.to_thread(codebooks.save_codebook, study, body)
        return json_response(saved.model_dump())

    @app.get(
        "/v1/studies/{name}/codebook",
        tags=["studies"],
        summary="Codebook of a study",
        response_model=CodebookAnswer,
        responses=openapi.errors(401, 404),
    )
    async def get_codebook(request: Request, name: Name, version: Version = None) -> Response:
        """The newest version of the codebook, or an earlier one."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(codebooks.read_codebook, study, version)).model_dump())


async def study_of(context: Context, request: Request, name: str) -> Study:
    """The caller's study of a name. Raises NotFound."""
    request.state.operation = "studies"
    return await asyncio.to_thread(context.studies.get, name, request.state.owner)


async def picture_response(
    request: Request, context: Context, study: Study, item: study_items.StudyItem, size: str, blur: Blur
) -> Response:
    """The response with a picture, or that the caller has it already."""
    known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"') or None
    work = studies.show(context.engine(), study, item, size, blur, known=known)
    shown = await while_connected(request, context.settings.request_timeout, work)
    headers = {"etag": f'"{shown.tag}"', "cache-control": KEPT, "x-content-type-options": "nosniff"}
    if not shown.data:
        return Response(status_code=304, headers=headers)
    return Response(shown.data, media_type="image/jpeg", headers=headers)
