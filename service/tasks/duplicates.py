"""Duplicate detection as a job, from hashes or vectors in its folder to groups in the folder of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.classifiers.head import Block
from models.similarity.duplicates import Duplicates, exact, near, semantic
from service.jobs.kinds import Context
from service.schemas.duplicates import DuplicatesRequest
from service.tasks.vectors import joined, keep, read_rows, unusable_to_json, usable, write_rows

TASK, ANSWER = "task.json", "duplicates.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items to compare.

    Attributes
    ----------
    request : without items, vectors and hashes.
    hashes : hash of each item for the kinds exact and near; None for an item without one.
    blocks : modalities and models of the vectors, for the kind semantic.
    remarks : sentences about items of which not all was read.
    """

    request: DuplicatesRequest
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    hashes: tuple[str | None, ...]
    blocks: tuple[Block, ...]
    model: str | None
    receipt: Mapping[str, Any] | None
    remarks: tuple[str, ...] = ()

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]]) -> None:
        """Write the task into `folder`."""
        write_rows(folder, self.blocks, rows)
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self))


def job(context: Context) -> dict[str, Any]:
    """Find the duplicates among the items in the job's folder."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    context.report(0.05, f"comparing {len(task.ids):,} items")
    kept, bad, duplicates = _find(context, task)
    place = kept.tolist()
    groups = [
        {
            "representative": place[group.representative],
            "members": [place[i] for i in group.members],
            "similarity": [float(x) for x in group.similarity],
        }
        for group in duplicates.groups
    ]
    extra = sum(len(group["members"]) - 1 for group in groups)
    answer = {
        "id": context.id,
        "object": "duplicates",
        "kind": duplicates.kind,
        "threshold": None if duplicates.kind == "exact" else float(duplicates.threshold),
        "linkage": duplicates.linkage,
        "n": len(task.ids),
        "ids": list(task.ids),
        "groups": groups,
        "extra": extra,
        "unusable": unusable_to_json(bad, task.ids),
        "model": task.model,
        "receipt": task.receipt,
        "remarks": list(task.remarks),
    }
    keep(context.results, ANSWER, answer)
    return {"duplicates": context.id, "n": len(task.ids), "groups": len(groups), "extra": extra}


def _find(context: Context, task: Task) -> tuple[NDArray[np.intp], dict[int, tuple[str, str]], Duplicates]:
    request, bad = task.request, dict(task.unusable)
    if request.kind == "semantic":
        rows = read_rows(context.folder, task.blocks)
        kept, bad = usable(rows, bad, skip=request.on_error == "skip")
        prefer = None if request.preference is None else np.asarray(request.preference)[kept]
        x = np.asarray(joined(rows, kept), np.float32)
        return kept, bad, semantic(x, threshold=request.threshold, linkage=request.linkage, preference=prefer)
    kept = np.array([i for i in range(len(task.ids)) if i not in bad], np.intp)
    prefer = None if request.preference is None else np.asarray(request.preference)[kept]
    hashes = [task.hashes[i] for i in kept]
    if request.kind == "exact":
        return kept, bad, exact([value or "" for value in hashes], preference=prefer)
    values = [None if value is None else int(value, 16) for value in hashes]
    return kept, bad, near(values, bits=request.bits, linkage=request.linkage, preference=prefer)
