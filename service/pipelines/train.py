"""Training: items to vectors, checked at once, learnt from in the jobs' process."""

from collections.abc import Sequence
from pathlib import Path

from models.classifiers.store import check_name
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines.items import GivenVectors, Post
from service.pipelines.vectors import Items, gathered
from service.schemas.classifiers import TrainRequest
from service.stores.classifiers import Classifiers
from service.tasks import train as work

KIND = "train"


async def begin(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    request: TrainRequest,
    *,
    posts: Sequence[Post] | None,
    vectors: Sequence[GivenVectors] | None,
    owner: str | None,
) -> Job:
    """Embed, check, and hand over to the worker.

    Raises
    ------
    TrainingError, AgreementError : what was given cannot be learnt from.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded, Forbidden.
    """
    await engine.in_thread(lambda: classifiers.check_owner(check_name(request.name), owner))
    items = await gathered(engine, request, posts=posts, vectors=vectors, partial=request.partial)
    task = _task(request, items, owner)
    await engine.in_thread(lambda: work.posed(task, items.rows, resamples=1))

    def fill(folder: Path) -> None:
        task.write(folder, items.rows)

    return await jobs.submit(KIND, {"name": request.name}, owner=owner, fill=fill)


def _task(request: TrainRequest, items: Items, owner: str | None) -> work.Task:
    return work.Task(
        request=request.model_copy(update={"input": None, "vectors": None}),
        blocks=items.blocks,
        n=items.n,
        ids=items.ids,
        unusable={i: (failure.code, failure.message) for i, failure in items.failures.items()},
        made_with={str(modality): receipt for modality, receipt in items.receipts.items()},
        owner=owner,
    )
