"""Estimates for a corpus from predictions and codes. `estimated` is CPU-bound; call it in a thread."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from models.codes import read_ids
from models.correction.means import Mean, Value
from models.correction.regression import Coefficient
from models.estimates.estimates import estimate
from models.estimates.records import CorpusTable, Estimate
from models.stopping import Check
from models.validations.tables import CodeTable, Labeller
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import MOST_CODES
from service.pipelines.validations import MOST_PREDICTIONS, labeller_of, out_of_fold
from service.schemas import estimates as schema
from service.schemas.validations import CodeRows, PredictionSet
from service.stores.classifiers import Classifiers

OPTIONS = ("task", "positive", "rule", "missing", "rename", "family", "role", "width", "confidence", "seed")


def estimated(
    request: schema.EstimateCorpusRequest, check: Check, *, classifiers: Classifiers, owner: str | None
) -> schema.EstimateCorpusAnswer:
    """Estimate. Raises AgreementError, EstimateError, IdError, TrainingError, UnknownClassifier, ServiceError.

    Ids, codes and predictions are used for this answer alone.
    """
    refuse_convenience(request.sample)
    cells = sum(len(each.item or ()) * (1 + len(each.scores or ())) for each in request.predictions)
    for what, many, most in (
        ("codes", len(request.codes.code), MOST_CODES),
        ("predictions", cells, MOST_PREDICTIONS),
    ):
        if many > most:
            raise TooLarge(
                f"{what}: {many:,} values, at most {most:,}; send fewer sets of predictions at once, or a part of the "
                "corpus drawn at random",
                code="too_many_items",
                param=what,
            )
    labellers = [_crossed(each, f"predictions[{i}]", classifiers, owner) for i, each in enumerate(request.predictions)]
    result = estimate(
        _corpus(request),
        CodeTable(**{name: getattr(request.codes, name) for name in CodeRows.model_fields}),
        labellers,
        **{name: getattr(request, name) for name in OPTIONS},
        check=check,
    )
    fields = {name: getattr(result, name) for name in schema.EstimateCorpusAnswer.model_fields if hasattr(result, name)}
    return schema.EstimateCorpusAnswer.model_validate(
        {
            **fields,
            "confidence": request.confidence,
            "estimates": [_estimate(each) for each in result.estimates],
            "params": {name: getattr(request, name) for name in OPTIONS},
        }
    )


def refuse_convenience(sample: str) -> None:
    """Raise Unprocessable for a sample that was not drawn by chance."""
    if sample == "convenience":
        raise Unprocessable(
            "sample: items that were not drawn by chance (found by search, coded because they were easy) say nothing "
            "about the rest of the corpus, so that no estimate can be made; draw a sample, as by POST /v1/samples, and "
            "code it",
            code="not_a_sample",
            param="sample",
        )


def _corpus(request: schema.EstimateCorpusRequest) -> CorpusTable:
    if request.corpus is not None:
        return corpus_table(request.corpus)
    items = next((each.item for each in request.predictions if each.item is not None), None)
    if items is None or len(items) < 2:
        raise Unprocessable("corpus: is missing; send its items, or predictions of all of them", param="corpus")
    return CorpusTable(item=items)


def corpus_table(rows: schema.CorpusRows) -> CorpusTable:
    """The corpus of a request. Raises Unprocessable for columns of other lengths, or a name twice."""
    columns: dict[str, Any] = {}
    for name in ("by", "covariates"):
        columns[name] = {}
        for column in getattr(rows, name):
            if column.name in columns[name]:
                raise Unprocessable(
                    f"corpus.{name}: {column.name!r} appears twice; give each column one name", param=f"corpus.{name}"
                )
            columns[name][column.name] = column.values
    given: list[tuple[str, Any]] = [
        ("group", rows.group),
        ("stratum", rows.stratum),
        ("time", rows.time),
        ("outcome", rows.outcome),
    ]
    for name, values in [*given, *columns["by"].items(), *columns["covariates"].items()]:
        if values is not None and len(values) != len(rows.item):
            raise Unprocessable(
                f"corpus: {name}: got {len(values):,} values for {len(rows.item):,} items; give one for each item",
                code="lengths_differ",
                param="corpus",
            )
    return CorpusTable(item=rows.item, **columns, **dict(given))


def _crossed(sent: PredictionSet, at: str, classifiers: Classifiers, owner: str | None) -> Labeller:
    """Predictions, in which items that the classifier was trained on have its out-of-fold predictions."""
    if sent.item is None:
        raise Unprocessable(
            f"{at}.item: is missing; an estimate needs predictions of all items of the corpus", param=f"{at}.item"
        )
    labeller = labeller_of(sent, at, classifiers, owner)
    if sent.classifier is None or labeller.trained_on is None:
        return labeller
    ids = read_ids(labeller.item, f"{at}.item")
    if not labeller.trained_on[1] & set(ids):
        return labeller
    own = out_of_fold(sent.name, sent.classifier, at, classifiers, owner)
    place = {item: i for i, item in enumerate(own.item)}
    rows = [place.get(item) for item in ids]

    def mixed(column: Sequence[Any], crossed: Sequence[Any]) -> list[Any]:
        return [value if row is None else crossed[row] for value, row in zip(column, rows, strict=True)]

    scores = None
    if labeller.scores is not None and own.scores is not None:
        if set(labeller.scores) != set(own.scores):
            raise Unprocessable(
                f"{at}.scores: have other labels than the classifier ({', '.join(own.scores)}); send its probabilities "
                "of every label",
                param=f"{at}.scores",
            )
        scores = {name: mixed(column, own.scores[name]) for name, column in labeller.scores.items()}
    value = None
    if labeller.value is not None and own.value is not None:
        value = mixed(labeller.value, own.value)
    return Labeller(name=sent.name, item=ids, value=value, scores=scores, out_of_fold=True)


def _value(value: Value) -> dict[str, float]:
    return {"value": value.value, "se": value.se, "low": value.low, "high": value.high}


def _mean(mean: Mean | None) -> dict[str, Any] | None:
    if mean is None:
        return None
    plain = {name: getattr(mean, name) for name in ("naive", "slope", "worth", "n", "n_coded", "n_units")}
    return {"corrected": _value(mean.corrected), "classical": _value(mean.classical), **plain}


def _coefficient(coefficient: Coefficient | None) -> dict[str, Any] | None:
    if coefficient is None:
        return None
    fields = asdict(coefficient)
    for name in ("corrected", "coded", "naive"):
        fields[name] = dict(zip(("value", "se", "low", "high"), fields[name], strict=True))
    return fields


def _estimate(each: Estimate) -> dict[str, Any]:
    n, regression, needed = each.mean.n, each.regression, each.needed
    return {
        "predictions": each.labeller,
        "label": each.label,
        "mean": _mean(each.mean),
        "total": {name: number * n for name, number in _value(each.mean.corrected).items()},
        "parts": [
            {
                **{name: getattr(part, name) for name in ("by", "value", "n", "n_coded", "naive")},
                "mean": _mean(part.mean),
            }
            for part in each.parts
        ],
        "differences": [
            {
                **{name: getattr(one, name) for name in ("by", "a", "b", "naive")},
                "corrected": _value(one.corrected),
                "classical": _value(one.classical),
            }
            for one in each.differences
        ],
        "trend": _coefficient(each.trend),
        "regression": None
        if regression is None
        else {
            "family": regression.family,
            "role": regression.role,
            "coefficients": [_coefficient(coefficient) for coefficient in regression.coefficients],
        },
        "needed": None
        if needed is None
        else {
            **{name: getattr(needed, name) for name in ("width", "items", "items_classical")},
            "curve": [dict(zip(("items", "corrected", "classical"), point, strict=True)) for point in needed.curve],
        },
    }
