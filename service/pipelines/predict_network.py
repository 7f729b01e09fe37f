"""Predictions of a fine-tuned network for images and frames of videos."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.network import Network
from models.classifiers.store import Stored
from models.errors import ItemError
from models.images.decoding import ImageLimits, load_pixels
from models.images.further import is_first_of_many
from service.errors import ItemFailure, item_failure
from service.inference.engine import Engine
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.encode import image_bytes
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item, item_problem, raise_if_failed
from service.pipelines.prediction_sets import Sets
from service.pipelines.predictions import PredictionRows, Predictions, VideoPredictions, video_predictions, with_videos
from service.pipelines.video import ProgressMonitor, view
from service.schemas.common import OnError
from service.stores.classifiers import Classifiers

BATCH = 8  # images per inference batch
Logits = NDArray[np.float32]


async def by_network(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    items: Sequence[Item],
    on_error: OnError,
    monitor: ProgressMonitor | None = None,
    sets: Sets | None = None,
) -> Predictions:
    """Predict with a fine-tuned network. Raises the errors of `predict`."""
    network = await engine.in_thread(lambda: classifiers.network(stored))
    choose = network.labels_of
    failures: dict[int, ItemFailure] = {}
    logits: dict[int, Logits] = {}
    first: list[int] = []  # images of whose pictures only the first was read
    pictures = [i for i, item in enumerate(items) if item.video is None]
    clips = {i: item.video for i, item in enumerate(items) if item.video is not None}
    videos: dict[int, VideoPredictions] = {}
    room = asyncio.Semaphore(engine.settings.lanes)

    async def run_videos() -> None:
        async def run(rows: Sequence[NDArray[np.uint8]]) -> Logits:
            async with room:
                return await engine.in_thread(lambda: network.predict(np.stack(rows)))

        found = await view(engine, clips, target=network.preprocess, decode="exact", run=run, monitor=monitor)
        for i, video in found.items():
            if isinstance(video, FrameResults):
                videos[i] = video_predictions(video, _read(network, video.rows), choose)
            else:
                failures[i] = item_failure(i, items[i].id, video)

    read = partial(_pixels, network, items, failures, first)

    async def one(places: Sequence[int]) -> None:
        rows: dict[int, NDArray[np.uint8]] = {}

        async def decode(i: int) -> None:
            row = await engine.decode(partial(read, i))
            if row is not None:
                rows[i] = row

        async with room:
            await gather_cancelling([decode(i) for i in places])
            good = [i for i in places if i in rows]
            if good and not (failures and on_error == "fail"):
                found = await engine.in_thread(lambda: network.predict(np.stack([rows[i] for i in good])))
                logits.update(zip(good, found, strict=True))

    parts = [one(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
    await gather_cancelling([*parts, *([run_videos()] if clips else [])])
    for failure in failures.values():
        ITEMS_FAILED.labels(failure.code).inc()
    raise_if_failed(dict(sorted(failures.items())), on_error, len(items))
    ITEMS.labels("classifiers", "image").inc(len(logits))
    ITEMS.labels("classifiers", "video").inc(len(videos))
    some = next(iter([*logits.values(), *(each.video.rows[0] for each in videos.values())]), np.zeros(1, np.float32))
    every = np.stack([logits.get(i, np.zeros_like(some)) for i in range(len(items))])
    told = _read(network, every)
    if sets is not None:
        outputs = told.probabilities if told.probabilities is not None else told.values
        assert outputs is not None
        plain, own = told, outputs
        told = await engine.compute(lambda check: sets.of_outputs(plain, [own], check))
    told = with_videos(told, videos, choose)
    return Predictions(
        task=network.reading.task,
        labels=network.reading.labels,
        n=len(items),
        failures=dict(sorted(failures.items())),
        truncated=(),
        unknown=(),
        first_of_many=tuple(sorted(first)),
        model=stored.label,
        receipt=_receipt(engine, stored, network),
        videos=videos,
        remarks=() if sets is None else sets.remarks,
        **vars(told),
    )


def _pixels(
    network: Network,
    items: Sequence[Item],
    failures: dict[int, ItemFailure],
    first: list[int],
    i: int,
    limits: ImageLimits,
) -> NDArray[np.uint8] | None:
    """Decode one image, in a thread; None for an item that cannot be used, which is then among the failures."""
    problem = item_problem(items[i], ["image"], False)
    image = items[i].image
    if problem or image is None:
        failures[i] = ItemFailure(i, items[i].id, *(problem or ("missing_modality", "has no image")))
        return None
    try:
        data = image_bytes(image, limits.max_bytes)
        row = load_pixels(data, network.preprocess, limits=limits, crop=items[i].crop)
        if is_first_of_many(data):
            first.append(i)
        return row
    except ItemError as exc:
        failures[i] = item_failure(i, items[i].id, exc, items[i].crop)
        return None


def _read(network: Network, logits: Logits) -> PredictionRows:
    if network.reading.task == "continuous":
        values = network.reading.values(logits)
        low, high = network.reading.interval(values)
        return PredictionRows(values=values, low=low, high=high)
    probabilities = network.reading.probabilities(logits)
    return PredictionRows(probabilities=probabilities, chosen=network.labels_of(probabilities))


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
