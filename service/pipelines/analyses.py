"""Analyses: text, objects, classes and features of pictures, and of the frames of videos.

A picture is decoded once for all analysers. Each is a generator: its rows go to the shared batches, and the code
between them runs in the decoding threads.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.face_attributes import FaceAttributes
from models.analysers.presets import PRESETS
from models.analysers.spec import Analysis, Kind, Prepares
from models.errors import AnalysisError, ItemError
from models.images.decoding import ImageLimits, Placed, open_placed
from models.images.further import is_first_of_many
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable, item_failure
from service.inference.batching import Caller
from service.inference.engine import AnalyserModel, Engine
from service.inference.fair_threads import one_request
from service.inference.switches import permitted_attributes
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines import answers
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.driving import ROWS, drive
from service.pipelines.encode import image_bytes
from service.pipelines.equal_pictures import EqualFrames, equal_items
from service.pipelines.findings import Results, results_json
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item, check_count
from service.pipelines.operation import Answer, Call, Operation
from service.pipelines.video import view
from service.schemas.analyses import AnalyserCard, AnalyserList, AnalyserReceipt, AnalysesOptions
from service.schemas.zero_shot import PresetCard

WINDOW = 8  # pictures of one request that are analysed at once


@dataclass(frozen=True)
class _Chosen:
    """An analyser of a request with its options, and these as its steps take them."""

    model: AnalyserModel
    options: Any
    prepared: Any


@dataclass
class _Work:
    """State of one request in progress.

    Attributes
    ----------
    sizes, corners : of the whole upright pictures, and of the upper left pixels of the crops in them.
    analysed : number of pictures and frames that were analysed; of equal ones, one.
    """

    engine: Engine
    items: Sequence[Item]
    chosen: Mapping[Kind, _Chosen]
    failures: dict[int, ItemFailure] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    corners: dict[int, tuple[int, int]] = field(default_factory=dict)
    results: dict[int, Results] = field(default_factory=dict)
    videos: dict[int, FrameResults] = field(default_factory=dict)
    first_of_many: list[int] = field(default_factory=list)
    analysed: int = 0

    def repeat(self, first: int, index: int) -> None:
        """Give an item the result of an equal one."""
        if first in self.failures:
            self.failures[index] = replace(self.failures[first], index=index, id=self.items[index].id)
            return
        if first in self.results:
            self.sizes[index], self.corners[index] = self.sizes[first], self.corners[first]
            self.results[index] = self.results[first]
        if first in self.first_of_many:
            self.first_of_many.append(index)

    def fail(self, index: int, exc: ItemError) -> None:
        self.failures[index] = item_failure(index, self.items[index].id, exc, self.items[index].crop)
        ITEMS_FAILED.labels(exc.code).inc()


def cards(engine: Engine) -> list[AnalyserCard]:
    """The analysers of the server."""
    seen: set[Kind] = set()
    made = []
    for each in engine.analysers:
        spec = each.spec
        defaults = each.code.choices()
        if isinstance(each.code, FaceAttributes):
            permitted = [name for name in each.code.offered if name in engine.settings.face_attributes]
            defaults = replace(defaults, attributes=tuple(permitted))
        made.append(
            AnalyserCard(
                name=spec.name,
                kind=spec.kind,
                default=spec.kind not in seen,
                description=spec.description,
                licence=spec.licence,
                labels=list(spec.labels),
                languages=spec.languages,
                options={option.name: getattr(defaults, option.name) for option in fields(defaults)},
                settings=dict(spec.settings),
                weights=dict(spec.source.weights),
                receipt=AnalyserReceipt(**each.receipt),
            )
        )
        seen.add(spec.kind)
    return sorted(made, key=lambda card: not card.default)


def listed(engine: Engine) -> AnalyserList:
    """The answer of /v1/analysers."""
    presets = [
        PresetCard(
            **{name: list(getattr(row, name)) for name in ("labels", "prompts", "templates")},
            **{name: getattr(row, name) for name in ("name", "question", "multi_label")},
            notice=row.validate,
        )
        for row in PRESETS.values()
    ]
    return AnalyserList(data=cards(engine), presets=presets)


def choose(engine: Engine, options: AnalysesOptions) -> Mapping[Kind, _Chosen]:
    """The analysers of a request.

    Raises
    ------
    Forbidden : the owner of the server does not permit a kind, or an attribute of faces.
    NotFound, TooLarge.
    Unprocessable : options that an analyser refuses.
    """
    chosen: dict[Kind, _Chosen] = {}
    for kind, given in options.analysers.chosen().items():
        model = engine.analyser(kind, given.model)
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.model_dump(exclude={"model", "encoding_format"}, exclude_none=True).items()
        }
        if (count := len(values.get("labels", ()))) > engine.settings.max_labels:
            raise TooLarge(
                f"analysers.{kind}.labels: got {count:,}, the limit is {engine.settings.max_labels:,}; ask in several "
                "requests",
                code="too_many_labels",
                param=f"analysers.{kind}.labels",
            )
        try:
            made = model.code.choices(**values)
            model.code.check(made)
            if isinstance(model.code, FaceAttributes):
                permitted = permitted_attributes(engine.settings, model.code.offered, made.attributes)
                made = replace(made, attributes=permitted)
        except AnalysisError as exc:
            raise Unprocessable(
                f"analysers.{kind}.{exc.message}", param=f"analysers.{kind}.{exc.message.partition(':')[0]}"
            ) from exc
        chosen[kind] = _Chosen(model, made, made)
    return chosen


async def analyse(call: Call[AnalysesOptions], *, operation: str = "analyses") -> _Work:
    """Analyse the items of a call; `operation` is its name in the metrics.

    Raises
    ------
    ItemsFailed : under on_error "fail", after all items were checked; names every unusable one.
    NotFound, Unprocessable, TooLarge, Overloaded.
    """
    engine, items = call.engine, call.items or ()
    check_count(engine, items)
    one_request()
    work = _Work(engine, items, choose(engine, call.options))
    images = [i for i, item in enumerate(items) if item.image is not None and item.text is None]
    clips = {i: item.video for i, item in enumerate(items) if item.video is not None}
    for i, item in enumerate(items):
        if i not in clips and (item.image is None or item.text is not None):
            work.failures[i] = ItemFailure(i, item.id, "missing_modality", "is no image; send images and videos alone")
    if work.failures and call.options.on_error == "fail":
        raise ItemsFailed([work.failures[i] for i in sorted(work.failures)], of=len(items))
    work.chosen = await _prepared(engine, work.chosen)
    parts = [_images(work, images, call.options.on_error == "fail")] if images else []
    if clips:
        parts.append(_videos(work, clips, call))
    await gather_cancelling(parts)
    if work.failures and call.options.on_error == "fail":
        raise ItemsFailed([work.failures[i] for i in sorted(work.failures)], of=len(items))
    for modality, indices in (("image", images), ("video", list(clips))):
        if indices:
            ITEMS.labels(operation, modality).inc(sum(i not in work.failures for i in indices))
    return work


async def _prepared(engine: Engine, chosen: Mapping[Kind, _Chosen]) -> Mapping[Kind, _Chosen]:
    """Run what depends on the options alone, once for all pictures of the request."""

    async def one(each: _Chosen) -> _Chosen:
        code = each.model.code
        if not isinstance(code, Prepares):
            return each
        with engine.batcher("image").admit(ROWS) as caller:
            return replace(each, prepared=await drive(engine, each.model, code.prepare(each.options), caller))

    return dict(zip(chosen, await gather_cancelling([one(each) for each in chosen.values()]), strict=True))


async def _images(work: _Work, indices: Sequence[int], fails: bool) -> None:
    engine, window = work.engine, asyncio.Semaphore(WINDOW)

    def read(item: Item, image: bytes | str, limits: ImageLimits) -> tuple[Placed, bool]:
        data = image_bytes(image, limits.max_bytes)
        return open_placed(data, limits=limits, crop=item.crop), is_first_of_many(data)

    async def one(index: int, caller: Caller) -> None:
        image = work.items[index].image
        assert image is not None
        async with window:
            try:
                async with engine.picture(lambda limits: read(work.items[index], image, limits)) as (picture, many):
                    if work.failures and fails:
                        return  # the request has failed: only find the remaining unusable items
                    if many:
                        work.first_of_many.append(index)
                    work.sizes[index], work.corners[index] = picture.size, picture.corner
                    work.results[index] = await _run_all(work, picture.image, caller)
            except ItemError as exc:
                work.fail(index, exc)

    equal = await engine.in_thread(lambda: equal_items(work.items, indices))
    places = max(len(equal), ROWS * min(len(equal), WINDOW) * len(work.chosen))
    with engine.batcher("image").admit(places) as caller:
        await gather_cancelling([one(index, caller) for index in equal])
    for first, others in equal.items():
        for index in others:
            work.repeat(first, index)


async def _run_all(work: _Work, picture: Image.Image, caller: Caller) -> Results:
    """The results of all analysers for one picture."""
    work.analysed += 1
    found = await gather_cancelling(
        [
            drive(work.engine, each.model, each.model.code.steps(picture, each.prepared), caller)
            for each in work.chosen.values()
        ]
    )
    return dict(zip(work.chosen, found, strict=True))


async def _videos(work: _Work, clips: Mapping[int, Any], call: Call[AnalysesOptions]) -> None:
    engine = work.engine

    async def run(rows: Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
        """Frames (h, w, 3) to their results, an object each."""
        made = np.empty((len(rows), 1), object)
        window = asyncio.Semaphore(WINDOW)

        async def one(index: int, caller: Caller) -> None:
            async with window:
                made[index, 0] = await _run_all(work, Image.fromarray(rows[index]), caller)

        with engine.batcher("image").admit(ROWS * min(len(rows), WINDOW) * len(work.chosen)) as caller:
            await gather_cancelling([one(index, caller) for index in range(len(rows))])
        return made

    found = await view(
        engine, clips, target=None, decode="exact", run=EqualFrames(run, engine.in_thread), monitor=call.monitor
    )
    for i, video in found.items():
        if isinstance(video, FrameResults):
            work.videos[i] = video
            work.sizes[i] = video.info.width, video.info.height
        else:
            work.fail(i, video)


def to_json(call: Call[AnalysesOptions], work: _Work) -> Answer:
    """The answer of /v1/analyses."""
    videos, results = {}, dict(work.results)
    vectors = call.options.analysers.face_vectors
    packed = vectors is not None and vectors.encoding_format == "base64"
    for i, video in work.videos.items():
        frames: list[Results] = [each for (each,) in video.rows]
        weights = [frame.times for frame in video.frames]
        results[i] = {kind: _mean([each[kind] for each in frames], weights) for kind in work.chosen}
        shots = None
        if video.shots is not None:
            shots = [{"results": results_json(each, packed)} for each in _by_shot(video, frames, work.chosen)]
        videos[i] = answers.video_block(video, [{"results": results_json(each, packed)} for each in frames], shots)
    entries: list[Answer] = [
        {
            "width": work.sizes[i][0],
            "height": work.sizes[i][1],
            "results": results_json(results[i], packed, work.corners.get(i, (0, 0))),
        }
        if i in results
        else {}
        for i in range(len(work.items))
    ]
    return {
        "object": "list",
        "data": answers.entries(call.ids(len(work.items)), work.failures, entries, videos, call.items),
        "options": _applied(call.options, work.chosen),
        "first_of_many": sorted(work.first_of_many),
        "receipts": {kind: each.model.receipt for kind, each in work.chosen.items()},
    }


def _applied(options: AnalysesOptions, chosen: Mapping[Kind, _Chosen]) -> dict[str, Answer]:
    """The options of a request, with the analysers' own defaults where it leaves the choice to them."""
    given = options.analysers.model_dump(exclude_none=True)
    applied: dict[str, Answer] = {kind: vars(each.options) for kind, each in chosen.items()}
    return {
        kind: {
            **{name: value for name, value in applied[kind].items() if value is not None},
            **{name: value for name, value in given[kind].items() if value not in ([], {})},
        }
        for kind in given
    }


def _by_shot(video: FrameResults, frames: Sequence[Results], kinds: Mapping[Kind, _Chosen]) -> list[Results]:
    groups: list[list[int]] = [[] for _ in video.shots or ()]
    for i, frame in enumerate(video.frames):
        groups[frame.shot or 0].append(i)
    return [
        {kind: _mean([frames[i][kind] for i in some], [video.frames[i].times for i in some]) for kind in kinds}
        for some in groups
    ]


def _mean(some: Sequence[Analysis], weights: Sequence[int]) -> Analysis:
    """Means of the values over frames, without findings, which belong to frames."""
    names = some[0].values if some else ()
    values = {name: float(np.average([each.values[name] for each in some], weights=weights)) for name in names}
    remarks = tuple(dict.fromkeys(remark for each in some for remark in each.remarks))
    return Analysis(values=values, truncated=any(each.truncated for each in some), remarks=remarks)


def _check(call: Call[AnalysesOptions]) -> None:
    choose(call.engine, call.options)


async def _run(call: Call[AnalysesOptions]) -> Answer:
    return to_json(call, await analyse(call))


OPERATION = Operation(name="analyses", options=AnalysesOptions, check=_check, run=_run)
