"""Duplicates: hash or embed items at once, compare them in the worker process."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.errors import quoted
from service.errors import ItemFailure, Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters
from service.pipelines.images import describe
from service.pipelines.items import Item, VectorInput
from service.pipelines.vectors import FIRST_OF_MANY, ItemVectors, gather_vectors
from service.schemas.duplicates import DuplicatesRequest
from service.tasks import duplicates as work

KIND = "duplicates"
LONG = 50_000  # items from which a job takes an hour rather than a minute
_HASHES = {"sha256": re.compile("[0-9a-f]{64}"), "phash": re.compile("[0-9a-f]{16}")}
_OF_KIND: Mapping[str, str] = {"exact": "sha256", "near": "phash"}


async def submit(
    engine: Engine,
    jobs: Jobs,
    request: DuplicatesRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> Job:
    """Hash or embed, check, and queue a job for the worker.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    wanted = _OF_KIND.get(request.kind)
    for name in _HASHES:
        if name != wanted and getattr(request, name) is not None:
            raise Unprocessable(f"{name}: is not what {request.kind} compares; leave it out", param=name)
    given = None if wanted is None else getattr(request, wanted)
    if wanted is None:
        data = await gather_vectors(engine, request, items=items, vectors=vectors, known=True)
        if len(data.failures) == data.n:
            first = next(iter(data.failures.values()))
            raise Unprocessable(
                f"input: none of {data.n} items can be compared; the first: {first.message}", param="input"
            )
        task = _task(request, data.ids, data.failures, (), data, data.remarks)
        rows = data.rows
    else:
        if vectors is not None:
            raise Unprocessable(f"vectors: {request.kind} compares {wanted}; send input or {wanted}", param="vectors")
        if (items is None) == (given is None):
            raise Unprocessable(f"input: send either input or {wanted}", param="input")
        rows = []
        if items is not None:
            hashes, failures, remarks = await _hashed(engine, request, items, wanted)
            ids = request.ids or [item.id if item.id is not None else str(i) for i, item in enumerate(items)]
        else:
            assert given is not None
            hashes, failures, remarks = _checked(wanted, given), {}, ()
            ids = request.ids or [str(i) for i in range(len(hashes))]
        task = _task(request, ids, failures, hashes, None, remarks)
        if len(ids) != len(hashes):
            raise Unprocessable(
                f"ids: {len(ids)} for {len(hashes)} items; give one for each", code="lengths_differ", param="ids"
            )
    n = len(task.ids)
    if request.preference is not None and len(request.preference) != n:
        raise Unprocessable(
            f"preference: {len(request.preference)} for {n} items; give one for each",
            code="lengths_differ",
            param="preference",
        )

    def fill(folder: Path) -> None:
        task.write(folder, rows)

    return await jobs.submit(KIND, {"n": n}, owner=owner, fill=fill, lane="long" if n > LONG else None)


def _task(
    request: DuplicatesRequest,
    ids: Sequence[str],
    failures: Mapping[int, ItemFailure],
    hashes: Sequence[str | None],
    data: ItemVectors | None,
    remarks: Sequence[str],
) -> work.Task:
    left_out = {"input": None, "vectors": None, "ids": None, "sha256": None, "phash": None}
    return work.Task(
        request=request.model_copy(update=left_out),
        ids=tuple(ids),
        unusable={i: (failure.code, failure.message) for i, failure in failures.items()},
        hashes=tuple(hashes),
        blocks=() if data is None else data.blocks,
        model=None if data is None else data.model,
        receipt=None if data is None else data.receipt,
        remarks=tuple(remarks),
    )


async def _hashed(
    engine: Engine, request: DuplicatesRequest, items: Sequence[Item], wanted: str
) -> tuple[list[str | None], Mapping[int, ItemFailure], Sequence[str]]:
    found, failures = await describe(engine, items, on_error=request.on_error)
    hashes = [str(found[i].to_json()[wanted] or "") or None if i in found else None for i in range(len(items))]
    many = sum(each.first_of_many for each in found.values()) if wanted == "phash" else 0
    return hashes, failures, [f"{many:,} of {len(items):,} {FIRST_OF_MANY}."] if many else []


def _checked(name: str, given: Sequence[str]) -> list[str | None]:
    """Validate transmitted hashes; an empty one stands for an image without a hash."""
    if not given:
        raise Unprocessable(f"{name}: is empty; send one for each item", param=name)
    found: list[str | None] = []
    for i, each in enumerate(given):
        if each and not _HASHES[name].fullmatch(each):
            raise Unprocessable(
                f"{name}[{i}]: {quoted(each)} is none; take it from POST /v1/images", param=f"{name}[{i}]"
            )
        if not each and name == "sha256":
            raise Unprocessable(f"{name}[{i}]: is empty; every file has one", param=f"{name}[{i}]")
        found.append(each or None)
    return found


async def read_answer(jobs: Jobs, id: str, *, owner: str | None) -> bytes:
    """The answer of an earlier job, as JSON. Raises NotFound, Conflict."""
    return await clusters.read_answer(jobs, id, owner=owner, name=work.ANSWER, what="duplicates")
