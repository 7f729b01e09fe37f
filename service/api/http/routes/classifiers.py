"""HTTP routes of classifiers: training, prediction, reports, fine-tuning."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_of, items_without_video, vectors_or_collection
from service.api.http.responses import (
    Cursor,
    Limit,
    computed,
    job_response,
    json_response,
    operation_response,
    page_response,
    shallow,
    while_connected,
)
from service.context import Context
from service.pipelines import classifiers as pipeline
from service.pipelines import fine_tune as fine_tuning
from service.pipelines import predict
from service.pipelines.corpus_moments import with_moments
from service.pipelines.operation import Call
from service.pipelines.train import submit
from service.schemas import classifiers as schema
from service.schemas import jobs as schema_jobs

Name = Annotated[
    str,
    Path(
        description='Name, for the newest version, or "name@3".',
        examples=["protest"],
        json_schema_extra={"pattern": "^[a-z0-9]([a-z0-9_-]|[.](?![.])){0,62}(@[0-9]{1,9})?$"},
    ),
]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of classifiers."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/classifiers",
        tags=["classifiers"],
        summary="Train a classifier",
        response_model=schema.ClassifierAnswer,
        responses={
            202: {"model": schema_jobs.Job, "description": "With mode job."},
            **openapi.errors(*openapi.ITEM_ERRORS),
        },
        openapi_extra=openapi.message("TrainRequest"),
    )
    async def train(request: Request) -> Response:
        """Train a linear probe on coded items or their vectors, with a report by nested cross-validation."""
        request.state.operation = "train"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.TrainRequest)
            body, vectors = await vectors_or_collection(context, body, files, request.state.owner)
            work = submit(
                context.engine(),
                context.classifiers,
                context.jobs,
                body,
                items=await items_without_video(body.input, files, context.files, request.state.owner),
                vectors=vectors,
                owner=request.state.owner,
            )
            job = await while_connected(request, context.settings.request_timeout, work)
        if body.mode == "job":
            return job_response(job)
        made = pipeline.wait_for_result(
            context.engine(), context.classifiers, context.jobs, job, owner=request.state.owner
        )
        trained = await while_connected(request, context.settings.request_timeout, made)
        return await computed(context, lambda: shallow(trained))

    @app.get("/v1/classifiers", tags=["classifiers"], summary="List classifiers", response_model=schema.ClassifierList)
    async def list_classifiers(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The newest version of each classifier, sorted by name."""
        request.state.operation = "classifiers"
        return json_response(
            (await pipeline.cards(context.engine(), context.classifiers, limit=limit, cursor=cursor)).model_dump()
        )

    @app.get(
        "/v1/classifiers/{name}",
        tags=["classifiers"],
        summary="A classifier and its report",
        response_model=schema.ClassifierAnswer,
        responses=openapi.errors(401, 404, 503),
    )
    async def get_classifier(request: Request, name: Name) -> Response:
        """The classifier, its training settings and its report.

        Other keys than the owner's see the figures; parts that name items or coders are empty, and listed in
        `report.withheld`.
        """
        request.state.operation = "classifiers"
        found = pipeline.answer(context.engine(), context.classifiers, name, owner=request.state.owner)
        answer = await while_connected(request, context.settings.request_timeout, found)
        return await computed(context, lambda: shallow(answer))

    @app.get(
        "/v1/classifiers/{name}/versions/{number}",
        tags=["classifiers"],
        summary="One version of a classifier",
        response_model=schema.ClassifierAnswer,
        responses=openapi.errors(401, 404, 503),
    )
    async def get_version(
        request: Request, name: Name, number: Annotated[int, Path(ge=1, description="Version, from 1.", examples=[1])]
    ) -> Response:
        """The version `name@number`."""
        request.state.operation = "classifiers"
        found = pipeline.answer(context.engine(), context.classifiers, f"{name}@{number}", owner=request.state.owner)
        answer = await while_connected(request, context.settings.request_timeout, found)
        return await computed(context, lambda: shallow(answer))

    @app.delete(
        "/v1/classifiers/{name}",
        tags=["classifiers"],
        summary="Delete a classifier",
        response_model=schema.Deleted,
        responses=openapi.errors(401, 403, 404, 503),
    )
    async def delete_classifier(request: Request, name: Name) -> Response:
        """Delete one version ("name@3") or all of them ("name"). Version numbers are not reused."""
        request.state.operation = "classifiers"
        owner = request.state.owner
        gone = await context.engine().in_thread(lambda: context.classifiers.delete(name, owner))
        return json_response(schema.Deleted(deleted=gone).model_dump())

    @app.post(
        "/v1/classifiers/{name}/predict",
        tags=["classifiers"],
        summary="Predict items",
        response_model=schema.PredictAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("PredictRequest"),
    )
    async def predict_items(request: Request, name: Name) -> Response:
        """Calibrated probabilities of each label; for a continuous task, the value with its 95 % interval."""
        request.state.operation = "predict"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.PredictRequest)
            stored = await context.engine().in_thread(lambda: context.classifiers.open(name))
            items = await items_of(body.input, files, body, context.files, request.state.owner)
            body, vectors = await vectors_or_collection(context, body, files, request.state.owner)
            call = Call(
                engine=context.engine(),
                classifiers=context.classifiers,
                options=body,
                items=items,
                vectors=vectors,
                stored=stored,
            )
            return await operation_response(request, context, predict.OPERATION, call)

    @app.post(
        "/v1/classifiers/{name}/estimate",
        tags=["classifiers"],
        summary="Estimate prevalence in a corpus, corrected for errors",
        response_model=schema.EstimateAnswer,
        responses=openapi.errors(*openapi.ITEM_ERRORS),
        openapi_extra=openapi.message("EstimateRequest"),
    )
    async def estimate(request: Request, name: Name) -> Response:
        """The share of each label in a corpus (or the mean), from predictions for all items and the coded sample."""
        request.state.operation = "estimate"
        engine = context.engine()
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.EstimateRequest)
            body, vectors = await vectors_or_collection(context, body, files, request.state.owner)

            async def made() -> schema.EstimateAnswer:
                corpus = await with_moments(engine, context.classifiers, name, body, vectors)
                return await pipeline.estimate(engine, context.classifiers, name, corpus)

            return json_response(
                (await while_connected(request, context.settings.request_timeout, made())).model_dump()
            )

    @app.get(
        "/v1/classifiers/{name}/onnx",
        tags=["classifiers"],
        summary="The classifier as an ONNX graph",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}, **openapi.errors(401, 404, 503)},
    )
    async def onnx(request: Request, name: Name) -> Response:
        """An ONNX graph from unit vectors (pixels for a fine-tuned network) to probabilities or a value."""
        request.state.operation = "classifiers"
        made = pipeline.onnx(context.engine(), context.classifiers, name)
        label, graph = await while_connected(request, context.settings.request_timeout, made)
        headers = {"content-disposition": f'attachment; filename="{label}.onnx"'}
        return Response(graph, media_type="application/octet-stream", headers=headers)

    @app.get(
        "/v1/classifiers/{name}/report.html",
        tags=["classifiers"],
        summary="The report as a page",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(401, 404, 503)},
    )
    async def page(request: Request, name: Name) -> Response:
        """A self-contained HTML file with plots."""
        request.state.operation = "classifiers"
        made = pipeline.page(context.engine(), context.classifiers, name, (), owner=request.state.owner)
        return page_response(await while_connected(request, context.settings.request_timeout, made))

    @app.post(
        "/v1/classifiers/{name}/report.html",
        tags=["classifiers"],
        summary="The report as a page, with pictures",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("PageRequest"),
    )
    async def illustrated(request: Request, name: Name) -> Response:
        """The page with thumbnails of the images in the request, which the server does not keep."""
        request.state.operation = "classifiers"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.PageRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner) or ()
            made = pipeline.page(
                context.engine(), context.classifiers, name, items, mode=body.pictures, owner=request.state.owner
            )
            return page_response(await while_connected(request, context.settings.request_timeout, made))

    @app.post(
        "/v1/fine-tunings",
        tags=["classifiers"],
        summary="Fine-tune an image network",
        status_code=202,
        response_model=schema_jobs.Job,
        responses=openapi.errors(400, 401, 403, 415, 422, 429, 503),
        openapi_extra=openapi.message("FineTuneRequest", files=False),
    )
    async def fine_tune(request: Request) -> Response:
        """Train a classifier from images on the server, as a job of minutes to hours."""
        request.state.operation = "fine_tune"
        with bodies.hold(request):
            body, _ = await bodies.message(request, schema.FineTuneRequest)
        job = await fine_tuning.submit(
            context.engine(), context.classifiers, context.jobs, body, owner=request.state.owner
        )
        return job_response(job)
