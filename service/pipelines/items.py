"""Items of a request as vectors: embedded here, or as they were sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog import Modality
from models.classifiers.head import Block
from service.errors import ItemFailure, ItemsFailed, Unprocessable, shown
from service.inference.engine import Engine
from service.pipelines.classify import Embedded, count, embedded
from service.pipelines.posts import GivenVectors, Post, check_count
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
