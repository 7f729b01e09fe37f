"""Classifiers of a study: training from final codes, and predictions of its items that become columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.classifiers.store import Stored
from models.errors import listed, quoted
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import train
from service.pipelines.answers import finite
from service.pipelines.predict import predict
from service.pipelines.predictions import Predictions
from service.pipelines.study_finals import FinalCodes, final_codes
from service.pipelines.study_vectors import as_input
from service.schemas import study_results as schema
from service.schemas.classifiers import FeatureColumn, TrainRequest
from service.stores.classifiers import Classifiers
from service.stores.studies import Study
from service.stores.study_items import Cell, values_of
from service.stores.study_runs import check_prefix, column_names, write_run
from service.stores.study_vectors import StudyVectors, read_vectors

JOB = "study_train"
PREDICT = "predict"
DESIGNS = frozenset(("simple", "stratified", "purposive"))  # that a report names
OPTIONS = (
    *(
        "zero_shot",
        "strengths",
        "rare",
        "folds",
        "inner_folds",
        "repeats",
        "balanced",
        "calibrate",
        "resamples",
        "seed",
    ),
)


async def begin_training(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    study: Study,
    request: schema.StudyTrainRequest,
    owner: str | None,
) -> Job:
    """Queue a training on the final codes of a variable, and on the vectors of the coded items.

    Raises the errors of POST /v1/classifiers, and NotFound, Unprocessable for codes that there are not.
    """
    final = await engine.in_thread(lambda: final_codes(study, request))
    vectors = await engine.in_thread(lambda: read_vectors(study, request.model))
    sent, given, remarks = await engine.compute(lambda check: _training(study, request, final, vectors))
    options = {**request.model_dump(), "model": vectors.model, "assignment": final.assignment}
    params = {
        "study": study.id,
        "options": {**options, "variable": final.variable.name},
        "receipt": dict(vectors.receipt),
        "remarks": [*final.remarks, *remarks],
    }
    return await train.submit(
        engine, classifiers, jobs, sent, items=None, vectors=[given], owner=owner, kind=JOB, params=params
    )


def _training(
    study: Study, request: schema.StudyTrainRequest, final: FinalCodes, vectors: StudyVectors
) -> tuple[TrainRequest, Any, list[str]]:
    """The request of a training, the vectors of its items, and remarks on coded items without a vector."""
    row_of = {id: i for i, id in enumerate(vectors.ids)}
    kept = [i for i, id in enumerate(final.ids) if id in row_of]
    if not kept:
        raise Unprocessable(
            f"model: none of the {len(final.ids):,} coded items has a vector of {quoted(vectors.model)}; embed the "
            "items of the study (POST /v1/studies/{name}/embeddings)",
            code="no_vectors",
            param="model",
        )
    rows = [row_of[final.ids[i]] for i in kept]
    ids = [final.ids[i] for i in kept]
    places = vectors.places[rows].tolist()
    columns: dict[str, Any] = {}
    for name, values in (("inclusion_prob", final.inclusion_prob), ("strata", final.strata)):
        if values is not None:
            columns[name] = [values[i] for i in kept]
    if request.groups is not None:
        columns["groups"] = values_at(study, request.groups, places, "groups", ids)
    if request.features:
        columns["features"] = feature_columns(study, request.features, places)
    bounds = (final.variable.low, final.variable.high) if final.task == "continuous" else None
    design = final.design.get("design")
    sent = TrainRequest(
        name=request.name,
        task=final.task,
        targets=[final.values[i] for i in kept],
        missing=[""],
        labels=None if final.labels is None or request.zero_shot is not None else list(final.labels),
        bounds=bounds,
        design=design if design in DESIGNS else None,
        ids=ids,
        on_error="skip",
        mode="job",
        **{name: getattr(request, name) for name in OPTIONS},
        **columns,
    )
    lacking = len(final.ids) - len(kept)
    remarks = [f"{lacking:,} of {len(final.ids):,} coded items have no vector and are left out."] if lacking else []
    return sent, replace(as_input(vectors), rows=np.asarray(vectors.rows[rows]), ids=ids), remarks


def whole(value: Cell) -> Cell:
    """A number without a fraction as an integer, as in names of groups."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def values_at(study: Study, column: str, places: Sequence[int], param: str, ids: Sequence[str]) -> list[Any]:
    """The value of a column of each item. Raises Unprocessable for an unknown column, and for items without one."""
    with study.database.reading() as db:
        values = values_of(db, column)
    found = [whole(values.get(place)) for place in places]
    lacking = [id for id, value in zip(ids, found, strict=True) if value is None]
    if lacking:
        raise Unprocessable(
            f"{param}: {len(lacking):,} of {len(ids):,} items have no value of {quoted(column)}: {listed(lacking, 3)}; "
            "give each item one (PUT /v1/studies/{name}/columns)",
            code="missing_values",
            param=param,
        )
    return found


