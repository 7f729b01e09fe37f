"""Predictions of a trained classifier: items to vectors of its encoders, a head on them; or a fine-tuned network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Head, concatenate_blocks
from models.classifiers.store import Stored
from service.errors import ItemFailure, Unprocessable
from service.inference.engine import Engine
from service.inference.matching import encoder
from service.pipelines.frames import Film
from service.pipelines.items import GivenVectors, Post, check_count, refuse
from service.pipelines.predict_network import by_network
from service.pipelines.predictions import OfFilm, Predictions, Told, of_film, with_films
from service.pipelines.vectors import count, embedded
from service.pipelines.video import Watch
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
        told = _applied(head, concatenate_blocks(rows, head.blocks, n), crossed)
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
    return _applied(head, concatenate_blocks(rows, head.blocks, len(film.rows)), False)


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


def _lacking(head: Head, rows: Sequence[NDArray[np.floating] | None], n: int) -> dict[int, ItemFailure]:
    """Items whose row is NaN where it may not be."""
    there = np.stack([np.zeros(n, bool) if each is None else ~np.isnan(each).all(axis=1) for each in rows])
    bad = ~(there.any(axis=0) if head.partial else there.all(axis=0))
    taken = " and ".join(block.modality for block in head.blocks)
    return {
        i: ItemFailure(i, None, "no_vector", f"has no vector; send {taken} vectors of every item")
        for i in np.flatnonzero(bad).tolist()
    }
