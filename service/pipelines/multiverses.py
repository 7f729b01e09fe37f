"""Estimates by many configurations of the predictions. `multiverse_of` is CPU-bound; call it in a thread."""

from dataclasses import asdict

import numpy as np

from models.estimates.multiverse import Column, Options, multiverse
from models.stopping import Check
from models.validations.tables import CodeTable
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import MOST_CODES
from service.pipelines.estimates import corpus_table, refuse_convenience
from service.pipelines.validations import MOST_PREDICTIONS
from service.schemas import multiverses as schema
from service.schemas.validations import CodeRows

OPTIONS = ("positive", "coefficient", "task", "rule", "missing", "family", "role", "confidence", "seed")


def multiverse_of(request: schema.MultiverseRequest, check: Check) -> schema.MultiverseAnswer:
    """Estimate by each configuration. Raises AgreementError, EstimateError, IdError, TrainingError, ServiceError.

    Ids, codes and predictions are used for this answer alone.
    """
    refuse_convenience(request.sample)
    codes = request.codes
    values = sum(len(each.values) for each in request.configurations)
    for what, many, most in (
        ("codes", 0 if codes is None else len(codes.code), MOST_CODES),
        ("configurations", values, MOST_PREDICTIONS),
    ):
        if many > most:
            raise TooLarge(
                f"{what}: {many:,} values, at most {most:,}; send fewer configurations, or a part of the corpus drawn "
                "at random",
                code="too_many_items",
                param=what,
            )
    columns = []
    for i, each in enumerate(request.configurations):
        choices = {choice.name: choice.value for choice in each.choices}
        if len(choices) < len(each.choices):
            names = [choice.name for choice in each.choices]
            twice = next(name for name in names if names.count(name) > 1)
            raise Unprocessable(
                f"configurations[{i}].choices: {twice!r} appears twice; give each choice one value",
                param=f"configurations[{i}].choices",
            )
        columns.append(Column(choices=choices, values=np.array(each.values, np.float64)))  # null becomes NaN
    difference = request.difference
    result = multiverse(
        corpus_table(request.corpus),
        columns,
        None if codes is None else CodeTable(**{name: getattr(codes, name) for name in CodeRows.model_fields}),
        Options(
            difference=None if difference is None else (difference.by, difference.a, difference.b),
            **{name: getattr(request, name) for name in OPTIONS},
        ),
        check=check,
    )
    params = {name: getattr(request, name) for name in OPTIONS if name != "confidence"}
    return schema.MultiverseAnswer.model_validate(
        {**asdict(result), "confidence": request.confidence, "params": params, "receipts": request.receipts}
    )
