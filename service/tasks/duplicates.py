"""Duplicate detection as a job, from hashes or vectors in its folder to groups in the folder of results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.classifiers.head import Block
from models.similarity.approximate import approximate
from models.similarity.duplicates import exact, near, semantic
from models.similarity.groups import Duplicates
from models.stopping import Check
from service.jobs.kinds import Context
from service.schemas.duplicates import DuplicatesRequest
from service.stores.lengths import stored_lengths
from service.tasks.vectors import joined, keep, read_rows, unusable_to_json, usable, write_rows

TASK, ANSWER, MINIATURES = "task.json", "duplicates.json", "miniatures.npy"
BLANK = ("blank_image", "image is of a single colour, so there is nothing in it to compare")
UNCHECKED = (
    "groups come from {by} alone: no picture was compared block by block, so that pictures of one layout with "
    "different content may be in a group; {way}"
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items to compare.

    Attributes
    ----------
    request : without items, vectors and hashes; its method is exact or approximate.
    hashes : hash of each item for the kinds exact and near; None for an item without one.
    blocks : modalities and models of the vectors, for the kind semantic.
    remarks : sentences about items of which not all was read.
    unrelated : the model's cosine of unrelated pictures, where it is known.
    """

    request: DuplicatesRequest
    ids: tuple[str, ...]
    unusable: Mapping[int, tuple[str, str]]
    hashes: tuple[str | None, ...]
    blocks: tuple[Block, ...]
    model: str | None
    receipt: Mapping[str, Any] | None
    remarks: tuple[str, ...] = ()
    unrelated: float | None = None

    def write(
        self, folder: Path, rows: Sequence[NDArray[np.floating]], miniatures: NDArray[np.uint8] | None = None
    ) -> None:
        """Write the task into `folder`; `miniatures` is (n, BYTES), a row of zeros for an item without one."""
        write_rows(folder, self.blocks, rows)
        if miniatures is not None:
            np.save(folder / MINIATURES, miniatures)
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
    for i in duplicates.unusable:
        bad[place[i]] = BLANK
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
        "unusable": unusable_to_json(dict(sorted(bad.items())), task.ids),
        "model": task.model,
        "receipt": task.receipt,
        "remarks": [*task.remarks, *duplicates.remarks, *_unchecked(task, duplicates)],
        "threshold_origin": duplicates.origin,
        "threshold_reason": duplicates.reason,
        "related": [
            {"members": [place[i] for i in group.members], "contents": group.contents} for group in duplicates.related
        ],
        "compared": duplicates.compared,
        "method": duplicates.method,
        "recall": None if duplicates.recall is None else asdict(duplicates.recall),
    }
    keep(context.results, ANSWER, answer)
    return {"duplicates": context.id, "n": len(task.ids), "groups": len(groups), "extra": extra}


def _find(context: Context, task: Task) -> tuple[NDArray[np.intp], dict[int, tuple[str, str]], Duplicates]:
    request, bad = task.request, dict(task.unusable)
    if request.kind == "semantic":
        rows = read_rows(context.folder, task.blocks)
        kept, bad = usable(rows, bad, skip=request.on_error == "skip")
    else:
        kept = np.array([i for i in range(len(task.ids)) if i not in bad], np.intp)
    prefer = None if request.preference is None else np.asarray(request.preference)[kept]
    path = context.folder / MINIATURES
    small = np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
    if small is not None and len(kept) < len(small):
        small = small[kept]
    if request.kind == "semantic":
        options: dict[str, Any] = {"threshold": request.threshold, "unrelated": task.unrelated}
        options |= {"linkage": request.linkage, "preference": prefer, "miniatures": small}
        if request.method == "approximate":
            one = len(rows) == 1  # which stays on disk
            array, which = (rows[0], kept) if one and len(kept) < len(rows[0]) else (joined(rows, kept), None)
            lengths = stored_lengths(rows[0]) if one else None
            options |= {"which": which, "lengths": lengths, "threads": context.threads, "report": context.report}
            return kept, bad, approximate(array, **options)
        check: Check = lambda: context.report(0.05, f"comparing {len(task.ids):,} items")  # noqa: E731
        return kept, bad, semantic(np.asarray(joined(rows, kept), np.float32), **options, check=check)
    hashes = [task.hashes[i] for i in kept]
    if request.kind == "exact":
        return kept, bad, exact([value or "" for value in hashes], preference=prefer)
    values = [None if value is None else int(value, 16) for value in hashes]
    found = near(values, bits=request.bits, linkage=request.linkage, preference=prefer, miniatures=small)
    return kept, bad, found


def _unchecked(task: Task, found: Duplicates) -> Iterator[str]:
    """The remark that members of groups were not compared by their pixels."""
    members = sum(len(group.members) for group in found.groups)
    if task.request.kind == "exact" or not members:
        return
    texts = bool(task.blocks) and all(block.modality == "text" for block in task.blocks)
    if found.compared == 0 and not texts:
        by = "perceptual hashes" if task.request.kind == "near" else "vectors"
        yield UNCHECKED.format(by=by, way="send the images as input, or their miniatures")
