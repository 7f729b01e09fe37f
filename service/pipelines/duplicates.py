"""Duplicates: hash or embed items at once, compare them in the worker process."""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.images.miniature import BYTES
from models.similarity import approximate
from service.errors import ItemFailure, ServiceError, TooLarge, Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters
from service.pipelines.images import describe, miniatures
from service.pipelines.items import Item, VectorInput
from service.pipelines.vectors import FIRST_OF_MANY, ItemVectors, gather_vectors
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.images import ImagesRequest
from service.tasks import duplicates as work

Miniatures = NDArray[np.uint8]  # (n, BYTES)
KIND = "duplicates"
NO_PARAMS: Mapping[str, Any] = {}
LONG = 50_000  # items from which a job takes an hour rather than a minute
EXACT = 200_000  # vectors up to which "auto" compares all pairs
MOST_EXACT = 2_000_000  # vectors up to which it does so where there is no index
PAIR_SECONDS = 24 / 60_000**2  # of one core, for 512 numbers: docs/clusters.md
INDEX = "the package faiss on the server, of the extra daguerre-service[large]"
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
    kind: str = KIND,
    params: Mapping[str, Any] = NO_PARAMS,
) -> Job:
    """Hash or embed, check, and queue a job for the worker.

    `kind` is that of a job that goes on with the result, and `params` are its parameters.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    wanted = _OF_KIND.get(request.kind)
    for name in _HASHES:
        if name != wanted and getattr(request, name) is not None:
            raise Unprocessable(f"{name}: is not what {request.kind} compares; leave it out", param=name)
    if request.miniatures is not None and (items is not None or request.kind == "exact"):
        why = "exact compares bytes" if request.kind == "exact" else "those of input are made here"
        raise Unprocessable(f"miniatures: belong to phash or vectors, and {why}; leave them out", param="miniatures")
    if request.method == "approximate" and wanted is not None:
        raise Unprocessable(
            f"method: is for semantic, and {request.kind} compares {wanted}; leave it out", param="method"
        )
    given = None if wanted is None else getattr(request, wanted)
    small = None
    if wanted is None:
        data = await gather_vectors(engine, request, items=items, vectors=vectors, known=True)
        failures = dict(data.failures)
        if items is not None:
            found, blank = await miniatures(engine, items)
            small = _rows_of([found.get(i) for i in range(len(items))])
            blank = [i for i in blank if items[i].text is None]
        else:
            small = _sent_miniatures(request, data.n)
            blank = []
        for i in blank:
            failures.setdefault(i, ItemFailure(i, data.ids[i], *work.BLANK, 422))
        if len(failures) == data.n:
            first = next(iter(failures.values()))
            raise Unprocessable(
                f"input: none of {data.n} items can be compared; the first: {first.message}", param="input"
            )
        unrelated = _unrelated(engine, data)
        method, remarks = _method(request, data.n, sum(block.dimension for block in data.blocks))
        request = request.model_copy(update={"method": method})
        task = _task(request, data.ids, failures, (), data, (*data.remarks, *remarks), unrelated)
        rows = data.rows
    else:
        if vectors is not None:
            raise Unprocessable(f"vectors: {request.kind} compares {wanted}; send input or {wanted}", param="vectors")
        if (items is None) == (given is None):
            raise Unprocessable(f"input: send either input or {wanted}", param="input")
        rows = []
        if items is not None:
            hashes, unread, remarks, small, sizes = await _hashed(engine, request, items, wanted)
            if request.preference is None and sizes is not None:
                request = request.model_copy(update={"preference": sizes})
            ids = request.ids or [item.id if item.id is not None else str(i) for i, item in enumerate(items)]
        else:
            assert given is not None
            hashes, unread, remarks = _checked(wanted, given), {}, ()
            ids = request.ids or [str(i) for i in range(len(hashes))]
            small = _sent_miniatures(request, len(hashes))
        task = _task(request, ids, unread, hashes, None, remarks)
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
        task.write(folder, rows, small)

    return await jobs.submit(kind, {"n": n, **params}, owner=owner, fill=fill, lane="long" if n > LONG else None)


def _method(request: DuplicatesRequest, n: int, dimension: int) -> tuple[str, Sequence[str]]:
    """The search for n vectors, and remarks on it. Raises Unprocessable, TooLarge."""
    if request.method == "approximate" and not approximate.available():
        raise Unprocessable(
            f'method: "approximate" needs {INDEX}; install it, or send method "exact"',
            code="missing_package",
            param="method",
        )
    if request.method != "auto":
        return request.method, ()
    if n <= EXACT:
        return "exact", ()
    if approximate.available():
        return "approximate", ()
    hours = PAIR_SECONDS * n**2 * dimension / 512 / 3600
    way = f"an approximate search needs {INDEX}"
    if n > MOST_EXACT:
        raise TooLarge(
            f'method: "auto" compares all pairs of up to {MOST_EXACT:,} vectors, and those of {n:,} take about '
            f'{hours:,.0f} hours of one core; {way}, or send method "exact"',
            code="too_many_items",
            param="method",
        )
    return "exact", (
        f"all pairs of {n:,} vectors were compared, which takes about {hours:,.1f} hours of one core; {way}",
    )


def _task(
    request: DuplicatesRequest,
    ids: Sequence[str],
    failures: Mapping[int, ItemFailure],
    hashes: Sequence[str | None],
    data: ItemVectors | None,
    remarks: Sequence[str],
    unrelated: float | None = None,
) -> work.Task:
    left_out = dict.fromkeys(("input", "vectors", "ids", "sha256", "phash", "miniatures", "blank"))
    return work.Task(
        request=request.model_copy(update=left_out),
        ids=tuple(ids),
        unusable={i: (failure.code, failure.message) for i, failure in failures.items()},
        hashes=tuple(hashes),
        blocks=() if data is None else data.blocks,
        model=None if data is None else data.model,
        receipt=None if data is None else data.receipt,
        remarks=tuple(remarks),
        unrelated=unrelated,
    )


async def _hashed(
    engine: Engine, request: DuplicatesRequest, items: Sequence[Item], wanted: str
) -> tuple[list[str | None], Mapping[int, ItemFailure], Sequence[str], Miniatures | None, list[float] | None]:
    """Hashes, failures, remarks, and for kind near miniatures and sizes, stills before animations of the same size."""
    near = wanted == "phash"
    found, failures = await describe(engine, items, ImagesRequest(miniature=near, on_error=request.on_error))
    hashes = [str(found[i].to_json()[wanted] or "") or None if i in found else None for i in range(len(items))]
    many = sum(each.first_of_many for each in found.values()) if near else 0
    remarks = [f"{many:,} of {len(items):,} {FIRST_OF_MANY}."] if many else []
    small = _rows_of([found[i].miniature if i in found else None for i in range(len(items))]) if near else None
    sizes = [
        float(found[i].width * found[i].height) - 0.5 * found[i].first_of_many if i in found else 0.0
        for i in range(len(items))
    ]
    return hashes, failures, remarks, small, sizes if near else None


def _rows_of(small: Sequence[bytes | None]) -> Miniatures | None:
    """Miniatures as rows, of zeros where there is none; None where there is none at all."""
    if not any(small):
        return None
    return np.stack([np.frombuffer(each or bytes(BYTES), np.uint8) for each in small])


def _sent_miniatures(request: DuplicatesRequest, n: int) -> Miniatures | None:
    if request.miniatures is None:
        return None
    if len(request.miniatures) != n:
        raise Unprocessable(
            f"miniatures: {len(request.miniatures)} for {n} items; send one for each, empty for an item without one",
            code="lengths_differ",
            param="miniatures",
        )
    rows: list[bytes | None] = []
    for i, each in enumerate(request.miniatures):
        try:
            rows.append(base64.b64decode(each, validate=True) or None)
        except ValueError:
            rows.append(b"")
        if each and len(rows[-1] or b"") != BYTES:
            at = f"miniatures[{i}]"
            raise Unprocessable(f"{at}: {quoted(each)} is none; take it from POST /v1/images", param=at)
    return _rows_of(rows)


def _unrelated(engine: Engine, data: ItemVectors) -> float | None:
    """Cosine of unrelated pictures under the model of the vectors, where these are of images and it is known."""
    if [block.modality for block in data.blocks] != ["image"]:
        return None
    try:
        spec = engine.model(data.model).spec
    except ServiceError:
        return None
    return spec.unrelated_cosine if data.blocks[0].dimension == spec.dimension else None


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
