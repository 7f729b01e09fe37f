"""Columns of a study: tables of all items, figures of columns, items by ids or keys. Call all functions in a thread."""

from dataclasses import asdict
from typing import Any

from service.pipelines.jobs import time_of
from service.pipelines.studies import item_card
from service.schemas import study_columns as schema
from service.schemas.studies import ItemPage
from service.stores import study_columns, study_items
from service.stores.studies import Study
from service.stores.study_columns import ItemTable
from service.stores.study_runs import Run, list_runs


def table(found: ItemTable, *, ids: bool) -> dict[str, Any]:
    """A TableAnswer as a dict, since a large one is not validated."""
    return {"n": len(found.keys), "keys": found.keys, "ids": found.ids if ids else None, "columns": found.columns}


def columns(study: Study, found: list[study_columns.Column]) -> schema.ColumnList:
    """Describe columns."""
    data = []
    sources = {name: _source(run) for run in reversed(list_runs(study)) for name in run.columns}
    for each in found:
        fields = asdict(each)
        histogram, values = fields.pop("histogram"), fields.pop("values")
        data.append(
            schema.ColumnFigures(
                min=fields.pop("low"),
                max=fields.pop("high"),
                histogram=None if histogram is None else {"edges": histogram[0], "counts": histogram[1]},
                source=sources.get(each.name),
                values=None if values is None else [{"value": value, "count": count} for value, count in values],
                **fields,
            )
        )
    return schema.ColumnList(data=data, items=study_items.count_items(study.database))


def _source(run: Run) -> dict[str, Any]:
    """The analysis that wrote a column."""
    names = ("operation", "options", "receipt")
    return {"run": run.number, **{name: getattr(run, name) for name in names}, "created": time_of(run.created)}


def delete_column(study: Study, name: str) -> schema.DeletedColumn:
    """Delete a column. Raises NotFound."""
    return schema.DeletedColumn(name=name, items=study_columns.delete_column(study.database, name))


def look_up(study: Study, request: schema.LookupRequest) -> ItemPage:
    """The items of ids or keys, in their order. Raises Unprocessable for one that no item has."""
    field, names = ("id", request.ids) if request.keys is None else ("key", request.keys)
    found = study_items.items_by(study.database, field, names or ())  # type: ignore[arg-type]
    return ItemPage(data=[item_card(item) for item in found], total=len(found), offset=0, next_offset=None)
