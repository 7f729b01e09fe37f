"""Grids of clusterings: embed and check at once, cluster in the worker process, draw the page."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from models.codes import read_codes
from models.errors import ClusteringError
from models.pages.cluster_grid import page as page_of
from service.errors import TooLarge
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters
from service.pipelines.items import Item, VectorInput
from service.pipelines.representations import LONG, MOST_ROWS, check_grid
from service.pipelines.vectors import gather_vectors
from service.schemas.cluster_grids import ClusterGridRequest
from service.tasks import cluster_grid as work

KIND = "cluster_grid"


async def submit(
    engine: Engine,
    jobs: Jobs,
    request: ClusterGridRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> Job:
    """Embed, check, and queue a job for the worker.

    Raises
    ------
    ClusteringError : invalid options, lists of the wrong length.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    data = await gather_vectors(engine, request, items=items, vectors=vectors)
    runs = len(request.grid) * (1 + request.resamples)
    if data.n * runs > MOST_ROWS:
        raise TooLarge(
            f"grid: got {len(request.grid)} combinations, each with {request.resamples} reruns, on {data.n:,} items, "
            f"at most {MOST_ROWS:,} items in all of them; send a smaller grid, fewer resamples or a sample",
            code="too_large",
            param="grid",
        )
    check_grid(request.grid, data.n)
    if request.known is not None and len(request.known) != data.n:
        raise ClusteringError(
            f"known: {len(request.known)} for {data.n} items; give one for each", code="lengths_differ"
        )
    known = None if request.known is None else read_codes(request.known, request.missing)
    update = {"input": None, "vectors": None, "ids": None, "known": None if known is None else list(known.names)}
    task = work.Task(
        request=request.model_copy(update=update),
        blocks=data.blocks,
        ids=data.ids,
        unusable={i: (failure.code, failure.message) for i, failure in data.failures.items()},
        model=data.model,
        receipt=data.receipt,
        remarks=(*data.remarks, *(() if known is None else known.remarks("known labels"))),
    )

    def fill(folder: Path) -> None:
        task.write(folder, data.rows)

    is_long = data.n > clusters.LONG or data.n**2 * runs > LONG
    return await jobs.submit(KIND, {"n": data.n}, owner=owner, fill=fill, lane="long" if is_long else None)


async def read_answer(jobs: Jobs, id: str, *, owner: str | None) -> bytes:
    """The answer of an earlier job, as JSON. Raises NotFound, Conflict."""
    return await clusters.read_answer(jobs, id, owner=owner, name=work.ANSWER, what=KIND)


async def page(engine: Engine, jobs: Jobs, id: str, *, owner: str | None) -> str:
    """The report as one HTML file. Raises NotFound, Conflict."""
    raw = await read_answer(jobs, id, owner=owner)
    return await engine.compute(lambda check: page_of(orjson.loads(raw)))
