"""HTTP routes of image descriptions, which need no model."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video
from service.api.http.responses import json_response, while_connected
from service.context import Context
from service.pipelines.answers import crop_entry
from service.pipelines.images import describe
from service.schemas.images import ImagesAnswer, ImagesRequest


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of image descriptions."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/images",
        tags=["corpus"],
        summary="Describe images without a model",
        response_model=ImagesAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("ImagesRequest"),
    )
    async def images(request: Request) -> Response:
        """SHA-256, perceptual hash, size, and optionally a thumbnail or a copy, with blurred faces. Nothing is kept."""
        request.state.operation = "images"
        with bodies.hold(request):
            body, files = await bodies.message(request, ImagesRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner) or ()
            work = describe(context.engine(), items, body)
            found, failures = await while_connected(request, context.settings.request_timeout, work)
        data = []
        for i, item in enumerate(items):
            entry: dict[str, object] = {"index": i, "id": item.id, **crop_entry(item)}
            if i in failures:
                entry["error"] = {"code": failures[i].code, "message": failures[i].message}
            else:
                entry |= found[i].to_json()
            data.append({name: value for name, value in entry.items() if value is not None})
        first = [i for i, each in sorted(found.items()) if each.first_of_many]
        return json_response({"data": data, "first_of_many": first})
