"""Predictions of a fine-tuned network: images, and frames of videos, to its own pixels and outputs."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.network import Network
from models.classifiers.store import Stored
from models.errors import ItemError
from models.images.decoding import load_pixels
from service.errors import ItemFailure, item_failure
from service.inference.engine import Engine
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.concurrency import together
from service.pipelines.encode import image_bytes
from service.pipelines.frames import Film
from service.pipelines.items import Post, refuse, unfit
from service.pipelines.predictions import OfFilm, Predictions, Told, of_film, with_films
from service.pipelines.video import Watch, view
from service.schemas.common import OnError
from service.stores.classifiers import Classifiers

BATCH = 8  # images that run at once
Logits = NDArray[np.float32]


async def by_network(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    posts: Sequence[Post],
    on_error: OnError,
    watch: Watch | None = None,
) -> Predictions:
    """Raises as `predict` does."""
    network = await engine.in_thread(lambda: classifiers.network(stored))
    choose = network.labels_of
    failures: dict[int, ItemFailure] = {}
    logits: dict[int, Logits] = {}
    pictures = [i for i, post in enumerate(posts) if post.video is None]
    clips = {i: post.video for i, post in enumerate(posts) if post.video is not None}
    films: dict[int, OfFilm] = {}
    room = asyncio.Semaphore(engine.settings.lanes)

    async def videos() -> None:
        async def run(rows: Sequence[NDArray[np.uint8]]) -> Logits:
            async with room:
                return await engine.in_thread(lambda: network.predict(np.stack(rows)))

        found = await view(engine, clips, target=network.preprocess, decode="exact", run=run, watch=watch)
        for i, film in found.items():
            if isinstance(film, Film):
                films[i] = of_film(film, _read(network, film.rows), choose)
            else:
                failures[i] = item_failure(i, posts[i].id, film)

    batch = partial(_batch, engine, network, posts, failures, logits, on_error)

    async def one(places: Sequence[int]) -> None:
        async with room:
            await engine.in_thread(lambda: batch(places))

    parts = [one(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
    await together([*parts, *([videos()] if clips else [])])
    for failure in failures.values():
        ITEMS_FAILED.labels(failure.code).inc()
    refuse(dict(sorted(failures.items())), on_error, len(posts))
    ITEMS.labels("classifiers", "image").inc(len(logits))
    ITEMS.labels("classifiers", "video").inc(len(films))
    some = next(iter([*logits.values(), *(each.film.rows[0] for each in films.values())]), np.zeros(1, np.float32))
    every = np.stack([logits.get(i, np.zeros_like(some)) for i in range(len(posts))])
    told = with_films(_read(network, every), films, choose)
    return Predictions(
        task=network.reading.task,
        labels=network.reading.labels,
        n=len(posts),
        failures=dict(sorted(failures.items())),
        truncated=(),
        model=stored.label,
        receipt=_receipt(engine, stored, network),
        films=films,
        **vars(told),
    )


def _batch(
    engine: Engine,
    network: Network,
    posts: Sequence[Post],
    failures: dict[int, ItemFailure],
    logits: dict[int, Logits],
    on_error: OnError,
    places: Sequence[int],
) -> None:
    """Decode and run a few images, in a thread."""
    limits = engine.settings.image_limits
    read: list[tuple[int, NDArray[np.uint8]]] = []
    for i in places:
        problem = unfit(posts[i], ["image"], False)
        image = posts[i].image
        if problem or image is None:
            failures[i] = ItemFailure(i, posts[i].id, *(problem or ("missing_modality", "has no image")))
            continue
        try:
            read.append((i, load_pixels(image_bytes(image, limits.max_bytes), network.preprocess, limits=limits)))
        except ItemError as exc:
            failures[i] = item_failure(i, posts[i].id, exc)
    if read and not (failures and on_error == "fail"):
        found = network.predict(np.stack([row for _, row in read]))
        logits.update(zip((i for i, _ in read), found, strict=True))


def _read(network: Network, logits: Logits) -> Told:
    if network.reading.task == "continuous":
        values = network.reading.values(logits)
        low, high = network.reading.interval(values)
        return Told(values=values, low=low, high=high)
    probabilities = network.reading.probabilities(logits)
    return Told(probabilities=probabilities, chosen=network.labels_of(probabilities))


def _receipt(engine: Engine, stored: Stored, network: Network) -> Mapping[str, Any]:
    model = next(iter(engine.models.values()))
    start = network.manifest.get("start") or {}
    return {
        "model": stored.label,
        "revision": f"fine-tuned from {start.get('name', 'an unknown network')}, {stored.manifest['created']}",
        "fingerprint": network.fingerprint,
        "precision": "fp32",
        "provider": model.provider,
        "decode": "exact",
        "demonstration": False,
        "notice": None,
        "made_with": {**model.receipts["exact"]["made_with"], **stored.manifest["libraries"]},
    }
