"""Images without a model: descriptions and thumbnails. No image is kept."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.errors import ItemError
from models.images.crops import Crop
from models.images.decoding import ImageLimits, open_rgb
from models.images.further import is_first_of_many
from models.images.miniature import miniature
from models.images.perceptual import perceptual_hash
from models.images.thumbnail import thumbnail
from service.errors import ItemFailure, ItemsFailed, Unprocessable, item_failure
from service.inference.engine import Engine
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.encode import image_bytes
from service.pipelines.items import Item, check_count
from service.schemas.common import OnError


@dataclass(frozen=True, kw_only=True)
class Described:
    """Description of one image.

    Attributes
    ----------
    phash : 64 bits; None for an image of a single colour.
    first_of_many : whether it is the first of several pictures in its file.
    """

    sha256: str
    phash: int | None
    width: int
    height: int
    thumbnail: bytes | None
    first_of_many: bool = False
    miniature: bytes | None = None

    def to_json(self) -> dict[str, object]:
        """The description as JSON types."""
        return {
            "sha256": self.sha256,
            "phash": None if self.phash is None else f"{self.phash:016x}",
            "width": self.width,
            "height": self.height,
            "thumbnail": None if self.thumbnail is None else base64.b64encode(self.thumbnail).decode(),
            "miniature": None if self.miniature is None else base64.b64encode(self.miniature).decode(),
        }


async def describe(
    engine: Engine,
    items: Sequence[Item],
    *,
    side: int | None = None,
    blurred: bool = False,
    small: bool = False,
    on_error: OnError,
) -> tuple[Mapping[int, Described], Mapping[int, ItemFailure]]:
    """Descriptions of images, with miniatures if `small`, and failures by index.

    Raises ItemsFailed, Unprocessable, TooLarge.
    """
    check_count(engine, items)
    found: dict[int, Described] = {}
    failures: dict[int, ItemFailure] = {}

    def look(i: int, item: Item, limits: ImageLimits) -> None:
        if item.image is None or item.text is not None:
            failures[i] = ItemFailure(i, item.id, "missing_modality", "is no image; send images alone")
            return
        try:
            data = image_bytes(item.image, limits.max_bytes)
            picture = open_rgb(data, limits=limits, crop=item.crop)
        except ItemError as exc:
            failures[i] = item_failure(i, item.id, exc, item.crop)
            return
        found[i] = Described(
            sha256=hashlib.sha256(data).hexdigest(),
            phash=perceptual_hash(picture),
            width=picture.width,
            height=picture.height,
            thumbnail=None if side is None else thumbnail(picture, side=side, blurred=blurred),
            first_of_many=is_first_of_many(data),
            miniature=miniature(picture) if small else None,
        )

    await asyncio.gather(*(engine.decode(partial(look, i, item)) for i, item in enumerate(items)))
    for failure in failures.values():
        ITEMS_FAILED.labels(failure.code).inc()
    if failures and on_error == "fail":
        raise ItemsFailed([failures[i] for i in sorted(failures)], of=len(items))
    ITEMS.labels("images", "image").inc(len(found))
    return found, failures


async def miniatures(engine: Engine, items: Sequence[Item]) -> tuple[dict[int, bytes], list[int]]:
    """Miniatures of the items' images by index, and the indexes of images of a single colour.

    Images that cannot be decoded are left out: whoever embeds them reports them.
    """
    found: dict[int, bytes] = {}
    blank: list[int] = []

    def look(i: int, image: bytes | str, crop: Crop | None, limits: ImageLimits) -> None:
        try:
            picture = open_rgb(image_bytes(image, limits.max_bytes), limits=limits, crop=crop)
        except ItemError:
            return
        found[i] = miniature(picture)
        if perceptual_hash(picture) is None:
            blank.append(i)

    there = [(i, item.image, item.crop) for i, item in enumerate(items) if item.image is not None]
    await asyncio.gather(*(engine.decode(partial(look, *each)) for each in there))
    return found, sorted(blank)


async def thumbnails(
    engine: Engine, items: Sequence[Item], *, side: int = 160, quality: int = 80, blurred: bool = False
) -> dict[str, bytes]:
    """Thumbnails by id, for a page. Raises ItemsFailed, Unprocessable."""
    failures: list[ItemFailure] = []
    pictures: dict[str, bytes] = {}

    def shrink(i: int, item: Item, limits: ImageLimits) -> None:
        try:
            if item.image is None or item.id is None:
                raise Unprocessable(f"input[{i}]: send images with the ids of items", param=f"input[{i}]")
            picture = open_rgb(image_bytes(item.image, limits.max_bytes), limits=limits, crop=item.crop)
            pictures[item.id] = thumbnail(picture, side=side, quality=quality, blurred=blurred)
        except ItemError as exc:
            failures.append(item_failure(i, item.id, exc, item.crop))

    await asyncio.gather(*(engine.decode(partial(shrink, i, item)) for i, item in enumerate(items)))
    if failures:
        raise ItemsFailed(sorted(failures, key=lambda each: each.index), of=len(items))
    return pictures
