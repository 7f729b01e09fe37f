"""Items of a collection in place of the items or the vectors of a request: its vectors, ids and texts.

What is read is a copy of the moment: a job that begins with it does not see what is stored or deleted later.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from models.catalog.spec import Modality
from models.errors import quoted
from models.stopping import Check
from service.errors import Unprocessable
from service.pipelines.items import VectorInput
from service.schemas.common import Receipt
from service.schemas.references import CollectionIds
from service.schemas.representations import RepresentationsRequest
from service.stores.collection_fields import condition
from service.stores.collection_records import CollectionRows
from service.stores.collections import CollectionStore

R = TypeVar("R", bound=BaseModel)
FEW = 5000  # ids that are looked up one by one; more are chosen from all items


def names_collection(request: BaseModel, vectors: Sequence[VectorInput] | None = None) -> bool:
    """Whether a request takes the items of a collection; its `vectors` may stand beside it.

    Raises Unprocessable for a condition without a collection, and for vectors beside one.
    """
    name, where = getattr(request, "collection", None), getattr(request, "where", None)
    if name is None:
        if where is not None:
            raise Unprocessable(
                "where: is a condition on the items of a collection; send collection too, or leave it out",
                param="where",
            )
        return False
    if vectors is not None or getattr(request, "vectors", None) is not None:
        raise Unprocessable(
            "collection: takes the place of vectors, and both are in the request; send one of them", param="collection"
        )
    return True


def resolved(
    request: R, collections: CollectionStore, owner: str | None, check: Check
) -> tuple[R, Sequence[VectorInput] | None]:
    """The request with the ids and texts of the items of its collection, and their vectors; call it in a thread.

    Raises NotFound for a collection that the caller does not have, Unprocessable for an unknown id, a condition that
    does not fit, and a selection without items or with images and texts.
    """
    name: str = request.collection  # type: ignore[attr-defined]
    known = type(request).model_fields
    wanted = getattr(request, "ids", None)
    found = selected(collections, name, owner, ids=wanted, where=request.where, check=check)  # type: ignore[attr-defined]
    changes: dict[str, Any] = {"collection": None, "where": None}
    if "ids" in known:
        changes["ids"] = list(found.ids)
    if "texts" in known and getattr(request, "texts", None) is None and any(found.texts):
        changes["texts"] = [text or "" for text in found.texts]
    vectors: list[VectorInput] | None = [vectors_of(name, found)]
    if "diversity" in known and getattr(request, "diversity", None) is None:  # a sample that looks at no vector
        vectors = None
        if getattr(request, "design", None) == "simple" and getattr(request, "n", None) is None:
            changes["n"] = len(found.ids)
    return request.model_copy(update=changes), vectors


def representations_of(
    request: RepresentationsRequest,
    collections: CollectionStore,
    owner: str | None,
    check: Check,
    given: Sequence[VectorInput | None],
) -> tuple[RepresentationsRequest, Sequence[VectorInput]]:
    """The request and the vectors of all representations, where those that are not `given` are of collections."""
    headers, vectors, ids = list(request.vectors), list[VectorInput](), request.ids
    for i, (header, sent) in enumerate(zip(request.vectors, given, strict=True)):
        if sent is not None:
            vectors.append(sent)
            continue
        assert header.collection is not None
        found = selected(collections, header.collection, owner, ids=ids, check=check)
        if request.ids is None and ids is not None and list(found.ids) != ids:
            raise Unprocessable(
                f"vectors[{i}]: the items of {quoted(header.collection)} have other ids than those of the collection "
                "before; send the ids that are to be compared",
                code="different_items",
                param=f"vectors[{i}]",
            )
        ids = list(found.ids)
        made = vectors_of(header.collection, found)
        for name, value in (("model", made.model), ("fingerprint", made.fingerprint)):
            if getattr(header, name) not in ("", value):
                raise Unprocessable(
                    f"vectors[{i}]: {name} is {quoted(getattr(header, name))}, that of the collection {quoted(value)}; "
                    "leave it out, or name another collection",
                    code="fingerprint_mismatch",
                    param=f"vectors[{i}]",
                )
        vectors.append(made)
        headers[i] = header.model_copy(
            update={
                "collection": None,
                "modality": made.modality,
                "model": made.model,
                "fingerprint": made.fingerprint,
                "dimension": made.rows.shape[1],
                "receipt": None if made.receipt is None else Receipt.model_validate(made.receipt),
            }
        )
    return request.model_copy(update={"vectors": headers, "ids": None}), vectors


def selected(
    store: CollectionStore,
    name: str,
    owner: str | None,
    *,
    ids: Sequence[str] | None,
    where: Mapping[str, Any] | None = None,
    check: Check,
) -> CollectionRows:
    """Items of a collection: those of `ids` in their order, or those that satisfy `where` in the order of their ids."""
    if ids is None:
        if not (found := store.rows(name, owner, where, check=check)).ids:
            raise Unprocessable(
                f"collection: {quoted(name)} has no item{' that satisfies where' if where else ''}; store items first, "
                "or choose others",
                code="no_items",
                param="where" if where else "collection",
            )
        return found
    if where is not None:
        raise Unprocessable("where: chooses items of the collection, and so does ids; send one of them", param="where")
    if not ids:
        raise Unprocessable("ids: is empty; send those of the items that are taken, or leave it out", param="ids")
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise Unprocessable(f"ids: {quoted(twice)} occurs twice; send each id once", param="ids")
    return _in_order(store.rows(name, owner, {"id": {"in": list(ids)}} if len(ids) <= FEW else None, check=check), ids)


def _in_order(found: CollectionRows, ids: Sequence[str]) -> CollectionRows:
    """The items of `ids`, in their order. Raises Unprocessable for an id that is not there."""
    if found.ids == tuple(ids):
        return found
    place = {id: i for i, id in enumerate(found.ids)}
    unknown = next((id for id in ids if id not in place), None)
    if unknown is not None:
        raise Unprocessable(
            f"ids: {quoted(unknown)} is the id of no item of the collection {quoted(found.collection.name)}; leave it "
            "out, or store it first",
            code="unknown_item",
            param="ids",
        )
    places = [place[id] for id in ids]
    return replace(
        found,
        ids=tuple(ids),
        vectors=found.vectors[places],
        texts=[found.texts[i] for i in places],
        modalities=[found.modalities[i] for i in places],
        metadata={name: [values[i] for i in places] for name, values in found.metadata.items()},
    )


def vectors_of(name: str, found: CollectionRows) -> VectorInput:
    """The vectors of items of a collection as if they were sent. Raises Unprocessable for those of images and texts."""
    if found.modality is None:
        raise Unprocessable(
            f"collection: the items of {quoted(name)} that are chosen are images and texts; choose one, such as "
            'where={"modality": {"eq": "image"}}',
            code="mixed_modalities",
            param="collection",
        )
    return VectorInput(
        modality=found.modality,
        model=found.model,
        fingerprint=found.fingerprint,
        rows=found.vectors,
        receipt=_whole(found.receipt),
    )


def _whole(receipt: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A receipt as a request has it; None for vectors of which only model and fingerprint are known."""
    try:
        return Receipt.model_validate(receipt).model_dump()
    except ValidationError:
        return None


def ids_of(
    store: CollectionStore, name: str, owner: str | None, where: Mapping[str, Any] | None, check: Check
) -> CollectionIds:
    """The ids of the items for which a condition holds; call it in a thread. Raises NotFound, Unprocessable."""
    collection = store.get(name, owner)
    ids: list[str] = []
    kinds: set[Modality] = set()
    for batch in store.tables.scan(collection, ["id", "modality"], condition(where, collection.fields)):
        check()
        ids += batch.column("id").to_pylist()
        kinds.update(batch.column("modality").unique().to_pylist())
    return CollectionIds(collection=name, ids=sorted(ids), modality=kinds.pop() if len(kinds) == 1 else None)
