"""HTTP routes of results of a study: training from its codes, predictions, estimates, the archive."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import job_response, json_response, while_connected
from service.api.http.routes.studies import Name, study_of
from service.api.http.routes.study_analyses import ERRORS
from service.context import Context
from service.pipelines import study_estimates, study_exports, study_results
from service.schemas import study_results as schema
from service.schemas.estimates import EstimateCorpusAnswer
from service.schemas.jobs import Job

ZIP = "application/zip"


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of results of a study."""
    bodies = Bodies.of(context)
    timeout = context.settings.request_timeout

    @app.post(
        "/v1/studies/{name}/train",
        **openapi.of_studies(
            "Train a classifier from the codes of a study", Job, *ERRORS, 403, body="StudyTrainRequest", status=202
        ),
    )
    async def train(request: Request, name: Name) -> Response:
        """A job; codes, inclusion probabilities, strata and vectors of the study are joined on the server."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyTrainRequest)
            work = study_results.begin_training(
                context.engine(), context.classifiers, context.jobs, study, body, request.state.owner
            )
            return job_response(await while_connected(request, timeout, work))

    @app.post(
        "/v1/studies/{name}/predict",
        **openapi.of_studies(
            "Predict all items of a study", schema.StudyPredictions, *ERRORS, body="StudyPredictRequest"
        ),
    )
    async def predict(request: Request, name: Name) -> Response:
        """Write columns with the predictions of a classifier for all items that have a vector."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyPredictRequest)
            work = study_results.predict_items(context.engine(), context.classifiers, study, body)
            answer = await while_connected(request, timeout, work)
        return json_response(answer.model_dump())

    @app.post(
        "/v1/studies/{name}/estimates",
        **openapi.of_studies(
            "Estimate shares or means in the corpus of a study",
            EstimateCorpusAnswer,
            *ERRORS,
            body="StudyEstimateRequest",
        ),
    )
    async def estimate(request: Request, name: Name) -> Response:
        """The answer of POST /v1/estimates, from the predictions, the columns and the codes of the study."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.StudyEstimateRequest)
            work = study_estimates.estimate(context.engine(), context.classifiers, study, body, request.state.owner)
            answer = await while_connected(request, timeout, work)
        return json_response(answer.model_dump())

    @app.get(
        "/v1/studies/{name}/export",
        tags=["studies"],
        summary="A study as an archive",
        response_class=Response,
        responses={200: {"content": {ZIP: {}}}, **openapi.errors(401, 404, 503, 504)},
    )
    async def export(request: Request, name: Name) -> Response:
        """Codes, codebook, designs, columns, and how they were made, as a .zip; without pictures and vectors."""
        study = await study_of(context, request, name)
        work = context.engine().compute(lambda check: study_exports.archive(study, check))
        file = await while_connected(request, timeout, work)
        headers = {
            "content-disposition": f'attachment; filename="{study.name}.zip"',
            "x-content-type-options": "nosniff",
        }
        return StreamingResponse(study_exports.chunks(file), media_type=ZIP, headers=headers)