def feature_columns(study: Study, names: Sequence[str], places: Sequence[int]) -> list[FeatureColumn]:
    """Columns of numbers as features. Raises Unprocessable for unknown columns, and for texts."""
    found = []
    with study.database.reading() as db:
        for name in names:
            values = values_of(db, name)
            column = [values.get(place) for place in places]
            if any(isinstance(value, str) for value in column):
                raise Unprocessable(
                    f"features: the column {quoted(name)} has texts; name one of numbers", param="features"
                )
            found.append(FeatureColumn(name=name, values=column))
    return found


async def predicted(
    engine: Engine, classifiers: Classifiers, study: Study, classifier: str
) -> tuple[Stored, StudyVectors, Predictions]:
    """Predictions of all items with a vector of the classifier's encoder. Raises NotFound, Unprocessable."""
    stored = await engine.in_thread(lambda: classifiers.open(classifier))
    head = stored.head
    if head is None:
        raise Unprocessable(
            f"classifier: {stored.label} is a fine-tuned network, which sees pictures and no vectors; predict with "
            "POST /v1/classifiers/{name}/predict, and write its labels as columns",
            code="not_a_probe",
            param="classifier",
        )
    vectors = await engine.in_thread(lambda: read_vectors(study, head.blocks[0].model))
    features = None
    if head.features:
        names = [feature.name for feature in head.features]
        features = await engine.in_thread(lambda: feature_columns(study, names, vectors.places.tolist()))
    found = await predict(
        engine,
        classifiers,
        stored,
        items=None,
        vectors=[as_input(vectors)],
        on_error="skip",
        ids=vectors.ids,
        features=features,
    )
    return stored, vectors, found


async def predict_items(
    engine: Engine, classifiers: Classifiers, study: Study, request: schema.StudyPredictRequest
) -> schema.StudyPredictions:
    """Predict all items with a vector, and write the columns. Raises Conflict, NotFound, Unprocessable, TooLarge."""
    stored = await engine.in_thread(lambda: classifiers.open(request.classifier))
    prefix = stored.name if request.prefix is None else request.prefix
    names = prediction_names(stored, prefix)
    await engine.in_thread(lambda: check_prefix(study, PREDICT, names))
    stored, vectors, found = await predicted(engine, classifiers, study, stored.label)
    columns = dict(zip(names, _columns(stored, found), strict=True))
    n = found.n - len(found.failures)
    labels = [label for i, label in enumerate(found.chosen or ()) if i not in found.failures]
    counts = Counter(labels)
    mean = None
    if found.values is not None:
        there = np.ones(found.n, bool)
        there[list(found.failures)] = False
        mean = float(found.values[there].mean()) if n else None
    missing = vectors.missing + len(found.failures)
    remarks = [
        "Shares of predicted labels, and means of predicted values, are biased by the classifier's errors; an estimate "
        "corrects them by the codes."
    ]
    if missing:
        remarks.append(f"{missing:,} items have no vector, or lack a feature, and no prediction.")
    figures: dict[str, Any] = {
        **{"classifier": stored.label, "n": n, "missing": missing, "mean": mean, "model": vectors.model},
        "counts": {label: counts[label] for label in stored.labels},
        "remarks": remarks,
    }
    receipt = dict(vectors.receipt)
    run, kinds = await engine.compute(
        lambda check: write_run(
            study,
            operation=PREDICT,
            options={"classifier": stored.label, "prefix": prefix},
            receipt=receipt,
            result=figures,
            places=vectors.places.tolist(),
            columns=columns,
        )
    )
    return schema.StudyPredictions.model_validate(
        {"study": study.name, "run": run, "columns": kinds, **figures, "receipt": receipt}
    )


def prediction_names(stored: Stored, prefix: str) -> list[str]:
    """Names of the columns of a classifier's predictions."""
    if not stored.labels:
        return column_names(prefix, "", ("low", "high"))
    return column_names(prefix, "", ("score", *(f"p:{label}" for label in _further(stored))))


def _further(stored: Stored) -> tuple[str, ...]:
    """Labels whose probabilities have columns: all, but of two, whose positive one has the column of scores."""
    return stored.labels if len(stored.labels) > 2 else ()


def _columns(stored: Stored, found: Predictions) -> list[list[Cell]]:
    """Columns of predictions, without values for failed items."""

    def cells(values: Sequence[Any]) -> list[Cell]:
        return [None if i in found.failures else value for i, value in enumerate(values)]

    if found.values is not None and found.low is not None and found.high is not None:
        ends = ([finite(value) for value in end] for end in (found.low, found.high))
        return [cells(found.values.tolist()), *map(cells, ends)]
    assert found.chosen is not None
    assert found.probabilities is not None
    place = {label: i for i, label in enumerate(stored.labels)}
    if stored.task == "binary":
        scores = found.probabilities[:, 1].tolist()
    else:
        scores = [row[place[label]] for row, label in zip(found.probabilities.tolist(), found.chosen, strict=True)]
    further = [cells(found.probabilities[:, place[label]].tolist()) for label in _further(stored)]
    return [cells(found.chosen), cells(scores), *further]
