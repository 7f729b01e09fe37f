"""The HTTP app: routes, error handlers, metrics."""

import sqlite3
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import ModelsError, quoted
from service import __version__
from service.api.http import openapi
from service.api.http.middleware import send_error
from service.api.http.routes import (
    analyses,
    annotation,
    assignments,
    captions,
    classifiers,
    client,
    cluster_grids,
    clusters,
    coding,
    collections,
    duplicates,
    estimates,
    evaluations,
    face_comparison,
    files,
    images,
    items,
    jobs,
    label_studio,
    labels,
    multiverses,
    orange,
    pages,
    representations,
    search,
    sessions,
    studies,
    study_analyses,
    study_columns,
    study_labels,
    study_results,
    study_search,
    study_vectors,
    timeline,
    validations,
    workbench,
)
from service.context import Context
from service.errors import BadRequest, MethodNotAllowed, NotFound, ServiceError, Unprocessable, translate
from service.metrics import CONTENT_TYPE, exposition

FILE_METHODS = frozenset({"GET", "HEAD"})
PROBES = ("/livez", "/readyz", "/healthz")
FILES = (f"{openapi.ASSETS}/", "/web/")  # begins of paths of files


def create(context: Context) -> FastAPI:
    """Create the app with the routes of every feature."""
    app = FastAPI(
        title="Daguerre",
        summary="Images as data, served.",
        description=openapi.INTRODUCTION,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    features = (
        coding,  # first, since routes are tried in order, and a coder waits for each answer
        *(items, analyses, captions, classifiers, clusters, cluster_grids, duplicates, images, annotation),
        *(representations, orange, label_studio),
        *(search, collections, timeline, files, pages, validations, evaluations, estimates, multiverses, labels),
        *(jobs, client),
        *(studies, assignments, study_columns, study_vectors, study_search, study_analyses),
        *(study_labels, study_results),
        *(face_comparison, sessions, workbench),
    )
    for feature in features:
        feature.add(app, context)
    openapi.mount(app)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE)

    async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
        raise _not_routed(app, Request(scope))

    app.router.routes.append(Route("/{path:path}", _Endpoint(nothing_here)))  # for all methods

    @app.exception_handler(ServiceError)
    async def service_error(request: Request, exc: ServiceError) -> Response:
        return _Refusal(exc)

    @app.exception_handler(ModelsError)
    async def models_error(request: Request, exc: ModelsError) -> Response:
        return _Refusal(translate(exc))

    @app.exception_handler(OSError)
    @app.exception_handler(sqlite3.Error)
    async def full_disk(request: Request, exc: Exception) -> Response:
        return _Refusal(translate(exc))  # raises one that is not about the disk

    @app.exception_handler(RequestValidationError)
    async def invalid_parameter(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]  # in a path or a query: bodies are validated separately
        param = str(first["loc"][-1])
        message = first["msg"].removeprefix("Input ")
        return _Refusal(Unprocessable(f"{param}: got {quoted(str(first['input']))}, {message}", param=param))

    @app.exception_handler(HTTPException)
    async def not_routed(request: Request, exc: HTTPException) -> Response:
        if exc.status_code in (404, 405):
            return _Refusal(_not_routed(app, request))
        return _Refusal(BadRequest(str(exc.detail)))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, exc: Exception) -> Response:
        return _Refusal(ServiceError("something went wrong here; the server's log knows this id"))

    return app


def _not_routed(app: FastAPI, request: Request) -> ServiceError:
    """The error of a path that is not there, or of a method that the path does not take."""
    path = request.url.path
    methods = {
        method
        for route in app.routes
        if route.matches(request.scope)[0] == Match.PARTIAL
        for method in getattr(route, "methods", ())
    }
    if path in PROBES or (path.startswith(FILES) and request.method not in FILE_METHODS):
        methods |= FILE_METHODS  # BentoML's probes, and files
    if not methods:
        return NotFound(f"{request.method} {quoted(path)}: there is no such path; /docs lists those there are")
    allowed = ", ".join(sorted(methods))
    return MethodNotAllowed(f"{request.method} {quoted(path)}: this path takes {allowed}", allow=allowed)


class _Endpoint:
    """An ASGI app as the endpoint of a route, which then takes all methods."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Refusal(Response):
    """Response for a ServiceError."""

    def __init__(self, exc: ServiceError) -> None:
        super().__init__(status_code=exc.status)
        self._exc = exc

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send_error(self._exc, scope["state"]["request_id"], send)
