"""HTTP routes of analyses of a study: zero-shot labels, clusters, duplicates, and what was done."""

import asyncio

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import job_response, json_response, while_connected
from service.api.http.routes.studies import Name, study_of
from service.context import Context
from service.pipelines import study_analyses, study_previews
from service.schemas import study_analyses as schema
from service.schemas.jobs import Job

ERRORS = (400, 401, 404, 409, 413, 415, 422, 429, 503, 504)


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of analyses of a study."""
    bodies = Bodies.of(context)
    timeout = context.settings.request_timeout

    @app.post(
        "/v1/studies/{name}/zero-shot",
        **openapi.of_studies(
            "Label all items of a study by zero-shot", schema.StudyAnalysis, *ERRORS, body="StudyZeroShotRequest"
        ),
    )
    async def zero_shot(request: Request, name: Name) -> Response:
        """Write columns with the best label of each item and its scores, by the vectors of the study."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyZeroShotRequest)
            work = study_analyses.label_items(context.engine(), study, body)
            answer = await while_connected(request, timeout, work)
        return json_response(answer.model_dump())

    @app.post(
        "/v1/studies/{name}/zero-shot/preview",
        **openapi.of_studies(
            "Zero-shot scores of a few items under several variants",
            schema.ZeroShotPreview,
            *ERRORS,
            body="ZeroShotPreviewRequest",
        ),
    )
    async def preview(request: Request, name: Name) -> Response:
        """Scores under different labels, templates and models side by side. Nothing is kept."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.ZeroShotPreviewRequest)
            work = study_previews.preview(context.engine(), study, body)
            answer = await while_connected(request, timeout, work)
        return json_response(answer.model_dump())

    @app.post(
        "/v1/studies/{name}/clusters",
        **openapi.of_studies("Cluster the items of a study", Job, *ERRORS, body="StudyClustersRequest", status=202),
    )
    async def clusters(request: Request, name: Name) -> Response:
        """A job that writes columns of clusters, silhouettes and a map; GET /v1/clusters/{id} has all of it."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyClustersRequest)
            work = study_analyses.begin_clusters(context.engine(), context.jobs, study, body, request.state.owner)
            return job_response(await while_connected(request, timeout, work))

    @app.post(
        "/v1/studies/{name}/duplicates",
        **openapi.of_studies(
            "Find duplicates among the items of a study", Job, *ERRORS, body="StudyDuplicatesRequest", status=202
        ),
    )
    async def duplicates(request: Request, name: Name) -> Response:
        """A job that writes columns of groups and of what is kept; GET /v1/duplicates/{id} has all of it."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyDuplicatesRequest)
            work = study_analyses.begin_duplicates(context.engine(), context.jobs, study, body, request.state.owner)
            return job_response(await while_connected(request, timeout, work))

    @app.get(
        "/v1/studies/{name}/runs",
        **openapi.of_studies("Analyses of a study", schema.StudyRunList, 401, 404),
    )
    async def runs(request: Request, name: Name) -> Response:
        """The analyses that have written columns, trained or estimated: options, receipts and figures."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(study_analyses.runs, study)).model_dump())
