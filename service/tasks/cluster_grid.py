"""Grid of clusterings as a job, from vectors in its folder to a table in the folder of results.

<folder>/task.json           the request without its items, the ids and the receipt of the vectors
         image.npy           (n, d) vectors; text.npy likewise
<results>/cluster_grid.json  the answer
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.classifiers.head import Block
from models.clustering.blocks import Mapper, in_threads
from models.clustering.cluster import Clustering, cluster
from models.errors import ClusteringError
from service.jobs.kinds import Context
from service.schemas.cluster_grids import ClusterGridRequest
from service.schemas.representations import ClusterOptions
from service.tasks.cluster import LIBRARIES
from service.tasks.representations import combination_name
from service.tasks.vectors import joined_in, keep, read_rows, unusable_to_json, usable, write_rows

TASK, ANSWER = "task.json", "cluster_grid.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items to group; `request` is without `input` and `vectors`, `unusable` by index of an item."""

    request: ClusterGridRequest
    blocks: tuple[Block, ...]
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    model: str
    receipt: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]]) -> None:
        """Write the task into `folder`."""
        write_rows(folder, self.blocks, rows)
        # parameters that were left out stay so: names of clusterings have only those that were given
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self, exclude_unset=True))


def job(context: Context) -> dict[str, Any]:
    """Cluster the items in the job's folder with each combination."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    request, n = task.request, len(task.ids)
    context.report(0.0, "reading vectors")
    rows = read_rows(context.folder, task.blocks)
    kept, bad = usable(rows, task.unusable, skip=request.on_error == "skip")
    x, which = joined_in(context.folder, rows, kept)
    known = None if request.known is None else [request.known[i] for i in kept.tolist()]
    with in_threads(context.threads) as mapper:
        table = [
            _row(point, _clustering(context, x, which, mapper, request, known, i), has_known=known is not None)
            for i, point in enumerate(request.grid)
        ]
    answer = {
        "id": context.id,
        "object": "cluster_grid",
        "n": n,
        "dimension": x.shape[1],
        "rows": table,
        "params": {"resamples": request.resamples},
        "remarks": [*_left_out(bad, n), *task.remarks],
        "unusable": unusable_to_json(bad, task.ids),
        "model": task.model,
        "receipt": dict(task.receipt),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    keep(context.results, ANSWER, answer)  # NaN becomes null
    return {"cluster_grid": context.id, "n": n, "clusterings": len(table)}


def _clustering(
    context: Context,
    x: NDArray[np.floating],
    which: NDArray[np.intp] | None,
    mapper: Mapper[Any, Any],
    request: ClusterGridRequest,
    known: list[Any] | None,
    i: int,
) -> Clustering:
    """Cluster with combination `i`. Raises ClusteringError, which names it."""
    total = len(request.grid)

    def report(progress: float, step: str) -> None:
        context.report(0.02 + 0.96 * (i + progress) / total, f"clustering {i + 1} of {total}: {step}")

    try:
        return cluster(
            x,
            request.grid[i].options(),
            known=known,
            projection="none",
            resamples=request.resamples,
            which=which,
            folder=context.folder,
            mapper=mapper,
            report=report,
        )
    except ClusteringError as exc:
        raise ClusteringError(f"grid[{i}]: {exc.message}", exc.code) from exc


def _row(point: ClusterOptions, made: Clustering, *, has_known: bool) -> dict[str, Any]:
    parameters = point.chosen()
    labels = made.result.labels
    sizes = np.bincount(labels[labels >= 0])
    finite = made.final[np.isfinite(made.final)]
    comparison = made.comparison if has_known and made.comparison is not None else {}
    stable = None if made.stability is None else made.stability.to_json().get("mean")
    quantiles = None
    if len(sizes):
        low, q25, median, q75, high = np.percentile(sizes, [0, 25, 50, 75, 100]).tolist()
        quantiles = {"smallest": int(low), "q25": q25, "median": median, "q75": q75, "largest": int(high)}
    return {
        "name": combination_name(parameters),
        "parameters": parameters,
        "clusters": len(sizes),
        "unclustered": int((labels < 0).sum()),
        "silhouette": float(finite.mean()) if len(finite) else None,
        "stability": stable,
        "sizes": quantiles,
        **{name: comparison.get(name) for name in ("ari", "nmi", "purity")},
    }


def _left_out(bad: Mapping[int, tuple[str, str]], n: int) -> list[str]:
    return [f"{len(bad):,} of {n:,} items were left out, since they have no vector."] if bad else []
