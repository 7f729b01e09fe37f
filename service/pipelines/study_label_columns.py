"""The columns of labels of a study: their names, of which no two are the same, and what is written into them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.errors import TooLarge
from service.jobs import Job
from service.schemas.codebooks import Codebook, Variable
from service.stores.studies import Study
from service.stores.study_items import FORBIDDEN, MOST_COLUMNS, Cell, columns_of
from service.stores.study_runs import check_prefix, column_names, write_run

LABELS = "labels"  # the operation
LONGEST = 1000  # characters of a text in a column


@dataclass(frozen=True)
class Column:
    """The columns of a variable, or of one of several categories at once.

    Attributes
    ----------
    base : name of the first one.
    further : categories that have probabilities.
    """

    variable: Variable
    category: str | None
    base: str
    further: Sequence[str]

    def names(self, scored: bool) -> list[str]:
        """Columns of the labels, of the outcomes, and of the probabilities of categories."""
        return column_names(self.base, "", ("outcome", *(self.further if scored else ())))


def columns_for(codebook: Codebook, prefix: str) -> list[Column]:
    """The columns of labels. Long names are cut and equal ones numbered, so that none takes the place of another."""
    found: list[Column] = []
    taken: set[str] = set()
    for variable in codebook.variables:
        for category in variable.choices() if variable.multiple else (None,):
            wanted = f"{prefix}:{variable.name}" if category is None else f"{prefix}:{variable.name}:{category}"
            plain = FORBIDDEN.sub("_", wanted)[:90].strip()
            made, number = Column(variable, category, plain, () if variable.multiple else variable.choices()), 1
            while taken.intersection(made.names(True)):
                number += 1
                made = replace(made, base=f"{plain[:84]} {number}")
            taken.update(made.names(True))
            found.append(made)
    return found


def check_columns(study: Study, columns: Sequence[Column]) -> None:
    """Raise Conflict where columns of others have these names, TooLarge where there is no place for the labels."""
    for each in columns:
        check_prefix(study, LABELS, each.names(True))
    if (many := number_of(study, columns, scored=False)) > MOST_COLUMNS:
        raise TooLarge(
            f"variables: with their labels the study would have {many} columns, the limit is {MOST_COLUMNS}; choose "
            "fewer variables, or delete columns",
            code="too_many_items",
            param="variables",
        )


def number_of(study: Study, columns: Sequence[Column], *, scored: bool) -> int:
    """Number of columns that the study would have."""
    with study.database.reading() as db:
        there = set(columns_of(db))
    return len(there.union(*(each.names(scored) for each in columns)))


def write_variable(
    study: Study,
    job: Job,
    column: Column,
    data: Sequence[Mapping[str, Any]],
    rows: Sequence[int],
    places: Sequence[int | None],
    receipt: Mapping[str, Any],
    remarks: Sequence[str],
) -> dict[str, Any]:
    """Write the columns of a variable, or of one of several categories, and return their figures."""
    variable, category, further = column.variable, column.category, column.further
    labels = [(data[i].get("labels") or {}).get(variable.name) for i in rows]
    values = [_cell(label, category) for label in labels]
    outcomes: list[Cell] = [
        data[i]["error"]["code"] if label is None else "cannot tell" if label["value"] is None else "labelled"
        for i, label in zip(rows, labels, strict=True)
    ]
    told = [label for label in labels if label is not None and label["value"] is not None]
    scored = bool(told and further) and all(label["probabilities"] for label in told)
    names = column.names(scored)
    columns: dict[str, Sequence[Cell]] = {names[0]: values, names[1]: outcomes}
    for name, each in zip(names[2:], further, strict=False):
        columns[name] = [
            label["probabilities"][each] if label is not None and label["value"] is not None else None
            for label in labels
        ]
    counts = Counter(value for value in values if isinstance(value, str)) if variable.kind != "text" else Counter()
    figures: dict[str, Any] = {
        **{"variable": variable.name, "category": category, "column": column.base, "n": len(told)},
        **{"missing": len(labels) - len(told), "cannot_tell": outcomes.count("cannot tell"), "counts": dict(counts)},
        "scores": dict(zip(further, names[2:], strict=False)) if scored else None,
    }
    run, kinds = write_run(
        study,
        operation=LABELS,
        options={**job.params, "variable": variable.name, "category": category},
        receipt=receipt,
        result={**figures, "remarks": list(remarks)},
        places=[places[i] or 0 for i in rows],
        columns=columns,
    )
    return {**figures, "run": run, "columns": kinds}


def _cell(label: Mapping[str, Any] | None, category: str | None) -> Cell:
    if label is None or label["value"] is None:
        return None
    value = label["value"]
    if category is not None:
        return "yes" if category in value else "no"
    return value[:LONGEST] if isinstance(value, str) else float(value)
