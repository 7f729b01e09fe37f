"""Training: embed and check at once, train in the worker process."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.classifiers.probe import STRENGTHS
from models.classifiers.records import Note, Prompts
from models.classifiers.store import check_name
from models.codes import infer_task, lost_zeros, read_codes, read_ids, similar_remark
from models.errors import TrainingError, quoted
from models.stopping import Check
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.jobs.kinds import Lane
from service.pipelines import picture_texts, zero_shot_training
from service.pipelines.items import Item, VectorInput, check_count
from service.pipelines.vectors import ItemVectors, gather_vectors
from service.schemas.classifiers import TrainRequest
from service.stores.classifiers import Classifiers
from service.tasks import train as work

KIND = "train"
NO_PARAMS: Mapping[str, Any] = {}
LONG = 50_000  # items from which a job takes an hour rather than minutes
FITS = 1000  # fits of that many items, of which the default options need some hundred


async def submit(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    request: TrainRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
    kind: str = KIND,
    params: Mapping[str, Any] = NO_PARAMS,
) -> Job:
    """Embed, check, and queue a job for the worker.

    `kind` is that of a job that goes on with the classifier, and `params` are its parameters.

    Raises
    ------
    TrainingError, AgreementError, IdError : codes or options that cannot be trained on.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded, Forbidden.
    """
    await engine.in_thread(lambda: classifiers.check_owner(check_name(request.name), owner))
    if items is not None and vectors is None:
        check_count(engine, items)
    zero_shot_training.check(request)
    request, items, reader = await picture_texts.for_training(engine, classifiers, request, items, vectors)
    data = await gather_vectors(engine, request, items=items, vectors=vectors, partial=request.partial)
    prompts = await zero_shot_training.embed_prompts(engine, request, data)

    def validated(check: Check) -> work.Task:
        task = _task(request, data, owner, reader, prompts)
        check()
        work.validate_task(task, data.rows, resamples=1)
        return task

    task = await engine.compute(validated)

    def fill(folder: Path) -> None:
        task.write(folder, data.rows)

    lane: Lane | None = "long" if _is_long(task.request, data.n) else None
    return await jobs.submit(kind, {"name": request.name, "n": data.n, **params}, owner=owner, fill=fill, lane=lane)


def _is_long(request: TrainRequest, n: int) -> bool:
    """Whether training may take an hour rather than minutes."""
    fits = n * request.repeats * request.folds * request.inner_folds * len(request.strengths or STRENGTHS)
    return n > LONG or fits > LONG * FITS


def read_columns(request: TrainRequest, ids: Sequence[str]) -> tuple[TrainRequest, tuple[str, ...], tuple[Note, ...]]:
    """The request and the ids with codes, items and groups as models.codes names them; remarks on missing codes.

    The task is inferred if it is not given. Raises TrainingError, IdError.
    """
    if (request.targets is None) == (request.codes is None):
        raise TrainingError("targets: send either targets or codes", code="no_targets")
    given = request.codes.code if request.codes is not None else request.targets or []
    labels = request.labels or []
    prompted = (request.zero_shot.labels if request.zero_shot is not None else None) or []
    column = read_codes([*given, *labels, *prompted], request.missing)
    codes = replace(column, names=column.names[: len(given)], values=column.values[: len(given)])
    task = request.task or infer_task(codes)
    values: list[Any] = list(codes.values if task == "continuous" else codes.names)
    notes = [Note("missing_codes", remark) for remark in codes.missing_remark("codes")]
    if task != "continuous":
        notes += [Note("similar_codes", remark) for remark in similar_remark(codes.names, "codes")]
    changes: dict[str, Any] = {"task": task}
    if request.labels is not None:
        named = zip(column.names[len(given) :][: len(labels)], labels, strict=True)
        changes["labels"] = [str(label) if name is None else name for name, label in named]
    if request.zero_shot is not None and prompted:
        own = zip(column.names[len(given) + len(labels) :], prompted, strict=True)
        named_prompts = [str(label) if name is None else name for name, label in own]
        changes["zero_shot"] = request.zero_shot.model_copy(update={"labels": named_prompts})
    if request.strata is not None:
        changes["strata"] = read_ids(request.strata, "strata")
    if request.groups is not None:
        changes["groups"] = [name or "" for name in read_codes(request.groups, ()).names]
    if request.codes is None:
        changes["targets"] = values
    else:
        items = read_ids([*ids, *request.codes.item], "items of codes")
        ids = items[: len(ids)]
        decides = [] if request.codes.adjudicator is None else [request.codes.adjudicator]
        coders = read_ids([*request.codes.coder, *decides], "coder")
        columns: dict[str, Any] = {"coder": coders[: len(request.codes.coder)], "item": items[len(ids) :]}
        columns |= {"code": values, "adjudicator": coders[-1] if decides else None}
        changes["codes"] = request.codes.model_copy(update=columns)
        if zeros := lost_zeros(items):
            notes.append(Note("lost_zeros", zeros))
    return request.model_copy(update=changes), tuple(ids), tuple(notes)


def _task(
    request: TrainRequest,
    data: ItemVectors,
    owner: str | None,
    reader: Mapping[str, Any] | None = None,
    prompts: Prompts | None = None,
) -> work.Task:
    request, ids, notes = read_columns(request, data.ids)
    notes += tuple(Note("items", remark) for remark in data.remarks)
    made_with = {str(modality): receipt for modality, receipt in data.receipts.items()}
    if reader is not None:
        made_with[picture_texts.KEY] = reader
        notes += (Note("text_from_image", _read_by(reader, data)),)
    if prompts is not None and request.zero_shot is not None and request.zero_shot.labels is not None:
        names = [str(label) for label in request.zero_shot.labels]
        if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
            raise TrainingError(
                f"zero_shot.labels: {quoted(twice)} occurs twice; give each class one prompt", code="unknown_label"
            )
        prompts = replace(prompts, labels=tuple(names))
    return work.Task(
        prompts=prompts,
        request=request.model_copy(update={"input": None, "vectors": None}),
        notes=notes,
        blocks=data.blocks,
        n=data.n,
        ids=ids,
        unusable={i: (failure.code, failure.message) for i, failure in data.failures.items()},
        made_with=made_with,
        owner=owner,
    )


def _read_by(reader: Mapping[str, Any], data: ItemVectors) -> str:
    """A remark on the texts that were read in the images."""
    place = [block.modality for block in data.blocks].index("text")
    without = int(np.isnan(np.asarray(data.rows[place])).all(axis=1).sum())
    return (
        f"The texts were read in the images by the analyser {reader['analyser']} ({reader['fingerprint'][:12]}); "
        f"{without:,} of {data.n:,} images have none, and are classified by the image alone."
    )
