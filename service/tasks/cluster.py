"""Clustering as a job, from vectors in its folder to an answer in the folder of results.

<folder>/task.json         the request without its items, the ids and the receipt of the vectors
         image.npy         (n, d) vectors; text.npy likewise
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
from models.clustering.blocks import in_threads
from models.clustering.cluster import Clustering, cluster
from models.clustering.names import Vocabulary
from models.embedded.class_names import class_names
from models.pages.clusters.view import shown_images
from service.jobs.kinds import Context
from service.schemas.clusters import ClusterRequest
from service.tasks.vectors import joined_in, keep, read_rows, unusable_to_json, usable, write_rows

TASK, VOCABULARY, ANSWER = "task.json", "vocabulary.npy", "clustering.json"
LIBRARIES = ("numpy", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items to group.

    Attributes
    ----------
    request : without `input` and `vectors`.
    unusable : code and message of each item that could not be embedded, by index.
    logit_scale : logit scale of the model that embedded the vocabulary.
    remarks : remarks on the known labels.
    texts : text of each item, blank for none, of which names are made.
    """

    request: ClusterRequest
    blocks: tuple[Block, ...]
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    model: str
    receipt: Mapping[str, Any]
    logit_scale: float | None
    remarks: tuple[str, ...] = ()
    texts: tuple[str, ...] | None = None

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]], names: NDArray[np.float32] | None) -> None:
        """Write the task into `folder`."""
        write_rows(folder, self.blocks, rows)
        if names is not None:
            np.save(folder / VOCABULARY, names)
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self))


def job(context: Context) -> dict[str, Any]:
    """Cluster the items in the job's folder."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    request, n = task.request, len(task.ids)
    rows = read_rows(context.folder, task.blocks)
    context.report(0.0, "reading vectors")
    kept, bad = usable(rows, task.unusable, skip=request.on_error == "skip")
    names = None
    if task.logit_scale is not None:
        names = Vocabulary(
            names=tuple(request.vocabulary or class_names()),
            vectors=np.load(context.folder / VOCABULARY, allow_pickle=False),
            logit_scale=task.logit_scale,
        )

    def select(values: Sequence[Any] | None) -> list[Any] | None:
        return None if values is None else [values[i] for i in kept] if bad else list(values)

    x, which = joined_in(context.folder, rows, kept)
    with in_threads(context.threads) as mapper:
        clustering = cluster(
            x,
            request.options(),
            which=which,
            folder=context.folder,
            mapper=mapper,
            weights=select(request.weights),
            known=select(request.known),
            vocabulary=names,
            built_in=request.vocabulary is None,
            texts=select(task.texts),
            projection=request.projection,
            resamples=request.resamples,
            report=context.report,
        )
    context.report(0.99, "writing the answer")
    answer = {
        "id": context.id,
        "object": "clustering",
        **_over_all(clustering, kept, n),
        "modality": task.blocks[0].modality if len(task.blocks) == 1 else None,
        "remarks": [*clustering.remarks, *task.remarks],
        "ids": list(task.ids),
        "unusable": unusable_to_json(bad, task.ids),
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
        "clusters": len(clustering.clusters),
        "unclustered": answer["unclustered"],
    }


def _over_all(clustering: Clustering, kept: NDArray[np.intp], n: int) -> dict[str, Any]:
    """The clustering as JSON, with indexes of usable items replaced by those of the request."""
    answer = clustering.to_json()
    if len(kept) == n:
        return answer
    place = kept.tolist()
    for name, none in (("labels", -1), ("silhouettes", None), ("silhouettes_final", None), ("coordinates", [0.0, 0.0])):
        if answer[name] is not None:
            every: list[Any] = [none] * n
            for i, value in zip(place, answer[name], strict=True):
                every[i] = value
            answer[name] = every
    for one in answer["clusters"]:
        one["medoid"] = place[one["medoid"]]
        one["exemplars"] = {kind: [place[i] for i in which] for kind, which in one["exemplars"].items()}
    if answer["hierarchy"] is not None and answer["hierarchy"]["of"] == "items":
        answer["hierarchy"]["leaves"] = [place[i] for i in answer["hierarchy"]["leaves"]]
    return {**answer, "n": n}
