"""HTTP routes of similarity search."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import block, items_without_video, vectors_or_collection
from service.api.http.responses import computed, while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.face_blocks import check_face_vectors
from service.pipelines.search import NO_CORPUS, search
from service.schemas.search import SearchAnswer, SearchRequest


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of search."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/search",
        tags=["corpus"],
        summary="Find the nearest items of a corpus",
        response_model=SearchAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("SearchRequest"),
    )
    async def find(request: Request) -> Response:
        """The nearest items to texts, images or vectors, by exact cosine."""
        request.state.operation = "search"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, SearchRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner)
            body, given = await vectors_or_collection(context, body, files, owner, faces=True)
            if not given:
                raise Unprocessable(NO_CORPUS, param="vectors")
            queries = None
            if (header := body.queries) is not None:
                queries = await context.parsing.compute(lambda check: block(header, None, context.files, owner, check))
                check_face_vectors(context.settings, context.engine(), [queries], taken=True, param="queries")

            async def work() -> Response:
                found = await search(context.engine(), body, corpus=given[0], items=items, queries=queries)
                rest = {"model": found.model, "receipt": found.receipt}
                return await computed(context, lambda: {"data": found.to_json(body.ids, items or ()), **rest})

            return await while_connected(request, context.settings.request_timeout, work())
