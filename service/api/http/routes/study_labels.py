"""HTTP routes of codebook labels of a study."""

from fastapi import FastAPI, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import job_response, json_response, while_connected
from service.api.http.routes.studies import Name, study_of
from service.api.http.routes.study_analyses import ERRORS
from service.context import Context
from service.pipelines import study_labels
from service.schemas import study_labels as schema
from service.schemas.jobs import Job


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of labels of a study."""
    bodies, labellers = Bodies.of(context), context.labellers
    timeout = context.settings.request_timeout

    @app.post(
        "/v1/studies/{name}/labels/plan",
        **openapi.of_studies(
            "Prompt and cost of codebook labels of a study",
            schema.StudyLabelPlan,
            *ERRORS,
            403,
            body="StudyLabelMethod",
        ),
    )
    async def plan(request: Request, name: Name) -> Response:
        """The exact prompt, and an estimate of requests, tokens and price. Nothing is sent to the labeller."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyLabelMethod)
            work = study_labels.plan(context.engine(), labellers, study, body)
            made = await while_connected(request, timeout, work)
        return json_response(made.model_dump())

    @app.post(
        "/v1/studies/{name}/labels",
        **openapi.of_studies(
            "Label the items of a study by its codebook", Job, *ERRORS, 403, body="StudyLabelsRequest", status=202
        ),
    )
    async def label(request: Request, name: Name) -> Response:
        """A job that sends the items to the labeller's host, and writes columns; GET /v1/labels/{id} has the answers.

        The plan's fingerprint confirms it.
        """
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyLabelsRequest)
            work = study_labels.submit(
                context.engine(), labellers, context.jobs, study, body, owner=request.state.owner
            )
            return job_response(await while_connected(request, timeout, work))
