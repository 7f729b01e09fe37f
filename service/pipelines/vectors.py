"""Vectors of a request: items embedded here, or vectors sent by the caller."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality, VectorModality
from models.classifiers.head import Block
from models.errors import quoted
from service.errors import ItemFailure, ItemsFailed, Unprocessable
from service.inference.engine import Engine, Model
from service.metrics import ITEMS_FAILED
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.encode import Encoded, encode
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item, VectorInput, check_count, checked_ids, item_problem
from service.pipelines.video import ProgressMonitor
from service.schemas.items import Encodable

MODALITIES: tuple[Modality, ...] = ("image", "text")
ORDER = (*MODALITIES, "face")  # of blocks of vectors
LONGEST_NAME = 200  # characters of a model name or fingerprint from the caller
FIRST_OF_MANY = "images hold several pictures (an animation, pages), of which the first was read"


@dataclass(frozen=True, kw_only=True)
class ItemVectors:
    """Vectors of items, one block per modality.

    Attributes
    ----------
    rows : (n, d) each; NaN where an item lacks the modality or failed. May be memory-mapped.
    receipts : receipts by modality, where known.
    remarks : sentences about items of which not all was read, or of which the model knows nothing.
    """

    blocks: tuple[Block, ...]
    rows: Sequence[NDArray[np.floating]]
    n: int
    ids: tuple[str, ...]
    failures: Mapping[int, ItemFailure]
    receipts: Mapping[VectorModality, Mapping[str, Any]]
    remarks: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        return self.blocks[0].model

    @property
    def receipt(self) -> Mapping[str, Any]:
        """Receipt of the first block; only the known fields for vectors sent without a receipt."""
        first = self.blocks[0]
        return self.receipts.get(first.modality) or {"model": first.model, "fingerprint": first.fingerprint}


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Embedded items, one block per modality."""

    rows: Sequence[NDArray[np.float32]]  # (n, d) each, NaN where an item lacks the modality or failed
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    unknown: tuple[int, ...]  # indices of texts of which the model knows no token
    first_of_many: tuple[int, ...]  # indices of images of whose pictures only the first was read
    model: str
    receipt: Mapping[str, Any]
    receipts: Mapping[VectorModality, Mapping[str, Any]]
    videos: Mapping[int, FrameResults]  # by index


