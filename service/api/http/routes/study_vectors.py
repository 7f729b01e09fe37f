"""HTTP routes of the vectors of a study: embedding its pictures as a job, and sets of vectors by model."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import job_response, json_response
from service.api.http.routes.studies import Name, study_of
from service.context import Context
from service.pipelines import study_vectors
from service.schemas import study_vectors as schema
from service.schemas.jobs import Job

ModelName = Annotated[str, Path(description="Name of the model.")]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of vectors."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/studies/{name}/embeddings",
        **openapi.of_studies(
            "Embed the pictures of a study", Job, *openapi.JSON_ERRORS, 404, 409, 429, body="EmbedRequest", status=202
        ),
    )
    async def embed(request: Request, name: Name) -> Response:
        """Make vectors of the items without one, as a job; what it has written stays if it is cancelled or killed.

        The result has the numbers of items that were embedded, were embedded already and failed, and lists the first
        1,000 that failed. Failed items are tried again by the next job.
        """
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.EmbedRequest, optional=True)
        job = await study_vectors.submit(context.engine(), context.jobs, study, body, owner=request.state.owner)
        return job_response(job)

    @app.get(
        "/v1/studies/{name}/embeddings", **openapi.of_studies("Vectors of a study", schema.VectorSetList, 401, 404)
    )
    async def list_embeddings(request: Request, name: Name) -> Response:
        """The vectors of a study by model, in numbers."""
        study = await study_of(context, request, name)
        found = await asyncio.to_thread(study_vectors.list_sets, context.jobs, study)
        return json_response(found.model_dump())

    @app.delete(
        "/v1/studies/{name}/embeddings/{model:path}",
        **openapi.of_studies("Delete vectors of a study", schema.DeletedVectors, 401, 404, 409),
    )
    async def delete_embeddings(request: Request, name: Name, model: ModelName) -> Response:
        """Delete the vectors of a model. Columns that were computed from them stay."""
        study = await study_of(context, request, name)
        gone = await asyncio.to_thread(study_vectors.delete_set, context.jobs, study, model)
        return json_response(gone.model_dump())
