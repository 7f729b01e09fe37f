"""Search: the nearest items of a corpus to texts, images or vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import quoted
from models.images.decoding import DecodeMode
from models.similarity.neighbours import Neighbours, nearest
from models.stopping import Check
from service.errors import ItemFailure, TooLarge, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import model_of
from service.pipelines.answers import crop_entry
from service.pipelines.encode import encode
from service.pipelines.items import Item, VectorInput
from service.pipelines.vectors import count
from service.schemas.search import SearchRequest
from service.stores.lengths import lengths_of

NO_CORPUS = "vectors: the corpus is missing; send its vectors, or the name of a collection"
MOST = 5_000_000  # maximum neighbours in one answer


@dataclass(frozen=True, kw_only=True)
class Found:
    """Neighbours of each query; `places` are the indices of usable queries, in the order of `neighbours`."""

    n: int
    places: NDArray[np.intp]
    neighbours: Neighbours
    failures: dict[int, ItemFailure]
    model: str
    receipt: Any

    def to_json(self, ids: Sequence[str] | None, queries: Sequence[Item]) -> list[dict[str, Any]]:
        """One entry per query; `queries` are empty where vectors were sent, `ids` are those of the corpus."""
        data: list[dict[str, Any]] = [{"index": i} for i in range(self.n)]
        for i, item in enumerate(queries):
            if item.id is not None:
                data[i]["id"] = item.id
            data[i] |= crop_entry(item)
        for i, failure in self.failures.items():
            data[i]["error"] = {"code": failure.code, "message": failure.message}
        found = self.neighbours
        for i, indexes, scores in zip(self.places, found.indexes.tolist(), found.scores.tolist(), strict=True):
            data[i]["neighbours"] = [
                {"index": j, "id": None if ids is None else ids[j], "cosine": score}
                for j, score in zip(indexes, scores, strict=True)
            ]
        return data


async def search(
    engine: Engine,
    request: SearchRequest,
    *,
    corpus: VectorInput,
    items: Sequence[Item] | None,
    queries: VectorInput | None,
) -> Found:
    """The `request.k` nearest of `corpus` to each of `items`, or of `queries`.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable query.
    ClusteringError : vectors that cannot be compared.
    Unprocessable, TooLarge, Overloaded.
    """
    if (items is None) == (queries is None):
        raise Unprocessable("input: send either input or queries", param="input")
    n = count([corpus.rows])
    if request.ids is not None and len(request.ids) != n:
        raise Unprocessable(
            f"ids: {len(request.ids)} for {n} items of the corpus; give one for each",
            code="lengths_differ",
            param="ids",
        )
    failures: dict[int, ItemFailure] = {}
    asked: NDArray[np.floating]
    receipt: Any = corpus.receipt or {"model": corpus.model, "fingerprint": corpus.fingerprint}
    if items is None:
        assert queries is not None
        if queries.fingerprint != corpus.fingerprint:
            raise Unprocessable(
                f"queries: their fingerprint is {quoted(queries.fingerprint)}, that of the corpus "
                f"{quoted(corpus.fingerprint)}; embed both with one model",
                code="fingerprint_mismatch",
                param="queries",
            )
        asked = queries.rows
    else:
        if corpus.modality == "face":
            raise Unprocessable(
                "input: the corpus is of faces, and a text or picture is none; send vectors of the faces to search "
                "for as `queries` (analysers.face_vectors of POST /v1/analyses makes them)",
                code="unsupported_modality",
                param="input",
            )
        model, decode = model_of(engine, corpus.fingerprint, "vectors")
        if request.model is not None and engine.model(request.model) is not model:
            raise Unprocessable(
                f"model: {quoted(request.model)} is not that of the corpus, {model.spec.name!r}; leave it out",
                code="fingerprint_mismatch",
                param="model",
            )
        asked, failures = await _encoded(engine, model, items, request.decode or decode, request.on_error)
        receipt = model.receipts[decode]
    if len(asked) * min(request.k, n) > MOST:
        raise TooLarge(
            f"k: {request.k} neighbours of {len(asked):,} items are more than {MOST:,}; ask in several requests",
            code="too_many_neighbours",
            param="k",
        )
    places = np.array([i for i in range(len(asked)) if i not in failures], np.intp)

    def work(check: Check) -> Neighbours:
        lengths = lengths_of(corpus.rows, engine.settings, check)
        wanted = asked[places] if failures else asked
        return nearest(corpus.rows, wanted, min(request.k, n), lengths=lengths, check=check)

    return Found(
        n=len(asked),
        places=places,
        neighbours=await engine.compute(work),
        failures=failures,
        model=corpus.model,
        receipt=receipt,
    )


async def _encoded(
    engine: Engine, model: Any, items: Sequence[Item], decode: DecodeMode, on_error: Any
) -> tuple[NDArray[np.float32], dict[int, ItemFailure]]:
    for i, item in enumerate(items):
        if item.text is not None and item.image is not None:
            raise Unprocessable(f"input[{i}]: has a text and an image; look for one of them", param=f"input[{i}]")
    made = await encode(engine, model, items, operation="search", decode=decode, on_error=on_error)
    return made.vectors, made.failures
