"""Training: embed and check at once, train in the worker process."""

from collections.abc import Sequence
from pathlib import Path

from models.classifiers.store import check_name
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines.items import Item, VectorInput
from service.pipelines.vectors import ItemVectors, gather_vectors
from service.schemas.classifiers import TrainRequest
from service.stores.classifiers import Classifiers
from service.tasks import train as work

KIND = "train"


async def submit(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    request: TrainRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> Job:
    """Embed, check, and queue a job for the worker.

    Raises
    ------
    TrainingError, AgreementError : codes or options that cannot be trained on.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded, Forbidden.
    """
    await engine.in_thread(lambda: classifiers.check_owner(check_name(request.name), owner))
    data = await gather_vectors(engine, request, items=items, vectors=vectors, partial=request.partial)
    task = _task(request, data, owner)
    await engine.in_thread(lambda: work.validate_task(task, data.rows, resamples=1))

    def fill(folder: Path) -> None:
        task.write(folder, data.rows)

    return await jobs.submit(KIND, {"name": request.name}, owner=owner, fill=fill)


def _task(request: TrainRequest, data: ItemVectors, owner: str | None) -> work.Task:
    return work.Task(
        request=request.model_copy(update={"input": None, "vectors": None}),
        blocks=data.blocks,
        n=data.n,
        ids=data.ids,
        unusable={i: (failure.code, failure.message) for i, failure in data.failures.items()},
        made_with={str(modality): receipt for modality, receipt in data.receipts.items()},
        owner=owner,
    )
