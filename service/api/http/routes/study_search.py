"""HTTP route of the search among the items of a study."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, while_connected
from service.api.http.routes.studies import Name, study_of
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import study_search
from service.schemas import study_search as schema


def add(app: FastAPI, context: Context) -> None:
    """Add the route of the search."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/studies/{name}/search",
        **openapi.of_studies("Search a study", schema.StudySearchAnswer, *openapi.ITEM_ERRORS)
        | {"openapi_extra": openapi.message("StudySearchRequest", arrays=False)},
    )
    async def search(request: Request, name: Name) -> Response:
        """The items that are the most similar to a text, to a picture (in base64, or as a form), or to an item."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.StudySearchRequest)
            if files.named:
                raise Unprocessable("the form has vectors, which this route does not take; send a picture or a text")
            if len(files.inputs) > 1 or any(item.video is not None for item in files.inputs):
                raise Unprocessable("input: send one picture or text to search with", param="input")
            sent = files.inputs[0] if files.inputs else None
            work = study_search.search(context.engine(), study, body, sent)
            found = await while_connected(request, context.settings.request_timeout, work)
        return json_response(found.model_dump())
