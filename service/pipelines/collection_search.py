"""Search in collections, and duplicates of items that a collection has already."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.similarity.threshold import learned
from models.stopping import Check
from models.vectors import l2
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import model_of, running
from service.pipelines.answers import crop_entry
from service.pipelines.collection_items import require_same_space
from service.pipelines.collections import item_of
from service.pipelines.encode import encode
from service.pipelines.items import Item, VectorInput
from service.schemas.collections import CollectionDuplicatesRequest, CollectionQuery, CollectionSearchRequest
from service.stores import collection_search
from service.stores.collection_fields import condition
from service.stores.collection_records import Collection
from service.stores.collection_search import Hits
from service.stores.collection_tables import columns_of
from service.stores.collections import CollectionStore

MOST = 1_000_000  # maximum neighbours in one answer
MOST_PICTURES = 10_000  # the same, with thumbnails
THRESHOLD_SAMPLE = 2000  # vectors of which the threshold of duplicates is learned


@dataclass(frozen=True, kw_only=True)
class _Queries:
    """Vectors to search with; a row of NaN for an unusable one."""

    rows: NDArray[np.float32]
    failures: Mapping[int, ItemFailure]
    entries: list[dict[str, Any]]  # the beginning of each entry of the answer
    exclude: Sequence[str | None]


async def search(
    engine: Engine,
    store: CollectionStore,
    name: str,
    request: CollectionSearchRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> dict[str, Any]:
    """The nearest items to each query: a CollectionSearchAnswer with bytes.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable query.
    NotFound, Unprocessable, TooLarge, Overloaded.
    """
    collection = await engine.in_thread(lambda: store.get(name, owner))
    queries = await _queries(engine, store, collection, request, request.k, items, vectors)
    return await engine.compute(lambda check: _found(store, collection, request, queries, request.k, check))


async def duplicates(
    engine: Engine,
    store: CollectionStore,
    name: str,
    request: CollectionDuplicatesRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
) -> dict[str, Any]:
    """The duplicates of each query in the collection: a CollectionDuplicatesAnswer with bytes.

    Raises the errors of `search`.
    """
    collection = await engine.in_thread(lambda: store.get(name, owner))
    queries = await _queries(engine, store, collection, request, request.k, items, vectors)
    match = running(engine, collection.fingerprint)
    unrelated = None if match is None else match[0].spec.unrelated_cosine

    def work(check: Check) -> dict[str, Any]:
        threshold, reason = request.threshold, "given by the caller"
        if threshold is None:
            rule = learned(l2(store.tables.sample(collection, THRESHOLD_SAMPLE)), unrelated)
            threshold, reason = rule.value, rule.reason
        answer = _found(store, collection, request, queries, request.k, check)
        for entry in answer["data"]:
            if "neighbours" in entry:
                entry["neighbours"] = [each for each in entry["neighbours"] if each["cosine"] >= threshold]
        found = sum(bool(entry.get("neighbours")) for entry in answer["data"])
        return answer | {"threshold": threshold, "threshold_reason": reason, "duplicates": found}

    return await engine.compute(work)


async def _queries(
    engine: Engine,
    store: CollectionStore,
    collection: Collection,
    request: CollectionQuery,
    k: int,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
) -> _Queries:
    if sum(each is not None for each in (items, vectors, request.like)) != 1:
        raise Unprocessable(
            "input: send one of input, vectors or like; POST /v1/duplicates finds those within a collection",
            param="input",
        )
    n = len(request.like or items or ()) if vectors is None else len(vectors[0].rows)
    most = MOST_PICTURES if request.with_thumbnails else MOST
    if n * k > most:
        raise TooLarge(
            f"k: {k} neighbours of {n:,} items are more than {most:,}; ask in several requests",
            code="too_many_neighbours",
            param="k",
        )
    if request.like is not None:
        queries = await engine.compute(lambda check: _like(store, collection, request.like or []))
    elif vectors is not None:
        require_same_space(collection, vectors[0])
        queries = await engine.compute(lambda check: _given(vectors[0].rows))
    else:
        queries = await _encoded(engine, collection, items or ())
    if queries.failures and request.on_error == "fail":
        raise ItemsFailed([queries.failures[i] for i in sorted(queries.failures)], of=len(queries.rows))
    return queries


async def _encoded(engine: Engine, collection: Collection, items: Sequence[Item]) -> _Queries:
    for i, item in enumerate(items):
        if item.text is not None and item.image is not None:
            raise Unprocessable(f"input[{i}]: has a text and an image; look for one of them", param=f"input[{i}]")
    model, decode = model_of(engine, collection.fingerprint, "collection")
    made = await encode(engine, model, items, operation="collections", decode=decode, on_error="skip")
    return _Queries(
        rows=made.vectors,
        failures=made.failures,
        entries=[({} if item.id is None else {"id": item.id}) | crop_entry(item) for item in items],
        exclude=[None] * len(items),
    )


def _given(rows: NDArray[np.floating]) -> _Queries:
    wide = np.asarray(rows, np.float64)
    bad = np.flatnonzero(~(np.isfinite(wide).all(axis=1) & wide.any(axis=1))).tolist()
    why = "its vector has NaN, infinity or zeros alone, and no direction"
    return _Queries(
        rows=np.asarray(rows, np.float32),
        failures={i: ItemFailure(i, None, "nan_vectors", why) for i in bad},
        entries=[{} for _ in range(len(rows))],
        exclude=[None] * len(rows),
    )


def _like(store: CollectionStore, collection: Collection, ids: Sequence[str]) -> _Queries:
    found = store.tables.named(collection, list(dict.fromkeys(ids)), ["vector"])
    rows = np.full((len(ids), collection.dimension), np.nan, np.float32)
    failures = {}
    for i, id in enumerate(ids):
        if id in found:
            rows[i] = found[id]["vector"]
        else:
            why = f"like: collection {collection.name!r} has no item {quoted(id)}; name one that it has"
            failures[i] = ItemFailure(i, id, "unknown_item", why, 404)
    return _Queries(rows=rows, failures=failures, entries=[{"id": id} for id in ids], exclude=ids)


def _found(
    store: CollectionStore,
    collection: Collection,
    request: CollectionQuery,
    queries: _Queries,
    k: int,
    check: Check,
) -> dict[str, Any]:
    sql = condition(request.where, collection.fields)
    places = [i for i in range(len(queries.rows)) if i not in queries.failures]
    hits, method = collection_search.search(
        store.tables,
        collection,
        queries.rows[places],
        k,
        where=sql,
        exact=request.exact,
        exclude=[queries.exclude[i] for i in places],
        check=check,
    )
    data: list[dict[str, Any]] = [{"index": i, **entry} for i, entry in enumerate(queries.entries)]
    for i, failure in queries.failures.items():
        data[i]["error"] = {"code": failure.code, "message": failure.message}
    for i, neighbours in zip(places, _described(store, collection, request, hits), strict=True):
        data[i]["neighbours"] = neighbours
    return {
        "data": data,
        "collection": collection.name,
        "search": asdict(method) | {"index": None if method.exact else collection_search.KIND},
        "model": collection.model,
        "receipt": dict(collection.receipt),
    }


def _described(
    store: CollectionStore, collection: Collection, request: CollectionQuery, hits: Sequence[Hits]
) -> list[list[dict[str, Any]]]:
    """Neighbours with their metadata; without items that were deleted meanwhile."""
    extra = [name for name, wanted in (("text", request.with_texts), ("thumbnail", request.with_thumbnails)) if wanted]
    wanted = list(dict.fromkeys(id for each in hits for _, id in each))
    records = store.tables.named(collection, wanted, ["modality", *columns_of(collection), *extra])
    return [
        [{**item_of(collection, records[id]), "cosine": cosine} for cosine, id in each if id in records]
        for each in hits
    ]
