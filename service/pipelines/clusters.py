"""Clusterings: embed and check at once, cluster in the worker process; read and draw finished ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.clustering.names import Vocabulary
from models.clustering.project import check_installed
from models.codes import read_codes
from models.errors import ClusteringError, quoted
from models.pages.clusters.page import page as page_of
from models.pages.clusters.view import thumbnail_side
from models.stopping import Check
from service.errors import NotFound, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import model_of
from service.jobs import Job, Jobs
from service.pipelines.images import thumbnails
from service.pipelines.items import Item, VectorInput
from service.pipelines.prompts import built_in_names, names_of
from service.pipelines.vectors import ItemVectors, gather_vectors
from service.schemas.clusters import ClusterRequest, PageMode
from service.tasks import cluster as work

KIND = "cluster"
NO_PARAMS: Mapping[str, Any] = {}
QUALITY = 45  # JPEG quality of thumbnails: a page of 1,350 is about 3 MB
LONG = 50_000  # items from which a job takes an hour rather than a minute
RUNS = 10  # of so many items, which take as long


async def submit(
    engine: Engine,
    jobs: Jobs,
    request: ClusterRequest,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    owner: str | None,
    kind: str = KIND,
    params: Mapping[str, Any] = NO_PARAMS,
) -> Job:
    """Embed, check, and queue a job for the worker.

    `kind` is that of a job that goes on with the result, and `params` are its parameters.

    Raises
    ------
    ClusteringError : invalid options, lists of the wrong length.
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    request.options()
    check_installed(request.projection)
    data = await gather_vectors(engine, request, items=items, vectors=vectors)
    for name in ("weights", "known", "texts"):
        given = getattr(request, name)
        if given is not None and len(given) != data.n:
            raise ClusteringError(f"{name}: {len(given)} for {data.n} items; give one for each", code="lengths_differ")
    known = None if request.known is None else read_codes(request.known, request.missing)
    texts = request.texts
    if texts is None and items is not None and len(items) == data.n and any(item.text for item in items):
        texts = [item.text or "" for item in items]
    names = None
    if request.vocabulary is not None:
        names = await _vocabulary(engine, request.vocabulary, data)
    elif texts is None:
        names = await _built_in(engine, data)
    task = work.Task(
        request=request.model_copy(
            update={
                "input": None,
                "vectors": None,
                "ids": None,
                "texts": None,
                "known": None if known is None else list(known.names),
            }
        ),
        texts=None if texts is None else tuple(text.encode("utf-8", "replace").decode() for text in texts),
        remarks=(*data.remarks, *(() if known is None else known.remarks("known labels"))),
        blocks=data.blocks,
        ids=data.ids,
        unusable={i: (failure.code, failure.message) for i, failure in data.failures.items()},
        model=data.model,
        receipt=data.receipt,
        logit_scale=None if names is None else names.logit_scale,
    )

    def fill(folder: Path) -> None:
        task.write(folder, data.rows, None if names is None else names.vectors)

    return await jobs.submit(
        kind, {"n": data.n, **params}, owner=owner, fill=fill, lane="long" if _is_long(request, data.n) else None
    )


def _is_long(request: ClusterRequest, n: int) -> bool:
    """Whether clustering may take an hour rather than minutes: its time grows with the square of `n`."""
    return n > LONG or n**2 * (1 + request.resamples) * request.options().starts > RUNS * LONG**2


async def _vocabulary(engine: Engine, labels: Sequence[str], data: ItemVectors) -> Vocabulary:
    """Embed names for clusters. Raises Unprocessable if the vectors share no space with texts."""
    if len(data.blocks) > 1:
        raise Unprocessable(
            "vocabulary: names images or texts, not both joined; leave it out, or cluster one modality",
            param="vocabulary",
        )
    if data.blocks[0].modality == "face":
        raise Unprocessable(
            "vocabulary: names images or texts, and these are vectors of faces; leave it out", param="vocabulary"
        )
    model, _ = model_of(engine, data.blocks[0].fingerprint, "vocabulary")
    return await names_of(engine, model, labels)


async def _built_in(engine: Engine, data: ItemVectors) -> Vocabulary | None:
    """The model's own names for clusters of images; None where it is not served here or has none."""
    if len(data.blocks) > 1 or data.blocks[0].modality != "image":
        return None
    try:
        model, _ = model_of(engine, data.blocks[0].fingerprint, "vectors")
    except Unprocessable:
        return None
    return await built_in_names(engine, model)


async def read_answer(
    jobs: Jobs, id: str, *, owner: str | None, name: str = work.ANSWER, what: str = "clustering"
) -> bytes:
    """The answer of an earlier job, as JSON. Raises NotFound, Conflict."""
    result, raw = await jobs.read(id, name, owner=owner)
    if what not in result or raw is None:
        raise NotFound(f"{what}: {quoted(id)} is a job of another kind", code=f"unknown_{what}", param="id")
    return raw


async def page(engine: Engine, jobs: Jobs, id: str, *, items: Sequence[Item], mode: PageMode, owner: str | None) -> str:
    """The report as one HTML file, with small versions of the images in `items`. Raises ItemsFailed."""
    raw = await read_answer(jobs, id, owner=owner)
    answer: Mapping[str, Any] = await engine.compute(lambda check: orjson.loads(raw))
    pictures = {}
    if mode != "none":
        pictures = await thumbnails(engine, items, side=thumbnail_side(answer), quality=QUALITY, mode=mode)

    def work(check: Check) -> str:
        places = {name: i for i, name in enumerate(answer["ids"])}
        unknown = sorted(set(pictures) - set(places))
        if unknown:
            raise Unprocessable(f"input: {quoted(unknown[0])} is the id of no item; use its ids", param="input")
        by_place = {places[name]: picture for name, picture in pictures.items()}
        check()
        return page_of(answer, by_place, mode=mode)

    return await engine.compute(work)


def arrays(answer: Mapping[str, Any]) -> dict[str, NDArray[np.floating] | NDArray[np.intp]]:
    """Labels, silhouettes and coordinates for gRPC, with NaN for missing values."""
    found: dict[str, Any] = {"labels": np.asarray(answer["labels"], np.intp)}
    for name in ("silhouettes", "silhouettes_final"):
        found[name] = np.array([np.nan if value is None else value for value in answer[name]], np.float32)
    found["coordinates"] = np.asarray(answer["coordinates"] or [], np.float32).ravel()
    return found
