"""The HTTP routes: decode, call one pipeline, encode."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Match

from models.errors import ModelsError
from service import __version__
from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.middleware import refuse
from service.api.http.responses import json_response, while_connected
from service.api.http.routes import annotation, clusters, files
from service.api.http.routes import classifiers as http_classifiers
from service.api.http.routes import jobs as http_jobs
from service.body_budget import Room
from service.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    ServiceError,
    Unprocessable,
    shown,
    translate,
)
from service.inference.engine import Engine
from service.jobs import Jobs
from service.metrics import CONTENT_TYPE, exposition
from service.pipelines import answers, video_jobs
from service.pipelines import jobs as jobs_pipeline
from service.pipelines.embeddings import embed
from service.pipelines.items import Post
from service.pipelines.models import card, cards
from service.pipelines.prompts import Question
from service.pipelines.zero_shot import zero_shot
from service.schemas import common, models
from service.schemas.embeddings import EmbeddingsAnswer, EmbeddingsOptions, EmbeddingsRequest
from service.schemas.zero_shot import ZeroShotAnswer, ZeroShotOptions, ZeroShotRequest
from service.settings import Settings
from service.stores.classifiers import Classifiers
from service.stores.files import FileStore

PROBES = ("/livez", "/readyz", "/healthz")


def create(
    settings: Settings, engine: Callable[[], Engine], room: Room, classifiers: Classifiers, jobs: Jobs, store: FileStore
) -> FastAPI:
    """The app. `engine` gives the engine once there is one; `room` is where bodies are counted."""
    app = FastAPI(
        title="Daguerre",
        summary="Images as data, served.",
        description=openapi.INTRODUCTION,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    bodies = Bodies(settings, room, store)

    @app.get("/v1/models", tags=["models"], summary="List models", response_model=models.ModelList)
    async def list_models(request: Request) -> Response:
        """The models that can be asked for, the default first."""
        request.state.operation = "models"
        return json_response(models.ModelList(data=list(cards(engine()))).model_dump())

    @app.get(
        "/v1/models/{name}",
        tags=["models"],
        summary="Describe a model",
        response_model=models.ModelCard,
        responses=openapi.errors(404),
    )
    async def get_model(
        request: Request, name: Annotated[str, Path(description="As in GET /v1/models.", examples=["embedded"])]
    ) -> Response:
        """One model: licence, dimension, revision, hashes of its weights, precision, provider."""
        request.state.operation = "models"
        return json_response(card(engine(), name).model_dump())

    async def as_job(
        operation: video_jobs.Operation, options: common.ModelOptions, posts: Sequence[Post], owner: str | None
    ) -> Response:
        job = await video_jobs.begin(engine(), classifiers, jobs, operation, options, posts, owner=owner)
        return json_response(jobs_pipeline.said(job).model_dump(), status=202)

    @app.post(
        "/v1/embeddings",
        tags=["embeddings"],
        summary="Embed texts, images and videos",
        response_model=EmbeddingsAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(400, 401, 404, 413, 415, 422, 429, 503, 504)},
        openapi_extra=openapi.body(EmbeddingsRequest, EmbeddingsOptions),
    )
    async def embeddings(request: Request) -> Response:
        """Unit vectors of texts and images, in one space where the model has one."""
        request.state.operation = "embeddings"
        with bodies.hold(request):
            options, items = await bodies.read(request, EmbeddingsRequest, EmbeddingsOptions)
            if options.mode == "job":
                return await as_job("embeddings", options, items, request.state.owner)
            model = engine().model(options.model)
            decode = options.decode or settings.decode
            encoded = await while_connected(
                request,
                settings.request_timeout,
                embed(
                    engine(),
                    model,
                    items,
                    dimensions=options.dimensions,
                    decode=decode,
                    on_error=options.on_error,
                ),
            )
        ids = [item.id for item in items]
        return json_response(answers.embeddings(model, decode, options, ids, encoded))

    @app.post(
        "/v1/zero-shot",
        tags=["zero-shot"],
        summary="Score labels that you make up",
        response_model=ZeroShotAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(400, 401, 404, 413, 415, 422, 429, 503, 504)},
        openapi_extra=openapi.body(ZeroShotRequest, ZeroShotOptions),
    )
    async def label(request: Request) -> Response:
        """Scores of items for labels that you make up. Uncalibrated: validate them against human codes."""
        request.state.operation = "zero_shot"
        with bodies.hold(request):
            options, items = await bodies.read(request, ZeroShotRequest, ZeroShotOptions)
            if options.mode == "job":
                return await as_job("zero_shot", options, items, request.state.owner)
            model = engine().model(options.model)
            decode = options.decode or settings.decode
            question = Question.of(options)
            found = await while_connected(
                request,
                settings.request_timeout,
                zero_shot(engine(), model, items, question, decode=decode, on_error=options.on_error),
            )
        ids = [item.id for item in items]
        return json_response(answers.zero_shot(model, decode, options, ids, found))

    http_classifiers.add(app, settings, bodies, engine, classifiers, jobs, store)
    clusters.add(app, settings, bodies, engine, jobs, store)
    annotation.add(app, settings, bodies, engine, store)
    files.add(app, store)
    http_jobs.add(app, jobs)
    openapi.mount(app)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE)

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return RedirectResponse("docs")

    @app.api_route(
        "/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], include_in_schema=False
    )
    async def nothing_here(request: Request, path: str) -> Response:
        if request.url.path in PROBES:  # BentoML's, which take a GET
            raise MethodNotAllowed(f"{request.method} {request.url.path}: this path takes GET", allow="GET")
        for route in app.routes:
            if route.matches(request.scope)[0] == Match.PARTIAL:
                allowed = ", ".join(sorted(getattr(route, "methods", ())))
                raise MethodNotAllowed(
                    f"{request.method} {shown(request.url.path)}: this path takes {allowed}", allow=allowed
                )
        raise NotFound(
            f"{request.method} {shown(request.url.path)}: there is no such path; /docs lists those there are"
        )

    @app.exception_handler(ServiceError)
    async def said(request: Request, exc: ServiceError) -> Response:
        return _Refusal(exc)

    @app.exception_handler(ModelsError)
    async def said_by_models(request: Request, exc: ModelsError) -> Response:
        return _Refusal(translate(exc))

    @app.exception_handler(RequestValidationError)
    async def said_by_fastapi(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]  # of a path or a query: bodies are read by us
        param = str(first["loc"][-1])
        message = first["msg"].removeprefix("Input ")
        return _Refusal(Unprocessable(f"{param}: got {shown(str(first['input']))}, {message}", param=param))

    @app.exception_handler(HTTPException)
    async def said_by_starlette(request: Request, exc: HTTPException) -> Response:
        if exc.status_code == 404:
            return _Refusal(NotFound(f"{request.method} {shown(request.url.path)}: there is no such path"))
        return _Refusal(BadRequest(str(exc.detail)))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, exc: Exception) -> Response:
        return _Refusal(ServiceError("something went wrong here; the server's log knows this id"))

    return app


class _Refusal(Response):
    """A ServiceError as an answer."""

    def __init__(self, exc: ServiceError) -> None:
        super().__init__(status_code=exc.status)
        self._exc = exc

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await refuse(self._exc, scope["state"]["request_id"], send)
