"""The HTTP routes about a corpus: images without a model, draws, agreement, comparisons, search."""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import block, items_without_video, vectors_of
from service.api.http.responses import json_response, while_connected
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines import annotation
from service.pipelines.images import describe
from service.pipelines.search import search
from service.schemas import annotation as schema
from service.schemas.images import ImagesAnswer, ImagesRequest
from service.schemas.search import SearchAnswer, SearchRequest
from service.settings import Settings
from service.stores.files import FileStore

_REFUSALS = (400, 401, 404, 413, 415, 422, 429, 503, 504)


def add(app: FastAPI, settings: Settings, bodies: Bodies, engine: Callable[[], Engine], store: FileStore) -> None:
    """Add the routes to `app`."""

    @app.post(
        "/v1/images",
        tags=["corpus"],
        summary="What images are, without a model",
        response_model=ImagesAnswer,
        responses=openapi.errors(*_REFUSALS),
        openapi_extra=openapi.message("ImagesRequest"),
    )
    async def images(request: Request) -> Response:
        """SHA-256, perceptual hash, size; a thumbnail where asked for. Nothing is kept."""
        request.state.operation = "images"
        with bodies.hold(request):
            said, files = await bodies.message(request, ImagesRequest)
            posts = await items_without_video(said.input, files, store, request.state.owner) or ()
            work = describe(engine(), posts, side=said.thumbnail, blurred=said.blurred, on_error=said.on_error)
            found, failures = await while_connected(request, settings.request_timeout, work)
        data = []
        for i, post in enumerate(posts):
            entry: dict[str, object] = {"index": i, "id": post.id}
            if i in failures:
                entry["error"] = {"code": failures[i].code, "message": failures[i].message}
            else:
                entry |= found[i].said()
            data.append({name: value for name, value in entry.items() if value is not None})
        return json_response({"data": data})

    @app.post(
        "/v1/samples",
        tags=["corpus"],
        summary="Draw items to be coded",
        response_model=schema.SampleAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("SampleRequest"),
    )
    async def sample(request: Request) -> Response:
        """With each item's inclusion probability, so that figures can undo the design."""
        return await _computed(request, "samples", schema.SampleRequest, annotation.drawn)

    @app.post(
        "/v1/pairs",
        tags=["corpus"],
        summary="Draw pairs to be coded",
        response_model=schema.PairsAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("PairsRequest"),
    )
    async def pairs(request: Request) -> Response:
        """Within clusters and between them: do these two belong together?"""
        return await _computed(request, "pairs", schema.PairsRequest, annotation.paired)

    @app.post(
        "/v1/agreement",
        tags=["corpus"],
        summary="How far coders agree",
        response_model=schema.AgreementAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("AgreementRequest"),
    )
    async def agreement(request: Request) -> Response:
        """Percent agreement, Cohen's kappa, Krippendorff's alpha, with bootstrap intervals."""
        return await _computed(request, "agreement", schema.AgreementRequest, annotation.measured)

    @app.post(
        "/v1/comparisons",
        tags=["corpus"],
        summary="Judge clusterings by coded pairs",
        response_model=schema.ComparisonAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("ComparisonRequest"),
    )
    async def comparison(request: Request) -> Response:
        """Weighted pair precision, recall and F1; the best one, scored on pairs that it was not chosen by."""
        return await _computed(request, "comparisons", schema.ComparisonRequest, annotation.compared)

    @app.post(
        "/v1/search",
        tags=["corpus"],
        summary="The nearest items of a corpus",
        response_model=SearchAnswer,
        responses=openapi.errors(*_REFUSALS),
        openapi_extra=openapi.message("SearchRequest"),
    )
    async def find(request: Request) -> Response:
        """To texts, images or vectors, by exact cosine."""
        request.state.operation = "search"
        owner = request.state.owner
        with bodies.hold(request):
            said, files = await bodies.message(request, SearchRequest)
            posts = await items_without_video(said.input, files, store, request.state.owner)
            given = await asyncio.to_thread(vectors_of, said.vectors, files, store, owner)
            assert given
            queries = None
            if said.queries is not None:
                queries = await asyncio.to_thread(block, said.queries, None, store, owner)
            work = search(engine(), said, corpus=given[0], posts=posts, queries=queries)
            found = await while_connected(request, settings.request_timeout, work)
        names = [post.id for post in posts or ()]
        return json_response({"data": found.said(said.ids, names), "model": found.model, "receipt": found.receipt})

    async def _computed(
        request: Request, operation: str, kind: type[BaseModel], compute: Callable[..., BaseModel]
    ) -> Response:
        request.state.operation = operation
        with bodies.hold(request):
            said, files = await bodies.message(request, kind)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, and none are looked at here; send JSON")
            work = engine().in_thread(lambda: compute(said))
            return json_response((await while_connected(request, settings.request_timeout, work)).model_dump())
