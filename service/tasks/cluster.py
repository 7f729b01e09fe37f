"""Clustering as a job: vectors in its folder to an answer among its results.

<folder>/task.json         the request without its items, ids, and where the vectors are from
         image.npy         (n, d) vectors; text.npy alike
         vocabulary.npy    (v, d) unit vectors of names
<results>/clustering.json  the answer
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
from models.clustering.cluster import Clustering, cluster
from models.clustering.describe import Vocabulary
from models.pages.clusters.view import shown_images
from service.jobs.kinds import Context
from service.schemas.clusters import ClusterRequest
from service.tasks.vectors import joined, keep, read_rows, unusable_said, usable, write_rows

TASK, VOCABULARY, ANSWER = "task.json", "vocabulary.npy", "clustering.json"
LIBRARIES = ("numpy", "scikit-learn", "scipy")
MAPPED = 100_000  # items of which a map is drawn unless asked for: more are a cloud, and many megabytes of JSON


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be grouped.

    Attributes
    ----------
    request : without `input` and `vectors`.
    unusable : items that could not be embedded: index → code and message.
    logit_scale : of the model whose names the vocabulary has.
    """

    request: ClusterRequest
    blocks: tuple[Block, ...]
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    model: str
    receipt: Mapping[str, Any]
    logit_scale: float | None

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]], names: NDArray[np.float32] | None) -> None:
        """Put it into `folder`."""
        write_rows(folder, self.blocks, rows)
        if names is not None:
            np.save(folder / VOCABULARY, names)
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self))


def job(context: Context) -> dict[str, Any]:
    """Cluster what lies in the job's folder."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    request, n = task.request, len(task.ids)
    rows = read_rows(context.folder, task.blocks)
    context.report(0.0, "reading vectors")
    kept, bad = usable(rows, task.unusable, skip=request.on_error == "skip")
    names = None
    if request.vocabulary is not None and task.logit_scale is not None:
        names = Vocabulary(
            names=tuple(request.vocabulary),
            vectors=np.load(context.folder / VOCABULARY, allow_pickle=False),
            logit_scale=task.logit_scale,
        )

    def some(given: Sequence[Any] | None) -> list[Any] | None:
        return None if given is None else [given[i] for i in kept] if bad else list(given)

    made = cluster(
        joined(rows, kept),
        request.options(),
        weights=some(request.weights),
        known=some(request.known),
        vocabulary=names,
        projection=request.projection,
        resamples=request.resamples,
        report=context.report,
    )
    context.report(0.99, "writing the answer")
    answer = {
        "id": context.id,
        "object": "clustering",
        **_over_all(made, kept, n),
        "ids": list(task.ids),
        "unusable": unusable_said(bad, task.ids),
        "model": task.model,
        "receipt": dict(task.receipt),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    answer["shown"] = shown_images(answer)
    keep(context.results, ANSWER, answer)
    return {
        "clustering": context.id,
        "n": n,
        "clusters": len(made.clusters),
        "unclustered": answer["unclustered"],
    }


def _over_all(made: Clustering, kept: NDArray[np.intp], n: int) -> dict[str, Any]:
    """The answer about the usable items as one about all of them: indexes are those of the request."""
    said = made.to_json()
    if len(kept) == n:
        return said
    place = kept.tolist()
    for name, none in (("labels", -1), ("silhouettes", None), ("silhouettes_final", None), ("coordinates", [0.0, 0.0])):
        if said[name] is not None:
            every: list[Any] = [none] * n
            for i, value in zip(place, said[name], strict=True):
                every[i] = value
            said[name] = every
    for each in said["clusters"]:
        each["medoid"] = place[each["medoid"]]
        each["exemplars"] = {kind: [place[i] for i in which] for kind, which in each["exemplars"].items()}
    return {**said, "n": n}
