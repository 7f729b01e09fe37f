"""HTTP routes of assignments of a study: draws, coders and their tokens, progress, agreement, tables of codes."""

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, Path, Query, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, while_connected
from service.api.http.routes.studies import Name, study_of
from service.context import Context
from service.pipelines import assignments, label_studio, study_codes
from service.pipelines.answers import to_json
from service.schemas import assignments as schema
from service.schemas.annotation import AgreementAnswer

Assignment = Annotated[str, Path(description="Name of the assignment.", examples=["first-round"])]
Person = Annotated[str, Path(description="Name of the coder or adjudicator.", examples=["anna"])]
AssignmentName = Annotated[
    str | None, Query(max_length=100, description="Name of the assignment. Left out: the only one.")
]
VariableName = Annotated[str | None, Query(max_length=100, description="Name of the variable. Left out: the only one.")]
CategoryName = Annotated[
    str | None,
    Query(max_length=200, description="Category of a variable with several, of which each code becomes yes or no."),
]
TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "model": schema.CodesTable,
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "description": "Codes as a table.",
    }
}
TASKS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        "description": "Tasks in the JSON format of Label Studio.",
    }
}


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of assignments."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/studies/{name}/assignments",
        tags=["studies"],
        summary="Assign items to coders",
        status_code=201,
        response_model=schema.NewAssignment,
        responses=openapi.errors(400, 401, 404, 409, 413, 415, 422),
        openapi_extra=openapi.json_body("AssignmentRequest"),
    )
    async def assign(request: Request, name: Name) -> Response:
        """Draw items with known probabilities, or name them, and distribute them: each coder gets a token, once."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.AssignmentRequest)
            work = context.engine().compute(lambda check: assignments.assign(study, body))
            made = await while_connected(request, context.settings.request_timeout, work)
        return json_response(made.model_dump(), status=201)

    @app.get(
        "/v1/studies/{name}/assignments",
        tags=["studies"],
        summary="List assignments",
        response_model=schema.AssignmentList,
        responses=openapi.errors(401, 404),
    )
    async def list_assignments(request: Request, name: Name) -> Response:
        """The assignments of a study with their designs and people, but not their tokens."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(assignments.list_assignments, study)).model_dump())

    @app.post(
        "/v1/studies/{name}/assignments/{assignment}/coders",
        tags=["studies"],
        summary="Give a coder a new token",
        status_code=201,
        response_model=schema.CoderToken,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.json_body("CoderRequest"),
    )
    async def renew_token(request: Request, name: Name, assignment: Assignment) -> Response:
        """Replace the token of a coder, or add an adjudicator. The token before is no longer valid; codes are kept."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.CoderRequest)
        made = await asyncio.to_thread(assignments.renew_token, study, assignment, body)
        return json_response(made.model_dump(), status=201)

    @app.delete(
        "/v1/studies/{name}/assignments/{assignment}/coders/{coder}",
        tags=["studies"],
        summary="Revoke a coder's token",
        response_model=schema.RevokedToken,
        responses=openapi.errors(401, 404),
    )
    async def revoke_token(request: Request, name: Name, assignment: Assignment, coder: Person) -> Response:
        """Make the token of a coder invalid; the coder's codes are kept, and nobody waits for the others."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(assignments.revoke_token, study, assignment, coder)).model_dump())

    @app.get(
        "/v1/studies/{name}/assignments/{assignment}/progress",
        tags=["studies"],
        summary="Progress of an assignment",
        response_model=schema.ProgressAnswer,
        responses=openapi.errors(401, 404),
    )
    async def progress(request: Request, name: Name, assignment: Assignment) -> Response:
        """Number of items that are coded, that differ and that are decided, with the progress of each person."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(assignments.progress, study, assignment)).model_dump())

    @app.get(
        "/v1/studies/{name}/assignments/{assignment}/disagreements",
        tags=["studies"],
        summary="List disagreements",
        response_model=schema.DisagreementList,
        responses=openapi.errors(401, 404),
    )
    async def disagreements(
        request: Request,
        name: Name,
        assignment: Assignment,
        variable: Annotated[
            str | None, Query(max_length=100, description="Name of the variable. Left out: all variables.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=100_000, description="Maximum number of entries.")] = 1000,
    ) -> Response:
        """Items that all their coders have coded, and coded differently, with the adjudicator's decision if any."""
        study = await study_of(context, request, name)
        found = await asyncio.to_thread(assignments.disagreements, study, assignment, variable, limit)
        return json_response(found.model_dump())

    @app.get(
        "/v1/studies/{name}/agreement",
        tags=["studies"],
        summary="Agreement of a study's coders",
        response_model=AgreementAnswer,
        responses=openapi.errors(401, 404),
    )
    async def agreement(
        request: Request,
        name: Name,
        assignment: AssignmentName = None,
        variable: VariableName = None,
        category: CategoryName = None,
        resamples: Annotated[int, Query(ge=1, le=10_000, description="Number of bootstrap resamples of items.")] = 1000,
        seed: Annotated[int, Query(ge=0, le=2**32 - 1, description="Same seed, same intervals.")] = 0,
    ) -> Response:
        """The agreement so far, as of POST /v1/agreement, at the level of the variable; ordinal codes by rank."""
        study = await study_of(context, request, name)
        measure = partial(
            study_codes.agreement,
            study,
            assignment=assignment,
            variable=variable,
            category=category,
            resamples=resamples,
            seed=seed,
        )
        work = context.engine().compute(lambda check: to_json(measure(check=check).model_dump()))
        answer = await while_connected(request, context.settings.request_timeout, work)
        return Response(answer, media_type="application/json")

    @app.get(
        "/v1/studies/{name}/codes",
        tags=["studies"],
        summary="Codes of a study as a table",
        response_class=Response,
        responses={**TABLE, **openapi.errors(401, 404)},
    )
    async def get_codes(
        request: Request,
        name: Name,
        layout: Annotated[
            Literal["long", "wide", "final"],
            Query(description="A row for each code; for each item; or for each item with a final code."),
        ] = "long",
        assignment: AssignmentName = None,
        variable: VariableName = None,
        category: CategoryName = None,
        majority: Annotated[
            bool, Query(description="Whether most coders decide where nobody has; for layout final.")
        ] = False,
        adjudicators: Annotated[bool, Query(description="Whether a long table has adjudicators' codes too.")] = False,
        as_: Annotated[Literal["json", "csv"], Query(alias="format", description="Form of the table.")] = "json",
    ) -> Response:
        """Codes with inclusion probabilities and strata, in columns that the SDK and its commands read."""
        study = await study_of(context, request, name)
        make = partial(
            study_codes.table,
            study,
            layout,
            assignment=assignment,
            variable=variable,
            category=category,
            majority=majority,
            adjudicators=adjudicators,
        )
        if as_ == "csv":
            text = await context.engine().compute(lambda check: study_codes.csv_text(make()))
            return Response(text, media_type="text/csv")
        body = await context.engine().compute(lambda check: to_json(make().model_dump()))
        return Response(body, media_type="application/json")

    @app.get(
        "/v1/studies/{name}/label-studio",
        tags=["studies"],
        summary="Codes as tasks of Label Studio",
        response_class=Response,
        responses={**TASKS, **openapi.errors(401, 404, 409)},
    )
    async def get_tasks(request: Request, name: Name, assignment: AssignmentName = None) -> Response:
        """Items as tasks with an annotation of each coder: choices, numbers and text areas."""
        study = await study_of(context, request, name)
        body = await context.engine().compute(lambda check: orjson.dumps(label_studio.exported(study, assignment)))
        return Response(body, media_type="application/json")

    @app.post(
        "/v1/studies/{name}/label-studio",
        tags=["studies"],
        summary="Import annotations of Label Studio",
        response_model=schema.LabelStudioImport,
        responses=openapi.errors(400, 401, 404, 413, 415, 422),
        openapi_extra=openapi.json_body("LabelStudioTasks"),
    )
    async def put_tasks(request: Request, name: Name, assignment: AssignmentName = None) -> Response:
        """Save annotations as codes of the coders of an assignment; importing them again changes nothing."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.LabelStudioTasks)
            work = context.engine().compute(lambda check: label_studio.imported(study, assignment, body))
            found = await while_connected(request, context.settings.request_timeout, work)
        return json_response(found.model_dump())
