"""Analyses of a study that write columns: zero-shot labels here, clusters and duplicates as jobs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from service.errors import Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters, duplicates
from service.pipelines.jobs import time_of
from service.pipelines.prompts import ZeroShotQuery
from service.pipelines.study_vectors import as_input
from service.pipelines.zero_shot import MOST, ZeroShotResult, encoded_vectors, zero_shot
from service.schemas import study_analyses as schema
from service.schemas.clusters import ClusterRequest
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.zero_shot import ZeroShotOptions
from service.stores.studies import Study
from service.stores.study_items import Cell, values_of
from service.stores.study_runs import check_prefix, column_names, list_runs, write_run
from service.stores.study_vectors import StudyVectors, read_vectors
from service.tasks import duplicates as duplicates_task
from service.tasks.study_analyses import CLUSTERS, DUPLICATES, cluster_columns, duplicate_columns

ZERO_SHOT = "zero_shot"
CLUSTERS_JOB, DUPLICATES_JOB = "study_clusters", "study_duplicates"
LONG = 50_000  # items from which a job takes an hour rather than a minute
PART = 50_000  # items that are scored at once


def options_of(request: schema.StudyLabels, model: str | None = None) -> ZeroShotOptions:
    """The labels of a request as those of POST /v1/zero-shot."""
    fields = {name: getattr(request, name) for name in schema.StudyLabels.model_fields}
    return ZeroShotOptions(**fields, model=model, on_error="skip")


async def label_items(engine: Engine, study: Study, request: schema.StudyZeroShotRequest) -> schema.StudyAnalysis:
    """Score all items with a vector, and write the columns. Raises Conflict, Unprocessable, TooLarge."""
    options = options_of(request)
    question = ZeroShotQuery.of(options)
    k = len(question.labels)
    further = ["score", *(f"score:{label}" for label in question.labels if request.each_label)]
    names = column_names(request.prefix, "label", further)
    await engine.in_thread(lambda: check_prefix(study, ZERO_SHOT, names))
    vectors = await engine.in_thread(lambda: read_vectors(study, request.model))
    n = len(vectors.ids)
    part = max(min(PART, MOST // max(k, 1)), 1)
    whole = as_input(vectors)
    best: list[str | None] = []
    scores = np.empty((n, k), np.float32)
    result: ZeroShotResult | None = None
    for start in range(0, n, part):
        some = replace(whole, rows=vectors.rows[start : start + part], ids=None)
        ids = vectors.ids[start : start + part]
        model, decode, encoded = await encoded_vectors(engine, options, k, [some], ids)
        result = await zero_shot(engine, model, (), question, decode=decode, on_error="skip", vectors=encoded)
        best += result.best
        scores[start : start + part] = result.scores
    assert result is not None
    chosen = {label: i for i, label in enumerate(question.labels)}
    own = [
        float(np.nanmax(row)) if label is None else float(row[chosen[label]])
        for label, row in zip(best, scores, strict=True)
    ]
    columns: dict[str, Sequence[Cell]] = {names[0]: best, names[1]: own}
    columns |= {name: scores[:, i].tolist() for i, name in enumerate(names[2:])}
    counts = Counter(label for label in best if label is not None)
    figures: dict[str, Any] = {
        **{"n": n, "missing": vectors.missing, "model": vectors.model},
        **{"counts": {label: counts[label] for label in question.labels}, "none": n - counts.total()},
    }
    preset = question.preset
    remarks = [] if preset is None else [preset.validate]
    if vectors.missing:
        remarks.append(f"{vectors.missing:,} items have no vector and no label.")
    kept = {"templates": list(result.templates), "negatives": result.negatives, "logit_scale": result.logit_scale}
    receipt = dict(vectors.receipt)
    run, kinds = await engine.compute(
        lambda check: write_run(
            study,
            operation=ZERO_SHOT,
            options={**request.model_dump(), "model": vectors.model},
            receipt=receipt,
            result={**figures, **kept, "remarks": remarks},
            places=vectors.places.tolist(),
            columns=columns,
        )
    )
    return schema.StudyAnalysis.model_validate(
        {"study": study.name, "run": run, "columns": kinds, **figures, "remarks": remarks, "receipt": receipt}
    )


async def begin_clusters(
    engine: Engine, jobs: Jobs, study: Study, request: schema.StudyClustersRequest, owner: str | None
) -> Job:
    """Queue a clustering of all items with a vector, whose columns are written at its end.

    Raises the errors of POST /v1/clusters, and Conflict for columns that are not its own.
    """
    await engine.in_thread(lambda: check_prefix(study, CLUSTERS, cluster_columns(request.prefix)))
    vectors = await engine.in_thread(lambda: read_vectors(study, request.model))
    own = set(schema.StudyClustersRequest.model_fields) - {"model", "prefix", "known"}
    known = None if request.known is None else await engine.in_thread(lambda: _known(study, request.known, vectors))
    sent = ClusterRequest(
        **{name: getattr(request, name) for name in own}, ids=list(vectors.ids), known=known, on_error="skip"
    )
    params = _params(study, request.model_dump(), vectors)
    return await clusters.submit(
        engine, jobs, sent, items=None, vectors=[as_input(vectors)], owner=owner, kind=CLUSTERS_JOB, params=params
    )


def _params(study: Study, options: dict[str, Any], vectors: StudyVectors | None) -> dict[str, Any]:
    """Parameters of a job: the study, the options of the run, and the number of items without a vector."""
    if vectors is not None:
        options["model"] = vectors.model
    return {"study": study.id, "options": options, "missing": 0 if vectors is None else vectors.missing}


def _known(study: Study, column: str | None, vectors: StudyVectors) -> list[Any]:
    """Known labels of the items, from a column. Raises Unprocessable for an unknown one."""
    with study.database.reading() as db:
        values = values_of(db, column or "")
    return [values.get(place) for place in vectors.places.tolist()]


async def begin_duplicates(
    engine: Engine, jobs: Jobs, study: Study, request: schema.StudyDuplicatesRequest, owner: str | None
) -> Job:
    """Queue a search for duplicates, whose columns are written at its end.

    Raises the errors of POST /v1/duplicates, and Conflict for columns that are not its own.
    """
    await engine.in_thread(lambda: check_prefix(study, DUPLICATES, duplicate_columns(request.prefix)))
    own = ("kind", "threshold", "bits", "linkage", "method")
    sent = DuplicatesRequest(**{name: getattr(request, name) for name in own}, on_error="skip")
    if request.kind == "semantic":
        vectors = await engine.in_thread(lambda: read_vectors(study, request.model))
        return await duplicates.submit(
            engine,
            jobs,
            sent.model_copy(update={"ids": list(vectors.ids)}),
            items=None,
            vectors=[as_input(vectors)],
            owner=owner,
            kind=DUPLICATES_JOB,
            params=_params(study, request.model_dump(), vectors),
        )
    for name in ("threshold", "model"):
        if getattr(request, name) is not None:
            raise Unprocessable(
                f"{name}: is for kind semantic, and {request.kind} compares pictures; leave it out", param=name
            )
    if request.method == "approximate":
        raise Unprocessable(
            f"method: is for kind semantic, and {request.kind} compares pictures; leave it out", param="method"
        )
    ids = await engine.in_thread(lambda: _ids(study))
    if not ids:
        raise Unprocessable("study: has no items yet; add pictures", code="no_items", param="name")
    task = duplicates_task.Task(
        request=sent, ids=tuple(ids), unusable={}, hashes=(), blocks=(), model=None, receipt=None
    )

    def fill(folder: Path) -> None:
        task.write(folder, [])

    params = {"n": len(ids), **_params(study, request.model_dump(), None)}
    lane: Any = "long" if len(ids) > LONG else None
    return await jobs.submit(DUPLICATES_JOB, params, owner=owner, fill=fill, lane=lane)


def _ids(study: Study) -> list[str]:
    with study.database.reading() as db:
        return [row["id"] for row in db.execute("SELECT id FROM items ORDER BY place")]


def runs(study: Study) -> schema.StudyRunList:
    """The analyses of a study, the newest first."""
    return schema.StudyRunList(
        data=[
            schema.StudyRun(
                **{name: getattr(run, name) for name in ("number", "operation", "options", "result", "receipt")},
                columns=list(run.columns),
                created=time_of(run.created) or "",
            )
            for run in list_runs(study)
        ]
    )
