"""Items of a request as vectors: embedded here, or as they were sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.classifiers.head import Block
from service.errors import ItemFailure, ItemsFailed, Unprocessable, shown
from service.inference.engine import Engine, Model
from service.metrics import ITEMS_FAILED
from service.pipelines.concurrency import together
from service.pipelines.encode import Encoded, encode
from service.pipelines.frames import Film
from service.pipelines.items import GivenVectors, Post, check_count, unfit
from service.pipelines.video import Watch
from service.schemas.items import Encodable

MODALITIES: tuple[Modality, ...] = ("image", "text")
LONGEST_NAME = 200  # of a model or fingerprint that a caller names


@dataclass(frozen=True, kw_only=True)
class Items:
    """Vectors of items, a block for each modality.

    Attributes
    ----------
    rows : (n, d) each; NaN where an item lacks the modality or failed. They may lie on disk.
    receipts : how they were made, by modality, where that is known.
    """

    blocks: tuple[Block, ...]
    rows: Sequence[NDArray[np.floating]]
    n: int
    ids: tuple[str, ...]
    failures: Mapping[int, ItemFailure]
    receipts: Mapping[Modality, Mapping[str, Any]]

    @property
    def model(self) -> str:
        return self.blocks[0].model

    @property
    def receipt(self) -> Mapping[str, Any]:
        """Of the first block; of vectors whose receipt was not sent, what is known of it."""
        first = self.blocks[0]
        return self.receipts.get(first.modality) or {"model": first.model, "fingerprint": first.fingerprint}


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


async def gathered(
    engine: Engine,
    request: Encodable,
    *,
    posts: Sequence[Post] | None,
    vectors: Sequence[GivenVectors] | None,
    partial: bool = False,
) -> Items:
    """Embed `posts`, or take `vectors`.

    Raises
    ------
    ItemsFailed : under on_error "fail", naming every unusable item.
    Unprocessable, TooLarge, Overloaded.
    """
    if (posts is None) == (vectors is None):
        raise Unprocessable("input: send either input or vectors", param="input")
    if posts is not None:
        return await _of_posts(engine, request, posts, partial)
    assert vectors is not None
    return _of_vectors(request, vectors)


async def _of_posts(engine: Engine, request: Encodable, posts: Sequence[Post], partial: bool) -> Items:
    check_count(engine, posts)
    model = engine.model(request.model)
    decode = request.decode or engine.settings.decode
    wanted = [modality for modality in MODALITIES if any(post.has(modality) for post in posts)]
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
    made = await embedded(engine, posts, [(block, model, decode) for block in blocks], partial)
    if made.failures and request.on_error == "fail":
        raise ItemsFailed(list(made.failures.values()), of=len(posts))
    if made.films:
        return _with_frames(request, posts, blocks, made)
    ids = request.ids or [post.id if post.id is not None else str(i) for i, post in enumerate(posts)]
    return Items(
        blocks=blocks,
        rows=made.rows,
        n=len(posts),
        ids=_checked(ids, len(posts)),
        failures=made.failures,
        receipts=made.receipts,
    )


def _with_frames(request: Encodable, posts: Sequence[Post], blocks: tuple[Block, ...], made: Embedded) -> Items:
    """Each frame of a video is an item, called after the video and its time in seconds: "clip.mp4@12.480"."""
    if request.ids is not None:
        raise Unprocessable(
            "ids: how many frames a video has is not known before; give each item an id instead", param="ids"
        )
    ids: list[str] = []
    failures: dict[int, ItemFailure] = {}
    rows: list[list[NDArray[np.float32]]] = [[] for _ in blocks]
    for i, post in enumerate(posts):
        name = post.id if post.id is not None else str(i)
        film = made.films.get(i)
        if i in made.failures:
            failures[len(ids)] = replace(made.failures[i], index=len(ids))
        ids += [name] if film is None else [f"{name}@{frame.timestamp:.3f}" for frame in film.frames]
        for place, block in enumerate(blocks):
            if film is None:
                rows[place].append(made.rows[place][i : i + 1])
            elif block.modality == "image":
                rows[place].append(film.rows)
            else:
                rows[place].append(np.full((len(film.frames), block.dimension), np.nan, np.float32))
    return Items(
        blocks=blocks,
        rows=[np.concatenate(each) for each in rows],
        n=len(ids),
        ids=tuple(ids),
        failures=failures,
        receipts=made.receipts,
    )


def _of_vectors(request: Encodable, vectors: Sequence[GivenVectors]) -> Items:
    given = sorted(vectors, key=lambda each: MODALITIES.index(each.modality))
    for name in ("model", "decode"):
        if getattr(request, name) is not None:
            raise Unprocessable(f"{name}: is for input; vectors name their own model", param=name)
    for each in given:
        for name, value in (("model", each.model), ("fingerprint", each.fingerprint)):
            if not 0 < len(value) <= LONGEST_NAME:
                raise Unprocessable(
                    f"vectors: {name} {shown(value)} is none; take it from their receipt", param="vectors"
                )
    n = count(each.rows for each in given)
    return Items(
        blocks=tuple(
            Block(modality=e.modality, model=e.model, fingerprint=e.fingerprint, dimension=e.rows.shape[1])
            for e in given
        ),
        rows=[each.rows for each in given],
        n=n,
        ids=_checked(request.ids or [str(i) for i in range(n)], n),
        failures={},
        receipts={each.modality: each.receipt for each in given if each.receipt},
    )


def _checked(ids: Sequence[str], n: int) -> tuple[str, ...]:
    if len(ids) != n:
        raise Unprocessable(f"ids: {len(ids)} for {n} items; give one for each", code="lengths_differ", param="ids")
    return tuple(ids)


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


def count(rows: Iterable[NDArray[np.floating]]) -> int:
    """How many items there are vectors of, as many of each modality. Raises Unprocessable."""
    lengths = {len(each) for each in rows}
    if len(lengths) != 1 or 0 in lengths:
        said = " and ".join(map(str, sorted(lengths))) or "none"
        raise Unprocessable(f"vectors: {said} rows; send one for each item, as many of each modality", param="vectors")
    return lengths.pop()
