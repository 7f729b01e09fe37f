"""Storing of items in a collection: embed or take vectors, check each item, and write at once or in a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.classifiers.head import Block
from models.errors import ItemError, TextError, quoted
from models.images.crops import Crop
from models.images.decoding import ImageLimits, open_rgb
from models.images.thumbnail import thumbnail
from models.stopping import Check
from service.errors import ItemFailure, ItemsFailed, Unprocessable, item_failure
from service.inference.engine import Engine
from service.inference.matching import model_of
from service.jobs import Job, Jobs
from service.metrics import ITEMS_FAILED
from service.pipelines.collections import maintain
from service.pipelines.encode import check_text, encode, image_bytes
from service.pipelines.items import Item, VectorInput, check_count, checked_ids
from service.schemas.collections import CollectionItemsRequest
from service.stores.collection_fields import Cell, cells
from service.stores.collection_records import Collection
from service.stores.collections import CollectionStore
from service.tasks.collections import ID_EXISTS, StoreTask, store_items

KIND = "collection_items"
AT_ONCE = 10_000  # items that are stored without a job
LONG = 200_000  # items whose job would let others wait
ROWS = 4096  # vectors that are checked at once
LONGEST_ID = 1024  # characters
SHORTEST, LONGEST = 1e-12, 1e12  # lengths of vectors whose squares float32 has
FIRST_OF_MANY = "images hold several pictures (an animation, pages), of which the first was read"


@dataclass(frozen=True, kw_only=True)
class _Content:
    """Vectors of items with what goes with them; a row of NaN for an unusable one."""

    vectors: NDArray[np.floating]
    modalities: Sequence[Modality]
    ids: Sequence[str | None]
    texts: Sequence[str | None]
    thumbnails: Mapping[int, bytes]
    failures: dict[int, ItemFailure]
    remarks: Sequence[str] = ()


async def submit(
    engine: Engine,
    store: CollectionStore,
    jobs: Jobs,
    name: str,
    request: CollectionItemsRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> Job | dict[str, Any]:
    """Store items. Returns an ItemsStored as a dict, or the job that stores them, in mode `job` or where they are many.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item; nothing is stored then.
    NotFound, Unprocessable, TooLarge, Overloaded, Unavailable.
    """
    collection = await engine.in_thread(lambda: store.get(name, owner))
    if (items is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if items is not None:
        if request.texts is not None:
            raise Unprocessable("texts: are for vectors; give each item of input its own text", param="texts")
        content = await _embedded(engine, collection, items)
    else:
        assert vectors is not None
        content = await engine.compute(partial(_given, collection, request, vectors[0]))
    task, failures = await engine.compute(lambda check: _task(collection, request, content, check))
    if failures and request.on_error == "fail":
        raise ItemsFailed([failures[i] for i in sorted(failures)], of=len(task.ids))
    if not request.upsert and request.on_error == "fail":
        there = await engine.compute(lambda check: store.tables.existing(collection, task.ids))
        _refuse([i for i, id in enumerate(task.ids) if id in there], task)
    if request.mode == "job" or len(task.ids) > AT_ONCE:
        block = Block(
            modality=content.modalities[0],
            model=collection.model,
            fingerprint=collection.fingerprint,
            dimension=collection.dimension,
        )
        params = {"collection": collection.name, "n": len(task.ids)}
        return await jobs.submit(
            KIND,
            params,
            owner=owner,
            fill=lambda folder: task.write(folder, block, content.vectors),
            lane="long" if len(task.ids) > LONG else None,
        )
    stored = await engine.compute(lambda check: store_items(store, collection, task, content.vectors))
    if request.on_error == "fail":  # another process has stored the same ids in between
        _refuse([each["index"] for each in stored["unusable"]], task)
    await maintain(engine, store, jobs, collection, owner)
    return stored


def _refuse(places: Sequence[int], task: StoreTask) -> None:
    """Raise ItemsFailed for items whose ids are in the collection, if there are any."""
    if places:
        raise ItemsFailed([ItemFailure(i, task.ids[i], *ID_EXISTS, 409) for i in places], of=len(task.ids))


async def _embedded(engine: Engine, collection: Collection, items: Sequence[Item]) -> _Content:
    check_count(engine, items)
    model, decode = model_of(engine, collection.fingerprint, "collection")
    made = await encode(engine, model, items, operation="collections", decode=decode, on_error="skip")
    failures = dict(made.failures)
    for i, item in enumerate(items):
        if item.text is not None and item.image is not None and i not in failures:
            try:
                check_text(item.text, engine.settings.max_text_chars)
            except TextError as exc:
                failures[i] = item_failure(i, item.id, exc)
    small: dict[int, bytes] = {}
    if collection.thumbnails != "none":
        which = [i for i, item in enumerate(items) if item.image is not None and i not in failures]
        blurred = collection.thumbnails == "blurred"

        def shrink(i: int, image: bytes | str, crop: Crop | None, limits: ImageLimits) -> None:
            try:
                picture = open_rgb(image_bytes(image, limits.max_bytes), limits=limits, crop=crop)
            except ItemError as exc:
                failures[i] = item_failure(i, items[i].id, exc, crop)
                return
            small[i] = thumbnail(picture, blurred=blurred)

        for i in which:
            await engine.decode(partial(shrink, i, items[i].image or "", items[i].crop))
    many = [i for i in made.first_of_many if i not in failures]
    return _Content(
        vectors=made.vectors,
        modalities=["text" if item.image is None else "image" for item in items],
        ids=[item.id for item in items],
        texts=[item.text for item in items],
        thumbnails=small,
        failures=failures,
        remarks=[f"{len(many):,} of {len(items):,} {FIRST_OF_MANY}."] if many else [],
    )


def _given(collection: Collection, request: CollectionItemsRequest, given: VectorInput, check: Check) -> _Content:
    n = len(given.rows)
    require_same_space(collection, given)
    if not n:
        raise Unprocessable("vectors: have no rows; send one for each item", param="vectors")
    if request.ids is None:
        raise Unprocessable("ids: are missing; send one for each row of vectors", param="ids")
    checked_ids(request.ids, n)
    if request.texts is not None and len(request.texts) != n:
        raise Unprocessable(
            f"texts: {len(request.texts)} for {n} items; give one for each, empty for none",
            code="lengths_differ",
            param="texts",
        )
    failures: dict[int, ItemFailure] = {}
    for start in range(0, n, ROWS):
        check()
        rows = np.asarray(given.rows[start : start + ROWS], np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        for i in np.flatnonzero(~((lengths >= SHORTEST) & (lengths <= LONGEST))).tolist():
            failures[start + i] = ItemFailure(start + i, request.ids[start + i], *_problem(float(lengths[i])))
    return _Content(
        vectors=given.rows,
        modalities=[cast(Modality, given.modality)] * n,
        ids=request.ids,
        texts=[None] * n if request.texts is None else [text or None for text in request.texts],
        thumbnails={},
        failures=failures,
    )


def _problem(length: float) -> tuple[str, str]:
    if not np.isfinite(length):
        return "nan_vectors", "its vector contains NaN or infinity"
    if length == 0:
        return "zero_vectors", "its vector is all zeros and has no direction"
    return (
        "vector_length",
        f"its vector has the length {length:.3g}, and lengths from 1e-12 to 1e12 are taken; scale it",
    )


def require_same_space(collection: Collection, given: VectorInput) -> None:
    """Raise Unprocessable for vectors that cannot be compared with those of the collection."""
    if given.fingerprint != collection.fingerprint:
        raise Unprocessable(
            f"vectors: their fingerprint is {quoted(given.fingerprint)}, that of collection {collection.name!r} "
            f"{quoted(collection.fingerprint)}; embed with the collection's model",
            code="fingerprint_mismatch",
            param="vectors",
        )
    if given.rows.shape[1] != collection.dimension:
        raise Unprocessable(
            f"vectors: have {given.rows.shape[1]} numbers, those of collection {collection.name!r} "
            f"{collection.dimension}; send vectors of the collection's model",
            param="vectors",
        )


def _task(
    collection: Collection, request: CollectionItemsRequest, content: _Content, check: Check
) -> tuple[StoreTask, Mapping[int, ItemFailure]]:
    """The items with their ids and metadata checked, and the unusable ones."""
    n = len(content.vectors)
    if request.ids is not None:
        checked_ids(request.ids, n)
    ids = content.ids if request.ids is None else request.ids
    if request.metadata is not None and len(request.metadata) != n:
        raise Unprocessable(
            f"metadata: {len(request.metadata)} for {n} items; give an object for each, empty for none",
            code="lengths_differ",
            param="metadata",
        )
    failures = dict(content.failures)
    first: dict[str, int] = {}
    values: list[Sequence[Cell]] = []
    empty: Sequence[Cell] = [None] * len(collection.fields)
    for i, id in enumerate(ids):
        if i % ROWS == 0:
            check()
        row = empty
        problem = _id_problem(id, first, i)
        if problem is None and request.metadata is not None:
            try:
                row = cells(request.metadata[i], collection.fields, f"metadata[{i}]")
            except Unprocessable as exc:
                problem = "invalid_metadata", exc.message
        values.append(row)
        if problem is not None and i not in failures:
            failures[i] = ItemFailure(i, id, *problem)
            ITEMS_FAILED.labels(problem[0]).inc()
    task = StoreTask(
        name=collection.name,
        token=collection.token,
        ids=[id or "" for id in ids],
        modalities=content.modalities,
        texts=content.texts,
        cells=values,
        thumbnails=content.thumbnails,
        failures={i: (failure.code, failure.message) for i, failure in failures.items()},
        upsert=request.upsert,
        remarks=content.remarks,
    )
    return task, failures


def _id_problem(id: str | None, first: dict[str, int], i: int) -> tuple[str, str] | None:
    if not id:
        return "missing_id", "it has no id; give each item one, by which it is found and replaced"
    if len(id) > LONGEST_ID:
        return "invalid_id", f"its id has {len(id):,} characters, the limit is {LONGEST_ID:,}; shorten it"
    before = first.setdefault(id, i)
    if before != i:
        return "duplicate_id", f"item {before} of the request has the same id; send each id once"
    return None
