"""HTTP routes of the columns of a study: tables of all items, figures for filters, items by ids or keys."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response

from models.stopping import Check
from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.responses import json_response, while_connected
from service.api.http.routes.studies import Descending, Filters, Name, Search, Sort, study_of
from service.context import Context
from service.pipelines import study_columns
from service.pipelines.answers import to_json
from service.schemas import study_columns as schema
from service.schemas.studies import ItemPage
from service.stores import study_columns as store

Columns = Annotated[
    list[str] | None,
    Query(alias="column", max_length=200, description="Name of a column. Can be repeated.", examples=[["score"]]),
]
Ids = Annotated[bool, Query(description="Whether the answer has the ids of the items too.")]
ColumnName = Annotated[str, Path(description="Name of the column.", examples=["score"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of columns."""
    bodies = Bodies.of(context)

    @app.get("/v1/studies/{name}/table", **openapi.of_studies("Table of a study", schema.TableAnswer, 401, 404))
    async def get_table(
        request: Request,
        name: Name,
        columns: Columns = None,
        ids: Ids = False,
        filters: Filters = None,
        search: Search = None,
        sort: Sort = None,
        descending: Descending = False,
    ) -> Response:
        """All items that fulfil the filters, up to a million, as columns: their keys, and the columns that are named.

        The order is that of the list of items.
        """
        study = await study_of(context, request, name)

        def read(check: Check) -> bytes:
            found = store.read_table(
                study.database,
                list(dict.fromkeys(columns or ())),
                filters=filters or (),
                search=search,
                sort=sort,
                descending=descending,
                check=check,
            )
            return to_json(study_columns.table(found, ids=ids))

        work = context.engine().compute(read)
        return Response(
            await while_connected(request, context.settings.request_timeout, work), media_type="application/json"
        )

    @app.get("/v1/studies/{name}/columns", **openapi.of_studies("Columns of a study", schema.ColumnList, 401, 404))
    async def list_columns(request: Request, name: Name, columns: Columns = None) -> Response:
        """Figures of all columns, or of those that are named, for filters: ranges, histograms and frequent values."""
        study = await study_of(context, request, name)
        work = context.engine().compute(
            lambda check: study_columns.columns(study, store.describe_columns(study.database, columns, check=check))
        )
        found = await while_connected(request, context.settings.request_timeout, work)
        return json_response(found.model_dump())

    @app.delete(
        "/v1/studies/{name}/columns/{column:path}",
        **openapi.of_studies("Delete a column of a study", schema.DeletedColumn, 401, 404),
    )
    async def delete_column(request: Request, name: Name, column: ColumnName) -> Response:
        """Delete a column with its values. Strata and probabilities of assignments stay."""
        study = await study_of(context, request, name)
        return json_response((await asyncio.to_thread(study_columns.delete_column, study, column)).model_dump())

    @app.post(
        "/v1/studies/{name}/items/lookup",
        **openapi.of_studies("Look up items of a study", ItemPage, *openapi.JSON_ERRORS, 404, body="LookupRequest"),
    )
    async def look_up(request: Request, name: Name) -> Response:
        """Up to 1,000 items by their keys or ids, in that order."""
        study = await study_of(context, request, name)
        with bodies.hold(request):
            body = await bodies.only_json(request, schema.LookupRequest)
            found = await asyncio.to_thread(study_columns.look_up, study, body)
        return json_response(found.model_dump())
