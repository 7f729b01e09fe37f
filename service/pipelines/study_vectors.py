"""Vectors of the items of a study: the job that embeds pictures, and sets of vectors by model."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ItemError, quoted
from models.images.decoding import DecodeMode
from service.errors import Conflict, NotFound, Overloaded, Unprocessable
from service.inference.engine import Engine, Model
from service.inference.fair_threads import one_caller
from service.inference.matching import model_of
from service.jobs import Job, Jobs
from service.jobs.entry import Report
from service.jobs.kinds import OF_STUDIES
from service.pipelines.encode import encode
from service.pipelines.items import Item, VectorInput
from service.pipelines.jobs import time_of
from service.schemas import study_vectors as schema
from service.stores import study_items
from service.stores import study_vectors as store
from service.stores.studies import Studies, Study
from service.stores.study_items import StudyItem
from service.stores.study_pictures import original
from service.stores.study_vectors import StudyVectors, VectorSet
from service.stores.vectors import OWNER

KIND = "study_embeddings"
ITEMS_AT_ONCE = 64  # that are embedded and written together
BYTES_AT_ONCE = 64 * 2**20  # of their files
IN_FLIGHT = 2  # such parts at once, so that the encoders do not wait for the disk
MOST_FAILURES = 1000  # that the result of a job lists
PATIENCE = 1.0  # seconds until a full queue is tried again


def as_input(vectors: StudyVectors) -> VectorInput:
    """The vectors of a study as pipelines take those that callers send."""
    return VectorInput(
        modality=vectors.modality,
        model=vectors.model,
        fingerprint=vectors.fingerprint,
        rows=vectors.rows,
        receipt=vectors.receipt,
        ids=vectors.ids,
    )


async def submit(engine: Engine, jobs: Jobs, study: Study, request: schema.EmbedRequest, *, owner: str | None) -> Job:
    """Queue the job that embeds the items without a vector.

    Raises
    ------
    Conflict : a study of a collection, such a job that waits or runs already, vectors that were made in another way.
    NotFound : an unknown model.
    Unprocessable : no items, a model without pictures.
    Overloaded.
    """
    if study.collection is not None:
        raise Conflict(
            f"the vectors of this study are those of the collection {study.collection!r}, and it has no pictures to "
            "embed",
            code="study_of_a_collection",
        )
    model = engine.model(request.model)
    if model.images is None:
        raise Unprocessable(
            f"model: {quoted(model.spec.name)} takes no images; choose another model",
            code="unsupported_modality",
            param="model",
        )
    decode = engine.settings.decode

    def begin() -> VectorSet:
        if not study_items.count_items(study.database):
            raise Unprocessable("the study has no items to embed; add pictures first", code="no_items")
        return _open(study, model, decode)

    vectors = await engine.in_thread(begin)
    params = {
        **{"study": study.id, "created": study.created, "name": study.name, "model": vectors.model},
        **{"fingerprint": vectors.fingerprint, "already": vectors.items},
        "n": vectors.items + vectors.failed + vectors.missing,
    }
    return await jobs.submit(KIND, params, owner=owner, alone=("study", "model"))


def _open(study: Study, model: Model, decode: DecodeMode) -> VectorSet:
    receipt = model.receipts[decode]
    return store.open_set(
        study,
        model=model.spec.name,
        fingerprint=receipt["fingerprint"],
        dimension=model.spec.dimension,
        receipt=receipt,
    )


async def run(engine: Engine, studies: Studies, job: Job, report: Report) -> Mapping[str, Any]:
    """Run the job; it ends as cancelled where the study is deleted meanwhile.

    Raises
    ------
    Unprocessable : the model is no longer running, or the study's folder is gone.
    TooLarge : there is no room for the vectors.
    """
    OWNER.set(job.owner)  # whose vectors are in the cache
    one_caller(job.owner)
    try:
        return await _run(engine, studies, job, report)
    except Exception as exc:
        if await engine.in_thread(lambda: _study_of(studies, job)) is None:
            raise asyncio.CancelledError from exc
        raise


def _study_of(studies: Studies, job: Job) -> Study | None:
    """The study of a job; None where it was deleted, and perhaps made anew."""
    study = studies.by_id(job.params["study"])
    return study if study is not None and study.created == job.params["created"] else None


async def _run(engine: Engine, studies: Studies, job: Job, report: Report) -> Mapping[str, Any]:
    study = await engine.in_thread(lambda: _study_of(studies, job))
    if study is None:
        raise asyncio.CancelledError
    model, decode = model_of(engine, job.params["fingerprint"], "model")
    vectors = await engine.in_thread(lambda: _open(study, model, decode))
    total = vectors.items + vectors.failed + vectors.missing
    done = vectors.items
    last: int | None = 0
    parts = deque[asyncio.Task[_Part]]()
    report(done / max(total, 1), f"embedding {done:,} of {total:,}")
    try:
        while True:
            while last is not None and len(parts) < IN_FLIGHT:
                items = await engine.in_thread(lambda after=last: _next(engine, study, vectors, after))  # type: ignore[misc]
                if not items:
                    last = None
                    break
                last = items[-1].place
                parts.append(asyncio.create_task(_embedded(engine, study, model, decode, items)))
            if not parts:
                break
            part = await parts.popleft()
            await engine.in_thread(lambda part=part: _keep(studies, job, study, vectors, part))  # type: ignore[misc]
            done += len(part.places) + len(part.failures)
            report(min(done / max(total, 1), 1.0), f"embedding {done:,} of {total:,}")
    finally:
        for task in parts:
            task.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
    return await engine.in_thread(lambda: _result(study, vectors, job))


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Vectors of some items, and code and message of those that failed, by place."""

    places: Sequence[int]
    rows: NDArray[np.float32]
    failures: Mapping[int, tuple[str, str]]


