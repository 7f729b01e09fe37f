"""Search among the items of a study by a text, a picture, or one of the items."""

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.similarity.neighbours import nearest
from models.stopping import Check
from service.errors import ItemsFailed, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import model_of
from service.pipelines.encode import encode
from service.pipelines.items import Item
from service.schemas import study_search as schema
from service.stores import study_items
from service.stores import study_vectors as store
from service.stores.studies import Study
from service.stores.study_vectors import StudyRows

UNKNOWN_TOKENS = "The model knows no token of the text, so that its vector says nothing about it."
TRUNCATED = "The text was cut at the largest length that the model takes."
FIRST_OF_MANY = "The image holds several pictures (an animation, pages), of which the first was read."


async def search(
    engine: Engine, study: Study, request: schema.StudySearchRequest, sent: Item | None
) -> schema.StudySearchAnswer:
    """The items of a study that are the most similar to a text, a picture or an item.

    Raises
    ------
    ItemsFailed : a text or picture that cannot be embedded.
    ClusteringError : vectors without a direction.
    Unprocessable : no vectors, an unknown key, column or filter, neither or both of `query` and `sent`.
    """
    query = request.query
    if (query is None) == (sent is None):
        raise Unprocessable("query: send a query, or one picture or text as the part input of a form", param="query")
    vectors, chosen = await engine.compute(lambda check: _searched(study, request))
    used = vectors.vectors
    remarks = []
    if vectors.missing:
        whole = len(vectors.places) + vectors.missing
        remarks.append(f"{vectors.missing:,} of {whole:,} items have no vector, and were not searched.")
    own: int | None = None
    if query is not None and query.key is not None:
        own = await engine.in_thread(lambda: _place_of(study, vectors, query.key or ""))
        wanted = vectors.rows[own]
    else:
        item = Item(text=query.text, image=query.image) if query is not None else sent
        assert item is not None
        model, decode = model_of(engine, used.fingerprint, "model")
        made = await encode(engine, model, [item], operation="search", decode=decode, on_error="skip")
        if made.failures:
            raise ItemsFailed(list(made.failures.values()), of=1)
        wanted = made.vectors[0]
        notes = ((made.unknown, UNKNOWN_TOKENS), (made.truncated, TRUNCATED), (made.first_of_many, FIRST_OF_MANY))
        remarks += [note for places, note in notes if places]
    found, n = await engine.compute(lambda check: _nearest(vectors, chosen, wanted, own, request.k, check))
    places = [int(vectors.places[i]) for i, _ in found]
    names = await engine.in_thread(lambda: study_items.names_of(study.database, places))
    return schema.StudySearchAnswer(
        data=[
            schema.StudyHit(id=names[place][0], key=names[place][1], cosine=cosine)
            for place, (_, cosine) in zip(places, found, strict=True)
        ],
        n=n,
        model=used.model,
        fingerprint=used.fingerprint,
        remarks=remarks,
        receipt=dict(used.receipt),
    )


def _searched(study: Study, request: schema.StudySearchRequest) -> tuple[StudyRows, NDArray[np.intp] | None]:
    """The vectors of a study, and the indexes of those that fulfil the filters; None for all."""
    vectors = store.read_rows(study, request.model)
    if not request.filter:
        return vectors, None
    places = study_items.places_that_fulfil(study.database, request.filter)
    return vectors, np.flatnonzero(np.isin(vectors.places, places))


def _place_of(study: Study, vectors: StudyRows, key: str) -> int:
    """The index of the vector of an item. Raises NotFound, Unprocessable for an item without one."""
    place = study_items.item_by_key(study.database, key).place
    at = int(np.searchsorted(vectors.places, place))
    if at == len(vectors.places) or vectors.places[at] != place:
        raise Unprocessable(
            f"query.key: the item {quoted(key)} has no vector of {quoted(vectors.vectors.model)}; embed the items of "
            "the study, or search with another one",
            code="no_vectors",
            param="query.key",
        )
    return at


def _nearest(
    vectors: StudyRows,
    chosen: NDArray[np.intp] | None,
    wanted: NDArray[np.float32],
    own: int | None,
    k: int,
    check: Check,
) -> tuple[list[tuple[int, float]], int]:
    """Indexes and cosines of the nearest rows among those that are chosen, but for `own`, and how many there were."""
    if chosen is not None and own is not None:
        chosen = chosen[chosen != own]
    rows = vectors.rows if chosen is None else vectors.rows[chosen]
    if not len(rows):
        return [], 0
    left_out = None if own is None or chosen is not None else np.array([own])
    found = nearest(rows, wanted[None], k, exclude=left_out, check=check)
    indexes = found.indexes[0] if chosen is None else chosen[found.indexes[0]]
    n = len(rows) - (left_out is not None)
    return list(zip(indexes.tolist(), found.scores[0].tolist(), strict=True)), n
