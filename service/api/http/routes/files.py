"""HTTP routes of files: uploaded vectors and videos, streamed to disk."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response

from models.errors import quoted
from service.api.http import openapi
from service.api.http.bodies import arriving
from service.api.http.responses import Cursor, Limit, json_response
from service.context import Context
from service.errors import UnsupportedMedia
from service.pipelines.files import card
from service.schemas import files

Id = Annotated[str, Path(description="File id from the upload.", examples=["file_0123456789abcdef"])]
Name = Annotated[str, Query(max_length=1024, description="Name given by the caller.", examples=["photos.npy"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of files."""

    @app.post(
        "/v1/files",
        tags=["files"],
        summary="Upload vectors or a video",
        status_code=201,
        response_model=files.FileCard,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def upload(request: Request, name: Name = "") -> Response:
        """A .npy file, (items, dimension) floats, or a video: `curl --data-binary @clip.mp4 -H 'content-type: …'`."""
        request.state.operation = "files"
        kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
        if kind != "application/octet-stream" and not kind.startswith("video/"):
            raise UnsupportedMedia(
                f"content-type: {quoted(kind)} is not read here; send the file's bytes as application/octet-stream"
            )
        made = await context.files.receive(arriving(request), name=name, owner=request.state.owner)
        return json_response(card(made).model_dump(), status=201)

    @app.get("/v1/files", tags=["files"], summary="List files", response_model=files.FileList)
    async def list_files(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The caller's files, newest first."""
        request.state.operation = "files"
        found, following = await asyncio.to_thread(context.files.list, request.state.owner, limit=limit, cursor=cursor)
        return json_response(files.FileList(data=[card(f) for f in found], next_cursor=following).model_dump())

    @app.get(
        "/v1/files/{id}",
        tags=["files"],
        summary="Describe a file",
        response_model=files.FileCard,
        responses=openapi.errors(401, 404),
    )
    async def get_file(request: Request, id: Id) -> Response:
        """Name, size, shape and expiry of an uploaded file."""
        request.state.operation = "files"
        return json_response(card(await asyncio.to_thread(context.files.get, id, request.state.owner)).model_dump())

    @app.delete(
        "/v1/files/{id}",
        tags=["files"],
        summary="Delete a file",
        response_model=files.FileCard,
        responses=openapi.errors(401, 404),
    )
    async def delete_file(request: Request, id: Id) -> Response:
        """Delete the file; jobs that already use it continue."""
        request.state.operation = "files"
        return json_response(card(await asyncio.to_thread(context.files.delete, id, request.state.owner)).model_dump())