async def gather_vectors(
    engine: Engine,
    request: Encodable,
    *,
    items: Sequence[Item] | None,
    vectors: Sequence[VectorInput] | None,
    partial: bool = False,
    known: bool = False,
) -> ItemVectors:
    """Embed `items`, or take `vectors`.

    Parameters
    ----------
    known : whether texts of which the model knows no token have no vector, whatever `on_error` is.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    if (items is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if items is not None:
        return await _of_posts(engine, request, items, partial, known)
    assert vectors is not None
    return _of_vectors(request, vectors)


async def _of_posts(
    engine: Engine, request: Encodable, items: Sequence[Item], partial: bool, known: bool
) -> ItemVectors:
    check_count(engine, items)
    model = engine.model(request.model)
    decode = request.decode or engine.settings.decode
    wanted = [modality for modality in MODALITIES if any(item.has(modality) for item in items)]
    for modality in wanted:
        if modality not in model.spec.modalities:
            raise Unprocessable(
                f"model {model.spec.name!r} takes no {modality}s, only {' and '.join(model.spec.modalities)}s; choose "
                "another model",
                code="unsupported_modality",
                param="input",
            )
    fingerprint = model.receipts[decode]["fingerprint"]
    blocks = tuple(
        Block(modality=m, model=model.spec.name, fingerprint=fingerprint, dimension=model.spec.dimension)
        for m in wanted
    )
    made = await embedded(engine, items, [(block, model, decode) for block in blocks], partial)
    if made.failures and request.on_error == "fail":
        raise ItemsFailed(list(made.failures.values()), of=len(items))
    if known and made.unknown:
        made = _without_unknown(made, items)
    if made.videos:
        return _with_frames(request, items, blocks, made)
    ids = request.ids or [item.id if item.id is not None else str(i) for i, item in enumerate(items)]
    return ItemVectors(
        blocks=blocks,
        rows=made.rows,
        n=len(items),
        ids=checked_ids(ids, len(items)),
        failures=made.failures,
        receipts=made.receipts,
        remarks=_remarks(made, len(items)),
    )


def _remarks(made: Embedded, n: int) -> tuple[str, ...]:
    kinds = (
        (made.unknown, "texts have no token that the model knows: their vectors say nothing about them"),
        (made.truncated, "texts were cut at the largest length that the model takes"),
        (made.first_of_many, FIRST_OF_MANY),
    )
    return tuple(f"{len(places):,} of {n:,} {what}." for places, what in kinds if places)


def _without_unknown(made: Embedded, items: Sequence[Item]) -> Embedded:
    """The same without the vectors of texts of which the model knows no token: they are all alike."""
    failures = dict(made.failures)
    for i in made.unknown:
        failures[i] = ItemFailure(
            i, items[i].id, "unknown_text", "text has no token that the model knows, so its vector says nothing", 422
        )
        for rows in made.rows:
            rows[i] = np.nan
    return replace(made, failures=dict(sorted(failures.items())))


def _with_frames(request: Encodable, items: Sequence[Item], blocks: tuple[Block, ...], made: Embedded) -> ItemVectors:
    """Add each frame of a video as an item, named by the video and the time in seconds: "clip.mp4@12.480"."""
    if request.ids is not None:
        raise Unprocessable(
            "ids: how many frames a video has is not known before; give each item an id instead", param="ids"
        )
    ids: list[str] = []
    failures: dict[int, ItemFailure] = {}
    rows: list[list[NDArray[np.float32]]] = [[] for _ in blocks]
    for i, item in enumerate(items):
        name = item.id if item.id is not None else str(i)
        video = made.videos.get(i)
        if i in made.failures:
            failures[len(ids)] = replace(made.failures[i], index=len(ids))
        ids += [name] if video is None else [f"{name}@{frame.timestamp:.3f}" for frame in video.frames]
        for place, block in enumerate(blocks):
            if video is None:
                rows[place].append(made.rows[place][i : i + 1])
            elif block.modality == "image":
                rows[place].append(video.rows)
            else:
                rows[place].append(np.full((len(video.frames), block.dimension), np.nan, np.float32))
    return ItemVectors(
        blocks=blocks,
        rows=[np.concatenate(each) for each in rows],
        n=len(ids),
        ids=tuple(ids),
        failures=failures,
        receipts=made.receipts,
        remarks=_remarks(made, len(items)),
    )


def _of_vectors(request: Encodable, vectors: Sequence[VectorInput]) -> ItemVectors:
    given = sorted(vectors, key=lambda each: ORDER.index(each.modality))
    for name in ("model", "decode"):
        if getattr(request, name) is not None:
            raise Unprocessable(f"{name}: is for input; vectors name their own model", param=name)
    for each in given:
        for name, value in (("model", each.model), ("fingerprint", each.fingerprint)):
            if not 0 < len(value) <= LONGEST_NAME:
                raise Unprocessable(
                    f"vectors: {name} {quoted(value)} is none; take it from their receipt", param="vectors"
                )
    n = count(each.rows for each in given)
    return ItemVectors(
        blocks=tuple(
            Block(modality=e.modality, model=e.model, fingerprint=e.fingerprint, dimension=e.rows.shape[1])
            for e in given
        ),
        rows=[each.rows for each in given],
        n=n,
        ids=checked_ids(request.ids or given[0].ids or [str(i) for i in range(n)], n),
        failures={},
        receipts={each.modality: each.receipt for each in given if each.receipt},
    )


async def embedded(
    engine: Engine,
    items: Sequence[Item],
    blocks: Sequence[tuple[Block, Model, Any]],
    partial: bool,
    monitor: ProgressMonitor | None = None,
) -> Embedded:
    """Embed each block's modality. `failures` has every item with an unusable part."""
    wanted = [cast(Modality, block.modality) for block, _, _ in blocks]  # no faces: they are no items
    failures: dict[int, ItemFailure] = {}
    for i, item in enumerate(items):
        problem = item_problem(item, wanted, partial)
        if problem:
            failures[i] = ItemFailure(i, item.id, *problem)
            ITEMS_FAILED.labels(problem[0]).inc()
    rows = [np.full((len(items), block.dimension), np.nan, np.float32) for block, _, _ in blocks]
    truncated: set[int] = set()
    unknown: set[int] = set()
    first: set[int] = set()
    videos: dict[int, FrameResults] = {}

    async def one(place: int) -> None:
        _, model, decode = blocks[place]
        which = [i for i, item in enumerate(items) if i not in failures and item.has(wanted[place])]
        if not which:
            return
        parts = [_part(items[i], wanted[place]) for i in which]
        made: Encoded = await encode(
            engine, model, parts, operation="classifiers", decode=decode, on_error="skip", monitor=monitor
        )
        rows[place][which] = made.vectors
        videos.update((which[i], video) for i, video in made.videos.items())
        truncated.update(which[i] for i in made.truncated)
        unknown.update(which[i] for i in made.unknown)
        first.update(which[i] for i in made.first_of_many)
        for i, failure in made.failures.items():
            failures[which[i]] = ItemFailure(
                which[i], items[which[i]].id, failure.code, failure.message, failure.status
            )

    await gather_cancelling([one(place) for place in range(len(blocks))])
    receipts = {block.modality: model.receipts[decode] for block, model, decode in blocks}
    return Embedded(
        rows=rows,
        failures=dict(sorted(failures.items())),
        truncated=tuple(sorted(truncated)),
        unknown=tuple(sorted(unknown)),
        first_of_many=tuple(sorted(first)),
        model=blocks[0][1].spec.name,
        receipt=receipts[blocks[0][0].modality],
        receipts=receipts,
        videos=videos,
    )


def _part(item: Item, modality: Modality) -> Item:
    if modality == "text":
        return Item(text=item.text, id=item.id)
    return replace(item, text=None)


def count(rows: Iterable[NDArray[np.floating]]) -> int:
    """Number of items, equal for all modalities. Raises Unprocessable."""
    lengths = {len(each) for each in rows}
    if len(lengths) != 1 or 0 in lengths:
        sizes = " and ".join(map(str, sorted(lengths))) or "none"
        raise Unprocessable(f"vectors: {sizes} rows; send one for each item, as many of each modality", param="vectors")
    return lengths.pop()
