"""Predictions of a trained classifier: items to vectors of its encoders, a head on them; or a fine-tuned network."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog import Modality
from models.classifiers.head import Block, Float, Head, Task, concatenated
from models.classifiers.network import Network
from models.classifiers.store import Stored
from models.errors import ItemError
from models.images import load_pixels
from service.classifiers import Classifiers, encoder
from service.engine import Engine, Model
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable, item_failure
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.encode import Encoded, Input, encode, image_bytes, together
from service.schema import OnError

INLINE = 64  # items whose arithmetic is shorter than a thread's turn
BATCH = 8  # images that a fine-tuned network runs at once


@dataclass(frozen=True, slots=True)
class Post:
    """One item, off the wire: a text, an image as bytes or base64, or both."""

    text: str | None = None
    image: bytes | str | None = None
    id: str | None = None

    def has(self, modality: Modality) -> bool:
        return getattr(self, modality) is not None


@dataclass(frozen=True, kw_only=True)
class GivenVectors:
    """Embeddings that the caller has made before: (n, d) float32, a row of NaN for an item that has none."""

    modality: Modality
    model: str
    fingerprint: str
    rows: NDArray[np.floating]
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a classifier says. Rows of failed items mean nothing.

    Attributes
    ----------
    chosen, probabilities : of a task with labels: (n,) and (n, labels).
    values, low, high : of a continuous one, (n,) each; infinite where the interval is not known.
    crossed : (n, labels) or (n, 1), where it was asked for.
    receipt : None where the caller sent vectors.
    """

    task: Task
    labels: tuple[str, ...]
    n: int
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    model: str
    receipt: Mapping[str, Any] | None
    chosen: Sequence[str] | None = None
    probabilities: Float | None = None
    values: Float | None = None
    low: Float | None = None
    high: Float | None = None
    crossed: Float | None = None


