"""The final codes of one variable of a study, with the design of the sample that they were given to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.errors import quoted
from service.errors import Unprocessable
from service.pipelines import study_codes
from service.schemas.codebooks import YES_NO, Variable
from service.schemas.study_results import CodedVariable
from service.stores.studies import Study

TASKS: Mapping[str, str] = {
    "binary": "binary",
    "categorical": "categorical",
    "ordinal": "categorical",
    "continuous": "continuous",
}


@dataclass(frozen=True, kw_only=True)
class FinalCodes:
    """Final codes of items, n of them.

    Attributes
    ----------
    assignment : its name.
    design : of the sample, as it is stored.
    created : time of the draw, in seconds since 1970.
    task : binary, categorical or continuous.
    labels : order of the labels, of a binary task negative and positive; None for others.
    ids : (n,) items; values : (n,) their codes, texts or numbers.
    inclusion_prob : (n,) probabilities; None where they are not known of all.
    strata : (n,) strata; None without any.
    remarks : on items without a final code, and on what the codes are taken as.
    """

    assignment: str
    design: Mapping[str, Any]
    created: float
    variable: Variable
    task: str
    labels: tuple[str, str] | None
    ids: Sequence[str]
    values: Sequence[Any]
    inclusion_prob: Sequence[float] | None
    strata: Sequence[str] | None
    remarks: Sequence[str]


def final_codes(study: Study, asked: CodedVariable) -> FinalCodes:
    """The final codes of a variable of items. Raises NotFound, Unprocessable."""
    coded = study_codes.read_codes(study, asked.assignment)
    name = coded.assignment["name"]
    if coded.assignment["kind"] == "pairs":
        raise Unprocessable(
            f"assignment: {quoted(name)} has pairs, and a classifier or an estimate is of items; name one of items",
            code="pairs",
            param="assignment",
        )
    variable = study_codes.chosen_variable(coded, asked.variable)
    if variable.kind not in TASKS:
        raise Unprocessable(
            f"variable: {quoted(variable.name)} is of kind {variable.kind}; name one that is binary, categorical, "
            "ordinal or continuous",
            code="not_a_variable",
            param="variable",
        )
    if variable.multiple and asked.category is None:
        raise Unprocessable(
            f"category: {quoted(variable.name)} may have several categories at once; name one, of which each code "
            "becomes yes or no",
            param="category",
        )
    table = study_codes.table(
        study, "final", assignment=name, variable=variable.name, category=asked.category, majority=asked.majority
    )
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True)) if table.rows else {}
    if not columns:
        raise Unprocessable(
            f"variable: no item of {quoted(name)} has a final code of {quoted(variable.name)} yet; let coders code, "
            "and adjudicators decide where these differ",
            code="too_few_codes",
            param="variable",
        )
    probabilities, strata = columns["inclusion_prob"], columns["stratum"]
    return FinalCodes(
        assignment=name,
        design=orjson.loads(coded.assignment["design"]),
        created=coded.assignment["created"],
        variable=variable,
        task="binary" if asked.category is not None else TASKS[variable.kind],
        labels=_labels(variable, asked.category),
        ids=list(columns["id"]),
        values=list(columns["target"]),
        inclusion_prob=None if None in probabilities else list(probabilities),
        strata=None if None in strata else list(strata),
        remarks=[*coded.remarks, *_remarks(coded, variable, asked, len(table.rows))],
    )


def _labels(variable: Variable, category: str | None) -> tuple[str, str] | None:
    """Negative and positive label of a binary task."""
    if category is not None:
        return YES_NO[1], YES_NO[0]
    if variable.kind != "binary":
        return None
    positive, negative = variable.choices()
    return negative, positive


def _remarks(coded: study_codes.Coded, variable: Variable, asked: CodedVariable, final: int) -> list[str]:
    units = len(coded.units)
    looked = len({row.unit for row in coded.rows if row.variable == variable.name})
    remarks = []
    if units > looked:
        remarks.append(f"{units - looked:,} of {units:,} assigned items are not coded yet and are left out.")
    if looked > final:
        rule = "no majority" if asked.majority else "coders who differ"
        remarks.append(
            f'{looked - final:,} of {looked:,} coded items have {rule} or "cannot tell" and no decision, and are left '
            "out. They are seldom like the others: let an adjudicator decide them."
        )
    if variable.kind == "ordinal":
        remarks.append(f"The categories of {quoted(variable.name)} are taken as labels without an order.")
    return remarks
