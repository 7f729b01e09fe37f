"""Looking for duplicates as a job: hashes or vectors in its folder to groups among its results."""

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
from service.tasks.vectors import joined, keep, read_rows, unusable_said, usable, write_rows

TASK, ANSWER = "task.json", "duplicates.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be compared.

    Attributes
    ----------
    request : without items, vectors and hashes.
    hashes : of exact and near, None for an item that has none.
    blocks : of semantic.
    """

    request: DuplicatesRequest
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    hashes: tuple[str | None, ...]
    blocks: tuple[Block, ...]
    model: str | None
    receipt: Mapping[str, Any] | None

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]]) -> None:
        """Put it into `folder`."""
        write_rows(folder, self.blocks, rows)
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self))


def job(context: Context) -> dict[str, Any]:
    """Look for duplicates in what lies in the job's folder."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    context.report(0.05, f"comparing {len(task.ids):,} items")
    kept, bad, found = _found(context, task)
    place = kept.tolist()
    groups = [
        {
            "representative": place[group.representative],
            "members": [place[i] for i in group.members],
            "similarity": [float(x) for x in group.similarity],
        }
        for group in found.groups
    ]
    extra = sum(len(group["members"]) - 1 for group in groups)
    answer = {
        "id": context.id,
        "object": "duplicates",
        "kind": found.kind,
        "threshold": None if found.kind == "exact" else float(found.threshold),
        "linkage": found.linkage,
        "n": len(task.ids),
        "ids": list(task.ids),
        "groups": groups,
        "extra": extra,
        "unusable": unusable_said(bad, task.ids),
        "model": task.model,
        "receipt": task.receipt,
    }
    keep(context.results, ANSWER, answer)
    return {"duplicates": context.id, "n": len(task.ids), "groups": len(groups), "extra": extra}


def _found(context: Context, task: Task) -> tuple[NDArray[np.intp], dict[int, tuple[str, str]], Duplicates]:
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
        return kept, bad, exact([each or "" for each in hashes], preference=prefer)
    values = [None if each is None else int(each, 16) for each in hashes]
    return kept, bad, near(values, bits=request.bits, linkage=request.linkage, preference=prefer)
