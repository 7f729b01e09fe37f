"""HTTP routes of codebook labels."""

from functools import partial
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video
from service.api.http.responses import computed, job_response, json_response, while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import label_jobs, labels, positions
from service.pipelines.answers import to_json
from service.pipelines.label_results import cards
from service.schemas import labels as schema
from service.schemas import positions as positions_schema
from service.stores.label_answers import AnswerJournal

Id = Annotated[str, Path(description="Id of the job that made them.", examples=["job_0123456789abcdef"])]
Run = Annotated[
    str,
    Path(
        description="Key of the run.",
        examples=["0123456789abcdef"],
        pattern="^[A-Za-z0-9_-]{8,64}$",
    ),
]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of labellers and labels."""
    bodies, labellers, runs = Bodies.of(context), context.labellers, context.label_runs

    @app.get("/v1/labellers", tags=["labels"], summary="List labellers", response_model=schema.LabellerList)
    async def list_labellers(request: Request) -> Response:
        """The labellers of this server, the default first: where each sends items, and what is kept."""
        request.state.operation = "labellers"
        return json_response(cards(labellers).model_dump())

    @app.post(
        "/v1/labels",
        tags=["labels"],
        summary="Label items by a codebook",
        response_model=schema.LabelsAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS, 403)},
        openapi_extra=openapi.message("LabelsRequest"),
    )
    async def label(request: Request) -> Response:
        """A label for each variable of the codebook, by a labeller that the server's owner has set up.

        The items are sent to the labeller's host; one of kind local is a model of this server, which sends nothing. An
        answer that does not fit the codebook is asked for again, and is an error of its item in the end: no label is
        guessed. Identical items are asked about once.
        """
        request.state.operation = "labels"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.LabelsRequest)
            items = await items_without_video(body.input, files, context.files, owner) or ()
            if body.mode == "job":
                work = label_jobs.submit(context.engine(), labellers, context.jobs, body, items, owner=owner)
                return job_response(await while_connected(request, context.settings.request_timeout, work))
            journal = AnswerJournal(None) if body.run is None else runs.open(body.run, owner)
            asked = labels.label(context.engine(), labellers, body, items, journal, owner=owner)
            answer = await while_connected(request, context.settings.request_timeout, asked)
            return await computed(context, lambda: answer)

    @app.post(
        "/v1/labels/plan",
        tags=["labels"],
        summary="Prompt and cost of labels",
        response_model=schema.LabelPlan,
        responses=openapi.errors(*openapi.ITEM_ERRORS, 403),
        openapi_extra=openapi.message("LabelPlanRequest"),
    )
    async def plan(request: Request) -> Response:
        """The exact prompt, and the numbers of requests, pixels and tokens. Nothing is sent to the labeller."""
        request.state.operation = "labels"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.LabelPlanRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner)
            work = labels.plan(context.engine(), labellers, body, items)
            made = await while_connected(request, context.settings.request_timeout, work)
            return json_response(made.model_dump())

    @app.post(
        "/v1/labels/positions",
        tags=["labels"],
        summary="Measure position bias of labels",
        response_model=positions_schema.PositionBiasAnswer,
        responses=openapi.errors(400, 401, 413, 415, 422),
        openapi_extra=openapi.message("PositionBiasRequest", files=False),
    )
    async def measure_positions(request: Request) -> Response:
        """Shares of the places in the question at which categories were chosen, with a test and intervals.

        The orders of the questions have to be drawn at random for each (`category_order: permuted`).
        """
        request.state.operation = "position_bias"
        with bodies.hold(request):
            body, files = await bodies.message(request, positions_schema.PositionBiasRequest)
            if files.inputs or files.named:
                raise Unprocessable("the form has files, which this route does not take; send JSON")
            compute = partial(positions.measure, body)
            work = context.engine().compute(lambda check: to_json(compute(check).model_dump()))
            answer = await while_connected(request, context.settings.request_timeout, work)
            return Response(answer, media_type="application/json")

    @app.get(
        "/v1/labels/{id}",
        tags=["labels"],
        summary="Finished labels",
        response_model=schema.LabelsAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_labels(request: Request, id: Id) -> Response:
        """The labels of a job, available as long as the job is kept."""
        request.state.operation = "labels"
        answer = await label_jobs.read_answer(context.jobs, id, owner=request.state.owner)
        return Response(answer, media_type="application/json")

    @app.delete(
        "/v1/labels/runs/{run}",
        tags=["labels"],
        summary="Delete a run",
        response_model=schema.LabelRunDeleted,
        responses=openapi.errors(401, 422),
    )
    async def delete_run(request: Request, run: Run) -> Response:
        """Delete the answers that are kept under the key of a run."""
        request.state.operation = "labels"
        deleted = await context.engine().in_thread(lambda: runs.delete(run, request.state.owner))
        return json_response(schema.LabelRunDeleted(run=run, deleted=deleted).model_dump())