def _next(engine: Engine, study: Study, vectors: VectorSet, after: int) -> list[StudyItem]:
    """Items that are embedded together: few beside the queue, in which others' items wait too."""
    settings = engine.settings
    few = max(1, min(ITEMS_AT_ONCE, settings.max_items, settings.queue // 8))
    items = store.next_items(study, vectors, after=after, limit=few)
    size = 0
    for i, item in enumerate(items):
        size += item.bytes
        if i and size > BYTES_AT_ONCE:
            return items[:i]
    return items


async def _embedded(engine: Engine, study: Study, model: Model, decode: DecodeMode, items: list[StudyItem]) -> _Part:
    failures: dict[int, tuple[str, str]] = {}

    def read() -> dict[int, bytes]:
        found = {}
        for item in items:
            try:
                found[item.place] = original(study, item, engine.settings)
            except (ItemError, NotFound) as exc:
                failures[item.place] = exc.code, exc.message
        return found

    files = await engine.in_thread(read)
    places = list(files)
    if not places:
        return _Part(places=(), rows=np.empty((0, model.spec.dimension), np.float32), failures=failures)
    posts = [Item(image=data) for data in files.values()]
    while True:
        try:
            made = await encode(engine, model, posts, operation="studies", decode=decode, on_error="skip")
            break
        except Overloaded:  # by the requests of others
            await asyncio.sleep(PATIENCE)
    failures |= {places[i]: (failure.code, failure.message) for i, failure in made.failures.items()}
    good = [i for i in range(len(places)) if i not in made.failures]
    return _Part(places=[places[i] for i in good], rows=made.vectors[good], failures=failures)


def _keep(studies: Studies, job: Job, study: Study, vectors: VectorSet, part: _Part) -> None:
    if _study_of(studies, job) is None:  # another one of this name, perhaps
        raise NotFound("study: it was deleted meanwhile", code="unknown_study")
    store.append_rows(study, vectors, part.places, part.rows, part.failures)


def _result(study: Study, vectors: VectorSet, job: Job) -> dict[str, Any]:
    there = store.require_set(study, vectors.model)
    failures = store.failed_items(study, vectors, MOST_FAILURES)
    return {
        **{"study": study.name, "model": there.model, "fingerprint": there.fingerprint},
        **{"embedded": there.items - job.params["already"], "already": job.params["already"]},
        **{"failed": there.failed, "failures": [vars(each) for each in failures]},
        "items": there.items + there.failed + there.missing,
    }


def cancel(jobs: Jobs, study: Study) -> None:
    """Cancel the jobs whose results are those of a study alone; call it in a thread."""
    for kind in OF_STUDIES:
        for job in jobs.table.active(kind, study=study.id):
            jobs.table.cancel(job.id)


def list_sets(jobs: Jobs, study: Study) -> schema.VectorSetList:
    """The vectors of a study, by model; call it in a thread."""
    running = {job.params["model"]: job.id for job in jobs.table.active(KIND, study=study.id)}
    names = ("model", "fingerprint", "dimension", "modality", "items", "failed", "missing")
    data = [
        schema.VectorSetCard(
            **{name: getattr(each, name) for name in names},
            created=time_of(each.created) or "",
            job=running.get(each.model),
            receipt=dict(each.receipt),
        )
        for each in store.list_sets(study)
    ]
    return schema.VectorSetList(data=data)


def delete_set(jobs: Jobs, study: Study, model: str) -> schema.DeletedVectors:
    """Delete the vectors of a model; call it in a thread. Raises NotFound, Conflict while a job makes them."""
    for job in jobs.table.active(KIND, study=study.id):
        if job.params["model"] == model:
            raise Conflict(
                f"model: {job.id} makes these vectors now; cancel it first (POST /v1/jobs/{job.id}/cancel)",
                code="job_exists",
                param="model",
            )
    return schema.DeletedVectors(model=model, items=store.delete_set(study, model).items)
