"""Items of all pipelines (a text, an image or both, or a video), and vectors sent in place of items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality, VectorModality
from models.images.crops import Crop
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable
from service.inference.engine import Engine
from service.pipelines.frames import VideoInput
from service.schemas.common import OnError


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a request: a text, an image as bytes or base64 with a crop, or both; or a video."""

    text: str | None = None
    image: bytes | str | None = None
    id: str | None = None
    video: VideoInput | None = None
    crop: Crop | None = None

    def has(self, modality: Modality) -> bool:
        return self.text is not None if modality == "text" else self.image is not None or self.video is not None


@dataclass(frozen=True, kw_only=True)
class VectorInput:
    """Embeddings sent by the caller: (n, d) float32, a row of NaN for an item without a vector.

    `ids` are those that a folder states, None where it has very many.
    """

    modality: VectorModality
    model: str
    fingerprint: str
    rows: NDArray[np.floating]
    receipt: Mapping[str, Any] | None = None
    ids: Sequence[str] | None = None


def check_count(engine: Engine, items: Sequence[Item]) -> None:
    """Raise Unprocessable for no items, TooLarge for too many."""
    limit = engine.settings.max_items
    if not items:
        raise Unprocessable("input: has no items; send at least one", param="input")
    if len(items) > limit:
        raise TooLarge(
            f"input: has {len(items)} items, the limit is {limit}; send several requests, or vectors",
            code="too_many_items",
            param="input",
        )


def checked_ids(ids: Sequence[str], n: int) -> tuple[str, ...]:
    """The ids of n items. Raises Unprocessable for another number of them."""
    if len(ids) != n:
        raise Unprocessable(f"ids: {len(ids)} for {n} items; give one for each", code="lengths_differ", param="ids")
    return tuple(ids)


def item_problem(item: Item, wanted: Sequence[Modality], partial: bool) -> tuple[str, str] | None:
    """Code and message if an item lacks a wanted modality or has an unused one."""
    has: list[Modality] = [m for m in ("image", "text") if item.has(m)]
    taken = " and ".join(wanted)
    unused = [m for m in has if m not in wanted]
    if unused:
        return "unused_modality", f"has {_a(unused[0])}, which is not used; send the {taken} alone"
    lacking = [m for m in wanted if m not in has]
    if lacking and not (partial and has):
        return "missing_modality", f"has no {lacking[0]}; send {taken} of every item"
    return None


def _a(modality: Modality) -> str:
    return "an image" if modality == "image" else "a text"


def raise_if_failed(failures: Mapping[int, ItemFailure], on_error: OnError, n: int) -> None:
    if failures and on_error == "fail":
        raise ItemsFailed(list(failures.values()), of=n)
