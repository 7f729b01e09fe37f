"""Comparisons of representations: check at once, cluster and judge in the worker process, draw the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from models.annotation.pair_comparison import check_columns, check_pairs
from models.classifiers.head import Block
from models.clustering.methods import MOST
from models.pages.representations import page as page_of
from models.stopping import Check
from service.errors import TooLarge, Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters
from service.pipelines.items import VectorInput
from service.pipelines.vectors import count
from service.schemas.representations import ClusterOptions, RepresentationsRequest
from service.tasks import representations as work

KIND = "representations"
MOST_RUNS = 500  # clusterings of a request
MOST_ROWS = 5_000_000  # items times clusterings
MOST_CODED = 100_000  # pairs
LONG = 5e9  # square of the items times clusterings, from which a job takes an hour rather than minutes


async def submit(
    jobs: Jobs, request: RepresentationsRequest, vectors: Sequence[VectorInput], *, owner: str | None
) -> Job:
    """Check, and queue a job for the worker.

    Raises
    ------
    ClusteringError : invalid options or pairs, lists of the wrong length.
    Unprocessable, TooLarge.
    """
    n = count(each.rows for each in vectors)
    _check(request, n)
    task = work.Task(
        request=request.model_copy(
            update={"vectors": [each.model_copy(update={"data": None, "file": None}) for each in request.vectors]}
        ),
        blocks=tuple(
            Block(modality=e.modality, model=e.model, fingerprint=e.fingerprint, dimension=e.rows.shape[1])
            for e in vectors
        ),
        receipts=tuple(each.receipt for each in vectors),
    )

    def fill(folder: Path) -> None:
        task.write(folder, [each.rows for each in vectors])

    runs = len(vectors) * len(request.combinations)
    is_long = n > clusters.LONG or n**2 * runs > LONG
    return await jobs.submit(KIND, {"n": n}, owner=owner, fill=fill, lane="long" if is_long else None)


def _check(request: RepresentationsRequest, n: int) -> None:
    pairs, runs = len(request.a), len(request.vectors) * len(request.combinations)
    if runs > MOST_RUNS or n * runs > MOST_ROWS:
        raise TooLarge(
            f"grid: got {len(request.vectors)} representations times {len(request.combinations)} combinations of "
            f"parameters on {n:,} items, at most {MOST_RUNS} clusterings and {MOST_ROWS:,} items in all of them; send "
            "a smaller grid, or a sample of the items that has all coded pairs",
            code="too_large",
            param="grid",
        )
    if pairs > MOST_CODED:
        raise TooLarge(f"a: got {pairs:,} pairs, at most {MOST_CODED:,}; send fewer", code="too_many_items", param="a")
    check_columns(
        pairs,
        {name: getattr(request, name) for name in ("b", "same", "inclusion_prob", "stratum")},
    )
    check_pairs(np.asarray(request.a, np.int64), np.asarray(request.b, np.int64), n, request.inclusion_prob)
    check_grid(request.combinations, n)


def check_grid(combinations: Sequence[ClusterOptions], n: int) -> None:
    """Check the combinations of a grid for `n` items.

    Raises
    ------
    ClusteringError : invalid options.
    TooLarge : a method that does not take as many items.
    Unprocessable : a combination that occurs twice.
    """
    seen: list[Mapping[str, Any]] = []
    for i, point in enumerate(combinations):
        options = point.options()
        if n > MOST.get(options.method, n):
            raise TooLarge(
                f"grid[{i}]: got method {options.method} for {n:,} items, which takes at most "
                f"{MOST[options.method]:,}; leave it out, or send a sample of the items",
                code="too_many_items",
                param=f"grid[{i}]",
            )
        if point.chosen() in seen:
            raise Unprocessable(
                f"grid[{i}]: is the same as grid[{seen.index(point.chosen())}]; leave it out", param=f"grid[{i}]"
            )
        seen.append(point.chosen())


async def read_answer(jobs: Jobs, id: str, *, owner: str | None) -> bytes:
    """The answer of an earlier job, as JSON. Raises NotFound, Conflict."""
    return await clusters.read_answer(jobs, id, owner=owner, name=work.ANSWER, what=KIND)


async def page(engine: Engine, jobs: Jobs, id: str, *, owner: str | None) -> str:
    """The report as one HTML file. Raises NotFound, Conflict."""
    raw = await read_answer(jobs, id, owner=owner)

    def draw(check: Check) -> str:
        return page_of(orjson.loads(raw))

    return await engine.compute(draw)
