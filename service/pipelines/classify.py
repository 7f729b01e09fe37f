"""Predictions of a trained classifier: items to vectors of its encoders, a head on them; or a fine-tuned network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog import Modality
from models.classifiers.head import Block, Head, concatenated
from models.classifiers.store import Stored
from service.errors import ItemFailure, Unprocessable
from service.inference.engine import Engine, Model
from service.inference.matching import encoder
from service.metrics import ITEMS_FAILED
from service.pipelines.by_network import by_network
from service.pipelines.encode import Encoded, encode
from service.pipelines.posts import GivenVectors, Post, check_count, refuse, unfit
from service.pipelines.predicted import OfFilm, Predictions, Told, of_film, with_films
from service.pipelines.together import together
from service.pipelines.video import Film, Watch
from service.schemas.common import OnError
from service.stores.classifiers import Classifiers

INLINE = 64  # items whose arithmetic is shorter than a thread's turn


async def predict(
    engine: Engine,
    classifiers: Classifiers,
    stored: Stored,
    *,
    posts: Sequence[Post] | None,
    vectors: Sequence[GivenVectors] | None,
    on_error: OnError,
    crossed: bool = False,
    watch: Watch | None = None,
) -> Predictions:
    """Predict `posts`, or items by their `vectors`. `watch` sees how far videos are.

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
    if crossed and any(post.video is not None for post in posts or ()):
        raise Unprocessable(
            "crossed: is for images and texts, which `estimate` counts; leave it out where there are videos",
            param="crossed",
        )
    if stored.head is None:
        if posts is None or crossed:
            raise Unprocessable(
                f"{'vectors' if posts is None else 'crossed'}: {stored.label} is a fine-tuned network, which sees "
                "images and has no folds; send them as input",
                param="vectors" if posts is None else "crossed",
            )
        return await by_network(engine, classifiers, stored, posts, on_error, watch)
    head = stored.head
    if posts is not None:
        encoders = [(block, *encoder(engine, block)) for block in head.blocks]
        made = await embedded(engine, posts, encoders, head.partial, watch)
        refuse(made.failures, on_error, len(posts))
        model, receipt = made.model, made.receipt
        rows: Sequence[NDArray[np.floating] | None] = made.rows
        failures, truncated, n, films = made.failures, made.truncated, len(posts), made.films
    else:
        assert vectors is not None
        rows, n = _arranged(head, vectors)
        failures, truncated, model, receipt = _lacking(head, rows, n), (), head.blocks[0].model, None
        films = {}
        refuse(failures, on_error, n)

    def work() -> tuple[Told, dict[int, OfFilm]]:
        told = _applied(head, concatenated(rows, head.blocks, n), crossed)
        of = {i: of_film(film, _of_frames(head, film), head.choose) for i, film in films.items()}
        return with_films(told, of, head.choose), of

    told, of = work() if n <= INLINE and not films else await engine.in_thread(work)
    return Predictions(
        task=head.task,
        labels=head.labels,
        n=n,
        failures=failures,
        truncated=truncated,
        model=model,
        receipt=receipt,
        films=of,
        **vars(told),
    )


def _applied(head: Head, x: NDArray[np.float32], crossed: bool) -> Told:
    means = head.crossed(x) if crossed else None
    if head.task == "continuous":
        values, low, high = head.values(x)
        return Told(values=values, low=low, high=high, crossed=means)
    probabilities = head.probabilities(x)
    return Told(probabilities=probabilities, chosen=head.choose(probabilities), crossed=means)


def _of_frames(head: Head, film: Film) -> Told:
    """A head that takes texts too has none of a frame."""
    rows = [film.rows if block.modality == "image" else None for block in head.blocks]
    return _applied(head, concatenated(rows, head.blocks, len(film.rows)), False)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Posts as vectors, a block for each modality."""

    rows: Sequence[NDArray[np.float32]]  # (n, d) each, NaN where an item lacks it or failed
    failures: Mapping[int, ItemFailure]
    truncated: tuple[int, ...]
    model: str
    receipt: Mapping[str, Any]
    receipts: Mapping[Modality, Mapping[str, Any]]
    films: Mapping[int, Film]  # videos, by index


async def embedded(
    engine: Engine,
    posts: Sequence[Post],
    blocks: Sequence[tuple[Block, Model, Any]],
    partial: bool,
    watch: Watch | None = None,
) -> Embedded:
    """Vectors of each block's modality. `failures` has every item that cannot be used, whichever part of it it is."""
    wanted = [block.modality for block, _, _ in blocks]
    failures: dict[int, ItemFailure] = {}
    for i, post in enumerate(posts):
        problem = unfit(post, wanted, partial)
        if problem:
            failures[i] = ItemFailure(i, post.id, *problem)
            ITEMS_FAILED.labels(problem[0]).inc()
    rows = [np.full((len(posts), block.dimension), np.nan, np.float32) for block, _, _ in blocks]
    truncated: set[int] = set()
    films: dict[int, Film] = {}

    async def one(place: int) -> None:
        block, model, decode = blocks[place]
        which = [i for i, post in enumerate(posts) if i not in failures and post.has(block.modality)]
        if not which:
            return
        items = [_part(posts[i], block.modality) for i in which]
        made: Encoded = await encode(
            engine, model, items, operation="classifiers", decode=decode, on_error="skip", watch=watch
        )
        rows[place][which] = made.vectors
        films.update((which[i], film) for i, film in made.films.items())
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
        films=films,
    )


def _part(post: Post, modality: Modality) -> Post:
    if modality == "text":
        return Post(text=post.text, id=post.id)
    return Post(image=post.image, video=post.video, id=post.id)


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