async def predict(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    *,
    posts: Sequence[Post] | None,
    vectors: Sequence[GivenVectors] | None,
    on_error: OnError,
    crossed: bool = False,
) -> Predictions:
    """Predict `posts`, or items by their `vectors`.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable : neither or both given, of other encoders, an encoder that does not run here.
    TooLarge, Overloaded : as `encode`.
    """
    if (posts is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if posts is not None:
        check_count(engine, posts)
    if stored.head is None:
        if posts is None or crossed:
            raise Unprocessable(
                f"{'vectors' if posts is None else 'crossed'}: {stored.label} is a fine-tuned network, which sees "
                "images and has no folds; send them as input",
                param="vectors" if posts is None else "crossed",
            )
        return await _by_network(engine, classifiers, stored, posts, on_error)
    head = stored.head
    if posts is not None:
        made = await embedded(engine, posts, [(block, *encoder(engine, block)) for block in head.blocks], head.partial)
        _refuse(made.failures, on_error, len(posts))
        model, receipt = made.model, made.receipt
        rows: Sequence[NDArray[np.floating] | None] = made.rows
        failures, truncated, n = made.failures, made.truncated, len(posts)
    else:
        assert vectors is not None
        rows, n = _arranged(head, vectors)
        failures, truncated, model, receipt = _lacking(head, rows, n), (), head.blocks[0].model, None
        _refuse(failures, on_error, n)

    def work() -> dict[str, Any]:
        return _applied(head, concatenated(rows, head.blocks, n), crossed)

    found = work() if n <= INLINE else await engine.in_thread(work)
    return Predictions(
        task=head.task,
        labels=head.labels,
        n=n,
        failures=failures,
        truncated=truncated,
        model=model,
        receipt=receipt,
        **found,
    )


def check_count(engine: Engine, posts: Sequence[Post]) -> None:
    """Some, and not too many."""
    limit = engine.settings.max_items
    if not posts:
        raise Unprocessable("input: has no items; send at least one", param="input")
    if len(posts) > limit:
        raise TooLarge(
            f"input: has {len(posts)} items, the limit is {limit}; send several requests, or vectors",
            code="too_many_items",
            param="input",
        )


def _applied(head: Head, x: NDArray[np.float32], crossed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if crossed:
        found["crossed"] = head.crossed(x)
    if head.task == "continuous":
        found["values"], found["low"], found["high"] = head.values(x)
    else:
        found["probabilities"] = head.probabilities(x)
        found["chosen"] = head.choose(found["probabilities"])
    return found


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Posts as vectors, a block for each modality."""

    rows: Sequence[NDArray[np.float32]]  # (n, d) each, NaN where an item lacks it or failed
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    model: str
    receipt: Mapping[str, Any]
    receipts: Mapping[Modality, Mapping[str, Any]]


async def embedded(
    engine: Engine, posts: Sequence[Post], blocks: Sequence[tuple[Block, Model, Any]], partial: bool
) -> Embedded:
    """Vectors of each block's modality. `failures` has every item that cannot be used, whichever part of it it is."""
    wanted = [block.modality for block, _, _ in blocks]
    failures: dict[int, ItemFailure] = {}
    for i, post in enumerate(posts):
        problem = _unfit(post, wanted, partial)
        if problem:
            failures[i] = ItemFailure(i, post.id, *problem)
            ITEMS_FAILED.labels(problem[0]).inc()
    rows = [np.full((len(posts), block.dimension), np.nan, np.float32) for block, _, _ in blocks]
    truncated: set[int] = set()

    async def one(place: int) -> None:
        block, model, decode = blocks[place]
        which = [i for i, post in enumerate(posts) if i not in failures and post.has(block.modality)]
        if not which:
            return
        items = [_part(posts[i], block.modality) for i in which]
        made: Encoded = await encode(engine, model, items, operation="classifiers", decode=decode, on_error="skip")
        rows[place][which] = made.vectors
        truncated.update(which[i] for i in made.truncated)
        for i, failure in made.failures.items():
            failures[which[i]] = ItemFailure(
                which[i], posts[which[i]].id, failure.code, failure.message, failure.status
            )

    await together([one(place) for place in range(len(blocks))])
    receipts = {block.modality: model.receipts[decode] for block, model, decode in blocks}
    return Embedded(
        rows=rows,
        failures=dict(sorted(failures.items())),
        truncated=tuple(sorted(truncated)),
        model=blocks[0][1].spec.name,
        receipt=receipts[blocks[0][0].modality],
        receipts=receipts,
    )


def _part(post: Post, modality: Modality) -> Input:
    return Input(text=post.text, id=post.id) if modality == "text" else Input(image=post.image, id=post.id)


def _unfit(post: Post, wanted: Sequence[Modality], partial: bool) -> tuple[str, str] | None:
    """Code and message where an item has not what is looked at, or more."""
    has: list[Modality] = [m for m in ("image", "text") if post.has(m)]
    taken = " and ".join(wanted)
    unused = [m for m in has if m not in wanted]
    if unused:
        return "unused_modality", f"has {_a(unused[0])}, which is not looked at; send the {taken} alone"
    lacking = [m for m in wanted if m not in has]
    if lacking and not (partial and has):
        return "missing_modality", f"has no {lacking[0]}; send {taken} of every item"
    return None


def _a(modality: Modality) -> str:
    return "an image" if modality == "image" else "a text"


def _refuse(failures: Mapping[int, ItemFailure], on_error: OnError, n: int) -> None:
    if failures and on_error == "fail":
        raise ItemsFailed(list(failures.values()), of=n)


def _arranged(head: Head, vectors: Sequence[GivenVectors]) -> tuple[list[NDArray[np.floating] | None], int]:
    """Vectors in the order of the head's blocks, None for a block that was not sent."""
    given = {each.modality: each for each in vectors}
    taken = " and ".join(block.modality for block in head.blocks)
    if extra := sorted(set(given) - {block.modality for block in head.blocks}):
        raise Unprocessable(f"vectors: of {extra[0]}s, this classifier takes {taken}; leave them out", param="vectors")
    rows: list[NDArray[np.floating] | None] = []
    for block in head.blocks:
        each = given.get(block.modality)
        if each is not None and each.fingerprint != block.fingerprint:
            raise Unprocessable(
                f"vectors: {block.modality} vectors have fingerprint {each.fingerprint[:64]}, this classifier takes "
                f"{block.fingerprint} ({block.model}); embed with that model",
                code="fingerprint_mismatch",
                param="vectors",
            )
        if each is None and not head.partial:
            raise Unprocessable(
                f"vectors: there are none of {block.modality}s; this classifier takes {taken}", param="vectors"
            )
        rows.append(None if each is None else each.rows)
    return rows, count(each for each in rows if each is not None)


def count(rows: Iterable[NDArray[np.floating]]) -> int:
    """How many items there are vectors of, as many of each modality. Raises Unprocessable."""
    lengths = {len(each) for each in rows}
    if len(lengths) != 1 or 0 in lengths:
        said = " and ".join(map(str, sorted(lengths))) or "none"
        raise Unprocessable(f"vectors: {said} rows; send one for each item, as many of each modality", param="vectors")
    return lengths.pop()


def _lacking(head: Head, rows: Sequence[NDArray[np.floating] | None], n: int) -> dict[int, ItemFailure]:
    """Items whose row is NaN where it may not be."""
    there = np.stack([np.zeros(n, bool) if each is None else ~np.isnan(each).all(axis=1) for each in rows])
    bad = ~(there.any(axis=0) if head.partial else there.all(axis=0))
    taken = " and ".join(block.modality for block in head.blocks)
    return {
        i: ItemFailure(i, None, "no_vector", f"has no vector; send {taken} vectors of every item")
        for i in np.flatnonzero(bad).tolist()
    }


async def _by_network(
    engine: Engine, classifiers: Classifiers, stored: Stored, posts: Sequence[Post], on_error: OnError
) -> Predictions:
    network = await engine.in_thread(lambda: classifiers.network(stored))
    limits = engine.settings.image_limits
    failures: dict[int, ItemFailure] = {}
    logits: dict[int, NDArray[np.float32]] = {}
    room = asyncio.Semaphore(engine.settings.lanes)

    def pixels(i: int) -> NDArray[np.uint8] | None:
        problem = _unfit(posts[i], ["image"], False)
        try:
            if problem:
                failures[i] = ItemFailure(i, posts[i].id, *problem)
                return None
            image = posts[i].image
            assert image is not None
            return load_pixels(image_bytes(image, limits.max_bytes), network.preprocess, limits=limits)
        except ItemError as exc:
            failures[i] = item_failure(i, posts[i].id, exc)
            return None

    def batch(places: Sequence[int]) -> None:
        read = [(i, row) for i in places if (row := pixels(i)) is not None]
        if read and not (failures and on_error == "fail"):
            found = network.predict(np.stack([row for _, row in read]))
            logits.update(zip((i for i, _ in read), found, strict=True))

    async def one(start: int) -> None:
        async with room:
            await engine.in_thread(lambda: batch(range(start, min(start + BATCH, len(posts)))))

    await together([one(start) for start in range(0, len(posts), BATCH)])
    for failure in failures.values():
        ITEMS_FAILED.labels(failure.code).inc()
    _refuse(dict(sorted(failures.items())), on_error, len(posts))
    ITEMS.labels("classifiers", "image").inc(len(logits))
    width = len(next(iter(logits.values()), np.zeros(1)))
    every = np.stack([logits.get(i, np.zeros(width, np.float32)) for i in range(len(posts))])
    return Predictions(
        task=network.reading.task,
        labels=network.reading.labels,
        n=len(posts),
        failures=dict(sorted(failures.items())),
        truncated=(),
        model=stored.label,
        receipt=_receipt(engine, stored, network),
        **_read(network, every),
    )


def _read(network: Network, logits: NDArray[np.float32]) -> dict[str, Any]:
    if network.reading.task == "continuous":
        values = network.reading.values(logits)
        low, high = network.reading.interval(values)
        return {"values": values, "low": low, "high": high}
    probabilities = network.reading.probabilities(logits)
    return {"probabilities": probabilities, "chosen": network.labels_of(probabilities)}


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
